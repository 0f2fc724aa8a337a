/* SPDX-License-Identifier: MIT */
/* The tasks and event loops of asyncio, of one interpreter that is read from outside.
 * Why: a coroutine that waits is on no thread's stack, so a program that waits in all its tasks looks
 * idle in its threads; the tasks say what it waits for.
 * Rules: as inspect.h. A list that changes while it is read is read again a few times, then told
 * (tasks_torn); the same goes for each task. */
#ifndef ULMA_ATTACH_INSPECT_ASYNCIO_H
#define ULMA_ATTACH_INSPECT_ASYNCIO_H

#include "attach/awaits.h"
#include "attach/inspect.h"
#include "attach/inspect_frames.h"

/* What an object is to _asyncio: only these have its fields. */
enum inspect_asyncio_kind { INSPECT_ASYNCIO_OTHER, INSPECT_ASYNCIO_FUTURE, INSPECT_ASYNCIO_TASK };

struct inspect_asyncio_edge {
    uint64_t waiter, awaited;
};

struct inspect_asyncio {
    /* From the caller: */
    struct inspect_frames_source frames;
    uint64_t interpreter, modules; /* the interpreter's state, its sys.modules */
    const struct inspect_thread *threads;
    size_t thread_count;
    uint64_t deadline_ns;
    /* Found: */
    uint64_t names;       /* the namespace of asyncio.tasks */
    uint64_t future_type; /* _asyncio's; 0: there is none */
    uint64_t task_type;
    const char *folder; /* of asyncio's files, with the last slash; NULL: not known */
    struct {
        uint64_t type;
        enum inspect_asyncio_kind kind;
    } seen[32];    /* classes; the first without a type ends them */
    uint64_t *ids; /* the tasks, by address */
    size_t id_count;
    struct inspect_asyncio_edge *edges; /* that the tasks themselves noted (3.14+); of the heap */
    size_t edge_count, edge_room;
    struct awaits awaits; /* of the task that is being read */
};

/* Adds the tasks that are not done, and their loops. 0, -ENOMEM, or -ESRCH. What the tasks await are
 * addresses until inspect_asyncio_put_in_order. */
int inspect_asyncio_read(struct inspect_asyncio *asyncio, struct inspect *inspect);

/* Sorts them and makes the addresses places. 0 or -ENOMEM. */
int inspect_asyncio_put_in_order(struct inspect *inspect, struct arena *arena);

void inspect_asyncio_clear(struct inspect *inspect);
void inspect_asyncio_done(struct inspect *inspect);

enum inspect_asyncio_kind inspect_asyncio_kind_of(struct inspect_asyncio *asyncio, uint64_t object);

enum inspect_asyncio_kind inspect_asyncio_kind_of_type(struct inspect_asyncio *asyncio,
                                                       uint64_t type);

/* Whether it is one of the tasks that were found. */
bool inspect_asyncio_is_task(const struct inspect_asyncio *asyncio, uint64_t object);

/* Reads one task (inspect_task.c): 1; 0: it is done, or none; -ENOMEM. */
int inspect_task_read(struct inspect_asyncio *asyncio, uint64_t address, struct inspect_task *ret);

/* What it waits for (inspect_awaiting.c): fills in `awaiting` and, as addresses, `awaits`. Its frames
 * are those of asyncio->awaits. */
int inspect_awaiting_read(struct inspect_asyncio *asyncio, uint64_t waiter,
                          struct inspect_task *task);

/* Notes who waits for a task, where the task knows: 3.14+. 0 or -ENOMEM. */
int inspect_awaiting_note(struct inspect_asyncio *asyncio, uint64_t task);

/* Gives the waiters among the tasks what was noted. 0 or -ENOMEM. */
int inspect_awaiting_join(const struct inspect_asyncio *asyncio, struct inspect_task *tasks,
                          size_t count);

/* Whether a future is done. */
bool inspect_task_is_done(struct inspect_asyncio *asyncio, uint64_t future);

#endif
