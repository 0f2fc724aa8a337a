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
    int64_t least_ns, least_wait_ns; /* of what computes, of what waits */
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

static bool is_worth_waiting(const struct court *court, int64_t cost_ns)
{
    return cost_ns >= court->least_wait_ns && cost_ns >= LEAST_COST_NS;
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

static bool starts_with(const char *text, const char *start)
{
    return text && strncmp(text, start, strlen(start)) == 0;
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

/* --- many small writes, many small reads ---------------------------------------------------- */

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

static bool are_many(uint64_t count, uint64_t of, uint64_t one_of)
{
    return count >= MANY && count <= of && count >= of / one_of;
}

static void judge_raised(struct court *court, int32_t index)
{
    const struct snapshot_function *function = &court->snapshot->functions[index];
    int64_t cost_ns = price_ns(function->raised, RAISE_NS);
    if (!are_many(function->raised, function->calls, 10) || !is_worth(court, cost_ns))
        return;
    char raised[TEXT_NUMBER_BYTES], calls[TEXT_NUMBER_BYTES];
    say(court, (struct usage_verdict){
                   .name = "exceptions as control flow",
                   .function = index,
                   .count = function->raised,
                   .cost_ns = cost_ns,
                   .evidence = arena_format(court->arena, "%s of %s calls ended by an exception",
                                            text_format_grouped(raised, function->raised),
                                            text_format_grouped(calls, function->calls)),
               });
}

/* Which function calls that one most. */
static int32_t chief_caller(const struct snapshot *snapshot, int32_t callee)
{
    const struct snapshot_edge *most = NULL;
    for (size_t i = 0; i < snapshot->edge_count; i++) {
        const struct snapshot_edge *edge = &snapshot->edges[i];
        if (edge->callee == callee && edge->caller >= 0 && (!most || edge->calls > most->calls))
            most = edge;
    }
    return most && most->calls >= snapshot->functions[callee].calls / 2 ? most->caller
                                                                        : SNAPSHOT_NONE;
}

/* What ends by an exception since that is how it says that there is no more. */
static bool says_so_by_raising(const char *name)
{
    return strstr(name, "next") || strstr(name, "'send'") || strstr(name, "'throw'");
}

/* `int`, `dict.__getitem__`: the exception is caught where they are called. */
static void judge_raised_in_c(struct court *court, int32_t index)
{
    const struct snapshot *snapshot = court->snapshot;
    const struct snapshot_function *function = &snapshot->functions[index];
    int64_t cost_ns = price_ns(function->raised, RAISE_NS);
    if (!are_many(function->raised, function->calls, 10) || !is_worth(court, cost_ns) ||
        says_so_by_raising(function->name))
        return;
    int32_t caller = chief_caller(snapshot, index);
    if (caller < 0 || !is_of_the_program(&snapshot->functions[caller]))
        return;
    char raised[TEXT_NUMBER_BYTES], calls[TEXT_NUMBER_BYTES];
    say(court,
        (struct usage_verdict){
            .name = "exceptions as control flow",
            .function = caller,
            .count = function->raised,
            .cost_ns = cost_ns,
            .evidence = arena_format(court->arena, "%s of %s calls of %s ended by an exception",
                                     text_format_grouped(raised, function->raised),
                                     text_format_grouped(calls, function->calls), function->name),
        });
}

/* One that has a yield without its resume has not gone on: up to 3.12 it is told when that is closed, and raised; from
 * 3.13 on nothing runs in it then. `any(… for …)` and the like are meant so. */
static void judge_generator(struct court *court, int32_t index)
{
    const struct snapshot_function *function = &court->snapshot->functions[index];
    uint64_t left = function->yields > function->resumes ? function->yields - function->resumes : 0;
    if (__builtin_add_overflow(left, function->raised, &left) ||
        strcmp(function->name, "<genexpr>") == 0)
        return;
    int64_t cost_ns = price_ns(left, ABANDON_NS);
    if (!are_many(left, function->calls, 2) || !is_worth(court, cost_ns))
        return;
    char closed[TEXT_NUMBER_BYTES], calls[TEXT_NUMBER_BYTES];
    say(court, (struct usage_verdict){
                   .name = "generators abandoned",
                   .function = index,
                   .count = left,
                   .cost_ns = cost_ns,
                   .evidence = arena_format(court->arena,
                                            "%s of %s were closed or dropped before their end",
                                            text_format_grouped(closed, left),
                                            text_format_grouped(calls, function->calls)),
               });
}

static void judge_function(struct court *court, int32_t index)
{
    switch (court->snapshot->functions[index].kind) {
    case KIND_PYTHON:
        judge_raised(court, index);
        break;
    case KIND_GENERATOR:
        judge_generator(court, index);
        break;
    case KIND_C:
        judge_raised_in_c(court, index);
        break;
    default:
        break;
    }
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
    {"__delitem__", "list used as a queue", "deletions from a list"},
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

/* Of a method, or of an operator: `in` is `__contains__`. */
static const char *type_of_method(const struct snapshot_function *function,
                                  char type[SNAPSHOT_METHOD_SIZE],
                                  char method[SNAPSHOT_METHOD_SIZE])
{
    return snapshot_read_method(function, type, method) ||
                   snapshot_read_operator(function, type, method)
               ? type
               : "";
}

static void judge_lists(struct court *court)
{
    char type[SNAPSHOT_METHOD_SIZE], method[SNAPSHOT_METHOD_SIZE];
    for (size_t i = 0; i < court->snapshot->edge_count; i++) {
        const struct snapshot_edge *edge = &court->snapshot->edges[i];
        const struct snapshot_function *callee = &court->snapshot->functions[edge->callee];
        if (callee->kind != KIND_C || strcmp(type_of_method(callee, type, method), "list") != 0)
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

/* The longest that a call from this node may have taken: its function's longest, or the mean of its own calls, where the
 * clock leaves out what blocked; and never more than all of them. */
static int64_t longest_call_ns(const struct snapshot *snapshot, const struct snapshot_node *node)
{
    int64_t longest_ns = snapshot->functions[node->function].max_ns;
    int64_t each_ns = mean_ns(node->total_ns, node->calls ? node->calls : 1);
    if (each_ns > longest_ns)
        longest_ns = each_ns;
    return longest_ns < node->total_ns ? longest_ns : node->total_ns;
}

/* The child whose longest call may have been most of that step; NONE: none. Where it has more time than the step it is one
 * that awaits, and has the time of many: it is looked at where there is no other. */
static int32_t child_of_step(const struct snapshot *snapshot, int32_t node, int64_t step_ns)
{
    int32_t best = SNAPSHOT_NONE;
    int64_t best_ns = 0, most_ns = sum_ns(step_ns, step_ns / 16); /* as both were corrected */
    for (size_t i = (size_t)node + 1; i < snapshot->node_count; i++) {
        const struct snapshot_node *child = &snapshot->nodes[i];
        if (child->parent != node || child->function < 0)
            continue;
        int64_t longest_ns = longest_call_ns(snapshot, child);
        bool fits = longest_ns <= most_ns, best_fits = best_ns <= most_ns;
        bool is_better = best < 0 || (fits == best_fits ? longest_ns > best_ns : fits);
        if (longest_ns > step_ns / 2 && is_better) {
            best = (int32_t)i;
            best_ns = longest_ns;
        }
    }
    return best;
}

/* Down from the coroutine, along the longest calls: the innermost function of the program's that may have had most of its
 * longest step. NONE: that was an import, which happens once, as a rule before there is anybody to wait. */
static int32_t where_it_stands(const struct snapshot *snapshot, int32_t coroutine, int64_t step_ns)
{
    int32_t node = dearest_node_of(snapshot, coroutine), function = coroutine;
    while (node >= 0) {
        int32_t found = snapshot->nodes[node].function;
        if (starts_with(snapshot->functions[found].file, "<frozen importlib"))
            return SNAPSHOT_NONE;
        if (is_of_the_program(&snapshot->functions[found]))
            function = found;
        node = child_of_step(snapshot, node, step_ns);
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
        if (task->longest_ns < SLOW_STEP_NS || !is_worth_waiting(court, task->longest_ns))
            continue;
        int32_t function = where_it_stands(snapshot, coroutine, task->longest_ns);
        if (function < 0)
            continue;
        char longest[TEXT_NUMBER_BYTES], all[TEXT_NUMBER_BYTES];
        say(court,
            (struct usage_verdict){
                .name = "blocked event loop",
                .function = function,
                .count = steps,
                .cost_ns = task->longest_ns,
                .evidence = arena_format(
                    court->arena,
                    "the longest of %s steps of %s held the loop for %s, and here is most of it",
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
        if (!is_convoy(wait) || !is_worth_waiting(court, cost_ns))
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

/* A hundredth of the threads' time on a CPU; of the time that went by for what waits: threads that stand idle make neither
 * less of a matter. */
static void set_least(struct court *court)
{
    const struct snapshot *snapshot = court->snapshot;
    const struct snapshot_node *root = snapshot->node_count ? &snapshot->nodes[0] : NULL;
    court->least_ns = court->least_wait_ns = INT64_MAX;
    if (root) {
        court->least_ns = busy_ns(root->total_ns, root->total_wait_ns) / 100 * LEAST_PERCENT;
        int64_t whole_ns = snapshot->meta.duration_ns > 0 &&
                                   snapshot->meta.duration_ns < root->total_ns
                               ? snapshot->meta.duration_ns
                               : root->total_ns;
        court->least_wait_ns = whole_ns / 100 * LEAST_PERCENT;
    }
}

int verdicts_find(const struct snapshot *snapshot, struct arena *arena,
                  struct usage_verdicts *ret_verdicts)
{
    struct court court = {.snapshot = snapshot, .arena = arena};
    set_least(&court);
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
