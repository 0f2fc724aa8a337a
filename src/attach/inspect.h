/* SPDX-License-Identifier: MIT */
/* What a running CPython does, read from outside: its interpreters' threads and their stacks, and the
 * tasks of asyncio with theirs.
 * Why: it works on a process that is stopped, deadlocked or inside a C call that holds the GIL, and
 * nothing runs in it and nothing is written to it.
 * Rules: one reading is one struct; all of it is of the arena and goes with inspect_free. What was not
 * to be read is NULL, 0 or a flag, never a guess. */
#ifndef ULMA_ATTACH_INSPECT_H
#define ULMA_ATTACH_INSPECT_H

#include "attach/python_image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct inspect_local {
    const char *name;
    const char *value; /* repr of a simple built-in value, else its type as `<Type>` */
};

struct inspect_frame {
    const char *name; /* qualified from 3.11 on; NULL: not known */
    const char *file; /* NULL: not known */
    int line;         /* 0: none */
    struct inspect_local *locals;
    size_t local_count;
};

struct inspect_thread {
    uint64_t address;    /* of its thread state */
    pid_t tid;           /* 0: not known */
    const char *name;    /* as threading has it; NULL: threading does not know this thread */
    int64_t interpreter; /* 0 is the main one */
    bool main;           /* Python's main thread */
    bool holds_gil;
    char state;                   /* of /proc/PID/task/TID/stat, ? when not known */
    struct inspect_frame *frames; /* innermost first */
    size_t frame_count;
    bool torn; /* the innermost frames changed while they were read and are missing */
    bool cut;  /* more outer frames than are read */
};

struct inspect_loop {
    uint64_t id;      /* its address: what id() gives in the program */
    const char *type; /* the class's name; NULL: not known */
    pid_t tid;        /* of the thread that runs it; 0: none does, or not known */
    int64_t interpreter;
};

enum inspect_task_state {
    INSPECT_TASK_UNKNOWN,
    INSPECT_TASK_WAITING,  /* for a future that is not done */
    INSPECT_TASK_RUNNABLE, /* the loop will run it */
    INSPECT_TASK_RUNNING   /* its code is on a thread's stack */
};

struct inspect_task {
    uint64_t id;           /* its address: what id() gives in the program */
    uint64_t loop;         /* of inspect_loop; 0: not known */
    const char *name;      /* NULL: not known */
    const char *coroutine; /* its qualified name, or its type as `<Type>`; NULL: not known */
    const char *file;      /* where the coroutine's function begins; NULL: not known */
    int line;              /* 0: not known */
    enum inspect_task_state state;
    const char *awaiting; /* what it waits for, in words; NULL: nothing, or not known */
    size_t *awaits;       /* the tasks that it waits for, as places in the list of tasks */
    size_t await_count;
    struct inspect_frame *frames; /* from the innermost await out to the coroutine */
    size_t frame_count;
    bool torn; /* it changed whenever it was read: its frames are not known */
    bool cut;  /* more inner frames than are read */
};

struct inspect {
    pid_t pid;
    struct python_image image;
    struct inspect_thread *threads; /* Python's main thread first, then by age */
    size_t thread_count;
    size_t interpreter_count;
    bool has_asyncio; /* an interpreter has imported it */
    struct inspect_loop *loops;
    size_t loop_count;
    struct inspect_task *tasks; /* that are not done; by loop and name */
    size_t task_count;
    bool tasks_torn; /* there may be more: the list changed whenever it was read, or is too long */
};

struct inspect_options {
    bool locals;
    bool tasks; /* asyncio's, too */
};

/* Reads the process. On a refusal *ret_inspect is there too, with what was learned of the Python
 * (version, path); NULL only without memory. */
enum python_refusal inspect_process(pid_t pid, const struct inspect_options *options,
                                    struct inspect **ret_inspect);
void inspect_free(struct inspect *inspect); /* NULL is allowed */

#endif
