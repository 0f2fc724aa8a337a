/* SPDX-License-Identifier: MIT */
/* Making and freeing of snapshots.
 * Why: see snapshot.h. Filling one is the model's business (or a test's); this file only ties its
 * life to one arena.
 * Rules: the snapshot itself lies in its arena, so nothing is left to free beside it. */
#include "model/snapshot.h"

#include "base/arena.h"

#include <stdio.h>
#include <string.h>

const char *const snapshot_share_names[SHARE_COUNT] = {"compute", "socket", "file", "lock",
                                                       "gil",     "gc",     "idle"};

struct snapshot *snapshot_new(void)
{
    struct arena *arena = arena_new();
    if (!arena)
        return NULL;
    struct snapshot *snapshot = arena_alloc(arena, sizeof(*snapshot));
    if (!snapshot) {
        arena_free(arena);
        return NULL;
    }
    snapshot->arena = arena;
    snapshot->meta.exit_status = -1;
    snapshot->meta.longest_step_of = SNAPSHOT_NONE;
    return snapshot;
}

void snapshot_free(struct snapshot *snapshot)
{
    if (snapshot)
        arena_free(snapshot->arena);
}

bool snapshot_has_source(const struct snapshot_meta *meta, const char *name)
{
    for (size_t i = 0; i < meta->source_count; i++)
        if (strcmp(meta->sources[i].name, name) == 0)
            return meta->sources[i].step == STEP_NONE || meta->sources[i].on_ns > 0;
    return false;
}

/* The text between two marks, or NULL. */
static const char *between(const char *text, const char *begin, char end, size_t *ret_size)
{
    const char *from = strstr(text, begin);
    const char *to = from ? strchr(from + strlen(begin), end) : NULL;
    if (!to)
        return NULL;
    from += strlen(begin);
    *ret_size = (size_t)(to - from);
    return from;
}

/* `<method 'get' of 'dict' objects>` with "<method '" as its beginning. */
static bool name_of_type(const char *display, const char *beginning,
                         char whole[SNAPSHOT_METHOD_SIZE])
{
    size_t name_size = 0, type_size = 0;
    if (strncmp(display, beginning, strlen(beginning)) != 0)
        return false;
    const char *name = between(display, beginning, '\'', &name_size);
    const char *type = name ? between(name, "' of '", '\'', &type_size) : NULL;
    if (!type)
        return false;
    int length = snprintf(whole, SNAPSHOT_METHOD_SIZE, "%.*s.%.*s", (int)type_size, type,
                          (int)name_size, name);
    return length > 0 && length < SNAPSHOT_METHOD_SIZE;
}

bool snapshot_operator_name(const char *display, char whole[SNAPSHOT_METHOD_SIZE])
{
    return name_of_type(display, "<slot wrapper '", whole);
}

bool snapshot_method_name(const char *display, char whole[SNAPSHOT_METHOD_SIZE])
{
    size_t size = 0;
    if (name_of_type(display, "<method '", whole))
        return true;
    if (strncmp(display, "<method '", strlen("<method '")) == 0)
        return false;
    const char *function = between(display, "<built-in method ", '>', &size);
    int length = function ? snprintf(whole, SNAPSHOT_METHOD_SIZE, "%.*s", (int)size, function) : -1;
    return length > 0 && length < SNAPSHOT_METHOD_SIZE;
}

static void split(char whole[SNAPSHOT_METHOD_SIZE], char type[SNAPSHOT_METHOD_SIZE],
                  char name[SNAPSHOT_METHOD_SIZE])
{
    char *dot = strrchr(whole, '.');
    snprintf(name, SNAPSHOT_METHOD_SIZE, "%s", dot ? dot + 1 : whole);
    if (dot)
        *dot = '\0';
    snprintf(type, SNAPSHOT_METHOD_SIZE, "%s", dot ? whole : "");
}

bool snapshot_read_method(const struct snapshot_function *function, char type[SNAPSHOT_METHOD_SIZE],
                          char name[SNAPSHOT_METHOD_SIZE])
{
    char whole[SNAPSHOT_METHOD_SIZE];
    if (!function->is_method || !snapshot_method_name(function->name, whole))
        return false;
    split(whole, type, name);
    return true;
}

bool snapshot_read_operator(const struct snapshot_function *function,
                            char type[SNAPSHOT_METHOD_SIZE], char name[SNAPSHOT_METHOD_SIZE])
{
    char whole[SNAPSHOT_METHOD_SIZE];
    if (!function->is_method || !snapshot_operator_name(function->name, whole))
        return false;
    split(whole, type, name);
    return true;
}

size_t snapshot_describe_sites(const struct snapshot_meta *meta, bool unmatched, char *text,
                               size_t size)
{
    static const char end[] = " …";
    size_t count = 0, used = 0;
    bool cut = false;
    text[0] = '\0';
    for (size_t i = 0; i < meta->site_count; i++) {
        const struct snapshot_site *site = &meta->sites[i];
        if (unmatched && site->matched)
            continue;
        cut |= used + strlen(" --only ") + strlen(site->text) + sizeof(end) > size;
        if (!cut)
            used += (size_t)snprintf(text + used, size - used, "%s--%s %s", count ? " " : "",
                                     site->skip ? "skip" : "only", site->text);
        count++;
    }
    if (cut && size >= used + sizeof(end))
        memcpy(text + used, end, sizeof(end));
    return count;
}
