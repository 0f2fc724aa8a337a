/* SPDX-License-Identifier: MIT */
/* The session of a process that somebody collects from: what `ulma set` speaks to.
 * Why apart from job_process.h: an armed process names its session in its control page, a program that ulma
 * started has none, and a child of it has one of its own beside its family's first.
 * Rules: prints why not. Whoever is found holds the collector's lock; what it says is hostile. */
#ifndef ULMA_CMD_SESSION_FIND_H
#define ULMA_CMD_SESSION_FIND_H

#include "wire/mapping.h"

#include <limits.h>

struct session_found {
    struct mapping mapping;
    pid_t pid;       /* that was asked for, or whose session it is */
    pid_t collector; /* -1: of another PID namespace */
    char about[PATH_MAX];
};

/* The session that the word (a PID, a SESSION) names. False: said on stderr. */
bool session_find(const char *word, struct session_found *found);

/* The same without a word where there is none. False: nobody collects from it, as far as can be seen. */
bool session_find_quietly(const char *word, struct session_found *found);

/* The same of a program that an ulma started, or of a session's own name: no control page is looked at. */
bool session_find_started(const char *word, struct session_found *found);

/* `PID 12 of the user u (`ulma top 7`)`, whoever it is that collects. */
enum { SESSION_WHO_SIZE = 320 };
void session_describe_collector(pid_t collector, char *text, size_t size);

/* Who holds the collector's lock: 0 nobody, -1 somebody of another PID namespace. */
pid_t session_collector(const struct mapping *mapping);

#endif
