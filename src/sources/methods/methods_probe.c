/* SPDX-License-Identifier: MIT */
/* Putting thunks in, and taking them out.
 * Why the collector is asked first: the probe knows no patterns. It tells what there is; the answer is a mode byte
 * for each. At a program's start it waits for that answer, so that nothing before it goes by.
 * Rules: what is written over is a pointer-sized word in memory that may be written already, and is put back only
 * where ours stands there still. */
#include "sources/methods/methods_probe.h"

#include "probe/link.h"
#include "probe/py/callable_cache.h"
#include "probe/switch.h"
#include "probe/writer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { ANSWER_MS = 500, STEP_US = 50 };

static bool is_on;
static int thunk_count; /* given out, ever */

static bool is_decided(void)
{
    const struct session_header *header = link_to.header;
    return atomic_load_explicit(&header->methods_decided, memory_order_acquire) ==
           atomic_load_explicit(&header->methods_listed, memory_order_relaxed);
}

/* The collector reads definitions of the list, and answers. One that does not is dead or very busy: what it says
 * later comes with a new serial. */
static void wait_for_answer(void)
{
    uint64_t begin_ns = clock_monotonic_ns();
    while (!is_decided() && clock_monotonic_ns() - begin_ns < ANSWER_MS * UINT64_C(1000000)) {
        writer_wake_collector();
        nanosleep(&(struct timespec){.tv_nsec = STEP_US * 1000}, NULL);
    }
}

void methods_ask(void)
{
    /* Release: the definitions are there. */
    atomic_fetch_add_explicit(&link_to.header->methods_listed, 1, memory_order_release);
    wait_for_answer();
}

static int tell_list(void)
{
    if (!methods_list())
        return -1;
    methods_ask();
    return 0;
}

/* --- thunks --------------------------------------------------------------------------------- */

/* ml_meth is an ordinary word, which the interpreter reads at each call. */
static void set_function(PyMethodDef *method, methods_function *function)
{
    union {
        methods_function *thunk;
        PyCFunction function;
    } word = {.thunk = function};
    __atomic_store_n((uintptr_t *)&method->ml_meth, (uintptr_t)word.function, __ATOMIC_RELEASE);
}

static bool has_thunk(const PyMethodDef *method, int number)
{
    return (uintptr_t)method->ml_meth == (uintptr_t)methods_thunk_code(number);
}

enum { SLOTS = 4 * METHODS_THUNKS };
static uint16_t slots[SLOTS]; /* by method: 1 + the thunk's number */

static uint16_t *slot_of(const PyMethodDef *method)
{
    size_t at = ((uintptr_t)method * UINT64_C(0x9e3779b97f4a7c15)) >> 40 & (SLOTS - 1);
    while (slots[at] && methods_thunks[slots[at] - 1].method != method)
        at = (at + 1) & (SLOTS - 1);
    return &slots[at];
}

methods_function **methods_called(const PyMethodDef *method)
{
    uint16_t slot = *slot_of(method);
    return slot ? &methods_thunks[slot - 1].original : NULL;
}

bool methods_has_thunk(const PyMethodDef *method)
{
    uint16_t slot = *slot_of(method);
    return slot && has_thunk(method, slot - 1);
}

/* The method's own thunk, or a new one; -1: there are no more. */
static int thunk_of(const PyMethodDef *method)
{
    uint16_t slot = *slot_of(method);
    if (slot)
        return slot - 1;
    return thunk_count < METHODS_THUNKS ? thunk_count : -1;
}

static uint32_t put_thunk(const struct methods_candidate *candidate)
{
    PyMethodDef *method = candidate->method;
    int number = thunk_of(method);
    if (candidate->is_sealed)
        return UNHEARD_SEALED;
    if (number < 0)
        return UNHEARD_MANY;
    struct methods_thunk *thunk = &methods_thunks[number];
    if (number == thunk_count) {
        uint16_t *slot = slot_of(method);
        *thunk = (struct methods_thunk){.method = method};
        *slot = (uint16_t)++thunk_count;
    }
    thunk->id = candidate->id;
    thunk->is_judged = escalate_is_mode(link_to.modes[candidate->id]);
    thunk->is_on = true;
    if (!has_thunk(method, number)) {
        union {
            PyCFunction function;
            methods_function *any;
        } word = {.function = method->ml_meth}; /* which may have changed since it was here last */
        thunk->original = word.any;
        set_function(method, methods_thunk_code(number));
    }
    return 0;
}

static void take_thunk(int number)
{
    struct methods_thunk *thunk = &methods_thunks[number];
    thunk->is_on = false;
    if (has_thunk(thunk->method, number))
        set_function(thunk->method, thunk->original);
}

/* True: something has changed. */
static bool fit(void)
{
    const struct methods_candidates *candidates = methods_listed();
    uint32_t unheard = 0;
    bool changed = false, shortcuts = false;
    for (size_t i = 0; i < candidates->count; i++) {
        const struct methods_candidate *candidate = &candidates->list[i];
        int number = thunk_of(candidate->method);
        bool was = number >= 0 && number < thunk_count && methods_thunks[number].is_on;
        bool wanted = methods_is_mode(link_to.modes[candidate->id]);
        changed |= was != wanted;
        if (wanted) {
            unheard |= put_thunk(candidate);
            shortcuts |= callable_cache_may_have(candidate->method->ml_name);
        } else if (was) {
            take_thunk(number);
        }
    }
    if (shortcuts && !callable_cache_close())
        unheard |= UNHEARD_INLINED;
    if (!shortcuts)
        callable_cache_open();
    atomic_store_explicit(&link_to.header->methods_unheard, unheard, memory_order_relaxed);
    return changed;
}

/* --- the hooks ------------------------------------------------------------------------------ */

static int methods_make_ready(char *reason, size_t size)
{
    if (tell_list() == 0)
        return 0;
    snprintf(reason, size, "there is no memory for a list of the methods");
    return -1;
}

static int methods_on(char *reason, size_t size)
{
    (void)reason;
    (void)size;
    methods_thunks_begin_anew();
    is_on = true;
    fit();
    return 0;
}

static void methods_off(void)
{
    if (!is_on)
        return;
    is_on = false;
    for (int i = 0; i < thunk_count; i++)
        take_thunk(i);
    callable_cache_open();
    methods_thunks_begin_anew();
}

/* Other patterns, or other modules. */
static void methods_rearm(void)
{
    if (is_on && tell_list() == 0 && fit())
        switch_renew_traces();
}

/* Its methods are monitored before the program can call one. */
static void methods_imported(void)
{
    static bool is_busy; /* what is called here may import, too */
    if (!is_on || is_busy || !methods_list_is_old())
        return;
    is_busy = true;
    if (tell_list() == 0 && fit())
        switch_renew_traces();
    is_busy = false;
}

const struct source_hooks methods_hooks = {
    .bit = SOURCE_METHODS,
    .make_ready = methods_make_ready,
    .on = methods_on,
    .off = methods_off,
    .rearm = methods_rearm,
    .imported = methods_imported,
};
