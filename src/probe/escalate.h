/* SPDX-License-Identifier: MIT */
/* Functions that a rule has counted in place, or watched until a predicate holds (wire/session.h, struct session_rule).
 * Why here: judging in the program costs no event; one that is worth it is told with the stack, and with what the call
 * was given.
 * Rules: the GIL is held. Nothing here raises or runs code of the program's; a call that is told may define functions.
 * What is open is remembered for each thread; an activation whose beginning nobody saw is not judged by its time. */
#ifndef ULMA_PROBE_ESCALATE_H
#define ULMA_PROBE_ESCALATE_H

#include "probe/py/pyapi.h"
#include "wire/session.h"

/* A call of a monitored method: the words that its calling convention has (methods_probe.h). Of an operator: self, and in
 * `a` what stands beside it. */
struct escalate_words {
    uint32_t id, key;          /* key: tells it from others that are open */
    const PyMethodDef *method; /* NULL: an operator */
    void *self, *a, *b, *c, *d;
};

/* The mode is one of the two. */
static inline bool escalate_is_mode(unsigned char mode)
{
    return mode == MODE_COUNT || mode == MODE_ESCALATE;
}

/* An activation begins: a call, or a resume of a generator. */
void escalate_push(uint32_t id, PyObject *code, void *frame);

/* It ends, or a generator's part up to a yield, at `counter`. */
void escalate_pop(uint32_t id, PyObject *code, void *frame, bool raised, uint64_t counter);

/* Whether somebody looks at how the calls of the function end. */
bool escalate_needs_pop(uint32_t id);

/* The same of a method. */
void escalate_push_method(const struct escalate_words *words);
void escalate_pop_method(const struct escalate_words *words, bool raised, uint64_t counter);

/* A function has been defined: waits, where there are rules, until it has its mode. */
void escalate_await_rule(uint32_t id);

/* Rules have come, and which lines run has to be found out first, by a few lines of Python that nobody is to hear. */
bool escalate_needs_lines(void);

/* Before recording goes on. */
void escalate_make_ready(void);

/* What is open now began under other rules. */
void escalate_begin_anew(void);

#endif
