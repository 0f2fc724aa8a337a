/* SPDX-License-Identifier: MIT */
/* Tracks of a chunk, by number.
 * Why: see trace_predict.h.
 * Rules: as there. */
#include "recording/trace_predict.h"

#include <string.h>

enum { FIRST_OPEN = 64, FIRST_TRACKS = 16 };

void predict_done(struct predict *predict)
{
    for (uint32_t i = 0; i < predict->track_count; i++)
        free(predict->tracks[i].open);
    free(predict->tracks);
    predict->tracks = NULL;
    predict->track_count = predict->track_limit = 0;
}

void predict_begin(struct predict *predict)
{
    predict_done(predict);
    memset(predict, 0, sizeof(*predict));
    predict->end_mask = 0xff;
}

bool predict_grow(struct predict_track *track)
{
    uint32_t limit = track->limit ? track->limit * 2 : FIRST_OPEN;
    struct predict_open *open = realloc(track->open, limit * sizeof(*open));
    if (!open)
        return false;
    if (!track->open)
        open[0] = (struct predict_open){.end = predict_end_of(EVENT_NONE)};
    track->open = open;
    track->last = &open[limit - 1];
    track->limit = limit;
    return true;
}

static struct predict_track *add_track(struct predict *predict, uint32_t number, uint32_t *bucket)
{
    if (predict->track_count == predict->track_limit) {
        uint32_t limit = predict->track_limit ? predict->track_limit * 2 : FIRST_TRACKS;
        struct predict_track *tracks = realloc(predict->tracks, limit * sizeof(*tracks));
        if (!tracks)
            return NULL;
        predict->tracks = tracks;
        predict->track_limit = limit;
    }
    struct predict_track *track = &predict->tracks[predict->track_count];
    *track = (struct predict_track){.number = number, .next = *bucket, .counter = predict->counter};
    if (!predict_grow(track))
        return NULL;
    *bucket = ++predict->track_count;
    return track;
}

struct predict_track *predict_find_track(struct predict *predict, uint32_t number)
{
    uint32_t *bucket = &predict->buckets[number & ((1 << TRACK_BITS) - 1)];
    for (uint32_t at = *bucket; at; at = predict->tracks[at - 1].next)
        if (predict->tracks[at - 1].number == number)
            return &predict->tracks[at - 1];
    return add_track(predict, number, bucket);
}
