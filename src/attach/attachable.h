/* SPDX-License-Identifier: MIT */
/* Whether a process could be attached to, without trying.
 * Why: who looks for a process wants to know before an attach is refused, and why.
 * Rules: reads /proc and the process's memory; nothing is stopped, nothing written. The answer is of
 * this moment: which state its main thread will be in is not known before. */
#ifndef ULMA_ATTACH_ATTACHABLE_H
#define ULMA_ATTACH_ATTACHABLE_H

#include "attach/inject.h"
#include "attach/python_image.h"

struct attachable {
    char version[PYTHON_VERSION_BYTES]; /* of its Python; "" when it was not to be read */
    struct attach_outcome outcome;      /* why not: one sentence; "" when it could */
    pid_t tracer; /* who traces it, so that its own door for debuggers is what is left; 0: nobody */
};

/* False: it is no Python, or there is no such process any more. */
bool attachable_look(pid_t pid, struct attachable *ret_attachable);

#endif
