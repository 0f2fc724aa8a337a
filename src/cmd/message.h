/* SPDX-License-Identifier: MIT */
/* What ulma itself says to people, on stderr.
 * Why: -q and -v are obeyed in one place, and a line goes out in one write, so that it is not torn
 * by what the target prints at the same time.
 * Rules: an error is one sentence: what failed, on what, what to do. Bytes that could steer the
 * terminal are shown as `?`. */
#ifndef ULMA_CMD_MESSAGE_H
#define ULMA_CMD_MESSAGE_H

#include <stdbool.h>

void message_settings(bool quiet, bool verbose);
bool message_is_quiet(void);

/* "ulma: ..." always; unless -q; only with -v. */
void message_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void message_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void message_step(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Kept back while a full-screen terminal is up, and printed when it has been given back. */
void message_hold(void);
void message_release(void);

#endif
