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

enum { PATH_BITS = 13, FRAME_BITS = 13, PACE_BITS = 12, TRACK_BITS = 8 };
enum { LOOK_BELOW = 16, PACE_MOST = 1 << 14 };

struct predict_path {
    uint32_t kind_id, offset, frame;
    uint32_t same; /* the frame stays, else its distance from the top's */
};

struct predict_frame {
    uint32_t kind_id, frame;
};

struct predict_open {
    uint32_t frame, kind_id;
};

struct predict_track {
    struct predict_open *open; /* [0] is none */
    uint32_t depth, limit;
    uint32_t before, before_that; /* kind_id of the last two events */
    uint64_t counter;
    uint32_t number;
    uint32_t next; /* 1 + index of the next in its bucket */
};

struct predict {
    struct predict_path paths[1 << PATH_BITS];
    struct predict_frame frames[1 << FRAME_BITS];
    uint32_t paces[1 << PACE_BITS]; /* ticks expected */
    struct predict_track *tracks;
    uint32_t track_count, track_limit;
    uint32_t buckets[1 << TRACK_BITS];
    uint64_t counter;    /* of the last event of any track */
    uint32_t told_frame; /* the last */
    bool pops_have_ids;
};

void predict_begin(struct predict *predict);
void predict_done(struct predict *predict);

/* Its state, new where there is none. NULL: no memory. */
struct predict_track *predict_find_track(struct predict *predict, uint32_t number);

/* Room for one more entry. */
bool predict_grow(struct predict_track *track);

/* What may come next. */
struct predict_guess {
    struct predict_path *path;
    struct predict_frame *frame;
    uint32_t top_frame, top_kind_id;
    uint32_t pop_kind_id, path_frame;
};

static inline uint32_t predict_mix(uint32_t a, uint32_t b, uint32_t c, uint32_t bits)
{
    uint64_t mixed = (a * UINT64_C(0x9e3779b97f4a7c15)) ^ (b * UINT64_C(0xc2b2ae3d27d4eb4f)) ^
                     (c * UINT64_C(0x165667b19e3779f9));
    return (uint32_t)((mixed ^ (mixed >> 29)) * UINT64_C(0xbf58476d1ce4e5b9) >> (64 - bits));
}

static inline struct predict_guess predict_guess(struct predict *predict,
                                                 const struct predict_track *track)
{
    const struct predict_open *top = &track->open[track->depth];
    struct predict_guess guess = {
        .path = &predict->paths[predict_mix(track->before, track->before_that, top->kind_id,
                                            PATH_BITS)],
        .frame = &predict->frames[predict_mix(top->frame, track->before, 0, FRAME_BITS)],
        .top_frame = top->frame,
        .top_kind_id = top->kind_id,
    };
    bool c_call = (top->kind_id & 0xff) == EVENT_C_CALL;
    uint32_t id = predict->pops_have_ids && !c_call
                      ? top->kind_id & ~(UINT32_C(0xff) | (uint32_t)EVENT_FROM_C << 8)
                      : 0;
    guess.pop_kind_id = (c_call ? EVENT_C_RETURN : EVENT_RETURN) | id;
    guess.path_frame = guess.path->same ? guess.path->frame : top->frame + guess.path->offset;
    return guess;
}

static inline uint32_t *predict_pace(struct predict *predict, const struct predict_track *track,
                                     uint32_t kind_id)
{
    return &predict->paces[predict_mix(track->before, kind_id, 1, PACE_BITS)];
}

/* Rounded down. */
static inline int64_t predict_quarter(int64_t number)
{
    return number >= 0 ? number / 4 : -((3 - number) / 4);
}

static inline void predict_learn_pace(uint32_t *pace, uint64_t delta)
{
    int64_t off = (int64_t)(delta - *pace);
    if (off > -PACE_MOST && off < PACE_MOST)
        *pace = (uint32_t)((int64_t)*pace + predict_quarter(off));
    else if (*pace == 0 && delta < UINT32_MAX)
        *pace = (uint32_t)delta;
}

static inline bool predict_is_push(uint32_t kind)
{
    return (kind >= EVENT_START && kind <= EVENT_THROW) || kind == EVENT_C_CALL;
}

static inline bool predict_is_pop(uint32_t kind)
{
    return (kind >= EVENT_RETURN && kind <= EVENT_UNWIND) || kind == EVENT_C_RETURN ||
           kind == EVENT_C_RAISE;
}

static inline void predict_pop(struct predict_track *track, uint32_t frame)
{
    uint32_t look = track->depth < LOOK_BELOW ? track->depth : LOOK_BELOW;
    for (uint32_t i = 0; i < look; i++) {
        if (track->open[track->depth - i].frame == frame) {
            track->depth -= i + 1;
            return;
        }
    }
}

/* False: no memory. */
static inline bool predict_learn(struct predict *predict, struct predict_track *track,
                                 const struct predict_guess *guess, uint32_t kind_id,
                                 uint32_t frame)
{
    uint32_t kind = kind_id & 0xff, offset = frame - guess->top_frame;
    struct predict_path *path = guess->path;
    if (path->offset == offset)
        path->same = 0;
    else if (path->frame == frame)
        path->same = 1;
    path->kind_id = kind_id;
    path->offset = offset;
    path->frame = frame;
    *guess->frame = (struct predict_frame){kind_id, frame};
    track->before_that = track->before;
    track->before = kind_id;
    if (predict_is_push(kind)) {
        if (track->depth + 1 >= track->limit && !predict_grow(track))
            return false;
        track->open[++track->depth] = (struct predict_open){frame, kind_id};
    } else if (predict_is_pop(kind)) {
        if (kind == EVENT_RETURN)
            predict->pops_have_ids = kind_id != EVENT_RETURN;
        predict_pop(track, frame);
    }
    return true;
}

#endif
