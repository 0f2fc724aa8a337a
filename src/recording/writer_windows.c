/* SPDX-License-Identifier: MIT */
/* What a window adds to the one before.
 * Why: see recording_writer.h.
 * Rules: only what changed has a row. A level remembers what its last row said, never what the last
 * snapshot said, so that its rows sum to the whole. */
#include "recording/writer_parts.h"

#include "base/arena.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct snapshot_extremes no_extremes = {INT64_MAX, -1, INT64_MAX, -1};

static void bind_all(sqlite3_stmt *statement, int first, const int64_t *values, int count)
{
    for (int i = 0; i < count; i++)
        sqlite3_bind_int64(statement, first + i, values[i]);
}

/* Binds window, key and the differences; steps when one of them is not zero. */
static int put_differences(struct recording_writer *writer, enum writer_statement which,
                           int64_t key, const int64_t *differences, int count)
{
    sqlite3_stmt *statement = writer->statements[which];
    bool changed = false;
    for (int i = 0; i < count; i++)
        changed |= differences[i] != 0;
    if (!changed)
        return 0;
    sqlite3_bind_int64(statement, 1, writer->window_id);
    sqlite3_bind_int64(statement, 2, key);
    bind_all(statement, 3, differences, count);
    return database_step(statement);
}

/* --- nodes -------------------------------------------------------------------------------------- */

static int put_nodes(struct recording_writer *writer, struct writer_level *level,
                     const struct snapshot_detail *detail)
{
    for (size_t i = 0; i < detail->path_count; i++) {
        const struct snapshot_path *path = &detail->paths[i];
        if (writer_room(&level->nodes, &level->node_limit, path->id, sizeof(*level->nodes)))
            return -ENOMEM;
        struct writer_node *before = &level->nodes[path->id];
        int64_t differences[] = {
            (int64_t)(path->calls - before->calls),
            (int64_t)(path->resumes - before->resumes),
            path->self_ticks - before->self_ticks,
            path->total_ticks - before->total_ticks,
            path->self_wait_ticks - before->self_wait_ticks,
            path->total_wait_ticks - before->total_wait_ticks,
        };
        int result = put_differences(writer, PUT_NODE_TIMES, path->id, differences, 6);
        if (result)
            return result;
        *before = (struct writer_node){.calls = path->calls,
                                       .resumes = path->resumes,
                                       .self_ticks = path->self_ticks,
                                       .total_ticks = path->total_ticks,
                                       .self_wait_ticks = path->self_wait_ticks,
                                       .total_wait_ticks = path->total_wait_ticks};
    }
    return 0;
}

/* --- functions ---------------------------------------------------------------------------------- */

static bool is_before(const struct snapshot_slot *a, const struct snapshot_slot *b)
{
    return a->cpu != b->cpu ? b->cpu : a->slot < b->slot;
}

/* `{"312":5,"313":-1}`: what the function's histogram has beyond what the level knew, of one clock. NULL in
 * *ret_text: nothing. 0 or -ENOMEM. */
static int describe_slots(struct arena *arena, const struct writer_function *before,
                          const struct snapshot_slot *now, size_t now_count, bool cpu,
                          const char **ret_text)
{
    enum { LONGEST = 32 };
    size_t limit = (before->slot_count + now_count) * LONGEST + 2, size = 0, b = 0, n = 0;
    char *text = arena_alloc(arena, limit);
    *ret_text = NULL;
    if (!text)
        return -ENOMEM;
    while (b < before->slot_count || n < now_count) {
        const struct snapshot_slot *old = b < before->slot_count ? &before->slots[b] : NULL;
        const struct snapshot_slot *new = n < now_count ? &now[n] : NULL;
        bool take_old = old && (!new || !is_before(new, old));
        bool take_new = new && (!old || !is_before(old, new));
        const struct snapshot_slot *slot = take_new ? new : old;
        int64_t count = (take_new ? new->count : 0) - (take_old ? old->count : 0);
        b += take_old;
        n += take_new;
        if (count && slot->cpu == cpu)
            size += (size_t)snprintf(text + size, limit - size, "%c\"%u\":%lld", size ? ',' : '{',
                                     (unsigned)slot->slot, (long long)count);
    }
    if (size) {
        memcpy(text + size, "}", 2);
        *ret_text = text;
    }
    return 0;
}

static int keep_slots(struct writer_function *function, const struct snapshot_slot *slots,
                      size_t count)
{
    if (count > function->slot_count) {
        struct snapshot_slot *grown = realloc(function->slots, count * sizeof(*grown));
        if (!grown)
            return -ENOMEM;
        function->slots = grown;
    }
    function->slot_count = count;
    if (count)
        memcpy(function->slots, slots, count * sizeof(*slots));
    return 0;
}

static void bind_extreme(sqlite3_stmt *statement, int at, const struct writer_function *function,
                         int64_t ticks)
{
    if (function->has_recent)
        sqlite3_bind_int64(statement, at, ticks);
    else
        sqlite3_bind_null(statement, at);
}

static int put_function(struct recording_writer *writer, struct writer_function *before,
                        const struct snapshot_function *function,
                        const struct snapshot_durations *durations,
                        const struct snapshot_detail *detail)
{
    int64_t differences[] = {(int64_t)(function->yields - before->yields),
                             (int64_t)(function->raised - before->raised),
                             (int64_t)(function->estimated - before->estimated)};
    if (!differences[0] && !differences[1] && !differences[2] && !before->has_recent)
        return 0;
    const struct snapshot_slot *slots = detail->slots + durations->slot_first;
    const char *wall, *cpu;
    struct arena *arena = writer->masked->arena;
    if (describe_slots(arena, before, slots, durations->slot_count, false, &wall) ||
        describe_slots(arena, before, slots, durations->slot_count, true, &cpu) ||
        keep_slots(before, slots, durations->slot_count))
        return -ENOMEM;
    sqlite3_stmt *statement = writer->statements[PUT_FUNCTION_TIMES];
    sqlite3_bind_int64(statement, 1, writer->window_id);
    sqlite3_bind_int64(statement, 2, function->id);
    bind_all(statement, 3, differences, 3);
    bind_extreme(statement, 6, before, before->recent.min_ticks);
    bind_extreme(statement, 7, before, before->recent.max_ticks);
    bind_extreme(statement, 8, before, before->recent.min_cpu_ticks);
    bind_extreme(statement, 9, before, before->recent.max_cpu_ticks);
    database_bind_text(statement, 10, wall);
    database_bind_text(statement, 11, cpu);
    before->yields = function->yields;
    before->raised = function->raised;
    before->estimated = function->estimated;
    before->has_recent = false;
    return database_step(statement);
}

/* What the snapshot says of the time since the one before it, each level gathers. */
static int gather_recent(struct writer_level *level, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->function_count; i++) {
        const struct snapshot_extremes *recent = &snapshot->detail->durations[i].recent;
        uint32_t id = snapshot->functions[i].id;
        if (writer_room(&level->functions, &level->function_limit, id, sizeof(*level->functions)))
            return -ENOMEM;
        struct writer_function *function = &level->functions[id];
        if (recent->max_ticks < 0)
            continue;
        if (!function->has_recent)
            function->recent = no_extremes;
        function->has_recent = true;
        struct snapshot_extremes *sum = &function->recent;
        if (recent->min_ticks < sum->min_ticks)
            sum->min_ticks = recent->min_ticks;
        if (recent->max_ticks > sum->max_ticks)
            sum->max_ticks = recent->max_ticks;
        if (recent->min_cpu_ticks < sum->min_cpu_ticks)
            sum->min_cpu_ticks = recent->min_cpu_ticks;
        if (recent->max_cpu_ticks > sum->max_cpu_ticks)
            sum->max_cpu_ticks = recent->max_cpu_ticks;
    }
    return 0;
}

static int put_functions(struct recording_writer *writer, struct writer_level *level,
                         const struct snapshot *snapshot)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < snapshot->function_count; i++)
        result = put_function(writer, &level->functions[snapshot->functions[i].id],
                              &snapshot->functions[i], &snapshot->detail->durations[i],
                              snapshot->detail);
    return result;
}

/* --- threads and processes ---------------------------------------------------------------------- */

static int put_thread(struct recording_writer *writer, struct writer_level *level, uint32_t number,
                      const struct writer_thread *now)
{
    if (writer_room(&level->threads, &level->thread_limit, number, sizeof(*level->threads)))
        return -ENOMEM;
    struct writer_thread *before = &level->threads[number];
    int64_t differences[] = {
        (int64_t)(now->calls - before->calls),
        (int64_t)(now->lost - before->lost),
        now->ticks.profiled - before->ticks.profiled,
        now->ticks.wait - before->ticks.wait,
        now->ticks.stalled - before->ticks.stalled,
        now->ticks.corrected - before->ticks.corrected,
        now->ticks.outside - before->ticks.outside,
    };
    *before = *now;
    return put_differences(writer, PUT_THREAD_TIMES, number, differences, 7);
}

static void subtract(struct writer_thread *from, const struct writer_thread *what)
{
    from->calls -= what->calls;
    from->lost -= what->lost;
    from->ticks.profiled -= what->ticks.profiled;
    from->ticks.wait -= what->ticks.wait;
    from->ticks.stalled -= what->ticks.stalled;
    from->ticks.corrected -= what->ticks.corrected;
    from->ticks.outside -= what->ticks.outside;
}

/* The row of those that have ended and are summed is given without the threads that have rows here. */
static int put_threads(struct recording_writer *writer, struct writer_level *level,
                       const struct snapshot *snapshot)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < snapshot->thread_count; i++) {
        uint32_t number = snapshot->threads[i].number;
        struct writer_thread now = writer->threads[number].last;
        if (number == 0)
            subtract(&now, &writer->folded);
        result = put_thread(writer, level, number, &now);
    }
    return result;
}

static int put_processes(struct recording_writer *writer, struct writer_level *level)
{
    int result = 0;
    for (size_t i = 0; result == 0 && i < writer->process_count; i++) {
        if (writer_room(&level->processes, &level->process_limit, i, sizeof(*level->processes)))
            return -ENOMEM;
        struct writer_process *before = &level->processes[i];
        const struct writer_process *now = &writer->processes[i].now;
        int64_t differences[] = {(int64_t)(now->calls - before->calls),
                                 (int64_t)(now->lost - before->lost)};
        *before = *now;
        result =
            put_differences(writer, PUT_PROCESS_TIMES, writer->processes[i].pid, differences, 2);
    }
    return result;
}

/* --- windows ------------------------------------------------------------------------------------ */

static int put_window(struct recording_writer *writer, int number, const struct snapshot *snapshot,
                      int64_t to_ns)
{
    struct writer_level *level = &writer->levels[number];
    const struct snapshot_meta *meta = &snapshot->meta;
    struct writer_sums *sums = &level->sums;
    sqlite3_stmt *statement = writer->statements[PUT_WINDOW];
    int64_t values[] = {
        ++writer->window_id,
        number,
        level->from_ns,
        to_ns,
        (int64_t)(meta->events_read - sums->events),
        (int64_t)(meta->lost - sums->lost),
        (int64_t)(meta->gaps - sums->gaps),
        (int64_t)(meta->nested - sums->nested),
        meta->off_ns - sums->off_ns,
    };
    bind_all(statement, 1, values, 9);
    int result = database_step(statement);
    if (result == 0)
        result = put_nodes(writer, level, snapshot->detail);
    if (result == 0)
        result = put_functions(writer, level, snapshot);
    if (result == 0)
        result = put_threads(writer, level, snapshot);
    if (result == 0)
        result = put_processes(writer, level);
    *sums = (struct writer_sums){.events = meta->events_read,
                                 .lost = meta->lost,
                                 .gaps = meta->gaps,
                                 .nested = meta->nested,
                                 .off_ns = meta->off_ns};
    level->from_ns = to_ns;
    level->windows = 0;
    return result;
}

int writer_put_windows(struct recording_writer *writer, const struct snapshot *snapshot,
                       int64_t to_ns)
{
    for (int i = 0; i < SCHEMA_LEVELS; i++)
        if (gather_recent(&writer->levels[i], snapshot))
            return -ENOMEM;
    int result = put_window(writer, 0, snapshot, to_ns);
    for (int i = 1; result == 0 && i < SCHEMA_LEVELS; i++) {
        if (++writer->levels[i].windows < SCHEMA_STEP)
            break;
        result = put_window(writer, i, snapshot, to_ns);
    }
    writer->end_ns = to_ns;
    return result;
}

void writer_level_done(struct writer_level *level)
{
    for (size_t i = 0; i < level->function_limit; i++)
        free(level->functions[i].slots);
    free(level->functions);
    free(level->nodes);
    free(level->threads);
    free(level->processes);
}
