/* SPDX-License-Identifier: MIT */
/* asyncio's tasks in the fold: what the probe's few words and the pushes of coroutines come to.
 * Why: what a real program cannot be made to do on demand: rings read in another order, losses, words that
 * lie, and the limits.
 * Times are in ticks. g150.. are coroutines; f1 stands for the loop. */
#include "fold_tools.h"

#include "model/snapshot_make.h"

#include <string.h>

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

#define E(ticks, kind, id, frame)    fold_tools_event(&thread, ticks, EVENT_##kind, id, frame)
#define O(ticks, kind, id, frame)    fold_tools_event(&other, ticks, EVENT_##kind, id, frame)
#define EXPECT(task, member, number) assert_int_equal((task)->member, number)

static struct snapshot *take(uint64_t counter)
{
    model_flush(&model, counter);
    struct moment_room room = moment_room_of(&model);
    assert_int_equal(moment_prepare(&moment, &room), 0);
    assert_int_equal(moment_take(&moment, &model, counter, -1), 0);
    struct snapshot_maker maker = {.snapshot = snapshot_new(),
                                   .moment = &moment,
                                   .symbols = &model.symbols,
                                   .ns_per_tick = 1,
                                   .exact = true};
    assert_non_null(maker.snapshot);
    assert_int_equal(snapshot_make(&maker), 0);
    assert_int_equal(snapshot_make_tasks(&maker), 0);
    return maker.snapshot;
}

static void expect_function(const struct snapshot *snapshot, int32_t function, const char *name)
{
    if (!name) {
        assert_int_equal(function, SNAPSHOT_NONE);
        return;
    }
    assert_true(function >= 0);
    assert_string_equal(snapshot->functions[function].name, name);
}

static void a_task_from_its_making_to_its_end(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 7, 1000);
    E(0, START, 2, 20);
    E(10, TASK_MADE, 150, 50);
    E(10, RETURN, 0, 20);
    struct snapshot *snapshot = take(1020);
    EXPECT(snapshot, task_count, 1);
    EXPECT(&snapshot->tasks[0], state, TASK_PENDING);
    EXPECT(&snapshot->tasks[0], steps, 0);
    expect_function(snapshot, snapshot->tasks[0].coroutine, "g150");
    expect_function(snapshot, snapshot->tasks[0].maker, "f2");
    snapshot_free(snapshot);

    E(0, START, 1, 10);
    E(0, TASK, 9, 50);
    E(0, TASK_NAME, 0x434241, 0x47464544);
    E(0, TASK_NAME, 0x4948, 0);
    E(5, START, 150, 50);
    E(1, START, 151, 60); /* awaited */
    E(30, YIELD, 0, 60);
    E(0, YIELD, 0, 50);
    E(4, RETURN, 0, 10);
    snapshot = take(1160);
    EXPECT(&snapshot->tasks[0], state, TASK_SUSPENDED);
    EXPECT(&snapshot->tasks[0], steps, 1);
    EXPECT(&snapshot->tasks[0], wall_ns, 31);
    EXPECT(&snapshot->tasks[0], suspended_ns, 104);
    EXPECT(&snapshot->tasks[0], tid, 7);
    assert_string_equal(snapshot->tasks[0].name, "ABCDEFGHI");
    expect_function(snapshot, snapshot->tasks[0].awaiting, "g151");
    snapshot_free(snapshot);

    E(200, START, 1, 10);
    E(6, RESUME, 150, 50);
    E(0, RESUME, 151, 60);
    E(8, RETURN, 0, 60);
    snapshot = take(1274 + 2);
    EXPECT(&snapshot->tasks[0], state, TASK_RUNNING);
    EXPECT(&snapshot->tasks[0], steps, 2);
    EXPECT(&snapshot->tasks[0], wall_ns, 41);
    EXPECT(&snapshot->tasks[0], suspended_ns, 210);
    expect_function(snapshot, snapshot->tasks[0].awaiting, NULL);
    snapshot_free(snapshot);

    E(32, UNWIND, 150, 50);
    snapshot = take(2000);
    EXPECT(snapshot, task_count, 1);
    EXPECT(&snapshot->tasks[0], state, TASK_ENDED);
    EXPECT(&snapshot->tasks[0], raised, 1);
    EXPECT(&snapshot->tasks[0], wall_ns, 71);
    EXPECT(&snapshot->tasks[0], longest_ns, 40);
    EXPECT(&snapshot->meta, longest_step_ns, 40);
    assert_string_equal(snapshot->meta.longest_step_task, "ABCDEFGHI");
    snapshot_free(snapshot);
    EXPECT(&model.tasks, live, 0);
    EXPECT(&model, bad_events, 0);
}

/* What comes between the yields of a chain and is no call's changes nothing; a call does. */
static void who_is_awaited_in_the_middle_of_other_events(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 1, 1000);
    for (uint32_t frame = 50; frame < 90; frame += 30) {
        E(0, TASK, 0, frame);
        E(5, START, 150, frame);
        E(1, START, 151, frame + 10);
        E(1, START, 152, frame + 20);
        E(1, YIELD, 0, frame + 20);
        E(1, SPEED, 1000, 0);
        E(1, GC_START, 0, 0);
        E(1, GC_STOP, 0, 0);
        E(1, YIELD, 0, frame + 10);
        if (frame == 50) {
            E(1, SPEED, 1001, 0);
        } else { /* the outermost goes on by itself */
            E(1, START, 2, 20);
            E(1, RETURN, 0, 20);
        }
        E(1, YIELD, 0, frame);
    }
    struct snapshot *snapshot = take(1100);
    EXPECT(snapshot, task_count, 2);
    expect_function(snapshot, snapshot->tasks[0].awaiting, "g152");
    expect_function(snapshot, snapshot->tasks[1].awaiting, "g150");
    snapshot_free(snapshot);
}

/* A throw() enters the innermost coroutine; one after the other ends, or goes on outside of it. */
static void a_throw_into_what_is_awaited(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 1, 1000);
    E(0, TASK, 0, 50);
    E(0, START, 150, 50);
    E(0, START, 151, 60);
    E(0, START, 152, 70);
    E(1, YIELD, 0, 70);
    E(0, YIELD, 0, 60);
    E(0, YIELD, 0, 50);
    E(9, TASK, 0, 50);
    E(0, THROW, 152, 70); /* swallowed: all that runs of this step */
    E(4, YIELD, 0, 70);
    EXPECT(&model.tasks.tasks[1], sums.steps, 2);
    EXPECT(&model.tasks.tasks[1], state, ASYNC_SUSPENDED);
    EXPECT(&model.tasks.tasks[1], sums.suspended_ticks, 9);
    E(100, TASK, 0, 50);
    E(0, THROW, 152, 70);
    E(3, UNWIND, 152, 70);
    E(0, TASK, 0, 50);
    E(0, THROW, 151, 60);
    E(5, RETURN, 0, 60);
    E(0, RESUME, 150, 50);
    E(7, YIELD, 0, 50);
    EXPECT(&model.tasks.tasks[1], sums.steps, 3);
    EXPECT(&model.tasks.tasks[1], sums.wall_ticks, 1 + 4 + 15);
    EXPECT(&model.tasks.tasks[1], sums.longest_ticks, 15);
    EXPECT(&model.tasks.tasks[1], sums.suspended_ticks, 109);
    EXPECT(&model.tasks, live, 1);
}

/* Who drops a task that waits closes its coroutine: that is no step. */
static void a_task_that_is_dropped(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 1, 1000);
    E(0, TASK, 0, 50);
    E(0, START, 150, 50);
    E(1, YIELD, 0, 50);
    E(1, THROW, 150, 50);
    E(1, UNWIND, 150, 50);
    struct snapshot *snapshot = take(1010);
    EXPECT(&snapshot->tasks[0], state, TASK_ENDED);
    EXPECT(&snapshot->tasks[0], steps, 1);
    EXPECT(&snapshot->tasks[0], wall_ns, 1);
    snapshot_free(snapshot);
}

/* Its frame is used again without a word of its end. */
static void a_task_that_vanishes(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 1, 1000);
    for (int i = 0; i < 3; i++) {
        E(0, TASK, 1, 50);
        E(0, TASK_NAME, 'a' + (uint32_t)i, 0);
        E(0, START, 150, 50);
        E(2, YIELD, 0, 50);
    }
    struct snapshot *snapshot = take(1010);
    EXPECT(snapshot, task_count, 2);
    EXPECT(&snapshot->tasks[0], state, TASK_SUSPENDED);
    EXPECT(&snapshot->tasks[0], steps, 1);
    assert_string_equal(snapshot->tasks[0].name, "c");
    EXPECT(&snapshot->tasks[1], count, 2);
    EXPECT(&snapshot->tasks[1], steps, 2);
    assert_null(snapshot->tasks[1].name);
    snapshot_free(snapshot);
}

/* Another thread had the frame before, and its ring is read later. */
static void an_earlier_tenant_is_read_later(void **state)
{
    (void)state;
    struct bench_thread other = fold_tools_thread(&model, 2, 1000);
    struct bench_thread thread = fold_tools_thread(&model, 1, 5000);
    E(0, TASK_MADE, 150, 50);
    E(0, TASK, 0, 50);
    E(1, START, 150, 50);
    E(1, YIELD, 0, 50);
    O(0, START, 3, 30);
    O(0, TASK_MADE, 151, 50);
    O(0, TASK, 0, 50);
    O(1, START, 151, 50);
    O(1, YIELD, 0, 50);
    O(1, RESUME, 151, 50);
    O(1, RETURN, 0, 50);
    O(1, START, 152, 50); /* no task's */
    O(1, YIELD, 0, 50);
    O(1, RESUME, 152, 50);
    O(1, RETURN, 0, 50);
    E(1, RESUME, 150, 50);
    E(1, RETURN, 0, 50);
    struct snapshot *snapshot = take(6000);
    EXPECT(snapshot, task_count, 2);
    for (size_t i = 0; i < 2; i++) {
        EXPECT(&snapshot->tasks[i], steps, 2);
        EXPECT(&snapshot->tasks[i], state, TASK_ENDED);
    }
    expect_function(snapshot, snapshot->tasks[0].coroutine, "g151");
    expect_function(snapshot, snapshot->tasks[0].maker, "f3");
    expect_function(snapshot, snapshot->tasks[1].coroutine, "g150");
    snapshot_free(snapshot);
}

/* Made by one thread, run by another, whose ring is read first. */
static void a_making_is_read_late(void **state)
{
    (void)state;
    struct bench_thread other = fold_tools_thread(&model, 2, 1000);
    struct bench_thread thread = fold_tools_thread(&model, 1, 5000);
    E(0, TASK, 0, 50);
    E(1, START, 150, 50);
    O(0, START, 3, 30);
    O(0, TASK_MADE, 150, 50);
    struct snapshot *snapshot = take(6000);
    EXPECT(snapshot, task_count, 1);
    EXPECT(&snapshot->tasks[0], steps, 1);
    expect_function(snapshot, snapshot->tasks[0].maker, "f3");
    snapshot_free(snapshot);
}

static void numbers_begin_anew(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 1, 1000);
    for (uint32_t frame = 50; frame < 52; frame++) {
        E(0, TASK, 0, frame);
        E(0, START, 150, frame);
        E(4, YIELD, 0, frame);
    }
    E(0, RESUME, 150, 50);
    E(9, RETURN, 0, 50);
    model_reset(&model, 1100);
    struct snapshot *snapshot = take(1103);
    EXPECT(snapshot, task_count, 1);
    EXPECT(&snapshot->tasks[0], steps, 0);
    EXPECT(&snapshot->tasks[0], wall_ns, 0);
    EXPECT(&snapshot->tasks[0], suspended_ns, 3);
    EXPECT(&snapshot->meta, longest_step_ns, 0);
    expect_function(snapshot, snapshot->tasks[0].coroutine, "g150");
    snapshot_free(snapshot);
}

static void more_than_can_be_followed(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 1, 1000);
    for (uint32_t i = 0; i < ASYNC_TASKS_LIMIT + 10; i++) {
        E(0, TASK, 0, 1000 + i);
        E(0, START, 150, 1000 + i);
        E(1, YIELD, 0, 1000 + i);
    }
    EXPECT(&model.tasks, refused, 11); /* slot 0 is none */
    struct snapshot *snapshot = take(2000000);
    EXPECT(snapshot, task_count, SNAPSHOT_TASKS_SHOWN + 1);
    EXPECT(&snapshot->tasks[SNAPSHOT_TASKS_SHOWN], count,
           ASYNC_TASKS_LIMIT - 1 - SNAPSHOT_TASKS_SHOWN);
    EXPECT(&snapshot->meta, tasks_live, ASYNC_TASKS_LIMIT - 1);
    snapshot_free(snapshot);
}

/* Tenants of one frame, each older than the last: no more are followed than can be looked through. */
static void too_many_tenants_of_one_frame(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        struct bench_thread thread = fold_tools_thread(&model, (uint32_t)i, 100000 - i);
        E(0, TASK, 0, 50);
    }
    assert_true(model.tasks.live < 100);
    EXPECT(&model.tasks, refused, 1000 - model.tasks.live);
}

/* Nothing that is said may do harm. */
static void words_that_lie(void **state)
{
    (void)state;
    struct bench_thread thread = fold_tools_thread(&model, 1, 1000);
    uint32_t random = 12345;
    static const enum event_kind kinds[] = {
        EVENT_TASK,   EVENT_TASK_NAME, EVENT_TASK_MADE, EVENT_START, EVENT_RESUME, EVENT_THROW,
        EVENT_RETURN, EVENT_YIELD,     EVENT_UNWIND,    EVENT_RETOP, EVENT_GAP,    EVENT_UNRUN};
    for (int i = 0; i < 300000; i++) {
        random = random * 1664525 + 1013904223;
        enum event_kind kind = kinds[(random >> 8) % (sizeof(kinds) / sizeof(*kinds))];
        uint32_t id = (random >> 12) % 8 == 0 ? random >> 8 : 148 + (random >> 14) % 6;
        fold_tools_event(&thread, (random >> 20) % 4, kind, id, (random >> 24) % 12);
    }
    struct snapshot *snapshot = take(thread.counter);
    uint64_t steps = 0;
    for (size_t i = 0; i < snapshot->task_count; i++) {
        const struct snapshot_task *task = &snapshot->tasks[i];
        steps += task->steps;
        assert_true(task->wall_ns >= 0 && task->suspended_ns >= 0);
        assert_true(task->longest_ns <= task->wall_ns);
    }
    assert_true(steps > 1000);
    snapshot_free(snapshot);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_task_from_its_making_to_its_end),
        TEST(who_is_awaited_in_the_middle_of_other_events),
        TEST(a_throw_into_what_is_awaited),
        TEST(a_task_that_is_dropped),
        TEST(a_task_that_vanishes),
        TEST(an_earlier_tenant_is_read_later),
        TEST(a_making_is_read_late),
        TEST(numbers_begin_anew),
        TEST(more_than_can_be_followed),
        TEST(too_many_tenants_of_one_frame),
        TEST(words_that_lie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
