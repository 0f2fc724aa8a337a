/* SPDX-License-Identifier: MIT */
/* Chunks, blocks, records, steps.
 * Why: see trace_player.h.
 * Rules: as there. */
#include "recording/trace_player.h"

#include "model/timeline_make.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_NS = 200 * 1000 * 1000 }; /* in which all that was written before a moment was read */

struct trace_player {
    struct trace_source *source;
    struct trace_codec *codec;
    struct trace_replay *replay;
    struct trace_listener listener;
    bool uncorrected, summed, keeps, ended;
    const uint64_t *only; /* NULL: all threads */
    size_t only_count;
    struct tap_words end; /* as the last chunk has them */
    int result;
    int64_t mark_ns; /* 0: none */
    const void *block;
    size_t size, at;
};

static int begin(struct trace_player *player)
{
    player->replay = trace_replay_new();
    if (!player->replay)
        return -ENOMEM;
    trace_replay_set_end(player->replay, &player->end);
    if (player->listener.moved)
        trace_replay_listen(player->replay, &player->listener);
    if (player->uncorrected)
        trace_replay_leave_uncorrected(player->replay);
    if (player->summed)
        trace_replay_sum_processes(player->replay);
    if (player->keeps)
        trace_replay_keep(player->replay);
    trace_replay_only(player->replay, player->only, player->only_count);
    player->block = NULL;
    player->size = player->at = 0;
    player->ended = false;
    player->result = 0;
    return 0;
}

/* The rate of the counter is known best at the end, and all times are of one rate. */
static int find_end(struct trace_player *player, struct trace_source *source)
{
    const void *bytes, *block;
    size_t size, at = 0;
    const struct trace_record *record;
    int result = source->last(source, &bytes, &size);
    if (result <= 0 || trace_codec_unpack(player->codec, bytes, size, &block, &size))
        return result == -ENOMEM ? result
                                 : 0; /* what is damaged is met, and told, when it is played */
    for (; (record = trace_record_at(block, size, at)); at += trace_record_bytes(record))
        if (record->op == TAP_WORDS)
            memcpy(&player->end, record + 1,
                   record->size < sizeof(player->end) ? record->size : sizeof(player->end));
    return 0;
}

struct trace_player *trace_player_new(struct trace_source *source)
{
    struct trace_player *player = calloc(1, sizeof(*player));
    if (!player)
        return NULL;
    player->codec = trace_codec_new();
    if (!player->codec || find_end(player, source) || begin(player) || source->rewind(source)) {
        trace_player_free(player);
        return NULL;
    }
    player->source = source;
    return player;
}

void trace_player_free(struct trace_player *player)
{
    if (!player)
        return;
    trace_replay_free(player->replay);
    trace_codec_free(player->codec);
    if (player->source)
        player->source->close(player->source);
    free(player);
}

void trace_player_listen(struct trace_player *player, const struct trace_listener *listener)
{
    player->listener = *listener;
    trace_replay_listen(player->replay, listener);
}

void trace_player_leave_uncorrected(struct trace_player *player)
{
    player->uncorrected = true;
    trace_replay_leave_uncorrected(player->replay);
}

void trace_player_sum_processes(struct trace_player *player)
{
    player->summed = true;
    trace_replay_sum_processes(player->replay);
}

void trace_player_keep(struct trace_player *player)
{
    player->keeps = true;
    trace_replay_keep(player->replay);
}

struct timeline *trace_player_timeline(const struct trace_player *player,
                                       const struct timeline_query *query)
{
    struct timeline_source source = {.model = trace_replay_model(player->replay),
                                     .start = trace_replay_start(player->replay),
                                     .now = trace_replay_now(player->replay),
                                     .ns_per_tick = trace_replay_rate(player->replay)};
    if (!source.start || source.ns_per_tick <= 0)
        return NULL;
    struct timeline_maker *maker = timeline_begin(&source, query);
    while (maker && timeline_step(maker))
        ;
    return timeline_finish(maker);
}

int trace_player_rewind(struct trace_player *player)
{
    trace_replay_free(player->replay);
    player->replay = NULL;
    int result = begin(player);
    return result ? result : player->source->rewind(player->source);
}

/* 1; 0: there is none; negative errno. */
static int next_block(struct trace_player *player)
{
    const void *bytes;
    size_t size;
    int result = player->source->next(player->source, &bytes, &size);
    if (result <= 0)
        return result;
    result = trace_codec_unpack(player->codec, bytes, size, &player->block, &player->size);
    player->at = 0;
    return result ? result : 1;
}

/* The counter of a moment is known once the first event has been met. */
static void set_mark(struct trace_player *player)
{
    double rate = trace_replay_rate(player->replay);
    uint64_t start = trace_replay_start(player->replay);
    if (player->mark_ns <= 0 || !start || rate <= 0)
        return;
    trace_replay_mark_at(player->replay, start + (uint64_t)((double)player->mark_ns / rate));
    player->mark_ns = 0;
}

int trace_player_step(struct trace_player *player)
{
    if (player->ended)
        return player->result;
    int result = 1;
    set_mark(player);
    while (result == 1 && player->at >= player->size)
        result = next_block(player);
    if (result == 1) {
        const struct trace_record *record =
            trace_record_at(player->block, player->size, player->at);
        int stepped = record ? trace_replay_step(player->replay, record) : -EBADMSG;
        player->at += record ? trace_record_bytes(record) : 0;
        result = stepped ? stepped : 1;
    }
    player->ended = result <= 0;
    player->result = result < 0 ? result : 0;
    return result;
}

int64_t trace_player_now_ns(const struct trace_player *player)
{
    uint64_t start = trace_replay_start(player->replay), now = trace_replay_now(player->replay);
    if (!start || now < start)
        return 0;
    return (int64_t)((double)(now - start) * trace_replay_rate(player->replay));
}

int trace_player_run(struct trace_player *player, int64_t until_ns)
{
    int result = 1;
    while (result == 1 && trace_player_now_ns(player) < until_ns)
        result = trace_player_step(player);
    return result;
}

int trace_player_run_to(struct trace_player *player, int64_t at_ns)
{
    struct trace_replay *replay = player->replay;
    int result = 1;
    /* Until the first event has been met nobody knows what counter the moment has. */
    while (result == 1 && (!trace_replay_start(replay) || trace_replay_rate(replay) <= 0))
        result = trace_player_step(player);
    if (result < 0)
        return result;
    double ticks = (double)at_ns / trace_replay_rate(replay);
    trace_replay_stop_at(replay, trace_replay_start(replay) + (uint64_t)ticks);
    if (result == 1)
        result = trace_player_run(player, at_ns + SETTLE_NS);
    trace_replay_settle(replay);
    return result < 0 ? result : 0;
}

void trace_player_only(struct trace_player *player, const uint64_t *threads, size_t count)
{
    player->only = threads;
    player->only_count = count;
    trace_replay_only(player->replay, threads, count);
}

void trace_player_mark(struct trace_player *player, int64_t at_ns)
{
    player->mark_ns = at_ns;
}

struct trace_replay *trace_player_replay(const struct trace_player *player)
{
    return player->replay;
}
