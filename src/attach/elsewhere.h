/* SPDX-License-Identifier: MIT */
/* Processes of another PID or mount namespace, and those in a chroot: what they call themselves, and
 * their files.
 * Why: a container's process has a PID here and another there, and writes its pages into a /dev/shm that
 * is not ours.
 * Rules: the process may have put any link into its tree: nothing is opened through one, and nothing
 * above its root. */
#ifndef ULMA_ATTACH_ELSEWHERE_H
#define ULMA_ATTACH_ELSEWHERE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* What the process calls itself, and the inode of that PID namespace. 0: there is no such process. */
pid_t elsewhere_own_pid(pid_t pid, uint64_t *ret_namespace);

/* Whether its paths may name other files than ours. */
bool elsewhere_has_other_files(pid_t pid);

/* A directory of its tree, by its own absolute path. The descriptor, or -errno. */
int elsewhere_open_directory(pid_t pid, const char *path);

#endif
