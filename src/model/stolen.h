/* SPDX-License-Identifier: MIT */
/* CPU time that was taken away below the kernel: a virtual machine's host ran somebody else (steal).
 * Why: the switch records tell when a thread had its CPU, not whether that CPU had one itself; the
 * kernel's accounts of CPU time leave stolen time out. Threads that make many events tell themselves which functions it
 * hit (schedstat.h). Of what is left, what the threads were on their CPUs for, less what the kernel says that the process
 * used, is a lower bound (threads that never ran Python use CPU time too). Which function that hit nobody knows: it is
 * waiting time, spread evenly.
 * Rules: schedstat's figures have no stolen time in them, so this is for switch records alone. */
#ifndef ULMA_MODEL_STOLEN_H
#define ULMA_MODEL_STOLEN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The process's CPU time in nanoseconds (a zombie's too); 0: not to be had. Of a thread that runs it holds what was up to
 * the last tick of its CPU, 4 ms ago or less: only a process of its own reads more (kernel/time/posix-cpu-timers.c). */
uint64_t stolen_process_cpu_ns(pid_t pid);

/* How long it has run, in clock ticks of user and of kernel mode. False: not to be had. */
bool stolen_process_modes(pid_t pid, uint64_t *ret_user, uint64_t *ret_kernel);

/* What a process has in memory, in bytes; 0: not known. */
uint64_t stolen_process_rss(pid_t pid);

/* The part of the threads' time on their CPUs that was stolen, 0 .. 1; 0 where both agree, within what
 * reading them at different moments may make. */
double stolen_share(int64_t on_cpu_ns, int64_t counted_ns);

#endif
