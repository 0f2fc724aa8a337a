/* SPDX-License-Identifier: MIT */
/* What a replay shows.
 * Why: see trace_replay.h.
 * Rules: reading changes nothing, so that what follows comes to the same numbers however often was looked. */
#include "recording/trace_replay_parts.h"

#include <stdlib.h>
#include <string.h>

struct trace_replay *trace_replay_new(void)
{
    struct trace_replay *replay = calloc(1, sizeof(*replay));
    if (replay)
        replay->stop = UINT64_MAX;
    return replay;
}

void trace_replay_free(struct trace_replay *replay)
{
    if (!replay)
        return;
    if (replay->begun) {
        model_enter(&replay->model, &replay->model.first);
        for (uint32_t i = 0; i < replay->process_count; i++)
            if (!replay->processes[i]->gone)
                model_end_process(&replay->model, &replay->processes[i]->process);
        model_done(&replay->model);
    }
    for (uint32_t i = 0; i < replay->process_count; i++)
        free(replay->processes[i]);
    free(replay->processes);
    free(replay->sites);
    free(replay->frames);
    moment_done(&replay->scratch);
    free(replay);
}

void trace_replay_listen(struct trace_replay *replay, const struct trace_listener *listener)
{
    replay->listener = *listener;
}

void trace_replay_watch(struct trace_replay *replay, struct model_watch *watch)
{
    replay->watch = watch;
}

void trace_replay_leave_uncorrected(struct trace_replay *replay)
{
    replay->uncorrected = true;
}

void trace_replay_sum_processes(struct trace_replay *replay)
{
    replay->summed = true;
}

void trace_replay_keep(struct trace_replay *replay)
{
    replay->keeps = true;
}

void trace_replay_set_end(struct trace_replay *replay, const struct tap_words *end)
{
    replay->end = *end;
}

void trace_replay_stop_at(struct trace_replay *replay, uint64_t counter)
{
    replay->stop = counter;
}

void trace_replay_mark_at(struct trace_replay *replay, uint64_t counter)
{
    replay->mark = counter;
    replay->marked = false;
}

void trace_replay_only(struct trace_replay *replay, const uint64_t *threads, size_t count)
{
    replay->only = threads;
    replay->only_count = count;
}

void trace_replay_begin_recent(struct trace_replay *replay)
{
    if (replay->begun && replay->mark && !replay->marked)
        moment_begin_recent(&replay->model);
    replay->marked = true;
}

void trace_replay_settle(struct trace_replay *replay)
{
    if (replay->begun && replay->stop != UINT64_MAX)
        model_flush(&replay->model, replay->stop);
    replay->now = replay->stop;
}

uint64_t trace_replay_now(const struct trace_replay *replay)
{
    return replay->now;
}

uint64_t trace_replay_start(const struct trace_replay *replay)
{
    return replay->model.first_counter ? replay->model.first_counter : replay->end.first_event;
}

double trace_replay_rate(const struct trace_replay *replay)
{
    double rate = replay->end.ns_per_tick;
    return rate > 1e-3 && rate < 1e6 ? rate : replay->words.ns_per_tick;
}

bool trace_replay_has_ended(const struct trace_replay *replay)
{
    return replay->words.ended;
}

const struct model *trace_replay_model(const struct trace_replay *replay)
{
    return &replay->model;
}

const struct tap_words *trace_replay_words(const struct trace_replay *replay)
{
    return &replay->words;
}

/* --- snapshots ------------------------------------------------------------------------------ */

static int take_processes(const struct trace_replay *replay, struct reading *reading)
{
    struct snapshot_process *rows = calloc(replay->process_count + 2, sizeof(*rows));
    if (!rows)
        return -1;
    reading->processes = rows;
    reading_take_process(&replay->model.first, &replay->model, &rows[0]);
    reading->process_count = 1;
    for (uint32_t i = 0; i < replay->process_count; i++)
        if (replay->processes[i]->is_row)
            reading_take_process(&replay->processes[i]->process, &replay->model,
                                 &rows[reading->process_count++]);
    if (replay->folded)
        rows[reading->process_count++] = (struct snapshot_process){
            .command = "(ended)",
            .calls = replay->rest.ended_calls,
            .lost = replay->rest.ended_lost,
        };
    reading->processes_folded = replay->folded;
    return 0;
}

/* Between two WORDS what they say is carried on. */
static void take_reading(const struct trace_replay *replay, struct reading *reading)
{
    const struct tap_words *words = &replay->words;
    reading_unpack(words, reading);
    if (trace_replay_rate(replay) > 0)
        reading->scale.ns_per_tick = trace_replay_rate(replay);
    reading_take_model(&replay->model, reading);
    reading->events_read -= replay->events_baseline;
    reading->gaps -= replay->gaps_baseline;
    reading->counter = replay->now;
    reading->recording = replay->on && !words->ended;
    if (replay->now > words->counter && words->counter && reading->recording)
        reading->on_ticks += replay->now - words->counter;
    reading->start = replay->reset ? replay->reset : replay->model.first_counter;
    if (!reading->start)
        reading->start = replay->now;
    reading->lost += replay->holes;
    if (replay->uncorrected)
        reading->corrected = false;
    if (replay->schedstat && reading->wait_source == WAIT_NONE)
        reading->wait_source = WAIT_SCHEDSTAT;
}

static void drop_seconds(struct moment *moment)
{
    for (uint32_t i = 0; i < moment->second_count; i++)
        window_second_done(&moment->seconds[i]);
    free(moment->seconds);
    moment->seconds = NULL;
    moment->second_count = 0;
}

static int fill(struct trace_replay *replay, int window_s, enum snapshot_clock clock, bool detailed,
                struct reading *reading, struct snapshot *snapshot)
{
    struct moment *moment = &replay->scratch;
    struct moment_room room = moment_room_of(&replay->model);
    if (moment_prepare(moment, &room) || take_processes(replay, reading))
        return -1;
    take_reading(replay, reading);
    int seconds = reading_past_seconds(&replay->model, &reading->scale, reading->counter, window_s);
    reading_take_window(&replay->model, seconds, reading);
    moment->clock = clock;
    int result = moment_take(moment, &replay->model, reading->counter, seconds);
    if (result == 0 && detailed)
        result = moment_take_detail(moment, &replay->model);
    if (result == 0)
        result = reading_build(reading, moment, &replay->model.symbols, window_s, clock, detailed,
                               snapshot);
    drop_seconds(moment);
    return result;
}

struct snapshot *trace_replay_snapshot(struct trace_replay *replay, int window_s,
                                       enum snapshot_clock clock, bool detailed)
{
    struct reading *reading = calloc(1, sizeof(*reading));
    struct snapshot *snapshot = snapshot_new();
    int result = -1;
    if (reading && snapshot && replay->begun)
        trace_replay_apply_io(replay, UINT64_MAX);
    if (reading && snapshot && replay->begun)
        result = fill(replay, window_s, clock, detailed, reading, snapshot);
    if (reading)
        free(reading->processes);
    free(reading);
    if (result == 0)
        return snapshot;
    snapshot_free(snapshot);
    return NULL;
}
