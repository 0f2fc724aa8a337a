/* SPDX-License-Identifier: MIT */
/* Other patterns while events come: who is left out from here on, who is taken in.
 *
 * A function that is left out has no entries on the stacks (symbols.h), so those that it has go, and what
 * stands above them is called by the nearest function below that is kept: its node, too. Its time up to
 * here was flushed and stays its own; what follows is its callers'. Its ids become HEARD, so that its
 * callers are known before it falls silent. All of that is so at once.
 * A function that is taken in was silent in some places and not in others: of what it then told, a start might
 * have no end. So first it *joins*: its ids become RECORD, and nothing else changes until the probe has
 * answered, and all that was written before that is folded. Then it is kept; what it has open comes with the
 * stacks that the probe is asked to tell once more (wire/session.h: stacks_wanted).
 * Rules: one owner, the model's. Time was flushed up to the present (model_flush) before. The order is
 * rows, ids of each process (model_enter), stacks. */
#ifndef ULMA_MODEL_RESITE_H
#define ULMA_MODEL_RESITE_H

#include "model/fold.h"

/* Decides again for all functions, by symbols.sites. True: some join. */
bool resite_rows(struct model *model);

/* Those that join are kept from here on. */
void resite_join(struct model *model);

/* What the ids of the present process mean, what its probe does with them, and what is suspended. */
void resite_ids(struct model *model);

/* Open activations whose lines are told no more are at none, and those that are open no more are forgotten. */
void resite_lines(struct model *model);

/* Takes the entries of those that are left out off all stacks; the rows' marks are gone then. */
void resite_stacks(struct model *model);

#endif
