/* SPDX-License-Identifier: MIT */
/* The slow model.
 * Why: see slow_model.h.
 * Rules: ids 100..199 are generators, 200 and above C functions, as in fold_tools. */
#include "slow_model.h"

#include <string.h>

enum { LEFT_OVER_MOST = 32 }; /* what an interval was too short for, the next one bears */

static bool suspends(uint32_t id)
{
    return id >= 100 && id < 200;
}

/* --- time ----------------------------------------------------------------------------------- */

static bool first_of_function(const struct slow_thread *thread, int at)
{
    for (int i = 0; i < at; i++)
        if (thread->stack[i].id == thread->stack[at].id)
            return false;
    return true;
}

static uint32_t caller_of(const struct slow_thread *thread, int at)
{
    return at ? thread->stack[at - 1].id : SLOW_NOBODY;
}

static bool first_of_edge(const struct slow_thread *thread, int at)
{
    for (int i = 0; i < at; i++)
        if (thread->stack[i].id == thread->stack[at].id &&
            caller_of(thread, i) == caller_of(thread, at))
            return false;
    return true;
}

static void give_totals(struct slow_model *model, struct slow_thread *thread, int64_t time)
{
    for (int i = 0; i < thread->depth; i++) {
        struct slow_frame *frame = &thread->stack[i];
        frame->ran += time;
        if (first_of_function(thread, i))
            model->functions[frame->id].total += time;
        if (first_of_edge(thread, i))
            model->edges[caller_of(thread, i)][frame->id].total += time;
    }
}

static void give(struct slow_model *model, struct slow_thread *thread, int64_t time)
{
    if (thread->doubt) {
        thread->doubtful += time;
        return;
    }
    give_totals(model, thread, time);
    if (thread->depth == 0) {
        thread->outside += time;
        return;
    }
    uint32_t top = thread->stack[thread->depth - 1].id;
    model->functions[top].self += time;
    model->edges[caller_of(thread, thread->depth - 1)][top].self += time;
}

static void pass(struct slow_model *model, struct slow_thread *thread, uint64_t counter,
                 int64_t before, int64_t after)
{
    int64_t time = 0;
    if (!thread->began) {
        thread->began = true;
        thread->last = counter;
    } else if (counter >= thread->last) {
        time = (int64_t)(counter - thread->last) - thread->debt - before;
        thread->last = counter;
    }
    give(model, thread, time > 0 ? time : 0);
    thread->debt = after;
    if (time < 0)
        thread->debt += -time < LEFT_OVER_MOST ? -time : LEFT_OVER_MOST;
}

/* --- the stack ------------------------------------------------------------------------------ */

static int find(const struct slow_thread *thread, uint32_t frame, bool is_c)
{
    for (int i = thread->depth - 1; i >= 0; i--)
        if (thread->stack[i].frame == frame && thread->stack[i].is_c == is_c)
            return i;
    return -1;
}

static void add_activation(struct slow_function *function, int64_t ran)
{
    if (function->max < 0 || ran < function->min)
        function->min = ran;
    if (ran > function->max)
        function->max = ran;
}

static void put_on(struct slow_model *model, struct slow_thread *thread, struct slow_frame frame,
                   bool calls, bool resumes)
{
    int open = find(thread, frame.frame, frame.is_c);
    if (open >= 0)
        thread->depth = open;
    thread->stack[thread->depth++] = frame;
    struct slow_function *function = &model->functions[frame.id];
    struct slow_edge *edge = &model->edges[caller_of(thread, thread->depth - 1)][frame.id];
    function->calls += calls;
    function->resumes += resumes;
    edge->calls += calls || resumes;
    if ((calls || resumes) && first_of_function(thread, thread->depth - 1))
        function->primitive++;
    if ((calls || resumes) && first_of_edge(thread, thread->depth - 1))
        edge->primitive++;
}

static void push(struct slow_model *model, struct slow_thread *thread, uint32_t kind, uint32_t id,
                 uint32_t frame)
{
    struct slow_frame what = {.frame = frame, .id = id};
    struct slow_suspended *before = &model->suspended[frame];
    bool resumes = kind == EVENT_RESUME;
    if (suspends(id)) {
        bool same = before->there && before->id == id && kind != EVENT_START;
        if (before->there && !same && !before->uncertain)
            add_activation(&model->functions[before->id], before->ran);
        resumes = kind == EVENT_RESUME || (kind == EVENT_THROW && same);
        what.ran = same ? before->ran : 0;
        what.uncertain = same ? before->uncertain : kind == EVENT_RESUME;
        before->there = false;
    }
    put_on(model, thread, what, !resumes, resumes);
}

/* --- stacks that were left: greenlets' ------------------------------------------------------ */

static int pool_used(const struct slow_thread *thread, int stacks)
{
    int used = 0;
    for (int i = 0; i < stacks; i++)
        used += thread->parked[i];
    return used;
}

static void forget(struct slow_thread *thread, int which)
{
    int first = pool_used(thread, which), count = thread->parked[which];
    int used = pool_used(thread, thread->parked_count);
    memmove(thread->pool + first, thread->pool + first + count,
            (size_t)(used - first - count) * sizeof(*thread->pool));
    thread->parked_count--;
    memmove(thread->bottoms + which, thread->bottoms + which + 1,
            (size_t)(thread->parked_count - which) * sizeof(*thread->bottoms));
    memmove(thread->parked + which, thread->parked + which + 1,
            (size_t)(thread->parked_count - which) * sizeof(*thread->parked));
}

static uint32_t bottom_of(const struct slow_thread *thread)
{
    if (thread->bottom || !thread->depth || thread->stack[0].is_c)
        return thread->bottom;
    return thread->stack[0].frame;
}

static void leave(struct slow_thread *thread)
{
    if (thread->parked_count == SLOW_PARKED)
        forget(thread, 0);
    int first = pool_used(thread, thread->parked_count), count = 0;
    for (int i = 0; i < thread->depth && first + count < SLOW_POOL; i++)
        if (!thread->stack[i].is_c)
            thread->pool[first + count++] = thread->stack[i];
    if (count) {
        thread->bottoms[thread->parked_count] = bottom_of(thread);
        thread->parked[thread->parked_count++] = count;
    }
    thread->depth = 0;
    thread->bottom = 0;
}

/* Which stack has the frame (of function `id`, 0: any), and how many of its frames up to that one; -1: none. */
static int find_left(const struct slow_thread *thread, uint32_t frame, uint32_t id, int *ret_count)
{
    for (int innermost = 1; innermost >= 0; innermost--)
        for (int i = thread->parked_count - 1; i >= 0; i--) {
            const struct slow_frame *stack = thread->pool + pool_used(thread, i);
            int least = innermost ? thread->parked[i] : 1;
            for (int count = thread->parked[i]; count >= least; count--)
                if (stack[count - 1].frame == frame && (!id || stack[count - 1].id == id)) {
                    *ret_count = count;
                    return i;
                }
        }
    return -1;
}

static bool come_back(struct slow_model *model, struct slow_thread *thread, uint32_t frame,
                      uint32_t id)
{
    static struct slow_frame frames[SLOW_DEPTH];
    int count;
    int which = find_left(thread, frame, id, &count);
    if (which < 0)
        return false;
    memcpy(frames, thread->pool + pool_used(thread, which), (size_t)count * sizeof(*frames));
    uint32_t bottom = thread->bottoms[which];
    forget(thread, which);
    leave(thread);
    thread->bottom = bottom;
    for (int i = 0; i < count; i++) {
        struct slow_frame again = {.frame = frames[i].frame, .id = frames[i].id, .uncertain = true};
        put_on(model, thread, again, false, false);
    }
    return true;
}

static void pop(struct slow_model *model, struct slow_thread *thread, uint32_t kind, uint32_t id,
                uint32_t frame)
{
    bool is_c = kind == EVENT_C_RETURN || kind == EVENT_C_RAISE;
    int open = find(thread, frame, is_c);
    if (kind == EVENT_UNWIND)
        model->functions[id].raised++;
    if (kind == EVENT_C_RAISE && open >= 0 && open == thread->depth - 1)
        model->functions[thread->stack[open].id].raised++;
    if (open < 0 && come_back(model, thread, frame, is_c ? 0 : id)) {
        if (is_c)
            return; /* a C call that switched is over */
        open = thread->depth - 1;
    }
    if (open < 0) {
        model->unmatched++;
        return;
    }
    const struct slow_frame *what = &thread->stack[open];
    thread->depth = open;
    if (kind != EVENT_YIELD) {
        if (!what->uncertain)
            add_activation(&model->functions[what->id], what->ran);
        return;
    }
    model->functions[what->id].yields++;
    if (suspends(what->id))
        model->suspended[frame] =
            (struct slow_suspended){true, what->id, what->ran, what->uncertain};
}

/* --- seeds ---------------------------------------------------------------------------------- */

static void end_doubt(struct slow_model *model, struct slow_thread *thread)
{
    uint32_t top = thread->depth ? thread->stack[thread->depth - 1].id : SLOW_NOBODY;
    thread->doubt = false;
    give_totals(model, thread, thread->doubtful);
    model->functions[SLOW_RESYNC].self += thread->doubtful;
    model->functions[SLOW_RESYNC].total += thread->doubtful;
    model->edges[top][SLOW_RESYNC].self += thread->doubtful;
    model->edges[top][SLOW_RESYNC].total += thread->doubtful;
    thread->doubtful = 0;
    for (int i = 0; i < thread->depth; i++)
        thread->stack[i].uncertain = true;
}

static void apply_seed(struct slow_model *model, struct slow_thread *thread, uint32_t bottom)
{
    int agreed = 0, kept = 0;
    if (thread->doubt)
        thread->parked_count = 0;
    for (int i = thread->parked_count - 1; bottom && i >= 0; i--)
        if (thread->bottoms[i] == bottom)
            forget(thread, i);
    if (!thread->doubt && bottom && bottom_of(thread) && bottom != bottom_of(thread))
        leave(thread);
    thread->bottom = bottom;
    for (int i = 0; i < thread->depth && agreed < thread->seed_count; i++) {
        if (thread->stack[i].is_c)
            continue;
        if (thread->stack[i].frame != thread->seed[agreed].frame ||
            thread->stack[i].id != thread->seed[agreed].id)
            break;
        agreed++;
        kept = i + 1;
    }
    thread->depth = kept;
    if (thread->doubt)
        end_doubt(model, thread);
    for (int i = agreed; i < thread->seed_count; i++)
        put_on(model, thread, thread->seed[i], false, false);
}

/* --- events --------------------------------------------------------------------------------- */

static void other(struct slow_model *model, struct slow_thread *thread, const struct event *event)
{
    uint32_t kind = event_kind(event);
    if (kind == EVENT_RETOP) {
        pass(model, thread, event->counter, 0, 0);
        int open = event->frame ? find(thread, event->frame, false) : -1;
        if (open >= 0)
            thread->depth = open + 1;
        else if (!event->frame)
            leave(thread);
        else if (!come_back(model, thread, event->frame, 0))
            model->unmatched++;
    } else if (kind == EVENT_STALL) {
        int64_t slept = (int64_t)event_amount(event);
        if (!thread->began)
            slept = 0;
        thread->stalled += slept;
        pass(model, thread, event->counter, slept, 0);
        thread->debt = 0;
    } else if (kind == EVENT_GAP) {
        thread->doubt = true;
        pass(model, thread, event->counter, 0, 0);
    } else if (kind == EVENT_SEED_BEGIN) {
        thread->seed_count = 0;
    } else if (kind == EVENT_SEED_FRAME) {
        thread->seed[thread->seed_count++] =
            (struct slow_frame){.frame = event->frame, .id = event_id(event), .uncertain = true};
    } else if (kind == EVENT_SEED_END) {
        pass(model, thread, event->counter, 0, 0);
        apply_seed(model, thread, event->frame);
    }
}

void slow_model_end(struct slow_model *model, uint64_t counter)
{
    for (int i = 0; i < SLOW_THREADS; i++)
        if (model->threads[i].began)
            pass(model, &model->threads[i], counter, 0, 0);
}

void slow_model_event(struct slow_model *model, int thread_index, const struct event *event)
{
    struct slow_thread *thread = &model->threads[thread_index];
    uint32_t kind = event_kind(event), id = event_id(event);
    bool is_c = kind >= EVENT_C_CALL && kind <= EVENT_C_RAISE;
    if (kind > EVENT_C_RAISE) {
        other(model, thread, event);
        return;
    }
    bool is_push = kind <= EVENT_THROW || kind == EVENT_C_CALL;
    int64_t inner = is_c ? 0 : model->inner, outer = is_c ? 0 : model->outer;
    pass(model, thread, event->counter, is_push ? outer / 2 : inner - inner / 2,
         is_push ? inner / 2 : outer - outer / 2);
    if (kind == EVENT_C_CALL)
        put_on(model, thread, (struct slow_frame){.frame = event->frame, .is_c = true, .id = id},
               true, false);
    else if (is_push)
        push(model, thread, kind, id, event->frame);
    else
        pop(model, thread, kind, id, event->frame);
}
