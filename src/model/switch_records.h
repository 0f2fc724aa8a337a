/* SPDX-License-Identifier: MIT */
/* The kernel's switch records of one process: when each of its threads left and got a CPU.
 * Why perf events: they cost the target nothing that it notices, need no rights for one's own
 * processes, and tell the moment, where /proc only tells sums.
 * How: one software event that never counts (PERF_COUNT_SW_DUMMY) for each CPU, on the target before
 * it runs, inherited by all threads and children that it makes; its ring carries the records.
 * Rules: the rings are the kernel's memory, not the target's: their content is believed, but checked
 * for size. Records come in the order of their times, within a reading and between readings. */
#ifndef ULMA_MODEL_SWITCH_RECORDS_H
#define ULMA_MODEL_SWITCH_RECORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum switch_kind {
    SWITCH_IN,
    SWITCH_OUT,
    SWITCH_EXEC, /* of the process `tid`: another program from here on */
    SWITCH_EXIT, /* of the thread */
};

struct switch_record {
    uint64_t time_ns; /* CLOCK_MONOTONIC */
    uint32_t tid;
    enum switch_kind kind;
};

struct switch_records;

/* 0; -EPERM, -EACCES (perf_event_paranoid, seccomp), -ENOSYS, -ENOENT (no such event), … */
int switch_records_open(pid_t pid, struct switch_records **ret_records);

/* What happened since the last reading and before this one, oldest first; the array is the reader's
 * until the next call. */
uint32_t switch_records_read(struct switch_records *records, const struct switch_record **ret_list);

/* Records that the kernel had no room for. */
uint64_t switch_records_lost(const struct switch_records *records);

void switch_records_close(struct switch_records *records); /* NULL is allowed */

#endif
