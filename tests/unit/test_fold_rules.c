/* SPDX-License-Identifier: MIT */
/* The rules of wire/event.h, one by one, on hand-written streams.
 * Why: the property test says that something is wrong, these say what.
 * Times are in ticks; the probe costs nothing but where told. */
#include "fold_tools.h"

#include <stdlib.h>
#include <string.h>

static struct model model;

static int set_up(void **state)
{
    (void)state;
    fold_tools_init(&model);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    model_done(&model);
    return 0;
}

#define expect(...)               fold_tools_expect(&model, __VA_ARGS__)
#define E(ticks, kind, id, frame) fold_tools_event(&thread, ticks, EVENT_##kind, id, frame)

static struct bench_thread new_thread(void)
{
    return fold_tools_thread(&model, 1, 1000);
}

static void self_and_total(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(5, START, 2, 20);
    E(7, RETURN, 2, 20);
    E(3, START, 2, 20);
    E(11, UNWIND, 2, 20);
    E(2, RETURN, 1, 10);
    expect("f1", 1, 0, 1, 10, 28);
    expect("f2", 2, 0, 2, 18, 18);
    assert_int_equal(model.unmatched_pops, 0);
    assert_int_equal(thread.track->depth, 0);
}

static void recursion_counts_once(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(5, START, 2, 20);
    E(5, START, 1, 30);
    E(5, START, 1, 40);
    E(5, RETURN, 1, 40);
    E(5, RETURN, 1, 30);
    E(5, RETURN, 2, 20);
    E(5, RETURN, 1, 10);
    expect("f1", 3, 0, 1, 25, 35);
    expect("f2", 1, 0, 1, 10, 25);
}

/* Edges as _lsprof has them: the edge f1 -> f2 is open already when it is taken again deeper. */
static void edges_of_mutual_recursion(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(1, START, 2, 20);
    E(1, START, 1, 30);
    E(1, START, 2, 40);
    E(1, RETURN, 2, 40);
    E(1, RETURN, 1, 30);
    E(1, RETURN, 2, 20);
    E(1, RETURN, 1, 10);
    uint64_t calls = 0, primitive = 0;
    int64_t total = 0;
    for (uint32_t i = 1; i < model.nodes.count; i++) {
        const struct node *node = &model.nodes.nodes[i];
        uint32_t caller = model.nodes.nodes[nodes_parent(node)].symbol;
        if (strcmp(model.symbols.symbols[caller].name, "f1") != 0)
            continue;
        calls += node->calls;
        if (node->parent_flags & NODE_EDGE_PRIMITIVE)
            primitive += node->calls;
        if (node->parent_flags & NODE_EDGE_OUTERMOST)
            total += node->total_ticks;
    }
    assert_int_equal(calls, 2);
    assert_int_equal(primitive, 1);
    assert_int_equal(total, 5);
}

static void push_of_an_open_frame_closes_it(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(1, START, 2, 20);
    E(2, START, 3, 30);
    E(4, START, 4, 20); /* frame 20 again: f2 and f3 have ended unseen */
    E(8, RETURN, 4, 20);
    E(16, RETURN, 1, 10);
    expect("f1", 1, 0, 1, 17, 31);
    expect("f2", 1, 0, 1, 2, 6);
    expect("f3", 1, 0, 1, 4, 4);
    expect("f4", 1, 0, 1, 8, 8);
    assert_int_equal(model.unmatched_pops, 0);
}

static void pop_closes_all_above(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(1, START, 2, 20);
    E(2, START, 3, 30);
    E(4, RETURN, 1, 10);
    expect("f1", 1, 0, 1, 1, 7);
    expect("f2", 1, 0, 1, 2, 6);
    expect("f3", 1, 0, 1, 4, 4);
    assert_int_equal(thread.track->depth, 0);
}

static void pop_of_a_closed_frame_is_counted(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(1, RETURN, 2, 20);
    E(2, RETURN, 1, 10);
    E(4, RETURN, 1, 10);
    expect("f1", 1, 0, 1, 3, 3);
    assert_int_equal(model.unmatched_pops, 2);
    track_flush(&model, thread.track);
    assert_int_equal(thread.track->outside_ticks, 4);
}

static void c_calls_have_their_own_key(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(1, C_CALL, 200, 10);
    E(2, START, 2, 20); /* a callback */
    E(4, RETURN, 2, 20);
    E(8, C_RETURN, 0, 10);
    E(16, C_CALL, 201, 10);
    E(32, C_RAISE, 0, 10);
    E(64, RETURN, 1, 10);
    expect("f1", 1, 0, 1, 81, 127);
    expect("c200", 1, 0, 1, 10, 14);
    expect("f2", 1, 0, 1, 4, 4);
    expect("c201", 1, 0, 1, 32, 32);
    for (uint32_t i = 0; i < model.symbols.count; i++)
        assert_int_equal(model.symbols.symbols[i].raised,
                         strcmp(model.symbols.symbols[i].name, "c201") == 0);
}

static void retop_ends_what_is_above(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(1, START, 2, 20);
    E(2, START, 3, 30);
    E(4, RETOP, 0, 10);
    E(8, START, 4, 40);
    E(16, RETOP, 0, 99); /* not open: nothing happens */
    assert_int_equal(thread.track->depth, 2);
    E(32, RETOP, 0, 0);
    expect("f1", 1, 0, 1, 9, 63);
    expect("f3", 1, 0, 1, 4, 4);
    expect("f4", 1, 0, 1, 48, 48);
    assert_int_equal(thread.track->depth, 0);
    assert_int_equal(model.unmatched_pops, 1);
}

static void stacks_of_greenlets_are_kept_apart(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(1, RETOP, 0, 0); /* a greenlet begins */
    E(0, START, 2, 20);
    E(2, START, 3, 30);
    E(4, RETOP, 0, 0); /* and another one */
    E(0, START, 4, 40);
    E(8, RETOP, 0, 30); /* the first one goes on, and calls */
    E(0, START, 5, 50);
    E(16, RETURN, 0, 50);
    E(32, RETURN, 0, 40); /* the other one goes on, and returns */
    E(64, RETURN, 0, 30);
    E(128, RETURN, 0, 20);
    E(256, RETURN, 0, 10);
    assert_int_equal(thread.track->depth, 0);
    assert_int_equal(model.unmatched_pops, 0);
    expect("f1", 1, 0, 1, 1, 1);
    expect("f2", 1, 0, 1, 130, 182);
    expect("f3", 1, 0, 1, 36, 52);
    expect("f4", 1, 0, 1, 8, 8);
    expect("f5", 1, 0, 1, 16, 16);
}

static void a_seed_of_another_stack_parks_this_one(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    fold_tools_amount(&thread, 1, EVENT_SEED_BEGIN, 1);
    E(0, SEED_FRAME, 2, 20);
    E(0, SEED_END, 0, 20);
    E(4, RETURN, 0, 10);
    assert_int_equal(model.unmatched_pops, 0);
    E(8, RETURN, 0, 20);
    assert_int_equal(model.unmatched_pops, 0);
    assert_int_equal(thread.track->depth, 0);
    expect("f1", 1, 0, 1, 1, 1);
}

static void a_gap_ends_the_stacks_of_greenlets(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(1, RETOP, 0, 0);
    E(0, START, 2, 20);
    fold_tools_amount(&thread, 2, EVENT_GAP, 1);
    fold_tools_amount(&thread, 2, EVENT_SEED_BEGIN, 1);
    E(0, SEED_FRAME, 2, 20);
    E(0, SEED_END, 0, 0);
    E(4, RETURN, 0, 10);
    assert_int_equal(model.unmatched_pops, 1);
    assert_int_equal(thread.track->depth, 1);
}

static const struct symbol *symbol_of(const char *name)
{
    for (uint32_t i = 1; i < model.symbols.count; i++)
        if (strcmp(model.symbols.symbols[i].name, name) == 0)
            return &model.symbols.symbols[i];
    fail_msg("no symbol %s", name);
    return NULL;
}

static void generators_run_in_segments(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    struct bench_thread other = fold_tools_thread(&model, 2, 1000);
    E(0, START, 1, 10);
    E(1, START, 100, 50);
    E(2, YIELD, 100, 50);
    E(1000, RESUME, 100, 50);
    E(4, YIELD, 100, 50);
    other.counter = thread.counter;
    fold_tools_event(&other, 500, EVENT_RESUME, 100, 50); /* by another thread */
    fold_tools_event(&other, 8, EVENT_RETURN, 100, 50);
    E(3000, RETURN, 1, 10);
    expect("g100", 1, 2, 3, 14, 14);
    const struct symbol *symbol = symbol_of("g100");
    assert_int_equal(symbol->min_ticks, 14); /* one activation of 2 + 4 + 8 */
    assert_int_equal(symbol->second_max_ticks, 14);
    assert_int_equal(symbol->yields, 2);
    assert_int_equal(model.suspended.used, 0);
}

static void throw_resumes_or_starts(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 100, 50);
    E(2, YIELD, 100, 50);
    E(1, THROW, 100, 50); /* known: goes on */
    E(4, UNWIND, 100, 50);
    E(1, THROW, 101, 60); /* never ran */
    E(8, UNWIND, 101, 60);
    expect("g100", 1, 1, 2, 6, 6);
    expect("g101", 1, 0, 1, 8, 8);
    assert_int_equal(symbol_of("g100")->raised, 1);
    assert_int_equal(symbol_of("g101")->min_ticks, 8);
}

/* A generator dropped while suspended ends without an event; its frame is used again. */
static void a_dropped_generator_ends_when_its_frame_is_used(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 100, 50);
    E(2, YIELD, 100, 50);
    E(1, START, 101, 50);
    E(5, RETURN, 101, 50);
    E(1, THROW, 101, 50); /* another one there, which never ran */
    E(7, UNWIND, 101, 50);
    expect("g101", 2, 0, 2, 12, 12);
    assert_int_equal(symbol_of("g100")->min_ticks, 2);
    assert_int_equal(symbol_of("g101")->min_ticks, 5);
}

/* One thread closes a generator, another takes its frame; the second one's ring is read first. */
static void a_frame_used_again_is_met_before_its_end(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    struct bench_thread other = fold_tools_thread(&model, 2, 1000);
    E(0, START, 100, 50);
    E(2, YIELD, 100, 50);
    other.counter = thread.counter;
    fold_tools_event(&other, 100, EVENT_START, 100, 50);
    fold_tools_event(&other, 3, EVENT_YIELD, 100, 50);
    E(10, THROW, 100, 50); /* before that */
    E(4, UNWIND, 100, 50);
    fold_tools_event(&other, 5, EVENT_THROW, 100, 50);
    fold_tools_event(&other, 6, EVENT_UNWIND, 100, 50);
    expect("g100", 2, 2, 4, 15, 15);
    assert_int_equal(model.suspended.used, 0);
    /* And where it is taken, and has not yielded yet. */
    E(20, START, 101, 60);
    E(2, YIELD, 101, 60);
    other.counter = thread.counter;
    fold_tools_event(&other, 100, EVENT_START, 101, 60);
    E(10, THROW, 101, 60);
    E(4, UNWIND, 101, 60);
    fold_tools_event(&other, 5, EVENT_RETURN, 101, 60);
    expect("g101", 2, 1, 3, 11, 11);
    assert_int_equal(model.suspended.used, 0);
}

static void a_gap_is_resynced(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(1, START, 2, 20);
    E(2, START, 3, 30);
    fold_tools_amount(&thread, 100, EVENT_GAP, 7);
    fold_tools_amount(&thread, 0, EVENT_SEED_BEGIN, 3);
    E(0, SEED_FRAME, 1, 10);
    E(0, SEED_FRAME, 2, 20);
    E(0, SEED_FRAME, 4, 30); /* another function in the same frame */
    E(0, SEED_END, 0, 0);
    E(4, RETURN, 4, 30);
    E(8, RETURN, 2, 20);
    E(16, RETURN, 1, 10);
    expect("f1", 1, 0, 1, 17, 131);
    expect("f2", 1, 0, 1, 10, 114);
    expect("f3", 1, 0, 1, 0, 0);
    expect("f4", 0, 0, 0, 4, 4);
    expect("(resync)", 0, 0, 0, 100, 100);
    assert_int_equal(model.gaps, 1);
    assert_int_equal(model.unmatched_pops, 0);
    assert_true(symbol_of("f1")->second_max_ticks < 0); /* in doubt: no percentile of it */
}

static void a_gap_without_a_seed_believes_the_stack(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    fold_tools_amount(&thread, 50, EVENT_GAP, 1);
    E(5, START, 2, 20);
    E(7, RETURN, 2, 20);
    E(1, RETURN, 1, 10);
    expect("f1", 1, 0, 1, 1, 63);
    expect("f2", 1, 0, 1, 7, 7);
    expect("(resync)", 0, 0, 0, 55, 55);
}

static void a_seed_interrupted_is_dropped(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    fold_tools_amount(&thread, 1, EVENT_SEED_BEGIN, 2);
    E(0, SEED_FRAME, 2, 20);
    E(2, START, 3, 30);
    E(0, SEED_FRAME, 2, 20);
    E(0, SEED_END, 0, 0);
    E(4, RETURN, 3, 30);
    E(8, RETURN, 1, 10);
    expect("f1", 1, 0, 1, 11, 15);
    expect("f3", 1, 0, 1, 4, 4);
    assert_int_equal(model.bad_events, 2);
}

static void a_stall_is_in_no_function(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    fold_tools_amount(&thread, 110, EVENT_STALL, 100);
    thread.counter -= 100; /* the event that waited was read before it slept */
    E(0, START, 2, 20);
    thread.counter += 100;
    E(5, RETURN, 2, 20);
    E(2, RETURN, 1, 10);
    expect("f1", 1, 0, 1, 12, 17);
    expect("f2", 1, 0, 1, 5, 5);
    assert_int_equal(thread.track->stalled_ticks, 100);
    assert_int_equal(track_profiled(thread.track), 117);
    assert_int_equal(track_corrected_ticks(thread.track), 0);
}

static void a_push_that_never_ran_is_taken_back(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(1, START, 2, 20);
    E(2, UNRUN, EVENT_START, 20);
    E(4, UNRUN, EVENT_START, 20); /* not open: nothing to take back */
    E(8, RETURN, 1, 10);
    expect("f1", 1, 0, 1, 13, 15);
    expect("f2", 0, 0, 0, 2, 2);
    assert_int_equal(thread.track->python_pushes, 1);
    assert_int_equal(model.unmatched_pops, 1);
}

static void time_never_goes_back(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    thread.counter -= 500;
    E(0, START, 2, 20);
    thread.counter += 500;
    E(10, RETURN, 2, 20);
    model.latest = thread.counter + 1000;
    struct event far = {thread.counter + 1001, event_pack(EVENT_START, 2), 20};
    fold_events(&model, thread.track, &far, 1);
    E(5, RETURN, 2, 20);
    E(0, RETURN, 1, 10);
    expect("f2", 2, 0, 2, 15, 15);
    expect("f1", 1, 0, 1, 0, 15);
    assert_int_equal(model.bad_events, 1);
}

static void unknown_kinds_and_ids(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 0, 10);
    E(1, START, SESSION_ID_LIMIT + 5, 20);
    struct event bad = {thread.counter + 1, 0x000001ff, 10};
    fold_events(&model, thread.track, &bad, 1);
    E(2, RETURN, 0, 10);
    E(1, NONE, 1, 10);
    E(1, ON, 0, 0);
    expect("(other)", 2, 0, 1, 3, 3);
    assert_int_equal(model.bad_events, 3);
}

static void orders_wait_for_their_place(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    struct seed_frame *frames = calloc(2, sizeof(*frames));
    frames[0] = (struct seed_frame){10, symbols_handle(&model.symbols, 1) >> 1};
    frames[1] = (struct seed_frame){20, symbols_handle(&model.symbols, 2) >> 1};
    struct order seed = {.counter = 1050, .round = 1, .frames = frames, .frame_count = 2};
    struct order off = {.counter = 1080, .round = 1, .off = true};
    seed_add_order(thread.track, &seed);
    seed_add_order(thread.track, &off);
    E(10, START, 3, 30); /* before the seed */
    E(20, RETURN, 3, 30);
    E(30, RETURN, 2, 20);                  /* after it, at 1060 */
    seed_obey(&model, thread.track, 0, 1); /* the round in which they were read: not yet */
    assert_true(thread.track->on);
    seed_obey(&model, thread.track, 0, 2);
    assert_false(thread.track->on);
    E(1000, START, 4, 40); /* on again: the time between is nobody's */
    E(5, RETURN, 4, 40);
    expect("f1", 1, 0, 1, 50, 80);
    expect("f2", 0, 0, 0, 10, 10);
    expect("f3", 1, 0, 1, 20, 20);
    expect("f4", 1, 0, 1, 5, 5);
    assert_int_equal(track_profiled(thread.track), 85);
}

static void twins_are_no_recursion(void **state)
{
    (void)state;
    /* Two ids of one row, as a comprehension within a comprehension of its line has. */
    struct bench_thread thread = new_thread();
    model.symbols.define_context = NULL;
    E(0, START, 1, 10);
    uint32_t first = symbols_handle(&model.symbols, 1) >> 1;
    uint32_t second = symbols_same_row(&model.symbols, first);
    assert_int_not_equal(first, second);
    model.symbols.by_id[7] = second << 1;
    model.symbols.live[second]++;
    E(1, START, 7, 20);
    E(2, RETURN, 7, 20);
    E(4, RETURN, 1, 10);
    struct fold_sums sums = fold_tools_sums(&model, "f1");
    assert_int_equal(sums.calls, 2);
    assert_int_equal(sums.primitive, 2); /* as cProfile's rows, summed */
    assert_int_equal(sums.self, 7);
    assert_int_equal(sums.total, 7); /* but a row's time is counted once */
    symbols_forget(&model.symbols, 7);
    assert_int_equal(symbols_same_row(&model.symbols, first), second); /* used again */
}

/* A new path at every level of a deep recursion: must not take time quadratic in the depth. */
static void deep_recursion_with_leaves(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    enum { DEPTH = 100000 };
    for (uint32_t i = 0; i < DEPTH; i++) {
        E(1, START, 1, 1000 + i * 20);
        E(1, START, 2, 1007 + i * 20);
        E(1, START, 3, 1009 + i * 20);
        E(1, RETURN, 3, 1009 + i * 20);
        E(1, RETURN, 2, 1007 + i * 20);
    }
    assert_int_equal(thread.track->depth, DEPTH);
    for (uint32_t i = DEPTH; i-- > 0;)
        E(1, RETURN, 1, 1000 + i * 20);
    expect("f1", DEPTH, 0, 1, 3 * DEPTH - 1, 6 * DEPTH - 1);
    expect("f2", DEPTH, 0, DEPTH, 2 * DEPTH, 3 * DEPTH);
    expect("f3", DEPTH, 0, DEPTH, DEPTH, DEPTH);
}

static void beyond_the_node_limit_counts_stay_exact(void **state)
{
    (void)state;
    struct model small;
    struct model_options options = {.define = fold_tools_define, .node_limit = 4};
    assert_int_equal(model_init(&small, &options), 0);
    struct bench_thread thread = fold_tools_thread(&small, 1, 1000);
    struct bench_thread late = fold_tools_thread(&small, 2, 1000);
    E(0, START, 1, 10);
    fold_tools_event(&late, 1, EVENT_START, 1, 10);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 2; i < 10; i++)
            E(1, START, i, i * 10);
        E(1, START, 3, 500); /* recursion, seen though its path is not */
        E(5, RETURN, 3, 500);
        for (uint32_t i = 10; i-- > 2;)
            E(1, RETURN, i, i * 10);
    }
    fold_tools_event(&late, 3, EVENT_START, 9, 90);
    fold_tools_event(&late, 3, EVENT_RETURN, 9, 90);
    struct fold_sums nine = fold_tools_sums(&small, "f9");
    struct fold_sums three = fold_tools_sums(&small, "f3");
    assert_int_equal(nine.calls, 4);
    assert_int_equal(nine.primitive, 4);
    assert_int_equal(nine.self, 3 * 2 + 3);
    assert_int_equal(three.calls, 6);
    assert_int_equal(three.primitive, 3);
    assert_int_equal(three.self, 3 * (2 + 5));
    assert_true(small.nodes.full);
    assert_true(small.nodes.other != 0);
    model_done(&small);
}

static void flushing_changes_nothing_but_when(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(3, START, 2, 20);
    model_flush(&model, thread.counter + 4);
    expect("f1", 1, 0, 1, 3, 7);
    expect("f2", 1, 0, 1, 4, 4);
    model_tick(&model, thread.counter + 6);
    E(10, RETURN, 2, 20);
    E(1, RETURN, 1, 10);
    expect("f1", 1, 0, 1, 4, 14);
    expect("f2", 1, 0, 1, 10, 10);
    assert_int_equal(symbol_of("f2")->second_max_ticks, 10);
    const struct window_second *second = windows_back(&model.windows, 0);
    assert_int_equal(second->row_count, 2);
    for (uint32_t i = 0; i < second->row_count; i++)
        assert_int_equal(second->rows[i].calls, 1);
}

static void waits_of_switch_records(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    waits_out(&thread.track->waits, 1010);
    waits_in(&thread.track->waits, 1050);
    waits_out(&thread.track->waits, 1070); /* and no switch-in is told */
    track_set_hurdle(thread.track);
    E(60, START, 2, 20); /* 1060 */
    E(20, START, 3, 30); /* 1080: it runs */
    E(20, RETURN, 3, 30);
    E(5, RETURN, 2, 20);
    E(5, RETURN, 1, 10);
    assert_int_equal(fold_tools_sums(&model, "f1").self_wait, 40);
    assert_int_equal(fold_tools_sums(&model, "f1").total_wait, 50);
    assert_int_equal(fold_tools_sums(&model, "f2").self_wait, 10);
    assert_int_equal(fold_tools_sums(&model, "f3").self_wait, 0);
    assert_int_equal(symbol_of("f2")->min_ticks, 45);
    assert_int_equal(symbol_of("f2")->min_cpu_ticks, 35);
}

static void a_thread_blocked_for_ever_waits_live(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    waits_out(&thread.track->waits, 1010);
    track_set_hurdle(thread.track);
    model_flush(&model, 1500);
    assert_int_equal(fold_tools_sums(&model, "f1").total_wait, 490);
    model_flush(&model, 2000);
    assert_int_equal(fold_tools_sums(&model, "f1").total_wait, 990);
    assert_int_equal(fold_tools_sums(&model, "f1").self_wait, 990);
    assert_int_equal(fold_tools_sums(&model, "f1").total, 1000);
}

static void lambdas_of_one_line_share_a_row(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    for (uint32_t i = 0; i < 20000; i++) {
        E(1, START, 5, 50);
        E(1, RETURN, 5, 50);
        symbols_forget(&model.symbols, 5);
    }
    expect("f5", 20000, 0, 20000, 20000, 20000);
    assert_int_equal(model.symbols.count, SYMBOL_FIRST + 1);
}

static void percentiles_are_near(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    for (uint32_t i = 1; i <= 1000; i++) {
        E(1, START, 1, 10);
        E(i * 1000, RETURN, 1, 10);
    }
    int64_t counts[HISTOGRAM_SLOTS] = {0};
    histogram_sum(&model.symbols.octaves, &symbol_of("f1")->wall, counts);
    double p50 = (double)histogram_percentile(counts, 0.5) / 1000;
    double p99 = (double)histogram_percentile(counts, 0.99) / 1000;
    assert_true(p50 > 500 * 0.95 && p50 < 500 * 1.05);
    assert_true(p99 > 990 * 0.95 && p99 < 990 * 1.05);
}

#define RULE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(self_and_total),
        RULE(recursion_counts_once),
        RULE(edges_of_mutual_recursion),
        RULE(push_of_an_open_frame_closes_it),
        RULE(pop_closes_all_above),
        RULE(pop_of_a_closed_frame_is_counted),
        RULE(c_calls_have_their_own_key),
        RULE(retop_ends_what_is_above),
        RULE(stacks_of_greenlets_are_kept_apart),
        RULE(a_seed_of_another_stack_parks_this_one),
        RULE(a_gap_ends_the_stacks_of_greenlets),
        RULE(generators_run_in_segments),
        RULE(throw_resumes_or_starts),
        RULE(a_dropped_generator_ends_when_its_frame_is_used),
        RULE(a_frame_used_again_is_met_before_its_end),
        RULE(a_gap_is_resynced),
        RULE(a_gap_without_a_seed_believes_the_stack),
        RULE(a_seed_interrupted_is_dropped),
        RULE(a_stall_is_in_no_function),
        RULE(a_push_that_never_ran_is_taken_back),
        RULE(time_never_goes_back),
        RULE(unknown_kinds_and_ids),
        RULE(orders_wait_for_their_place),
        RULE(twins_are_no_recursion),
        RULE(deep_recursion_with_leaves),
        RULE(beyond_the_node_limit_counts_stay_exact),
        RULE(flushing_changes_nothing_but_when),
        RULE(waits_of_switch_records),
        RULE(a_thread_blocked_for_ever_waits_live),
        RULE(lambdas_of_one_line_share_a_row),
        RULE(percentiles_are_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
