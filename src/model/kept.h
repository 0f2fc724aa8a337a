/* SPDX-License-Identifier: MIT */
/* When things were: calls with their begin and end, pauses of the garbage collector, the C library's calls,
 * stretches off the CPU; the last of each, and of each function its slowest ever.
 * Why by length: a ring of the last million calls holds a second of a busy program, and a slow call of a minute ago
 * is what is looked for. So there is a ring for each class of lengths: of what is short the last moment is known,
 * of what is long the last hours, and of each from when on all of it is.
 * Why in the fold: it knows which begin an end belongs to, whatever greenlets, generators and gaps do.
 * Rules: one owner, the fold. Memory is bounded, and none where nobody asks (model->kept is NULL). Counters are as the
 * target told them: nothing is taken out of them. */
#ifndef ULMA_MODEL_KEPT_H
#define ULMA_MODEL_KEPT_H

#include "model/shape.h"
#include "model/timeline.h"

#include <assert.h>

struct model;
struct track;
struct entry;

enum { KEPT_SLOWEST = 10 };

struct kept_call {
    uint64_t begin, end; /* counters */
    uint32_t what;       /* CALL: its node; GC: generation; IO: operation; waits: for what */
    uint32_t track;      /* its number */
    uint32_t task;       /* asyncio's number of it; 0: none's */
    uint16_t depth;      /* 0: the outermost */
    uint16_t kind;       /* enum timeline_kind */
};
static_assert(sizeof(struct kept_call) == 32, "two of them are one cache line");

struct kept_ring {
    struct kept_call *calls;
    uint64_t count; /* so far: the newest is calls[(count - 1) % limit] */
    uint32_t limit; /* a power of two */
};

/* Of one row, in no order. */
struct kept_slowest {
    struct kept_call calls[KEPT_SLOWEST];
    uint32_t count;
};

struct kept {
    struct kept_ring rings[TIMELINE_CLASSES];
    uint64_t *floors; /* by row: a call must take longer than that to be among its slowest */
    struct kept_slowest **slowest; /* by row; NULL: none yet */
    struct shape shape;
};

/* Of an open entry; by its place in the stack. */
struct kept_begin {
    uint64_t counter;
    uint32_t task;
};

/* NULL: no memory. */
struct kept *kept_new(void);
void kept_free(struct kept *kept); /* NULL is allowed */
void kept_reset(struct kept *kept);

/* From here on the model keeps. Before its first track. 0 or -ENOMEM. */
int kept_start(struct model *model);

/* The entry has just come, at `counter`; `entry` is about to go. */
void kept_push(const struct model *model, struct track *track, const struct entry *entry,
               uint64_t counter);
void kept_pop(struct model *model, const struct track *track, const struct entry *entry,
              uint64_t counter);

/* Something else than a call has ended. */
void kept_note(struct model *model, const struct track *track, enum timeline_kind kind,
               uint64_t begin, uint64_t end, uint32_t what);

/* The class of a length, and the shortest length of a class. */
uint32_t kept_class(uint64_t ticks);
uint64_t kept_least_ticks(uint32_t class_number);

#endif
