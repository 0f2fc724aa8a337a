/* SPDX-License-Identifier: MIT */
/* Shape lines, as the fold judges them, held against a slow reckoning of how deep and how wide each thread is after every event:
 * random calls, returns, yields and resumes by either of two threads, of frames that are used again. */
#include "fold_tools.h"

#include "model/kept.h"

#include <string.h>

enum { THREADS = 2, FRAMES = 48, LINES = 6, DEPTH_MOST = 12, EVENTS = 4000, ROUNDS = 30 };
enum { FUNCTION_ID = 1, GENERATOR_ID = 100 };

struct slow_line {
    enum shape_axis axis;
    uint32_t thread, most; /* thread: 0.. */
    uint64_t count;
    uint32_t first_stack; /* activations on the stack when it was first crossed */
};

/* Of a frame: where it is. */
enum place { FREE, OPEN, SUSPENDED };

struct frame {
    enum place place;
    bool is_generator;
    uint32_t thread, depth;
};

struct play {
    struct model model;
    struct bench_thread threads[THREADS];
    uint32_t stacks[THREADS][DEPTH_MOST];
    uint32_t depths[THREADS];
    struct frame frames[FRAMES];
    struct slow_line lines[LINES];
    uint64_t now;
    uint32_t random;
};

static uint32_t below(struct play *play, uint32_t count)
{
    play->random ^= play->random << 13;
    play->random ^= play->random >> 17;
    play->random ^= play->random << 5;
    return play->random % count;
}

static uint32_t width_of(const struct play *play, uint32_t thread)
{
    uint32_t rows[DEPTH_MOST] = {0}, widest = 0;
    for (uint32_t i = 0; i < play->depths[thread]; i++)
        rows[i]++;
    for (uint32_t i = 0; i < FRAMES; i++)
        if (play->frames[i].place == SUSPENDED && play->frames[i].thread == thread)
            rows[play->frames[i].depth]++;
    for (uint32_t i = 0; i < DEPTH_MOST; i++)
        widest = rows[i] > widest ? rows[i] : widest;
    return widest;
}

static bool is_over(const struct play *play, const struct slow_line *line)
{
    uint32_t at = line->axis == SHAPE_DEPTH ? play->depths[line->thread]
                                            : width_of(play, line->thread);
    return at > line->most;
}

static void tell(struct play *play, uint32_t thread, enum event_kind kind, uint32_t frame)
{
    struct bench_thread *of = &play->threads[thread];
    play->now += 1 + below(play, 9);
    uint32_t id = play->frames[frame].is_generator ? GENERATOR_ID : FUNCTION_ID;
    fold_tools_event(of, play->now - of->counter, kind, kind == EVENT_RETURN ? 0 : id, frame + 1);
}

static void push(struct play *play, uint32_t thread, uint32_t frame)
{
    play->stacks[thread][play->depths[thread]++] = frame;
    play->frames[frame].place = OPEN;
}

static uint32_t pop(struct play *play, uint32_t thread)
{
    return play->stacks[thread][--play->depths[thread]];
}

static void call(struct play *play, uint32_t thread, uint32_t frame)
{
    struct frame *of = &play->frames[frame];
    bool was_suspended = of->place == SUSPENDED;
    /* Some are dropped without a word, and their frames are other generators'. */
    bool is_resume = was_suspended && below(play, 8) > 0;
    if (!was_suspended)
        of->is_generator = below(play, 3) > 0;
    push(play, thread, frame);
    tell(play, thread, is_resume ? EVENT_RESUME : EVENT_START, frame);
}

static void leave(struct play *play, uint32_t thread)
{
    uint32_t frame = pop(play, thread);
    struct frame *of = &play->frames[frame];
    bool yields = of->is_generator && below(play, 4) > 0;
    of->place = yields ? SUSPENDED : FREE;
    of->thread = thread;
    of->depth = play->depths[thread];
    tell(play, thread, yields ? EVENT_YIELD : EVENT_RETURN, frame);
}

static void step(struct play *play)
{
    bool was[LINES];
    for (uint32_t i = 0; i < LINES; i++)
        was[i] = is_over(play, &play->lines[i]);
    uint32_t thread = below(play, THREADS), frame = below(play, FRAMES);
    bool can_call = play->depths[thread] < DEPTH_MOST && play->frames[frame].place != OPEN;
    if (can_call && (play->depths[thread] == 0 || below(play, 2)))
        call(play, thread, frame);
    else if (play->depths[thread])
        leave(play, thread);
    for (uint32_t i = 0; i < LINES; i++) {
        struct slow_line *line = &play->lines[i];
        if (was[i] || !is_over(play, line))
            continue;
        if (line->count++ == 0)
            line->first_stack = play->depths[line->thread];
    }
}

static void expect_lines(const struct play *play)
{
    const struct shape *shape = &play->model.kept->shape;
    assert_int_equal(shape->count, LINES);
    for (uint32_t i = 0; i < LINES; i++) {
        const struct slow_line *slow = &play->lines[i];
        const struct shape_line *line = shape->lines[i];
        assert_int_equal(line->count, slow->count);
        assert_int_equal(line->kept, slow->count < SHAPE_CROSSINGS ? slow->count : SHAPE_CROSSINGS);
        if (slow->count)
            assert_int_equal(line->crossings[0].count, slow->first_stack);
    }
}

static void set_up(struct play *play, uint32_t seed)
{
    memset(play, 0, sizeof(*play));
    play->random = seed * 2654435761u | 1;
    play->now = 1000;
    fold_tools_init(&play->model);
    assert_int_equal(kept_start(&play->model), 0);
    for (uint32_t i = 0; i < THREADS; i++)
        play->threads[i] = fold_tools_thread(&play->model, 7 + i, 1000);
}

static void set_lines(struct play *play)
{
    for (uint32_t i = 0; i < LINES; i++) {
        struct slow_line *line = &play->lines[i];
        *line = (struct slow_line){
            .axis = i ? SHAPE_WIDTH : SHAPE_DEPTH,
            .thread = i % THREADS,
            .most = i + 1,
        };
        uint32_t number = play->threads[line->thread].track->number;
        if (line->axis == SHAPE_WIDTH && is_over(play, line)) {
            line->count = 1;
            line->first_stack = play->depths[line->thread];
        }
        assert_int_equal(shape_set(&play->model, line->axis, number, line->most, play->now), 0);
    }
}

static void lines_are_crossed_as_a_slow_reckoning_has_it(void **state)
{
    (void)state;
    static struct play play;
    uint64_t crossed = 0;
    for (uint32_t seed = 1; seed <= ROUNDS; seed++) {
        set_up(&play, seed);
        /* What is suspended before a line is set counts. */
        for (int i = 0; i < EVENTS / 4; i++)
            step(&play);
        set_lines(&play);
        for (int i = 0; i < EVENTS; i++)
            step(&play);
        expect_lines(&play);
        for (uint32_t i = 0; i < LINES; i++)
            crossed += play.lines[i].count;
        model_done(&play.model);
    }
    assert_true(crossed > (uint64_t)ROUNDS * LINES);
}

static void without_a_line_for_width_nobody_counts_rows(void **state)
{
    (void)state;
    static struct play play;
    set_up(&play, 1);
    struct model *model = &play.model;
    uint32_t number = play.threads[0].track->number;
    assert_int_equal(shape_set(model, SHAPE_DEPTH, number, 5, 0), 0);
    assert_null(model->suspended.shape);
    assert_int_equal(shape_set(model, SHAPE_WIDTH, number, 5, 0), 0);
    assert_int_equal(shape_set(model, SHAPE_WIDTH, number, 5, 0), 0);
    assert_int_equal(model->kept->shape.count, 2);
    assert_non_null(model->suspended.shape);
    shape_clear(model, SHAPE_WIDTH, number, 5);
    assert_null(model->suspended.shape);
    assert_int_equal(model->kept->shape.count, 1);
    for (uint32_t i = 0; i < SHAPE_LINES - 1; i++)
        assert_int_equal(shape_set(model, SHAPE_WIDTH, number, 10 + i, 0), 0);
    assert_true(shape_set(model, SHAPE_WIDTH, number, 99, 0) < 0);
    model_done(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_crossed_as_a_slow_reckoning_has_it),
        cmocka_unit_test(without_a_line_for_width_nobody_counts_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
