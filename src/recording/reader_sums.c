/* SPDX-License-Identifier: MIT */
/* Adding up windows.
 * Why: see reader_parts.h. The longest windows that fit are taken, so that a day is some hundred.
 * Rules: rows that name what is not there are damage. Numbers are the file's: they are added as unsigned
 * ones, and times beyond all measure are damage. */
#include "recording/reader_parts.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What all times of a kind may add up to, in nanoseconds: signed sums of them then cannot overflow. */
#define MOST_NS 8e18

enum { COUNT_BITS = 50 };

static int damaged(struct recording *recording, const char *what)
{
    return recording_fail(recording, -EBADMSG, what);
}

/* --- making ----------------------------------------------------------------------------------------- */

int recording_sums_init(struct recording *recording, struct recording_sums *sums)
{
    int64_t from_ns, to_ns;
    recording_extent(recording, &from_ns, &to_ns);
    *sums = (struct recording_sums){.to_ns = from_ns};
    sums->nodes = calloc(recording->node_count, sizeof(*sums->nodes));
    sums->threads = calloc(recording->thread_count + 1, sizeof(*sums->threads));
    sums->processes = calloc(recording->process_count + 1, sizeof(*sums->processes));
    return sums->nodes && sums->threads && sums->processes
               ? 0
               : recording_fail(recording, -ENOMEM, "out of memory");
}

void recording_sums_done(struct recording_sums *sums)
{
    free(sums->nodes);
    free(sums->threads);
    free(sums->processes);
    *sums = (struct recording_sums){0};
}

int recording_sums_copy(struct recording *recording, const struct recording_sums *sums,
                        struct recording_sums *ret)
{
    int result = recording_sums_init(recording, ret);
    if (result)
        return result;
    struct recording_sums copy = *ret;
    *ret = *sums;
    ret->nodes = copy.nodes;
    ret->threads = copy.threads;
    ret->processes = copy.processes;
    memcpy(ret->nodes, sums->nodes, recording->node_count * sizeof(*ret->nodes));
    memcpy(ret->threads, sums->threads, recording->thread_count * sizeof(*ret->threads));
    memcpy(ret->processes, sums->processes, recording->process_count * sizeof(*ret->processes));
    return 0;
}

struct sum_function *recording_functions_new(struct recording *recording)
{
    static const struct snapshot_extremes none = {INT64_MAX, -1, INT64_MAX, -1};
    struct sum_function *functions = calloc(recording->function_count + 1, sizeof(*functions));
    for (size_t i = 0; functions && i < recording->function_count; i++)
        functions[i].extremes = none;
    if (!functions)
        recording_fail(recording, -ENOMEM, "out of memory");
    return functions;
}

void recording_functions_free(const struct recording *recording, struct sum_function *functions)
{
    for (size_t i = 0; functions && i < recording->function_count; i++)
        free(functions[i].slots);
    free(functions);
}

/* --- windows ---------------------------------------------------------------------------------------- */

/* The last window of the level that begins at or before the moment; NULL: none. */
static const struct recorded_window *find_window(const struct recording *recording, int level,
                                                 int64_t moment_ns)
{
    size_t low = recording->level_first[level], high = recording->level_first[level + 1];
    size_t first = low;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (recording->windows[middle].from_ns <= moment_ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low > first ? &recording->windows[low - 1] : NULL;
}

int64_t recording_window_begin(const struct recording *recording, int64_t moment_ns)
{
    const struct recorded_window *window = find_window(recording, 0, moment_ns);
    return window ? window->from_ns : recording->windows[0].from_ns;
}

int64_t recording_window_end(const struct recording *recording, int64_t moment_ns)
{
    const struct recorded_window *window = find_window(recording, 0, moment_ns - 1);
    return window ? window->to_ns : recording->windows[0].to_ns;
}

/* The longest window that begins at the moment and ends by to_ns. */
static const struct recorded_window *next_window(const struct recording *recording,
                                                 int64_t moment_ns, int64_t to_ns)
{
    for (int level = SCHEMA_LEVELS - 1; level >= 0; level--) {
        const struct recorded_window *window = find_window(recording, level, moment_ns);
        if (window && window->from_ns == moment_ns && window->to_ns <= to_ns)
            return window;
    }
    return NULL;
}

/* --- rows ------------------------------------------------------------------------------------------- */

static void add(int64_t *sum, sqlite3_stmt *statement, int column)
{
    *sum = (int64_t)((uint64_t)*sum + (uint64_t)sqlite3_column_int64(statement, column));
}

static void add_count(uint64_t *sum, sqlite3_stmt *statement, int column)
{
    *sum += (uint64_t)sqlite3_column_int64(statement, column);
}

struct adder {
    struct recording *recording;
    struct recording_sums *sums;
    const struct recording_function_sums *functions;
};

typedef int row_adder(struct adder *adder, sqlite3_stmt *statement);

static int add_node(struct adder *adder, sqlite3_stmt *statement)
{
    uint32_t at = id_table_find(&adder->recording->node_ids, sqlite3_column_int64(statement, 0));
    if (!at)
        return damaged(adder->recording, "the recording is damaged (times of no path)");
    struct sum_node *node = &adder->sums->nodes[at - 1];
    add_count(&node->calls, statement, 1);
    add_count(&node->resumes, statement, 2);
    add(&node->self_ticks, statement, 3);
    add(&node->total_ticks, statement, 4);
    add(&node->self_wait_ticks, statement, 5);
    add(&node->total_wait_ticks, statement, 6);
    return 0;
}

static int add_thread(struct adder *adder, sqlite3_stmt *statement)
{
    uint32_t at = id_table_find(&adder->recording->thread_ids, sqlite3_column_int64(statement, 0));
    if (!at)
        return damaged(adder->recording, "the recording is damaged (times of no thread)");
    struct sum_thread *thread = &adder->sums->threads[at - 1];
    add_count(&thread->calls, statement, 1);
    add_count(&thread->lost, statement, 2);
    add(&thread->ticks.profiled, statement, 3);
    add(&thread->ticks.wait, statement, 4);
    add(&thread->ticks.stalled, statement, 5);
    add(&thread->ticks.corrected, statement, 6);
    add(&thread->ticks.outside, statement, 7);
    return 0;
}

static int add_process(struct adder *adder, sqlite3_stmt *statement)
{
    int64_t pid = sqlite3_column_int64(statement, 0);
    for (size_t i = 0; i < adder->recording->process_count; i++) {
        if (adder->recording->processes[i].pid != pid)
            continue;
        add_count(&adder->sums->processes[i].calls, statement, 1);
        add_count(&adder->sums->processes[i].lost, statement, 2);
        return 0;
    }
    return damaged(adder->recording, "the recording is damaged (counts of no process)");
}

/* --- functions' rows ---------------------------------------------------------------------------------- */

static int add_slot(struct sum_function *function, uint16_t slot, bool cpu, int64_t count)
{
    struct snapshot_slot *found = NULL;
    for (size_t i = function->slot_count; i-- > 0 && !found;)
        if (function->slots[i].slot == slot && function->slots[i].cpu == cpu)
            found = &function->slots[i];
    if (!found) {
        if (function->slot_count == function->slot_limit) {
            size_t limit = function->slot_limit ? function->slot_limit * 2 : 8;
            struct snapshot_slot *grown = realloc(function->slots, limit * sizeof(*grown));
            if (!grown)
                return -ENOMEM;
            function->slots = grown;
            function->slot_limit = limit;
        }
        found = &function->slots[function->slot_count++];
        *found = (struct snapshot_slot){.slot = slot, .cpu = cpu};
    }
    int64_t sum = found->count + count, most = INT64_C(1) << COUNT_BITS;
    found->count = sum > most ? most : sum < -most ? -most : sum;
    return 0;
}

/* One `"312":5` of the list. NULL: it is none. */
static const char *read_slot(const char *text, int64_t *ret_slot, int64_t *ret_count)
{
    char *end;
    if (*text != '"' || !isdigit((unsigned char)text[1]))
        return NULL;
    *ret_slot = strtoll(text + 1, &end, 10);
    if (end[0] != '"' || end[1] != ':' || (end[2] != '-' && !isdigit((unsigned char)end[2])))
        return NULL;
    *ret_count = strtoll(end + 2, &end, 10);
    return end;
}

static int add_slots(struct recording *recording, struct sum_function *function, const char *text,
                     bool cpu)
{
    const int64_t most = INT64_C(1) << COUNT_BITS;
    bool good = !text || *text++ == '{';
    while (text && good) {
        int64_t slot, count;
        text = read_slot(text, &slot, &count);
        good = text && slot < SCHEMA_SLOTS && count > -most && count < most;
        if (good && add_slot(function, (uint16_t)slot, cpu, count))
            return recording_fail(recording, -ENOMEM, "out of memory");
        if (good && *text == '}')
            return 0;
        good = good && *text++ == ',';
    }
    return good ? 0 : damaged(recording, "the recording is damaged (durations make no sense)");
}

static void add_extremes(struct snapshot_extremes *sum, sqlite3_stmt *statement)
{
    if (sqlite3_column_type(statement, 5) == SQLITE_NULL)
        return;
    int64_t values[4];
    for (int i = 0; i < 4; i++)
        values[i] = sqlite3_column_int64(statement, 4 + i);
    if (values[0] < sum->min_ticks)
        sum->min_ticks = values[0];
    if (values[1] > sum->max_ticks)
        sum->max_ticks = values[1];
    if (values[2] < sum->min_cpu_ticks)
        sum->min_cpu_ticks = values[2];
    if (values[3] > sum->max_cpu_ticks)
        sum->max_cpu_ticks = values[3];
}

static int add_function_to(struct recording *recording, struct sum_function *function,
                           sqlite3_stmt *statement)
{
    add_count(&function->yields, statement, 1);
    add_count(&function->raised, statement, 2);
    add_count(&function->estimated, statement, 3);
    add_extremes(&function->extremes, statement);
    int result =
        add_slots(recording, function, (const char *)sqlite3_column_text(statement, 8), false);
    return result ? result
                  : add_slots(recording, function, (const char *)sqlite3_column_text(statement, 9),
                              true);
}

static int add_function(struct adder *adder, sqlite3_stmt *statement)
{
    struct recording *recording = adder->recording;
    uint32_t at = id_table_find(&recording->function_ids, sqlite3_column_int64(statement, 0));
    int result = at ? 0 : damaged(recording, "the recording is damaged (times of no function)");
    if (result == 0 && adder->functions->slice)
        result = add_function_to(recording, &adder->functions->slice[at - 1], statement);
    if (result == 0 && adder->functions->window)
        result = add_function_to(recording, &adder->functions->window[at - 1], statement);
    return result;
}

/* --- adding up -------------------------------------------------------------------------------------- */

static const struct {
    const char *sql;
    row_adder *add;
    bool of_functions;
} tables[] = {
    {"SELECT node, calls, resumes, self_ticks, total_ticks, self_wait_ticks, total_wait_ticks "
     "FROM node_times WHERE window=?",
     add_node, false},
    {"SELECT thread, calls, lost, profiled_ticks, wait_ticks, stalled_ticks, corrected_ticks, "
     "outside_ticks FROM thread_times WHERE window=?",
     add_thread, false},
    {"SELECT process, calls, lost FROM process_times WHERE window=?", add_process, false},
    {"SELECT function, yields, raised, estimated, min_ticks, max_ticks, min_cpu_ticks, "
     "max_cpu_ticks, durations, cpu_durations FROM function_times WHERE window=?",
     add_function, true},
};

static int add_rows(struct adder *adder, sqlite3_stmt *statement, row_adder *add_row,
                    int64_t window)
{
    int result = 0, code = SQLITE_ROW;
    sqlite3_bind_int64(statement, 1, window);
    while (result == 0 && (code = sqlite3_step(statement)) == SQLITE_ROW)
        result = add_row(adder, statement);
    sqlite3_reset(statement);
    if (result == 0 && code != SQLITE_DONE)
        return damaged(adder->recording, "the recording is damaged (a page cannot be read)");
    return result;
}

static int add_table(struct adder *adder, size_t table, int64_t from_ns, int64_t to_ns)
{
    struct recording *recording = adder->recording;
    sqlite3_stmt *statement;
    int result = 0;
    if (sqlite3_prepare_v2(recording->database, tables[table].sql, -1, &statement, NULL) !=
        SQLITE_OK)
        return damaged(recording, "the recording is damaged (a table cannot be read)");
    while (result == 0 && from_ns < to_ns) {
        const struct recorded_window *window = next_window(recording, from_ns, to_ns);
        if (!window)
            result = damaged(recording, "the recording is damaged (a window is missing)");
        else
            result = add_rows(adder, statement, tables[table].add, window->id);
        from_ns = window ? window->to_ns : to_ns;
    }
    sqlite3_finalize(statement);
    return result;
}

static double magnitude(int64_t ticks)
{
    return ticks < 0 ? -(double)ticks : (double)ticks;
}

static int check_times(struct recording *recording, const struct recording_sums *sums)
{
    double self = 0, total = 0, threads = 0;
    for (size_t i = 0; i < recording->node_count; i++) {
        const struct sum_node *node = &sums->nodes[i];
        self += magnitude(node->self_ticks) + magnitude(node->self_wait_ticks);
        total += magnitude(node->total_ticks) + magnitude(node->total_wait_ticks);
    }
    for (size_t i = 0; i < recording->thread_count; i++) {
        const struct snapshot_thread_ticks *ticks = &sums->threads[i].ticks;
        threads += magnitude(ticks->profiled) + magnitude(ticks->wait) + magnitude(ticks->stalled) +
                   magnitude(ticks->corrected) + magnitude(ticks->outside);
    }
    double most = MOST_NS / recording->ns_per_tick;
    most = most < MOST_NS ? most : MOST_NS;
    return self < most && total < most && threads < most
               ? 0
               : damaged(recording, "the recording is damaged (times beyond all measure)");
}

static int check_extremes(struct recording *recording, const struct sum_function *functions)
{
    double most = MOST_NS / recording->ns_per_tick;
    for (size_t i = 0; functions && i < recording->function_count; i++) {
        const struct snapshot_extremes *extremes = &functions[i].extremes;
        if (extremes->max_ticks < 0 && extremes->max_cpu_ticks < 0)
            continue;
        if (extremes->min_ticks < 0 || extremes->min_cpu_ticks < 0 ||
            (double)extremes->max_ticks >= most || (double)extremes->max_cpu_ticks >= most ||
            extremes->min_ticks > extremes->max_ticks ||
            extremes->min_cpu_ticks > extremes->max_cpu_ticks)
            return damaged(recording, "the recording is damaged (extremes make no sense)");
    }
    return 0;
}

static void add_windows(const struct recording *recording, int64_t to_ns,
                        struct recording_sums *sums)
{
    const struct recorded_window *window;
    while (sums->to_ns < to_ns && (window = next_window(recording, sums->to_ns, to_ns))) {
        sums->events += window->events;
        sums->lost += window->lost;
        sums->gaps += window->gaps;
        sums->nested += window->nested;
        sums->off_ns = (int64_t)((uint64_t)sums->off_ns + (uint64_t)window->off_ns);
        sums->to_ns = window->to_ns;
    }
}

int recording_sum(struct recording *recording, int64_t to_ns, struct recording_sums *sums,
                  const struct recording_function_sums *functions)
{
    struct adder adder = {.recording = recording, .sums = sums, .functions = functions};
    int result = 0;
    for (size_t i = 0; result == 0 && i < sizeof(tables) / sizeof(tables[0]); i++)
        if (!tables[i].of_functions || functions->slice || functions->window)
            result = add_table(&adder, i, sums->to_ns, to_ns);
    if (result)
        return result;
    add_windows(recording, to_ns, sums);
    result = check_times(recording, sums);
    if (result == 0)
        result = check_extremes(recording, functions->slice);
    return result == 0 ? check_extremes(recording, functions->window) : result;
}
