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
    {"empty", sample_snapshot_empty_new, NULL, {.limit = 30, .columns = 80}},
};

/* The version is the build's: the goldens must not change with it. */
static char *mark_version(char *bytes, size_t *size)
{
    static const char version[] = "\"" ULMA_VERSION "\"", mark[] = "\"" VERSION_MARK "\"";
    char *at = memmem(bytes, *size, version, sizeof(version) - 1);
    if (!at)
        return bytes;
    size_t before = (size_t)(at - bytes), after = *size - before - (sizeof(version) - 1);
    char *marked = malloc(*size + sizeof(mark));
    assert_non_null(marked);
    memcpy(marked, bytes, before);
    memcpy(marked + before, mark, sizeof(mark) - 1);
    memcpy(marked + before + sizeof(mark) - 1, at + sizeof(version) - 1, after);
    *size = before + sizeof(mark) - 1 + after;
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
    return strcmp(exporter->name, "json") ? bytes : mark_version(bytes, ret_size);
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
    char *wanted = malloc(size + 2);
    assert_non_null(wanted);
    size_t wanted_size = fread(wanted, 1, size + 1, stream);
    fclose(stream);
    bool same = wanted_size == size && memcmp(wanted, bytes, size) == 0;
    free(wanted);
    if (!same) {
        size_t shown = size < 20000 ? size : 20000;
        fail_msg("%s differs. It is now (%zu bytes):\n%.*s", path, size, (int)shown, bytes);
    }
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
        cmocka_unit_test(test_a_stream_that_fails_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
