/* SPDX-License-Identifier: MIT */
/* Writing events from within an allocator, and without the GIL.
 * Why: an allocator is called anywhere in the interpreter, whose state is whole nowhere there: what writer_put would
 * do by the way (follow a fork's child, switch off, ask for a thread's name) has to wait; and some
 * threads allocate without the GIL.
 * Rules: as said at each. */
#ifndef ULMA_PROBE_WRITER_QUIET_H
#define ULMA_PROBE_WRITER_QUIET_H

#include "probe/writer.h"

/* Room for `count` events, one after the other, from within an allocator: nothing of the interpreter is called.
 * What else is due (a fork's child, an off) is left to a pending call, and until then the answer is NULL. The
 * events are lost then, and counted, where there is a session. */
struct writer *writer_room_quietly(uint64_t counter, uint32_t count);

/* All of the events, or none and they are counted as lost, into a ring that several threads share: without the GIL,
 * under a lock of theirs. */
void writer_put_foreign(struct writer *writer, const struct event *events, uint32_t count);

/* --- for writer.c --------------------------------------------------------------------------- */

/* switch_off, or, from within an allocator, soon. */
void writer_go_off(enum off_cause cause);

/* --- in writer.c ---------------------------------------------------------------------------- */

/* Whether this thread is a fork's child's, and has its parent's writer. */
bool writer_is_forked(void);

/* Room for `count` events in the ring that it has; false: they are lost, and counted. */
bool writer_make_room_for(struct writer *writer, uint64_t counter, uint32_t count);

#endif
