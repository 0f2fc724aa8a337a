/* SPDX-License-Identifier: MIT */
/* Words that choose a format or an order, and the paths of a report.
 * Why: what hands type must mean what it means to pstats, and a slip must get a useful answer.
 * Rules: pstats' own answers stand here as they were read off its sort_arg_dict_default. */
#include "export/export_paths.h"
#include "export/export_sort.h"
#include "export/exporter.h"

#include "base/text.h"
#include "sample_snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_formats_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; exporter_list[i]; i++) {
        assert_ptr_equal(exporter_find(exporter_list[i]->name), exporter_list[i]);
        assert_true(exporter_list[i]->help[0]);
    }
    assert_string_equal(exporter_find("raw")->name, "collapsed");
    assert_string_equal(exporter_find("folded")->name, "collapsed");
    assert_null(exporter_find("fold"));
    assert_null(exporter_find(""));
    assert_true(exporter_find("pstats")->binary);
    assert_string_equal(exporter_for_file("a/b.json")->name, "json");
    assert_string_equal(exporter_for_file("OUT.SVG")->name, "flamegraph");
    assert_string_equal(exporter_for_file("x.md")->name, "markdown");
    assert_string_equal(exporter_for_file("x.txt")->name, "table");
    assert_string_equal(exporter_for_file("x.pstats")->name, "pstats");
    assert_string_equal(exporter_for_file("x.y.prof")->name, "pstats");
    assert_string_equal(exporter_for_file("a/b.speedscope.json")->name, "speedscope");
    assert_string_equal(exporter_for_file("b.Pb.Gz")->name, "pprof");
    assert_string_equal(exporter_for_file("b.pprof")->name, "pprof");
    assert_null(exporter_for_file("b.gz"));
    assert_null(exporter_for_file("speedscope.txt.gz"));
    assert_null(exporter_for_file("a.svg/b"));
    assert_null(exporter_for_file("json"));
    assert_null(exporter_for_file("x."));
    assert_string_equal(exporter_nearest("jsn"), "json");
    assert_string_equal(exporter_nearest("psatts"), "pstats");
    assert_string_equal(exporter_nearest("flamegrph"), "flamegraph");
    assert_string_equal(exporter_nearest("foldde"), "collapsed");
    assert_null(exporter_nearest("spreadsheet"));
}

static void test_sort_keys_are_those_of_pstats(void **state)
{
    (void)state;
    static const char *const keys[][2] = {
        {"calls", "calls"},
        {"ncalls", "calls"},
        {"ncal", "calls"},
        {"pcalls", "pcalls"},
        {"p", "pcalls"},
        {"tottime", "tottime"},
        {"time", "tottime"},
        {"tot", "tottime"},
        {"ti", "tottime"},
        {"cumtime", "cumtime"},
        {"cumulative", "cumtime"},
        {"cumu", "cumtime"},
        {"cu", "cumtime"},
        {"file", "filename"},
        {"f", "filename"},
        {"filename", "filename"},
        {"module", "module"},
        {"m", "module"},
        {"line", "line"},
        {"l", "line"},
        {"name", "name"},
        {"nfl", "nfl"},
        {"stdname", "stdname"},
        {"s", "stdname"},
        {"p50", "p50"},
        {"p99", "p99"},
        {"p9", "p99"},
        {"max", "max"},
        {"ma", "max"},
        {"wait", "wait"},
        {"w", "wait"},
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_non_null(export_sort_find(keys[i][0]));
        assert_string_equal(export_sort_find(keys[i][0]), keys[i][1]);
    }
    static const char *const wrong[] = {"", "c", "n", "x", "calls ", "tottimes", "TIME"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_null(export_sort_find(wrong[i]));
    assert_string_equal(export_sort_nearest("totime"), "tottime");
    assert_string_equal(export_sort_nearest("cumtme"), "cumtime");
    assert_string_equal(export_sort_nearest("n"), "ncalls");
    assert_null(export_sort_nearest("elephant"));
}

static void test_rows_are_in_the_order_asked_for(void **state)
{
    (void)state;
    static const char *const keys[] = {"calls", "cumtime", "filename", "line",    "module",
                                       "name",  "nfl",     "pcalls",   "stdname", "tottime",
                                       "p50",   "p99",     "max",      "wait"};
    struct snapshot *snapshot = sample_snapshot_new();
    struct arena *arena = arena_new();
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        assert_string_equal(export_sort_find(keys[i]), keys[i]);
        size_t count = 0;
        struct export_options options = {.sort = keys[i]};
        const int32_t *order = export_sort_order(arena, snapshot, &options, &count);
        assert_int_equal(count, SAMPLE_FUNCTIONS);
        for (size_t j = 1; j < count; j++) {
            const struct snapshot_function *a = &snapshot->functions[order[j - 1]];
            const struct snapshot_function *b = &snapshot->functions[order[j]];
            if (strcmp(keys[i], "calls") == 0)
                assert_true(a->calls + a->resumes >= b->calls + b->resumes);
            else if (strcmp(keys[i], "tottime") == 0)
                assert_true(a->self_ns >= b->self_ns);
            else if (strcmp(keys[i], "cumtime") == 0)
                assert_true(a->total_ns >= b->total_ns);
            else if (strcmp(keys[i], "name") == 0 || strcmp(keys[i], "nfl") == 0)
                assert_true(strcmp(a->name, b->name) <= 0);
            else if (strcmp(keys[i], "line") == 0)
                assert_true(a->line <= b->line);
            else if (strcmp(keys[i], "max") == 0)
                assert_true(a->max_ns >= b->max_ns);
            else if (strcmp(keys[i], "wait") == 0)
                assert_true(a->self_wait_ns >= b->self_wait_ns);
        }
    }
    struct export_options cpu = {.clock = CLOCK_CPU};
    size_t count = 0;
    assert_int_equal(export_sort_order(arena, snapshot, &cpu, &count)[0], SAMPLE_FIB);
    arena_free(arena);
    snapshot_free(snapshot);
}

static void test_paths_keep_both_ends(void **state)
{
    (void)state;
    struct snapshot *snapshot = sample_snapshot_new();
    struct arena *arena = arena_new();
    assert_string_equal(export_paths_text(arena, snapshot, 5, 80),
                        "<module app/main.py> > main > fib ×3");
    assert_string_equal(export_paths_text(arena, snapshot, 10, 45),
                        "<module app/main.py> > …4 more… > parity.odd");
    for (int32_t node = 1; node < (int32_t)snapshot->node_count; node++)
        for (int columns = 20; columns < 120; columns += 7)
            assert_true(text_width(export_paths_text(arena, snapshot, node, columns)) <= columns);
    snapshot_free(snapshot);
    struct snapshot *deep = sample_snapshot_deep_new(100000);
    assert_string_equal(export_paths_text(arena, deep, 100000, 80), "down ×100000");
    snapshot_free(deep);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_are_found),
        cmocka_unit_test(test_sort_keys_are_those_of_pstats),
        cmocka_unit_test(test_rows_are_in_the_order_asked_for),
        cmocka_unit_test(test_paths_keep_both_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
