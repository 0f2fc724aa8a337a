/* SPDX-License-Identifier: MIT */
/* Running a piece of Python in a process that is already running.
 * Why ptrace, and not gdb or PEP 768: it works on every CPython from 3.9 to 3.15, also on one that
 * sleeps in a system call, and asks for no program that may be missing. PEP 768 is the second choice,
 * where another tracer is there already.
 * Rules: only the process's first thread is stopped, for microseconds, and never by a signal. No byte
 * of the process's code is written. From the first change of its registers on it finds its own way
 * back: whoever calls this may be killed at any instant. PYTHON_DISABLE_REMOTE_DEBUG is obeyed.
 * Any thread may call it; it returns when the code has run, or was given up. */
#ifndef ULMA_ATTACH_INJECT_H
#define ULMA_ATTACH_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { ATTACH_TEXT_BYTES = 768 };

struct attach_options {
    uint64_t timeout_ns; /* 0: two seconds */
    /* Bytes that the code finds as `blob`: a pair of their address and size in its own process, or a bytes object. */
    const void *blob;
    size_t blob_bytes;
    bool (*is_cancelled)(void); /* asked while it waits: true is the end of the time; NULL: never */
};

enum attach_way {
    ATTACH_WAY_NONE,
    ATTACH_WAY_IN_PLACE, /* within a system call that was begun again afterwards */
    ATTACH_WAY_PENDING,  /* as a pending call, between two bytecodes */
    ATTACH_WAY_SCRIPT,   /* by its own door for debuggers, without a stop (3.14+) */
};

struct attach_outcome {
    enum attach_way way;
    unsigned stops;               /* how often the thread was stopped */
    uint64_t stopped_ns;          /* how long all of them were together */
    char text[ATTACH_TEXT_BYTES]; /* after a failure: one sentence */
};

/* Runs `code` (UTF-8) once in Python's main thread, in a namespace of its own. 0 when it has run to
 * its end; else -errno and a sentence:
 *   -ESRCH no such process, or it ended     -EPERM   not allowed
 *   -EBUSY it is traced by another          -ENOEXEC not a Python, or not one that we support
 *   -ETIMEDOUT no moment was fit for it; what was given up does not run later
 *   -ECANCELED is_cancelled said so
 *   -EIO the code raised an exception       -EINPROGRESS it had begun and has not ended in time */
int attach_run_python(pid_t pid, const char *code, const struct attach_options *options,
                      struct attach_outcome *ret_outcome);

#endif
