/* SPDX-License-Identifier: MIT */
/* The flight recorder's file: what its words mean, how large it is, making it, adding rings, and which
 * files of processes that are no more make room for it.
 * Why the target makes it: there is no collector. So its memory is the target's own, and small: the fixed
 * part of a session (4.6 MiB, of which 4 are for the functions' names), and rings that are sized by what is
 * to be kept, by the memory limit of its control group, and by the room in the file system.
 * Rules: under the GIL. All that will be written is allocated first, a ring when a thread takes it. */
#ifndef ULMA_PROBE_FLIGHT_FILE_H
#define ULMA_PROBE_FLIGHT_FILE_H

#include "probe/link.h"

struct flight_wish {
    uint64_t keep_ns;
    uint32_t budget_thousandths; /* of a percent; 0: none */
};

/* `budget=2,keep=30s`, or nothing. 0, or -1 with a sentence. */
int flight_file_read_wish(const char *words, struct flight_wish *ret_wish, char *reason,
                          size_t size);

/* A new file in `directory`, claimed by nobody yet. Its locked descriptor, and its name in `path`; or -1
 * with a sentence. */
int flight_file_make(const char *directory, const struct flight_wish *wish, double ticks_per_ns,
                     char *path, size_t path_size, char *reason, size_t size);

/* One more ring in the linked session. False: it has all that it may have. */
bool flight_file_add_ring(void);

/* The counter that a session of this machine counts by. */
enum clock_source flight_file_clock(void);

#endif
