/* SPDX-License-Identifier: MIT */
/* Finding other processes' sessions, watching them, giving them back.
 * Why: see family.h.
 * Rules: as there. */
#include "model/family.h"

#include "wire/guard.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { QUIET_ROUNDS = 2, LAST_ROUNDS = 16, FREE_RINGS = 1 };

/* --- words of a session --------------------------------------------------------------------- */

struct words {
    const struct mapping *mapping;
    uint32_t made, follow, pid, parent_pid, wanted, sources, on_full, modes_vary;
    char command[sizeof(((struct session_header *)NULL)->command)];
};

static int read_guarded(void *context)
{
    struct words *words = context;
    const struct session_header *header = mapping_header(words->mapping);
    words->made = atomic_load_explicit(&header->children_made, memory_order_acquire);
    words->follow = atomic_load(&header->follow_children);
    words->pid = atomic_load(&header->target_pid);
    words->wanted = atomic_load(&header->wanted);
    words->sources = atomic_load(&header->sources_wanted);
    words->on_full = atomic_load(&header->on_full);
    words->modes_vary = atomic_load(&header->modes_vary);
    words->parent_pid = header->parent_pid;
    memcpy(words->command, header->command, sizeof(words->command) - 1);
    return 0;
}

static bool read_words(const struct mapping *mapping, struct words *words)
{
    *words = (struct words){.mapping = mapping};
    return guard_run(read_guarded, words) == 0;
}

struct sums_call {
    const struct mapping *mapping;
    struct family_sums *sums;
};

static int sums_guarded(void *context)
{
    struct sums_call *call = context;
    const struct session_header *header = mapping_header(call->mapping);
    struct family_sums *sums = call->sums;
    sums->ringless_lost += atomic_load(&header->ringless_lost);
    sums->definitions_refused += atomic_load(&header->definitions_refused);
    sums->stack_guards += atomic_load(&header->stack_guards);
    sums->stack_guard_ticks += atomic_load(&header->stack_guard_ticks);
    sums->forks_unfollowed += atomic_load(&header->forks_unfollowed);
    if (atomic_load(&header->off_cause) != OFF_WANTED)
        sums->off_cause = atomic_load(&header->off_cause);
    return 0;
}

void family_read_sums(const struct mapping *mapping, struct family_sums *sums)
{
    struct sums_call call = {mapping, sums};
    guard_run(sums_guarded, &call);
}

void family_add_sums(struct collector *collector, struct family_sums *sums, uint64_t *lost,
                     uint64_t *nested)
{
    const struct family_sums *gone = &collector->family_sums;
    sums->ringless_lost += gone->ringless_lost;
    sums->definitions_refused += gone->definitions_refused;
    sums->stack_guards += gone->stack_guards;
    sums->stack_guard_ticks += gone->stack_guard_ticks;
    sums->forks_unfollowed += gone->forks_unfollowed;
    if (gone->off_cause != OFF_WANTED)
        sums->off_cause = gone->off_cause;
    *lost += collector->family_lost;
    *nested += collector->family_nested;
    for (struct member *member = collector->members; member; member = member->next) {
        uint64_t member_lost, member_nested;
        if (member->drained)
            continue;
        family_read_sums(&member->mapping, sums);
        drain_losses(&member->drain, &member_lost, &member_nested);
        *lost += member_lost;
        *nested += member_nested;
    }
}

struct track *family_find_tid(struct drain *first, uint32_t tid)
{
    /* The youngest first: a process that has become another program has its thread id still. */
    for (struct drain *drain = first->next; drain; drain = drain->next) {
        struct track *track = drain_find_tid(drain, tid);
        if (track)
            return track;
    }
    return drain_find_tid(first, tid);
}

/* --- finding -------------------------------------------------------------------------------- */

/* Under the lock. */
static void link_drains(struct collector *collector)
{
    struct drain *last = &collector->drain;
    for (struct member *member = collector->members; member; member = member->next) {
        if (member->drained)
            continue;
        last->next = &member->drain;
        last = &member->drain;
    }
    last->next = NULL;
}

static bool is_known(const struct collector *collector, const char *name)
{
    for (const struct member *member = collector->members; member; member = member->next)
        if (strcmp(member->name, name) == 0)
            return true;
    return false;
}

static void free_member(struct member *member)
{
    mapping_unlink(&member->mapping);
    mapping_close(&member->mapping);
    if (member->pid_fd >= 0)
        close(member->pid_fd);
    free(member);
}

static struct process *new_process(void)
{
    struct process *process = calloc(1, sizeof(*process));
    if (!process || model_init_process(process)) {
        free(process);
        return NULL;
    }
    return process;
}

static struct member *open_member(const char *path, const char *name)
{
    struct member *member = calloc(1, sizeof(*member));
    struct words words;
    if (!member)
        return NULL;
    member->pid_fd = -1;
    snprintf(member->name, sizeof(member->name), "%s", name);
    if (mapping_open(path, &member->mapping)) {
        free(member);
        return NULL;
    }
    if (!read_words(&member->mapping, &words) || words.pid == 0 ||
        mapping_adopt(&member->mapping) || !(member->process = new_process())) {
        free(member->mapping.path);
        member->mapping.path = NULL; /* it stays: it may be whole the next time */
        free_member(member);
        return NULL;
    }
    member->process->pid = words.pid;
    member->process->parent_pid = words.parent_pid;
    memcpy(member->process->command, words.command, sizeof(member->process->command) - 1);
    member->pid_fd = (int)syscall(SYS_pidfd_open, (pid_t)words.pid, 0);
    if (member->pid_fd < 0 && errno == ESRCH)
        atomic_store(&member->ended, true);
    else
        member->first_rings = keeper_count_threads((pid_t)words.pid);
    return member;
}

struct want_call {
    const struct mapping *mapping;
    const struct words *root;
    bool again;
};

/* What was wanted of all since the child copied the words. With a budget it hears all again besides: the
 * fork's child of a process in which functions were silent has them silent, and may have missed the call. */
static int want_guarded(void *context)
{
    const struct want_call *call = context;
    struct session_header *header = mapping_header(call->mapping);
    const struct words *root = call->root;
    if (atomic_load(&header->wanted) == root->wanted &&
        atomic_load(&header->sources_wanted) == root->sources &&
        atomic_load(&header->on_full) == root->on_full &&
        atomic_load(&header->modes_vary) == root->modes_vary && !call->again)
        return 0;
    atomic_store(&header->wanted, root->wanted);
    atomic_store(&header->sources_wanted, root->sources);
    atomic_store(&header->on_full, root->on_full);
    atomic_store(&header->modes_vary, root->modes_vary);
    atomic_fetch_add_explicit(&header->switch_serial, 1, memory_order_release);
    return 0;
}

static void adopt(struct collector *collector, struct member *member)
{
    struct words root;
    struct model *model = &collector->model;
    struct drain *drain = &member->drain;
    collector_enter(collector);
    model_tell_process(model, member->process);
    model_enter(model, member->process);
    int result = drain_init(drain, &member->mapping, model, collector->drain.clock);
    if (result == 0) {
        drain->process = member->process;
        drain->before_events = collector->drain.before_events;
        drain->before_events_context = collector->drain.before_events_context;
        member->next = collector->members;
        collector->members = member;
        link_drains(collector);
        if (collector->process_count < FAMILY_PROCESSES)
            collector->processes[collector->process_count++] = member->process;
        struct want_call call = {&member->mapping, &root, collector->budget.on};
        if (read_words(collector->mapping, &root))
            guard_run(want_guarded, &call);
    }
    if (result) {
        model_end_process(model, member->process);
        free(member->process);
    }
    collector_leave(collector);
    if (result)
        free_member(member);
}

/* The sessions of this family in the directory of the first: PID-RANDOM[.N]. */
static bool is_of_family(const char *name, const char *random)
{
    size_t digits = strspn(name, "0123456789"), size = strlen(random);
    if (digits == 0 || strncmp(name + digits, random, size) != 0)
        return false;
    const char *rest = name + digits + size;
    return !*rest || (*rest == '.' && strspn(rest + 1, "0123456789") == strlen(rest + 1));
}

/* False: some session could not be opened (yet). */
static bool find_members(struct collector *collector, bool last)
{
    char path[PATH_MAX];
    const char *slash = collector->mapping->path ? strrchr(collector->mapping->path, '/') : NULL;
    const char *random = slash ? strchr(slash, '-') : NULL;
    if (!random)
        return true;
    bool all = true;
    int size = (int)(slash - collector->mapping->path);
    snprintf(path, sizeof(path), "%.*s", size, collector->mapping->path);
    DIR *directory = opendir(path);
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        if (!is_of_family(entry->d_name, random) || strcmp(entry->d_name, slash + 1) == 0 ||
            strlen(entry->d_name) >= FAMILY_NAME_SIZE || is_known(collector, entry->d_name) ||
            (size_t)snprintf(path, sizeof(path), "%.*s/%s", size, collector->mapping->path,
                             entry->d_name) >= sizeof(path))
            continue;
        struct member *member = open_member(path, entry->d_name);
        if (member)
            adopt(collector, member);
        else if (last)
            unlink(path); /* of a process that was killed while it made it */
        all = all && member;
    }
    if (directory)
        closedir(directory);
    return all;
}

/* --- keeping -------------------------------------------------------------------------------- */

static bool has_ended(const struct member *member)
{
    struct pollfd look = {.fd = member->pid_fd, .events = POLLIN};
    if (member->pid_fd >= 0)
        return poll(&look, 1, 0) > 0;
    return kill((pid_t)member->process->pid, 0) && errno == ESRCH;
}

static void watch(struct collector *collector)
{
    for (struct member *member = collector->members; member; member = member->next) {
        if (atomic_load(&member->ended) || !has_ended(member))
            continue;
        member->end_counter = clock_counter(collector->scale.source);
        atomic_store_explicit(&member->ended, true, memory_order_release);
    }
}

static int add_rings_guarded(void *context)
{
    struct member *member = context;
    while ((mapping_free_rings(&member->mapping) < FREE_RINGS ||
            member->mapping.rings_made <= member->first_rings) &&
           mapping_add_ring(&member->mapping) == 0)
        atomic_store_explicit(&member->drain.ring_count, member->mapping.rings_made,
                              memory_order_release);
    return 0;
}

/* The keeper alone changes the list, so it may walk it without the lock. */
static void give_back(struct collector *collector)
{
    struct member **link = &collector->members;
    while (*link) {
        struct member *member = *link;
        if (!member->drained) {
            link = &member->next;
            continue;
        }
        collector_enter(collector);
        *link = member->next;
        collector_leave(collector);
        free_member(member);
    }
}

void family_keep(struct collector *collector)
{
    struct words root;
    if (!collector->options.follow_children || !read_words(collector->mapping, &root))
        return;
    if (root.made != collector->children_found) {
        if (find_members(collector, false))
            collector->children_found = root.made;
    }
    watch(collector);
    for (struct member *member = collector->members; member; member = member->next)
        if (!atomic_load(&member->ended))
            guard_run(add_rings_guarded, member);
    give_back(collector);
}

/* --- reading -------------------------------------------------------------------------------- */

/* Too many to show each: the numbers of this one go to all the others'. */
static void fold_process(struct collector *collector, struct process *process)
{
    for (uint32_t i = 0; i < collector->process_count; i++)
        if (collector->processes[i] == process)
            return;
    collector->process_rest.ended_calls += process->ended_calls;
    collector->process_rest.ended_lost += process->ended_lost;
    collector->processes_folded++;
    free(process);
}

static void end_member(struct collector *collector, struct member *member, uint64_t counter)
{
    uint64_t lost, nested;
    family_read_sums(&member->mapping, &collector->family_sums);
    collector_end_drain(collector, &member->drain, counter, atomic_load(&member->ended));
    drain_losses(&member->drain, &lost, &nested);
    collector->family_lost += lost;
    collector->family_nested += nested;
    collector->family_execs += member->drain.execs;
    model_end_process(&collector->model, member->process);
    fold_process(collector, member->process);
    member->process = NULL;
    drain_done(&member->drain);
    member->drained = true;
    link_drains(collector);
}

uint64_t family_round(struct collector *collector)
{
    uint64_t consumed = 0;
    for (struct member *member = collector->members; member; member = member->next) {
        if (member->drained)
            continue;
        /* Read before the round: what a process had written when it ended is in it, or in the next. */
        bool ended = atomic_load_explicit(&member->ended, memory_order_acquire);
        uint64_t step = drain_round(&member->drain);
        consumed += step;
        member->quiet_rounds = ended && step == 0 ? member->quiet_rounds + 1 : 0;
        if (member->quiet_rounds >= QUIET_ROUNDS)
            end_member(collector, member,
                       member->end_counter ? member->end_counter
                                           : clock_counter(collector->scale.source));
    }
    return consumed;
}

/* Nobody drains or keeps any more. */
void family_finish(struct collector *collector, uint64_t counter)
{
    if (!collector->options.follow_children)
        return;
    find_members(collector, true);
    collector_enter(collector);
    for (int round = 0; round < LAST_ROUNDS && (family_round(collector) || round < QUIET_ROUNDS);
         round++)
        continue;
    watch(collector);
    for (struct member *member = collector->members; member; member = member->next)
        if (!member->drained)
            end_member(collector, member, counter);
    collector_leave(collector);
    give_back(collector);
}

void family_done(struct collector *collector)
{
    model_enter(&collector->model, &collector->model.first);
    while (collector->members) {
        struct member *member = collector->members;
        collector->members = member->next;
        if (!member->drained) {
            model_end_process(&collector->model, member->process);
            drain_done(&member->drain);
        }
        free_member(member);
    }
    for (uint32_t i = 0; i < collector->process_count; i++)
        free(collector->processes[i]);
    free(collector->processes);
    collector->processes = NULL;
}
