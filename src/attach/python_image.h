/* SPDX-License-Identifier: MIT */
/* The CPython inside a process: which version, where its state and its types lie.
 * Why: everything that reads a Python from outside starts from here, and each reason why one cannot be
 * read must have a name, since people are told what to do about it.
 * Rules: nothing is stopped or changed. */
#ifndef ULMA_ATTACH_PYTHON_IMAGE_H
#define ULMA_ATTACH_PYTHON_IMAGE_H

#include "attach/layouts.h"
#include "attach/maps.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum python_refusal {
    PYTHON_FINE,
    PYTHON_GONE,           /* no such process, or it ended meanwhile */
    PYTHON_ZOMBIE,         /* it has ended; its parent has not asked for its status */
    PYTHON_NONE,           /* no Python in it */
    PYTHON_OTHER_USER,     /* another user's */
    PYTHON_PTRACE_SCOPE,   /* ours, but yama forbids */
    PYTHON_NO_RIGHT,       /* ours, but closed all the same (not dumpable, a container's rules) */
    PYTHON_UNSUPPORTED,    /* a version that we do not know */
    PYTHON_FREE_THREADED,  /* built without the GIL */
    PYTHON_MUSL,           /* on musl */
    PYTHON_NOT_RUNNING,    /* not initialised yet, or finalised already */
    PYTHON_UNKNOWN_LAYOUT, /* this build's structures are not what they should be */
    PYTHON_NO_MEMORY,      /* of ours */
};

enum { PYTHON_VERSION_BYTES = 32 };

struct python_image {
    char version[PYTHON_VERSION_BYTES]; /* 3.12.1; "" when not known */
    int minor;
    char path[4096];  /* the executable or libpython, in the process's own mount namespace */
    uint64_t runtime; /* _PyRuntime */
    /* Addresses of types and objects; 0: not exported. */
    uint64_t code_type, float_type, bool_type, none;
    struct layout layout;
};

/* Reads it. On a refusal the version is there as far as it was read. */
enum python_refusal python_image_read(pid_t pid, struct python_image *ret_image);

/* Why the process's memory is closed to us, after an EPERM or EACCES. */
enum python_refusal python_image_why_closed(pid_t pid);

/* What an errno of a read from the process means. */
enum python_refusal python_image_refusal(pid_t pid, int error);

#endif
