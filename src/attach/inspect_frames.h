/* SPDX-License-Identifier: MIT */
/* Frames as people are shown them, from frames as they lie in the process.
 * Why: threads and tasks have both.
 * Rules: as inspect.h. */
#ifndef ULMA_ATTACH_INSPECT_FRAMES_H
#define ULMA_ATTACH_INSPECT_FRAMES_H

#include "attach/codes.h"
#include "attach/inspect.h"
#include "attach/objects.h"
#include "attach/stack.h"

struct inspect_frames_source {
    const struct objects *objects;
    struct codes *codes;
    bool locals;
};

/* In the order given. `names` (may be NULL) are the objects that have the qualified names, where the
 * code object has none: before 3.11. NULL: no memory. */
struct inspect_frame *inspect_frames_read(const struct inspect_frames_source *source,
                                          const struct stack_frame *frames, const uint64_t *names,
                                          size_t count);

#endif
