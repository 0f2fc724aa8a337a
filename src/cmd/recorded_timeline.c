/* SPDX-License-Identifier: MIT */
/* Playing to a moment, and naming functions as the recording does.
 * Why: see recorded_timeline.h.
 * Rules: as there. */
#include "cmd/recorded_timeline.h"

#include "model/fold.h"
#include "recording/trace_player.h"
#include "recording/trace_table.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN_NS \
    INT64_C(50000000) /* nearer than that to what is looked at, playing again brings nothing */

struct recorded_timeline {
    struct trace_player *player;
    struct snapshot *snapshot; /* whose ids are told */
    uint32_t *ids;             /* by the replay's symbol; UINT32_MAX: not looked up yet */
    bool ended;                /* played to its end */
};

struct recorded_timeline *recorded_timeline_open(struct recorded *recorded)
{
    struct recording_query all = {.clock = recorded->query.clock};
    struct recorded_timeline *timeline = calloc(1, sizeof(*timeline));
    struct trace_source *source;
    if (!timeline || trace_table_open(recorded->recording, &source)) {
        free(timeline);
        return NULL;
    }
    timeline->player = trace_player_new(source);
    if (!timeline->player)
        source->close(source);
    timeline->snapshot = recording_snapshot(recorded->recording, &all);
    timeline->ids = malloc(SYMBOLS_LIMIT * sizeof(*timeline->ids));
    if (!timeline->player || !timeline->snapshot || !timeline->ids) {
        recorded_timeline_close(timeline);
        return NULL;
    }
    memset(timeline->ids, 0xff, SYMBOLS_LIMIT * sizeof(*timeline->ids));
    trace_player_sum_processes(timeline->player);
    trace_player_keep(timeline->player);
    return timeline;
}

void recorded_timeline_close(struct recorded_timeline *timeline)
{
    if (!timeline)
        return;
    trace_player_free(timeline->player);
    snapshot_free(timeline->snapshot);
    free(timeline->ids);
    free(timeline);
}

/* --- names ---------------------------------------------------------------------------------- */

static bool same_text(const char *one, const char *other)
{
    return one == other || (one && other && strcmp(one, other) == 0);
}

static bool is_same(const struct symbol *symbol, const struct snapshot_function *function)
{
    const char *qualname = symbol->qualname ? symbol->qualname : symbol->name;
    return function->line == symbol->line && same_text(function->qualname, qualname) &&
           same_text(function->name, symbol->name) && same_text(function->module, symbol->module);
}

/* The recording's id of a symbol; 0: it knows none. */
static uint32_t id_of(struct recorded_timeline *timeline, uint32_t symbol)
{
    const struct symbols *symbols =
        &trace_replay_model(trace_player_replay(timeline->player))->symbols;
    if (symbol >= symbols->count)
        return 0;
    if (timeline->ids[symbol] != UINT32_MAX)
        return timeline->ids[symbol];
    timeline->ids[symbol] = 0;
    for (size_t i = 0; i < timeline->snapshot->function_count; i++) {
        const struct snapshot_function *function = &timeline->snapshot->functions[i];
        if (!is_same(&symbols->symbols[symbol], function))
            continue;
        timeline->ids[symbol] = function->id;
        break;
    }
    return timeline->ids[symbol];
}

static uint32_t symbol_of(struct recorded_timeline *timeline, uint32_t id)
{
    const struct symbols *symbols =
        &trace_replay_model(trace_player_replay(timeline->player))->symbols;
    for (uint32_t i = SYMBOL_FIRST; i < symbols->count; i++)
        if (symbols->symbols[i].row == i && id_of(timeline, i) == id)
            return i;
    return 0;
}

static void rename_all(struct recorded_timeline *timeline, struct timeline *made)
{
    for (size_t i = 0; i < made->slice_count; i++)
        if (made->slices[i].kind == TIMELINE_CALL)
            made->slices[i].function = id_of(timeline, made->slices[i].function);
    for (size_t i = 0; i < made->slowest_count; i++)
        for (size_t j = 0; j < made->slowest[i].stack_size; j++)
            made->slowest[i].stack[j] = id_of(timeline, made->slowest[i].stack[j]);
}

/* --- time ----------------------------------------------------------------------------------- */

/* Damage ends the playing; what was played stays shown. */
static void play_to(struct recorded_timeline *timeline, int64_t until_ns)
{
    if (!timeline->ended)
        timeline->ended = trace_player_run(timeline->player, until_ns) != 1;
}

/* Something that would be drawn was kept once, and has been overwritten since. */
static bool lacks(const struct timeline *made, const struct timeline_query *query)
{
    int64_t column_ns = (query->to_ns - query->from_ns) / (query->columns ? query->columns : 1000);
    for (int i = 0; i + 1 < TIMELINE_CLASSES; i++)
        if (made->details[i].from_ns > query->from_ns &&
            (made->details[i + 1].least_ns > column_ns || i == 0))
            return true;
    return false;
}

struct timeline *recorded_timeline_make(struct recorded_timeline *timeline,
                                        const struct timeline_query *query)
{
    struct timeline_query own = *query;
    bool is_part = query->to_ns > query->from_ns;
    play_to(timeline, is_part ? query->to_ns + AGAIN_NS : INT64_MAX);
    own.function = query->function ? symbol_of(timeline, query->function) : 0;
    struct timeline *made = trace_player_timeline(timeline->player, &own);
    int64_t beyond_ns = trace_player_now_ns(timeline->player) - query->to_ns;
    if (made && is_part && beyond_ns > AGAIN_NS && lacks(made, query) &&
        trace_player_rewind(timeline->player) == 0) {
        timeline->ended = false;
        memset(timeline->ids, 0xff, SYMBOLS_LIMIT * sizeof(*timeline->ids));
        timeline_free(made);
        play_to(timeline, query->to_ns + AGAIN_NS);
        made = trace_player_timeline(timeline->player, &own);
    }
    if (made)
        rename_all(timeline, made);
    return made;
}
