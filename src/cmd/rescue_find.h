/* SPDX-License-Identifier: MIT */
/* From a PID, a file or a directory to a flight recorder's file.
 * Why: after a crash one has the mount and the directory, and perhaps the PID that the process had.
 * Rules: what a file says of itself is a guess until flight_open has checked it. */
#ifndef ULMA_CMD_RESCUE_FIND_H
#define ULMA_CMD_RESCUE_FIND_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rescue_file {
    char path[PATH_MAX];
    char command[256], python[64];
    uint32_t pid;
    uint64_t sign_ns; /* CLOCK_REALTIME of its last sign of life */
    bool lives;
};

/* The files of a directory, those that have ended first, and the last to end first of all. NULL: none, or no
 * memory. The caller frees. */
struct rescue_file *rescue_list(const char *directory, size_t *ret_count);

/* What one file says of itself. False: it is no session. */
bool rescue_look(const char *path, struct rescue_file *ret_file);

/* The one that the word means; others that it could mean are told on stderr. False: said on stderr. */
bool rescue_find(const char *word, char *path, size_t size);

#endif
