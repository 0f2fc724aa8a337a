/* SPDX-License-Identifier: MIT */
/* The model: its parts together.
 * Why: see fold.h.
 * Rules: a track is in the list from model_add_track to model_end_track. */
#include "model/fold.h"

#include "model/io_apply.h"
#include "model/moment.h"
#include "model/schedstat.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* No call costs more than this many ticks x 256; a session that says so lies. */
enum { ENTRIES_OF_ALL = 1 << 23, COST_MOST_TICKS256 = 1 << 22, SPEED_MOST = 8 };

static const double CLOCK_MOST = 2;

/* Ends of calls that were timed: to tell anything by, and that are remembered (some milliseconds of little but calls). */
enum { OWN_LEAST = 16, OWN_MEMORY = 128 };

/* Where the probe's own code takes a tenth longer than in the calibration, a call was seen to cost 18 to 25 % more
 * (docs/decisions/0036-the-probe-times-itself.md). */
static const double OWN_PART = 1.8;
static const double LEAST_COLDNESS = 0.8, MOST_COLDNESS = 4;

int model_init(struct model *model, const struct model_options *options)
{
    *model = (struct model){
        .entries_left = ENTRIES_OF_ALL, .gap_ticks = UINT64_MAX, .latest = UINT64_MAX};
    model->process = &model->first;
    int result = nodes_init(&model->nodes, options->node_limit);
    if (result == 0)
        result = symbols_init(&model->symbols, options->define, options->define_context);
    if (result == 0)
        result = suspended_init(&model->suspended);
    if (result == 0)
        result = async_tasks_init(&model->tasks);
    if (result == 0)
        result = gc_pauses_init(&model->gc);
    if (result == 0)
        result = io_calls_init(&model->io);
    if (result == 0)
        result = wait_sums_init(&model->waits);
    if (result == 0)
        result = spans_init(&model->spans);
    if (result == 0)
        result = lines_init(&model->lines);
    if (result == 0)
        result = births_init(&model->births);
    if (result == 0)
        result = windows_init(&model->windows, model->nodes.limit);
    model->ended = calloc(MODEL_ENDED_MAX + 1, sizeof(*model->ended));
    if (result == 0 && !model->ended)
        result = -ENOMEM;
    if (result)
        model_done(model);
    return result;
}

int model_init_process(struct process *process)
{
    int result = symbols_ids_init(&process->ids);
    if (result == 0)
        result = suspended_init(&process->suspended);
    if (result)
        symbols_ids_done(&process->ids);
    return result;
}

void model_enter(struct model *model, struct process *process)
{
    struct symbols *symbols = &model->symbols;
    struct process *before = model->process;
    if (!process->entered) {
        process->entered = true;
        process->shares_rows = model->by_thread && symbols->count > SYMBOLS_LIMIT / 2;
    }
    symbols->pid = model->by_process && !process->shares_rows ? process->pid : 0;
    if (before == process)
        return;
    uint64_t refused = model->suspended.refused; /* of all processes, as what hears of them */
    struct shape *shape = model->suspended.shape;
    before->ids = (struct symbols_ids){symbols->by_id, symbols->live};
    before->suspended = model->suspended;
    symbols->by_id = process->ids.by_id;
    symbols->live = process->ids.live;
    model->suspended = process->suspended;
    model->suspended.refused = refused;
    model->suspended.shape = shape;
    model->process = process;
}

void model_tell_process(struct model *model, struct process *process)
{
    struct {
        struct tap_process fixed;
        char command[sizeof(process->command)];
    } told = {{process->pid, process->parent_pid}, ""};
    process->number = ++model->tap_processes;
    memcpy(told.command, process->command, sizeof(told.command) - 1);
    tap_put(model->tap, TAP_PROCESS, process->number, 0, &told,
            sizeof(told.fixed) + strlen(told.command));
}

void model_end_process(struct model *model, struct process *process)
{
    tap_say(model->tap, TAP_PROCESS_END, process->number, 0);
    async_tasks_end_process(model, process);
    io_apply(model, process, UINT64_MAX);
    wait_queue_done(&process->waits);
    spans_end_process(model, process);
    memory_end_process(&model->memory, &process->memory);
    model_enter(model, &model->first);
    births_end_process(model, process);
    symbols_ids_done(&process->ids);
    suspended_done(&process->suspended);
    io_fds_done(&process->fds);
}

void model_done(struct model *model)
{
    while (model->tracks) {
        struct track *next = model->tracks->next;
        track_free(model->tracks);
        model->tracks = next;
    }
    free(model->ended);
    model->ended = NULL;
    kept_free(model->kept);
    model->kept = NULL;
    windows_done(&model->windows);
    async_tasks_done(&model->tasks);
    gc_pauses_done(&model->gc);
    io_calls_done(&model->io);
    spans_done(&model->spans);
    io_fds_done(&model->first.fds);
    wait_sums_done(&model->waits);
    wait_queue_done(&model->first.waits);
    lines_done(&model->lines);
    escalations_done(&model->escalations);
    births_end_process(model, &model->first);
    births_done(&model->births);
    memory_done(&model->memory);
    memory_process_done(&model->first.memory);
    suspended_done(&model->suspended);
    symbols_done(&model->symbols);
    nodes_done(&model->nodes);
}

struct pair_cost {
    int64_t inner, outer;
};

static double clamp(double value, double least, double most)
{
    return fmin(fmax(value, least), most);
}

/* How much slower the clock of the track's processor is now than the calibration's was. */
static double clock_slowness(const struct model *model, const struct track *track)
{
    const struct model_costs *costs = &model->costs;
    if (!track->chain_ticks || costs->chain_ticks < SESSION_CHAIN_LEAST)
        return 1;
    return clamp((double)track->chain_ticks / costs->chain_ticks, 1 / CLOCK_MOST, CLOCK_MOST);
}

/* How much longer things take on the track's processor now than they did on the calibration's. */
static double slowness(const struct model *model, const struct track *track)
{
    const struct model_costs *costs = &model->costs;
    double speed = track->speed_ticks && costs->speed_ticks
                       ? (double)track->speed_ticks / costs->speed_ticks
                       : 1;
    if (fabs(speed - 1) >= 1.0 / SESSION_SPEED_NOISE)
        return fmin(speed, SPEED_MOST);
    return clock_slowness(model, track);
}

/* How much dearer events are in this program than in the calibration, by what the probe takes for a part of them. */
static double coldness(const struct model *model, const struct track *track)
{
    double then = model->costs.own_ticks256;
    const struct track_own *own = &track->own[model->symbols.muted_rows > 0];
    if (then <= 0 || own->count < OWN_LEAST || model->costs.chain_ticks < SESSION_CHAIN_LEAST)
        return 1;
    return clamp(1 + OWN_PART * (own->ticks256 / then - 1), LEAST_COLDNESS, MOST_COLDNESS);
}

static struct pair_cost cost_at(const struct model *model, const struct track *track,
                                uint32_t inner_ticks256, uint32_t outer_ticks256)
{
    double ticks = slowness(model, track) / 256;
    double inner = fmin(inner_ticks256, COST_MOST_TICKS256) * ticks;
    double outer = fmin(outer_ticks256, COST_MOST_TICKS256) * ticks;
    /* What is dearer here is on the way to the probe and back, around the call: within it, the processor does some of
     * the function's own work meanwhile. */
    outer += (inner + outer) * (coldness(model, track) - 1);
    return (struct pair_cost){
        .inner = (int64_t)(inner + 0.5),
        .outer = outer > 0 ? (int64_t)(outer + 0.5) : 0,
    };
}

/* Half of what is within the callee's interval comes after the push's counter was read, half before
 * the pop's; likewise around the call for the caller's. */
static void set_push(struct track_costs *costs, uint32_t push, struct pair_cost cost)
{
    costs->pre_ticks[push] = cost.outer / 2;
    costs->post_ticks[push] = cost.inner / 2;
}

static void set_pop(struct track_costs *costs, enum event_kind pop, struct pair_cost cost)
{
    costs->pre_ticks[pop] = cost.inner - cost.inner / 2;
    costs->post_ticks[pop] = cost.outer - cost.outer / 2;
}

/* All calls end alike: what one costs more, or less, is its beginning's. */
static void set_start(struct track_costs *costs, uint32_t start, struct pair_cost whole,
                      struct pair_cost call)
{
    if (whole.inner + whole.outer == 0)
        whole = call;
    int64_t before = whole.outer - (call.outer - call.outer / 2);
    int64_t after = whole.inner - (call.inner - call.inner / 2);
    costs->pre_ticks[start] = before > 0 ? before : 0;
    costs->post_ticks[start] = after > 0 ? after : 0;
}

/* A call that an exception ends has begun as any other: all that it costs more is its end's. */
static struct pair_cost end_of_unwind(struct pair_cost unwind, struct pair_cost call)
{
    int64_t inner = unwind.inner - call.inner / 2, outer = unwind.outer - call.outer / 2;
    return (struct pair_cost){.inner = inner > 0 ? inner : 0, .outer = outer > 0 ? outer : 0};
}

/* Half before its counter was read, half after. */
static void set_alone(struct track_costs *costs, uint32_t kind, int64_t ticks)
{
    int64_t kept = ticks > 0 ? ticks : 0;
    costs->pre_ticks[kind] = kept / 2;
    costs->post_ticks[kind] = kept - kept / 2;
}

/* Of what is no pair. */
static int64_t alone_at(const struct model *model, const struct track *track, uint32_t ticks256)
{
    return cost_at(model, track, 0, ticks256).outer;
}

static void set_track_costs(const struct model *model, struct track *track)
{
    const struct model_costs *of = &model->costs;
    struct track_costs *costs = &track->costs;
    struct pair_cost call = cost_at(model, track, of->inner_ticks256, of->outer_ticks256);
    struct pair_cost c_call = cost_at(model, track, of->c_inner_ticks256, of->c_outer_ticks256);
    struct pair_cost segment =
        cost_at(model, track, of->segment_inner_ticks256, of->segment_outer_ticks256);
    struct pair_cost unwind =
        cost_at(model, track, of->unwind_inner_ticks256, of->unwind_outer_ticks256);
    if (segment.inner + segment.outer == 0)
        segment = call;
    set_push(costs, EVENT_START, call);
    set_start(costs, TRACK_START_GENERATOR,
              cost_at(model, track, of->generator_inner_ticks256, of->generator_outer_ticks256),
              call);
    set_start(costs, TRACK_START_COROUTINE,
              cost_at(model, track, of->coroutine_inner_ticks256, of->coroutine_outer_ticks256),
              call);
    set_start(costs, TRACK_START_FROM_C,
              cost_at(model, track, of->from_c_inner_ticks256, of->from_c_outer_ticks256), call);
    set_push(costs, EVENT_RESUME, segment);
    set_push(costs, EVENT_THROW, segment);
    set_push(costs, EVENT_C_CALL, c_call);
    set_pop(costs, EVENT_RETURN, call);
    set_pop(costs, EVENT_YIELD, segment);
    set_pop(costs, EVENT_UNWIND, call);
    set_pop(costs, EVENT_C_RETURN, c_call);
    set_pop(costs, EVENT_C_RAISE, c_call);
    set_alone(costs, EVENT_LINE, alone_at(model, track, of->line_ticks256));
    set_alone(costs, TRACK_ASKED_ALONE, alone_at(model, track, of->asked_ticks256));
    set_alone(costs, EVENT_ASKED,
              alone_at(model, track, of->made_ticks256) - call.inner - call.outer);
    if (unwind.inner + unwind.outer) {
        struct pair_cost end = end_of_unwind(unwind, call);
        costs->pre_ticks[EVENT_UNWIND] = end.inner;
        costs->post_ticks[EVENT_UNWIND] = end.outer;
    }
}

void model_set_costs(struct model *model, const struct model_costs *costs)
{
    if (model->tap && memcmp(&model->tap_costs, costs, sizeof(*costs)) != 0) {
        model->tap_costs = *costs;
        tap_put(model->tap, TAP_COSTS, 0, 0, costs, sizeof(*costs));
    }
    if (memcmp(&model->costs, costs, sizeof(*costs)) == 0)
        return;
    if (model->costs.own_ticks256 != costs->own_ticks256)
        for (struct track *track = model->tracks; track; track = track->next)
            memset(track->own, 0, sizeof(track->own));
    model->costs = *costs;
    model_renew_costs(model);
}

void model_renew_costs(const struct model *model)
{
    for (struct track *track = model->tracks; track; track = track->next) {
        track->own_mixed = true;
        set_track_costs(model, track);
    }
}

/* Those since the last time, at the speed of before: so much was taken out for them. */
static void price_calls(struct model *model, struct track *track)
{
    const struct pair_cost call = {model->costs.inner_ticks256, model->costs.outer_ticks256};
    if (track->python_pushes > track->priced_pushes && call.inner + call.outer > 0) {
        double calls = (double)(track->python_pushes - track->priced_pushes);
        model->priced.calls += calls;
        model->priced.ticks += calls * (double)(call.inner + call.outer) / 256 *
                               slowness(model, track);
    }
    track->priced_pushes = track->python_pushes;
}

double model_call_price(const struct model *model, struct priced_calls before)
{
    double calls = model->priced.calls - before.calls;
    return calls > 0 ? (model->priced.ticks - before.ticks) / calls : 0;
}

void model_set_speed(struct model *model, struct track *track, uint32_t speed_ticks)
{
    price_calls(model, track);
    track->speed_ticks = speed_ticks;
    set_track_costs(model, track);
}

void model_add_own_time(const struct model *model, struct track *track, uint32_t chain_ticks,
                        uint32_t count, uint32_t ticks256)
{
    track->chain_ticks = chain_ticks;
    if (count && !track->own_mixed) {
        struct track_own *own = &track->own[model->symbols.muted_rows > 0];
        double older = fmin(own->count, OWN_MEMORY), all = older + count;
        /* Reading the counter is most of it, which a neighbour on the core slows no more than the clock. */
        double mean = ticks256 / clock_slowness(model, track);
        own->ticks256 += (mean - own->ticks256) * count / all;
        own->count = all;
    }
    track->own_mixed = false;
    set_track_costs(model, track);
}

void model_vary(struct model *model)
{
    for (struct track *track = model->tracks; track; track = track->next)
        track->bottom = track_bottom(model, track);
    if (!model->modes_vary)
        tap_say(model->tap, TAP_VARY, 0, 0);
    model->modes_vary = true;
}

struct track *model_add_track(struct model *model, uint32_t tid)
{
    struct track *track = track_new();
    if (!track)
        return NULL;
    track->tid = tid;
    track->number = ++model->numbered;
    tap_say(model->tap, TAP_TRACK, track->number, tid);
    track->process = model->process;
    if (model->by_thread)
        track->entries[0].node = nodes_thread_root(&model->nodes);
    set_track_costs(model, track);
    if (model->kept) { /* without room for it this one's calls are not kept */
        track->begins = calloc(TRACK_FIRST_ENTRIES, sizeof(*track->begins));
        track->begin_limit = track->begins ? TRACK_FIRST_ENTRIES : 0;
    }
    if (model->nodes.full)
        track->depths = calloc(SYMBOLS_LIMIT, sizeof(*track->depths));
    struct track **last = &model->tracks;
    while (*last)
        last = &(*last)->next;
    *last = track;
    return track;
}

void model_sum_thread(struct ended_thread *ended, const struct track *track)
{
    ended->calls += track->python_pushes - track->baseline.calls;
    ended->lost += track->lost - track->baseline_lost;
    ended->profiled_ticks += track_profiled(track) - track->baseline_profiled;
    ended->wait_ticks += track->wait_ticks + track->late_wait_ticks - track->baseline.wait_ticks;
    ended->stalled_ticks += track->stalled_ticks - track->baseline_stalled_ticks;
    ended->outside_ticks += track->outside_ticks - track->baseline_outside_ticks;
    ended->corrected_ticks += track_corrected_ticks(track) - track->baseline_corrected_ticks;
}

static void keep_ended(struct model *model, const struct track *track)
{
    struct ended_thread sums = {0};
    model_sum_thread(&sums, track);
    track->process->ended_calls += sums.calls;
    track->process->ended_lost += sums.lost;
    if (model->ended_count < MODEL_ENDED_MAX) {
        struct ended_thread *ended = &model->ended[model->ended_count++];
        ended->pid = track->process->pid;
        ended->tid = track->tid;
        ended->number = track->number;
        memcpy(ended->name, track->name, sizeof(ended->name));
        model_sum_thread(ended, track);
        return;
    }
    struct ended_thread *rest = &model->ended[MODEL_ENDED_MAX];
    memcpy(rest->name, "(ended)", sizeof("(ended)"));
    model->ended_folded++;
    model_sum_thread(rest, track);
}

void model_tell_words(const struct model *model, struct track *track)
{
    struct {
        struct tap_track_words fixed;
        char name[TRACK_NAME_SIZE];
    } told = {{track->lost, track->nested}, ""};
    if (!model->tap ||
        (track->told_tid == track->tid && track->told_lost == track->lost &&
         track->told_nested == track->nested && strcmp(track->told_name, track->name) == 0))
        return;
    memcpy(told.name, track->name, sizeof(told.name));
    memcpy(track->told_name, track->name, sizeof(track->told_name));
    track->told_tid = track->tid;
    track->told_lost = track->lost;
    track->told_nested = track->nested;
    tap_put(model->tap, TAP_TRACK_WORDS, track->number, track->tid, &told,
            sizeof(told.fixed) + strlen(told.name));
}

static bool has_tracks(const struct model *model, const struct process *process)
{
    const struct track *track = model->tracks;
    while (track && track->process != process)
        track = track->next;
    return track != NULL;
}

void model_end_track(struct model *model, struct track *track)
{
    model_tell_words(model, track);
    tap_say(model->tap, TAP_TRACK_END, track->number, 0);
    seed_obey(model, track, UINT64_MAX, UINT64_MAX);
    track_off(model, track, track->last);
    moment_settle_wait(model, track);
    if (track->seen)
        keep_ended(model, track);
    struct track **link = &model->tracks;
    while (*link && *link != track)
        link = &(*link)->next;
    if (*link)
        *link = track->next;
    model->entries_left += track->entry_limit - TRACK_FIRST_ENTRIES;
    if (!has_tracks(model, track->process))
        births_settle(model, track->process);
    track_free(track);
}

static void flush(struct model *model, uint64_t counter)
{
    for (struct track *track = model->tracks; track; track = track->next) {
        if (!track->on)
            continue;
        track_pass_quiet(model, track, counter);
        track_flush(model, track);
    }
}

void model_flush(struct model *model, uint64_t counter)
{
    tap_say(model->tap, TAP_FLUSH, 0, counter);
    flush(model, counter);
}

void model_tick(struct model *model, uint64_t counter)
{
    tap_say(model->tap, TAP_TICK, 0, counter);
    flush(model, counter);
    windows_tick(&model->windows, &model->nodes, &model->symbols, counter, model->events_read);
    memory_tick(&model->memory, model->windows.newest);
    births_tick(&model->births);
    for (struct track *track = model->tracks; track; track = track->next) {
        track->history[model->windows.newest] = track_since_tick(track);
        track->history_mark = track_sums(track);
    }
}

static void reset_track(struct track *track)
{
    for (uint32_t i = 1; i <= track->depth; i++) {
        track->entries[i].begin_ticks = track->entries[i].start_ticks;
        track->entries[i].wait_begin_ticks = track->entries[i].wait_start_ticks;
    }
    track->baseline = track->history_mark = track_sums(track);
    memset(track->history, 0, sizeof(track->history));
    track->baseline_profiled = track_profiled(track);
    track->baseline_stalled_ticks = track->stalled_ticks;
    track->baseline_outside_ticks = track->outside_ticks;
    track->baseline_corrected_ticks = track_corrected_ticks(track);
    track->baseline_lost = track->lost;
    schedstat_forget(track);
}

void model_reset(struct model *model, uint64_t counter)
{
    tap_say(model->tap, TAP_RESET, 0, counter);
    flush(model, counter);
    for (struct track *track = model->tracks; track; track = track->next)
        reset_track(track);
    nodes_reset(&model->nodes);
    kept_reset(model->kept);
    symbols_reset(&model->symbols);
    suspended_reset(&model->suspended);
    async_tasks_reset(&model->tasks, counter);
    gc_pauses_reset(&model->gc);
    io_calls_reset(&model->io);
    wait_sums_reset(&model->waits);
    spans_reset(&model->spans);
    lines_reset(&model->lines);
    escalations_reset(&model->escalations);
    births_reset(model);
    memory_reset(&model->memory);
    windows_reset(&model->windows, &model->nodes, counter, model->events_read);
    model->stolen_ticks = 0;
    memset(model->ended, 0, (MODEL_ENDED_MAX + 1) * sizeof(*model->ended));
    model->ended_count = 0;
    model->ended_folded = 0;
}
