/* SPDX-License-Identifier: MIT */
/* Steps, one by one.
 * Why: see trace_replay.h.
 * Rules: each function here is one op of tap.h; the names are its. */
#include "recording/trace_replay_parts.h"

#include "model/io_apply.h"
#include "model/resite.h"
#include "model/schedstat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    TRACKS_MOST = 1 << 14, /* alive at once */
    PROCESSES_MOST = 1 << 10,
    ORDERS_MOST = 1 << 12,
    NODES_MOST = 1 << 22,
};

/* --- definitions ---------------------------------------------------------------------------- */

static int define(void *context, uint32_t id, char *buffer, struct definition_text *ret_text)
{
    const struct trace_replay *replay = context;
    (void)buffer;
    if (replay->defined_id != id)
        return -ENOENT;
    *ret_text = replay->defined;
    return 0;
}

/* The next string, or NULL: it does not end. */
static const char *next_text(const char **at, const char *end, uint16_t *ret_size)
{
    const char *text = *at, *zero = memchr(text, 0, (size_t)(end - text));
    if (!zero || zero - text > DEFINITION_STRING_LIMIT)
        return NULL;
    *ret_size = (uint16_t)(zero - text);
    *at = zero + 1;
    return text;
}

static int step_define(struct trace_replay *replay, const struct trace_record *record)
{
    struct tap_definition fixed = {0};
    const char *at = (const char *)(record + 1), *end = at + record->size;
    struct definition_text *text = &replay->defined;
    if (record->subject == 0 || record->subject >= SESSION_ID_LIMIT)
        return -EBADMSG;
    if (record->value == 0) {
        if (record->size < sizeof(fixed))
            return -EBADMSG;
        memcpy(&fixed, at, sizeof(fixed));
        at += sizeof(fixed);
        *text = (struct definition_text){.fixed = {.id = record->subject,
                                                   .line = fixed.line,
                                                   .kind = fixed.kind,
                                                   .flags = fixed.flags}};
        if (!(text->name = next_text(&at, end, &text->fixed.name_size)) ||
            !(text->qualname = next_text(&at, end, &text->fixed.qualname_size)) ||
            !(text->module = next_text(&at, end, &text->fixed.module_size)) ||
            !(text->file = next_text(&at, end, &text->fixed.file_size)))
            return -EBADMSG;
        replay->defined_id = record->subject;
    }
    if (fixed.kind == DEFINITION_TYPE)
        births_meet_type(&replay->model, record->subject);
    else
        symbols_handle(&replay->model.symbols, record->subject);
    replay->defined_id = 0;
    return 0;
}

/* The patterns' texts are the block's, which goes: they are kept with the sites. */
static int step_sites(struct trace_replay *replay, const struct trace_record *record)
{
    char error[SITES_ERROR_SIZE];
    struct sites *sites = calloc(1, sizeof(*sites) + record->size + 1);
    if (!sites)
        return -ENOMEM;
    char *at = (char *)(sites + 1), *end = at + record->size;
    memcpy(at, record + 1, record->size);
    if (record->size == 0 || end[-1]) {
        free(sites);
        return -EBADMSG;
    }
    strncpy(sites->stdlib, at, sizeof(sites->stdlib) - 1);
    for (int i = 0; i < 3 && at < end; at += strlen(at) + 1, i++) {
        if (i == 1)
            strncpy(sites->directory, at, sizeof(sites->directory) - 1);
        else if (i == 2)
            sites->main_module = *at ? at : NULL;
    }
    for (; at < end; at += strlen(at) + 1)
        if (*at == '=')
            sites_add_lines(sites, at + 1, error);
        else if (*at)
            sites_add(sites, at + 1, *at == '-', error);
    /* Of the ones before, texts may be in nobody's hands but the model's. */
    free(replay->sites);
    replay->sites = replay->model.symbols.sites = sites;
    return 0;
}

static int step_resite(struct trace_replay *replay, const struct trace_record *record)
{
    struct model *model = &replay->model;
    if (record->subject == TAP_RESITE_ROWS)
        resite_rows(model);
    else if (record->subject == TAP_RESITE_IDS)
        resite_ids(model);
    else if (record->subject == TAP_RESITE_STACKS)
        resite_stacks(model);
    else if (record->subject == TAP_RESITE_JOIN)
        resite_join(model);
    else
        return -EBADMSG;
    return 0;
}

/* --- processes ------------------------------------------------------------------------------ */

static struct process *find_process(struct trace_replay *replay, uint32_t number)
{
    if (number == 0)
        return &replay->model.first;
    for (uint32_t i = 0; i < replay->process_count; i++)
        if (replay->processes[i]->number == number && !replay->processes[i]->gone)
            return &replay->processes[i]->process;
    return NULL;
}

static void enter(struct trace_replay *replay)
{
    model_enter(&replay->model, replay->present);
}

static int step_process(struct trace_replay *replay, const struct trace_record *record)
{
    struct tap_process fixed;
    if (record->size < sizeof(fixed) || find_process(replay, record->subject) ||
        replay->living >= PROCESSES_MOST)
        return -EBADMSG;
    struct replay_process **grown =
        realloc(replay->processes,
                (replay->process_count + 1) * sizeof(struct replay_process *)); /* rare enough */
    struct replay_process *added = calloc(1, sizeof(*added));
    if (grown)
        replay->processes = grown;
    if (!grown || !added || model_init_process(&added->process)) {
        free(added);
        return -ENOMEM;
    }
    memcpy(&fixed, record + 1, sizeof(fixed));
    size_t size = record->size - sizeof(fixed), most = sizeof(added->process.command) - 1;
    memcpy(added->process.command, (const char *)(record + 1) + sizeof(fixed),
           size < most ? size : most);
    added->process.pid = fixed.pid;
    added->process.parent_pid = fixed.parent_pid;
    added->process.number = added->number = record->subject;
    added->is_row = replay->rows < REPLAY_PROCESS_ROWS;
    replay->rows += added->is_row;
    replay->living++;
    grown[replay->process_count++] = added;
    model_enter(&replay->model, &added->process);
    enter(replay);
    return 0;
}

static int step_enter(struct trace_replay *replay, const struct trace_record *record)
{
    struct process *process = find_process(replay, record->subject);
    if (!process)
        return -EBADMSG;
    if (record->subject == 0)
        process->pid = (uint32_t)record->value;
    replay->present = process;
    enter(replay);
    return 0;
}

/* One that is no row of its own is summed with others like it, and forgotten. */
static void fold_process(struct trace_replay *replay, uint32_t at)
{
    struct replay_process *gone = replay->processes[at];
    gone->gone = true;
    replay->living--;
    if (gone->is_row)
        return;
    replay->rest.ended_calls += gone->process.ended_calls;
    replay->rest.ended_lost += gone->process.ended_lost;
    replay->folded++;
    free(gone);
    replay->processes[at] = replay->processes[--replay->process_count];
}

static int step_process_end(struct trace_replay *replay, const struct trace_record *record)
{
    struct process *process = record->subject ? find_process(replay, record->subject) : NULL;
    if (!process)
        return -EBADMSG;
    for (const struct track *track = replay->model.tracks; track; track = track->next)
        if (track->process == process)
            return -EBADMSG;
    if (replay->present == process)
        replay->present = &replay->model.first;
    model_enter(&replay->model, process); /* what model_end_process leaves is then the first's */
    model_end_process(&replay->model, process);
    enter(replay);
    for (uint32_t i = 0; i < replay->process_count; i++) {
        if (&replay->processes[i]->process == process) {
            fold_process(replay, i);
            break;
        }
    }
    return 0;
}

/* --- tracks --------------------------------------------------------------------------------- */

static struct track *find_track(struct trace_replay *replay, uint32_t number)
{
    struct track **cached = &replay->cache[number % REPLAY_CACHE];
    struct track *track = *cached;
    if (track && track->number == number)
        return track;
    for (track = replay->model.tracks; track && track->number != number;)
        track = track->next;
    if (track)
        *cached = track;
    return track;
}

static int step_track(struct trace_replay *replay, const struct trace_record *record)
{
    if (replay->track_count >= TRACKS_MOST || record->subject != replay->model.numbered + 1)
        return -EBADMSG;
    struct track *track = model_add_track(&replay->model, (uint32_t)record->value);
    if (!track)
        return -ENOMEM;
    replay->track_count++;
    return 0;
}

static void set_words(struct track *track, const struct trace_record *record)
{
    struct tap_track_words words;
    if (record->size < sizeof(words))
        return;
    memcpy(&words, record + 1, sizeof(words));
    size_t size = record->size - sizeof(words), most = sizeof(track->name) - 1;
    size = size < most ? size : most;
    memcpy(track->name, (const char *)(record + 1) + sizeof(words), size);
    track->name[size] = '\0';
    track->tid = (uint32_t)record->value;
    track->lost = words.lost + track->told_lost; /* ... and what the trace itself does not have */
    track->nested = words.nested;
}

static int tell_end(struct trace_replay *replay, struct track *track, uint64_t counter)
{
    const struct trace_listener *listener = &replay->listener;
    return listener->moved ? listener->moved(listener->context, track, NULL, counter) : 0;
}

static int end_track(struct trace_replay *replay, struct track *track)
{
    seed_obey(&replay->model, track, UINT64_MAX, UINT64_MAX);
    track_off(&replay->model, track, track->last);
    int result = tell_end(replay, track, track->last);
    replay->cache[track->number % REPLAY_CACHE] = NULL;
    model_end_track(&replay->model, track);
    replay->track_count--;
    return result;
}

static int add_order(struct trace_replay *replay, struct track *track,
                     const struct trace_record *record)
{
    struct order order = {.counter = record->value, .off = record->op == TAP_ORDER_OFF};
    struct tap_order told;
    if (record->size != sizeof(told) || track->order_count >= ORDERS_MOST)
        return -EBADMSG;
    memcpy(&told, record + 1, sizeof(told));
    order.round = told.round;
    order.bottom = (uint32_t)told.bottom;
    if (record->value > replay->stop) {
        replay->frame_count = 0;
        return 0;
    }
    if (!order.off) {
        order.frames = replay->frames ? replay->frames : malloc(1);
        order.frame_count = replay->frame_count;
        replay->frames = NULL;
        replay->frame_count = replay->frame_limit = 0;
        if (!order.frames)
            return -ENOMEM;
    }
    seed_add_order(track, &order);
    return 0;
}

static int step_frames(struct trace_replay *replay, const struct trace_record *record)
{
    const struct tap_frame *told = (const struct tap_frame *)(record + 1);
    uint32_t count = record->size / (uint32_t)sizeof(*told);
    if (record->size % sizeof(*told) || replay->frame_count + count > TRACK_ENTRIES_MAX)
        return -EBADMSG;
    if (replay->frame_count + count > replay->frame_limit) {
        uint32_t limit = (replay->frame_count + count) * 2;
        struct seed_frame *frames = realloc(replay->frames, limit * sizeof(*frames));
        if (!frames)
            return -ENOMEM;
        replay->frames = frames;
        replay->frame_limit = limit;
    }
    for (uint32_t i = 0; i < count; i++)
        replay->frames[replay->frame_count++] =
            (struct seed_frame){.frame = told[i].frame,
                                .symbol = symbols_handle(&replay->model.symbols, told[i].id) >> 1};
    return 0;
}

/* What a gap in a ring does, with a stack that is known. */
static int step_hole(struct trace_replay *replay, struct track *track,
                     const struct trace_record *record)
{
    uint64_t counter;
    if (record->size != sizeof(counter))
        return -EBADMSG;
    memcpy(&counter, record + 1, sizeof(counter));
    struct event gap = event_with_amount(counter, EVENT_GAP, record->value);
    struct seed_frame none = {0};
    fold_events(&replay->model, track, &gap, 1);
    struct order order = {.counter = counter,
                          .frames = replay->frames ? replay->frames : &none,
                          .frame_count = replay->frame_count};
    seed_apply(&replay->model, track, &order);
    replay->frame_count = 0;
    track->told_lost += record->value;
    track->lost += record->value;
    replay->holes += record->value;
    return tell_end(replay, track, counter);
}

static int fold_each(struct trace_replay *replay, struct track *track, const struct event *events,
                     uint64_t count)
{
    const struct trace_listener *listener = &replay->listener;
    int result = 0;
    for (uint64_t i = 0; i < count && result == 0; i++) {
        while (result == 0 && track->order_count && events[i].counter >= track->orders[0].counter) {
            uint64_t counter = track->orders[0].counter;
            seed_obey(&replay->model, track, counter, 0);
            result = tell_end(replay, track, counter);
        }
        fold_events(&replay->model, track, &events[i], 1);
        result = listener->moved(listener->context, track, &events[i], track->last);
    }
    return result;
}

/* Threads pass the mark one after the other: what one has before it, after another has passed, is kept out of the recent
 * extremes by putting those of before back. */
static int fold_around_mark(struct trace_replay *replay, struct track *track,
                            const struct event *events, uint64_t count)
{
    uint64_t before = 0;
    struct recent_extremes *kept = NULL;
    while (before < count && events[before].counter <= replay->mark)
        before++;
    if (before && replay->marked && !(kept = moment_keep_recent(&replay->model)))
        return -ENOMEM;
    fold_events(&replay->model, track, events, before);
    if (kept)
        moment_put_recent(&replay->model, kept);
    if (before == count)
        return 0;
    trace_replay_begin_recent(replay);
    fold_events(&replay->model, track, events + before, count - before);
    return 0;
}

static int step_events(struct trace_replay *replay, struct track *track,
                       const struct trace_record *record)
{
    const struct event *events = (const struct event *)(record + 1);
    uint64_t count = record->size / sizeof(*events);
    if (replay->stop != UINT64_MAX) {
        uint64_t before = 0;
        while (before < count && events[before].counter <= replay->stop)
            before++;
        count = before;
    }
    if (replay->listener.moved)
        return fold_each(replay, track, events, count);
    if (replay->mark)
        return fold_around_mark(replay, track, events, count);
    fold_events(&replay->model, track, events, count);
    return 0;
}

static int step_reading(struct trace_replay *replay, struct track *track,
                        const struct trace_record *record)
{
    struct tap_schedstat told;
    if (record->size != sizeof(told))
        return -EBADMSG;
    memcpy(&told, record + 1, sizeof(told));
    if (!(told.ticks_per_ns > 0 && told.ticks_per_ns < 1e6))
        return -EBADMSG;
    replay->schedstat = true;
    schedstat_apply(&replay->model, track, told.time_ns, told.running_ns, told.ticks_per_ns);
    return 0;
}

static bool is_played(const struct trace_replay *replay, const struct track *track)
{
    uint64_t thread = trace_thread_of(track->process->pid, track->tid);
    for (size_t i = 0; i < replay->only_count; i++)
        if (replay->only[i] == thread)
            return true;
    return !replay->only;
}

static int step_of_track(struct trace_replay *replay, const struct trace_record *record)
{
    struct track *track = find_track(replay, record->subject);
    struct model *model = &replay->model;
    if (!track)
        return -EBADMSG;
    if (record->op != TAP_TRACK_WORDS && record->op != TAP_TRACK_END && !is_played(replay, track))
        return 0;
    switch (record->op) {
    case TAP_EVENTS:
        return step_events(replay, track, record);
    case TAP_TRACK_WORDS:
        set_words(track, record);
        return 0;
    case TAP_TRACK_END:
        return end_track(replay, track);
    case TAP_TRACK_OFF:
        seed_obey(model, track, UINT64_MAX, UINT64_MAX);
        track_off(model, track, record->value < replay->stop ? record->value : replay->stop);
        return tell_end(replay, track, record->value);
    case TAP_WAIT_OUT:
        waits_out(&track->waits, record->value);
        track_set_hurdle(track);
        return 0;
    case TAP_WAIT_IN:
        kept_note(model, track, TIMELINE_OFF, waits_since(&track->waits), record->value, 0);
        waits_in(&track->waits, record->value);
        track_set_hurdle(track);
        return 0;
    case TAP_SCHEDSTAT:
        return replay->now > replay->stop ? 0 : step_reading(replay, track, record);
    case TAP_SEED:
    case TAP_ORDER_OFF:
        return add_order(replay, track, record);
    case TAP_OBEY:
        seed_obey(model, track, 0, record->value);
        return tell_end(replay, track, track->last);
    default: /* TAP_HOLE */
        return step_hole(replay, track, record);
    }
}

/* --- all ------------------------------------------------------------------------------------ */

static void set_watch(struct trace_replay *replay)
{
    replay->model.watch = replay->watch;
    if (replay->watch)
        replay->watch->ns_per_tick = trace_replay_rate(replay);
}

static int step_begin(struct trace_replay *replay, const struct trace_record *record)
{
    struct tap_begin begin;
    struct model *model = &replay->model;
    if (replay->begun || record->size < sizeof(begin))
        return -EBADMSG;
    memcpy(&begin, record + 1, sizeof(begin));
    struct model_options options = {.node_limit = begin.node_limit < NODES_MOST ? begin.node_limit
                                                                                : NODES_MOST,
                                    .define = define,
                                    .define_context = replay};
    if (model_init(model, &options))
        return -ENOMEM;
    if (replay->keeps && kept_start(model)) {
        model_done(model);
        return -ENOMEM;
    }
    replay->begun = true;
    replay->present = &model->first;
    model->by_process = begin.by_process && !replay->summed;
    model->by_thread = begin.by_thread;
    model->by_records = begin.by_records;
    model->gap_ticks = begin.gap_ticks < SCHEDSTAT_GAP_MOST ? begin.gap_ticks : UINT64_MAX;
    if (model->gap_ticks != UINT64_MAX)
        model->on_gap = schedstat_note_gap;
    windows_reset(&model->windows, &model->nodes, record->value, 0);
    replay->now = record->value;
    set_watch(replay);
    return 0;
}

static int step_words(struct trace_replay *replay, const struct trace_record *record)
{
    size_t size = record->size < sizeof(replay->words) ? record->size : sizeof(replay->words);
    memcpy(&replay->words, record + 1, size);
    if (replay->stop == UINT64_MAX)
        replay->model.bad_events = replay->words.bad_events;
    replay->now = record->value;
    set_watch(replay);
    return 0;
}

static int step_costs(struct trace_replay *replay, const struct trace_record *record)
{
    struct model_costs costs;
    if (record->size > sizeof(costs)) /* an older trace has less of it */
        return -EBADMSG;
    memset(&costs, 0, sizeof(costs));
    memcpy(&costs, record + 1, record->size);
    if (!replay->uncorrected)
        model_set_costs(&replay->model, &costs);
    return 0;
}

static void step_reset(struct trace_replay *replay, uint64_t counter)
{
    struct model *model = &replay->model;
    replay->reset = counter;
    replay->events_baseline = model->events_read;
    replay->gaps_baseline = model->gaps;
    model_reset(model, counter);
    for (uint32_t i = 0; i < replay->process_count; i++) {
        struct replay_process *process = replay->processes[i];
        process->process.ended_calls = process->process.ended_lost = 0;
        if (process->gone)
            continue;
        model_enter(model, &process->process);
        suspended_reset(&model->suspended);
    }
    enter(replay);
}

/* What brings time forward in all tracks: not beyond a stop. */
static int step_time(struct trace_replay *replay, const struct trace_record *record)
{
    struct model *model = &replay->model;
    uint64_t counter = record->value < replay->stop ? record->value : replay->stop;
    replay->now = record->value;
    if (record->op == TAP_FLUSH)
        model_flush(model, counter);
    else if (record->op == TAP_TICK)
        model_tick(model, counter);
    else
        step_reset(replay, counter);
    return 0;
}

void trace_replay_apply_io(struct trace_replay *replay, uint64_t counter)
{
    io_apply(&replay->model, &replay->model.first, counter);
    spans_apply(&replay->model, &replay->model.first, counter);
    for (uint32_t i = 0; i < replay->process_count; i++) {
        if (replay->processes[i]->gone)
            continue;
        io_apply(&replay->model, &replay->processes[i]->process, counter);
        spans_apply(&replay->model, &replay->processes[i]->process, counter);
    }
}

static int step_latest(struct trace_replay *replay, uint64_t counter)
{
    /* What a round has read came before it ended. */
    trace_replay_apply_io(replay, replay->now);
    replay->model.latest = counter;
    replay->now = counter - REPLAY_SLACK;
    births_round(&replay->model, replay->now);
    return 0;
}

static int step_of_model(struct trace_replay *replay, const struct trace_record *record)
{
    struct model *model = &replay->model;
    switch (record->op) {
    case TAP_SITES:
        return step_sites(replay, record);
    case TAP_PROCESS:
        return step_process(replay, record);
    case TAP_ENTER:
        return step_enter(replay, record);
    case TAP_PROCESS_END:
        return step_process_end(replay, record);
    case TAP_TRACK:
        return step_track(replay, record);
    case TAP_DEFINE:
        return step_define(replay, record);
    case TAP_FORGET:
        symbols_forget(&model->symbols, record->subject);
        births_forget(model, record->subject);
        return 0;
    case TAP_COSTS:
        return step_costs(replay, record);
    case TAP_LATEST:
        return step_latest(replay, record->value);
    case TAP_FLUSH:
    case TAP_TICK:
    case TAP_RESET:
        return step_time(replay, record);
    case TAP_SEED_FRAMES:
        return step_frames(replay, record);
    case TAP_WORDS:
        return step_words(replay, record);
    case TAP_RESITE:
        return step_resite(replay, record);
    default:
        return -EBADMSG;
    }
}

int trace_replay_step(struct trace_replay *replay, const struct trace_record *record)
{
    struct model *model = &replay->model;
    if (record->op == TAP_BEGIN)
        return step_begin(replay, record);
    if (!replay->begun) /* how a session begins is said again after BEGIN */
        return 0;
    switch (record->op) {
    case TAP_EARLIEST:
        model->earliest = record->value;
        return 0;
    case TAP_ABSORB:
        symbols_absorb(&model->symbols, symbols_handle(&model->symbols, record->subject) >> 1);
        return 0;
    case TAP_ON:
    case TAP_OFF:
        replay->on = record->op == TAP_ON;
        return 0;
    case TAP_FIRST:
        model->first_counter = record->value;
        return 0;
    case TAP_CONTROL:
        model->events_read += record->value;
        return 0;
    case TAP_MEMORY:
        memory_settle(&replay->model, record->value);
        return 0;
    case TAP_UNTOLD:
        model->pops_untold = true;
        return 0;
    case TAP_VARY:
        model_vary(model);
        return 0;
    case TAP_EVENTS:
    case TAP_TRACK_WORDS:
    case TAP_TRACK_END:
    case TAP_TRACK_OFF:
    case TAP_WAIT_OUT:
    case TAP_WAIT_IN:
    case TAP_SCHEDSTAT:
    case TAP_SEED:
    case TAP_ORDER_OFF:
    case TAP_OBEY:
    case TAP_HOLE:
        return step_of_track(replay, record);
    default:
        return step_of_model(replay, record);
    }
}
