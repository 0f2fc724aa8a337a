/* SPDX-License-Identifier: MIT */
/* The target's end of the control page (wire/armed_page.h): making it, obeying it, removing it.
 * Why: an armed process must be found and spoken to without a right to ptrace, and without a thread of
 * ours in it.
 * Rules: under the GIL, but for what is told otherwise. A fork's child has no page and touches none of
 * its parent's; it is armed all the same, and makes a page of its own when SIGURG first reaches it, so
 * that a program that forks and execs a thousand times makes none. */
#ifndef ULMA_PROBE_CONTROL_PAGE_H
#define ULMA_PROBE_CONTROL_PAGE_H

#include <stdbool.h>
#include <stddef.h>

/* Makes it in `directory`; "": $ULMA_DIR, else /dev/shm/ulma-UID. 0, or -1 with a sentence. */
int control_page_make(const char *directory, char *reason, size_t size);

/* This process is armed, with a page or (a fork's child) without one yet. */
bool control_page_is_armed(void);

/* SIGURG's handler is in place. */
void control_page_ready(void);

/* Does the wish that stands there, once. */
void control_page_obey(void);

/* Unlinks and closes it: disarmed, or ended. */
void control_page_remove(void);

/* The directory that it is, or was, in. */
const char *control_page_place(void);

/* Whether the flight recorder is on. */
void control_page_tell_flight(bool on);

/* In a fork's child. Async-signal-safe. */
void control_page_forget(void);

#endif
