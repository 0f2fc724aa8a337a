/* SPDX-License-Identifier: MIT */
/* The control page: what an armed process owns while nobody collects. One file of one page.
 *
 * DIRECTORY/PID-RANDOM.armed, mode 0600, in the session directory of the process's user. The process
 * makes it when it is armed and removes it at its end; what a killed one left, `ulma ps` removes.
 *   byte 0   record lock (F_SETLK) of the process: it lives, even where its PID means nothing
 *   byte 1   record lock of the collector that follows it: there is one at most
 * To be heard, a collector takes byte 1, writes `wish` and `session`, then `serial`, and sends SIGURG;
 * or, where the process has no PID (in another PID namespace, with the directory alone shared), writes a
 * byte into the FIFO PID-RANDOM.bell beside the page, which makes the kernel send SIGURG to the process;
 * the probe does the wish, and answers with `answer`, `reason` and last `answered`.
 *
 * Why a page of its own: a session is 37 MB, made and paid for by who collects; the armed process pays
 * 4 KiB, and without a right to ptrace its user can still find it and speak to it.
 * Rules: the collector reads and writes it by pread and pwrite, never through a mapping, since the
 * process may cut the file off. `session` is a name in the page's own directory, never a path. A wish
 * that a probe does not know is refused. */
#ifndef ULMA_WIRE_ARMED_PAGE_H
#define ULMA_WIRE_ARMED_PAGE_H

#include "wire/session.h"

/* "ulmaarme", little-endian. */
#define ARMED_MAGIC  UINT64_C(0x656d7261616d6c75)
#define ARMED_SUFFIX ".armed"
#define ARMED_BELL   ".bell" /* in place of it: the FIFO */

enum {
    ARMED_FORMAT = 1,
    ARMED_PAGE_SIZE = 4096,
    ARMED_NAME_SIZE = 64, /* of a session, terminated */
    ARMED_TARGET_LOCK = 0,
    ARMED_COLLECTOR_LOCK = 1,
};

enum armed_wish {
    ARMED_LEAVE = 0,  /* off, and out of the session */
    ARMED_JOIN = 1,   /* `session` */
    ARMED_DISARM = 2, /* no hook, no handler, no page any more */
    ARMED_CENSUS = 3, /* fill the file `session` (wire/heap_census.h), and stay as it is */
    ARMED_FLY = 4,    /* the flight recorder; `session` holds its words */
};

enum armed_answer { ARMED_DONE = 1, ARMED_REFUSED = 2 };

struct armed_page {
    /* fixed by the process before it is found, which the magic says: 0 until the lock is taken */
    uint64_t magic;
    uint32_t format;
    uint32_t pid; /* in its own namespace */
    uint64_t pid_namespace;
    uint64_t start_time; /* /proc/PID/stat's, in clock ticks since the boot */
    char boot_id[SESSION_BOOT_ID_SIZE];
    char python[64]; /* "3.12.4" */

    /* written by the process */
    _Alignas(64) _Atomic uint32_t ready; /* 1: SIGURG is taken */
    _Atomic uint32_t answered;           /* the `serial` that was answered */
    uint32_t answer;                     /* enum armed_answer */
    char reason[SESSION_REASON_SIZE];    /* ARMED_REFUSED: one sentence, terminated */

    /* written by the collector */
    _Alignas(64) uint32_t wish; /* enum armed_wish */
    char session[ARMED_NAME_SIZE];
    _Atomic uint32_t serial; /* rises with each wish */

    /* written by the process */
    _Alignas(64) _Atomic uint32_t flight; /* 1: while nobody collects, the flight recorder is on */
};
static_assert(sizeof(struct armed_page) <= ARMED_PAGE_SIZE, "it is one page");

#endif
