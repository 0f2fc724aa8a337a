/* SPDX-License-Identifier: MIT */
/* What a thread tells of its processor: how fast it is, what the probe itself takes on it, for how long it was another's.
 * Why: a processor that shares its core, or changes its clock, makes the hooks dearer from one moment to the next.
 * Rules: by the owner of the writer, with the GIL; where there is room at once. */
#ifndef ULMA_PROBE_SPEED_TELL_H
#define ULMA_PROBE_SPEED_TELL_H

struct writer;

/* At most every millisecond. */
void speed_tell(struct writer *writer);

/* Functions are about to be heard again, or others: what was until now is told apart from what comes. Of this thread. */
void speed_tell_switch(void);

/* A function falls silent: what was heard until the first one does is told apart, too. */
void speed_tell_silence(void);

#endif
