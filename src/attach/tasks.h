/* SPDX-License-Identifier: MIT */
/* The kernel's threads of a process.
 * Why: Python's thread states hold thread ids as the process sees them (in its own PID namespace) or
 * only the address of a pthread; people and /proc go by ours.
 * Rules: the list is of one moment; threads come and go. */
#ifndef ULMA_ATTACH_TASKS_H
#define ULMA_ATTACH_TASKS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct task {
    pid_t tid;   /* here */
    pid_t inner; /* in the process's own PID namespace */
    char state;  /* R S D T t Z X of /proc/PID/task/TID/stat; ? when it was gone already */
};

struct tasks {
    struct task *tasks;
    size_t count;
};

/* 0 or -errno. */
int tasks_read(pid_t pid, struct tasks *ret_tasks);
void tasks_done(struct tasks *tasks);

/* By the id that the process knows; NULL: none. */
const struct task *tasks_find(const struct tasks *tasks, uint64_t inner);

/* The task of glibc's struct pthread at `pthread`, whose tid field must be one of the tasks'; NULL
 * otherwise. */
const struct task *tasks_find_pthread(const struct tasks *tasks, pid_t pid, uint64_t pthread);

/* When the process began, in ticks since boot; 0 when it is gone. Tells a PID's owners apart. */
uint64_t tasks_start_time(pid_t pid);

#endif
