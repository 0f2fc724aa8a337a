/* SPDX-License-Identifier: MIT */
/* The calling contexts as stacks, one after the other: what formats of samples are made of.
 * Why: collapsed, speedscope and pprof write the same stacks with the same bound on their depth.
 * Rules: for the files of this folder only. A stack comes at most once for each context, parents
 * before children. Stacks deeper than EXPORT_MOST_FRAMES have all that lies between that depth and
 * their innermost function left out and are summed by it: without that bound a recursion of depth n
 * would take n * n / 2 frames. So the sums of every innermost function stay what they are. */
#ifndef ULMA_EXPORT_EXPORT_STACKS_H
#define ULMA_EXPORT_EXPORT_STACKS_H

#include "base/arena.h"
#include "export/exporter.h"

enum { EXPORT_MOST_FRAMES = 512 };

/* How that which is left out is called in the files. */
#define EXPORT_DEEPER "(deeper)"

/* The context's own figures, none below zero. */
struct export_stack {
    const int32_t *functions; /* outermost first */
    int depth;
    bool cut;      /* EXPORT_DEEPER stands before the last function */
    int64_t calls; /* activations and resumes */
    int64_t wall_ns, cpu_ns, wait_ns;
};

enum export_stack_weight { STACK_CALLS, STACK_WALL, STACK_CPU, STACK_WAIT };

int64_t export_stack_weigh(const struct export_stack *stack, enum export_stack_weight weight);

/* What the options ask for. */
enum export_stack_weight export_stack_weight(const struct export_options *options);

/* "calls", "wall time", "cpu time", "waiting" */
const char *export_stack_weight_name(enum export_stack_weight weight);

/* Whether a weight can be told: without a source of waits there is neither cpu nor waiting. */
bool export_stack_is_known(const struct snapshot *snapshot, enum export_stack_weight weight);

/* Ends at the first result that is not 0, and returns it. -ENOMEM: no memory. */
int export_stacks_walk(const struct snapshot *snapshot,
                       int (*take)(void *context, const struct export_stack *stack), void *context);

/* A recording may say anything: sums stop at the most there is. */
static inline void export_add(int64_t *sum, int64_t more)
{
    if (__builtin_add_overflow(*sum, more, sum))
        *sum = more < 0 ? INT64_MIN : INT64_MAX;
}

#endif
