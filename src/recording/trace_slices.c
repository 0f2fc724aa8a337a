/* SPDX-License-Identifier: MIT */
/* A mirror of each thread's stack, and what changes in it.
 * Why: see trace_slices.h.
 * Rules: a call's event changes the top alone: a push is new on top, a pop takes off. Anything else may have
 * changed all, and is compared entry by entry. */
#include "recording/trace_slices.h"

#include "recording/trace_predict.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* While it is queued a task's number is below this bit, its slot above. */
enum { TASK_SHIFT = 44 };

struct shown {
    uint64_t key;
    uint32_t symbol;
    bool told; /* its begin */
    uint64_t task;
};

struct line {
    struct shown *open; /* [0] is none */
    uint32_t depth, limit;
    uint32_t pid, tid;
    int64_t at_ns;
    bool wanted, introduced;
    char name[TRACK_NAME_SIZE];
};

struct trace_slices {
    struct slices slices; /* first */
    struct trace_player *player;
    struct trace_slices_query query;
    struct line **lines;          /* by track's number */
    uint32_t line_limit, closing; /* at the end: the next line to close */
    struct slice *queue;
    size_t first, count, limit;
    struct slice_function function;
    char task[ASYNC_NAME_BYTES + 1];
    bool over;
};

static int64_t ns_of(const struct trace_slices *slices, uint64_t counter)
{
    const struct trace_replay *replay = trace_player_replay(slices->player);
    int64_t ticks = (int64_t)(counter - trace_replay_start(replay));
    return ticks > 0 ? (int64_t)((double)ticks * trace_replay_rate(replay)) : 0;
}

static struct slice *add(struct trace_slices *slices)
{
    if (slices->count == slices->limit) {
        size_t limit = slices->limit ? slices->limit * 2 : 1024;
        struct slice *queue = realloc(slices->queue, limit * sizeof(*queue));
        if (!queue)
            return NULL;
        slices->queue = queue;
        slices->limit = limit;
    }
    return &slices->queue[slices->count++];
}

/* --- threads -------------------------------------------------------------------------------- */

static bool is_wanted(const struct trace_slices *slices, const struct track *track)
{
    const struct trace_slices_query *query = &slices->query;
    char number[16];
    snprintf(number, sizeof(number), "%u", track->tid);
    if (query->pid && query->pid != track->process->pid)
        return false;
    return !query->thread || strcmp(query->thread, number) == 0 ||
           strcmp(query->thread, track->name) == 0;
}

static struct line *find_line(struct trace_slices *slices, const struct track *track)
{
    if (track->number >= slices->line_limit) {
        uint32_t limit = track->number * 2 + 16;
        struct line **lines = realloc(slices->lines, limit * sizeof(struct line *));
        if (!lines)
            return NULL;
        memset(lines + slices->line_limit, 0, (limit - slices->line_limit) * sizeof(struct line *));
        slices->lines = lines;
        slices->line_limit = limit;
    }
    struct line *line = slices->lines[track->number];
    if (!line) {
        line = slices->lines[track->number] = calloc(1, sizeof(*line));
        if (!line)
            return NULL;
        line->pid = track->process->pid;
        line->tid = track->tid;
    }
    return line;
}

/* Told when its first slice is, and when it has another name. */
static int introduce(struct trace_slices *slices, struct line *line, const struct track *track)
{
    if (line->introduced && strcmp(line->name, track->name) == 0)
        return 0;
    struct slice *slice = add(slices);
    if (!slice)
        return -ENOMEM;
    line->introduced = true;
    memcpy(line->name, track->name, sizeof(line->name));
    *slice = (struct slice){.kind = SLICE_THREAD,
                            .thread = track->number,
                            .pid = line->pid,
                            .tid = line->tid,
                            .name = line->name,
                            .command = track->process->command};
    return 0;
}

/* --- moving --------------------------------------------------------------------------------- */

static int end_one(struct trace_slices *slices, struct line *line, uint32_t number, int64_t at_ns)
{
    const struct shown *shown = &line->open[line->depth--];
    if (!shown->told)
        return 0;
    const struct symbols *symbols =
        &trace_replay_model(trace_player_replay(slices->player))->symbols;
    struct slice *slice = add(slices);
    if (!slice)
        return -ENOMEM;
    *slice = (struct slice){.kind = SLICE_END,
                            .thread = number,
                            .pid = line->pid,
                            .tid = line->tid,
                            .at_ns = at_ns - slices->query.from_ns,
                            .function = symbols->symbols[shown->symbol].row,
                            .task = shown->task};
    return 0;
}

static int begin_one(struct trace_slices *slices, struct line *line, const struct track *track,
                     uint32_t depth, bool is_open, int64_t at_ns)
{
    const struct model *model = trace_replay_model(trace_player_replay(slices->player));
    struct shown *shown = &line->open[depth];
    const struct entry *entry = &track->entries[depth];
    int result = introduce(slices, line, track);
    struct slice *slice = result ? NULL : add(slices);
    if (!slice)
        return -ENOMEM;
    *slice = (struct slice){.kind = SLICE_BEGIN,
                            .thread = track->number,
                            .pid = line->pid,
                            .tid = line->tid,
                            .at_ns = at_ns - slices->query.from_ns,
                            .function = model->symbols.symbols[shown->symbol].row};
    if (is_open && entry->task && entry->key == model->tasks.tasks[entry->task].frame)
        shown->task = model->tasks.tasks[entry->task].id;
    slice->task = shown->task | (shown->task ? (uint64_t)entry->task << TASK_SHIFT : 0);
    return 0;
}

static int grow(struct line *line, uint32_t depth)
{
    if (depth < line->limit)
        return 0;
    uint32_t limit = depth * 2 + 64;
    struct shown *open = realloc(line->open, limit * sizeof(*open));
    if (!open)
        return -ENOMEM;
    line->open = open;
    line->limit = limit;
    return 0;
}

static uint32_t same_depth(const struct line *line, const struct track *track,
                           const struct event *event)
{
    uint32_t keep = line->depth < track->depth ? line->depth : track->depth;
    uint32_t kind = event ? event_kind(event) : EVENT_NONE;
    if (predict_is_pop(kind))
        return keep;
    if (predict_is_push(kind)) {
        uint64_t key = event->frame | (kind == EVENT_C_CALL ? TRACK_C_CALL : 0);
        bool is_top = track->depth && track->entries[track->depth].key == key;
        return is_top && keep >= track->depth ? track->depth - 1 : keep;
    }
    if (kind >= EVENT_TASK && kind <= EVENT_TASK_MADE)
        return keep;
    uint32_t same = 0;
    while (same < keep && line->open[same + 1].key == track->entries[same + 1].key &&
           line->open[same + 1].symbol == track->entries[same + 1].symbol)
        same++;
    return same;
}

static int show(struct trace_slices *slices, struct line *line, const struct track *track,
                uint32_t keep, int64_t at_ns)
{
    int result = grow(line, track->depth);
    bool told = at_ns >= slices->query.from_ns && line->wanted;
    while (result == 0 && line->depth > keep)
        result = end_one(slices, line, track->number, at_ns);
    for (uint32_t i = keep + 1; result == 0 && i <= track->depth; i++) {
        const struct entry *entry = &track->entries[i];
        line->open[i] = (struct shown){entry->key, entry->symbol, told, 0};
        line->depth = i;
        if (told)
            result = begin_one(slices, line, track, i, true, at_ns);
    }
    return result;
}

/* What began before the slice of time is open in it from its beginning on. */
static int tell_open(struct trace_slices *slices, struct line *line, const struct track *track,
                     uint32_t keep)
{
    int result = 0;
    for (uint32_t i = 1; i <= line->depth && result == 0; i++) {
        if (line->open[i].told)
            continue;
        line->open[i].told = true;
        result = begin_one(slices, line, track, i, i <= keep, slices->query.from_ns);
    }
    return result;
}

static int moved(void *context, const struct track *track, const struct event *event,
                 uint64_t counter)
{
    struct trace_slices *slices = context;
    struct line *line = find_line(slices, track);
    if (!line)
        return -ENOMEM;
    int64_t at_ns = ns_of(slices, counter), to_ns = slices->query.to_ns;
    if (to_ns && at_ns > to_ns)
        return 0; /* it stands still, and is closed at the end */
    at_ns = at_ns > line->at_ns ? at_ns : line->at_ns;
    line->at_ns = at_ns;
    line->wanted = is_wanted(slices, track);
    uint32_t keep = same_depth(line, track, event);
    if (slices->query.from_ns && line->wanted && at_ns >= slices->query.from_ns && line->depth &&
        !line->open[1].told) {
        int result = tell_open(slices, line, track, keep);
        if (result)
            return result;
    }
    return show(slices, line, track, keep, at_ns);
}

/* --- handing over --------------------------------------------------------------------------- */

static int close_lines(struct trace_slices *slices)
{
    const struct trace_replay *replay = trace_player_replay(slices->player);
    int64_t end_ns = slices->query.to_ns ? slices->query.to_ns
                                         : ns_of(slices, trace_replay_now(replay));
    for (; slices->closing < slices->line_limit; slices->closing++) {
        struct line *line = slices->lines[slices->closing];
        int64_t at_ns = line && line->at_ns > end_ns ? line->at_ns : end_ns;
        while (line && line->depth)
            if (end_one(slices, line, slices->closing, at_ns))
                return -ENOMEM;
    }
    return 0;
}

static int play(struct trace_slices *slices)
{
    int result = trace_player_step(slices->player);
    int64_t to_ns = slices->query.to_ns;
    bool beyond = to_ns && trace_player_now_ns(slices->player) > to_ns + to_ns / 8 + 1000000000;
    if (result < 0)
        return result;
    if (result == 1 && !beyond)
        return 0;
    slices->over = true;
    return close_lines(slices);
}

/* A slot may have another task by then: within one batch of events, that is. */
static void keep_strings(struct trace_slices *slices, struct slice *slice)
{
    const struct async_tasks *tasks =
        &trace_replay_model(trace_player_replay(slices->player))->tasks;
    uint32_t slot = (uint32_t)(slice->task >> TASK_SHIFT);
    if (slice->kind != SLICE_BEGIN || !slice->task)
        return;
    slice->task &= (UINT64_C(1) << TASK_SHIFT) - 1;
    slices->task[0] = '\0';
    if (tasks->tasks[slot].id == slice->task) {
        memcpy(slices->task, tasks->tasks[slot].name, tasks->tasks[slot].name_size);
        slices->task[tasks->tasks[slot].name_size] = '\0';
    }
    slice->name = slices->task;
}

static int next(struct slices *base, struct slice *ret_slice)
{
    struct trace_slices *slices = (struct trace_slices *)base;
    while (slices->first == slices->count) {
        slices->first = slices->count = 0;
        if (slices->over)
            return 0;
        int result = play(slices);
        if (result < 0)
            return result;
    }
    *ret_slice = slices->queue[slices->first++];
    keep_strings(slices, ret_slice);
    return 1;
}

static const struct slice_function *function(struct slices *base, uint32_t number)
{
    struct trace_slices *slices = (struct trace_slices *)base;
    const struct symbols *symbols =
        &trace_replay_model(trace_player_replay(slices->player))->symbols;
    const struct symbol *symbol =
        &symbols->symbols[number < symbols->count ? number : SYMBOL_OTHER];
    slices->function = (struct slice_function){.name = symbol->name,
                                               .qualname = symbol->qualname,
                                               .module = symbol->module,
                                               .file = symbol->file,
                                               .line = symbol->line,
                                               .kind = symbol->kind};
    return &slices->function;
}

struct slices *trace_slices_new(struct trace_player *player, const struct trace_slices_query *query)
{
    struct trace_slices *slices = calloc(1, sizeof(*slices));
    if (!slices)
        return NULL;
    struct trace_listener listener = {moved, slices};
    slices->slices = (struct slices){.next = next, .function = function};
    slices->query = *query;
    slices->player = player;
    trace_player_leave_uncorrected(player);
    trace_player_listen(player, &listener);
    return &slices->slices;
}

void trace_slices_set_meta(struct slices *slices, const struct snapshot_meta *meta)
{
    slices->meta = meta;
}

void trace_slices_free(struct slices *base)
{
    struct trace_slices *slices = (struct trace_slices *)base;
    if (!slices)
        return;
    for (uint32_t i = 0; i < slices->line_limit; i++) {
        if (slices->lines[i])
            free(slices->lines[i]->open);
        free(slices->lines[i]);
    }
    free(slices->lines);
    free(slices->queue);
    trace_player_free(slices->player);
    free(slices);
}
