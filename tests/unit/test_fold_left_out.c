/* SPDX-License-Identifier: MIT */
/* Functions that --only and --skip leave out: what the fold makes of their events, and what it tells the
 * probe.
 * Why: the first calls of such a function are heard before the probe knows; none may be shown, nor
 * may any of them move what is shown.
 * Times are in ticks. f2 and g100 are left out, all others are kept. */
#include "fold_tools.h"

#include <stdlib.h>
#include <string.h>

static struct model model;
static struct sites sites;
static unsigned char modes[SESSION_ID_LIMIT];

static void tell(void *context, uint32_t id, enum site_mode mode)
{
    (void)context;
    modes[id] = (unsigned char)mode;
}

static int set_up(void **state)
{
    (void)state;
    char error[SITES_ERROR_SIZE];
    fold_tools_init(&model);
    memset(modes, MODE_RECORD, sizeof(modes));
    sites = (struct sites){0};
    assert_true(sites_add(&sites, "test:f2", true, error));
    assert_true(sites_add(&sites, "test:g100", true, error));
    model.symbols.sites = &sites;
    model.symbols.tell = tell;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    model_done(&model);
    return 0;
}

static void expect(const char *name, uint64_t calls, int64_t self, int64_t total)
{
    struct fold_sums sums = fold_tools_sums(&model, name);
    if (sums.calls != calls || sums.self != self || sums.total != total)
        fail_msg("%s: calls %lu self %ld total %ld", name, (unsigned long)sums.calls,
                 (long)sums.self, (long)sums.total);
}

static bool absorbs(const char *name)
{
    for (uint32_t i = 1; i < model.symbols.count; i++)
        if (strcmp(model.symbols.symbols[i].name, name) == 0)
            return model.symbols.symbols[i].absorbs;
    fail_msg("no symbol %s", name);
    return false;
}

#define E(ticks, kind, id, frame) fold_tools_event(&thread, ticks, EVENT_##kind, id, frame)

static struct bench_thread new_thread(void)
{
    return fold_tools_thread(&model, 1, 1000);
}

static void its_time_is_the_callers(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(1, START, 2, 20);
    E(2, START, 3, 30); /* kept: a child of f1 */
    E(4, RETURN, 3, 30);
    E(8, RETURN, 2, 20);
    E(16, RETURN, 1, 10);
    expect("f1", 1, 27, 31);
    expect("f2", 0, 0, 0);
    expect("f3", 1, 4, 4);
    assert_true(absorbs("f1"));
    assert_false(absorbs("f3"));
    assert_int_equal(model.unmatched_pops, 0);
    assert_int_equal(model.symbols.left_out_rows, 1);
    assert_int_equal(thread.track->python_pushes, 2);
}

static void a_chain_of_them(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 2, 20); /* nobody's: outside of all functions */
    E(1, START, 1, 10);
    E(2, START, 2, 30);
    E(4, START, 2, 40);
    E(8, START, 1, 50); /* f1 within f1: recursion, whatever lies between */
    E(16, RETURN, 1, 50);
    E(32, UNWIND, 2, 40);
    E(64, UNWIND, 2, 30);
    E(128, RETURN, 1, 10);
    E(256, RETURN, 2, 20);
    struct fold_sums sums = fold_tools_sums(&model, "f1");
    assert_int_equal(sums.calls, 2);
    assert_int_equal(sums.primitive, 1);
    expect("f1", 2, 254, 254);
    track_flush(&model, thread.track);
    assert_int_equal(thread.track->outside_ticks, 257);
    assert_int_equal(model.unmatched_pops, 0);
    assert_int_equal(thread.track->depth, 0);
}

/* From some event on the probe writes nothing of f2: what is missing must not be missed. */
static void silence_in_the_middle(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(1, START, 2, 20); /* its return is never written */
    E(2, START, 3, 20); /* ... and its frame is another's */
    E(4, RETURN, 3, 20);
    E(8, START, 3, 30);
    E(16, START, 4, 20);
    E(32, RETURN, 4, 20);
    E(64, RETURN, 3, 30);
    E(128, RETURN, 1, 10);
    expect("f1", 1, 139, 255);
    expect("f3", 2, 84, 116);
    expect("f4", 1, 32, 32);
    assert_int_equal(model.unmatched_pops, 0);
}

/* A kept function ended unseen, and its frame is now one of a function left out. */
static void a_frame_that_is_open(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(1, START, 3, 30);
    E(2, START, 2, 30);
    E(4, RETURN, 2, 30);
    E(8, RETURN, 1, 10);
    expect("f1", 1, 13, 15);
    expect("f3", 1, 2, 2);
    assert_int_equal(model.unmatched_pops, 0);
}

static void generators(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    for (int i = 0; i < 3; i++) {
        E(1, START, 100, 20);
        E(2, YIELD, 100, 20);
        E(4, RESUME, 100, 20);
        E(8, START, 101, 30);
        E(16, YIELD, 101, 30);
        E(32, THROW, 100, 20);
        E(64, UNWIND, 100, 20);
        E(128, RESUME, 101, 30);
        E(256, RETURN, 101, 30);
    }
    E(512, RETURN, 1, 10);
    expect("f1", 1, 3 * 239 + 512, 3 * 511 + 512);
    expect("g101", 3, 3 * 272, 3 * 272);
    expect("g100", 0, 0, 0);
    assert_int_equal(fold_tools_sums(&model, "g101").resumes, 3);
    assert_int_equal(model.unmatched_pops, 0);
}

/* C functions are kept whoever calls them, and hold the time of what they call. */
static void c_calls(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(1, START, 2, 20);
    E(2, C_CALL, 200, 20);
    E(4, START, 2, 30); /* a callback */
    E(8, RETURN, 2, 30);
    E(16, C_RETURN, 0, 20);
    E(32, RETURN, 2, 20);
    E(64, RETURN, 1, 10);
    expect("c200", 1, 28, 28);
    expect("f1", 1, 99, 127);
    assert_true(absorbs("c200"));
    assert_int_equal(model.unmatched_pops, 0);
}

static void seeds_pass_over_them(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    fold_tools_amount(&thread, 0, EVENT_SEED_BEGIN, 4);
    E(0, SEED_FRAME, 2, 20);
    E(0, SEED_FRAME, 1, 10);
    E(0, SEED_FRAME, 2, 30);
    E(0, SEED_FRAME, 3, 40);
    E(0, SEED_END, 0, 0);
    assert_int_equal(thread.track->depth, 2);
    E(1, RETURN, 3, 40);
    E(2, RETURN, 2, 30);
    E(4, RETURN, 1, 10);
    expect("f1", 0, 6, 7);
    expect("f3", 0, 1, 1);
    assert_true(absorbs("f1"));
    assert_int_equal(model.unmatched_pops, 0);
}

static void what_the_probe_is_told(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    for (int i = 0; i < SYMBOLS_HEARD_MAX; i++) {
        E(1, START, 2, 20);
        assert_int_equal(modes[2], MODE_HEARD);
        E(1, RETURN, 2, 20);
    }
    E(1, START, 2, 20);
    assert_int_equal(modes[2], MODE_OFF);
    E(1, RETURN, 2, 20);
    assert_int_equal(modes[1], MODE_RECORD);
    /* The code object is gone: whoever gets its id is heard, whatever was said before. */
    symbols_forget(&model.symbols, 2);
    symbols_forget(&model.symbols, 1);
    assert_int_equal(modes[2], MODE_RECORD);
    assert_int_equal(modes[1], MODE_RECORD);
    /* The function made anew has been heard enough. */
    E(1, START, 2, 20);
    assert_int_equal(modes[2], MODE_OFF);
    assert_int_equal(model.symbols.left_out_rows, 1);
    assert_int_equal(model.unmatched_pops, 0);
}

static void doubt_is_still_counted(void **state)
{
    (void)state;
    struct bench_thread thread = new_thread();
    E(0, START, 1, 10);
    E(1, RETURN, 3, 99);
    E(1, RETURN, 0, 98);
    E(1, RETURN, 2, 97);
    assert_int_equal(model.unmatched_pops, 2);
}

int main(void)
{
#define RULE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        RULE(its_time_is_the_callers),
        RULE(a_chain_of_them),
        RULE(silence_in_the_middle),
        RULE(a_frame_that_is_open),
        RULE(generators),
        RULE(c_calls),
        RULE(seeds_pass_over_them),
        RULE(what_the_probe_is_told),
        RULE(doubt_is_still_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
