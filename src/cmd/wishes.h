/* SPDX-License-Identifier: MIT */
/* ULMA=on,…: what a process that armed itself wants to be collected of it.
 * Why: who deploys a program knows which part of it is worth watching; who looks need not.
 * Rules: read from the environment that the process was started with, so in its PID namespace alone. What the command line
 * says itself goes before it. A wish that makes no sense is told and left out. */
#ifndef ULMA_CMD_WISHES_H
#define ULMA_CMD_WISHES_H

#include "cmd/options.h"

#include <sys/types.h>

struct wishes {
    struct options options; /* those of the command line and the wishes */
    char *text;             /* that patterns are in; owned */
};

/* False: it has none, and `options` are as given. Says on stderr what is used. */
bool wishes_read(pid_t pid, const struct options *given, struct wishes *wishes);
void wishes_done(struct wishes *wishes);

#endif
