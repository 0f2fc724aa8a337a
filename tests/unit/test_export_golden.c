/* SPDX-License-Identifier: MIT */
/* Every format of formats.def, byte for byte, against tests/golden/export.
 * Why: a format that is added is tested by being listed; a change to any is seen.
 * Rules: GENERATE=1 writes the goldens anew (then look at the difference, and run
 * tests/python/test_formats_foreign.py: other programs read them there). Run from the root of the
 * sources. The version stands as @VERSION@ in them. */
#include "export/exporter.h"

#include "sample_slices.h"
#include "sample_snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define FOLDER       "tests/golden/export/"
#define VERSION_MARK "@VERSION@"

struct variant {
    const char *name;
    struct snapshot *(*make)(void);
    void (*change)(struct snapshot *snapshot); /* NULL: as it is */
    struct export_options options;
};

/* All that may go wrong with a run did. */
static void make_trouble(struct snapshot *snapshot)
{
    struct snapshot_meta *meta = &snapshot->meta;
    meta->ended = true;
    meta->signal = 9;
    meta->recording = false;
    meta->corrected = false;
    meta->corrected_ns = 0;
    meta->lost = 1234567;
    meta->gaps = 2;
    meta->nested = 3;
    meta->unmatched_pops = 4;
    meta->bad_events = 5;
    meta->definitions_refused = 6;
    meta->stack_guards = 7;
    meta->forks_unfollowed = 8;
    meta->wait_source = WAIT_NONE;
    meta->inexact = "1,234,567 events lost";
    meta->command = "bad \x1b]0;title\x07 \xff name;\n| `x` <b> ]]>";
    meta->sources[1].complete = false;
    meta->sources[1].reason = "profile function \"p\" was set";
    for (size_t i = 0; i < snapshot->function_count; i++) {
        snapshot->functions[i].calls_exact = snapshot->functions[i].times_exact = false;
        snapshot->functions[i].min_ns = snapshot->functions[i].max_ns = 0;
    }
}

static void end_with_status(struct snapshot *snapshot)
{
    snapshot->meta.ended = true;
    snapshot->meta.exit_status = 3;
    snapshot->meta.inexact = NULL;
}

static const struct variant variants[] = {
    {"shop", sample_snapshot_new, NULL, {.limit = 30, .columns = 80}},
    {"shop-cpu-wide",
     sample_snapshot_new,
     end_with_status,
     {.clock = CLOCK_CPU,
      .sort = "calls",
      .columns = 160,
      .limit = 5,
      .color = true,
      .weight = WEIGHT_CALLS,
      .compact = true}},
    {"trouble",
     sample_snapshot_new,
     make_trouble,
     {.wide = true, .columns = 80, .sort = "name", .weight = WEIGHT_WAIT}},
    {"huge", sample_snapshot_huge_new, NULL, {.limit = 30, .columns = 80}},
    {"hostile", sample_snapshot_hostile_new, NULL, {.limit = 0, .columns = 80}},
    {"empty", sample_snapshot_empty_new, NULL, {.limit = 30, .columns = 80}},
};

/* The version is the build's: the goldens must not change with it. */
static char *mark_version(char *bytes, size_t *size)
{
    static const char *const befores[] = {"\"", "ulma "};
    char *marked = NULL, *from = bytes;
    size_t marked_size = 0;
    FILE *stream = open_memstream(&marked, &marked_size);
    assert_non_null(stream);
    for (char *end = bytes + *size; from < end;) {
        size_t length = 0;
        for (size_t i = 0; i < 2; i++) {
            char text[64];
            size_t before = strlen(befores[i]);
            size_t whole = (size_t)snprintf(text, sizeof(text), "%s%s", befores[i], ULMA_VERSION);
            if ((size_t)(end - from) < whole || memcmp(from, text, whole) != 0)
                continue;
            fwrite(from, 1, before, stream);
            fputs(VERSION_MARK, stream);
            length = whole;
            break;
        }
        if (!length)
            putc(*from, stream);
        from += length ? length : 1;
    }
    assert_int_equal(fclose(stream), 0);
    *size = marked_size;
    free(bytes);
    return marked;
}

static char *render(const struct exporter *exporter, const struct variant *variant,
                    size_t *ret_size)
{
    char *bytes = NULL;
    struct snapshot *snapshot = variant->make();
    assert_non_null(snapshot);
    if (variant->change)
        variant->change(snapshot);
    FILE *stream = open_memstream(&bytes, ret_size);
    assert_non_null(stream);
    assert_int_equal(sample_write(exporter, snapshot, &variant->options, stream), 0);
    assert_int_equal(fclose(stream), 0);
    snapshot_free(snapshot);
    return exporter->binary ? bytes : mark_version(bytes, ret_size);
}

/* What zlib makes of the same bytes changes with its version: compressed files are compared by what
 * is in them. Others come back as they are. */
static char *decode(char *bytes, size_t *size)
{
    enum { GZIP_WINDOW = 15 + 16, MOST_BYTES = 1 << 24 };
    if (*size < 2 || memcmp(bytes, "\x1f\x8b", 2) != 0)
        return bytes;
    char *decoded = malloc(MOST_BYTES);
    assert_non_null(decoded);
    z_stream inflating = {.next_in = (Bytef *)bytes,
                          .avail_in = (uInt)*size,
                          .next_out = (Bytef *)decoded,
                          .avail_out = MOST_BYTES};
    assert_int_equal(inflateInit2(&inflating, GZIP_WINDOW), Z_OK);
    assert_int_equal(inflate(&inflating, Z_FINISH), Z_STREAM_END);
    *size = inflating.total_out;
    assert_int_equal(inflateEnd(&inflating), Z_OK);
    free(bytes);
    return decoded;
}

static void compare(const char *path, const char *bytes, size_t size)
{
    if (getenv("GENERATE")) {
        FILE *stream = fopen(path, "w");
        assert_non_null(stream);
        assert_int_equal(fwrite(bytes, 1, size, stream), size);
        assert_int_equal(fclose(stream), 0);
        return;
    }
    FILE *stream = fopen(path, "r");
    if (!stream)
        fail_msg("%s: not there; GENERATE=1 writes it", path);
    enum { MOST_BYTES = 1 << 22 };
    char *wanted = malloc(MOST_BYTES);
    assert_non_null(wanted);
    size_t wanted_size = fread(wanted, 1, MOST_BYTES, stream);
    fclose(stream);
    char *now = malloc(size + 1);
    assert_non_null(now);
    memcpy(now, bytes, size);
    wanted = decode(wanted, &wanted_size);
    now = decode(now, &size);
    bool same = wanted_size == size && memcmp(wanted, now, size) == 0;
    if (!same) {
        size_t shown = size < 20000 ? size : 20000;
        fail_msg("%s differs. It is now (%zu bytes):\n%.*s", path, size, (int)shown, now);
    }
    free(wanted);
    free(now);
}

static void test_every_format_is_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; exporter_list[i]; i++)
        for (size_t j = 0; j < sizeof(variants) / sizeof(variants[0]); j++) {
            char path[256];
            size_t size = 0;
            char *bytes = render(exporter_list[i], &variants[j], &size);
            snprintf(path, sizeof(path), FOLDER "%s.%s", variants[j].name, exporter_list[i]->name);
            compare(path, bytes, size);
            free(bytes);
        }
}

/* A picture, a tree, stacks: none may grow with the square of the depth, or overflow our stack. */
static void test_every_format_bears_a_deep_recursion(void **state)
{
    (void)state;
    struct snapshot *deep = sample_snapshot_deep_new(100000);
    assert_non_null(deep);
    for (size_t i = 0; exporter_list[i]; i++) {
        char *bytes = NULL;
        size_t size = 0;
        FILE *stream = open_memstream(&bytes, &size);
        struct export_options options = {.columns = 80};
        assert_int_equal(sample_write(exporter_list[i], deep, &options, stream), 0);
        assert_int_equal(fclose(stream), 0);
        assert_true(size > 0 && size < 20u * 1000 * 1000);
        free(bytes);
    }
    snapshot_free(deep);
}

static void test_a_flame_graph_is_bounded(void **state)
{
    (void)state;
    struct snapshot *large = sample_snapshot_large_new(20000);
    assert_non_null(large);
    char *bytes = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&bytes, &size);
    struct export_options options = {.columns = 80};
    assert_int_equal(exporter_find("flamegraph")->write(large, &options, stream), 0);
    assert_int_equal(fclose(stream), 0);
    assert_true(size < 3u * 1000 * 1000);
    assert_non_null(strstr(bytes, "Not drawn: "));
    free(bytes);
    snapshot_free(large);
}

static size_t size_of(const char *format, const struct snapshot *snapshot, char **ret_bytes)
{
    size_t size = 0;
    FILE *stream = open_memstream(ret_bytes, &size);
    struct export_options options = {.columns = 80};
    assert_int_equal(exporter_find(format)->write(snapshot, &options, stream), 0);
    assert_int_equal(fclose(stream), 0);
    return size;
}

/* Below 5 MB whatever the run: many contexts, the largest numbers, and names that are all markup. */
static void test_a_page_is_bounded(void **state)
{
    enum { NAME = 10000, MOST_BYTES = 5000 * 1000 };
    (void)state;
    char *name = malloc(NAME + 1), *bytes = NULL;
    assert_non_null(name);
    memset(name, '<', NAME);
    name[NAME] = '\0';
    struct snapshot *large = sample_snapshot_large_new(30000);
    assert_non_null(large);
    size_t size = size_of("html", large, &bytes);
    assert_in_range(size, MOST_BYTES / 10, MOST_BYTES);
    assert_non_null(strstr(bytes, "\"cut\":{\""));
    free(bytes);
    for (size_t i = 0; i < large->node_count; i++) {
        struct snapshot_node *node = &large->nodes[i];
        node->calls = INT64_MAX;
        node->self_ns = node->self_wait_ns = INT64_C(9000000000000);
    }
    for (size_t i = 0; i < large->function_count; i++)
        large->functions[i].name = large->functions[i].qualname = large->functions[i].file = name;
    large->meta.command = name;
    size = size_of("html", large, &bytes);
    assert_in_range(size, MOST_BYTES / 10, MOST_BYTES);
    free(bytes);
    snapshot_free(large);
    free(name);
}

/* A full disk is told, not swallowed. */
static void test_a_stream_that_fails_is_told(void **state)
{
    (void)state;
    struct snapshot *snapshot = sample_snapshot_new();
    assert_non_null(snapshot);
    for (size_t i = 0; exporter_list[i]; i++) {
        FILE *full = fopen("/dev/full", "w");
        assert_non_null(full);
        struct export_options options = {.columns = 80};
        assert_true(sample_write(exporter_list[i], snapshot, &options, full) < 0);
        fclose(full);
    }
    snapshot_free(snapshot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_format_is_as_it_was),
        cmocka_unit_test(test_every_format_bears_a_deep_recursion),
        cmocka_unit_test(test_a_flame_graph_is_bounded),
        cmocka_unit_test(test_a_page_is_bounded),
        cmocka_unit_test(test_a_stream_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
