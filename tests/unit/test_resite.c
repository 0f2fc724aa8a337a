/* SPDX-License-Identifier: MIT */
/* Other patterns while events come: what becomes of the stacks, of the ids, of what is counted.
 * Why: a function may be open when it is left out, or taken in; whatever was told of it, no other function's
 * numbers may move.
 * Times are in ticks. At first f1 calls f2 calls f3, and all are kept. */
#include "fold_tools.h"

#include "model/resite.h"

#include <string.h>

static struct model model;
static struct sites sites;
static unsigned char modes[SESSION_ID_LIMIT];
static struct bench_thread thread;

static void tell(void *context, uint32_t id, enum site_mode mode)
{
    (void)context;
    modes[id] = (unsigned char)mode;
}

#define E(ticks, kind, id, frame) fold_tools_event(&thread, ticks, EVENT_##kind, id, frame)

static int set_up(void **state)
{
    (void)state;
    fold_tools_init(&model);
    memset(modes, MODE_RECORD, sizeof(modes));
    sites = (struct sites){0};
    model.symbols.sites = &sites;
    model.symbols.tell = tell;
    thread = fold_tools_thread(&model, 1, 1000);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    model_done(&model);
    return 0;
}

/* From here on only `pattern` is left out; "": nothing. True: some are to be taken in. */
static bool leave_out(const char *pattern)
{
    char error[SITES_ERROR_SIZE];
    sites = (struct sites){0};
    assert_true(!*pattern || sites_add(&sites, pattern, true, error));
    model_flush(&model, thread.counter);
    model_vary(&model);
    bool some_join = resite_rows(&model);
    resite_ids(&model);
    resite_stacks(&model);
    return some_join;
}

static void join(void)
{
    model_flush(&model, thread.counter);
    resite_join(&model);
    resite_ids(&model);
    resite_stacks(&model);
}

static void expect(const char *name, uint64_t calls, int64_t self, int64_t total)
{
    struct fold_sums sums = fold_tools_sums(&model, name);
    if (sums.calls != calls || sums.self != self || sums.total != total)
        fail_msg("%s: calls %lu self %ld total %ld", name, (unsigned long)sums.calls,
                 (long)sums.self, (long)sums.total);
}

static const struct symbol *symbol_named(const char *name)
{
    for (uint32_t i = SYMBOL_FIRST; i < model.symbols.count; i++)
        if (strcmp(model.symbols.symbols[i].name, name) == 0)
            return &model.symbols.symbols[i];
    fail_msg("no symbol %s", name);
    return NULL;
}

/* The function that the node on top of the stack is called by. */
static const char *caller_of_top(void)
{
    const struct track *track = thread.track;
    uint32_t parent = nodes_parent(&model.nodes.nodes[track->entries[track->depth].node]);
    return model.symbols.symbols[model.nodes.nodes[parent].symbol].name;
}

static void open_all(void)
{
    E(0, START, 1, 10);
    E(1, START, 2, 20);
    E(2, START, 3, 30);
}

static void left_out_while_it_is_open(void **state)
{
    (void)state;
    open_all();
    E(4, START, 3, 40);
    assert_string_equal(caller_of_top(), "f3");
    E(0, RETURN, 3, 40);
    assert_false(leave_out("test:f2"));
    /* It had 2 ticks of its own; f3 goes on, as f1's. */
    assert_int_equal(thread.track->depth, 2);
    assert_string_equal(caller_of_top(), "f1");
    assert_int_equal(modes[2], MODE_HEARD);
    assert_true(symbol_named("f1")->absorbs);
    E(8, RETURN, 3, 30);
    E(16, RETURN, 2, 20); /* its end is told, and no riddle */
    E(32, RETURN, 1, 10);
    expect("f1", 1, 1 + 16 + 32, 63);
    expect("f2", 1, 2, 6);
    expect("f3", 2, 12, 12);
    assert_int_equal(model.unmatched_pops, 0);
    assert_int_equal(model.symbols.left_out_rows, 1);
}

static void all_of_a_stack_is_left_out(void **state)
{
    (void)state;
    open_all();
    leave_out("test:f*");
    assert_int_equal(thread.track->depth, 0);
    E(4, START, 3, 40);
    E(8, RETURN, 3, 40);
    E(16, RETURN, 3, 30);
    E(32, RETURN, 2, 20);
    E(64, RETURN, 1, 10);
    expect("f1", 1, 1, 3);
    expect("f3", 1, 0, 0);
    track_flush(&model, thread.track);
    assert_int_equal(thread.track->outside_ticks, 124);
    assert_int_equal(model.unmatched_pops, 0);
}

static void its_c_call_stays(void **state)
{
    (void)state;
    E(0, START, 1, 10);
    E(1, START, 2, 20);
    E(2, C_CALL, 200, 20);
    E(4, START, 3, 30);
    leave_out("test:f2");
    assert_int_equal(thread.track->depth, 3);
    E(8, RETURN, 3, 30);
    E(16, C_RETURN, 0, 20);
    E(32, RETURN, 2, 20);
    E(64, RETURN, 1, 10);
    expect("c200", 1, 4 + 16, 28);
    expect("f1", 1, 1 + 32 + 64, 127);
    assert_int_equal(model.unmatched_pops, 0);
}

/* A pop that was written before the probe gave ids to pops. */
static void a_pop_without_an_id(void **state)
{
    (void)state;
    open_all();
    leave_out("test:f3");
    model.pops_untold = true;
    E(4, RETURN, 0, 30);
    E(8, RETURN, 0, 20);
    E(16, RETURN, 0, 10);
    expect("f2", 1, 2 + 4 + 8, 14);
    assert_int_equal(model.unmatched_pops, 0);
}

static void taken_in_when_all_of_it_is_heard(void **state)
{
    (void)state;
    leave_out("test:f2");
    open_all();
    assert_int_equal(thread.track->depth, 2);
    assert_true(leave_out(""));
    assert_int_equal(modes[2], MODE_RECORD);
    assert_int_equal(model.symbols.left_out_rows, 0);
    /* A start that has no end, since that place is silent still: it is nobody's. */
    E(4, RETURN, 3, 30);
    E(0, START, 2, 50);
    E(8, START, 3, 60);
    assert_string_equal(caller_of_top(), "f1");
    E(0, RETURN, 3, 60);
    join();
    expect("f2", 0, 0, 0);
    /* The stack is told: two of f2's frames are open. */
    E(0, SEED_BEGIN, 0, 0);
    E(0, SEED_FRAME, 1, 10);
    E(0, SEED_FRAME, 2, 20);
    E(0, SEED_END, 0, 0);
    E(16, START, 2, 70);
    E(32, RETURN, 2, 70);
    E(64, RETURN, 2, 20);
    E(0, RETURN, 1, 10);
    struct fold_sums sums = fold_tools_sums(&model, "f2");
    assert_int_equal(sums.calls, 1);
    assert_int_equal(sums.self, 16 + 32 + 64);
    expect("f1", 1, 1 + 2 + 8, 127);
    assert_int_equal(model.unmatched_pops, 0);
}

static void left_out_again_before_it_has_joined(void **state)
{
    (void)state;
    leave_out("test:f2");
    open_all();
    assert_true(leave_out(""));
    assert_false(leave_out("test:f2"));
    assert_int_equal(modes[2], MODE_HEARD);
    join();
    E(4, START, 2, 50);
    E(8, RETURN, 2, 50);
    expect("f2", 0, 0, 0);
    assert_true(symbol_named("f2")->left_out);
    assert_int_equal(model.symbols.left_out_rows, 1);
}

static void a_seed_that_was_told_before(void **state)
{
    (void)state;
    E(0, START, 1, 10);
    E(0, SEED_BEGIN, 0, 0);
    E(0, SEED_FRAME, 1, 10);
    E(0, SEED_FRAME, 2, 20);
    E(0, SEED_FRAME, 3, 30);
    leave_out("test:f2");
    E(0, SEED_END, 0, 0);
    assert_int_equal(thread.track->depth, 2);
    assert_string_equal(caller_of_top(), "f1");
}

/* None of the entries is in the stack that is told, and yet no greenlet has switched: the frame that both
 * begin with has no entry. */
static void a_seed_without_the_outermost_frame(void **state)
{
    (void)state;
    E(0, START, 1, 10);
    E(1, START, 2, 20);
    leave_out("test:f1");
    assert_int_equal(thread.track->depth, 1);
    E(0, SEED_BEGIN, 0, 0);
    E(0, SEED_FRAME, 1, 10);
    E(0, SEED_FRAME, 3, 30);
    E(0, SEED_END, 0, 10);
    assert_int_equal(thread.track->parked.count, 0);
    E(4, RETURN, 2, 20); /* of a frame that is no more */
    assert_int_equal(thread.track->depth, 1);
    E(8, START, 4, 40);
    assert_string_equal(caller_of_top(), "f3");
    expect("f2", 1, 0, 0);
}

static void greenlets_whose_outermost_frames_are_left_out(void **state)
{
    (void)state;
    E(0, START, 1, 10);
    E(1, START, 2, 20);
    leave_out("test:f1");
    E(0, SEED_BEGIN, 0, 0);
    E(0, SEED_FRAME, 1, 50);
    E(0, SEED_FRAME, 3, 60);
    E(0, SEED_END, 0, 50);
    assert_int_equal(thread.track->parked.count, 1);
    E(4, RETURN, 4, 20); /* of a function that has no frame there */
    assert_int_equal(thread.track->depth, 1);
    E(8, START, 4, 70);
    assert_string_equal(caller_of_top(), "f3");
    E(0, RETURN, 4, 70);
    E(16, RETURN, 2, 20);
    assert_int_equal(thread.track->depth, 0);
    E(32, RETURN, 3, 60);
    assert_int_equal(thread.track->depth, 0);
    /* Told anew, the first one is no longer among those that were left. */
    E(0, SEED_BEGIN, 0, 0);
    E(0, SEED_FRAME, 1, 10);
    E(0, SEED_FRAME, 4, 20);
    E(0, SEED_END, 0, 10);
    E(0, SEED_BEGIN, 0, 0);
    E(0, SEED_FRAME, 1, 50);
    E(0, SEED_END, 0, 50);
    E(0, SEED_BEGIN, 0, 0);
    E(0, SEED_FRAME, 1, 10);
    E(0, SEED_FRAME, 2, 20);
    E(0, SEED_END, 0, 10);
    assert_int_equal(thread.track->parked.count, 0);
    assert_int_equal(thread.track->depth, 1);
}

/* What a generator had run is forgotten: nobody knows what it did while it was left out. */
static void generators(void **state)
{
    (void)state;
    E(0, START, 101, 20);
    E(4, YIELD, 101, 20);
    assert_int_equal(model.suspended.used, 1);
    leave_out("test:g101");
    assert_int_equal(model.suspended.used, 0);
    E(8, RESUME, 101, 20);
    E(16, YIELD, 101, 20);
    leave_out("");
    join();
    E(32, RESUME, 101, 20);
    E(64, RETURN, 101, 20);
    struct fold_sums sums = fold_tools_sums(&model, "g101");
    assert_int_equal(sums.calls, 1);
    assert_int_equal(sums.self, 4 + 64);
    assert_int_equal(model.unmatched_pops, 0);
}

int main(void)
{
#define RULE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        RULE(left_out_while_it_is_open),
        RULE(all_of_a_stack_is_left_out),
        RULE(its_c_call_stays),
        RULE(a_pop_without_an_id),
        RULE(taken_in_when_all_of_it_is_heard),
        RULE(left_out_again_before_it_has_joined),
        RULE(a_seed_that_was_told_before),
        RULE(a_seed_without_the_outermost_frame),
        RULE(greenlets_whose_outermost_frames_are_left_out),
        RULE(generators),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
