/* SPDX-License-Identifier: MIT */
/* From sums of windows to a snapshot.
 * Why the times are differences of converted sums: a slice's time is what it was up to the slice's end,
 * in nanoseconds, less what it was up to its beginning; so slices sum to the whole to the nanosecond.
 * Rules: as recording.h. What follows from paths is model/snapshot_paths.c's work, as for a live model. */
#include "recording/slice.h"

#include "model/histogram.h"
#include "model/snapshot_paths.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)SCHEMA_SLOTS <= (int)HISTOGRAM_SLOTS, "a slot has its counter");

/* --- which part -------------------------------------------------------------------------------------- */

bool recorded_thread_is_wanted(const struct recording_query *query,
                               const struct snapshot_thread *row)
{
    char number[16];
    snprintf(number, sizeof(number), "%u", row->tid);
    if (query->pid && row->pid != query->pid)
        return false;
    return !query->thread || strcmp(query->thread, row->name) == 0 ||
           (row->tid && strcmp(query->thread, number) == 0);
}

static int choose_threads(struct slice *slice)
{
    struct recording *recording = slice->recording;
    const struct recording_query *query = slice->query;
    char text[160];
    size_t wanted = 0;
    slice->has_thread = calloc(recording->thread_count + 1, sizeof(bool));
    if (!slice->has_thread)
        return recording_fail(recording, -ENOMEM, "out of memory");
    for (size_t i = 0; i < recording->thread_count; i++) {
        slice->has_thread[i] = recorded_thread_is_wanted(query, &recording->threads[i].row);
        wanted += slice->has_thread[i];
    }
    if (wanted || (!query->thread && !query->pid))
        return 0;
    if (query->thread)
        snprintf(text, sizeof(text), "no thread `%.80s` in it: `ulma top FILE` lists them on t",
                 query->thread);
    else
        snprintf(text, sizeof(text), "no process %u in it: `ulma top FILE` lists them on t",
                 query->pid);
    return recording_fail(recording, -ENOENT, text);
}

/* The bottoms of threads that share one are of no thread. */
static bool is_wanted_node(const struct slice *slice, size_t index)
{
    const struct recording *recording = slice->recording;
    const struct recorded_node *node = &recording->nodes[index];
    uint32_t thread = node->thread ? id_table_find(&recording->thread_ids, node->thread) : 0;
    if (slice->all)
        return true;
    if (thread)
        return slice->has_thread[thread - 1];
    if (slice->query->thread || !node->function)
        return false;
    uint32_t pid = recording->functions[node->function - 1].row.pid;
    return pid == slice->query->pid;
}

static int choose_time(struct slice *slice)
{
    struct recording *recording = slice->recording;
    const struct recording_query *query = slice->query;
    int64_t first_ns, last_ns, to_ns = query->to_ns;
    recording_extent(recording, &first_ns, &last_ns);
    if (to_ns <= 0 || to_ns > last_ns)
        to_ns = last_ns;
    if (query->from_ns >= last_ns)
        return recording_fail(recording, -ERANGE, "it ends before --from");
    if (to_ns <= first_ns)
        return recording_fail(recording, -ERANGE,
                              "it begins after --to: older windows were rolled");
    if (query->from_ns >= to_ns)
        return recording_fail(recording, -ERANGE, "--to lies before --from");
    slice->from_ns = recording_window_begin(recording, query->from_ns);
    slice->to_ns = recording_window_end(recording, to_ns);
    slice->whole = slice->from_ns == 0 && slice->to_ns == last_ns;
    slice->all = !query->thread && !query->pid;
    int64_t middle_ns = slice->to_ns - (int64_t)query->window_s * 1000000000;
    slice->middle_ns = query->window_s > 0 && middle_ns > slice->from_ns
                           ? recording_window_begin(recording, middle_ns)
                           : slice->from_ns;
    return 0;
}

static int sum(struct slice *slice)
{
    struct recording *recording = slice->recording;
    static const struct recording_function_sums none;
    struct recording_function_sums first = {0};
    int result = recording_sums_init(recording, &slice->upto);
    slice->functions.slice = recording_functions_new(recording);
    first.slice = slice->functions.slice;
    if (slice->query->window_s > 0)
        slice->functions.window = recording_functions_new(recording);
    if (!slice->functions.slice || (slice->query->window_s > 0 && !slice->functions.window))
        return -ENOMEM;
    if (result == 0)
        result = recording_sum(recording, slice->from_ns, &slice->upto, &none);
    if (result == 0)
        result = recording_sums_copy(recording, &slice->upto, &slice->before);
    if (result == 0)
        result = recording_sum(recording, slice->middle_ns, &slice->upto, &first);
    if (result == 0)
        result = recording_sums_copy(recording, &slice->upto, &slice->middle);
    if (result == 0)
        result = recording_sum(recording, slice->to_ns, &slice->upto, &slice->functions);
    return result;
}

/* --- paths ------------------------------------------------------------------------------------------- */

static int64_t ns(const struct slice *slice, int64_t ticks)
{
    return snapshot_scale_ns(ticks, slice->recording->ns_per_tick);
}

static int64_t wait_ns(const struct slice *slice, int64_t wall_ticks, int64_t wait_ticks)
{
    return snapshot_scale_wait_ns(wall_ticks, wait_ticks, slice->recording->ns_per_tick,
                                  slice->recording->stolen_share);
}

static void fill_numbers(const struct slice *slice, size_t index, const struct sum_node *before,
                         struct path_numbers *ret)
{
    const struct recorded_node *node = &slice->recording->nodes[index];
    const struct sum_node *upto = &slice->upto.nodes[index];
    *ret = (struct path_numbers){
        .parent = node->parent,
        .function = SNAPSHOT_NONE,
        .flags = node->flags,
        .calls = upto->calls - before->calls,
        .resumes = upto->resumes - before->resumes,
        .self_ns = ns(slice, upto->self_ticks) - ns(slice, before->self_ticks),
        .total_ns = ns(slice, upto->total_ticks) - ns(slice, before->total_ticks),
        .self_wait_ns = wait_ns(slice, upto->self_ticks, upto->self_wait_ticks) -
                        wait_ns(slice, before->self_ticks, before->self_wait_ticks),
        .total_wait_ns = wait_ns(slice, upto->total_ticks, upto->total_wait_ticks) -
                         wait_ns(slice, before->total_ticks, before->total_wait_ticks),
    };
    ret->has_numbers = upto->calls != before->calls || upto->resumes != before->resumes ||
                       upto->total_ticks != before->total_ticks ||
                       upto->self_wait_ticks != before->self_wait_ticks ||
                       upto->total_wait_ticks != before->total_wait_ticks;
}

static void get_path(const void *context, size_t index, struct path_numbers *ret)
{
    const struct slice *slice = context;
    const struct recorded_node *node = &slice->recording->nodes[index];
    if (index && is_wanted_node(slice, index))
        fill_numbers(slice, index, &slice->before.nodes[index], ret);
    else
        *ret = (struct path_numbers){.parent = node->parent};
    ret->function = node->function && slice->function_of ? slice->function_of[node->function - 1]
                                                         : SNAPSHOT_NONE;
}

/* Whose percentiles are not those of the wanted part alone. */
static void find_shared(struct slice *slice)
{
    const struct recording *recording = slice->recording;
    for (size_t i = 1; i < recording->node_count && !slice->all; i++) {
        struct path_numbers path;
        const struct recorded_node *node = &recording->nodes[i];
        if (!node->function || is_wanted_node(slice, i))
            continue;
        fill_numbers(slice, i, &slice->before.nodes[i], &path);
        uint32_t pid = recording->functions[node->function - 1].row.pid;
        bool other_row = slice->query->pid && pid && pid != slice->query->pid;
        if (path.has_numbers && !other_row)
            slice->shared[node->function - 1] = true;
    }
}

/* --- functions --------------------------------------------------------------------------------------- */

static const char *map_file(const struct recording *recording, struct arena *arena,
                            const char *file)
{
    for (const struct path_map *map = recording->maps; file && map; map = map->next) {
        size_t size = strlen(map->from);
        bool ends = size && map->from[size - 1] == '/';
        if (strncmp(file, map->from, size) == 0 &&
            (ends || file[size] == '/' || file[size] == '\0'))
            return arena_format(arena, "%s%s", map->to, file + size);
    }
    return file ? arena_string(arena, file) : NULL;
}

static int copy_function(const struct slice *slice, uint32_t index,
                         struct snapshot_function *target)
{
    const struct snapshot_function *row = &slice->recording->functions[index].row;
    struct arena *arena = slice->snapshot->arena;
    *target = *row;
    target->pid = slice->query->by_process ? row->pid : 0;
    target->name = arena_string(arena, row->name);
    target->qualname = strcmp(row->name, row->qualname) == 0 ? target->name
                                                             : arena_string(arena, row->qualname);
    target->module = row->module ? arena_string(arena, row->module) : NULL;
    target->file = map_file(slice->recording, arena, row->file);
    return target->name && target->qualname && (!row->module || target->module) &&
                   (!row->file || target->file)
               ? 0
               : -ENOMEM;
}

static int mark_functions(struct slice *slice, const struct snapshot_paths *paths)
{
    const struct recording *recording = slice->recording;
    slice->function_of = calloc(recording->function_count + 1, sizeof(int32_t));
    if (!slice->function_of)
        return recording_fail(slice->recording, -ENOMEM, "out of memory");
    for (size_t i = 0; i < recording->function_count; i++)
        slice->function_of[i] = SNAPSHOT_NONE;
    for (size_t i = 1; i < recording->node_count; i++)
        if (paths->node_of[i] != SNAPSHOT_NONE)
            slice_mark(slice, recording->nodes[i].function);
    for (size_t i = 0; slice_is_at_end(slice) && i < recording->thread_count; i++)
        if (slice->has_thread[i])
            slice_mark(slice, (uint32_t)recording->threads[i].row.running);
    if (!slice->whole || !slice->all)
        return 0;
    slice_mark(slice, recording->longest_step_of);
    return slice_mark_tasks(slice);
}

static int make_functions(struct slice *slice)
{
    const struct recording *recording = slice->recording;
    struct snapshot *snapshot = slice->snapshot;
    size_t count = 0;
    for (size_t i = 0; i < recording->function_count; i++)
        if (slice->function_of[i] != SNAPSHOT_NONE)
            slice->function_of[i] = (int32_t)count++;
    snapshot->functions = arena_array(snapshot->arena, count + 1, sizeof(*snapshot->functions));
    if (!snapshot->functions)
        return recording_fail(slice->recording, -ENOMEM, "out of memory");
    snapshot->function_count = count;
    for (uint32_t i = 0; i < recording->function_count; i++) {
        const struct snapshot_function *row = &recording->functions[i].row;
        int32_t at = slice->function_of[slice_row(slice, i)];
        if (at == SNAPSHOT_NONE)
            continue;
        struct snapshot_function *function = &snapshot->functions[at];
        if (slice_row(slice, i) == i) {
            if (copy_function(slice, i, function))
                return recording_fail(slice->recording, -ENOMEM, "out of memory");
            continue;
        }
        slice->function_of[i] = at;
        function->calls_exact &= row->calls_exact;
        function->times_exact &= row->times_exact;
        function->is_muted |= row->is_muted;
        function->holds_left_out |= row->holds_left_out;
        function->is_method |= row->is_method;
    }
    return 0;
}

/* --- percentiles ------------------------------------------------------------------------------------- */

struct spread {
    int64_t min_ns, max_ns, p50_ns, p99_ns;
};

static int64_t within(int64_t value, int64_t least, int64_t most)
{
    int64_t below = value < most ? value : most;
    return below > least ? below : least;
}

static void fill_quantiles(const struct slice *slice, const int64_t *counts,
                           struct snapshot_quantiles *quantiles)
{
    for (int i = 0; i < SNAPSHOT_QUANTILES; i++)
        quantiles->ns[i] = histogram_quantile(counts, SNAPSHOT_QUANTILE_STEP * (i + 1)) *
                           slice->recording->ns_per_tick;
}

/* Of the row's functions, chained through `next` (1 + index; 0: none). */
static void find_spread(const struct slice *slice, const struct sum_function *sums,
                        const uint32_t *next, uint32_t first, struct spread *ret,
                        struct snapshot_quantiles *quantiles)
{
    bool cpu = slice->query->clock == CLOCK_CPU;
    int64_t counts[HISTOGRAM_SLOTS] = {0}, min_ticks = INT64_MAX, max_ticks = -1;
    *ret = (struct spread){0};
    for (uint32_t at = first; at; at = next[at - 1]) {
        const struct sum_function *function = &sums[at - 1];
        const struct snapshot_extremes *extremes = &function->extremes;
        int64_t least = cpu ? extremes->min_cpu_ticks : extremes->min_ticks;
        int64_t most = cpu ? extremes->max_cpu_ticks : extremes->max_ticks;
        min_ticks = least < min_ticks ? least : min_ticks;
        max_ticks = most > max_ticks ? most : max_ticks;
        for (size_t i = 0; i < function->slot_count; i++)
            if (cpu || !function->slots[i].cpu)
                counts[function->slots[i].slot] += function->slots[i].count;
    }
    if (max_ticks < 0)
        return;
    ret->min_ns = ns(slice, min_ticks);
    ret->max_ns = ns(slice, max_ticks);
    ret->p50_ns = ns(slice, within(histogram_percentile(counts, 0.50), min_ticks, max_ticks));
    ret->p99_ns = ns(slice, within(histogram_percentile(counts, 0.99), min_ticks, max_ticks));
    if (quantiles)
        fill_quantiles(slice, counts, quantiles);
}

static void fill_row(const struct slice *slice, size_t row, const uint32_t *next, uint32_t first)
{
    struct spread spread;
    struct snapshot_function *function = &slice->snapshot->functions[row];
    struct snapshot_quantiles *quantiles = slice->snapshot->quantiles;
    for (uint32_t at = first; at; at = next[at - 1]) {
        const struct sum_function *sums = &slice->functions.slice[at - 1];
        if (slice->shared[at - 1])
            return;
        function->yields += sums->yields;
        function->raised += sums->raised;
        function->estimated += sums->estimated;
    }
    find_spread(slice, slice->functions.slice, next, first, &spread,
                quantiles ? &quantiles[row] : NULL);
    function->min_ns = spread.min_ns;
    function->max_ns = spread.max_ns;
    function->p50_ns = spread.p50_ns;
    function->p99_ns = spread.p99_ns;
    if (!slice->functions.window)
        return;
    find_spread(slice, slice->functions.window, next, first, &spread, NULL);
    function->window.max_ns = spread.max_ns;
    function->window.p50_ns = spread.p50_ns;
    function->window.p99_ns = spread.p99_ns;
}

static int fill_durations(struct slice *slice)
{
    const struct recording *recording = slice->recording;
    struct snapshot *snapshot = slice->snapshot;
    uint32_t *next = calloc(recording->function_count + 1, sizeof(*next));
    uint32_t *first = calloc(snapshot->function_count + 1, sizeof(*first));
    bool fine = next && first;
    if (fine && slice->query->quantiles) {
        snapshot->quantiles = arena_array(snapshot->arena, snapshot->function_count + 1,
                                          sizeof(*snapshot->quantiles));
        fine = snapshot->quantiles;
    }
    if (fine) {
        for (size_t i = recording->function_count; i-- > 0;) {
            int32_t at = slice->function_of[i];
            if (at == SNAPSHOT_NONE)
                continue;
            next[i] = first[at];
            first[at] = (uint32_t)i + 1;
        }
        for (size_t i = 0; i < snapshot->function_count; i++)
            fill_row(slice, i, next, first[i]);
    }
    int result = fine ? 0 : recording_fail(slice->recording, -ENOMEM, "out of memory");
    free(next);
    free(first);
    return result;
}

/* --- the window at its end --------------------------------------------------------------------------- */

static void fill_window(const struct slice *slice, const struct snapshot_paths *paths)
{
    struct snapshot *snapshot = slice->snapshot;
    if (slice->query->window_s <= 0) {
        snapshot_paths_copy_window(snapshot);
        return;
    }
    for (size_t i = 1; i < paths->count; i++) {
        struct path_numbers path;
        uint32_t recorded = slice->recording->nodes[i].function;
        if (paths->node_of[i] == SNAPSHOT_NONE || !recorded || !is_wanted_node(slice, i))
            continue;
        fill_numbers(slice, i, &slice->middle.nodes[i], &path);
        struct snapshot_node *node = &snapshot->nodes[paths->node_of[i]];
        struct snapshot_function *function = &snapshot->functions[slice->function_of[recorded - 1]];
        node->window_self_ns += path.self_ns;
        node->window_total_ns += path.total_ns;
        function->window.calls += path.calls;
        function->window.resumes += path.resumes;
        function->window.self_ns += path.self_ns;
        function->window.self_wait_ns += path.self_wait_ns;
        if (path.flags & PATH_OUTERMOST) {
            function->window.total_ns += path.total_ns;
            function->window.total_wait_ns += path.total_wait_ns;
        }
    }
    snapshot_paths_sum_window_root(snapshot);
}

/* --- threads and processes --------------------------------------------------------------------------- */

static int by_position(const void *left, const void *right)
{
    const struct recorded_thread *const *a = left, *const *b = right;
    if ((*a)->position != (*b)->position)
        return (*a)->position < (*b)->position ? -1 : 1;
    return (*a)->row.number < (*b)->row.number ? -1 : (*a)->row.number > (*b)->row.number;
}

static void fill_thread(const struct slice *slice, size_t index, struct snapshot_thread *thread)
{
    const struct recording *recording = slice->recording;
    const struct sum_thread *before = &slice->before.threads[index];
    const struct sum_thread *middle = &slice->middle.threads[index];
    const struct sum_thread *upto = &slice->upto.threads[index];
    struct snapshot_thread first = {0}, half = {0};
    double scale = recording->ns_per_tick, stolen = recording->stolen_share;
    *thread = recording->threads[index].row;
    snapshot_scale_thread(thread, &upto->ticks, scale, stolen);
    snapshot_scale_thread(&first, &before->ticks, scale, stolen);
    snapshot_scale_thread(&half, &middle->ticks, scale, stolen);
    thread->window_cpu_ns = thread->cpu_ns - half.cpu_ns;
    thread->window_wait_ns = thread->wait_ns - half.wait_ns;
    thread->window_calls = upto->calls - middle->calls;
    thread->profiled_ns -= first.profiled_ns;
    thread->cpu_ns -= first.cpu_ns;
    thread->wait_ns -= first.wait_ns;
    thread->stalled_ns -= first.stalled_ns;
    thread->corrected_ns -= first.corrected_ns;
    thread->outside_ns -= first.outside_ns;
    thread->calls = upto->calls - before->calls;
    thread->lost = upto->lost - before->lost;
    uint32_t running = (uint32_t)thread->running;
    thread->running = running && slice_is_at_end(slice) ? slice->function_of[running - 1]
                                                        : SNAPSHOT_NONE;
    if (!slice_is_at_end(slice))
        thread->depth = 0;
}

static int fill_threads(struct slice *slice)
{
    struct recording *recording = slice->recording;
    struct snapshot *snapshot = slice->snapshot;
    const struct recorded_thread **sorted = calloc(recording->thread_count + 1, sizeof(void *));
    snapshot->threads =
        arena_array(snapshot->arena, recording->thread_count + 1, sizeof(*snapshot->threads));
    if (!sorted || !snapshot->threads) {
        free(sorted);
        return recording_fail(recording, -ENOMEM, "out of memory");
    }
    for (size_t i = 0; i < recording->thread_count; i++)
        sorted[i] = &recording->threads[i];
    qsort(sorted, recording->thread_count, sizeof(void *), by_position);
    for (size_t i = 0; i < recording->thread_count; i++) {
        size_t index = (size_t)(sorted[i] - recording->threads);
        struct snapshot_thread *thread = &snapshot->threads[snapshot->thread_count];
        if (!slice->has_thread[index])
            continue;
        fill_thread(slice, index, thread);
        snapshot->thread_count += slice->whole || thread->profiled_ns || thread->calls;
    }
    free(sorted);
    return 0;
}

static bool is_process_of_thread(const struct slice *slice, uint32_t pid)
{
    for (size_t i = 0; i < slice->snapshot->thread_count; i++)
        if (slice->snapshot->threads[i].pid == pid)
            return true;
    return false;
}

static int fill_processes(struct slice *slice)
{
    struct recording *recording = slice->recording;
    struct snapshot *snapshot = slice->snapshot;
    snapshot->processes =
        arena_array(snapshot->arena, recording->process_count + 1, sizeof(*snapshot->processes));
    if (!snapshot->processes)
        return recording_fail(recording, -ENOMEM, "out of memory");
    for (size_t i = 0; i < recording->process_count; i++) {
        const struct snapshot_process *from = &recording->processes[i];
        if (!slice->all && !is_process_of_thread(slice, from->pid))
            continue;
        struct snapshot_process *process = &snapshot->processes[snapshot->process_count++];
        *process = *from;
        process->command = from->command ? arena_string(snapshot->arena, from->command) : NULL;
        process->calls = slice->upto.processes[i].calls - slice->before.processes[i].calls;
        process->lost = slice->upto.processes[i].lost - slice->before.processes[i].lost;
        if (from->command && !process->command)
            return recording_fail(recording, -ENOMEM, "out of memory");
    }
    return 0;
}

/* --- all of it --------------------------------------------------------------------------------------- */

static int32_t find_other(const struct slice *slice)
{
    const struct recording *recording = slice->recording;
    for (size_t i = 0; i < recording->function_count; i++)
        if (recording->functions[i].row.kind == KIND_PSEUDO &&
            strcmp(recording->functions[i].row.name, "(other)") == 0)
            return slice->function_of[i];
    return SNAPSHOT_NONE;
}

static int build(struct slice *slice)
{
    struct snapshot *snapshot = slice->snapshot;
    struct snapshot_paths paths = {
        .count = slice->recording->node_count, .context = slice, .get = get_path};
    slice->shared = calloc(slice->recording->function_count + 1, sizeof(bool));
    if (!slice->shared || snapshot_paths_mark(snapshot, &paths))
        return recording_fail(slice->recording, -ENOMEM, "out of memory");
    snapshot->meta = slice->recording->meta;
    find_shared(slice);
    int result = slice_copy_texts(slice);
    if (result == 0)
        result = mark_functions(slice, &paths);
    if (result == 0)
        result = make_functions(slice);
    if (result == 0)
        result = fill_durations(slice);
    if (result)
        return result;
    paths.other = find_other(slice);
    if (snapshot_paths_fill(snapshot, &paths))
        return recording_fail(slice->recording, -ENOMEM, "out of memory");
    fill_window(slice, &paths);
    result = fill_threads(slice);
    if (result == 0)
        result = fill_processes(slice);
    if (result == 0)
        result = slice_fill_tables(slice);
    if (result == 0)
        slice_fill_meta(slice);
    return result;
}

struct snapshot *recording_snapshot(struct recording *recording,
                                    const struct recording_query *query)
{
    struct slice slice = {.recording = recording, .query = query};
    int result = recording_begin_reading(recording);
    if (result)
        return NULL;
    result = choose_time(&slice);
    if (result == 0)
        result = choose_threads(&slice);
    if (result == 0)
        result = sum(&slice);
    slice.snapshot = result == 0 ? snapshot_new() : NULL;
    if (result == 0 && !slice.snapshot)
        result = recording_fail(recording, -ENOMEM, "out of memory");
    if (result == 0 && slice.snapshot)
        result = build(&slice);
    recording_end_reading(recording);
    recording_functions_free(recording, slice.functions.slice);
    recording_functions_free(recording, slice.functions.window);
    recording_sums_done(&slice.before);
    recording_sums_done(&slice.middle);
    recording_sums_done(&slice.upto);
    free(slice.has_thread);
    free(slice.shared);
    free(slice.function_of);
    if (result == 0)
        return slice.snapshot;
    snapshot_free(slice.snapshot);
    return NULL;
}
