/* SPDX-License-Identifier: MIT */
/* Runs a function over mapped memory whose owner may truncate the file at any moment.
 * Why: a read beyond a truncated file's end is SIGBUS, which would end the collector.
 * Rules: guard_install once per process. The function must not hold locks or own memory that a jump
 * out of it would leave behind. Guards nest. Any thread. */
#ifndef ULMA_WIRE_GUARD_H
#define ULMA_WIRE_GUARD_H

/* 0 or -errno of sigaction. SIGBUS outside of guard_run still ends the process. */
int guard_install(void);

/* run(context); its return value, or -EFAULT when the memory went away under it. */
int guard_run(int (*run)(void *context), void *context);

#endif
