/* SPDX-License-Identifier: MIT */
/* Copying the model.
 * Why: see moment.h.
 * Rules: moment_take allocates only for windows; all else has its room before the lock is taken. */
#include "model/moment.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int make_room(void *array_pointer, uint32_t *limit, uint32_t wanted, size_t size)
{
    void **array = array_pointer;
    if (*limit >= wanted && *array)
        return 0;
    free(*array);
    *limit = wanted + wanted / 4 + 64;
    *array = malloc(*limit * size);
    return *array ? 0 : -ENOMEM;
}

int moment_prepare(struct moment *moment, const struct moment_room *room)
{
    int result =
        make_room(&moment->nodes, &moment->node_limit, room->nodes, sizeof(*moment->nodes));
    if (result == 0)
        result = make_room(&moment->rows, &moment->row_limit, room->symbols, sizeof(*moment->rows));
    if (result == 0)
        result = make_room(&moment->threads, &moment->thread_limit, room->threads,
                           sizeof(*moment->threads));
    if (result == 0)
        result =
            make_room(&moment->tasks, &moment->task_limit, room->tasks, sizeof(*moment->tasks));
    if (result == 0)
        result =
            make_room(&moment->groups, &moment->group_limit, room->groups, sizeof(*moment->groups));
    if (result == 0)
        result = make_room(&moment->gc_triggers, &moment->gc_trigger_limit, room->gc_triggers,
                           sizeof(*moment->gc_triggers));
    if (result == 0)
        result = activations_prepare(&moment->activations);
    if (result == 0)
        result =
            make_room(&moment->lines, &moment->line_limit, room->lines, sizeof(*moment->lines));
    if (result == 0)
        result = make_room(&moment->io_rows, &moment->io_row_limit, room->io_rows,
                           sizeof(*moment->io_rows));
    if (result == 0)
        result =
            make_room(&moment->waits, &moment->wait_limit, room->waits, sizeof(*moment->waits));
    if (result == 0)
        result = make_room(&moment->requests, &moment->request_limit, room->requests,
                           sizeof(*moment->requests));
    if (result == 0)
        result = make_room(&moment->request_functions, &moment->request_function_limit,
                           room->requests * SNAPSHOT_REQUEST_FUNCTIONS,
                           sizeof(*moment->request_functions));
    if (result == 0)
        result = make_room(&moment->escalations, &moment->escalation_limit, room->escalations,
                           sizeof(*moment->escalations));
    if (result == 0)
        result = make_room(&moment->objects, &moment->object_limit, room->objects,
                           sizeof(*moment->objects));
    if (result == 0)
        result = make_room(&moment->memory_sites, &moment->memory_site_limit, room->memory_sites,
                           sizeof(*moment->memory_sites));
    if (result == 0)
        result = make_room(&moment->memory_before, &moment->memory_before_limit, room->memory_sites,
                           sizeof(*moment->memory_before));
    return result;
}

static uint32_t threads_of(const struct model *model)
{
    uint32_t count = model->ended_count + 1;
    for (const struct track *track = model->tracks; track; track = track->next)
        count++;
    return count;
}

struct moment_room moment_room_of(const struct model *model)
{
    return (struct moment_room){.nodes = model->nodes.count,
                                .symbols = model->symbols.count,
                                .threads = threads_of(model),
                                .tasks = model->tasks.count,
                                .groups = model->tasks.group_count,
                                .gc_triggers = model->gc.trigger_count,
                                .lines = model->lines.count,
                                .escalations = model->escalations.count,
                                .objects = model->births.row_count,
                                .memory_sites = model->memory.site_count,
                                .io_rows = model->io.row_count,
                                .waits = model->waits.row_count + threads_of(model),
                                .requests = model->spans.group_count};
}

bool moment_fits(const struct moment *moment, const struct model *model)
{
    struct moment_room room = moment_room_of(model);
    return room.nodes <= moment->node_limit && room.symbols <= moment->row_limit &&
           room.threads <= moment->thread_limit && room.tasks <= moment->task_limit &&
           room.groups <= moment->group_limit && room.gc_triggers <= moment->gc_trigger_limit &&
           room.lines <= moment->line_limit && room.objects <= moment->object_limit &&
           room.escalations <= moment->escalation_limit &&
           room.memory_sites <= moment->memory_site_limit &&
           room.memory_sites <= moment->memory_before_limit &&
           room.io_rows <= moment->io_row_limit && room.waits <= moment->wait_limit &&
           room.requests <= moment->request_limit &&
           room.requests * SNAPSHOT_REQUEST_FUNCTIONS <= moment->request_function_limit;
}

void moment_done(struct moment *moment)
{
    for (uint32_t i = 0; i < moment->second_count; i++)
        window_second_done(&moment->seconds[i]);
    free(moment->seconds);
    free(moment->nodes);
    free(moment->rows);
    free(moment->threads);
    free(moment->tasks);
    free(moment->groups);
    free(moment->gc_triggers);
    activations_done(&moment->activations);
    free(moment->io_rows);
    free(moment->waits);
    free(moment->requests);
    free(moment->request_functions);
    free(moment->lines);
    free(moment->escalations);
    free(moment->objects);
    free(moment->births);
    free(moment->memory_sites);
    free(moment->memory_before);
    free(moment->thread_of);
    free(moment->durations);
    free(moment->slots);
    *moment = (struct moment){0};
}

/* --- rows ----------------------------------------------------------------------------------- */

static void percentiles(const struct symbols *symbols, struct moment_row *row,
                        enum snapshot_clock clock)
{
    int64_t counts[HISTOGRAM_SLOTS] = {0};
    for (uint32_t i = row->symbol; i; i = symbols->symbols[i].next_twin) {
        const struct symbol *symbol = &symbols->symbols[i];
        histogram_sum(&symbols->octaves, &symbol->wall, counts);
        if (clock == CLOCK_CPU && symbol->cpu_difference)
            histogram_sum(&symbols->octaves, symbol->cpu_difference, counts);
    }
    row->p50_ticks = histogram_percentile(counts, 0.50);
    row->p99_ticks = histogram_percentile(counts, 0.99);
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static void take_row(const struct symbols *symbols, uint32_t index, struct moment_row *row,
                     enum snapshot_clock clock)
{
    *row = (struct moment_row){.symbol = index,
                               .absorbs = symbols->symbols[index].absorbs,
                               .is_method = symbols->symbols[index].is_method,
                               .is_partial = symbols->symbols[index].is_partial,
                               .is_estimated = symbols->symbols[index].is_estimated,
                               .holds_muted = symbols->symbols[index].holds_muted,
                               .lines_partial = symbols->symbols[index].lines_partial,
                               .estimated = symbols->symbols[index].estimated,
                               .min_ticks = INT64_MAX,
                               .max_ticks = -1};
    for (uint32_t i = index; i; i = symbols->symbols[i].next_twin) {
        const struct symbol *symbol = &symbols->symbols[i];
        bool cpu = clock == CLOCK_CPU;
        int64_t min_ticks = cpu ? symbol->min_cpu_ticks : symbol->min_ticks;
        if ((cpu ? symbol->held_min_cpu_ticks : symbol->held_min_ticks) < min_ticks)
            min_ticks = cpu ? symbol->held_min_cpu_ticks : symbol->held_min_ticks;
        row->yields += symbol->yields;
        row->raised += symbol->raised;
        row->min_ticks = min_ticks < row->min_ticks ? min_ticks : row->min_ticks;
        row->max_ticks = larger(row->max_ticks, cpu ? symbol->max_cpu_ticks : symbol->max_ticks);
        row->max_ticks =
            larger(row->max_ticks, cpu ? symbol->second_max_cpu_ticks : symbol->second_max_ticks);
        row->max_ticks =
            larger(row->max_ticks, cpu ? symbol->held_max_cpu_ticks : symbol->held_max_ticks);
    }
    if (row->max_ticks >= 0)
        percentiles(symbols, row, clock);
    if (row->max_ticks < 0)
        row->min_ticks = row->max_ticks = 0;
    /* A bucket's middle may lie beyond what was seen. */
    row->p50_ticks =
        larger(row->min_ticks, row->p50_ticks < row->max_ticks ? row->p50_ticks : row->max_ticks);
    row->p99_ticks =
        larger(row->min_ticks, row->p99_ticks < row->max_ticks ? row->p99_ticks : row->max_ticks);
}

static void take_rows(struct moment *moment, const struct symbols *symbols)
{
    moment->symbol_count = symbols->count;
    for (uint32_t i = 0; i < symbols->count; i++) {
        moment->rows[i].symbol = 0;
        if (symbols->symbols[i].row == i)
            take_row(symbols, i, &moment->rows[i], moment->clock);
    }
}

/* --- threads -------------------------------------------------------------------------------- */

static void take_thread(struct moment_thread *thread, const struct track *track)
{
    struct ended_thread *sums = &thread->sums;
    *thread = (struct moment_thread){.depth = track->depth};
    if (track->depth)
        thread->running_symbol = track->entries[track->depth].symbol;
    sums->pid = track->process->pid;
    sums->tid = track->tid;
    sums->number = track->number;
    memcpy(sums->name, track->name, sizeof(sums->name));
    model_sum_thread(sums, track);
}

static void add_window(struct moment_thread *thread, const struct track *track,
                       const struct windows *windows, int seconds)
{
    thread->window = track_since_tick(track);
    for (int i = 0; i < seconds && i < (int)windows->second_count; i++) {
        uint32_t at = (windows->newest + WINDOWS_SECONDS - (uint32_t)i) % WINDOWS_SECONDS;
        thread->window.calls += track->history[at].calls;
        thread->window.wall_ticks += track->history[at].wall_ticks;
        thread->window.wait_ticks += track->history[at].wait_ticks;
    }
}

static void take_threads(struct moment *moment, const struct model *model, int seconds)
{
    moment->thread_count = 0;
    for (const struct track *track = model->tracks; track; track = track->next) {
        if (!track->seen)
            continue;
        struct moment_thread *thread = &moment->threads[moment->thread_count++];
        take_thread(thread, track);
        add_window(thread, track, &model->windows, seconds);
    }
    uint32_t ended = model->ended_count + (model->ended_folded ? 1 : 0);
    for (uint32_t i = 0; i < ended; i++)
        moment->threads[moment->thread_count++] = (struct moment_thread){
            .sums = model->ended[i < model->ended_count ? i : MODEL_ENDED_MAX], .ended = true};
}

/* --- asyncio's tasks ------------------------------------------------------------------------ */

/* What has passed of the step that an open entry is. */
static void add_open_step(struct moment *moment, const struct track *track, uint32_t number)
{
    struct async_task *task = &moment->tasks[number];
    if (number >= moment->task_count || task->state != ASYNC_RUNNING)
        return;
    int64_t wall_ticks = track->clock_ticks - task->step_ticks;
    task->sums.wall_ticks += wall_ticks;
    task->sums.wait_ticks += track->wait_ticks - task->step_wait_ticks;
    wall_ticks += task->passed_ticks;
    if (wall_ticks > task->sums.longest_ticks)
        task->sums.longest_ticks = wall_ticks;
    if (wall_ticks > moment->longest.sums.longest_ticks)
        moment->longest = *task;
}

static void take_tasks(struct moment *moment, const struct model *model, uint64_t counter)
{
    const struct async_tasks *tasks = &model->tasks;
    moment->task_count = tasks->count;
    memcpy(moment->tasks, tasks->tasks, tasks->count * sizeof(*moment->tasks));
    moment->group_count = tasks->group_count;
    memcpy(moment->groups, tasks->groups, tasks->group_count * sizeof(*moment->groups));
    moment->longest = tasks->longest;
    if (tasks->live == 0)
        return;
    for (const struct track *track = model->tracks; track; track = track->next)
        for (uint32_t i = 1; i <= track->depth; i++)
            if (track->entries[i].task)
                add_open_step(moment, track, track->entries[i].task);
    for (uint32_t i = 1; i < moment->task_count; i++) {
        struct async_task *task = &moment->tasks[i];
        bool waits = task->state == ASYNC_SUSPENDED || task->state == ASYNC_MADE;
        task->since = waits && counter > task->since ? counter - task->since : 0; /* ago */
        if (task->state == ASYNC_SUSPENDED)
            task->sums.suspended_ticks += (int64_t)task->since;
    }
}

static void take_gc(struct moment *moment, const struct gc_pauses *gc)
{
    memcpy(moment->gc, gc->generations, sizeof(moment->gc));
    moment->gc_trigger_count = gc->trigger_count;
    memcpy(moment->gc_triggers, gc->triggers, gc->trigger_count * sizeof(*moment->gc_triggers));
}

/* The 99th percentile; and how many took how long, by octave. */
static int64_t take_durations(const struct io_calls *io, const struct io_row *row,
                              uint64_t by_octave[SNAPSHOT_IO_DURATIONS])
{
    int64_t counts[HISTOGRAM_SLOTS] = {0};
    if (!row->durations)
        return row->sums.max_ticks;
    histogram_sum(&io->octaves, row->durations, counts);
    for (uint32_t i = 0; i < HISTOGRAM_SLOTS; i++) {
        uint32_t octave = i / HISTOGRAM_SUBS;
        by_octave[octave < SNAPSHOT_IO_DURATIONS ? octave : SNAPSHOT_IO_DURATIONS - 1] +=
            (uint64_t)counts[i];
    }
    int64_t ticks = histogram_percentile(counts, 0.99);
    /* A bucket's middle may lie beyond what was seen. */
    return ticks < row->sums.max_ticks ? ticks : row->sums.max_ticks;
}

static void take_io(struct moment *moment, const struct io_calls *io)
{
    moment->io_row_count = 0;
    for (uint32_t i = 1; i < io->row_count; i++) {
        const struct io_row *row = &io->rows[i];
        const struct io_resource *resource =
            &io->files.resources[io_files_true(&io->files, row->resource)];
        struct moment_io *taken = &moment->io_rows[moment->io_row_count++];
        *taken = (struct moment_io){
            .symbol = row->symbol,
            .line = row->line,
            .operation = row->operation,
            .resource = resource->text                     ? resource->text
                        : resource->sort == IO_SORT_SOCKET ? "socket"
                                                           : NULL,
            .fd = row->resource == IO_RESOURCE_NONE ? IO_NO_FD : resource->fd,
            .sums = row->sums,
        };
        taken->p99_ticks = take_durations(io, row, taken->durations);
    }
}

/* The heaviest first. */
static uint32_t take_functions(struct span_function *to, const struct span_functions *from)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < from->limit; i++) {
        const struct span_function *function = &from->slots[i];
        uint32_t place = count;
        if (!function->symbol)
            continue;
        while (place > 0 && to[place - 1].ticks < function->ticks)
            place--;
        if (place == SNAPSHOT_REQUEST_FUNCTIONS)
            continue;
        count += count < SNAPSHOT_REQUEST_FUNCTIONS;
        memmove(to + place + 1, to + place, (count - place - 1) * sizeof(*to));
        to[place] = *function;
    }
    return count;
}

static void take_requests(struct moment *moment, const struct model *model)
{
    const struct spans *spans = &model->spans;
    moment->first_counter = model->first_counter;
    moment->request_count = moment->request_function_count = 0;
    for (uint32_t i = 1; i < spans->group_count; i++) {
        const struct span_group *group = &spans->groups[i];
        struct moment_request *request = &moment->requests[moment->request_count];
        int64_t counts[HISTOGRAM_SLOTS] = {0};
        if (group->count == 0)
            continue;
        if (group->durations)
            histogram_sum(&spans->octaves, group->durations, counts);
        *request = (struct moment_request){
            .group = *group,
            .p50_ticks = histogram_percentile(counts, 0.5),
            .p99_ticks = histogram_percentile(counts, 0.99),
            .first_function = moment->request_function_count,
        };
        request->function_count = take_functions(
            moment->request_functions + moment->request_function_count, &group->functions);
        moment->request_function_count += request->function_count;
        moment->request_count++;
    }
}

static void take_lines(struct moment *moment, const struct lines *lines)
{
    moment->line_count = lines->count;
    moment->lines_refused = lines->refused;
    memcpy(moment->lines, lines->sums, lines->count * sizeof(*moment->lines));
}

/* Texts of resources are never freed while the model lives. */
static void name_resource(struct witness *witness, const struct io_files *files)
{
    if (witness->is_io)
        witness->resource_text = files->resources[io_files_true(files, witness->resource)].text;
}

static void take_escalations(struct moment *moment, const struct escalations *escalations,
                             const struct io_files *files)
{
    moment->escalation_count = escalations->count;
    if (escalations->count)
        memcpy(moment->escalations, escalations->rows,
               escalations->count * sizeof(*moment->escalations));
    for (uint32_t i = 1; i < moment->escalation_count; i++) {
        name_resource(&moment->escalations[i].first, files);
        name_resource(&moment->escalations[i].worst, files);
    }
}

/* Where there is no memory for them there are none. */
static void take_births(struct moment *moment, const struct births *births)
{
    uint64_t count = births->sample_count < BIRTHS_SAMPLES ? births->sample_count : BIRTHS_SAMPLES;
    moment->birth_count = 0;
    if (count && !moment->births)
        moment->births = malloc(BIRTHS_SAMPLES * sizeof(*moment->births));
    moment->births_before = births->sample_count - count;
    moment->birth_stride = births->sampling.stride;
    for (uint64_t i = 0; moment->births && i < count; i++)
        moment->births[moment->birth_count++] =
            births->samples[(moment->births_before + i) % BIRTHS_SAMPLES];
}

static void take_objects(struct moment *moment, const struct model *model)
{
    const struct births *births = &model->births;
    moment->object_count = 0;
    for (uint32_t i = BIRTHS_ROW_OTHER; i < births->row_count; i++) {
        const struct births_row *row = &births->rows[i];
        if ((row->births == 0 && row->deaths == 0 && row->live == 0) ||
            !births_row_is_kept(model, row))
            continue;
        moment->objects[moment->object_count++] = (struct moment_object){
            .type = births->types[row->type],
            .row = i,
            .symbol = row->symbol,
            .line = row->line,
            .before = row->before,
            .births = row->births,
            .deaths = row->deaths,
            .live = row->live,
            .bytes = row->bytes,
            .live_bytes = row->live_bytes,
            .median_ticks = births_median(births, row),
        };
    }
}
/* `seconds`: as in moment_take. Where the window began before the first second, nothing was live then. */
static void take_memory(struct moment *moment, const struct model *model, int seconds)
{
    const struct memory *memory = &model->memory;
    const struct windows *windows = &model->windows;
    moment->memory = *memory;
    moment->memory.sites = NULL;
    moment->memory.buckets = NULL;
    moment->memory_site_count = memory->site_count;
    if (memory->site_count == 0)
        return;
    memcpy(moment->memory_sites, memory->sites, memory->site_count * sizeof(*memory->sites));
    memset(moment->memory_before, 0, memory->site_count * sizeof(*moment->memory_before));
    if (seconds < 0 || (uint32_t)seconds >= windows->second_count)
        return;
    const struct memory_past *past =
        &memory->past[(windows->newest + WINDOWS_SECONDS - (uint32_t)seconds) % WINDOWS_SECONDS];
    if (past->count)
        memcpy(moment->memory_before, past->live_bytes, past->count * sizeof(*past->live_bytes));
}
static_assert((int)MEMORY_HISTORY == (int)WINDOWS_SECONDS, "one for each second");

/* --- windows -------------------------------------------------------------------------------- */

static int copy_array(void *target_pointer, const void *source, uint32_t count, size_t size)
{
    void **target = target_pointer;
    *target = NULL;
    if (count == 0)
        return 0;
    *target = malloc(count * size);
    if (!*target)
        return -ENOMEM;
    memcpy(*target, source, count * size);
    return 0;
}

static int copy_second(struct window_second *target, const struct window_second *source)
{
    *target = *source;
    target->rows = NULL;
    target->slots = NULL;
    target->nodes = NULL;
    int result = copy_array(&target->rows, source->rows, source->row_count, sizeof(*source->rows));
    if (result == 0)
        result =
            copy_array(&target->slots, source->slots, source->slot_count, sizeof(*source->slots));
    if (result == 0)
        result =
            copy_array(&target->nodes, source->nodes, source->node_count, sizeof(*source->nodes));
    return result;
}

static int take_seconds(struct moment *moment, struct model *model, uint64_t counter, int seconds)
{
    moment->seconds = calloc((size_t)seconds + 1, sizeof(*moment->seconds));
    if (!moment->seconds)
        return -ENOMEM;
    moment->second_count = 1;
    windows_collect(&model->windows, &model->nodes, &model->symbols, counter, model->events_read,
                    &moment->seconds[0]);
    for (int i = 0; i < seconds; i++) {
        const struct window_second *second = windows_back(&model->windows, (uint32_t)i);
        if (!second)
            break;
        int result = copy_second(&moment->seconds[moment->second_count++], second);
        if (result)
            return result;
    }
    return 0;
}

int moment_take(struct moment *moment, struct model *model, uint64_t counter, int seconds)
{
    memcpy(moment->nodes, model->nodes.nodes, model->nodes.count * sizeof(*moment->nodes));
    moment->node_count = model->nodes.count;
    take_rows(moment, &model->symbols);
    take_threads(moment, model, seconds);
    take_tasks(moment, model, counter);
    take_gc(moment, &model->gc);
    activations_take(&moment->activations, model, counter);
    take_io(moment, &model->io);
    moment_take_waits(moment, model, counter);
    take_requests(moment, model);
    take_lines(moment, &model->lines);
    take_escalations(moment, &model->escalations, &model->io.files);
    take_objects(moment, model);
    take_births(moment, &model->births);
    take_memory(moment, model, seconds);
    return seconds < 0 ? 0 : take_seconds(moment, model, counter, seconds);
}
