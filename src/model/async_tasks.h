/* SPDX-License-Identifier: MIT */
/* asyncio's tasks: steps, running and suspended time, who made each, what it awaits.
 * Why: the probe says once which coroutine is a task's (wire/event.h: TASK); all else follows from the
 * pushes and pops of that coroutine's frame, which carry the task's number through the fold: in the
 * open entry while a step runs (track.h), in the suspended activation between two steps (suspended.h).
 * A step is a push of the task's own coroutine; but a throw() goes into the innermost one that it awaits,
 * and from there outwards only as far as each ends: such a step is a sequence of pushes, of which the last
 * one yields or is the task's own (ASYNC_PASSING between them).
 * Rules: a task is found by process and frame where no number is at hand. Bounded: what has ended is
 * summed by coroutine and maker; beyond the limits tasks are not followed, or summed together, and
 * counted. Numbers are indices into `tasks`; 0 is none, and one is good until async_tasks_end. */
#ifndef ULMA_MODEL_ASYNC_TASKS_H
#define ULMA_MODEL_ASYNC_TASKS_H

#include "wire/event.h"

#include <stdbool.h>
#include <stdint.h>

struct model;
struct process;
struct symbols;
struct track;

enum {
    ASYNC_TASKS_LIMIT = 1 << 17, /* alive at once */
    ASYNC_GROUPS_LIMIT = 1 << 12,
    ASYNC_NAME_BYTES = 8 * EVENT_NAME_BYTES,
};

enum async_state {
    ASYNC_FREE,
    ASYNC_MADE, /* no step yet */
    ASYNC_RUNNING,
    ASYNC_PASSING, /* a throw() has left the coroutine that it went into: the next one outside goes on */
    ASYNC_CLOSING, /* runs, but no step: its coroutine is closed by whoever drops it */
    ASYNC_SUSPENDED,
};

struct async_sums {
    uint64_t steps, raised;
    int64_t wall_ticks, wait_ticks; /* of the steps */
    int64_t suspended_ticks;        /* between them */
    int64_t longest_ticks;          /* step */
};

struct async_task {
    struct async_sums sums;
    uint64_t id;          /* 1.. in order of first sight */
    uint64_t since;       /* counter: suspended or made since */
    uint64_t made, begun; /* when its maker was told, and it was first heard of */
    int64_t step_ticks,
        step_wait_ticks;  /* the track's clock and wait when the step began, or went on */
    int64_t passed_ticks; /* of the step, before it went on */
    const struct process *process;
    uint32_t pid, tid;
    uint32_t frame;
    uint32_t next;     /* in its bucket, or free */
    uint32_t symbol;   /* of its coroutine; 0: not known before its first step */
    uint32_t maker;    /* symbol; 0: not known */
    uint32_t awaiting; /* symbol of the innermost coroutine when it was suspended; 0 */
    uint8_t state;     /* enum async_state */
    uint8_t name_size;
    char name[ASYNC_NAME_BYTES]; /* the program's bytes, not terminated */
};

/* Tasks that have ended, of one coroutine, made by one function. */
struct async_group {
    struct async_sums sums;
    uint64_t count;
    struct async_task last; /* the one that ended last: all there is while count is 1 */
    uint32_t symbol, maker; /* of rows: their first twins */
    uint32_t next;
};

struct async_tasks {
    struct async_task *tasks;
    uint32_t count, limit; /* of slots ever used, [0] with them; room */
    uint32_t live, free;   /* slots in use; the first free one */
    uint32_t *buckets;     /* limit of them, a power of two */
    struct async_group *groups;
    uint32_t group_count, group_limit;
    uint32_t *group_buckets;
    uint64_t last_id, refused;
    struct async_task longest; /* that had the longest step of all */
};

int async_tasks_init(struct async_tasks *tasks);
void async_tasks_done(struct async_tasks *tasks);

/* TASK, TASK_NAME and TASK_MADE. */
void async_tasks_event(struct model *model, struct track *track, const struct event *event);

/* The push that a TASK was about is left out, and so is the task. */
void async_tasks_leave_out(struct model *model, struct track *track);

/* A push of `frame`: the number of the task that runs, or 0. `before`: the counter of the event before.
 * `suspended`: what its activation carried. `fresh`: the activation that had the frame, and `suspended`,
 * is no more. */
struct async_push {
    uint64_t counter, before;
    int64_t clock_ticks;
    uint32_t kind, frame, symbol;
    uint32_t suspended;
    bool fresh;
};
uint32_t async_tasks_push(struct model *model, struct track *track, const struct async_push *push);

/* Between the events of `before` and of now nothing ran: what passes goes on passing. */
void async_tasks_stay(struct track *track, uint64_t before, uint64_t counter);

/* The entry of `frame`, which carries the number, is popped. */
enum async_how { ASYNC_YIELDED, ASYNC_RETURNED, ASYNC_UNSEEN };
struct async_leave {
    uint64_t counter;
    int64_t clock_ticks;
    uint32_t frame;
    enum async_how how;
};
void async_tasks_leave(struct model *model, struct track *track, uint32_t number,
                       const struct async_leave *leave);

/* Its activation ended without an event. */
void async_tasks_end(struct model *model, uint32_t number);

/* The process has ended, and all its tasks. */
void async_tasks_end_process(struct model *model, const struct process *process);

/* Numbers back to nothing; what lives stays. */
void async_tasks_reset(struct async_tasks *tasks, uint64_t counter);

#endif
