/* SPDX-License-Identifier: MIT */
/* collector_change: other patterns, sources, budget, while the target runs.
 * Why apart: it goes through all that a collector has: model, budget, and the words of each session.
 * Rules: under the lock, and with no snapshot being made, which reads the patterns after it has let the lock
 * go. Mode bytes are written before the serial rises: what the probe then does follows from them. */
#include "model/collector_parts.h"
#include "model/methods.h"
#include "model/resite.h"
#include "model/rules_slots.h"
#include "wire/guard.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void collector_note_sources(struct collector *collector, uint32_t sources, uint64_t on_ticks)
{
    struct source_times *times = &collector->source_times;
    for (uint32_t i = 0; i < COLLECTOR_SOURCES; i++) {
        bool was = times->now >> i & 1, is = sources >> i & 1;
        if (is && !was && SOURCE_SPANS == UINT32_C(1) << i)
            collector->spans_since = clock_counter(collector->scale.source);
        if (is && !was)
            times->absent_ticks[i] += on_ticks - times->absent_since[i];
        else if (was && !is)
            times->absent_since[i] = on_ticks;
    }
    times->now = sources;
    times->unanswered |= sources & ~times->ever;
    times->ever |= sources;
    collector->budget.step_ns = clock_monotonic_ns();
    collector->budget.step_ticks = on_ticks;
}

void collector_forget_sources(struct collector *collector, uint64_t on_ticks)
{
    struct source_times *times = &collector->source_times;
    times->ever = times->now;
    for (uint32_t i = 0; i < COLLECTOR_SOURCES; i++) {
        times->absent_ticks[i] = 0;
        times->absent_since[i] = on_ticks;
    }
}

struct words_call {
    struct session_header *header;
    const struct collector_change *change;
    bool vary, stacks, types_limited;
};

/* Which types are told is looked at again with each beat of the heart: whoever asked for other ones does not wait for
 * the next round. */
static void write_limits(struct session_header *header, bool types_limited)
{
    atomic_store_explicit(&header->types_limited, types_limited, memory_order_relaxed);
    atomic_fetch_add_explicit(&header->heartbeat, 1, memory_order_relaxed);
}

static int write_words(void *context)
{
    const struct words_call *call = context;
    const struct collector_change *change = call->change;
    struct session_header *header = call->header;
    if (call->vary)
        atomic_store_explicit(&header->modes_vary, 1, memory_order_relaxed);
    if (change->sites) {
        atomic_store_explicit(&header->rules_wanted, change->sites->rules != NULL,
                              memory_order_relaxed);
        write_limits(header, call->types_limited);
    }
    if (call->stacks)
        atomic_fetch_add_explicit(&header->stacks_wanted, 1, memory_order_relaxed);
    if (change->has_sources)
        atomic_store_explicit(&header->sources_wanted, change->sources, memory_order_relaxed);
    if (change->has_on_full)
        atomic_store_explicit(&header->on_full, change->on_full, memory_order_relaxed);
    atomic_fetch_add_explicit(&header->switch_serial, 1, memory_order_release);
    return 0;
}

static int read_stdlib(void *context)
{
    struct collector *collector = context;
    struct sites *sites = collector->options.sites;
    memcpy(sites->stdlib, mapping_header(collector->mapping)->stdlib, sizeof(sites->stdlib) - 1);
    return 0;
}

static void tell_ids(struct collector *collector)
{
    for (struct drain *drain = &collector->drain; drain; drain = drain->next) {
        drain_enter(drain);
        tap_say(collector->model.tap, TAP_RESITE, TAP_RESITE_IDS, 0);
        resite_ids(&collector->model);
    }
    drain_enter(&collector->drain);
    tap_say(collector->model.tap, TAP_RESITE, TAP_RESITE_STACKS, 0);
    resite_stacks(&collector->model);
}

/* What is left out is so when it returns. True: functions are to be taken in. */
static bool change_sites(struct collector *collector, struct sites *sites)
{
    struct model *model = &collector->model;
    collector->options.sites = model->symbols.sites = sites;
    guard_run(read_stdlib, collector);
    collector_tell_sites(collector);
    tap_say(model->tap, TAP_RESITE, TAP_RESITE_ROWS, 0);
    for (struct drain *drain = &collector->drain; drain; drain = drain->next) {
        drain_enter(drain);
        methods_decide(drain);
        if (sites->rules)
            rules_slots_meet_operations(drain);
    }
    drain_enter(&collector->drain);
    bool some_join = resite_rows(model);
    tell_ids(collector);
    return some_join;
}

static void write_all(struct collector *collector, struct words_call *call)
{
    for (struct drain *drain = &collector->drain; drain; drain = drain->next) {
        call->header = mapping_header(drain->mapping);
        guard_run(write_words, call);
    }
}

void collector_say_sources(struct collector *collector, uint32_t sources, uint64_t counter)
{
    const struct collector_change change = {.has_sources = true, .sources = sources};
    struct words_call call = {.change = &change};
    collector_note_sources(collector, sources, drain_on_ticks(&collector->drain, counter));
    write_all(collector, &call);
}

static int change_under_lock(struct collector *collector, struct collector_change *change)
{
    uint64_t counter = collector_catch_up(collector);
    double budget_pct = change->has_budget ? change->budget_pct : collector->options.budget_pct;
    if (collector->end_counter)
        return -ESRCH;
    bool anew = change->has_budget || (change->sites && budget_pct > 0);
    int result = anew ? budget_change(collector, budget_pct, counter) : 0;
    if (result)
        return result;
    collector->options.budget_pct = budget_pct;
    struct collector_change said = *change; /* what the sessions are to say */
    if (change->has_sources || change->has_budget) {
        said.sources =
            budget_steps_change(collector, change->has_sources ? &change->sources : NULL);
        said.has_sources = said.sources != collector->source_times.now;
        change->to_come = steps_to_come(&collector->budget.steps);
    }
    if (said.has_sources)
        collector_note_sources(collector, said.sources, drain_on_ticks(&collector->drain, counter));
    struct words_call call = {.change = &said, .vary = budget_pct > 0};
    call.vary = call.vary || (change->sites && (change->sites->count || change->sites->rules));
    if (call.vary)
        model_vary(&collector->model);
    if (change->sites) {
        if (change_sites(collector, change->sites)) {
            collector->joins_ns = clock_monotonic_ns();
            atomic_store(&collector->joins, true);
        }
        for (size_t i = 0; i < change->sites->count; i++)
            change->matched[i] = change->sites->patterns[i].matched;
    }
    if (call.vary)
        tap_say(collector->model.tap, TAP_UNTOLD, 0, 0);
    if (call.vary && !collector->model.pops_untold)
        tap_say(collector->model.tap, TAP_UNTOLD, 0, 0);
    collector->model.pops_untold |= call.vary;
    call.types_limited = collector->model.births.is_limited;
    write_all(collector, &call);
    return 0;
}

static int read_children(void *context)
{
    const struct collector *collector = context;
    return atomic_load(&mapping_header(collector->mapping)->children_made) ==
           atomic_load(&collector->children_found);
}

/* What a child has written counts by the patterns of that time: one that the keeper has not met yet is met
 * before they change. A session that cannot be opened is not waited for. */
static void await_children(struct collector *collector)
{
    enum { STEPS = 300, STEP_US = 1000 };
    for (int i = 0; i < STEPS && collector->options.follow_children; i++) {
        if (guard_run(read_children, collector) != 0)
            return;
        sem_post(&collector->keeper_wake);
        usleep(STEP_US);
    }
}

int collector_change(struct collector *collector, struct collector_change *change)
{
    await_children(collector);
    pthread_mutex_lock(&collector->snapshots);
    collector_enter(collector);
    int result = change_under_lock(collector, change);
    collector_leave(collector);
    pthread_mutex_unlock(&collector->snapshots);
    return result;
}

/* --- taking in ------------------------------------------------------------------------------ */

static int read_switched(void *context)
{
    struct session_header *header = context;
    return atomic_load_explicit(&header->switch_done, memory_order_acquire) ==
           atomic_load_explicit(&header->switch_serial, memory_order_relaxed);
}

static bool have_switched(const struct collector *collector)
{
    for (const struct drain *drain = &collector->drain; drain; drain = drain->next)
        if (guard_run(read_switched, mapping_header(drain->mapping)) != 1)
            return false;
    return true;
}

/* Every place of them is heard, and what was written before that is folded. One that does not answer makes no
 * calls, and answers at its next. */
static bool join(struct collector *collector)
{
    const struct collector_change nothing = {0};
    struct words_call call = {.change = &nothing, .stacks = true};
    bool joined = false;
    collector_enter(collector);
    if (!collector->end_counter && atomic_load(&collector->joins) &&
        (have_switched(collector) ||
         clock_monotonic_ns() - collector->joins_ns >= COLLECTOR_JOIN_NS)) {
        collector_catch_up(collector);
        tap_say(collector->model.tap, TAP_RESITE, TAP_RESITE_JOIN, 0);
        resite_join(&collector->model);
        tell_ids(collector);
        atomic_store(&collector->joins, false);
        write_all(collector, &call);
        joined = true;
    }
    collector_leave(collector);
    return joined;
}

bool collector_switched(struct collector *collector)
{
    if (atomic_load(&collector->joins) && join(collector) && collector->options.signal_target)
        collector->options.signal_target(collector->options.signal_context);
    return !atomic_load(&collector->joins) &&
           guard_run(read_switched, mapping_header(collector->mapping)) == 1;
}
