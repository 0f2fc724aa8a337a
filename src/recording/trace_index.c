/* SPDX-License-Identifier: MIT */
/* Looking at blocks.
 * Why: see trace_index.h.
 * Rules: as there. */
#include "recording/trace_index.h"

#include "recording/trace_codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBERS_MOST = 1 << 24 }; /* tracks and processes beyond are in no index */

struct trace_known {
    uint32_t pid, tid;
    uint32_t at; /* 1 + its place in the present chunk's threads; 0: it has none */
};

void trace_index_done(struct trace_index *index)
{
    free(index->threads);
    free(index->tracks);
    free(index->pids);
    *index = (struct trace_index){0};
}

/* Room for `number`; what is new is zero. */
static int make_room(void *array_pointer, uint32_t *limit, uint32_t number, size_t size)
{
    void **array = array_pointer;
    if (number < *limit)
        return 0;
    if (number >= NUMBERS_MOST)
        return -ERANGE;
    uint32_t grown = number + number / 2 + 16;
    void *bytes = realloc(*array, grown * size);
    if (!bytes)
        return -ENOMEM;
    memset((char *)bytes + *limit * size, 0, (grown - *limit) * size);
    *array = bytes;
    *limit = grown;
    return 0;
}

static struct trace_thread *thread_of(struct trace_index *index, uint32_t track)
{
    if (make_room(&index->tracks, &index->track_limit, track, sizeof(*index->tracks)) ||
        make_room(&index->threads, &index->thread_limit, index->thread_count,
                  sizeof(*index->threads)))
        return NULL;
    struct trace_known *known = &index->tracks[track];
    if (known->at == 0) {
        known->at = ++index->thread_count;
        index->threads[known->at - 1] = (struct trace_thread){
            .track = track, .pid = known->pid, .tid = known->tid, .span = {.from = UINT64_MAX}};
    }
    return &index->threads[known->at - 1];
}

static void widen(struct trace_span *span, uint64_t from, uint64_t to, uint64_t events)
{
    span->from = from < span->from ? from : span->from;
    span->to = to > span->to ? to : span->to;
    span->events += events;
}

static int look_at_events(struct trace_index *index, const struct trace_record *record)
{
    const struct event *events = (const struct event *)(record + 1);
    uint64_t from = events[0].counter, to = events[record->value - 1].counter;
    struct trace_thread *thread = thread_of(index, record->subject);
    if (index->first == 0)
        index->first = from;
    widen(&index->span, from, to, record->value);
    if (thread)
        widen(&thread->span, from, to, record->value);
    return thread || record->subject >= NUMBERS_MOST ? 0 : -ENOMEM;
}

static int note_track(struct trace_index *index, const struct trace_record *record)
{
    int result =
        make_room(&index->tracks, &index->track_limit, record->subject, sizeof(*index->tracks));
    if (result)
        return result == -ERANGE ? 0 : result;
    struct trace_known *known = &index->tracks[record->subject];
    if (record->op == TAP_TRACK && index->process < index->pid_limit)
        known->pid = index->pids[index->process];
    known->tid = (uint32_t)record->value;
    return 0;
}

static int note_process(struct trace_index *index, const struct trace_record *record)
{
    int result = make_room(&index->pids, &index->pid_limit, record->subject, sizeof(*index->pids));
    if (result)
        return result == -ERANGE ? 0 : result;
    index->process = record->subject;
    index->pids[record->subject] = (uint32_t)record->value;
    return 0;
}

static void note_words(struct trace_index *index, const struct trace_record *record)
{
    double rate;
    if (record->size < offsetof(struct tap_words, ns_per_tick) + sizeof(rate))
        return;
    memcpy(&rate, (const char *)(record + 1) + offsetof(struct tap_words, ns_per_tick),
           sizeof(rate));
    index->ns_per_tick = rate;
}

static int look(struct trace_index *index, const struct trace_record *record)
{
    switch (record->op) {
    case TAP_EVENTS:
        return look_at_events(index, record);
    case TAP_TRACK:
    case TAP_TRACK_WORDS:
        return note_track(index, record);
    case TAP_ENTER:
        return note_process(index, record);
    case TAP_WORDS:
        note_words(index, record);
        return 0;
    default:
        return 0;
    }
}

int trace_index_look(struct trace_index *index, const void *block, size_t size)
{
    const struct trace_record *record;
    int result = 0;
    for (uint32_t i = 0; i < index->thread_count; i++)
        index->tracks[index->threads[i].track].at = 0;
    index->thread_count = 0;
    index->span = (struct trace_span){.from = UINT64_MAX};
    for (size_t at = 0; result == 0 && (record = trace_record_at(block, size, at));
         at += trace_record_bytes(record))
        result = look(index, record);
    return result;
}

int64_t trace_index_ns(const struct trace_index *index, uint64_t counter)
{
    return (int64_t)((double)(int64_t)(counter - index->first) * index->ns_per_tick);
}
