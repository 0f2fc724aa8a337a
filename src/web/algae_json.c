/* SPDX-License-Identifier: MIT */
/* The picture `algae`: who is alive in each thread; where each stands is the page's own reckoning.
 * Why no place is told: it follows from what was there before, which each browser has seen for itself.
 * Rules: as view_json.h. What is 0, false or not known is left out of a tile: there are thousands of them. */
#include "views/view.h"
#include "web/view_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { NAME_SIZE = 32 };

static const char *kind_name(enum snapshot_kind kind)
{
    switch (kind) {
    case KIND_C:
        return "c";
    case KIND_GENERATOR:
        return "generator";
    case KIND_COROUTINE:
        return "coroutine";
    case KIND_ASYNC_GENERATOR:
        return "async_generator";
    default:
        return "python";
    }
}

static void write_name(struct json_writer *writer, const char *key, uint32_t frame, uint32_t number)
{
    char name[NAME_SIZE];
    if (number == 0) {
        json_null(writer, key);
        return;
    }
    snprintf(name, sizeof(name), "%x.%x", number, frame);
    json_string(writer, key, name);
}

static int write_function(struct json_writer *writer, const char *key,
                          const struct snapshot *snapshot, int32_t index)
{
    if (index < 0)
        return 0;
    const struct snapshot_function *function = &snapshot->functions[index];
    const char *place = view_short_location(snapshot->arena, function);
    const char *text = place ? arena_format(snapshot->arena, "%s %s", function->qualname, place)
                             : NULL;
    if (!text)
        return -ENOMEM;
    json_string(writer, key, text);
    return 0;
}

static int write_tile(struct json_writer *writer, const struct snapshot *snapshot,
                      const struct snapshot_activation *one)
{
    const struct snapshot_function *function = &snapshot->functions[one->function];
    json_open(writer, NULL, '{');
    write_name(writer, "id", one->frame, one->number);
    write_name(writer, "parent", one->parent_frame, one->parent_number);
    json_string(writer, "kind", kind_name(function->kind));
    json_unsigned(writer, "function", function->id);
    json_unsigned(writer, "depth", one->depth);
    json_integer(writer, "age_ns", one->age_ns);
    if (one->is_top)
        json_bool(writer, "running", true);
    if (one->count > 1)
        json_unsigned(writer, "count", one->count);
    int result = write_function(writer, "awaits", snapshot, one->awaiting);
    if (result == 0)
        result = write_function(writer, "maker", snapshot, one->maker);
    json_close(writer, '}');
    return result;
}

static int write_thread(struct json_writer *writer, const struct snapshot *snapshot,
                        const struct snapshot_thread *thread, bool *named)
{
    int result = 0;
    json_open(writer, NULL, '{');
    json_unsigned(writer, "thread", thread->number);
    json_string(writer, "name", thread->name);
    json_open(writer, "tiles", '[');
    for (size_t i = 0; result == 0 && i < snapshot->activation_count; i++) {
        const struct snapshot_activation *one = &snapshot->activations[i];
        if (one->thread != thread->number || one->function < 0)
            continue;
        named[one->function] = true;
        result = write_tile(writer, snapshot, one);
    }
    json_close(writer, ']');
    json_close(writer, '}');
    return result;
}

int algae_json_write(struct json_writer *writer, const struct snapshot *snapshot)
{
    bool *named = calloc(snapshot->function_count + 1, sizeof(*named));
    if (!named)
        return -ENOMEM;
    int result = 0;
    json_string(writer, "title", "Algae");
    json_open(writer, "threads", '[');
    for (size_t i = 0; result == 0 && i < snapshot->thread_count; i++)
        if (!snapshot->threads[i].ended)
            result = write_thread(writer, snapshot, &snapshot->threads[i], named);
    json_close(writer, ']');
    view_json_functions(writer, snapshot, named);
    json_unsigned(writer, "total", snapshot->activation_count);
    json_unsigned(writer, "left_out", snapshot->activations_left_out);
    free(named);
    return result;
}
