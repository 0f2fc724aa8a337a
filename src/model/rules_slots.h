/* SPDX-License-Identifier: MIT */
/* The rules of single functions in a session, and what the probe counts there (wire/session.h, struct session_rule).
 * Why numbers of their own: a call reads its function's rule by one index, however many rules there are.
 * Rules: one owner, the fold's; mapped memory under the drain's guard. What stands there is the target's word. */
#ifndef ULMA_MODEL_RULES_SLOTS_H
#define ULMA_MODEL_RULES_SLOTS_H

#include "model/rules.h"

struct drain;

struct rules_slots;

/* The id does as the rule says from now on; `row` is where its numbers go. A symbols_tell_of_rule. */
void rules_slots_tell(void *context, uint32_t id, uint32_t row, const struct rule *rule);

/* The id has no rule any more; before its mode is said. */
void rules_slots_end(struct drain *drain, uint32_t id);

/* What was counted up to now goes to the rows. */
void rules_slots_settle(struct drain *drain);

/* Numbers begin anew: the next call for which a predicate holds is told, as the first one was. */
void rules_slots_begin_anew(struct drain *drain);

/* The probe has defined a function and waits for its mode: decides it. */
void rules_slots_answer(struct drain *drain);

/* Rules have come: they hold for the C library's functions, which no event of a push tells of. The drain is entered. */
void rules_slots_meet_operations(struct drain *drain);

void rules_slots_free(struct rules_slots *slots);

#endif
