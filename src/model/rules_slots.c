/* SPDX-License-Identifier: MIT */
/* Giving out a session's rules, reading their counts.
 * Why: see rules_slots.h. */
#include "model/rules_slots.h"

#include "model/drain.h"
#include "wire/guard.h"

#include <stdlib.h>
#include <string.h>

struct slot {
    uint32_t id;   /* 0: free */
    uint32_t rows; /* of the rule: how many of the numbers below */
    uint32_t row_of[RULE_PREDICATES];
    uint32_t predicate_of[RULE_PREDICATES];  /* RULE_PREDICATES: calls alone */
    uint64_t counted, held[RULE_PREDICATES]; /* as last read */
};

struct rules_slots {
    struct slot slots[SESSION_RULES]; /* [0] is nobody's */
    uint16_t by_id[SESSION_ID_LIMIT];
    uint32_t most; /* beyond it all are free */
};

static unsigned char *area(const struct drain *drain)
{
    return (unsigned char *)(void *)mapping_modes(drain->mapping);
}

static struct session_rule *session_rule(const struct drain *drain, uint32_t number)
{
    return (struct session_rule *)(void *)(area(drain) + SESSION_RULES_AT) + number;
}

/* --- counts ----------------------------------------------------------------------------------- */

struct counts_call {
    const struct session_rule *rule;
    uint64_t counted, held[RULE_PREDICATES];
};

static int read_counts(void *context)
{
    struct counts_call *call = context;
    call->counted = atomic_load_explicit(&call->rule->counted, memory_order_relaxed);
    for (int i = 0; i < RULE_PREDICATES; i++)
        call->held[i] = atomic_load_explicit(&call->rule->held[i], memory_order_relaxed);
    return 0;
}

static void settle(struct drain *drain, uint32_t number)
{
    struct slot *slot = &drain->rules->slots[number];
    struct counts_call call = {.rule = session_rule(drain, number)};
    if (guard_run(read_counts, &call))
        return;
    for (uint32_t i = 0; i < slot->rows; i++) {
        struct escalation *row = &drain->model->escalations.rows[slot->row_of[i]];
        uint32_t predicate = slot->predicate_of[i];
        row->calls += call.counted - slot->counted;
        if (predicate < RULE_PREDICATES)
            row->held += call.held[predicate] - slot->held[predicate];
    }
    slot->counted = call.counted;
    memcpy(slot->held, call.held, sizeof(slot->held));
}

void rules_slots_settle(struct drain *drain)
{
    for (uint32_t i = 1; drain->rules && i <= drain->rules->most; i++)
        if (drain->rules->slots[i].id)
            settle(drain, i);
}

static int forget_worst(void *context)
{
    struct session_rule *rule = context;
    for (int i = 0; i < RULE_PREDICATES; i++)
        atomic_store_explicit(&rule->worst[i], 0, memory_order_relaxed);
    return 0;
}

void rules_slots_begin_anew(struct drain *drain)
{
    rules_slots_settle(drain);
    for (uint32_t i = 1; drain->rules && i <= drain->rules->most; i++)
        if (drain->rules->slots[i].id)
            guard_run(forget_worst, session_rule(drain, i));
}

/* --- giving out ------------------------------------------------------------------------------- */

static uint32_t free_slot(struct rules_slots *slots)
{
    for (uint32_t i = 1; i < SESSION_RULES; i++) {
        if (slots->slots[i].id)
            continue;
        if (i > slots->most)
            slots->most = i;
        return i;
    }
    return 0;
}

static void take_rows(struct model *model, struct slot *slot, uint32_t row, const struct rule *rule)
{
    for (uint32_t i = 0; i <= RULE_PREDICATES; i++) {
        bool asked = i < RULE_PREDICATES ? rule->predicates >> i & 1 : rule->predicates == 0;
        uint32_t found = asked ? escalations_find(model, row, rule, i) : ESCALATIONS_NONE;
        if (found == ESCALATIONS_NONE)
            continue;
        slot->row_of[slot->rows] = found;
        slot->predicate_of[slot->rows++] = i;
    }
}

struct write_call {
    struct drain *drain;
    uint32_t id, number;
    const struct rule *rule; /* NULL: none any more */
};

static int write_rule(void *context)
{
    const struct write_call *call = context;
    uint16_t *numbers = (uint16_t *)(void *)(area(call->drain) + SESSION_RULE_NUMBERS_AT);
    _Atomic unsigned char *mode = mapping_modes(call->drain->mapping) + call->id;
    struct session_rule *rule = session_rule(call->drain, call->number);
    if (!call->rule) {
        numbers[call->id] = 0;
        rule->id = 0;
        return 0;
    }
    *rule = (struct session_rule){
        .slower_ns = call->rule->slower_ns,
        .larger = call->rule->larger,
        .deeper = call->rule->deeper,
        .every = call->rule->every,
        .predicates = call->rule->predicates,
        .id = call->id,
    };
    numbers[call->id] = (uint16_t)call->number;
    /* The probe reads the mode first. */
    atomic_store_explicit(mode, call->rule->predicates ? MODE_ESCALATE : MODE_COUNT,
                          memory_order_release);
    return 0;
}

void rules_slots_tell(void *context, uint32_t id, uint32_t row, const struct rule *rule)
{
    struct drain *drain = context;
    if (!drain->rules)
        drain->rules = calloc(1, sizeof(*drain->rules));
    if (!drain->rules || id == 0 || id >= SESSION_ID_LIMIT)
        return;
    rules_slots_end(drain, id);
    uint32_t number = free_slot(drain->rules);
    if (!number) {
        escalations_refuse(drain->model, row);
        symbols_tell_mode(&drain->model->symbols, id, MODE_OFF);
        return;
    }
    struct slot *slot = &drain->rules->slots[number];
    *slot = (struct slot){.id = id};
    take_rows(drain->model, slot, row, rule);
    drain->rules->by_id[id] = (uint16_t)number;
    struct write_call call = {drain, id, number, rule};
    guard_run(write_rule, &call);
}

void rules_slots_end(struct drain *drain, uint32_t id)
{
    uint32_t number = drain->rules && id < SESSION_ID_LIMIT ? drain->rules->by_id[id] : 0;
    if (!number)
        return;
    settle(drain, number);
    struct write_call call = {drain, id, number, NULL};
    guard_run(write_rule, &call);
    drain->rules->slots[number].id = 0;
    drain->rules->by_id[id] = 0;
}

void rules_slots_free(struct rules_slots *slots)
{
    free(slots);
}

/* --- questions -------------------------------------------------------------------------------- */

struct answer_call {
    struct session_header *header;
    uint32_t asked, id;
};

static int read_question(void *context)
{
    struct answer_call *call = context;
    /* Acquire: pairs with the probe's release. */
    call->asked = atomic_load_explicit(&call->header->rule_asked, memory_order_acquire);
    call->id = atomic_load_explicit(&call->header->rule_id, memory_order_relaxed);
    return 0;
}

static int write_answer(void *context)
{
    const struct answer_call *call = context;
    atomic_store_explicit(&call->header->rule_answered, call->asked, memory_order_release);
    return 0;
}

struct operations_call {
    struct session_header *header;
    uint32_t ids[IO_OPERATION_COUNT];
};

static int read_operations(void *context)
{
    struct operations_call *call = context;
    for (int i = 0; i < IO_OPERATION_COUNT; i++)
        call->ids[i] = atomic_load_explicit(&call->header->operation_ids[i], memory_order_relaxed);
    return 0;
}

void rules_slots_meet_operations(struct drain *drain)
{
    struct operations_call call = {.header = mapping_header(drain->mapping)};
    if (guard_run(read_operations, &call))
        return;
    for (int i = 0; i < IO_OPERATION_COUNT; i++)
        if (call.ids[i] && call.ids[i] < SESSION_ID_LIMIT)
            symbols_handle(&drain->model->symbols, call.ids[i]);
}

/* Whoever asks for the rule of one function of the C library asks for all. */
static void decide(struct drain *drain, uint32_t id)
{
    struct symbols *symbols = &drain->model->symbols;
    const struct symbol *symbol = &symbols->symbols[symbols_handle(symbols, id) >> 1];
    if (symbols_operation(symbol->kind, symbol->name))
        rules_slots_meet_operations(drain);
}

void rules_slots_answer(struct drain *drain)
{
    struct answer_call call = {.header = mapping_header(drain->mapping)};
    if (!drain->model->symbols.sites || !drain->model->symbols.sites->rules ||
        guard_run(read_question, &call) || call.asked == drain->rules_answered)
        return;
    drain->rules_answered = call.asked;
    if (call.id && call.id < SESSION_ID_LIMIT)
        decide(drain, call.id);
    guard_run(write_answer, &call);
}
