/* SPDX-License-Identifier: MIT */
/* Random programs through the fold and through the slow model: all numbers must be equal.
 * What is mixed: calls, returns, exceptions, generators that are resumed by other frames and other
 * threads, thrown into before and after they ran, closed, dropped; C calls with callbacks; functions
 * that are muted and un-muted while on the stack; lost events with GAP and SEED; RETOP; stalls; frames
 * that are used again; pops of nothing; flushes at any moment.
 * A failure prints its seed; FOLD_SEED=n runs that one alone, FOLD_ROUNDS=n more of them. */
#include "fold_tools.h"
#include "slow_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS = 6000, GENERATORS = 24, REAL_DEPTH = 60 };

/* The true state of the program that is played. */
struct real_frame {
    uint32_t frame, id;
    int generator; /* its index, or -1 */
    bool in_c;     /* a C call of it is open */
};

struct real_thread {
    struct real_frame stack[REAL_DEPTH];
    int depth;
    uint64_t counter;
    bool losing;
    uint64_t lost;
};

enum { MOST_FRAMES = 4096 };

enum generator_state { NEVER_RAN, SUSPENDED, RUNNING, GONE };

struct play {
    struct model model;
    struct slow_model *slow;
    struct bench_thread threads[SLOW_THREADS];
    struct real_thread real[SLOW_THREADS];
    struct {
        enum generator_state state;
        uint32_t frame, id;
    } generators[GENERATORS];
    uint64_t touched
        [MOST_FRAMES]; /* counter of a frame's last event: its next one, by whomever, is later */
    bool muted[100];
    uint32_t random;
    int events;
    bool flushes;
};

static uint32_t pick(struct play *play, uint32_t count)
{
    play->random ^= play->random << 13;
    play->random ^= play->random >> 17;
    play->random ^= play->random << 5;
    return play->random % count;
}

static void emit_event(struct play *play, int thread, struct event event)
{
    fold_events(&play->model, play->threads[thread].track, &event, 1);
    slow_model_event(play->slow, thread, &event);
    play->events++;
}

/* --- what the probe would do ----------------------------------------------------------------- */

static void emit(struct play *play, int thread, enum event_kind kind, uint32_t id, uint32_t frame)
{
    struct real_thread *real = &play->real[thread];
    real->counter += pick(play, 8) ? pick(play, 50) : pick(play, 5000);
    if (real->counter < play->touched[frame % MOST_FRAMES])
        real->counter = play->touched[frame % MOST_FRAMES];
    play->touched[frame % MOST_FRAMES] = real->counter;
    if (id < 100 && play->muted[id] && kind != EVENT_C_RETURN && kind != EVENT_C_RAISE &&
        pick(play, 4))
        return; /* pushes and pops go missing */
    if (real->losing) {
        real->lost++;
        return;
    }
    emit_event(play, thread, (struct event){real->counter, event_pack(kind, id), frame});
}

static void tell_stack(struct play *play, int thread)
{
    struct real_thread *real = &play->real[thread];
    uint64_t counter = real->counter;
    emit_event(play, thread, event_with_amount(counter, EVENT_SEED_BEGIN, (uint64_t)real->depth));
    for (int i = 0; i < real->depth; i++)
        emit_event(play, thread,
                   (struct event){counter, event_pack(EVENT_SEED_FRAME, real->stack[i].id),
                                  real->stack[i].frame});
    /* A bottom that is not told: a stack deeper than has room. */
    uint32_t bottom = real->depth && pick(play, 8) ? real->stack[0].frame : 0;
    emit_event(play, thread, (struct event){counter, event_pack(EVENT_SEED_END, 0), bottom});
}

static void lose_or_find(struct play *play, int thread)
{
    struct real_thread *real = &play->real[thread];
    if (!real->losing) {
        real->losing = true;
        real->lost = 0;
        return;
    }
    real->losing = false;
    real->counter += pick(play, 300);
    emit_event(play, thread, event_with_amount(real->counter, EVENT_GAP, real->lost));
    real->counter += pick(play, 100);
    tell_stack(play, thread);
}

/* --- what the program does ------------------------------------------------------------------- */

static struct real_frame *top_of(struct real_thread *real)
{
    return real->depth ? &real->stack[real->depth - 1] : NULL;
}

static bool may_push(struct real_thread *real)
{
    return real->depth < REAL_DEPTH - 1;
}

static void call(struct play *play, int thread)
{
    struct real_thread *real = &play->real[thread];
    if (!may_push(real))
        return;
    /* Frames follow each other in memory, so the same depth has the same frame again. */
    uint32_t frame = 1000 + (uint32_t)thread * 500 + (uint32_t)real->depth * 5;
    uint32_t id = 1 + pick(play, 9);
    real->stack[real->depth++] = (struct real_frame){frame, id, -1, false};
    emit(play, thread, EVENT_START, id, frame);
}

static void leave_top(struct play *play, int thread, enum event_kind kind)
{
    struct real_thread *real = &play->real[thread];
    struct real_frame *top = top_of(real);
    if (top->in_c) {
        top->in_c = false;
        emit(play, thread, kind == EVENT_UNWIND ? EVENT_C_RAISE : EVENT_C_RETURN, 0, top->frame);
    }
    if (top->generator >= 0)
        play->generators[top->generator].state = GONE;
    real->depth--;
    emit(play, thread, kind, top->id, top->frame);
}

static void leave(struct play *play, int thread)
{
    struct real_thread *real = &play->real[thread];
    uint32_t levels = pick(play, 5) ? 1 : 1 + pick(play, 6);
    for (; levels && real->depth; levels--)
        leave_top(play, thread, levels > 1 || pick(play, 8) == 0 ? EVENT_UNWIND : EVENT_RETURN);
}

static void c_call(struct play *play, int thread)
{
    struct real_frame *top = top_of(&play->real[thread]);
    if (!top)
        return;
    if (top->in_c) {
        top->in_c = false;
        emit(play, thread, pick(play, 6) ? EVENT_C_RETURN : EVENT_C_RAISE, 0, top->frame);
    } else {
        top->in_c = true;
        emit(play, thread, EVENT_C_CALL, 200 + pick(play, 5), top->frame);
    }
}

static void enter_generator(struct play *play, int thread)
{
    struct real_thread *real = &play->real[thread];
    int index = (int)pick(play, GENERATORS);
    if (!may_push(real))
        return;
    if (play->generators[index].state == RUNNING)
        return;
    if (play->generators[index].state == GONE) {
        play->generators[index].state = NEVER_RAN;
        play->generators[index].frame = 100 +
                                        pick(play, 12) * 7; /* shared by those that are gone */
        play->generators[index].id = 100 + pick(play, 4);
        for (int i = 0; i < GENERATORS; i++)
            if (i != index && play->generators[i].state != GONE &&
                play->generators[i].frame == play->generators[index].frame)
                play->generators[index].state = GONE; /* taken: not this time */
    }
    if (play->generators[index].state == GONE)
        return;
    bool throws = pick(play, 6) == 0;
    bool ran = play->generators[index].state == SUSPENDED;
    if (ran && pick(play, 12) == 0) {
        play->generators[index].state = GONE; /* dropped: ends without an event */
        return;
    }
    uint32_t frame = play->generators[index].frame, id = play->generators[index].id;
    play->generators[index].state = RUNNING;
    real->stack[real->depth++] = (struct real_frame){frame, id, index, false};
    emit(play, thread, throws ? EVENT_THROW : ran ? EVENT_RESUME : EVENT_START, id, frame);
    if (throws && pick(play, 2))
        leave_top(play, thread, EVENT_UNWIND); /* close() */
}

static void yield_top(struct play *play, int thread)
{
    struct real_thread *real = &play->real[thread];
    struct real_frame *top = top_of(real);
    if (!top || top->generator < 0 || top->in_c)
        return;
    play->generators[top->generator].state = SUSPENDED;
    real->depth--;
    emit(play, thread, EVENT_YIELD, top->id, top->frame);
}

static void rarely(struct play *play, int thread)
{
    struct real_thread *real = &play->real[thread];
    switch (pick(play, 7)) {
    case 0:
        play->muted[1 + pick(play, 9)] ^= true;
        break;
    case 1:
        lose_or_find(play, thread);
        break;
    case 2: /* what the wrapper of 3.9-3.11 says when frames ended unseen */
        if (real->depth > 1)
            leave_top(play, thread, EVENT_RETURN);
        emit(play, thread, EVENT_RETOP, 0, real->depth ? top_of(real)->frame : 0);
        break;
    case 3: /* a pop of nothing */
        emit(play, thread, EVENT_RETURN, 3, 3999);
        break;
    case 4: /* the whole stack is told, nothing was lost */
        if (!real->losing)
            tell_stack(play, thread);
        break;
    case 5:
        real->counter += 500;
        if (!real->losing)
            emit_event(play, thread, event_with_amount(real->counter, EVENT_STALL, 450));
        break;
    default:
        if (play->flushes) {
            uint64_t counter = real->counter;
            for (int i = 0; i < SLOW_THREADS; i++)
                if (play->real[i].counter < counter)
                    counter = play->real[i].counter;
            model_flush(&play->model, counter);
            slow_model_end(play->slow, counter);
        }
    }
}

static void step(struct play *play)
{
    int thread = (int)pick(play, SLOW_THREADS);
    uint32_t what = pick(play, 100);
    if (what < 34)
        call(play, thread);
    else if (what < 62)
        leave(play, thread);
    else if (what < 72)
        c_call(play, thread);
    else if (what < 84)
        enter_generator(play, thread);
    else if (what < 96)
        yield_top(play, thread);
    else
        rarely(play, thread);
    struct real_frame *top = top_of(&play->real[thread]);
    if (top && pick(play, 40) == 0) /* an exception past a generator or a callback */
        leave_top(play, thread, EVENT_UNWIND);
}

/* --- comparing ------------------------------------------------------------------------------- */

static uint32_t id_of(const char *name)
{
    return name[0] == '(' ? (name[1] == 'r' && name[2] == 'e' ? SLOW_RESYNC : SLOW_NOBODY)
                          : (uint32_t)strtoul(name + 1, NULL, 10);
}

static struct slow_function fold_functions[SLOW_FUNCTIONS];
static struct slow_edge fold_edges[SLOW_FUNCTIONS][SLOW_FUNCTIONS];

static void collect(const struct model *model)
{
    memset(fold_functions, 0, sizeof(fold_functions));
    memset(fold_edges, 0, sizeof(fold_edges));
    for (uint32_t i = 1; i < model->nodes.count; i++) {
        const struct node *node = &model->nodes.nodes[i];
        const struct symbol *symbol = &model->symbols.symbols[node->symbol];
        const struct node *parent = &model->nodes.nodes[nodes_parent(node)];
        uint32_t id = id_of(symbol->name);
        uint32_t caller = id_of(model->symbols.symbols[parent->symbol].name);
        if (nodes_parent(node) == NODE_ROOT)
            caller = SLOW_NOBODY;
        uint64_t calls = node->calls + node->resumes;
        fold_functions[id].calls += node->calls;
        fold_functions[id].resumes += node->resumes;
        fold_functions[id].self += node->self_ticks;
        fold_edges[caller][id].calls += calls;
        fold_edges[caller][id].self += node->self_ticks;
        if (node->parent_flags & NODE_PRIMITIVE)
            fold_functions[id].primitive += calls;
        if (node->parent_flags & NODE_EDGE_PRIMITIVE)
            fold_edges[caller][id].primitive += calls;
        if (node->parent_flags & NODE_OUTERMOST)
            fold_functions[id].total += node->total_ticks;
        if (node->parent_flags & NODE_EDGE_OUTERMOST)
            fold_edges[caller][id].total += node->total_ticks;
        fold_functions[id].yields = symbol->yields;
        fold_functions[id].raised = symbol->raised;
        fold_functions[id].max = symbol->second_max_ticks;
        fold_functions[id].min = symbol->second_max_ticks < 0 ? 0 : symbol->min_ticks;
    }
}

static void differ(uint32_t seed, uint32_t id, const char *what, int64_t fold, int64_t slow)
{
    fail_msg("FOLD_SEED=%u: id %u %s: fold %ld, slow %ld", seed, id, what, (long)fold, (long)slow);
}

#define SAME(field)                                                               \
    do {                                                                          \
        if (fold->field != slow->field)                                           \
            differ(seed, id, #field, (int64_t)fold->field, (int64_t)slow->field); \
    } while (0)

static void compare_counts(const struct play *play, uint32_t seed)
{
    for (uint32_t id = 0; id < SLOW_FUNCTIONS; id++) {
        const struct slow_function *fold = &fold_functions[id], *slow = &play->slow->functions[id];
        if (id == SLOW_NOBODY || (slow->calls == 0 && slow->resumes == 0 && slow->self == 0))
            continue;
        SAME(calls);
        SAME(resumes);
        SAME(primitive);
        SAME(self);
        SAME(yields);
        SAME(raised);
    }
}

static void compare_all(const struct play *play, uint32_t seed)
{
    for (uint32_t id = 0; id < SLOW_FUNCTIONS; id++) {
        const struct slow_function *fold = &fold_functions[id], *slow = &play->slow->functions[id];
        if (id == SLOW_NOBODY || (slow->calls == 0 && slow->resumes == 0 && slow->self == 0))
            continue;
        SAME(total);
        if (id == SLOW_RESYNC)
            continue;
        SAME(max);
        if (slow->max >= 0)
            SAME(min);
    }
    for (uint32_t caller = 0; caller < SLOW_FUNCTIONS; caller++)
        for (uint32_t id = 0; id < SLOW_FUNCTIONS; id++) {
            const struct slow_edge *fold = &fold_edges[caller][id];
            const struct slow_edge *slow = &play->slow->edges[caller][id];
            SAME(calls);
            SAME(primitive);
            SAME(self);
            SAME(total);
        }
}

static void compare_threads(const struct play *play, uint32_t seed)
{
    for (int i = 0; i < SLOW_THREADS; i++) {
        const struct track *track = play->threads[i].track;
        const struct slow_thread *slow = &play->slow->threads[i];
        if (track->depth != (uint32_t)slow->depth || track->outside_ticks != slow->outside ||
            track->stalled_ticks != slow->stalled)
            fail_msg("FOLD_SEED=%u: thread %d: depth %u/%d outside %ld/%ld", seed, i, track->depth,
                     slow->depth, (long)track->outside_ticks, (long)slow->outside);
    }
    if (play->model.unmatched_pops != play->slow->unmatched)
        fail_msg("FOLD_SEED=%u: unmatched pops %lu/%lu", seed,
                 (unsigned long)play->model.unmatched_pops, (unsigned long)play->slow->unmatched);
}

static void run_play(uint32_t seed, bool costs, bool flushes, size_t node_limit)
{
    struct play *play = calloc(1, sizeof(*play));
    assert_non_null(play);
    play->slow = calloc(1, sizeof(*play->slow));
    assert_non_null(play->slow);
    play->random = seed * 2654435761u | 1;
    play->flushes = flushes;
    struct model_options options = {.define = fold_tools_define, .node_limit = node_limit};
    assert_int_equal(model_init(&play->model, &options), 0);
    if (costs) {
        struct model_costs set = {.inner_ticks256 = 7 * 256, .outer_ticks256 = 11 * 256};
        model_set_costs(&play->model, &set);
        play->slow->inner = 7;
        play->slow->outer = 11;
    }
    for (int i = 0; i < SLOW_FUNCTIONS; i++)
        play->slow->functions[i].max = -1;
    for (int i = 0; i < GENERATORS; i++)
        play->generators[i].state = GONE;
    for (int i = 0; i < SLOW_THREADS; i++) {
        play->threads[i] = fold_tools_thread(&play->model, (uint32_t)i + 1, 1000);
        play->real[i].counter = 1000 + (uint64_t)i;
    }
    while (play->events < EVENTS)
        step(play);
    uint64_t end = 0;
    for (int i = 0; i < SLOW_THREADS; i++) {
        if (play->real[i].losing)
            lose_or_find(play, i);
        if (play->real[i].counter > end)
            end = play->real[i].counter;
    }
    model_flush(&play->model, end + 100);
    slow_model_end(play->slow, end + 100);
    collect(&play->model);
    compare_counts(play, seed);
    if (!node_limit)
        compare_all(play, seed);
    compare_threads(play, seed);
    model_done(&play->model);
    free(play->slow);
    free(play);
}

static uint32_t from_environment(const char *name, uint32_t otherwise)
{
    const char *text = getenv(name);
    return text ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

static void run_many(bool costs, bool flushes, size_t node_limit)
{
    uint32_t only = from_environment("FOLD_SEED", 0);
    uint32_t rounds = from_environment("FOLD_ROUNDS", 60);
    if (only)
        run_play(only, costs, flushes, node_limit);
    for (uint32_t seed = 1; !only && seed <= rounds; seed++)
        run_play(seed, costs, flushes, node_limit);
}

static void plain(void **state)
{
    (void)state;
    run_many(false, false, 0);
}

static void with_costs(void **state)
{
    (void)state;
    run_many(true, false, 0);
}

static void with_flushes(void **state)
{
    (void)state;
    run_many(false, true, 0);
}

static void with_few_nodes(void **state)
{
    (void)state;
    run_many(false, false, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),
        cmocka_unit_test(with_costs),
        cmocka_unit_test(with_flushes),
        cmocka_unit_test(with_few_nodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
