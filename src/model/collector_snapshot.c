/* SPDX-License-Identifier: MIT */
/* collector_snapshot: a moment, what the session's header says, and all that follows from them.
 * Why: see snapshot.h.
 * Rules: strings of the header are the target's: copied, cut and terminated before use. */
#include "model/family.h"
#include "model/timeline_make.h"
#include "wire/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct header_call {
    const struct mapping *mapping;
    struct reading_header *copy;
};

static int read_header(void *context)
{
    struct header_call *call = context;
    struct reading_header *copy = call->copy;
    const struct session_header *header = mapping_header(call->mapping);
    memcpy(copy->python, header->python, sizeof(copy->python) - 1);
    memcpy(copy->executable, header->executable, sizeof(copy->executable) - 1);
    copy->pid = atomic_load(&header->target_pid);
    copy->sources_on = atomic_load(&header->sources_on);
    copy->off_cause = atomic_load(&header->off_cause);
    copy->hooks_taken = atomic_load(&header->hooks_taken);
    copy->methods_unheard = atomic_load(&header->methods_unheard);
    copy->objects_unseen = atomic_load(&header->objects_unseen);
    copy->operators_unseen = atomic_load(&header->operators_unseen);
    copy->memory_before_bytes = atomic_load(&header->memory_before_bytes);
    copy->definitions_refused = atomic_load(&header->definitions_refused);
    copy->ringless_lost = atomic_load(&header->ringless_lost);
    copy->stack_guards = atomic_load(&header->stack_guards);
    copy->stack_guard_ticks = atomic_load(&header->stack_guard_ticks);
    copy->forks_unfollowed = atomic_load(&header->forks_unfollowed) +
                             atomic_load(&header->children_refused);
    return 0;
}

/* --- under the lock ------------------------------------------------------------------------- */

static void read_window(const struct collector *collector, int seconds, struct reading *reading)
{
    const struct windows *windows = &collector->model.windows;
    reading_take_window(&collector->model, seconds, reading);
    reading->window_cpu_ns = seconds < 0 ? collector->cpu_ns : 0;
    for (int i = 0; i < seconds && i < (int)windows->second_count; i++)
        reading->window_cpu_ns +=
            collector->cpu_seconds_ns[(windows->newest + WINDOWS_SECONDS - (uint32_t)i) %
                                      WINDOWS_SECONDS];
}

static void read_source_times(const struct collector *collector, struct reading *reading)
{
    struct source_times *times = &reading->source_times;
    *times = collector->source_times;
    times->to_come = steps_to_come(&collector->budget.steps);
    times->held = collector->budget.steps.held;
    times->refused = collector->budget.steps.refused;
    memcpy(reading->refusal, collector->budget.refusal, sizeof(reading->refusal));
    uint64_t now = drain_on_ticks(&collector->drain, reading->counter);
    for (uint32_t i = 0; i < COLLECTOR_SOURCES; i++)
        if (!(times->now >> i & 1))
            times->absent_ticks[i] += now - times->absent_since[i];
}

/* A session may hold anything. */
static uint32_t scaled(uint32_t ticks256, double factor)
{
    double product = ticks256 * factor;
    return product < UINT32_MAX ? (uint32_t)product : UINT32_MAX;
}

/* What events cost, at the speed of the processors since the reset: what is said of it. The others' as calls'. */
static struct model_costs shown_costs(const struct collector *collector)
{
    const struct model_costs *costs = &collector->drain.words.costs;
    double calibrated = ((double)costs->inner_ticks256 + (double)costs->outer_ticks256) / 256;
    double price = model_call_price(&collector->model, collector->priced_baseline);
    double factor = price > 0 && calibrated > 0 ? price / calibrated : 1;
    return (struct model_costs){
        .inner_ticks256 = scaled(costs->inner_ticks256, factor),
        .outer_ticks256 = scaled(costs->outer_ticks256, factor),
        .c_inner_ticks256 = scaled(costs->c_inner_ticks256, factor),
        .c_outer_ticks256 = scaled(costs->c_outer_ticks256, factor),
        .line_ticks256 = scaled(costs->line_ticks256, factor),
    };
}

static void read_counts(struct collector *collector, struct reading *reading)
{
    const struct model *model = &collector->model;
    uint64_t counter = reading->counter;
    uint64_t first = model->first_counter ? model->first_counter : counter;
    collector_losses(collector, &reading->lost, &reading->nested);
    reading->lost -= collector->lost_baseline;
    reading->nested -= collector->nested_baseline;
    reading_take_model(model, reading);
    reading->events_read -= collector->events_baseline;
    reading->gaps -= collector->gaps_baseline;
    reading->start = collector->start_counter ? collector->start_counter : first;
    reading->on_ticks = drain_on_ticks(&collector->drain, counter) - collector->on_baseline_ticks;
    read_source_times(collector, reading);
    reading->off_ticks = drain_off_ticks(&collector->drain, counter) -
                         collector->off_baseline_ticks;
    reading->waits_lost = off_cpu_lost(&collector->off_cpu);
    uint64_t cpu_ns = collector_target_cpu_ns(collector);
    reading->target_cpu_ns = cpu_ns ? cpu_ns - collector->target_cpu_baseline_ns : 0;
    reading->rss_bytes = collector_see_rss(collector);
    reading->wait_source = off_cpu_source(&collector->off_cpu);
    reading->ended = collector->end_counter != 0;
    for (const struct drain *drain = &collector->drain; drain; drain = drain->next) {
        reading->recording = reading->recording || (drain->on && !reading->ended);
        reading->execs += drain->execs;
    }
    reading->execs += collector->family_execs;
    reading->scale = collector->scale;
    reading->costs = shown_costs(collector);
    reading->birth = collector->birth;
    reading->birth_counter = collector->birth_counter;
    reading->target_pid = (uint32_t)collector->options.target;
    reading->own_pid = (uint32_t)getpid();
    reading->budget_pct = collector->options.budget_pct;
    reading->corrected = collector->options.corrected;
}

/* What its children's sessions counted is the target's too. */
static void read_family(struct collector *collector, struct reading_header *header)
{
    struct family_sums sums = {0};
    uint64_t lost = 0, nested = 0;
    family_add_sums(collector, &sums, &lost, &nested);
    header->definitions_refused += sums.definitions_refused;
    header->stack_guards += sums.stack_guards;
    header->stack_guard_ticks += sums.stack_guard_ticks;
    header->forks_unfollowed += sums.forks_unfollowed;
    if (sums.off_cause != OFF_WANTED)
        header->off_cause = sums.off_cause;
}

/* Enters with room enough in the scratch moment, however fast the model grows. */
static int enter_with_room(struct collector *collector, uint64_t *ret_counter)
{
    struct moment *moment = &collector->scratch;
    struct moment_room room = {
        .nodes = 1024, .symbols = 256, .threads = 16, .tasks = 64, .groups = 16};
    for (;;) {
        int result = moment_prepare(moment, &room);
        if (result)
            return result;
        collector_enter(collector);
        *ret_counter = collector_catch_up(collector);
        if (moment_fits(moment, &collector->model))
            return 0;
        room = moment_room_of(&collector->model);
        collector_leave(collector);
    }
}

/* Under the lock; commands are the processes' until it is given back, and so are copied after. */
static void take_processes(const struct collector *collector, struct reading *reading)
{
    struct snapshot_process *rows = calloc(collector->process_count + 2, sizeof(*rows));
    if (!rows)
        return;
    reading_take_process(&collector->model.first, &collector->model, &rows[0]);
    for (uint32_t i = 0; i < collector->process_count; i++)
        reading_take_process(collector->processes[i], &collector->model, &rows[i + 1]);
    reading->process_count = collector->process_count + 1;
    if (collector->processes_folded)
        rows[reading->process_count++] = (struct snapshot_process){
            .command = "(ended)",
            .calls = collector->process_rest.ended_calls,
            .lost = collector->process_rest.ended_lost,
        };
    reading->processes_folded = collector->processes_folded;
    reading->processes = rows;
}

void collector_take_reading(struct collector *collector, uint64_t counter, struct reading *reading)
{
    struct header_call header = {collector->mapping, &reading->header};
    reading->counter = counter;
    guard_run(read_header, &header);
    read_family(collector, &reading->header);
    read_counts(collector, reading);
}

static int take(struct collector *collector, int window_s, enum snapshot_clock clock, bool detailed,
                struct reading *reading)
{
    struct moment *moment = &collector->scratch;
    int result = enter_with_room(collector, &reading->counter);
    if (result)
        return result;
    int seconds =
        reading_past_seconds(&collector->model, &collector->scale, reading->counter, window_s);
    collector_take_reading(collector, reading->counter, reading);
    for (struct drain *drain = &collector->drain; drain; drain = drain->next)
        rules_slots_settle(drain);
    take_processes(collector, reading);
    read_window(collector, seconds, reading);
    moment->clock = clock;
    result = moment_take(moment, &collector->model, reading->counter, seconds);
    if (result == 0 && detailed)
        result = moment_take_detail(moment, &collector->model);
    collector_leave(collector);
    return result;
}

static void drop_seconds(struct moment *moment)
{
    for (uint32_t i = 0; i < moment->second_count; i++)
        window_second_done(&moment->seconds[i]);
    free(moment->seconds);
    moment->seconds = NULL;
    moment->second_count = 0;
}

static struct snapshot *make(struct collector *collector, int window_s, enum snapshot_clock clock,
                             bool detailed)
{
    struct reading *reading = calloc(1, sizeof(*reading));
    struct snapshot *snapshot = snapshot_new();
    if (!reading || !snapshot) {
        free(reading);
        snapshot_free(snapshot);
        return NULL;
    }
    pthread_mutex_lock(&collector->snapshots);
    int result = take(collector, window_s, clock, detailed, reading);
    if (result == 0)
        result = reading_build(reading, &collector->scratch, &collector->model.symbols, window_s,
                               clock, detailed, snapshot);
    drop_seconds(&collector->scratch);
    pthread_mutex_unlock(&collector->snapshots);
    free(reading->processes);
    free(reading);
    if (result) {
        snapshot_free(snapshot);
        return NULL;
    }
    return snapshot;
}

struct snapshot *collector_snapshot(struct collector *collector, int window_s,
                                    enum snapshot_clock clock)
{
    return make(collector, window_s, clock, false);
}

/* The fold goes on between the steps: it waits for none of them longer than for a snapshot. */
struct timeline *collector_timeline(struct collector *collector, const struct timeline_query *query)
{
    struct timeline_source source = {.model = &collector->model};
    collector_enter(collector);
    source.now = collector_catch_up(collector);
    source.start = collector->start_counter ? collector->start_counter
                                            : collector->model.first_counter;
    source.ns_per_tick = collector->scale.ns_per_tick;
    if (!source.start)
        source.start = source.now;
    struct timeline_maker *maker = timeline_begin(&source, query);
    bool more = maker != NULL;
    while (more) {
        more = timeline_step(maker);
        collector_leave(collector);
        collector_enter(collector);
    }
    collector_leave(collector);
    /* What was found points at nodes and symbols, which stay where they are, and what they are. */
    return timeline_finish(maker);
}

bool collector_shape(struct collector *collector, struct shape *ret_shape)
{
    const struct kept *kept = collector->model.kept;
    collector_enter(collector);
    collector_catch_up(collector);
    uint64_t start = collector->start_counter ? collector->start_counter
                                              : collector->model.first_counter;
    bool copied = kept && shape_copy(ret_shape, &kept->shape);
    collector_leave(collector);
    for (uint32_t i = 0; copied && i < ret_shape->count; i++)
        for (uint32_t at = 0; at < ret_shape->lines[i]->kept; at++) {
            struct shape_crossing *crossing = &ret_shape->lines[i]->crossings[at];
            int64_t ticks = (int64_t)(crossing->counter - start);
            crossing->at_ns = (int64_t)((double)ticks * collector->scale.ns_per_tick);
        }
    return copied;
}

int collector_set_shape(struct collector *collector, enum shape_axis axis, uint32_t thread,
                        uint32_t most, bool on)
{
    struct model *model = &collector->model;
    int result = model->kept ? 0 : -ENOTSUP;
    collector_enter(collector);
    uint64_t now = collector_catch_up(collector); /* what was before it has not crossed it */
    if (model->kept && on)
        result = shape_set(model, axis, thread, most, now);
    else if (model->kept)
        shape_clear(model, axis, thread, most);
    collector_leave(collector);
    return result;
}

struct snapshot *collector_snapshot_detailed(struct collector *collector, enum snapshot_clock clock)
{
    return make(collector, 0, clock, true);
}
