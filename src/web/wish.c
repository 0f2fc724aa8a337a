/* SPDX-License-Identifier: MIT */
/* Reading wishes.
 * Why: see wish.h.
 * Rules: as there. */
#include "web/wish.h"

#include "web/catalogue.h"
#include "web/json_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    int window_s;
} windows[] = {{"1", 1}, {"10", 10}, {"60", 60}, {"all", 0}};

const char *wish_window_name(int window_s)
{
    for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
        if (windows[i].window_s == window_s)
            return windows[i].name;
    return "all";
}

void wish_init(struct wish *wish, enum snapshot_clock clock)
{
    *wish = (struct wish){.view = "functions", .window_s = 10, .clock = clock, .limit = WISH_LIMIT};
}

void wish_done(struct wish *wish)
{
    free(wish->sort);
    free(wish->filter);
    wish->sort = wish->filter = NULL;
}

/* Sets one member by its name. NULL: done; else what is wrong. */
static const char *set_member(struct wish *wish, const char *key, const char *value)
{
    char *end = NULL;
    if (strcmp(key, "view") == 0) {
        const struct catalogue_row *row = catalogue_find(value);
        if (!row)
            return "there is no such view";
        wish->view = row->id;
    } else if (strcmp(key, "window") == 0) {
        for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
            if (strcmp(windows[i].name, value) == 0) {
                wish->window_s = windows[i].window_s;
                return NULL;
            }
        }
        return "window is 1, 10, 60 or all";
    } else if (strcmp(key, "clock") == 0) {
        if (strcmp(value, "cpu") != 0 && strcmp(value, "wall") != 0)
            return "clock is cpu or wall";
        wish->clock = *value == 'c' ? CLOCK_CPU : CLOCK_WALL;
    } else if (strcmp(key, "ascending") == 0) {
        wish->ascending = strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
    } else if (strcmp(key, "limit") == 0) {
        unsigned long limit = strtoul(value, &end, 10);
        if (*value < '0' || *value > '9' || *end || limit > WISH_LIMIT_MOST)
            return "limit is a number up to 100000; 0 is all";
        wish->limit = limit;
    } else if (strcmp(key, "to") == 0 || strcmp(key, "from") == 0) {
        double at_s = strtod(value, &end);
        if (*value < '0' || *value > '9' || *end || !(at_s <= 1e9))
            return "from and to are in seconds since the start";
        *(*key == 't' ? &wish->to_ns : &wish->from_ns) = (int64_t)(at_s * 1e9);
    } else if (strcmp(key, "columns") == 0 || strcmp(key, "calls") == 0) {
        unsigned long number = strtoul(value, &end, 10);
        if (*value < '0' || *value > '9' || *end || number > WISH_LIMIT_MOST)
            return "columns and calls are numbers";
        *(key[1] == 'o' ? &wish->columns : &wish->calls) = number;
    } else if (strcmp(key, "function") == 0) {
        unsigned long long function = strtoull(value, &end, 10);
        if (*value < '0' || *value > '9' || *end)
            return "function is an id of the report";
        wish->function = function;
    } else if (strcmp(key, "sort") == 0 || strcmp(key, "filter") == 0) {
        char **text = *key == 's' ? &wish->sort : &wish->filter;
        free(*text);
        *text = *value ? strdup(value) : NULL;
        if (*value && !*text)
            return "no memory";
    }
    return NULL;
}

static const char *const keys[] = {"view",      "window",   "clock", "sort", "filter",  "limit",
                                   "ascending", "function", "to",    "from", "columns", "calls"};

static bool finish(struct wish *wish, struct wish *read, const char *wrong, const char *value,
                   char error[WISH_ERROR_SIZE])
{
    if (wrong) {
        snprintf(error, WISH_ERROR_SIZE, "%s, not `%.40s`", wrong, value);
        wish_done(read);
        return false;
    }
    wish_done(wish);
    *wish = *read;
    return true;
}

bool wish_read_query(struct wish *wish, const struct http_request *request,
                     char error[WISH_ERROR_SIZE])
{
    struct wish read;
    char value[HTTP_QUERY_SIZE] = "";
    const char *wrong = NULL;
    wish_init(&read, wish->clock);
    read.view = wish->view;
    for (size_t i = 1; i < sizeof(keys) / sizeof(keys[0]) && !wrong; i++)
        if (http_query(request, keys[i], value, sizeof(value)))
            wrong = set_member(&read, keys[i], value);
    return finish(wish, &read, wrong, value, error);
}

bool wish_read_json(struct wish *wish, const char *text, size_t size, enum snapshot_clock clock,
                    char error[WISH_ERROR_SIZE])
{
    struct arena *arena = arena_new();
    const struct json_value *object = arena ? json_read(arena, text, size) : NULL;
    char value[HTTP_QUERY_SIZE] = "";
    struct wish read;
    const char *wrong = NULL;
    wish_init(&read, clock);
    if (!object || object->kind != JSON_OBJECT)
        wrong = "a wish is a JSON object";
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]) && !wrong; i++) {
        const struct json_value *member = json_member(object, keys[i]);
        if (!member || member->kind == JSON_NULL)
            continue;
        if (member->kind == JSON_STRING)
            snprintf(value, sizeof(value), "%s", member->text);
        else if (member->kind == JSON_NUMBER)
            snprintf(value, sizeof(value), "%.17g", member->number);
        else if (member->kind == JSON_BOOL)
            snprintf(value, sizeof(value), "%s", member->truth ? "true" : "false");
        else
            value[0] = '\0';
        wrong = set_member(&read, keys[i], value);
    }
    const struct json_value *binary = wrong ? NULL : json_member(object, "binary");
    read.is_binary = binary && binary->kind == JSON_BOOL && binary->truth;
    arena_free(arena);
    return finish(wish, &read, wrong, value, error);
}
