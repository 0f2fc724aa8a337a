/* SPDX-License-Identifier: MIT */
/* Other patterns while events come: who is left out from here on, who is taken in.
 *
 * A function that is left out has no entries on the stacks (symbols.h), so those that it has go, and what
 * stands above them is called by the nearest function below that is kept: its node, too. Its time up to
 * here was flushed and stays its own; what follows is its callers'. Its ids become HEARD, so that its
 * callers are known before it falls silent.
 * A function that is taken in has no entries yet: its frames that are open come with the stacks that the
 * probe tells again (wire/session.h: stacks_wanted). Its ids become RECORD.
 * Rules: one owner, the model's. Time was flushed up to the present (model_flush) before. The order is
 * rows, ids of each process (model_enter), stacks. */
#ifndef ULMA_MODEL_RESITE_H
#define ULMA_MODEL_RESITE_H

#include "model/fold.h"

struct resited {
    uint32_t left_out, taken_in; /* rows */
};

/* Decides again for all functions, by symbols.sites. */
struct resited resite_rows(struct model *model);

/* What the ids of the present process mean, what its probe does with them, and what is suspended. */
void resite_ids(struct model *model);

/* Takes the entries of those that are left out off all stacks; resite_rows' marks are gone then. */
void resite_stacks(struct model *model);

#endif
