/* SPDX-License-Identifier: MIT */
/* The comparison on snapshots made by hand: who is matched with whom, what counts as a change, in which
 * order, where in the tree, and what a limit is held against.
 * Rules: numbers are exact, so that a test says which rule failed. Real programs and a real machine's noise
 * are tested in tests/python/test_diff.py. */
#include "diff/diff.h"
#include "diff/diff_limits.h"
#include "diff/diff_writer.h"

#include "base/arena.h"
#include "model/histogram.h"
#include "sample_snapshot.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS INT64_C(1000000)

enum { MOST = 24 };

/* A function and its one place in the tree: below `parent`, a row before it (-1: the root). */
struct row {
    const char *module, *qualname, *file;
    uint32_t line;
    int parent;
    uint64_t calls;
    int64_t self_ns, wait_ns;
};

static const char *last_part(const char *qualname)
{
    const char *dot = strrchr(qualname, '.');
    return dot ? dot + 1 : qualname;
}

static struct snapshot *make(const struct row *rows, size_t count)
{
    struct snapshot *snapshot = snapshot_new();
    assert_non_null(snapshot);
    snapshot->functions = arena_array(snapshot->arena, count, sizeof(*snapshot->functions));
    snapshot->nodes = arena_array(snapshot->arena, count + 1, sizeof(*snapshot->nodes));
    snapshot->edges = arena_array(snapshot->arena, count, sizeof(*snapshot->edges));
    snapshot->function_count = snapshot->edge_count = count;
    snapshot->node_count = count + 1;
    snapshot->nodes[0].parent = snapshot->nodes[0].function = SNAPSHOT_NONE;
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        struct snapshot_function *function = &snapshot->functions[i];
        function->id = (uint32_t)i + 1;
        function->name = last_part(row->qualname);
        function->qualname = row->qualname;
        function->module = row->module;
        function->file = row->file;
        function->line = row->line;
        function->calls = function->primitive_calls = row->calls;
        function->self_ns = function->total_ns = row->self_ns + row->wait_ns;
        function->self_wait_ns = function->total_wait_ns = row->wait_ns;
        function->p50_ns = function->p99_ns = function->max_ns =
            row->calls ? row->self_ns / (int64_t)row->calls : 0;
        function->calls_exact = function->times_exact = true;
        snapshot->nodes[i + 1] = (struct snapshot_node){
            .parent = row->parent + 1,
            .function = (int32_t)i,
            .calls = row->calls,
            .self_ns = row->self_ns + row->wait_ns,
            .self_wait_ns = row->wait_ns,
        };
        snapshot->edges[i] = (struct snapshot_edge){
            .caller = row->parent, .callee = (int32_t)i, .calls = row->calls};
    }
    for (size_t i = count; i-- > 0;) {
        if (rows[i].parent < 0)
            continue;
        snapshot->functions[rows[i].parent].total_ns += snapshot->functions[i].total_ns;
        snapshot->functions[rows[i].parent].total_wait_ns += snapshot->functions[i].total_wait_ns;
    }
    snapshot->meta.command = "shop.py";
    snapshot->meta.python = "3.12.1";
    snapshot->meta.host = "kiosk";
    snapshot->meta.corrected = true;
    snapshot->meta.wait_source = WAIT_PERF;
    snapshot->meta.duration_ns = 1000 * MS;
    return snapshot;
}

/* A program of a dozen functions, so that one that differs is an exception. */
static const struct row shop[] = {
    {"__main__", "<module>", "/a/shop.py", 1, -1, 1, 2 * MS, 0},
    {"__main__", "main", "/a/shop.py", 90, 0, 1, 20 * MS, 0},
    {"__main__", "parse", "/a/shop.py", 3, 1, 2000, 200 * MS, 0},
    {"__main__", "price", "/a/shop.py", 9, 1, 4000, 300 * MS, 0},
    {"__main__", "tax", "/a/shop.py", 15, 3, 4000, 200 * MS, 0},
    {"__main__", "discount", "/a/shop.py", 21, 3, 4000, 150 * MS, 0},
    {"__main__", "Report.add", "/a/shop.py", 30, 1, 500, 100 * MS, 0},
    {"__main__", "Report.render", "/a/shop.py", 36, 1, 20, 120 * MS, 0},
    {"__main__", "build.<locals>.<lambda>", "/a/shop.py", 50, 1, 700, 80 * MS, 0},
    {"__main__", "build.<locals>.<lambda>", "/a/shop.py", 52, 1, 300, 90 * MS, 0},
    {"json", "dumps", "/lib/python3.12/json/__init__.py", 180, 1, 20, 110 * MS, 0},
    {"shop.db", "Table.rows", "/a/shop/db.py", 12, 1, 60, 130 * MS, 0},
};
enum { SHOP = sizeof(shop) / sizeof(shop[0]) };

struct scene {
    struct row rows[MOST];
    size_t count;
};

static struct scene scene_of_shop(void)
{
    struct scene scene = {.count = SHOP};
    memcpy(scene.rows, shop, sizeof(shop));
    return scene;
}

static struct row *row_of(struct scene *scene, const char *qualname)
{
    for (size_t i = 0; i < scene->count; i++)
        if (strcmp(scene->rows[i].qualname, qualname) == 0)
            return &scene->rows[i];
    fail_msg("no row %s", qualname);
    return NULL;
}

/* Recordings of both sides and what holds them. */
struct trial {
    struct snapshot *snapshots[16];
    struct diff_recording recordings[16];
    struct diff_request request;
    struct diff *diff;
};

static void add(struct trial *trial, enum diff_side side, const struct scene *scene)
{
    size_t at = trial->request.counts[DIFF_OLD] + trial->request.counts[DIFF_NEW];
    trial->snapshots[at] = make(scene->rows, scene->count);
    trial->recordings[at] =
        (struct diff_recording){.name = "run.ulma", .whole = trial->snapshots[at]};
    trial->request.counts[side]++;
}

static void compare(struct trial *trial)
{
    trial->request.recordings = trial->recordings;
    trial->request.clock = CLOCK_CPU;
    trial->request.min_time_ns = DIFF_UNSET;
    trial->diff = diff_make(&trial->request);
    assert_non_null(trial->diff);
}

static void compare_two(struct trial *trial, const struct scene *old, const struct scene *new)
{
    *trial = (struct trial){.diff = NULL};
    add(trial, DIFF_OLD, old);
    add(trial, DIFF_NEW, new);
    compare(trial);
}

static void done(struct trial *trial)
{
    size_t count = trial->request.counts[DIFF_OLD] + trial->request.counts[DIFF_NEW];
    diff_free(trial->diff);
    for (size_t i = 0; i < count; i++)
        snapshot_free(trial->snapshots[i]);
}

static const struct diff_function *find(const struct diff *diff, const char *qualname,
                                        uint32_t old_line)
{
    for (size_t i = 0; i < diff->function_count; i++) {
        const struct diff_function *function = &diff->functions[i];
        for (int side = DIFF_OLD; side < DIFF_SIDES; side++)
            if (function->sides[side] && strcmp(function->sides[side]->qualname, qualname) == 0 &&
                (!old_line ||
                 (function->sides[DIFF_OLD] && function->sides[DIFF_OLD]->line == old_line)))
                return function;
    }
    fail_msg("no function %s", qualname);
    return NULL;
}

static void assert_what(const struct diff *diff, const char *qualname, const char *what)
{
    assert_string_equal(diff_words(diff, find(diff, qualname, 0)), what);
}

/* --- nothing ------------------------------------------------------------------------------------- */

static void test_the_same_twice_is_no_change(void **state)
{
    (void)state;
    struct scene scene = scene_of_shop();
    struct trial trial;
    compare_two(&trial, &scene, &scene);
    assert_int_equal(trial.diff->sums.matter + trial.diff->sums.minor, 0);
    assert_string_equal(diff_verdict(trial.diff), "no change beyond the noise");
    assert_int_equal(trial.diff->function_count, SHOP);
    done(&trial);
}

static void test_moved_lines_change_nothing(void **state)
{
    (void)state;
    struct scene old = scene_of_shop(), new = scene_of_shop();
    for (size_t i = 0; i < new.count; i++)
        new.rows[i].line += 2; /* the first lambda now stands where the second one stood */
    struct trial trial;
    compare_two(&trial, &old, &new);
    assert_int_equal(trial.diff->sums.matter + trial.diff->sums.minor, 0);
    assert_int_equal(trial.diff->function_count, SHOP);
    const struct diff_function *first = find(trial.diff, "build.<locals>.<lambda>", 50);
    assert_int_equal(first->sides[DIFF_NEW]->line, 52);
    assert_int_equal(first->sides[DIFF_NEW]->calls, 700);
    done(&trial);
}

static void test_another_checkout_and_another_library_are_the_same(void **state)
{
    (void)state;
    struct scene old = scene_of_shop(), new = scene_of_shop();
    for (size_t i = 0; i < new.count; i++)
        new.rows[i].file = strcmp(new.rows[i].module, "json") == 0
                               ? "/opt/lib/python3.13/json/__init__.py"
                               : "/ci/build/42/shop.py";
    struct trial trial;
    compare_two(&trial, &old, &new);
    assert_int_equal(trial.diff->sums.matter + trial.diff->sums.minor, 0);
    assert_int_equal(trial.diff->function_count, SHOP);
    done(&trial);
}

static void test_run_as_a_module_is_the_same_file(void **state)
{
    (void)state;
    struct scene old = scene_of_shop(), new = scene_of_shop();
    for (size_t i = 0; i < new.count; i++)
        if (strcmp(new.rows[i].module, "__main__") == 0)
            new.rows[i].module = "shop";
    struct trial trial;
    compare_two(&trial, &old, &new);
    assert_int_equal(trial.diff->sums.matter + trial.diff->sums.minor, 0);
    done(&trial);
}

/* --- counts --------------------------------------------------------------------------------------- */

static void test_one_call_more_is_certain(void **state)
{
    (void)state;
    struct scene old = scene_of_shop(), new = scene_of_shop();
    row_of(&new, "tax")->calls++;
    struct trial trial;
    compare_two(&trial, &old, &new);
    assert_what(trial.diff, "tax", "called more");
    /* A four-thousandth of its time is beside the point. */
    assert_int_equal(trial.diff->sums.minor, 1);
    assert_int_equal(trial.diff->sums.matter, 0);
    done(&trial);
}

static void test_twice_as_many_calls_come_first_and_are_not_slower(void **state)
{
    (void)state;
    struct scene old = scene_of_shop(), new = scene_of_shop();
    row_of(&new, "tax")->calls *= 2;
    row_of(&new, "tax")->self_ns *= 2;
    struct trial trial;
    compare_two(&trial, &old, &new);
    assert_string_equal(trial.diff->functions[0].sides[DIFF_NEW]->qualname, "tax");
    assert_string_equal(diff_words(trial.diff, &trial.diff->functions[0]), "called more");
    assert_int_equal(trial.diff->sums.more, 1);
    assert_int_equal(trial.diff->sums.slower, 0);
    done(&trial);
}

static void test_new_and_gone(void **state)
{
    (void)state;
    struct scene old = scene_of_shop(), new = scene_of_shop();
    row_of(&new, "Report.render")->qualname = "Invoice.pdf";
    struct row *pdf = row_of(&new, "Invoice.pdf");
    pdf->calls = 9000; /* nothing like render */
    pdf->self_ns = 7 * MS;
    pdf->parent = 2;
    struct trial trial;
    compare_two(&trial, &old, &new);
    assert_what(trial.diff, "Invoice.pdf", "new");
    assert_what(trial.diff, "Report.render", "gone");
    assert_int_equal(trial.diff->sums.added, 1);
    assert_int_equal(trial.diff->sums.gone, 1);
    done(&trial);
}

static void test_a_lambda_put_between_leaves_the_others(void **state)
{
    (void)state;
    struct scene old = scene_of_shop(), new = scene_of_shop();
    new.rows[new.count++] =
        (struct row){"__main__", "build.<locals>.<lambda>", "/a/shop.py", 51, 1, 12345, 40 * MS, 0};
    struct trial trial;
    compare_two(&trial, &old, &new);
    assert_int_equal(find(trial.diff, "build.<locals>.<lambda>", 50)->calls.way, DIFF_SAME);
    assert_int_equal(find(trial.diff, "build.<locals>.<lambda>", 52)->calls.way, DIFF_SAME);
    assert_int_equal(trial.diff->sums.added, 1);
    assert_int_equal(trial.diff->sums.gone, 0);
    done(&trial);
}

static void test_a_rename_is_guessed_and_marked(void **state)
{
    (void)state;
    struct scene old = scene_of_shop(), new = scene_of_shop();
    row_of(&new, "price")->qualname = "cost"; /* tax and discount are called by it */
    struct trial trial;
    compare_two(&trial, &old, &new);
    const struct diff_function *cost = find(trial.diff, "cost", 0);
    assert_true(cost->renamed);
    assert_string_equal(cost->sides[DIFF_OLD]->qualname, "price");
    assert_string_equal(diff_label(trial.diff, cost), "cost (a/shop.py:9) ~renamed from price");
    assert_int_equal(trial.diff->sums.added + trial.diff->sums.gone, 0);
    assert_int_equal(trial.diff->function_count, SHOP);
    done(&trial);
}

static void test_a_function_moved_to_another_module(void **state)
{
    (void)state;
    struct scene old = scene_of_shop(), new = scene_of_shop();
    row_of(&new, "tax")->module = "shop.taxes";
    row_of(&new, "tax")->file = "/a/shop/taxes.py";
    struct trial trial;
    compare_two(&trial, &old, &new);
    const struct diff_function *tax = find(trial.diff, "tax", 0);
    assert_true(tax->renamed);
    assert_string_equal(diff_label(trial.diff, tax),
                        "tax (shop/taxes.py:15) ~moved from tax (a/shop.py:15)");
    done(&trial);
}

/* --- times ---------------------------------------------------------------------------------------- */

static void test_a_slower_function_is_first(void **state)
{
    (void)state;
    struct scene old = scene_of_shop(), new = scene_of_shop();
    row_of(&new, "discount")->self_ns = 225 * MS;
    row_of(&new, "Report.add")->self_ns = 101 * MS;
    struct trial trial;
    compare_two(&trial, &old, &new);
    assert_string_equal(trial.diff->functions[0].sides[DIFF_NEW]->qualname, "discount");
    assert_string_equal(diff_words(trial.diff, &trial.diff->functions[0]), "slower");
    assert_what(trial.diff, "Report.add", ""); /* 1 % is no change */
    assert_int_equal(trial.diff->sums.slower, 1);
    assert_true(fabs(trial.diff->functions[0].self.percent - 50) < 0.01);
    done(&trial);
}

static void test_a_slower_machine_is_no_slower_function(void **state)
{
    (void)state;
    struct scene old = scene_of_shop(), new = scene_of_shop();
    for (size_t i = 0; i < new.count; i++)
        new.rows[i].self_ns = new.rows[i].self_ns * 5 / 4;
    row_of(&new, "discount")->self_ns *= 2;
    struct trial trial;
    compare_two(&trial, &old, &new);
    assert_int_equal(trial.diff->sums.slower, 1);
    assert_what(trial.diff, "discount", "slower");
    assert_true(fabs(trial.diff->pace - 1.25) < 0.001);
    assert_true(fabs(find(trial.diff, "discount", 0)->self.percent - 100) < 0.1);
    done(&trial);
}

/* Recordings of one side that differ as much as the two sides do. */
static void test_within_the_spread_is_no_change(void **state)
{
    (void)state;
    static const int64_t times[2][4] = {{300, 360, 310, 345}, {340, 320, 350, 355}};
    struct trial trial = {.diff = NULL};
    for (int side = DIFF_OLD; side < DIFF_SIDES; side++) {
        for (int i = 0; i < 4; i++) {
            struct scene scene = scene_of_shop();
            row_of(&scene, "price")->self_ns = times[side][i] * MS;
            add(&trial, side, &scene);
        }
    }
    compare(&trial);
    assert_what(trial.diff, "price", "");
    assert_int_equal(trial.diff->sums.matter, 0);
    done(&trial);
}

/* A tenth, and the recordings of a side agree. */
static void test_a_tenth_beyond_the_spread_is_found(void **state)
{
    (void)state;
    static const int64_t times[2][5] = {{300, 304, 299, 302, 306}, {330, 336, 333, 331, 334}};
    struct trial trial = {.diff = NULL};
    for (int side = DIFF_OLD; side < DIFF_SIDES; side++) {
        for (int i = 0; i < 5; i++) {
            struct scene scene = scene_of_shop();
            row_of(&scene, "price")->self_ns = times[side][i] * MS;
            add(&trial, side, &scene);
        }
    }
    compare(&trial);
    assert_what(trial.diff, "price", "slower");
    assert_int_equal(trial.diff->sums.matter, 1);
    done(&trial);
}

/* Every call of a function that calls no other takes about as long; of the whole a third or more was spent
 * beside a neighbour. */
static void set_quantiles(struct snapshot *snapshot, const struct scene *quiet)
{
    snapshot->quantiles =
        arena_array(snapshot->arena, snapshot->function_count, sizeof(*snapshot->quantiles));
    assert_non_null(snapshot->quantiles);
    for (size_t i = 0; i < snapshot->function_count; i++)
        for (int q = 0; q < SNAPSHOT_QUANTILES; q++)
            snapshot->quantiles[i].ns[q] = (1 + 0.002 * q) * (double)quiet->rows[i].self_ns /
                                           (double)quiet->rows[i].calls;
}

/* Means that vary by a third, in which a tenth is lost; the fastest calls show it. */
static void test_the_fastest_calls_tell_what_means_hide(void **state)
{
    (void)state;
    static const int64_t disturbed_pct[2][5] = {{2, 31, 8, 24, 15}, {12, 3, 35, 20, 6}};
    for (int slower = 0; slower < 2; slower++) {
        struct trial trial = {.diff = NULL};
        for (int side = DIFF_OLD; side < DIFF_SIDES; side++) {
            for (int i = 0; i < 5; i++) {
                struct scene quiet = scene_of_shop();
                if (slower && side == DIFF_NEW)
                    row_of(&quiet, "discount")->self_ns = 165 * MS;
                struct scene scene = quiet;
                for (size_t r = 0; r < scene.count; r++)
                    scene.rows[r].self_ns += scene.rows[r].self_ns *
                                             (disturbed_pct[side][i] + (int64_t)(r * 7 % 5)) / 100;
                add(&trial, side, &scene);
                set_quantiles(trial.snapshots[side * 5 + i], &quiet);
            }
        }
        compare(&trial);
        assert_int_equal(trial.diff->sums.matter, slower);
        assert_what(trial.diff, "discount", slower ? "slower" : "");
        if (slower)
            assert_true(fabs(find(trial.diff, "discount", 0)->self.percent - 10) < 1);
        done(&trial);
    }
}

/* By the cpu clock a sleep is a wait; its shortest calls are compared by the wall clock. */
static void test_a_longer_sleep_is_a_longer_wait(void **state)
{
    (void)state;
    struct trial trial = {.diff = NULL};
    struct snapshot *by_wall[6];
    for (int side = DIFF_OLD; side < DIFF_SIDES; side++) {
        for (int i = 0; i < 3; i++) {
            struct scene scene = scene_of_shop();
            struct row *rows = row_of(&scene, "Table.rows");
            rows->self_ns = 2 * MS;
            rows->wait_ns = (side ? 660 : 600) * MS + i * MS;
            add(&trial, side, &scene);
            struct scene asleep = scene;
            row_of(&asleep, "Table.rows")->self_ns += rows->wait_ns;
            by_wall[side * 3 + i] = make(scene.rows, scene.count);
            set_quantiles(by_wall[side * 3 + i], &asleep);
            trial.recordings[side * 3 + i].by_wall = by_wall[side * 3 + i];
        }
    }
    compare(&trial);
    assert_what(trial.diff, "Table.rows", "waits longer");
    assert_true(fabs(find(trial.diff, "Table.rows", 0)->wait.percent - 10) < 1);
    assert_int_equal(trial.diff->sums.matter, 1);
    done(&trial);
    for (int i = 0; i < 6; i++)
        snapshot_free(by_wall[i]);
}

static void test_quantiles_are_read_between_the_slots(void **state)
{
    (void)state;
    int64_t counts[HISTOGRAM_SLOTS] = {0};
    assert_true(histogram_quantile(counts, 0.5) == 0);
    counts[histogram_slot(7)] = 10;
    assert_true(fabs(histogram_quantile(counts, 0.5) - 7.5) < 1e-9);
    counts[histogram_slot(7)] = 0;
    for (int64_t value = 1000; value < 3000; value++)
        counts[histogram_slot(value)]++;
    for (int percent = 3; percent <= 90; percent += 3)
        assert_true(fabs(histogram_quantile(counts, percent / 100.0) - (1000 + 20 * percent)) < 40);
    assert_true(fabs(histogram_quantile(counts, 0.30) - 1600) < 8);
}

static void test_waits_are_told_apart_from_work(void **state)
{
    (void)state;
    struct trial trial = {.diff = NULL};
    for (int side = DIFF_OLD; side < DIFF_SIDES; side++) {
        for (int i = 0; i < 3; i++) {
            struct scene scene = scene_of_shop();
            row_of(&scene, "Table.rows")->wait_ns = (side ? 900 : 500) * MS + i * MS;
            add(&trial, side, &scene);
        }
    }
    compare(&trial);
    assert_what(trial.diff, "Table.rows", "waits longer");
    assert_int_equal(trial.diff->sums.slower, 0);
    assert_int_equal(trial.diff->sums.waits_up, 1);
    done(&trial);
}

/* --- runs of other lengths --------------------------------------------------------------------------- */

static void test_a_longer_run_is_said_and_compared_per_call(void **state)
{
    (void)state;
    struct scene old = scene_of_shop(), new = scene_of_shop();
    for (size_t i = 2; i < new.count; i++) {
        new.rows[i].calls *= 3;
        new.rows[i].self_ns *= 3;
    }
    row_of(&new, "discount")->self_ns *= 2;
    struct trial trial = {.diff = NULL};
    add(&trial, DIFF_OLD, &old);
    add(&trial, DIFF_NEW, &new);
    trial.request.per_call = true;
    compare(&trial);
    assert_true(fabs(trial.diff->work - 3) < 0.001);
    assert_int_equal(trial.diff->sums.more, 0);
    assert_int_equal(trial.diff->sums.slower, 1);
    assert_string_equal(trial.diff->functions[0].sides[DIFF_NEW]->qualname, "discount");
    bool said = false;
    for (size_t i = 0; i < trial.diff->note_count; i++)
        said |= strstr(trial.diff->notes[i], "3 times old's calls") != NULL;
    assert_true(said);
    done(&trial);
}

/* --- tree ------------------------------------------------------------------------------------------- */

static void test_the_tree_leads_to_the_change(void **state)
{
    (void)state;
    struct scene old = scene_of_shop(), new = scene_of_shop();
    row_of(&new, "tax")->self_ns += 100 * MS;
    struct trial trial;
    compare_two(&trial, &old, &new);
    const struct diff *diff = trial.diff;
    assert_int_equal(llround(diff->nodes[0].net_ns), 100 * MS);
    size_t changed = 0;
    for (size_t i = 1; i < diff->node_count; i++) {
        if (diff->nodes[i].change_ns == 0)
            continue;
        changed++;
        assert_string_equal(diff->functions[diff->nodes[i].function].sides[DIFF_NEW]->qualname,
                            "tax");
        int32_t parent = diff->nodes[i].parent;
        assert_string_equal(diff->functions[diff->nodes[parent].function].sides[DIFF_NEW]->qualname,
                            "price");
        assert_int_equal(llround(diff->nodes[parent].net_ns), 100 * MS);
    }
    assert_int_equal(changed, 1);
    done(&trial);
}

/* --- limits ----------------------------------------------------------------------------------------- */

static void test_limits(void **state)
{
    (void)state;
    struct scene old = scene_of_shop(), new = scene_of_shop();
    row_of(&new, "discount")->self_ns = 225 * MS;
    row_of(&new, "tax")->calls += 400;
    struct trial trial;
    compare_two(&trial, &old, &new);
    static const struct diff_limit limits[] = {
        {METRIC_TOTTIME, 40}, {METRIC_TOTTIME, 60}, {METRIC_CALLS, 9}, {METRIC_CALLS, 11}};
    size_t count;
    const struct diff_excess *list = diff_limits_hold(trial.diff, limits, 4, &count);
    assert_int_equal(count, 2);
    assert_string_equal(diff_excess_text(trial.diff, &list[0]),
                        "tottime +50.0% (limit 40%): discount (a/shop.py:21)");
    assert_string_equal(diff_excess_text(trial.diff, &list[1]),
                        "calls +10.0% (limit 9%): tax (a/shop.py:15)");
    done(&trial);
}

/* --- what is said, and names that bite ----------------------------------------------------------------- */

static bool is_noted(const struct diff *diff, const char *what)
{
    for (size_t i = 0; i < diff->note_count; i++)
        if (strstr(diff->notes[i], what))
            return true;
    return false;
}

static void test_other_pythons_and_hosts_are_named(void **state)
{
    (void)state;
    struct scene scene = scene_of_shop();
    struct trial trial = {.diff = NULL};
    add(&trial, DIFF_OLD, &scene);
    add(&trial, DIFF_NEW, &scene);
    trial.snapshots[1]->meta.python = "3.13.0";
    trial.snapshots[1]->meta.host = "ci-7";
    trial.snapshots[1]->meta.corrected = false;
    compare(&trial);
    assert_true(is_noted(trial.diff, "Python: 3.12.1 in old, 3.13.0 in new"));
    assert_true(is_noted(trial.diff, "host: kiosk in old, ci-7 in new"));
    assert_true(is_noted(trial.diff, "corrected for the probe's cost: yes in old, no in new"));
    done(&trial);
}

static void write_all(const struct diff *diff, const char *format)
{
    struct export_options options = {.columns = 100};
    struct diff_report report = {.diff = diff, .options = &options};
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    assert_int_equal(diff_writer_find(format)->write(&report, stream), 0);
    fclose(stream);
    assert_true(size > 100);
    for (size_t i = 0; i < size; i++)
        assert_true((unsigned char)text[i] >= ' ' || text[i] == '\n');
    free(text);
}

/* Recursion, hostile names, everything gone and new. */
static void test_every_format_survives_the_samples(void **state)
{
    (void)state;
    static const char *const formats[] = {"table", "tree", "markdown", "json"};
    struct snapshot *(*const makers[])(void) = {sample_snapshot_new, sample_snapshot_empty_new,
                                                sample_snapshot_huge_new};
    for (size_t a = 0; a < 3; a++) {
        for (size_t b = 0; b < 3; b++) {
            struct trial trial = {.diff = NULL};
            trial.snapshots[0] = makers[a]();
            trial.snapshots[1] = makers[b]();
            trial.recordings[0] =
                (struct diff_recording){.name = "a\x1b[1m;\n", .whole = trial.snapshots[0]};
            trial.recordings[1] =
                (struct diff_recording){.name = "b.ulma", .whole = trial.snapshots[1]};
            trial.request.counts[DIFF_OLD] = trial.request.counts[DIFF_NEW] = 1;
            compare(&trial);
            for (size_t i = 0; i < 4; i++)
                write_all(trial.diff, formats[i]);
            if (a == b)
                assert_int_equal(trial.diff->sums.matter + trial.diff->sums.minor, 0);
            done(&trial);
        }
    }
}

static void test_deep_and_large(void **state)
{
    (void)state;
    struct trial trial = {.diff = NULL};
    trial.snapshots[0] = sample_snapshot_deep_new(100000);
    trial.snapshots[1] = sample_snapshot_large_new(20000);
    for (int i = 0; i < 2; i++)
        trial.recordings[i] =
            (struct diff_recording){.name = "x.ulma", .whole = trial.snapshots[i]};
    trial.request.counts[DIFF_OLD] = trial.request.counts[DIFF_NEW] = 1;
    compare(&trial);
    write_all(trial.diff, "tree");
    write_all(trial.diff, "table");
    done(&trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_twice_is_no_change),
        cmocka_unit_test(test_moved_lines_change_nothing),
        cmocka_unit_test(test_another_checkout_and_another_library_are_the_same),
        cmocka_unit_test(test_run_as_a_module_is_the_same_file),
        cmocka_unit_test(test_one_call_more_is_certain),
        cmocka_unit_test(test_twice_as_many_calls_come_first_and_are_not_slower),
        cmocka_unit_test(test_new_and_gone),
        cmocka_unit_test(test_a_lambda_put_between_leaves_the_others),
        cmocka_unit_test(test_a_rename_is_guessed_and_marked),
        cmocka_unit_test(test_a_function_moved_to_another_module),
        cmocka_unit_test(test_a_slower_function_is_first),
        cmocka_unit_test(test_a_slower_machine_is_no_slower_function),
        cmocka_unit_test(test_within_the_spread_is_no_change),
        cmocka_unit_test(test_a_tenth_beyond_the_spread_is_found),
        cmocka_unit_test(test_the_fastest_calls_tell_what_means_hide),
        cmocka_unit_test(test_a_longer_sleep_is_a_longer_wait),
        cmocka_unit_test(test_quantiles_are_read_between_the_slots),
        cmocka_unit_test(test_waits_are_told_apart_from_work),
        cmocka_unit_test(test_a_longer_run_is_said_and_compared_per_call),
        cmocka_unit_test(test_the_tree_leads_to_the_change),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_other_pythons_and_hosts_are_named),
        cmocka_unit_test(test_every_format_survives_the_samples),
        cmocka_unit_test(test_deep_and_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
