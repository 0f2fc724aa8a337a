/* SPDX-License-Identifier: MIT */
/* From a moment and its reading to a snapshot.
 * Why: see reading.h.
 * Rules: runs without the model's lock, but for what takes. */
#include "model/reading.h"

#include "base/arena.h"
#include "base/text.h"
#include "model/fold_source.h"
#include "model/snapshot_make.h"
#include "model/stolen.h"
#include "wire/operators.h"
#include "wire/session.h"

#include <stdio.h>
#include <string.h>

/* --- taking --------------------------------------------------------------------------------- */

int reading_past_seconds(const struct model *model, const struct clock_scale *scale,
                         uint64_t counter, int window_s)
{
    if (window_s <= 0)
        return -1;
    double present_s = (double)(counter - model->windows.from) * scale->ns_per_tick / 1e9;
    int seconds = present_s >= 0.5 ? window_s - 1 : window_s;
    return seconds < WINDOWS_SECONDS ? seconds : WINDOWS_SECONDS - 1;
}

void reading_take_process(const struct process *process, const struct model *model,
                          struct snapshot_process *row)
{
    struct ended_thread sums = {0};
    for (const struct track *track = model->tracks; track; track = track->next)
        if (track->process == process && track->seen)
            model_sum_thread(&sums, track);
    *row = (struct snapshot_process){
        .pid = process->pid,
        .ppid = process->parent_pid,
        .command = process->command,
        .calls = process->ended_calls + sums.calls,
        .lost = process->ended_lost + sums.lost,
    };
}

void reading_take_window(const struct model *model, int seconds, struct reading *reading)
{
    const struct windows *windows = &model->windows;
    reading->window_from = reading->start;
    reading->window_events = reading->events_read;
    if (seconds < 0)
        return;
    reading->window_from = windows->from;
    reading->window_events = model->events_read - windows->events_from;
    for (int i = 0; i < seconds && i < (int)windows->second_count; i++) {
        const struct window_second *second = windows_back(windows, (uint32_t)i);
        reading->window_from = second->from;
        reading->window_events += second->events;
    }
    if (reading->window_from < reading->start)
        reading->window_from = reading->start;
}

void reading_take_model(const struct model *model, struct reading *reading)
{
    reading->events_read = model->events_read;
    reading->gaps = model->gaps;
    reading->unmatched_pops = model->unmatched_pops;
    reading->bad_events = model->bad_events;
    reading->too_deep = model->too_deep;
    reading->stolen_ticks = model->stolen_ticks;
    reading->suspended_refused = model->suspended.refused;
    reading->tasks_refused = model->tasks.refused;
    reading->lines_refused = model->lines.refused;
    reading->spans_refused = model->spans.refused;
    reading->rules_refused = model->escalations.refused;
    reading->thread_count = model->thread_count;
    reading->left_out = model->symbols.left_out_rows;
    reading->sites = model->symbols.sites;
    reading->by_process = model->by_process;
    for (size_t i = 0; model->symbols.sites && i < model->symbols.sites->count; i++)
        reading->site_matched[i] = model->symbols.sites->patterns[i].matched;
}

/* --- after it ------------------------------------------------------------------------------- */

static void find_stolen(struct snapshot_maker *maker, const struct reading *reading)
{
    int64_t on_ticks = 0;
    for (uint32_t i = 0; i < maker->moment->thread_count; i++)
        if (maker->moment->threads[i].sums.pid == reading->header.pid)
            on_ticks += snapshot_make_on_cpu(&maker->moment->threads[i].sums);
    int64_t on_ns = snapshot_make_ns(maker, on_ticks);
    if (reading->wait_source == WAIT_PERF && reading->target_cpu_ns)
        maker->stolen_share = stolen_share(on_ns, (int64_t)reading->target_cpu_ns);
    maker->snapshot->meta.stolen_ns = (int64_t)((double)on_ns * maker->stolen_share) +
                                      snapshot_make_ns(maker, reading->stolen_ticks);
}

static int fill_threads(struct snapshot_maker *maker, const struct reading *reading)
{
    const struct moment *moment = maker->moment;
    struct snapshot *snapshot = maker->snapshot;
    snapshot->threads =
        arena_array(snapshot->arena, moment->thread_count + 1, sizeof(*snapshot->threads));
    if (!snapshot->threads)
        return -1;
    snapshot->thread_count = moment->thread_count;
    for (uint32_t i = 0; i < moment->thread_count; i++) {
        const struct moment_thread *from = &moment->threads[i];
        const struct ended_thread *sums = &from->sums;
        struct snapshot_thread *thread = &snapshot->threads[i];
        int64_t window_wait_ns =
            snapshot_make_wait_ns(maker, from->window.wall_ticks, from->window.wait_ticks);
        *thread = (struct snapshot_thread){
            .pid = sums->pid,
            .tid = sums->tid,
            .number = sums->number,
            .ended = from->ended || reading->ended,
            .calls = sums->calls,
            .window_cpu_ns = snapshot_make_ns(maker, from->window.wall_ticks) - window_wait_ns,
            .window_wait_ns = window_wait_ns,
            .window_calls = from->window.calls,
            .lost = sums->lost,
            .running = SNAPSHOT_NONE,
            .depth = from->depth,
        };
        struct snapshot_thread_ticks ticks = {.profiled = sums->profiled_ticks,
                                              .wait = sums->wait_ticks,
                                              .stalled = sums->stalled_ticks,
                                              .corrected = sums->corrected_ticks,
                                              .outside = sums->outside_ticks};
        snapshot_scale_thread(thread, &ticks, maker->ns_per_tick, maker->stolen_share);
        memcpy(thread->name, sums->name, sizeof(thread->name));
        if (from->running_symbol)
            thread->running = maker->function_of[maker->symbols->symbols[from->running_symbol].row];
    }
    return 0;
}

/* The probe goes off when the collector stands still for long: the target comes first. */
static const char *why_off(const struct reading *reading, struct arena *arena)
{
    char number[TEXT_NUMBER_BYTES], text[128];
    text_format_time(number, clock_span_ns(&reading->scale, (int64_t)reading->off_ticks));
    snprintf(text, sizeof(text), "recording was off for %s while ulma stood still", number);
    return arena_string(arena, text);
}

static const char *why_inexact(const struct reading *reading, struct arena *arena)
{
    if (reading->header.off_cause != OFF_WANTED)
        return why_off(reading, arena);
    if (reading->lost)
        return "events were lost";
    if (reading->nested)
        return "events of signal handlers were dropped";
    if (reading->header.stack_guards)
        return "the stack guard switched recording off";
    if (reading->header.definitions_refused)
        return "names ran out, some functions are in (other)";
    if (reading->too_deep)
        return "a stack was too deep to follow";
    if (reading->suspended_refused)
        return "more generators were suspended than can be followed";
    if (reading->tasks_refused)
        return "more asyncio tasks were alive than can be followed";
    if (reading->spans_refused)
        return "more spans were open than can be followed";
    if (reading->rules_refused)
        return arena_format(
            arena, "%llu functions with a rule are beyond what can be counted, and are left out",
            (unsigned long long)reading->rules_refused);
    if (reading->bad_events)
        return "the session held events that make no sense";
    if (reading->header.hooks_taken == TAKEN_PROFILE)
        return "the program's own profile function took c-calls' place";
    if (reading->header.hooks_taken)
        return "the program took ulma's hooks in sys.monitoring away";
    return NULL;
}

static const char *why_objects(uint32_t unseen)
{
    if (unseen & UNSEEN_TAKEN)
        return "the program (tracemalloc, or a tool like it) took the interpreter's one tracer of "
               "objects away";
    if (unseen & UNSEEN_PLACES)
        return "more types or lines make objects than are kept apart; the rest is in (other)";
    if (unseen & UNSEEN_DEEP)
        return "containers were nested so deep that this Python freed some of them late, and does "
               "not tell their deaths (gh-156371)";
    return NULL;
}

static bool has_partial_lines(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->line_count; i++)
        if (snapshot->lines[i].is_partial)
            return true;
    return false;
}

/* What one source alone does not see. */
static const char *why_source(const struct snapshot *snapshot, const struct reading *reading,
                              uint32_t bit)
{
    uint32_t unheard = reading->header.methods_unheard;
    if (bit == SOURCE_LINES && reading->lines_refused)
        return "there are more lines than can be counted (262,143)";
    if (bit == SOURCE_OBJECTS)
        return why_objects(reading->header.objects_unseen);
    if (bit == SOURCE_LINES && has_partial_lines(snapshot))
        return "the budget left lines out for a part of the time";
    if (bit != SOURCE_METHODS || !unheard)
        return NULL;
    if (unheard & UNHEARD_INLINED)
        return "len, isinstance and list.append are called past their functions where the "
               "interpreter has specialised the call";
    if (unheard & UNHEARD_MANY)
        return "more methods are wanted than can be monitored at once (1,024)";
    return "some of the methods stand in memory that may not be written";
}

/* The names of what this Python tells in part only. */
static const char *why_operators(struct arena *arena, uint32_t unseen, bool every)
{
    static const char *const names[OPERATOR_COUNT] = {
#define OPERATOR(symbol, type, name) type "." name,
#include "wire/operators.def"
#undef OPERATOR
    };
    const char *list = NULL;
    for (int i = 0; i < OPERATOR_COUNT; i++)
        if (unseen >> i & 1)
            list = list ? arena_format(arena, "%s, %s", list, names[i]) : names[i];
    return list ? arena_format(arena,
                               "where this Python has specialised an instruction%s it does not "
                               "tell %s",
                               every ? ", outside of the functions that --only names," : "", list)
                : NULL;
}

static enum snapshot_step step_of(const struct source_times *times, uint32_t bit)
{
    if (times->held & bit)
        return STEP_HELD_BACK;
    if (times->refused & bit)
        return STEP_REFUSED;
    return times->to_come & bit ? STEP_TO_COME : STEP_NONE;
}

static const char *why_step(enum snapshot_step step, const char *refusal, struct arena *arena)
{
    static const char *const reasons[] = {
        [STEP_TO_COME] = "it is still to come: with a budget sources come on one after the other",
        [STEP_HELD_BACK] = "the budget holds it back: it told more than its part pays for",
        [STEP_REFUSED] = NULL,
    };
    return step == STEP_REFUSED ? arena_string(arena, refusal) : reasons[step];
}

static void fill_sources(struct snapshot *snapshot, const struct reading *reading)
{
    struct snapshot_meta *meta = &snapshot->meta;
    size_t most = sizeof(meta->sources) / sizeof(*meta->sources);
    const struct source_times *times = &reading->source_times;
    uint32_t bits = times->ever | reading->header.sources_on | times->to_come | times->held |
                    times->refused;
    for (const struct fold_source *const *source = fold_source_list;
         *source && meta->source_count < most; source++) {
        if (!(bits & (*source)->bit))
            continue;
        uint64_t absent_ticks = times->absent_ticks[__builtin_ctz((*source)->bit)];
        uint64_t on_ticks = reading->on_ticks > absent_ticks ? reading->on_ticks - absent_ticks : 0;
        struct snapshot_source *row = &meta->sources[meta->source_count];
        row->name = (*source)->name;
        row->on_ns = clock_span_ns(&reading->scale, (int64_t)on_ticks);
        row->wanted = times->now & (*source)->bit;
        row->step = step_of(times, (*source)->bit);
        row->reason = why_step(row->step, reading->refusal, snapshot->arena);
        if (!row->reason)
            row->reason = !meta->inexact && absent_ticks ? "it was on for a part of the time"
                                                         : meta->inexact;
        if (!row->reason)
            row->reason = (*source)->bit == SOURCE_OPERATORS
                              ? why_operators(snapshot->arena, reading->header.operators_unseen,
                                              bits & SOURCE_OPERATORS_EVERY)
                              : why_source(snapshot, reading, (*source)->bit);
        row->complete = !row->reason;
        meta->source_count++;
    }
}

/* The probe's cost: calls times what each costs, as of the speed meanwhile, of the threads' profiled time. */
static void fill_cost(struct snapshot *snapshot, const struct reading *reading)
{
    struct snapshot_meta *meta = &snapshot->meta;
    double ns_per_unit = reading->scale.ns_per_tick / 256;
    double python_ns = (reading->costs.inner_ticks256 + (double)reading->costs.outer_ticks256) *
                       ns_per_unit;
    double c_ns = (reading->costs.c_inner_ticks256 + (double)reading->costs.c_outer_ticks256) *
                  ns_per_unit;
    double cost_ns = 0, profiled_ns = 0;
    for (size_t i = 0; i < snapshot->function_count; i++) {
        const struct snapshot_function *function = &snapshot->functions[i];
        uint64_t calls = function->calls + function->resumes;
        meta->calls += calls;
        cost_ns += (double)(calls > function->estimated ? calls - function->estimated : 0) *
                   (function->kind == KIND_C ? c_ns : python_ns);
    }
    double line_ns = reading->costs.line_ticks256 * ns_per_unit;
    for (size_t i = 0; i < snapshot->line_count; i++)
        cost_ns += (double)snapshot->lines[i].hits * line_ns;
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        profiled_ns += (double)snapshot->threads[i].profiled_ns;
        meta->corrected_ns += snapshot->threads[i].corrected_ns;
        meta->waited_ns += snapshot->threads[i].stalled_ns;
    }
    meta->ns_per_call = python_ns;
    meta->ns_per_c_call = c_ns;
    meta->cost_pct = profiled_ns > 0 ? 100 * cost_ns / profiled_ns : 0;
}

/* Muting is said last: what was lost weighs more. */
static void fill_budget(const struct reading *reading, struct snapshot *snapshot)
{
    struct snapshot_meta *meta = &snapshot->meta;
    meta->budget_pct = reading->budget_pct;
    unsigned minor = 0;
    if (meta->python && sscanf(meta->python, "3.%u", &minor) == 1)
        meta->budget_is_held = minor >= 12;
    for (size_t i = 0; i < snapshot->function_count; i++)
        meta->muted += snapshot->functions[i].is_muted;
    if (meta->muted && !meta->inexact)
        meta->inexact = arena_format(snapshot->arena, "%u muted", meta->muted);
}

static void fill_window(struct snapshot_meta *meta, const struct reading *reading)
{
    const struct clock_scale *scale = &reading->scale;
    meta->window_from_ns = clock_span_ns(scale, (int64_t)(reading->window_from - reading->start));
    meta->window_to_ns = clock_span_ns(scale, (int64_t)(reading->counter - reading->start));
    if (meta->window_to_ns < meta->window_from_ns)
        meta->window_to_ns = meta->window_from_ns;
    double window_s = (double)(meta->window_to_ns - meta->window_from_ns) / 1e9;
    if (window_s > 0) {
        meta->events_per_s = (double)reading->window_events / window_s;
        meta->collector_pct = (double)reading->window_cpu_ns / 1e7 / window_s;
    }
}

static void fill_meta(struct snapshot *snapshot, const struct reading *reading)
{
    struct snapshot_meta *meta = &snapshot->meta;
    const struct reading_header *header = &reading->header;
    int64_t after = (int64_t)(reading->start - reading->birth_counter);
    if (header->python[0])
        meta->python = arena_string(snapshot->arena, header->python);
    if (header->executable[0])
        meta->executable = arena_string(snapshot->arena, header->executable);
    meta->pid = header->pid ? header->pid : reading->target_pid;
    /* Before the first event `start` moves with the present. */
    if (reading->events_read == 0)
        after = 0;
    meta->start_time_ns = reading->birth.tv_sec * INT64_C(1000000000) + reading->birth.tv_nsec +
                          clock_span_ns(&reading->scale, after);
    meta->duration_ns =
        clock_span_ns(&reading->scale, (int64_t)(reading->counter - reading->start));
    if (meta->duration_ns < 0)
        meta->duration_ns = 0;
    meta->ns_per_tick = reading->scale.ns_per_tick;
    meta->ended = reading->ended;
    meta->recording = reading->recording;
    meta->corrected = reading->corrected;
    meta->wait_source = reading->wait_source;
    meta->waits_lost = reading->waits_lost;
    meta->events_read = reading->events_read;
    meta->lost = reading->lost;
    meta->gaps = reading->gaps;
    meta->nested = reading->nested;
    meta->unmatched_pops = reading->unmatched_pops;
    meta->bad_events = reading->bad_events;
    meta->definitions_refused = header->definitions_refused;
    meta->stack_guards = header->stack_guards;
    meta->stack_guard_ns = clock_span_ns(&reading->scale, (int64_t)header->stack_guard_ticks);
    meta->forks_unfollowed = header->forks_unfollowed;
    meta->by_process = reading->by_process;
    meta->execs_unfollowed = reading->execs;
    meta->off_ns = clock_span_ns(&reading->scale, (int64_t)reading->off_ticks);
    meta->thread_count = reading->thread_count;
    meta->tasks_refused = reading->tasks_refused;
    meta->inexact = why_inexact(reading, snapshot->arena);
}

static int fill_sites(const struct sites *sites, const struct reading *reading,
                      struct snapshot *snapshot)
{
    struct snapshot_meta *meta = &snapshot->meta;
    if (!sites)
        return 0;
    meta->sites = arena_array(snapshot->arena, sites->count, sizeof(*meta->sites));
    if (!meta->sites)
        return -1;
    meta->left_out = reading->left_out;
    for (size_t i = 0; i < sites->count; i++) {
        struct snapshot_site *site = &meta->sites[meta->site_count];
        if (sites->patterns[i].lines)
            continue; /* it limits nothing that is shown otherwise */
        site->text = arena_string(snapshot->arena, sites->patterns[i].text);
        site->skip = sites->patterns[i].skip;
        site->matched = reading->site_matched[i];
        if (!site->text)
            return -1;
        meta->site_count++;
    }
    return 0;
}

static int fill_processes(struct snapshot *snapshot, const struct reading *reading)
{
    size_t count = reading->process_count;
    snapshot->processes = arena_array(snapshot->arena, count + 1, sizeof(*snapshot->processes));
    if (!snapshot->processes || count == 0)
        return -1;
    snapshot->process_count = count;
    for (size_t i = 0; i < count; i++) {
        const char *command = reading->processes[i].command;
        snapshot->processes[i] = reading->processes[i];
        snapshot->processes[i].command = command[0] ? arena_string(snapshot->arena, command) : NULL;
    }
    snapshot->meta.processes_folded = reading->processes_folded ? reading->processes_folded - 1 : 0;
    struct snapshot_process *first = &snapshot->processes[0];
    first->pid = snapshot->meta.pid;
    first->ppid = reading->own_pid;
    if (count == 1) { /* C calls too, and what no thread lost */
        first->calls = snapshot->meta.calls;
        first->lost = snapshot->meta.lost;
    }
    return 0;
}

int reading_build(const struct reading *reading, const struct moment *moment,
                  const struct symbols *symbols, int window_s, enum snapshot_clock clock,
                  bool detailed, struct snapshot *snapshot)
{
    struct snapshot_maker maker = {
        .snapshot = snapshot,
        .moment = moment,
        .symbols = symbols,
        .ns_per_tick = reading->scale.ns_per_tick,
        .start = reading->start,
        .exact = reading->lost == 0 && reading->nested == 0 && reading->header.stack_guards == 0,
    };
    snapshot->meta.clock = clock;
    snapshot->meta.window_s = window_s;
    fill_meta(snapshot, reading);
    find_stolen(&maker, reading);
    if (fill_sites(reading->sites, reading, snapshot) || snapshot_make(&maker) ||
        snapshot_make_window(&maker) || fill_threads(&maker, reading) ||
        snapshot_make_tasks(&maker) || snapshot_make_gc(&maker) || snapshot_make_lines(&maker) ||
        snapshot_make_escalations(&maker) || snapshot_make_objects(&maker) ||
        snapshot_make_memory(&maker) || snapshot_make_io(&maker) || snapshot_make_waits(&maker) ||
        snapshot_make_requests(&maker) || snapshot_make_activations(&maker) ||
        (detailed && snapshot_make_detail(&maker)))
        return -1;
    fill_window(&snapshot->meta, reading);
    fill_cost(snapshot, reading);
    fill_budget(reading, snapshot);
    snapshot->meta.memory.rss_bytes = reading->rss_bytes;
    snapshot->meta.memory.before_bytes = reading->header.memory_before_bytes;
    fill_sources(snapshot, reading);
    return fill_processes(snapshot, reading);
}
