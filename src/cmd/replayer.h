/* SPDX-License-Identifier: MIT */
/* A trace that is played against the wall's clock, --speed times as fast.
 * Why apart: top and the page play alike.
 * Rules: one thread. In the reading half: no process, no probe. The recorded clock is what time is: nanoseconds since the
 * first event; it stands while it is paused. The model is the live one's fold over the same steps, so a look at it
 * changes nothing. */
#ifndef ULMA_CMD_REPLAYER_H
#define ULMA_CMD_REPLAYER_H

#include "cmd/options.h"
#include "cmd/recorded_trace.h"

struct replayer {
    struct trace_player *player;
    struct snapshot *whole; /* of the recording: what the trace does not say */
    const char *path;       /* of the recording, for messages */
    double speed;           /* 0: as fast as it can be played */
    int64_t from_ns, to_ns; /* what is played; to_ns INT64_MAX: to the end */
    int64_t played_ns;      /* the recorded clock at `since_ns` */
    uint64_t since_ns;      /* monotonic; 0: the clock stands */
    int result; /* 1: it plays; 0: it has ended; negative errno: it cannot be played further */
};

/* --speed and, of `recorded`, which outlives it, --from and --to. False: said on stderr; to be closed all the same. */
bool replayer_open(struct replayer *replayer, const struct options *options,
                   struct recorded *recorded, const char *path);
/* False, and said: the trace was damaged. */
bool replayer_close(struct replayer *replayer);

/* Plays up to --from; from then on the clock goes, unless all is played at once. */
void replayer_begin(struct replayer *replayer);

/* Plays up to the clock, and shows that moment; the caller frees it. NULL: nothing yet, or no memory. */
struct snapshot *replayer_snapshot(struct replayer *replayer, int window_s,
                                   enum snapshot_clock clock);

void replayer_pause(struct replayer *replayer, bool paused);

/* By so many seconds, to what is played alone. Where the clock is now. */
int64_t replayer_seek(struct replayer *replayer, int64_t seconds);

/* No event is left to be played. */
bool replayer_has_ended(const struct replayer *replayer);

#endif
