/* SPDX-License-Identifier: MIT */
/* What the codec foresees, and what it learns from each event: the half that packing and unpacking share.
 * Why in a header: a few nanoseconds an event, with 20 million of them a second and thread.
 * Rules: both directions make the same calls in the same order; the tables begin empty in each chunk. No
 * content of an event can do more here than be foreseen badly. */
#ifndef ULMA_RECORDING_TRACE_PREDICT_H
#define ULMA_RECORDING_TRACE_PREDICT_H

#include "wire/event.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_BITS = 13, FRAME_BITS = 13, PACE_BITS = 12, TRACK_BITS = 8 };
enum { LOOK_BELOW = 16, PACE_MOST = 1 << 14 };

/* What an event is: its kind_id, and above it its frame, as they lie in it. */
#define PREDICT_FRAME_SHIFT 32

struct predict_path {
    uint64_t what;
    uint32_t offset;
    uint32_t same; /* the frame stays, else its distance from the top's */
};

struct predict_open {
    uint64_t what;
    uint32_t end; /* kind and id of the event that ends it, where pops have ids */
};

struct predict_track {
    struct predict_open *open, *last; /* open[0] is none; the last there is room for */
    uint64_t counter;
    /* kind_id of the last event times PREDICT_A and times PREDICT_B, and the latter of the one before */
    uint64_t before_a, before_b, before_that_b;
    uint32_t depth, limit;
    uint32_t number;
    uint32_t next; /* 1 + index of the next in its bucket */
};

struct predict {
    struct predict_path paths[1 << PATH_BITS];
    uint64_t frames[1 << FRAME_BITS];
    uint32_t paces[1 << PACE_BITS]; /* ticks expected */
    struct predict_track *tracks;
    uint32_t track_count, track_limit;
    uint32_t buckets[1 << TRACK_BITS];
    uint64_t counter;    /* of the last event of any track */
    uint32_t told_frame; /* the last */
    uint32_t end_mask;   /* what of predict_open.end is told: all, or the kind alone */
};

void predict_begin(struct predict *predict);
void predict_done(struct predict *predict);

/* Its state, new where there is none. NULL: no memory. */
struct predict_track *predict_find_track(struct predict *predict, uint32_t number);

/* Room for one more entry. */
bool predict_grow(struct predict_track *track);

/* A track while its events are gone through: apart from what bytes are written to, so that a compiler keeps
 * it in registers. */
struct predict_walk {
    struct predict *predict;
    struct predict_open *top;
    uint64_t counter, before_a, before_b, before_that_b;
};

/* What may come next. */
struct predict_guess {
    struct predict_path *path;
    uint64_t *frame;
    uint64_t pop, by_path;
    uint32_t top_frame;
};

#define PREDICT_A UINT64_C(0x9e3779b97f4a7c15)
#define PREDICT_B UINT64_C(0xc2b2ae3d27d4eb4f)
#define PREDICT_C UINT64_C(0x165667b19e3779f9)

#define PREDICT_INLINE __attribute__((always_inline)) static inline

enum {
    PREDICT_PUSHES = 1 << EVENT_START | 1 << EVENT_RESUME | 1 << EVENT_THROW | 1 << EVENT_C_CALL,
    PREDICT_POPS = 1 << EVENT_RETURN | 1 << EVENT_YIELD | 1 << EVENT_UNWIND | 1 << EVENT_C_RETURN |
                   1 << EVENT_C_RAISE,
};

static inline bool predict_is_one_of(uint32_t kind, uint32_t kinds)
{
    return kind < 32 && kinds >> kind & 1;
}

static inline bool predict_is_push(uint32_t kind)
{
    return predict_is_one_of(kind, PREDICT_PUSHES);
}

static inline bool predict_is_pop(uint32_t kind)
{
    return predict_is_one_of(kind, PREDICT_POPS);
}

/* Of three numbers, each times its constant. */
static inline uint32_t predict_mix(uint64_t mixed, uint32_t bits)
{
    return (uint32_t)((mixed ^ (mixed >> 29)) * UINT64_C(0xbf58476d1ce4e5b9) >> (64 - bits));
}

static inline uint32_t predict_end_of(uint32_t kind_id)
{
    return (kind_id & 0xff) == EVENT_C_CALL
               ? EVENT_C_RETURN
               : EVENT_RETURN | (kind_id & ~(UINT32_C(0xff) | (uint32_t)EVENT_FROM_C << 8));
}

static inline uint64_t predict_what(uint32_t kind_id, uint32_t frame)
{
    return (uint64_t)frame << PREDICT_FRAME_SHIFT | kind_id;
}

static inline uint64_t predict_what_of(const struct event *event)
{
    uint64_t what;
    static_assert(offsetof(struct event, frame) == offsetof(struct event, kind_id) + 4,
                  "both are read at once");
    memcpy(&what, &event->kind_id, sizeof(what));
    return what;
}

static inline uint32_t predict_frame_of(uint64_t what)
{
    return (uint32_t)(what >> PREDICT_FRAME_SHIFT);
}

static inline struct predict_walk predict_walk_begin(struct predict *predict,
                                                     const struct predict_track *track)
{
    return (struct predict_walk){.predict = predict,
                                 .top = &track->open[track->depth],
                                 .counter = track->counter,
                                 .before_a = track->before_a,
                                 .before_b = track->before_b,
                                 .before_that_b = track->before_that_b};
}

static inline void predict_walk_end(const struct predict_walk *walk, struct predict_track *track)
{
    track->counter = walk->predict->counter = walk->counter;
    track->before_a = walk->before_a;
    track->before_b = walk->before_b;
    track->before_that_b = walk->before_that_b;
    track->depth = (uint32_t)(walk->top - track->open);
}

PREDICT_INLINE struct predict_guess predict_guess(const struct predict_walk *walk)
{
    struct predict *predict = walk->predict;
    uint64_t top = walk->top->what;
    uint32_t frame = predict_frame_of(top);
    struct predict_path *path = &predict->paths[predict_mix(
        walk->before_a ^ walk->before_that_b ^ (uint32_t)top * PREDICT_C, PATH_BITS)];
    return (struct predict_guess){
        .path = path,
        .frame = &predict->frames[predict_mix(frame * PREDICT_A ^ walk->before_b, FRAME_BITS)],
        .pop = predict_what(walk->top->end & predict->end_mask, frame),
        .by_path = path->same ? path->what
                              : predict_what((uint32_t)path->what, frame + path->offset),
        .top_frame = frame,
    };
}

static inline uint32_t *predict_pace(const struct predict_walk *walk, uint32_t kind_id)
{
    return &walk->predict
                ->paces[predict_mix(walk->before_a ^ kind_id * PREDICT_B ^ PREDICT_C, PACE_BITS)];
}

static inline void predict_learn_pace(uint32_t *pace, uint64_t delta)
{
    int64_t off = (int64_t)(delta - *pace);
    if (__builtin_expect(off > -PACE_MOST && off < PACE_MOST, 1))
        *pace = (uint32_t)((int64_t)*pace + (off >> 2)); /* a quarter, rounded down */
    else if (*pace == 0 && delta < UINT32_MAX)
        *pace = (uint32_t)delta;
}

/* What is on top without `frame` and all above it; the same where it is not near. */
static inline struct predict_open *predict_pop(struct predict_open *open, struct predict_open *top,
                                               uint32_t frame)
{
    for (struct predict_open *at = top; at > open && top - at < LOOK_BELOW; at--)
        if (predict_frame_of(at->what) == frame)
            return at - 1;
    return top;
}

static inline void predict_learn_path(const struct predict_guess *guess, uint64_t what)
{
    struct predict_path *path = guess->path;
    uint32_t offset = predict_frame_of(what) - guess->top_frame;
    if (path->offset == offset)
        path->same = 0;
    else if (predict_frame_of(path->what) == predict_frame_of(what))
        path->same = 1;
    path->what = what;
    path->offset = offset;
    *guess->frame = what;
}

/* False: no memory. `track` is the walk's. */
PREDICT_INLINE bool predict_learn(struct predict_walk *walk, struct predict_track *track,
                                  const struct predict_guess *guess, uint64_t what)
{
    uint32_t kind_id = (uint32_t)what, kind = kind_id & 0xff;
    predict_learn_path(guess, what);
    walk->before_that_b = walk->before_b;
    walk->before_a = kind_id * PREDICT_A;
    walk->before_b = kind_id * PREDICT_B;
    if (predict_is_push(kind)) {
        if (walk->top == track->last) {
            track->depth = (uint32_t)(walk->top - track->open);
            if (!predict_grow(track))
                return false;
            walk->top = track->open + track->depth;
        }
        *++walk->top = (struct predict_open){.what = what, .end = predict_end_of(kind_id)};
    } else if (predict_is_pop(kind)) {
        if (kind == EVENT_RETURN)
            walk->predict->end_mask = kind_id != EVENT_RETURN ? UINT32_MAX : 0xff;
        walk->top = predict_pop(track->open, walk->top, predict_frame_of(what));
    }
    return true;
}

#endif
