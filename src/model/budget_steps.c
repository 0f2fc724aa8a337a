/* SPDX-License-Identifier: MIT */
/* Sources that come on one after the other under a budget: what steps.h knows, and what it decides.
 * Why apart: the budget's functions are muted by bytes that the probe looks at; a source is a word of each session that
 * the probe has to obey, and may refuse.
 * Rules: as in budget.h. The first process's answer stands for all: the others are told the same words. */
#include "model/collector_parts.h"
#include "model/fold_source.h"
#include "wire/guard.h"

#include <stdio.h>
#include <string.h>

enum {
    ASK_AGAIN_NS = 1000 * 1000 * 1000,
    PATIENCE_S =
        5, /* the first process has ended, or is in a long call: the others are not held up */
};

void budget_steps_begin(struct collector *collector, uint32_t asked, uint32_t on)
{
    struct budget *budget = &collector->budget;
    steps_begin(&budget->steps, asked, on);
    budget->step_ns = clock_monotonic_ns();
    if (collector->options.budget_pct > 0)
        budget_steps_change(collector, NULL);
}

uint32_t budget_steps_change(struct collector *collector, const uint32_t *asked)
{
    struct budget *budget = &collector->budget;
    uint32_t on = steps_set_budget(&budget->steps, collector->options.budget_pct);
    if (asked) {
        on = steps_ask(&budget->steps, *asked);
        budget->refused_before = budget->steps.refused;
    }
    collector->model.counts_kinds = collector->options.budget_pct > 0;
    return on;
}

struct answer_call {
    const struct session_header *header;
    bool answered;
    uint32_t state, on;
    char reason[SESSION_REASON_SIZE];
};

static int read_answer(void *context)
{
    struct answer_call *call = context;
    const struct session_header *header = call->header;
    call->answered = atomic_load_explicit(&header->switch_done, memory_order_acquire) ==
                     atomic_load_explicit(&header->switch_serial, memory_order_relaxed);
    call->state = atomic_load_explicit(&header->state, memory_order_acquire);
    call->on = atomic_load_explicit(&header->sources_on, memory_order_relaxed);
    memcpy(call->reason, header->reason, sizeof(call->reason) - 1);
    return 0;
}

static int write_on(void *context)
{
    struct collector *collector = context;
    atomic_store_explicit(&mapping_header(collector->mapping)->sources_wanted,
                          collector->budget.steps.on, memory_order_relaxed);
    return 0;
}

/* What was never on is no source that was on for a part of the time. */
static void forget_unanswered(struct source_times *times, uint32_t on)
{
    times->ever &= ~(times->unanswered & ~on);
    times->unanswered = 0;
}

/* What was refused is wanted no more: the next switch is not to try it again. */
static void forget_refused(struct collector *collector, const char *reason)
{
    snprintf(collector->budget.refusal, SESSION_REASON_SIZE, "%s", reason);
    collector_note_sources(collector, collector->budget.steps.on, collector->budget.step_ticks);
    guard_run(write_on, collector);
}

static void call_program(struct collector *collector, uint64_t now_ns)
{
    collector->budget.call_ns = now_ns + ASK_AGAIN_NS;
    atomic_store(&collector->budget.steps_urgent, true);
    sem_post(&collector->keeper_wake);
}

static void look_for_answer(struct collector *collector, uint64_t now_ns)
{
    struct budget *budget = &collector->budget;
    struct answer_call call = {.header = mapping_header(collector->mapping)};
    if (guard_run(read_answer, &call))
        return;
    if (call.answered && call.state == STATE_ON) {
        uint32_t said = budget->steps.on;
        steps_answered(&budget->steps, call.on, now_ns);
        forget_unanswered(&collector->source_times, budget->steps.on);
        if (budget->steps.on != said)
            forget_refused(collector, call.reason);
    } else if (now_ns - budget->step_ns >= PATIENCE_S * UINT64_C(1000000000)) {
        steps_answered(&budget->steps, budget->steps.on, now_ns);
    } else if (!call.answered && now_ns >= budget->call_ns) {
        call_program(collector, now_ns);
    }
}

static void count_events(const struct model *model, uint64_t *by_source)
{
    memset(by_source, 0, STEPS_SOURCES * sizeof(*by_source));
    for (const struct fold_source *const *source = fold_source_list; *source; source++)
        for (uint32_t kind = (*source)->first_kind; kind <= (*source)->last_kind; kind++)
            by_source[__builtin_ctz((*source)->bit)] += model->kind_events[kind];
}

void budget_steps_round(struct collector *collector, uint64_t now_ns)
{
    struct budget *budget = &collector->budget;
    uint64_t events[STEPS_SOURCES];
    uint32_t before = budget->steps.on;
    if (!budget->steps.stepped_ns)
        look_for_answer(collector, now_ns);
    count_events(&collector->model, events);
    uint32_t on = steps_tick(&budget->steps, budget->busy_ns, now_ns, events, budget->price_ns,
                             governor_has_room(&budget->governor));
    if (on == before || budget->steps.stepped_ns)
        return;
    collector_say_sources(collector, on, collector_catch_up(collector));
    call_program(collector, now_ns);
}

uint32_t collector_refusal(struct collector *collector)
{
    struct budget *budget = &collector->budget;
    struct steps *steps = &budget->steps;
    collector_enter(collector);
    if (!steps->stepped_ns)
        look_for_answer(collector, clock_monotonic_ns());
    uint32_t refused = steps->refused & ~budget->refused_before;
    steps->asked &= ~refused;
    steps->refused &= ~refused;
    collector_leave(collector);
    return refused;
}
