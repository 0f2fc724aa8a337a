/* SPDX-License-Identifier: MIT */
/* The picture `nova`: the births that were sampled since the last message, whose they are, and what turns the hands: for how long each
 * thread, task and function has run by now.
 * Why no angles: which clocks there are is each reader's choice, and a hand stands where its task's time has brought it between two
 * messages.
 * Rules: as view_json.h. `births` is flat, SAMPLE numbers each: microseconds since the one before (the first: since `from_ns`), index
 * into `objects`, bytes, thread, task (0: in none). An object is [type, function or null, line, births, deaths, live, bytes,
 * live bytes, median life in ns or null]; a thread [number, name, ns]; a task [id, name or null, coroutine or null, ns]; a
 * function's ns stand by its id. `births_all` and `bytes_all` are of all objects, sent or not, that the filter lets through or
 * not. */
#include "web/view_json.h"

#include "base/sort.h"
#include "base/text.h"
#include "views/view_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BIRTHS_MOST = 2000, OBJECTS_MOST = 160, TASKS_MOST = 60, UNPLACED = -1 };

struct nova {
    struct json_writer *writer;
    const struct snapshot *snapshot;
    const char *filter; /* NULL: none */
    size_t first;       /* birth that is sent */
    int32_t *places;    /* by object: where it stands in the message, or UNPLACED */
    size_t placed;
    uint32_t *order; /* objects that are sent */
    bool *named;     /* by function */
};

/* --- which rows ------------------------------------------------------------------------------ */

static void place(struct nova *nova, uint32_t object)
{
    if (object >= nova->snapshot->object_count || nova->places[object] != UNPLACED)
        return;
    nova->places[object] = (int32_t)nova->placed;
    nova->order[nova->placed++] = object;
    int32_t function = nova->snapshot->objects[object].function;
    if (function >= 0)
        nova->named[function] = true;
}

static int by_births(const void *left, const void *right, void *context)
{
    const struct snapshot_object *objects = context;
    uint64_t a = objects[*(const uint32_t *)left].births;
    uint64_t b = objects[*(const uint32_t *)right].births;
    return (a < b) - (a > b);
}

static bool is_wanted(const struct nova *nova, const struct snapshot_object *object)
{
    if (!nova->filter || !nova->filter[0] || text_contains(object->type, nova->filter))
        return true;
    return object->function >= 0 &&
           view_rows_match(&nova->snapshot->functions[object->function], nova->filter);
}

/* Those that made most, and those of which a birth is sent. */
static int place_all(struct nova *nova)
{
    const struct snapshot *snapshot = nova->snapshot;
    size_t count = 0;
    uint32_t *rows = calloc(snapshot->object_count + 1, sizeof(*rows));
    if (!rows)
        return -ENOMEM;
    for (uint32_t i = 0; i < snapshot->object_count; i++)
        if (is_wanted(nova, &snapshot->objects[i]))
            rows[count++] = i;
    sort_with(rows, count, sizeof(*rows), by_births, snapshot->objects);
    for (size_t i = 0; i < count && i < OBJECTS_MOST && snapshot->objects[rows[i]].births; i++)
        place(nova, rows[i]);
    free(rows);
    for (size_t i = nova->first; i < snapshot->birth_count; i++)
        place(nova, snapshot->births[i].object);
    return 0;
}

/* --- writing --------------------------------------------------------------------------------- */

static void write_objects(struct nova *nova)
{
    struct json_writer *writer = nova->writer;
    json_open(writer, "objects", '[');
    for (size_t i = 0; i < nova->placed; i++) {
        const struct snapshot_object *object = &nova->snapshot->objects[nova->order[i]];
        json_open(writer, NULL, '[');
        json_string(writer, NULL, object->type);
        if (object->function < 0)
            json_null(writer, NULL);
        else
            json_unsigned(writer, NULL, nova->snapshot->functions[object->function].id);
        json_unsigned(writer, NULL, object->line);
        json_unsigned(writer, NULL, object->births);
        json_unsigned(writer, NULL, object->deaths);
        json_unsigned(writer, NULL, object->live);
        json_unsigned(writer, NULL, object->bytes);
        json_unsigned(writer, NULL, object->live_bytes);
        if (object->median_life_ns < 0)
            json_null(writer, NULL);
        else
            json_integer(writer, NULL, object->median_life_ns);
        json_close(writer, ']');
    }
    json_close(writer, ']');
}

static void write_sums(const struct nova *nova)
{
    const struct snapshot *snapshot = nova->snapshot;
    uint64_t births = 0, bytes = 0;
    bool on = false;
    for (size_t i = 0; i < snapshot->object_count; i++) {
        births += snapshot->objects[i].births;
        bytes += snapshot->objects[i].bytes;
    }
    for (size_t i = 0; i < snapshot->meta.source_count; i++)
        if (strcmp(snapshot->meta.sources[i].name, "objects") == 0)
            on = snapshot->meta.sources[i].wanted;
    json_bool(nova->writer, "on", on);
    json_unsigned(nova->writer, "kinds", snapshot->object_count);
    json_unsigned(nova->writer, "births_all", births);
    json_unsigned(nova->writer, "bytes_all", bytes);
}

static void write_births(struct nova *nova)
{
    const struct snapshot *snapshot = nova->snapshot;
    struct json_writer *writer = nova->writer;
    int64_t last_ns = nova->first < snapshot->birth_count ? snapshot->births[nova->first].at_ns : 0;
    json_unsigned(writer, "stride", snapshot->birth_stride ? snapshot->birth_stride : 1);
    json_unsigned(writer, "first", snapshot->births_before + nova->first);
    json_integer(writer, "from_ns", last_ns);
    json_open(writer, "births", '[');
    for (size_t i = nova->first; i < snapshot->birth_count; i++) {
        const struct snapshot_birth *birth = &snapshot->births[i];
        int64_t apart_us = (birth->at_ns - last_ns) / 1000;
        last_ns += apart_us * 1000;
        json_integer(writer, NULL, apart_us);
        json_integer(writer, NULL,
                     birth->object < snapshot->object_count ? nova->places[birth->object]
                                                            : UNPLACED);
        json_unsigned(writer, NULL, birth->bytes);
        json_unsigned(writer, NULL, birth->thread);
        json_unsigned(writer, NULL, birth->task);
    }
    json_close(writer, ']');
}

static void write_threads(const struct nova *nova)
{
    struct json_writer *writer = nova->writer;
    json_open(writer, "threads", '[');
    for (size_t i = 0; i < nova->snapshot->thread_count; i++) {
        const struct snapshot_thread *thread = &nova->snapshot->threads[i];
        if (thread->ended)
            continue;
        json_open(writer, NULL, '[');
        json_unsigned(writer, NULL, thread->number);
        json_string(writer, NULL, thread->name);
        json_integer(writer, NULL, thread->cpu_ns);
        json_close(writer, ']');
    }
    json_close(writer, ']');
}

static int64_t time_of(const struct snapshot_task *task)
{
    return task->wall_ns - task->wait_ns;
}

static int by_time(const void *left, const void *right, void *context)
{
    const struct snapshot_task *tasks = context;
    int64_t a = time_of(&tasks[*(const uint32_t *)left]);
    int64_t b = time_of(&tasks[*(const uint32_t *)right]);
    return (a < b) - (a > b);
}

static void write_task(const struct nova *nova, const struct snapshot_task *task)
{
    struct json_writer *writer = nova->writer;
    json_open(writer, NULL, '[');
    json_unsigned(writer, NULL, task->id);
    json_string(writer, NULL, task->name);
    json_string(writer, NULL,
                task->coroutine >= 0 ? nova->snapshot->functions[task->coroutine].qualname : NULL);
    json_integer(writer, NULL, time_of(task));
    json_close(writer, ']');
}

/* Those that have run for longest, of those that are not sums of several. */
static int write_tasks(const struct nova *nova)
{
    const struct snapshot *snapshot = nova->snapshot;
    uint32_t *rows = calloc(snapshot->task_count + 1, sizeof(*rows));
    size_t count = 0;
    if (!rows)
        return -ENOMEM;
    for (uint32_t i = 0; i < snapshot->task_count; i++)
        if (snapshot->tasks[i].id)
            rows[count++] = i;
    sort_with(rows, count, sizeof(*rows), by_time, snapshot->tasks);
    json_open(nova->writer, "tasks", '[');
    for (size_t i = 0; i < count && i < TASKS_MOST; i++)
        write_task(nova, &snapshot->tasks[rows[i]]);
    json_close(nova->writer, ']');
    free(rows);
    return 0;
}

static void write_times(const struct nova *nova)
{
    const struct snapshot *snapshot = nova->snapshot;
    char id[32];
    json_open(nova->writer, "times", '{');
    for (size_t i = 0; i < snapshot->function_count; i++) {
        if (!nova->named[i])
            continue;
        snprintf(id, sizeof(id), "%u", snapshot->functions[i].id);
        json_integer(nova->writer, id,
                     snapshot->functions[i].self_ns - snapshot->functions[i].self_wait_ns);
    }
    json_close(nova->writer, '}');
}

static int write_all(struct nova *nova)
{
    int result = place_all(nova);
    if (result < 0)
        return result;
    json_open(nova->writer, "picture", '{');
    write_sums(nova);
    write_objects(nova);
    write_births(nova);
    write_threads(nova);
    result = write_tasks(nova);
    write_times(nova);
    view_json_functions(nova->writer, nova->snapshot, nova->named);
    json_close(nova->writer, '}');
    return result;
}

int nova_json_write(struct json_writer *writer, const struct wish *wish,
                    const struct snapshot *snapshot)
{
    struct nova nova = {.writer = writer, .snapshot = snapshot, .filter = wish->filter};
    size_t count = snapshot->birth_count;
    if (wish->births_seen > snapshot->births_before)
        nova.first = (size_t)(wish->births_seen - snapshot->births_before);
    if (nova.first > count) /* counted anew */
        nova.first = 0;
    if (count - nova.first > BIRTHS_MOST)
        nova.first = count - BIRTHS_MOST;
    nova.places = malloc((snapshot->object_count + 1) * sizeof(*nova.places));
    nova.order = calloc(snapshot->object_count + 1, sizeof(*nova.order));
    nova.named = calloc(snapshot->function_count + 1, sizeof(*nova.named));
    for (size_t i = 0; nova.places && i < snapshot->object_count; i++)
        nova.places[i] = UNPLACED;
    int result = nova.places && nova.order && nova.named ? write_all(&nova) : -ENOMEM;
    free(nova.places);
    free(nova.order);
    free(nova.named);
    return result;
}
