/* SPDX-License-Identifier: MIT */
/* A family: a process and the children that it makes, or several that are followed together, each with a
 * session of its own (wire/session.h tells the words and the names).
 * Why the child makes it: its first events must not wait for a collector that looks a few times a
 * second, nor be lost when the child lives for a millisecond.
 * Rules: under the GIL. Of the first process's session a child maps the header alone, and writes there
 * `children_made`, `children_refused` and the collector's futex word. */
#ifndef ULMA_PROBE_CHILD_SESSION_H
#define ULMA_PROBE_CHILD_SESSION_H

#include "probe/link.h"

/* The link that was just opened, at `path`, is the first process's. */
void child_session_begin(const char *path);

/* This process is of no family any more, and nothing of one is mapped. */
void child_session_forget(void);

/* Makes a session beside the one at `root` and opens it. `parent` is the PID of who made this process;
 * 0: ask the kernel. 0, or -1 with a sentence. */
int child_session_join(const char *root, uint32_t parent, char *reason, size_t size);

/* In a fork's child, while recording is off: notes it in the first process's session, so that it is
 * told when that ends. The parent's session is still mapped. Async-signal-safe. */
void child_session_await(void);

/* This is not the first, and its family's profiling has ended for good. */
bool child_session_is_over(void);

/* The session that was joined says all that there is to say: the collector may look. */
void child_session_tell(void);

#endif
