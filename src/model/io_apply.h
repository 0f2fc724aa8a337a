/* SPDX-License-Identifier: MIT */
/* Calls of the C library that have ended, applied in the order in which they happened.
 * Why not as they come: threads' rings are read one after the other, and one thread uses, and closes, what another has
 * opened. A call is applied once every ring has been read up to its end; what it depends on was written before it began.
 * Rules: the fold's owner. */
#ifndef ULMA_MODEL_IO_APPLY_H
#define ULMA_MODEL_IO_APPLY_H

#include "model/fold.h"

/* Of the present process. `name`: name_size bytes. */
void io_apply_later(struct model *model, const struct io_done *done, const unsigned char *name);

/* Those of the process that happened up to `counter`, and its waits: all its rings have been read up to there. */
void io_apply(struct model *model, struct process *process, uint64_t counter);

#endif
