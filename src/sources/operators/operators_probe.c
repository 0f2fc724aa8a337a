/* SPDX-License-Identifier: MIT */
/* Switching operators on and off.
 * Why the collector is asked: see sources/methods/methods_probe.c; the operators stand in the same list as methods, by
 * names like `dict.__getitem__`.
 * Rules: as there. */
#include "sources/operators/operators_probe.h"

#include "probe/define.h"
#include "probe/py/line.h"
#include "probe/py/monitoring.h"
#include "probe/source_hooks.h"
#include "probe/switch.h"
#include "sources/methods/methods_probe.h"

static bool is_on;
static uint32_t ids[OPERATOR_COUNT]; /* under the present link */
static uint32_t generation;
static uint32_t unseen,
    unseen_of_every; /* told in part: everywhere; where every one is asked for */

static void tell_list(void)
{
    static const struct define_operator list[OPERATOR_COUNT] = {
#define OPERATOR(symbol, type_, name_) {.type = type_, .name = name_},
#include "wire/operators.def"
#undef OPERATOR
    };
    for (int i = 0; generation != link_to.generation && i < OPERATOR_COUNT; i++)
        ids[i] = define_operator(&list[i]);
    generation = link_to.generation;
    methods_ask();
}

static bool is_judged(int operator)
{
    return ids[operator] && escalate_is_mode(link_to.modes[ids[operator]]);
}

static uint32_t wanted(void)
{
    uint32_t bits = 0;
    for (int i = 0; i < OPERATOR_COUNT; i++)
        if (ids[i] && (link_to.modes[ids[i]] == MODE_METHOD || is_judged(i)))
            bits |= UINT32_C(1) << i;
    return bits;
}

static uint32_t judged(void)
{
    uint32_t bits = 0;
    for (int i = 0; i < OPERATOR_COUNT; i++)
        bits |= (uint32_t)is_judged(i) << i;
    return bits;
}

/* True: something has changed. */
static bool fit(void)
{
    uint32_t bits = wanted();
    bool changed = bits != operators_state.told;
    uint32_t sealed = operators_put(bits, true);
    operators_state.ids = ids;
    operators_state.judged = judged();
    operators_state.told = bits & ~sealed;
    atomic_store_explicit(&link_to.header->operators_unseen, (unseen | sealed) & bits,
                          memory_order_relaxed);
    return changed;
}

static bool wants_every(void)
{
    uint32_t sources = atomic_load_explicit(&link_to.header->sources_wanted, memory_order_relaxed);
    return pyapi.minor >= 12 && (sources & SOURCE_OPERATORS_EVERY);
}

/* Up to 3.11 a profile function, as c-calls has one there, keeps the interpreter from what it specialised. */
static bool is_unspecialized(void)
{
    uint32_t sources = atomic_load_explicit(&link_to.header->sources_wanted, memory_order_relaxed);
    return pyapi.minor == 11 && (sources & SOURCE_C_CALLS);
}

static int operators_make_ready(char *reason, size_t size)
{
    if (line_prepare(reason, size) || operators_find_slots(reason, size))
        return -1;
    unseen = is_unspecialized() ? 0 : operators_test(0);
    long instruction_event = wants_every() ? monitoring_event("INSTRUCTION") : 0;
    unseen_of_every = instruction_event > 0 ? operators_test(instruction_event) : unseen;
    tell_list();
    return 0;
}

static int operators_on(char *reason, size_t size)
{
    (void)reason;
    (void)size;
    operators_state.interpreter = PyInterpreterState_Get();
    operators_state.epoch++;
    operators_sites_begin(unseen, unseen_of_every);
    is_on = true;
    fit();
    operators_watch_classes();
    return 0;
}

static void operators_off(void)
{
    if (!is_on)
        return;
    is_on = false;
    operators_state.told = 0;
    operators_state.epoch++;
    operators_unwatch_classes();
    operators_take();
}

/* Other patterns. */
static void operators_rearm(void)
{
    if (!is_on)
        return;
    tell_list();
    if (fit())
        switch_renew_traces();
}

/* Types of C that were derived meanwhile. */
static void operators_imported(void)
{
    if (is_on)
        fit();
}

const struct source_hooks operators_hooks = {
    .bit = SOURCE_OPERATORS,
    .make_ready = operators_make_ready,
    .on = operators_on,
    .off = operators_off,
    .rearm = operators_rearm,
    .imported = operators_imported,
};
