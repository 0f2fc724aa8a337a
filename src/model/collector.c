/* SPDX-License-Identifier: MIT */
/* The collector: its threads, its lock, its ends.
 * Why: see collector.h and collector_parts.h.
 * Rules: signals are left to the threads of cmd. A round may be done by any thread that holds the
 * lock: a snapshot first folds what is there, itself, so it is never behind. */
#include "model/collector.h"

#include "model/family.h"
#include "model/io_lookup.h"
#include "model/rules_slots.h"
#include "model/schedstat.h"
#include "model/stolen.h"
#include "wire/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    FIRST_SLEEP_NS = 50 * 1000,
    FULL_SHARE = 32, /* of 256: a ring this full after a sleep means: sleep less */
    IDLE_SHARE = 8,  /* ... and below this: sleep longer */
    BUSY_SHARE = 64, /* ... and from here on: do not sleep */
    LAST_ROUNDS = 16,
};

/* --- the lock and time ---------------------------------------------------------------------- */

void collector_enter(struct collector *collector)
{
    pthread_mutex_lock(&collector->gate);
    pthread_mutex_lock(&collector->lock);
    pthread_mutex_unlock(&collector->gate);
}

void collector_leave(struct collector *collector)
{
    pthread_mutex_unlock(&collector->lock);
}

static uint64_t now(const struct collector *collector)
{
    const struct collector_past *past = collector->options.past;
    return past ? past->now : clock_counter(collector->scale.source);
}

static uint64_t thread_cpu_ns(pthread_t thread)
{
    clockid_t id;
    struct timespec time;
    if (pthread_getcpuclockid(thread, &id) || clock_gettime(id, &time))
        return 0;
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

static uint64_t second_ticks(const struct collector *collector)
{
    return (uint64_t)(1e9 / collector->scale.ns_per_tick);
}

static void tick(struct collector *collector, uint64_t counter)
{
    struct model *model = &collector->model;
    if (!collector->options.past)
        clock_scale_refresh(&collector->scale);
    if (model->watch)
        model->watch->ns_per_tick = collector->scale.ns_per_tick;
    if (atomic_load_explicit(&collector->started, memory_order_acquire))
        collector->cpu_ns = thread_cpu_ns(collector->drain_thread) +
                            thread_cpu_ns(collector->keeper_thread);
    model_flush(model, counter);
    budget_settle(collector, counter);
    model_tick(model, counter);
    collector_see_rss(collector);
    collector_tell_words(collector, counter);
    collector->cpu_seconds_ns[model->windows.newest] = collector->cpu_ns - collector->cpu_seen_ns;
    collector->cpu_seen_ns = collector->cpu_ns;
    collector->next_tick = counter + second_ticks(collector);
}

static int read_stdlib(void *context)
{
    struct collector *collector = context;
    struct sites *sites = collector->options.sites;
    memcpy(sites->stdlib, mapping_header(collector->mapping)->stdlib, sizeof(sites->stdlib) - 1);
    return 0;
}

/* The probe calibrates itself, and says what it runs in, before its first event: it is there by now. */
static void before_events(void *context, struct drain *drain)
{
    struct collector *collector = context;
    if (collector->options.corrected)
        model_set_costs(&collector->model, &drain->words.costs);
    if (collector->options.sites && !collector->options.sites->stdlib[0]) {
        guard_run(read_stdlib, collector);
        if (collector->options.sites->stdlib[0])
            collector_tell_sites(collector);
    }
    off_cpu_read(&collector->off_cpu, &collector->drain, &collector->scale);
}

static uint64_t round_of(struct collector *collector, uint64_t *ret_counter)
{
    uint64_t counter = now(collector);
    uint64_t consumed = drain_round(&collector->drain);
    consumed += family_round(collector);
    if (counter >= collector->next_tick)
        tick(collector, counter);
    *ret_counter = counter;
    return consumed;
}

uint64_t collector_catch_up(struct collector *collector)
{
    uint64_t counter;
    if (collector->end_counter)
        return collector->end_counter;
    round_of(collector, &counter);
    /* An order of the control ring (OFF, say) is obeyed a round after it was read: time that passed
     * since must not be given out before that. */
    uint64_t later;
    round_of(collector, &later);
    model_flush(&collector->model, counter);
    budget_settle(collector, counter);
    return counter;
}

/* --- the drain thread ----------------------------------------------------------------------- */

struct sleep_call {
    struct collector *collector;
    uint32_t sleeping;
    long ns; /* 0: only say so */
};

/* Barrier partner: probe/writer.c reads `sleeping` after it has published its head. */
static int sleep_guarded(void *context)
{
    struct sleep_call *call = context;
    _Atomic uint32_t *sleeping = &mapping_header(call->collector->mapping)->sleeping;
    if (call->ns) {
        struct timespec timeout = {.tv_nsec = call->ns};
        syscall(SYS_futex, sleeping, FUTEX_WAIT, 1, &timeout, NULL, 0);
    }
    atomic_store(sleeping, call->sleeping);
    return 0;
}

static bool has_more(struct collector *collector)
{
    bool more = false;
    collector_enter(collector);
    for (struct drain *drain = &collector->drain; drain; drain = drain->next)
        more = more || drain_has_more(drain);
    collector_leave(collector);
    return more || atomic_load(&collector->stop);
}

/* First says that it sleeps, then looks again, then sleeps: a producer that wrote in between either
 * is seen or wakes us. */
static void sleep_a_while(struct collector *collector, long ns)
{
    struct sleep_call announce = {collector, 1, 0}, sleep = {collector, 0, ns};
    int result = guard_run(sleep_guarded, &announce);
    if (has_more(collector))
        sleep.ns = 0;
    if (result == 0)
        result = guard_run(sleep_guarded, &sleep);
    if (result == -EFAULT) {
        struct timespec pause = {.tv_nsec = COLLECTOR_IDLE_NS};
        nanosleep(&pause, NULL);
    }
}

/* Sleeps as long as the rings let it: a slow program costs twenty wakes a second, a fast one none. */
static long next_sleep_ns(uint32_t fullest, long ns)
{
    if (fullest >= FULL_SHARE)
        ns /= 2;
    else if (fullest < IDLE_SHARE)
        ns *= 2;
    if (ns < FIRST_SLEEP_NS)
        ns = FIRST_SLEEP_NS;
    return ns < COLLECTOR_IDLE_NS ? ns : COLLECTOR_IDLE_NS;
}

static void pin(const struct collector *collector)
{
    cpu_set_t set;
    if (collector->options.cpu < 0 || collector->options.cpu >= CPU_SETSIZE)
        return;
    CPU_ZERO(&set);
    CPU_SET((size_t)collector->options.cpu, &set);
    pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

/* *ret_poor: the keeper has rings to add, or children to find. */
static uint32_t fullest_ring(const struct collector *collector, bool *ret_poor)
{
    const struct drain *first = &collector->drain;
    uint32_t fullest = first->fullest;
    *ret_poor = first->free_rings < COLLECTOR_FREE_RINGS ||
                first->words.children_made != atomic_load(&collector->children_found);
    for (const struct drain *drain = first->next; drain; drain = drain->next) {
        fullest = drain->fullest > fullest ? drain->fullest : fullest;
        *ret_poor = *ret_poor || drain->free_rings == 0;
    }
    return fullest;
}

/* What has no room yet stays in the rings, and a full ring has its own rules. */
static void wait_for_tap(const struct collector *collector)
{
    enum { TAP_WAIT_NS = 200 * 1000 };
    struct tap *tap = collector->options.tap;
    struct timespec pause = {.tv_nsec = TAP_WAIT_NS};
    while (tap && tap->is_full && tap->is_full(tap) && !atomic_load(&collector->stop))
        nanosleep(&pause, NULL);
}

static void *drain_run(void *context)
{
    struct collector *collector = context;
    long sleep_ns = FIRST_SLEEP_NS;
    pin(collector);
    while (!atomic_load(&collector->stop)) {
        uint64_t counter;
        collector_enter(collector);
        round_of(collector, &counter);
        budget_round(collector, counter);
        bool poor;
        uint32_t fullest = fullest_ring(collector, &poor);
        sleep_ns = next_sleep_ns(fullest, sleep_ns);
        long most_ns = budget_sleep_ns(collector, sleep_ns);
        poor |= io_lookup_is_wanted(collector);
        collector_leave(collector);
        if (poor)
            sem_post(&collector->keeper_wake);
        if (fullest < BUSY_SHARE)
            sleep_a_while(collector, most_ns);
        wait_for_tap(collector);
    }
    return NULL;
}

/* --- life ----------------------------------------------------------------------------------- */

static int read_clock(void *context)
{
    const struct mapping *mapping = context;
    return (int)(mapping_header(mapping)->clock_kind & 3);
}

/* A counter that this machine does not have would be read as the monotonic clock: so be it. */
static enum clock_source session_clock(struct mapping *mapping)
{
    int kind = guard_run(read_clock, mapping);
    return kind > 0 ? (enum clock_source)kind : CLOCK_MONOTONIC_NS;
}

static int read_sources(void *context)
{
    struct collector *collector = context;
    uint32_t sources = atomic_load(&mapping_header(collector->mapping)->sources_wanted);
    collector->source_times.now = collector->source_times.ever = sources;
    budget_steps_begin(collector, collector->options.sources | sources, sources);
    return 0;
}

static void begin_time(struct collector *collector, enum clock_source clock)
{
    const struct collector_past *past = collector->options.past;
    if (past) {
        collector->scale = past->scale;
        collector->birth_counter = past->birth_counter;
        collector->birth.tv_sec = (time_t)(past->birth_time_ns / UINT64_C(1000000000));
        collector->birth.tv_nsec = (long)(past->birth_time_ns % UINT64_C(1000000000));
        collector->drain.past_now = &past->now;
        return;
    }
    clock_scale_init(&collector->scale, clock);
    collector->birth_counter = now(collector);
    clock_gettime(CLOCK_REALTIME, &collector->birth);
}

struct collector *collector_new(struct mapping *mapping, const struct collector_options *options)
{
    struct collector *collector = calloc(1, sizeof(*collector));
    struct model_options model = {.node_limit = options->node_limit};
    if (!collector)
        return NULL;
    collector->mapping = mapping;
    collector->options = *options;
    collector->processes = calloc(FAMILY_PROCESSES, sizeof(struct process *));
    if (!collector->processes) {
        free(collector);
        return NULL;
    }
    guard_install();
    if (model_init(&collector->model, &model)) {
        free(collector->processes);
        free(collector);
        return NULL;
    }
    collector->model.tap = options->tap;
    if (options->tap)
        options->tap->model = &collector->model;
    enum clock_source clock = session_clock(mapping);
    if ((options->keeps_calls && kept_start(&collector->model)) ||
        budget_init(collector, options->budget_pct) ||
        drain_init(&collector->drain, mapping, &collector->model, clock)) {
        budget_done(collector);
        model_done(&collector->model);
        free(collector->processes);
        free(collector);
        return NULL;
    }
    collector->model.symbols.sites = options->sites;
    if (options->budget_pct > 0 ||
        (options->sites && (options->sites->count > 0 || options->sites->rules)))
        model_vary(&collector->model);
    collector->model.by_process = options->by_process;
    collector->model.windows.unkept = options->whole_only;
    collector->model.by_thread = options->by_thread;
    guard_run(read_sources, collector);
    begin_time(collector, clock);
    collector->model.watch = options->watch;
    if (options->watch)
        options->watch->ns_per_tick = collector->scale.ns_per_tick;
    windows_reset(&collector->model.windows, &collector->model.nodes, now(collector), 0);
    off_cpu_init(&collector->off_cpu, options->target, options->no_perf);
    collector->model.by_records = collector->off_cpu.records != NULL;
    if (collector->model.by_records || !options->no_pids) {
        collector->model.gap_ticks = (uint64_t)(SCHEDSTAT_GAP_NS / collector->scale.ns_per_tick);
        collector->model.on_gap = schedstat_note_gap;
    }
    collector_tell_begin(collector, collector->model.windows.from);
    collector->next_tick = now(collector) + second_ticks(collector);
    collector->drain.before_events = before_events;
    collector->drain.before_events_context = collector;
    pthread_mutex_init(&collector->gate, NULL);
    pthread_mutex_init(&collector->lock, NULL);
    pthread_mutex_init(&collector->snapshots, NULL);
    sem_init(&collector->keeper_wake, 0, 0);
    return collector;
}

int collector_start(struct collector *collector)
{
    sigset_t all, old;
    sigfillset(&all);
    /* A fault in guarded memory must reach the thread that ran into it. */
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int result = pthread_create(&collector->drain_thread, NULL, drain_run, collector);
    if (result == 0) {
        result = pthread_create(&collector->keeper_thread, NULL, keeper_run, collector);
        atomic_store_explicit(&collector->started, result == 0, memory_order_release);
        if (result) {
            atomic_store(&collector->stop, true);
            pthread_join(collector->drain_thread, NULL);
        }
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return -result;
}

static int wake_guarded(void *context)
{
    struct collector *collector = context;
    _Atomic uint32_t *sleeping = &mapping_header(collector->mapping)->sleeping;
    atomic_store(sleeping, 0);
    syscall(SYS_futex, sleeping, FUTEX_WAKE, 1, NULL, NULL, 0);
    return 0;
}

static void stop_threads(struct collector *collector)
{
    if (!collector->started)
        return;
    atomic_store(&collector->stop, true);
    guard_run(wake_guarded, collector);
    sem_post(&collector->keeper_wake);
    uint64_t cpu_ns = thread_cpu_ns(collector->drain_thread) +
                      thread_cpu_ns(collector->keeper_thread);
    pthread_join(collector->drain_thread, NULL);
    pthread_join(collector->keeper_thread, NULL);
    collector->cpu_ns = cpu_ns;
    collector->started = false;
}

void collector_note_end(struct collector *collector, uint64_t counter)
{
    collector_enter(collector);
    control_end(&collector->drain, counter, false);
    collector_leave(collector);
}

void collector_note_cpu(struct collector *collector, uint64_t cpu_ns)
{
    collector->end_target_cpu_ns = cpu_ns;
}

struct cpu_words {
    const struct mapping *mapping;
    uint32_t pid;
    uint64_t on_ns, recorded_ns;
};

static int read_cpu_words(void *context)
{
    struct cpu_words *words = context;
    const struct session_header *header = mapping_header(words->mapping);
    words->pid = atomic_load(&header->target_pid);
    words->on_ns = atomic_load(&header->cpu_on_ns);
    words->recorded_ns = atomic_load(&header->cpu_recorded_ns);
    return 0;
}

uint64_t collector_see_rss(struct collector *collector)
{
    uint64_t bytes = 0;
    if (!collector->model.memory.sites)
        return 0;
    for (const struct drain *drain = &collector->drain; drain; drain = drain->next) {
        bool first = drain == &collector->drain && collector->options.target > 0;
        bytes += stolen_process_rss(first ? collector->options.target : (pid_t)drain->process->pid);
    }
    if (bytes)
        collector->rss_bytes = bytes;
    return collector->rss_bytes;
}

uint64_t collector_target_cpu_ns(const struct collector *collector)
{
    struct cpu_words words = {.mapping = collector->mapping};
    pid_t target = collector->options.target;
    /* Another process's clock than the direct child's cannot be read at its end. */
    if (guard_run(read_cpu_words, &words) || target <= 0 || words.pid != (uint32_t)target)
        return 0;
    uint64_t now_ns = collector->end_target_cpu_ns ? collector->end_target_cpu_ns
                                                   : stolen_process_cpu_ns(target);
    if (words.on_ns && now_ns > words.on_ns)
        words.recorded_ns += now_ns - words.on_ns;
    return words.recorded_ns;
}

void collector_end_drain(struct collector *collector, struct drain *drain, uint64_t counter,
                         bool died)
{
    uint64_t since = drain->on_counter > collector->spans_since ? drain->on_counter
                                                                : collector->spans_since;
    bool cuts = died && (drain->on || drain->died_on) &&
                (collector->source_times.now & SOURCE_SPANS);
    uint64_t end = drain->died_on ? drain->off_counter : counter;
    drain_end(drain, counter);
    if (cuts)
        spans_cut(&collector->model, drain->process, since, end);
}

void collector_finish(struct collector *collector, uint64_t end_counter)
{
    if (collector->end_counter)
        return;
    stop_threads(collector);
    uint64_t counter;
    collector_enter(collector);
    /* Orders are due a round after they were read; a target that goes on writing is not waited for. */
    for (int round = 0; round < LAST_ROUNDS && (round_of(collector, &counter) || round < 2);
         round++)
        continue;
    collector_leave(collector);
    family_finish(collector, end_counter ? end_counter : counter);
    collector_enter(collector);
    collector_end_drain(collector, &collector->drain, end_counter ? end_counter : counter,
                        end_counter != 0);
    budget_settle(collector, end_counter ? end_counter : counter);
    collector->end_counter = end_counter ? end_counter : counter;
    collector_tell_words(collector, collector->end_counter);
    collector_leave(collector);
}

void collector_free(struct collector *collector)
{
    if (!collector)
        return;
    stop_threads(collector);
    off_cpu_done(&collector->off_cpu);
    budget_done(collector);
    family_done(collector);
    drain_done(&collector->drain);
    model_done(&collector->model);
    moment_done(&collector->scratch);
    sem_destroy(&collector->keeper_wake);
    pthread_mutex_destroy(&collector->snapshots);
    pthread_mutex_destroy(&collector->lock);
    pthread_mutex_destroy(&collector->gate);
    free(collector);
}

/* --- wishes --------------------------------------------------------------------------------- */

void collector_losses(struct collector *collector, uint64_t *ret_lost, uint64_t *ret_nested)
{
    struct family_sums sums = {0};
    drain_losses(&collector->drain, ret_lost, ret_nested);
    family_read_sums(collector->mapping, &sums);
    family_add_sums(collector, &sums, ret_lost, ret_nested);
    *ret_lost += sums.ringless_lost;
}

void collector_reset(struct collector *collector)
{
    collector_enter(collector);
    uint64_t counter = collector_catch_up(collector);
    collector_losses(collector, &collector->lost_baseline, &collector->nested_baseline);
    collector->events_baseline = collector->model.events_read;
    collector->gaps_baseline = collector->model.gaps;
    collector->on_baseline_ticks = drain_on_ticks(&collector->drain, counter);
    collector->priced_baseline = collector->model.priced;
    collector->off_baseline_ticks = drain_off_ticks(&collector->drain, counter);
    collector->target_cpu_baseline_ns = collector_target_cpu_ns(collector);
    collector_forget_sources(collector, drain_on_ticks(&collector->drain, counter));
    for (struct drain *drain = &collector->drain; drain; drain = drain->next)
        rules_slots_begin_anew(drain);
    model_reset(&collector->model, counter);
    budget_reset(collector, counter);
    for (struct member *member = collector->members; member; member = member->next) {
        if (!member->drained) {
            model_enter(&collector->model, member->process);
            suspended_reset(&collector->model.suspended);
        }
    }
    for (uint32_t i = 0; i < collector->process_count; i++)
        collector->processes[i]->ended_calls = collector->processes[i]->ended_lost = 0;
    collector->start_counter = counter;
    collector_tell_words(collector, counter);
    collector_leave(collector);
}

struct want_call {
    const struct mapping *mapping;
    bool on;
};

static int want_guarded(void *context)
{
    const struct want_call *call = context;
    struct session_header *header = mapping_header(call->mapping);
    atomic_store_explicit(&header->wanted, call->on ? WANTED_ON : WANTED_OFF, memory_order_relaxed);
    atomic_fetch_add_explicit(&header->switch_serial, 1, memory_order_release);
    return 0;
}

void collector_want(struct collector *collector, bool on)
{
    struct want_call call = {collector->mapping, on};
    collector_enter(collector);
    guard_run(want_guarded, &call);
    for (struct drain *drain = collector->drain.next; drain; drain = drain->next) {
        call.mapping = drain->mapping;
        guard_run(want_guarded, &call);
    }
    collector_leave(collector);
}

static int switched_guarded(void *context)
{
    struct session_header *header = context;
    return atomic_load_explicit(&header->switch_done, memory_order_acquire) ==
           atomic_load_explicit(&header->switch_serial, memory_order_relaxed);
}

size_t collector_children(struct collector *collector, struct collector_child *list, size_t most)
{
    size_t count = 0;
    collector_enter(collector);
    for (struct member *member = collector->members; member && count < most;
         member = member->next) {
        if (member->drained || atomic_load(&member->ended))
            continue;
        list[count++] = (struct collector_child){
            .pid = (pid_t)member->process->pid,
            .pid_fd = member->pid_fd >= 0 ? fcntl(member->pid_fd, F_DUPFD_CLOEXEC, 3) : -1,
            .switched = guard_run(switched_guarded, mapping_header(&member->mapping)) == 1,
        };
    }
    collector_leave(collector);
    return count;
}

struct waiting_call {
    const struct session_header *header;
    pid_t *list;
    size_t most, count;
};

static int waiting_guarded(void *context)
{
    struct waiting_call *call = context;
    uint32_t told = atomic_load(&call->header->waiting_count);
    for (uint32_t i = 0; i < told && i < SESSION_WAITING_LIMIT && call->count < call->most; i++) {
        uint32_t pid = atomic_load(&call->header->waiting[i]);
        if (pid > 0 && pid <= INT32_MAX)
            call->list[call->count++] = (pid_t)pid;
    }
    return 0;
}

size_t collector_waiting(const struct collector *collector, pid_t *list, size_t most)
{
    struct waiting_call call = {mapping_header(collector->mapping), list, most, 0};
    return guard_run(waiting_guarded, &call) ? 0 : call.count;
}

static int close_guarded(void *context)
{
    struct session_header *header = context;
    atomic_store(&header->follow_children, 0);
    return 0;
}

void collector_close_family(struct collector *collector)
{
    guard_run(close_guarded, mapping_header(collector->mapping));
}
