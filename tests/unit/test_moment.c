/* SPDX-License-Identifier: MIT */
/* From nodes to a snapshot: functions, callers, tree, windows, threads, on a model fed by hand.
 * One tick is one nanosecond here, so every number can be told beforehand. */
#include "fold_tools.h"

#include "model/moment.h"
#include "model/snapshot_make.h"

#include <stdio.h>
#include <string.h>

enum { SECOND = 1000000000 };

static struct model model;
static struct moment moment;

static int set_up(void **state)
{
    (void)state;
    fold_tools_init(&model);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    moment_done(&moment);
    model_done(&model);
    return 0;
}

#define E(ticks, kind, id, frame) fold_tools_event(&thread, ticks, EVENT_##kind, id, frame)

static struct snapshot *take(uint64_t counter, int seconds, enum snapshot_clock clock)
{
    moment_done(&moment);
    model_flush(&model, counter);
    struct moment_room room = moment_room_of(&model);
    assert_int_equal(moment_prepare(&moment, &room), 0);
    assert_true(moment_fits(&moment, &model));
    moment.clock = clock;
    assert_int_equal(moment_take(&moment, &model, counter, seconds), 0);
    struct snapshot_maker maker = {
        .snapshot = snapshot_new(),
        .moment = &moment,
        .symbols = &model.symbols,
        .ns_per_tick = 1,
        .exact = true,
    };
    assert_non_null(maker.snapshot);
    assert_int_equal(snapshot_make(&maker), 0);
    assert_int_equal(snapshot_make_window(&maker), 0);
    assert_int_equal(snapshot_make_activations(&maker), 0);
    return maker.snapshot;
}

static const struct snapshot_edge *edge_of(const struct snapshot *snapshot, const char *caller,
                                           const char *callee)
{
    for (size_t i = 0; i < snapshot->edge_count; i++) {
        const struct snapshot_edge *edge = &snapshot->edges[i];
        const char *name = edge->caller == SNAPSHOT_NONE ? ""
                                                         : snapshot->functions[edge->caller].name;
        if (strcmp(name, caller) == 0 &&
            strcmp(snapshot->functions[edge->callee].name, callee) == 0)
            return edge;
    }
    fail_msg("no edge %s -> %s", caller, callee);
    return NULL;
}

static void functions_callers_and_tree(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 7, 1000);
    E(0, START, 1, 10);
    for (int i = 0; i < 2; i++) {
        E(10, START, 2, 20);
        E(5, START, 3, 30);
        E(7, RETURN, 3, 30);
        E(1, RETURN, 2, 20);
    }
    E(2, START, 3, 30);
    E(4, UNWIND, 3, 30);
    struct snapshot *snapshot = take(thread.counter, -1, CLOCK_WALL);
    const struct snapshot_function *three = fold_tools_function(snapshot, "f3");
    assert_int_equal(snapshot->function_count, 3);
    assert_int_equal(three->calls, 3);
    assert_int_equal(three->self_ns, 18);
    assert_int_equal(three->raised, 1);
    assert_int_equal(three->min_ns, 4);
    assert_int_equal(three->max_ns, 7);
    assert_int_equal(three->p50_ns, 7);
    assert_int_equal(three->window.calls, 3); /* no window: the whole */
    assert_int_equal(fold_tools_function(snapshot, "f1")->total_ns, 52);
    assert_int_equal(fold_tools_function(snapshot, "f1")->max_ns, 0); /* it has not ended */
    assert_int_equal(snapshot->edge_count, 4);
    assert_int_equal(edge_of(snapshot, "", "f1")->calls, 1);
    assert_int_equal(edge_of(snapshot, "f2", "f3")->self_ns, 14);
    assert_int_equal(edge_of(snapshot, "f1", "f3")->total_ns, 4);
    assert_int_equal(snapshot->node_count, 5);
    assert_int_equal(snapshot->nodes[0].function, SNAPSHOT_NONE);
    assert_int_equal(snapshot->nodes[0].parent, SNAPSHOT_NONE);
    assert_int_equal(snapshot->nodes[0].total_ns, 52);
    for (size_t i = 1; i < snapshot->node_count; i++)
        assert_true(snapshot->nodes[i].parent >= 0 && snapshot->nodes[i].parent < (int32_t)i);
    snapshot_free(snapshot);
}

static const struct snapshot_activation *alive(const struct snapshot *snapshot, const char *name)
{
    for (size_t i = 0; i < snapshot->activation_count; i++)
        if (strcmp(snapshot->functions[snapshot->activations[i].function].name, name) == 0)
            return &snapshot->activations[i];
    fail_msg("%s is not alive", name);
    return NULL;
}

static void who_is_alive_and_what_it_waits_in(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 7, 1000);
    E(0, START, 1, 10);
    E(5, START, 150, 20);
    E(5, START, 151, 30);
    E(1, START, 2, 40);
    E(1, RETURN, 2, 40);
    E(5, YIELD, 151, 30);
    E(0, YIELD, 150, 20);
    E(9, START, 100, 50);
    E(1, YIELD, 100, 50);
    struct snapshot *snapshot = take(thread.counter + 100, -1, CLOCK_WALL);
    assert_int_equal(snapshot->activation_count, 4);
    const struct snapshot_activation *one = alive(snapshot, "f1");
    const struct snapshot_activation *outer = alive(snapshot, "g150");
    const struct snapshot_activation *inner = alive(snapshot, "g151");
    assert_ptr_equal(one, &snapshot->activations[0]);
    assert_true(one->is_active && one->is_top);
    assert_int_equal(one->parent_number, 0);
    assert_int_equal(one->depth, 0);
    assert_false(outer->is_active || outer->is_top);
    assert_int_equal(outer->parent_frame, one->frame);
    assert_int_equal(outer->parent_number, one->number);
    assert_int_equal(outer->awaiting, inner->function);
    assert_int_equal(outer->depth, 1);
    assert_int_equal(outer->age_ns, 110);
    assert_int_equal(inner->parent_frame, 20);
    assert_int_equal(inner->parent_number, outer->number);
    assert_int_equal(inner->awaiting, SNAPSHOT_NONE);
    assert_int_equal(inner->depth, 2);
    assert_int_equal(alive(snapshot, "g100")->awaiting, SNAPSHOT_NONE);
    assert_int_equal(alive(snapshot, "g100")->count, 1);
    snapshot_free(snapshot);

    E(1, RESUME, 150, 20);
    E(1, RETURN, 150, 20);
    snapshot = take(thread.counter, -1, CLOCK_WALL);
    assert_int_equal(snapshot->activation_count, 3);
    snapshot_free(snapshot);
}

static void hundreds_that_wait_alike_are_one_row(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 7, 1000);
    E(0, START, 1, 10);
    for (uint32_t i = 0; i < 200; i++) {
        E(1, START, 150, 1000 + 2 * i);
        E(1, YIELD, 150, 1000 + 2 * i);
    }
    struct snapshot *snapshot = take(thread.counter, -1, CLOCK_WALL);
    assert_int_equal(snapshot->activation_count, 201);
    snapshot_free(snapshot);
    E(1, START, 100, 20);
    E(1, YIELD, 100, 20);
    snapshot = take(thread.counter, -1, CLOCK_WALL);
    assert_int_equal(snapshot->activation_count, 3);
    assert_int_equal(alive(snapshot, "g150")->count, 200);
    assert_int_equal(alive(snapshot, "g150")->frame, 1000);
    assert_int_equal(alive(snapshot, "g150")->age_ns, 400);
    assert_int_equal(alive(snapshot, "g100")->count, 1);
    snapshot_free(snapshot);
}

static void windows_hold_the_last_seconds(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 7, 0);
    E(1, START, 1, 10);
    for (uint64_t second = 1; second <= 70; second++) {
        E(1000, START, 2, 20);
        E(second * 1000, RETURN, 2, 20);
        if (second == 69) {
            E(1, START, 3, 30);
            E(50, RETURN, 3, 30);
        }
        model_tick(&model, second * SECOND);
        thread.counter = second * SECOND;
    }
    E(10, START, 2, 20);
    E(500, RETURN, 2, 20);
    struct snapshot *snapshot = take(70 * (uint64_t)SECOND + SECOND / 2, 2, CLOCK_WALL);
    const struct snapshot_function *two = fold_tools_function(snapshot, "f2");
    assert_int_equal(two->calls, 71);
    assert_int_equal(two->max_ns, 70000);
    assert_int_equal(two->min_ns, 500);
    assert_int_equal(two->window.calls, 3); /* seconds 69 and 70, and the present one */
    assert_int_equal(two->window.self_ns, 69000 + 70000 + 500);
    assert_int_equal(two->window.max_ns, 70000);
    assert_true(two->window.p50_ns > 69000 * 0.95 && two->window.p50_ns < 69000 * 1.05);
    assert_int_equal(fold_tools_function(snapshot, "f3")->window.calls, 1);
    const struct snapshot_function *one = fold_tools_function(snapshot, "f1");
    assert_int_equal(one->window.calls, 0);
    assert_int_equal(one->window.total_ns, 2 * (int64_t)SECOND + SECOND / 2); /* live */
    assert_int_equal(snapshot->nodes[0].window_total_ns, one->window.total_ns);
    snapshot_free(snapshot);
    snapshot = take(70 * (uint64_t)SECOND + SECOND / 2, 0, CLOCK_WALL);
    assert_int_equal(fold_tools_function(snapshot, "f2")->window.calls, 1);
    assert_int_equal(fold_tools_function(snapshot, "f3")->window.calls, 0);
    snapshot_free(snapshot);
    /* A longer window than there are seconds holds those that there are. */
    snapshot = take(70 * (uint64_t)SECOND + SECOND / 2, 1000, CLOCK_WALL);
    assert_int_equal(fold_tools_function(snapshot, "f2")->window.calls, WINDOWS_SECONDS + 1);
    snapshot_free(snapshot);
}

static void seconds_that_nobody_asks_for_are_not_kept(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 7, 0);
    model.windows.unkept = true;
    E(1, START, 1, 10);
    for (uint64_t second = 1; second <= 70; second++) {
        E(1000, START, 2, 20);
        E(second * 1000, RETURN, 2, 20);
        model_tick(&model, second * SECOND);
        thread.counter = second * SECOND;
        assert_null(windows_back(&model.windows, 0));
    }
    for (int i = 0; i < WINDOWS_SECONDS; i++)
        assert_null(model.windows.seconds[i].rows);
    struct snapshot *snapshot = take(70 * (uint64_t)SECOND + SECOND / 2, 0, CLOCK_WALL);
    const struct snapshot_function *two = fold_tools_function(snapshot, "f2");
    assert_int_equal(two->calls, 70);
    assert_int_equal(two->min_ns, 1000);
    assert_int_equal(two->max_ns, 70000);
    assert_true(two->p50_ns > 35000 * 0.95 && two->p50_ns < 36000 * 1.05);
    snapshot_free(snapshot);
}

static void the_cpu_clock_has_its_own_percentiles(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 7, 1000);
    E(0, START, 1, 10);
    for (int i = 0; i < 10; i++) {
        E(1, START, 2, 20);
        waits_out(&thread.track->waits, thread.counter + 100);
        waits_in(&thread.track->waits, thread.counter + 5100);
        track_set_hurdle(thread.track);
        E(5200, RETURN, 2, 20);
    }
    struct snapshot *snapshot = take(thread.counter, 0, CLOCK_WALL);
    const struct snapshot_function *two = fold_tools_function(snapshot, "f2");
    assert_int_equal(two->max_ns, 5200);
    assert_int_equal(two->min_ns, 5200);
    assert_int_equal(two->p50_ns, 5200);
    assert_int_equal(two->self_wait_ns, 50000);
    assert_int_equal(two->window.total_wait_ns, 50000);
    snapshot_free(snapshot);
    snapshot = take(thread.counter, 0, CLOCK_CPU);
    two = fold_tools_function(snapshot, "f2");
    assert_int_equal(two->max_ns, 200);
    assert_int_equal(two->p50_ns, 200);
    assert_int_equal(two->window.max_ns, 200);
    assert_true(two->window.p99_ns > 190 && two->window.p99_ns <= 200);
    assert_int_equal(fold_tools_function(snapshot, "f1")->total_wait_ns, 50000);
    snapshot_free(snapshot);
}

/* Twins are one row, and nodes that differ by them one node. */
static void twins_are_joined(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 7, 1000);
    E(0, START, 1, 10);
    E(1, START, 2, 20);
    E(1, RETURN, 2, 20);
    uint32_t twin = symbols_same_row(&model.symbols, symbols_handle(&model.symbols, 2) >> 1);
    model.symbols.by_id[9] = twin << 1;
    E(1, START, 9, 20);
    E(1, START, 3, 30);
    E(1, RETURN, 3, 30);
    E(1, RETURN, 9, 20);
    E(1, RETURN, 1, 10);
    struct snapshot *snapshot = take(thread.counter, 0, CLOCK_WALL);
    assert_int_equal(snapshot->function_count, 3);
    assert_int_equal(snapshot->node_count, 4);
    assert_int_equal(fold_tools_function(snapshot, "f2")->calls, 2);
    assert_int_equal(fold_tools_function(snapshot, "f2")->window.calls, 2);
    assert_int_equal(edge_of(snapshot, "f1", "f2")->calls, 2);
    snapshot_free(snapshot);
}

static void thousands_of_ended_threads_are_folded(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MODEL_ENDED_MAX + 10; i++) {
        struct bench_thread thread = fold_tools_thread(&model, i + 1, 1000 + i * 100);
        E(0, START, 1, 10);
        E(20, RETURN, 1, 10);
        E(5, START, 1, 10);
        thread.track->lost = 1;
        model_end_track(&model, thread.track);
    }
    assert_null(model.tracks);
    struct snapshot *snapshot = take(10000000, 0, CLOCK_WALL);
    assert_int_equal(moment.thread_count, MODEL_ENDED_MAX + 1);
    const struct ended_thread *rest = &moment.threads[MODEL_ENDED_MAX].sums;
    assert_string_equal(rest->name, "(ended)");
    assert_int_equal(rest->calls, 20);
    assert_int_equal(rest->lost, 10);
    assert_int_equal(rest->profiled_ticks, 250);
    assert_int_equal(fold_tools_function(snapshot, "f1")->calls, 2 * (MODEL_ENDED_MAX + 10));
    snapshot_free(snapshot);
}

static void a_reset_leaves_nothing_but_what_is_open(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 7, 1000);
    E(0, START, 1, 10);
    E(5, START, 2, 20);
    E(5, RETURN, 2, 20);
    model_reset(&model, thread.counter + 10);
    struct snapshot *snapshot = take(thread.counter + 10, 0, CLOCK_WALL);
    assert_int_equal(snapshot->function_count, 1); /* f1, which is running */
    assert_int_equal(fold_tools_function(snapshot, "f1")->calls, 0);
    assert_int_equal(moment.threads[0].sums.profiled_ticks, 0);
    snapshot_free(snapshot);
    E(30, RETURN, 1, 10);
    snapshot = take(thread.counter, 0, CLOCK_WALL);
    assert_int_equal(fold_tools_function(snapshot, "f1")->total_ns, 20);
    assert_int_equal(fold_tools_function(snapshot, "f1")->max_ns, 20);
    assert_int_equal(snapshot->node_count, 2);
    snapshot_free(snapshot);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(functions_callers_and_tree),
        CASE(who_is_alive_and_what_it_waits_in),
        CASE(hundreds_that_wait_alike_are_one_row),
        CASE(windows_hold_the_last_seconds),
        CASE(seconds_that_nobody_asks_for_are_not_kept),
        CASE(the_cpu_clock_has_its_own_percentiles),
        CASE(twins_are_joined),
        CASE(thousands_of_ended_threads_are_folded),
        CASE(a_reset_leaves_nothing_but_what_is_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
