/* SPDX-License-Identifier: MIT */
/* The judges, one a function: each looks at what one source has told.
 * Why so few constants: where a price is not in the numbers it is one that was measured (docs/verdicts.md), on the
 * cheapest of the versions, so that the estimate stays below what is gained.
 * Rules: see verdicts.h. */
#include "model/verdicts.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum {
    LEAST_PERCENT = 1,
    LEAST_COST_NS = 1000 * 1000,
    MANY = 1000,
    /* io.DEFAULT_BUFFER_SIZE. */
    BUFFER_BYTES = 8192,
    SMALL_BYTES = 512,
    /* A call that takes longer waits for something that a buffer does not hasten. */
    MOST_CALL_NS = 50 * 1000,
    /* Raising and catching, to a return: 113 to 265 ns. Closing a generator that is not exhausted: 31 to 285. */
    RAISE_NS = 100,
    ABANDON_NS = 30,
    /* What a look into a set, and a pop of a deque, cost at most. */
    LOOK_NS = 60,
    LONG_LOOK_NS = 1000,
    /* asyncio's own loop.slow_callback_duration. */
    SLOW_STEP_NS = 100 * 1000 * 1000,
    /* Copied in the best case. */
    BYTES_A_NS = 25,
    /* Fewer waits of one function for a lock are a queue that forms now and then. */
    CONVOY_WAITS = 50,
};

struct court {
    const struct snapshot *snapshot;
    struct arena *arena;
    struct usage_verdicts found;
    size_t room;
    int64_t least_ns;
    bool is_out_of_memory;
};

static bool is_hidden;

void verdicts_hide(void)
{
    is_hidden = true;
}

bool verdicts_are_hidden(void)
{
    return is_hidden;
}

static void say(struct court *court, struct usage_verdict verdict)
{
    if (!verdict.evidence) {
        court->is_out_of_memory = true;
        return;
    }
    if (court->found.count == court->room) {
        size_t room = court->room ? 2 * court->room : 16;
        struct usage_verdict *rows = arena_array(court->arena, room, sizeof(*rows));
        if (!rows) {
            court->is_out_of_memory = true;
            return;
        }
        if (court->found.count)
            memcpy(rows, court->found.rows, court->found.count * sizeof(*rows));
        court->found.rows = rows;
        court->room = room;
    }
    court->found.rows[court->found.count++] = verdict;
}

static bool is_worth(const struct court *court, int64_t cost_ns)
{
    return cost_ns >= court->least_ns && cost_ns >= LEAST_COST_NS;
}

/* A recording's numbers are what its file says, whatever that is: none of these sums may overflow. */
static int64_t busy_ns(int64_t self_ns, int64_t wait_ns)
{
    if (self_ns < 0 || wait_ns > self_ns)
        return 0;
    return wait_ns < 0 ? self_ns : self_ns - wait_ns;
}

static int64_t sum_ns(int64_t one_ns, int64_t other_ns)
{
    int64_t sum;
    return __builtin_add_overflow(one_ns, other_ns, &sum) ? INT64_MAX : sum;
}

static int64_t price_ns(uint64_t count, uint64_t each_ns)
{
    return count > INT64_MAX / each_ns ? INT64_MAX : (int64_t)(count * each_ns);
}

static int64_t mean_ns(int64_t total_ns, uint64_t count)
{
    return total_ns < 0 ? 0 : (int64_t)((uint64_t)total_ns / count);
}

/* --- many small writes, many small reads ---------------------------------------------------- */

static bool starts_with(const char *text, const char *start)
{
    return text && strncmp(text, start, strlen(start)) == 0;
}

/* Of reads only those of files: what a socket or a pipe gives is what there is. */
static const char *small_kind(const struct snapshot_io *io)
{
    static const char *const writes[] = {"write", "send", "pwrite"};
    static const char *const reads[] = {"read", "pread"};
    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
        if (starts_with(io->operation, writes[i]))
            return "many small writes";
    for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++)
        if (starts_with(io->operation, reads[i]) && starts_with(io->resource, "/"))
            return "many small reads";
    return NULL;
}

/* Of the time in its calls, what a function was on a CPU: what others took of a busy machine is no cost of its own. */
static double busy_share(const struct snapshot *snapshot, int32_t function)
{
    const struct snapshot_function *of = function < 0 ? NULL : &snapshot->functions[function];
    return of && of->self_ns > 0
               ? (double)busy_ns(of->self_ns, of->self_wait_ns) / (double)of->self_ns
               : 1;
}

static void judge_io(struct court *court)
{
    for (size_t i = 0; i < court->snapshot->io_count; i++) {
        const struct snapshot_io *io = &court->snapshot->io[i];
        const char *name = small_kind(io);
        if (!name || io->calls < MANY || io->bytes / io->calls > SMALL_BYTES ||
            mean_ns(io->blocked_ns, io->calls) > MOST_CALL_NS)
            continue;
        double kept = (double)io->bytes / BUFFER_BYTES / (double)io->calls;
        int64_t cost_ns = (int64_t)((double)io->blocked_ns * (1 - kept) *
                                    busy_share(court->snapshot, io->function));
        if (!is_worth(court, cost_ns))
            continue;
        char calls[TEXT_NUMBER_BYTES], blocked[TEXT_NUMBER_BYTES];
        say(court,
            (struct usage_verdict){
                .name = name,
                .function = io->function,
                .count = io->calls,
                .cost_ns = cost_ns,
                .evidence = arena_format(
                    court->arena, "%s calls of %s with %" PRIu64 " bytes each, %s in them: %s",
                    text_format_grouped(calls, io->calls), io->operation, io->bytes / io->calls,
                    text_format_time(blocked, io->blocked_ns),
                    io->resource ? io->resource : "(of no file)"),
            });
    }
}

/* --- exceptions as control flow, generators abandoned --------------------------------------- */

static void judge_function(struct court *court, int32_t index)
{
    const struct snapshot_function *function = &court->snapshot->functions[index];
    bool is_generator = function->kind == KIND_GENERATOR;
    int64_t cost_ns = price_ns(function->raised, is_generator ? ABANDON_NS : RAISE_NS);
    uint64_t of = function->calls;
    if ((!is_generator && function->kind != KIND_PYTHON) || function->raised < MANY ||
        function->raised > of || function->raised < of / (is_generator ? 2 : 10) ||
        !is_worth(court, cost_ns))
        return;
    char raised[TEXT_NUMBER_BYTES], calls[TEXT_NUMBER_BYTES];
    text_format_grouped(raised, function->raised);
    text_format_grouped(calls, of);
    say(court, (struct usage_verdict){
                   .name = is_generator ? "generators abandoned" : "exceptions as control flow",
                   .function = index,
                   .count = function->raised,
                   .cost_ns = cost_ns,
                   .evidence = arena_format(court->arena,
                                            is_generator
                                                ? "%s of %s were closed or dropped before their end"
                                                : "%s of %s calls ended by an exception",
                                            raised, calls),
               });
}

/* --- lists used as sets and as queues ------------------------------------------------------- */

static const struct {
    const char *method, *name, *what;
} list_uses[] = {
    {"__contains__", "list searched as a set", "looks into a list"},
    {"index", "list searched as a set", "searches of a list"},
    {"count", "list searched as a set", "counts in a list"},
    {"remove", "list searched as a set", "removals by value from a list"},
    {"pop", "list used as a queue", "pops of a list"},
    {"insert", "list used as a queue", "inserts into a list"},
};

static void judge_list_use(struct court *court, const struct snapshot_edge *edge, size_t use)
{
    int64_t all_ns = busy_ns(edge->self_ns, edge->self_wait_ns);
    if (edge->calls < MANY || mean_ns(all_ns, edge->calls) < LONG_LOOK_NS)
        return;
    int64_t cost_ns = all_ns - price_ns(edge->calls, LOOK_NS);
    if (!is_worth(court, cost_ns))
        return;
    char calls[TEXT_NUMBER_BYTES], mean[TEXT_NUMBER_BYTES];
    text_format_grouped(calls, edge->calls);
    text_format_time(mean, mean_ns(all_ns, edge->calls));
    say(court, (struct usage_verdict){
                   .name = list_uses[use].name,
                   .function = edge->caller,
                   .count = edge->calls,
                   .cost_ns = cost_ns,
                   .evidence = arena_format(court->arena, "%s %s that take %s each", calls,
                                            list_uses[use].what, mean),
               });
}

static void judge_lists(struct court *court)
{
    char type[SNAPSHOT_METHOD_SIZE], method[SNAPSHOT_METHOD_SIZE];
    for (size_t i = 0; i < court->snapshot->edge_count; i++) {
        const struct snapshot_edge *edge = &court->snapshot->edges[i];
        const struct snapshot_function *callee = &court->snapshot->functions[edge->callee];
        if (callee->kind != KIND_C || !snapshot_read_method(callee, type, method) ||
            strcmp(type, "list") != 0)
            continue;
        for (size_t use = 0; use < sizeof(list_uses) / sizeof(list_uses[0]); use++)
            if (strcmp(method, list_uses[use].method) == 0)
                judge_list_use(court, edge, use);
    }
}

/* --- growing concatenation ------------------------------------------------------------------- */

static void judge_growth(struct court *court)
{
    const struct snapshot *snapshot = court->snapshot;
    bool is_timed = snapshot->node_count && snapshot->nodes[0].total_ns > 0;
    for (size_t i = 0; is_timed && i < snapshot->memory_site_count; i++) {
        const struct snapshot_memory_site *site = &snapshot->memory_sites[i];
        int64_t cost_ns = (int64_t)(site->grown_bytes / BYTES_A_NS);
        if (site->function < 0 || site->grown < MANY || site->grown < site->large / 2 ||
            !is_worth(court, cost_ns))
            continue;
        char grown[TEXT_NUMBER_BYTES], large[TEXT_NUMBER_BYTES], bytes[TEXT_NUMBER_BYTES];
        text_format_grouped(grown, site->grown);
        text_format_grouped(large, site->large);
        text_format_bytes(bytes, (int64_t)site->grown_bytes);
        say(court, (struct usage_verdict){
                       .name = "growing concatenation",
                       .function = site->function,
                       .count = site->grown,
                       .cost_ns = cost_ns,
                       .evidence = arena_format(
                           court->arena,
                           "%s of %s blocks that line %" PRIu32
                           " asked for were each a little longer than the one before, which was "
                           "there still: %s in all",
                           grown, large, site->line, bytes),
                   });
    }
}

/* --- conversions of a thing into what it is --------------------------------------------------- */

/* `<list(list)>`, as the probe names them (c_calls_probe.c). */
static bool is_conversion(const struct snapshot_function *function, char name[SNAPSHOT_METHOD_SIZE])
{
    const char *open = function->kind == KIND_C ? strchr(function->name, '(') : NULL;
    const char *end = open ? strchr(open, ')') : NULL;
    size_t size = open ? (size_t)(open - function->name) : 0;
    if (!end || size < 2 || function->name[0] != '<' || strcmp(end, ")>") != 0 ||
        (size_t)(end - open) != size || memcmp(function->name + 1, open + 1, size - 1) != 0 ||
        2 * size + 1 > SNAPSHOT_METHOD_SIZE)
        return false;
    memcpy(name, function->name + 1, 2 * size);
    name[2 * size] = '\0';
    return true;
}

static void judge_conversions(struct court *court)
{
    char name[SNAPSHOT_METHOD_SIZE];
    for (size_t i = 0; i < court->snapshot->edge_count; i++) {
        const struct snapshot_edge *edge = &court->snapshot->edges[i];
        int64_t cost_ns = busy_ns(edge->self_ns, edge->self_wait_ns);
        if (edge->calls < MANY || !is_worth(court, cost_ns) ||
            !is_conversion(&court->snapshot->functions[edge->callee], name))
            continue;
        char calls[TEXT_NUMBER_BYTES], mean[TEXT_NUMBER_BYTES];
        text_format_grouped(calls, edge->calls);
        text_format_time(mean, mean_ns(cost_ns, edge->calls));
        say(court, (struct usage_verdict){
                       .name = "futile conversions",
                       .function = edge->caller,
                       .count = edge->calls,
                       .cost_ns = cost_ns,
                       .evidence = arena_format(
                           court->arena, "%s calls of %s, of what is that already, take %s each",
                           calls, name, mean),
                   });
    }
}

/* --- a blocked event loop ------------------------------------------------------------------- */

static int32_t dearest_node_of(const struct snapshot *snapshot, int32_t function)
{
    int32_t best = SNAPSHOT_NONE;
    for (size_t i = 0; i < snapshot->node_count; i++)
        if (snapshot->nodes[i].function == function &&
            (best < 0 || snapshot->nodes[i].total_ns > snapshot->nodes[best].total_ns))
            best = (int32_t)i;
    return best;
}

/* What somebody may mend: it is in a file, and that is not the interpreter's own. */
static bool is_of_the_program(const struct snapshot_function *function)
{
    const char *file = function->file;
    if (!file || starts_with(file, "<frozen"))
        return false;
    return !strstr(file, "/lib/python3") || strstr(file, "/site-packages/") ||
           strstr(file, "/dist-packages/");
}

/* Down from the coroutine, along what has more than half of its time: the innermost function of the program's there. */
static int32_t where_it_stands(const struct snapshot *snapshot, int32_t coroutine)
{
    int32_t node = dearest_node_of(snapshot, coroutine), function = coroutine;
    bool deeper = node >= 0;
    while (deeper) {
        deeper = false;
        for (size_t i = (size_t)node + 1; i < snapshot->node_count && !deeper; i++) {
            if (snapshot->nodes[i].parent == node && snapshot->nodes[i].function >= 0 &&
                snapshot->nodes[i].total_ns > snapshot->nodes[node].total_ns / 2) {
                node = (int32_t)i;
                deeper = true;
            }
        }
        int32_t found = snapshot->nodes[node].function;
        if (is_of_the_program(&snapshot->functions[found]))
            function = found;
    }
    return function;
}

static const struct snapshot_task *slowest_task_of(const struct snapshot *snapshot,
                                                   int32_t coroutine, uint64_t *ret_steps)
{
    const struct snapshot_task *slowest = NULL;
    *ret_steps = 0;
    for (size_t i = 0; i < snapshot->task_count; i++) {
        const struct snapshot_task *task = &snapshot->tasks[i];
        if (task->coroutine != coroutine)
            continue;
        *ret_steps += task->steps;
        if (!slowest || task->longest_ns > slowest->longest_ns)
            slowest = task;
    }
    return slowest;
}

static bool is_first_of_its_coroutine(const struct snapshot *snapshot, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (snapshot->tasks[i].coroutine == snapshot->tasks[index].coroutine)
            return false;
    return true;
}

/* One task alone keeps nobody waiting. */
static void judge_tasks(struct court *court)
{
    const struct snapshot *snapshot = court->snapshot;
    uint64_t tasks = 0, steps = 0;
    for (size_t i = 0; i < snapshot->task_count; i++)
        tasks += snapshot->tasks[i].count;
    for (size_t i = 0; tasks > 1 && i < snapshot->task_count; i++) {
        int32_t coroutine = snapshot->tasks[i].coroutine;
        if (coroutine < 0 || snapshot->tasks[i].longest_ns < SLOW_STEP_NS / 2 ||
            !is_first_of_its_coroutine(snapshot, i))
            continue;
        const struct snapshot_task *task = slowest_task_of(snapshot, coroutine, &steps);
        if (task->longest_ns < SLOW_STEP_NS || !is_worth(court, task->longest_ns))
            continue;
        char longest[TEXT_NUMBER_BYTES], all[TEXT_NUMBER_BYTES];
        say(court,
            (struct usage_verdict){
                .name = "blocked event loop",
                .function = where_it_stands(snapshot, coroutine),
                .count = steps,
                .cost_ns = task->longest_ns,
                .evidence = arena_format(
                    court->arena,
                    "the longest of %s steps of %s held the loop for %s, and here is most of their time",
                    text_format_grouped(all, steps), snapshot->functions[coroutine].qualname,
                    text_format_time(longest, task->longest_ns)),
            });
    }
}

/* --- lock convoys --------------------------------------------------------------------------- */

/* What would be gained if nobody stood behind another: what each thread stood, taken as equal for all that stood for any
 * lock; and never more than what is left of the time beyond their computing, which the GIL has them do one after the other
 * anyway. */
static int64_t convoy_cost_ns(const struct snapshot *snapshot, int64_t waited_ns)
{
    int64_t wall_ns = 0, compute_ns = 0, threads = 0;
    for (size_t i = 0; i < snapshot->split_count; i++) {
        const struct snapshot_split *split = &snapshot->splits[i];
        compute_ns = sum_ns(compute_ns, split->compute_ns);
        threads += split->lock_ns > 0;
        if (split->wall_ns > wall_ns)
            wall_ns = split->wall_ns;
    }
    int64_t each_ns = waited_ns / (threads ? threads : 1);
    int64_t left_ns = busy_ns(wall_ns, compute_ns);
    return each_ns < left_ns ? each_ns : left_ns;
}

/* Who waits is let in by another that runs the same function; what one function waits for and another one gives is no
 * convoy (a queue in C is a lock, too). */
static bool is_convoy(const struct snapshot_wait *wait)
{
    return (strcmp(wait->kind, "lock") == 0 || strcmp(wait->kind, "mutex") == 0) &&
           wait->function >= 0 && wait->function == wait->holder && wait->count >= CONVOY_WAITS;
}

static void judge_locks(struct court *court)
{
    const struct snapshot *snapshot = court->snapshot;
    for (size_t i = 0; i < snapshot->wait_count; i++) {
        const struct snapshot_wait *wait = &snapshot->waits[i];
        int64_t cost_ns = convoy_cost_ns(snapshot, wait->total_ns);
        if (!is_convoy(wait) || !is_worth(court, cost_ns))
            continue;
        char count[TEXT_NUMBER_BYTES], waited[TEXT_NUMBER_BYTES];
        say(court, (struct usage_verdict){
                       .name = "lock convoy",
                       .function = wait->function,
                       .count = wait->count,
                       .cost_ns = cost_ns,
                       .evidence = arena_format(
                           court->arena,
                           "%s waits for a lock in line %" PRIu32
                           ", %s in all, each behind another thread in line %" PRIu32,
                           text_format_grouped(count, wait->count), wait->line,
                           text_format_time(waited, wait->total_ns), wait->holder_line),
                   });
    }
}

/* --- all together --------------------------------------------------------------------------- */

static int dearest_first(const void *one, const void *other)
{
    const struct usage_verdict *a = one, *b = other;
    return (a->cost_ns < b->cost_ns) - (a->cost_ns > b->cost_ns);
}

int verdicts_find(const struct snapshot *snapshot, struct arena *arena,
                  struct usage_verdicts *ret_verdicts)
{
    struct court court = {.snapshot = snapshot, .arena = arena};
    court.least_ns = snapshot->node_count ? snapshot->nodes[0].total_ns / 100 * LEAST_PERCENT
                                          : INT64_MAX;
    if (!is_hidden) {
        judge_io(&court);
        for (size_t i = 0; i < snapshot->function_count; i++)
            judge_function(&court, (int32_t)i);
        judge_lists(&court);
        judge_conversions(&court);
        judge_growth(&court);
        judge_tasks(&court);
        judge_locks(&court);
    }
    if (court.is_out_of_memory)
        return -ENOMEM;
    if (court.found.count)
        qsort(court.found.rows, court.found.count, sizeof(*court.found.rows), dearest_first);
    *ret_verdicts = court.found;
    return 0;
}

bool verdicts_any(const struct snapshot *snapshot)
{
    struct usage_verdicts verdicts = {0};
    struct arena *arena = arena_new();
    bool any = arena && verdicts_find(snapshot, arena, &verdicts) == 0 && verdicts.count > 0;
    arena_free(arena);
    return any;
}
