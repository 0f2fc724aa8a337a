/* SPDX-License-Identifier: MIT */
/* The picture of the view `memory`: the sums that add up to the resident memory, the lines and types that hold most, and
 * what the garbage collector has done, so that a fall can be told to be its work.
 * Why so few rows: an area of a picture is seen or it is not; the others are one, and are counted.
 * Rules: as view_json.h. A site is [function or null, line, live, at_peak, peak, growth]; a type [name, live objects,
 * live bytes]. Bytes that are not known are null. */
#include "web/view_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SITES_MOST = 40, TYPES_MOST = 40 };

/* --- by line ---------------------------------------------------------------------------------- */

static uint64_t weight_of(const struct snapshot_memory_site *site)
{
    return site->sums.live_bytes > site->at_peak_bytes ? site->sums.live_bytes
                                                       : site->at_peak_bytes;
}

static int by_weight(const void *left, const void *right)
{
    uint64_t a = weight_of(*(const struct snapshot_memory_site *const *)left);
    uint64_t b = weight_of(*(const struct snapshot_memory_site *const *)right);
    return (a < b) - (a > b);
}

static void write_site(struct json_writer *writer, const struct snapshot *snapshot,
                       const struct snapshot_memory_site *site, bool *named)
{
    json_open(writer, NULL, '[');
    if (site->function < 0)
        json_null(writer, NULL);
    else
        json_unsigned(writer, NULL, snapshot->functions[site->function].id);
    json_unsigned(writer, NULL, site->line);
    json_unsigned(writer, NULL, site->sums.live_bytes);
    json_unsigned(writer, NULL, site->at_peak_bytes);
    json_unsigned(writer, NULL, site->sums.peak_bytes);
    json_integer(writer, NULL, site->growth_bytes);
    json_close(writer, ']');
    if (site->function >= 0)
        named[site->function] = true;
}

static int write_sites(struct json_writer *writer, const struct snapshot *snapshot, bool *named)
{
    size_t count = snapshot->memory_site_count;
    const struct snapshot_memory_site **sites =
        calloc(count + 1, sizeof(const struct snapshot_memory_site *));
    if (!sites)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        sites[i] = &snapshot->memory_sites[i];
    qsort(sites, count, sizeof(const struct snapshot_memory_site *), by_weight);
    json_open(writer, "sites", '[');
    for (size_t i = 0; i < count && i < SITES_MOST && weight_of(sites[i]); i++)
        write_site(writer, snapshot, sites[i], named);
    json_close(writer, ']');
    free(sites);
    return 0;
}

/* --- by type ---------------------------------------------------------------------------------- */

struct type_sum {
    const char *type;
    uint64_t live, live_bytes;
};

static int by_name(const void *left, const void *right)
{
    return strcmp(((const struct type_sum *)left)->type, ((const struct type_sum *)right)->type);
}

static int by_bytes(const void *left, const void *right)
{
    uint64_t a = ((const struct type_sum *)left)->live_bytes;
    uint64_t b = ((const struct type_sum *)right)->live_bytes;
    return (a < b) - (a > b);
}

/* How many types there are. */
static size_t join_types(struct type_sum *sums, size_t count)
{
    size_t joined = 0;
    qsort(sums, count, sizeof(*sums), by_name);
    for (size_t i = 0; i < count; i++) {
        if (joined && strcmp(sums[joined - 1].type, sums[i].type) == 0) {
            sums[joined - 1].live += sums[i].live;
            sums[joined - 1].live_bytes += sums[i].live_bytes;
        } else {
            sums[joined++] = sums[i];
        }
    }
    qsort(sums, joined, sizeof(*sums), by_bytes);
    return joined;
}

static int write_types(struct json_writer *writer, const struct snapshot *snapshot)
{
    struct type_sum *sums = calloc(snapshot->object_count + 1, sizeof(*sums));
    if (!sums)
        return -ENOMEM;
    for (size_t i = 0; i < snapshot->object_count; i++)
        sums[i] = (struct type_sum){snapshot->objects[i].type, snapshot->objects[i].live,
                                    snapshot->objects[i].live_bytes};
    size_t count = join_types(sums, snapshot->object_count);
    json_open(writer, "types", '[');
    for (size_t i = 0; i < count && i < TYPES_MOST && sums[i].live; i++) {
        json_open(writer, NULL, '[');
        json_string(writer, NULL, sums[i].type);
        json_unsigned(writer, NULL, sums[i].live);
        json_unsigned(writer, NULL, sums[i].live_bytes);
        json_close(writer, ']');
    }
    json_close(writer, ']');
    free(sums);
    return 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

static void write_known(struct json_writer *writer, const char *key, uint64_t bytes)
{
    if (bytes)
        json_unsigned(writer, key, bytes);
    else
        json_null(writer, key);
}

static void write_gc(struct json_writer *writer, const struct snapshot *snapshot)
{
    uint64_t runs = 0, collected = 0;
    if (!snapshot_has_source(&snapshot->meta, "gc")) {
        json_null(writer, "gc");
        return;
    }
    for (size_t i = 0; i < snapshot->gc_count; i++) {
        runs += snapshot->gc[i].runs;
        collected += snapshot->gc[i].collected;
    }
    json_open(writer, "gc", '{');
    json_unsigned(writer, "runs", runs);
    json_unsigned(writer, "collected", collected);
    json_close(writer, '}');
}

static int64_t on_ns(const struct snapshot_meta *meta)
{
    for (size_t i = 0; i < meta->source_count; i++)
        if (strcmp(meta->sources[i].name, "memory") == 0)
            return meta->sources[i].on_ns;
    return 0;
}

int memory_json_write(struct json_writer *writer, const struct snapshot *snapshot)
{
    const struct snapshot_memory *memory = &snapshot->meta.memory;
    bool *named = calloc(snapshot->function_count + 1, sizeof(*named));
    int result = named ? 0 : -ENOMEM;
    json_open(writer, "picture", '{');
    write_known(writer, "rss_bytes", memory->rss_bytes);
    json_unsigned(writer, "live_bytes", memory->total.live_bytes);
    json_unsigned(writer, "peak_bytes", memory->total.peak_bytes);
    json_unsigned(writer, "before_bytes", memory->before_bytes);
    json_unsigned(writer, "older_freed", memory->unknown_frees);
    json_integer(writer, "on_ns", on_ns(&snapshot->meta));
    write_gc(writer, snapshot);
    if (result == 0)
        result = write_sites(writer, snapshot, named);
    if (result == 0 && snapshot_has_source(&snapshot->meta, "objects"))
        result = write_types(writer, snapshot);
    if (named)
        view_json_functions(writer, snapshot, named);
    json_close(writer, '}');
    free(named);
    return result;
}
