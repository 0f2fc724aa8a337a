/* SPDX-License-Identifier: MIT */
/* Functions of the C library that a rule has counted in place, or watched until a predicate holds.
 * Why not as those of Python are (probe/escalate.c): their calls are made without the GIL. So they are counted with atomic
 * additions, inside of the gate (unlocked.h), judged when they have ended, and told by the frames' places and by the thread's
 * stack as the collector knows it.
 * Rules: the modes are copied with the GIL, when it is told that they have changed: a call reads its own byte and no session. errno
 * stays. */
#include "sources/io/io_probe.h"

#include "probe/define.h"
#include "probe/escalate.h"
#include "probe/places.h"
#include "probe/switch.h"

#include <string.h>

_Atomic unsigned char io_modes[IO_OPERATION_COUNT];

static uint32_t ids[IO_OPERATION_COUNT];

/* --- which ---------------------------------------------------------------------------------- */

static const char *const definitions[IO_OPERATION_COUNT] = {
#define IO_OPERATION(name, text, result, sort) IO_DEFINITION_PREFIX text,
#include "wire/io_operations.def"
};

void io_rules_prepare(void)
{
    static uint32_t defined_in; /* the link */
    for (int i = 0; i < IO_OPERATION_COUNT && defined_in != link_to.generation; i++) {
        ids[i] = define_operation(definitions[i]);
        atomic_store_explicit(&link_to.header->operation_ids[i], ids[i], memory_order_relaxed);
    }
    defined_in = link_to.generation;
    escalate_await_rule(ids[IO_READ]);
    io_rules_look();
}

void io_rules_look(void)
{
    for (int i = 0; i < IO_OPERATION_COUNT; i++) {
        unsigned char mode = ids[i] ? link_to.modes[ids[i]] : MODE_RECORD;
        atomic_store_explicit(&io_modes[i], mode, memory_order_relaxed);
    }
}

/* --- telling -------------------------------------------------------------------------------- */

enum { PARTS_MOST = 7 }; /* begin, predicate, value, descriptor, bytes, the parts' end, end */

static void add_part(struct event *events, uint32_t *count, enum escalated_part part, uint64_t what)
{
    events[(*count)++] =
        event_with_amount(0, EVENT_ESCALATED_PART, (uint64_t)part << ESCALATED_PART_SHIFT | what);
}

/* One that has no events of its own gets them now, so that the collector finds its file as it does any call's. */
static void tell(const struct io_ended *call, enum rule_predicate predicate, uint64_t value)
{
    struct event events[PLACES_MOST + PARTS_MOST];
    uint32_t count = places_collect_all(events);
    if (!call->is_told)
        events[count++] = (struct event){
            .kind_id = event_pack(EVENT_IO_BEGIN, call->operation | IO_RULED), .frame = call->fd};
    events[count++] = (struct event){.kind_id = event_pack(EVENT_ESCALATED, ids[call->operation]),
                                     .frame = predicate};
    add_part(events, &count, ESCALATED_VALUE,
             value < ESCALATED_LENGTH_MOST ? value : ESCALATED_LENGTH_MOST);
    add_part(events, &count, ESCALATED_DESCRIPTOR,
             (uint64_t)(call->error & 0xffff) << 32 | call->fd);
    if (call->moves && !call->error)
        add_part(events, &count, ESCALATED_ARGUMENT, call->amount + 1);
    add_part(events, &count, ESCALATED_END, 0);
    if (!call->is_told)
        events[count++] = io_end_event(call);
    for (uint32_t i = 0; i < count; i++)
        events[i].counter = call->end;
    unlocked_put_slow(events, count);
}

/* --- judging -------------------------------------------------------------------------------- */

/* The first one, and those that are worse than any before, are told. */
static bool is_worse(struct session_rule *rule, enum rule_predicate predicate, uint64_t value)
{
    uint64_t worst = atomic_load_explicit(&rule->worst[predicate], memory_order_relaxed);
    while (value > worst || !worst)
        if (atomic_compare_exchange_weak_explicit(&rule->worst[predicate], &worst,
                                                  value ? value : 1, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    return false;
}

static bool holds(const struct session_rule *rule, enum rule_predicate predicate,
                  const struct io_ended *call, uint64_t number)
{
    switch (predicate) {
    case RULE_SLOWER:
        return call->end - call->begin > switch_ticks_of_ns(rule->slower_ns);
    case RULE_LARGER:
        return call->moves && !call->error && call->amount > rule->larger;
    case RULE_EVERY:
        return rule->every && number % rule->every == 0;
    case RULE_RAISED:
        return call->error != 0;
    default:
        return false;
    }
}

/* Bits of those that are to be told. */
static uint32_t judge(const struct io_ended *call, struct session_rule *rule,
                      uint64_t values[RULE_PREDICATES])
{
    uint64_t number = atomic_fetch_add_explicit(&rule->counted, 1, memory_order_relaxed) + 1;
    uint32_t told = 0;
    for (int i = 0; rule->predicates >> i && i < RULE_PREDICATES; i++) {
        enum rule_predicate predicate = (enum rule_predicate)i;
        if (!(rule->predicates >> i & 1) || !holds(rule, predicate, call, number))
            continue;
        values[i] = predicate == RULE_LARGER  ? call->amount
                    : predicate == RULE_EVERY ? number
                                              : call->end - call->begin;
        atomic_fetch_add_explicit(&rule->held[i], 1, memory_order_relaxed);
        told |= (uint32_t)is_worse(rule, predicate, values[i]) << i;
    }
    return told;
}

void io_rules_judge(const struct io_ended *call)
{
    uint64_t values[RULE_PREDICATES] = {0};
    struct writer *writer = unlocked_enter();
    if (!writer)
        writer = unlocked_enter_slow();
    if (!writer)
        return;
    struct session_rule *rule = escalate_rule_of(ids[call->operation]);
    uint32_t told = rule ? judge(call, rule, values) : 0;
    unlocked_leave(writer);
    for (int i = 0; told >> i; i++)
        if (told >> i & 1)
            tell(call, (enum rule_predicate)i, values[i]);
}
