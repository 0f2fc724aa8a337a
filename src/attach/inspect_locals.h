/* SPDX-License-Identifier: MIT */
/* The local variables of a frame that is read from outside.
 * Why: a stack says where a program is, its variables say with what.
 * Rules: no repr of the program's runs: simple built-in values are shown as Python would, anything
 * else by its type. All capped. */
#ifndef ULMA_ATTACH_INSPECT_LOCALS_H
#define ULMA_ATTACH_INSPECT_LOCALS_H

#include "attach/codes.h"
#include "attach/inspect.h"
#include "attach/objects.h"
#include "attach/stack.h"

/* Fills in the frame's locals; none when they cannot be read. */
void inspect_locals_read(const struct objects *objects, struct codes *codes,
                         const struct stack_frame *from, struct inspect_frame *frame);

/* The value of one of them, or 0. */
uint64_t inspect_locals_find(const struct objects *objects, struct codes *codes,
                             const struct stack_frame *from, const char *name);

/* A value as the locals show it, or NULL. */
const char *inspect_locals_describe(const struct objects *objects, uint64_t address);

#endif
