/* SPDX-License-Identifier: MIT */
/* The picture `algae`: who is alive in each thread; where each stands is the page's own reckoning.
 * Why no place is told: it follows from what was there before, which each browser has seen for itself.
 * Rules: as view_json.h. What is 0, false or not known is left out of a tile: there are thousands of them. For the page the
 * tiles stand behind the JSON, as words of 32 bits (algae_tiles_write): a third of the bytes, and nothing to parse. */
#include "views/view.h"
#include "web/view_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_SIZE = 32, TILE_KIND_SHIFT = 24 };

#define TILE_RUNNING (UINT32_C(1) << 31)

/* What is named in the JSON, by the snapshot's function. */
struct algae_names {
    bool *functions, *places;
    bool is_apart;
};

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

static const char *place_text(const struct snapshot *snapshot, int32_t index)
{
    const struct snapshot_function *function = &snapshot->functions[index];
    const char *place = view_short_location(snapshot->arena, function);
    return place ? arena_format(snapshot->arena, "%s %s", function->qualname, place) : NULL;
}

static int write_place(struct json_writer *writer, const char *key, const struct snapshot *snapshot,
                       int32_t index)
{
    if (index < 0)
        return 0;
    const char *text = place_text(snapshot, index);
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
    int result = write_place(writer, "awaits", snapshot, one->awaiting);
    if (result == 0)
        result = write_place(writer, "maker", snapshot, one->maker);
    json_close(writer, '}');
    return result;
}

static bool is_of(const struct snapshot_activation *one, const struct snapshot_thread *thread)
{
    return one->thread == thread->number && one->function >= 0;
}

static void name(const struct algae_names *names, const struct snapshot_activation *one)
{
    names->functions[one->function] = true;
    if (one->awaiting >= 0)
        names->places[one->awaiting] = true;
    if (one->maker >= 0)
        names->places[one->maker] = true;
}

static int write_thread(struct json_writer *writer, const struct snapshot *snapshot,
                        const struct snapshot_thread *thread, const struct algae_names *names)
{
    int result = 0;
    uint64_t count = 0;
    json_open(writer, NULL, '{');
    json_unsigned(writer, "thread", thread->number);
    json_string(writer, "name", thread->name);
    if (!names->is_apart)
        json_open(writer, "tiles", '[');
    for (size_t i = 0; result == 0 && i < snapshot->activation_count; i++) {
        const struct snapshot_activation *one = &snapshot->activations[i];
        if (!is_of(one, thread))
            continue;
        name(names, one);
        count++;
        if (!names->is_apart)
            result = write_tile(writer, snapshot, one);
    }
    if (names->is_apart)
        json_unsigned(writer, "tile_count", count);
    else
        json_close(writer, ']');
    json_close(writer, '}');
    return result;
}

static int write_places(struct json_writer *writer, const struct snapshot *snapshot,
                        const bool *places)
{
    int result = 0;
    char key[NAME_SIZE];
    json_open(writer, "places", '{');
    for (size_t i = 0; result == 0 && i < snapshot->function_count; i++) {
        snprintf(key, sizeof(key), "%zu", i + 1);
        if (places[i])
            result = write_place(writer, key, snapshot, (int32_t)i);
    }
    json_close(writer, '}');
    return result;
}

static void write_crossing(struct json_writer *writer, const struct shape_crossing *crossing)
{
    json_open(writer, NULL, '{');
    json_integer(writer, "at_ns", crossing->at_ns);
    json_unsigned(writer, "left_out", crossing->left_out);
    json_open(writer, "stack", '[');
    for (uint32_t i = 0; i < crossing->count; i++)
        json_unsigned(writer, NULL, crossing->rows[i]);
    json_close(writer, ']');
    json_close(writer, '}');
}

static void mark_rows(const struct shape_line *line, bool *marked, uint32_t limit)
{
    for (uint32_t at = 0; at < line->kept; at++)
        for (uint32_t i = 0; i < line->crossings[at].count; i++)
            if (line->crossings[at].rows[i] < limit)
                marked[line->crossings[at].rows[i]] = true;
}

static int name_rows(const struct snapshot *snapshot, const struct shape *shape, bool *named)
{
    uint32_t limit = 0;
    for (size_t i = 0; i < snapshot->function_count; i++)
        limit = snapshot->functions[i].id >= limit ? snapshot->functions[i].id + 1 : limit;
    bool *marked = calloc(limit + 1, sizeof(*marked));
    if (!marked)
        return -ENOMEM;
    for (uint32_t i = 0; i < shape->count; i++)
        mark_rows(shape->lines[i], marked, limit);
    for (size_t i = 0; i < snapshot->function_count; i++)
        named[i] |= marked[snapshot->functions[i].id];
    free(marked);
    return 0;
}

static void write_lines(struct json_writer *writer, const struct shape *shape)
{
    json_open(writer, "lines", '[');
    for (uint32_t i = 0; i < shape->count; i++) {
        const struct shape_line *line = shape->lines[i];
        json_open(writer, NULL, '{');
        json_unsigned(writer, "thread", line->track);
        json_unsigned(writer, line->axis == SHAPE_DEPTH ? "depth" : "width", line->most);
        json_unsigned(writer, "count", line->count);
        json_open(writer, "crossings", '[');
        for (uint32_t at = 0; at < line->kept; at++)
            write_crossing(writer, &line->crossings[at]);
        json_close(writer, ']');
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

int algae_json_write(struct json_writer *writer, const struct snapshot *snapshot,
                     const struct shape *shape, bool is_apart)
{
    size_t count = snapshot->function_count;
    bool *named = calloc(2 * (count + 1), sizeof(*named));
    if (!named)
        return -ENOMEM;
    struct algae_names names = {named, named + count, is_apart};
    int result = 0;
    json_string(writer, "title", "Algae");
    json_open(writer, "threads", '[');
    for (size_t i = 0; result == 0 && i < snapshot->thread_count; i++)
        if (!snapshot->threads[i].ended)
            result = write_thread(writer, snapshot, &snapshot->threads[i], &names);
    json_close(writer, ']');
    if (shape && result == 0) {
        write_lines(writer, shape);
        result = shape->count ? name_rows(snapshot, shape, names.functions) : 0;
    }
    if (is_apart && result == 0)
        result = write_places(writer, snapshot, names.places);
    view_json_functions(writer, snapshot, names.functions);
    json_unsigned(writer, "total", snapshot->activation_count);
    json_unsigned(writer, "left_out", snapshot->activations_left_out);
    free(named);
    return result;
}

static void write_words(FILE *stream, const struct snapshot *snapshot,
                        const struct snapshot_activation *one)
{
    const struct snapshot_function *function = &snapshot->functions[one->function];
    float age_s = (float)((double)one->age_ns / 1e9);
    uint32_t words[ALGAE_TILE_WORDS] = {
        one->frame,
        one->number,
        one->parent_frame,
        one->parent_number,
        function->id,
        (uint32_t)(one->awaiting < 0 ? 0 : one->awaiting + 1),
        (uint32_t)(one->maker < 0 ? 0 : one->maker + 1),
        one->count,
        one->depth | (uint32_t)function->kind << TILE_KIND_SHIFT,
        0,
    };
    if (one->is_top)
        words[8] |= (uint32_t)TILE_RUNNING;
    memcpy(&words[9], &age_s, sizeof(age_s));
    char bytes[sizeof(words)];
    for (size_t i = 0; i < ALGAE_TILE_WORDS; i++)
        view_json_put_word(&bytes[i * sizeof(*words)], words[i]);
    fwrite(bytes, sizeof(bytes), 1, stream);
}

void algae_tiles_write(FILE *stream, const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        const struct snapshot_thread *thread = &snapshot->threads[i];
        for (size_t at = 0; !thread->ended && at < snapshot->activation_count; at++)
            if (is_of(&snapshot->activations[at], thread))
                write_words(stream, snapshot, &snapshot->activations[at]);
    }
}
