/* SPDX-License-Identifier: MIT */
/* The folder that a target's Python meets first on PYTHONPATH: sitecustomize.py and the probe.
 * Why: Python loads a shared object from a file, on a file system that is not noexec, and nobody
 * else may be able to put another one there.
 * Rules: mode 0700, named ulma-PID-NAMESPACE-RANDOM after its maker, so that `ulma ps` can tell what
 * a killed one left behind. */
#ifndef ULMA_CMD_PRIVATE_FOLDER_H
#define ULMA_CMD_PRIVATE_FOLDER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct private_folder {
    char path[PATH_MAX]; /* "" when there is none */
};

/* Makes and fills it. 0, or the -errno of the last place tried (-ENOENT: no place at all). */
int private_folder_make(struct private_folder *folder);

/* The sentence of a probe that could not even be loaded; false: there is none. */
bool private_folder_refusal(const struct private_folder *folder, char *text, size_t size);

/* Whether the target made a sub-interpreter: those are not followed. */
bool private_folder_interpreters(const struct private_folder *folder);

/* Safe to repeat. */
void private_folder_remove(struct private_folder *folder);

/* Removes those of this user whose maker is gone. Returns how many. */
int private_folder_clear_stale(void);

#endif
