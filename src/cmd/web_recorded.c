/* SPDX-License-Identifier: MIT */
/* The page of a recording.
 * Why: see web_serve.h.
 * Rules: as there. A window ends where the page says, else where the recording does. */
#include "cmd/web_serve.h"

#include "cmd/message.h"
#include "cmd/recorded.h"
#include "cmd/verbs.h"

#include <errno.h>
#include <string.h>

static struct snapshot *snapshot(void *context, int window_s, int64_t to_ns,
                                 enum snapshot_clock clock)
{
    struct recorded *recorded = context;
    struct recording_query query = recorded->query;
    query.window_s = window_s;
    query.clock = clock;
    if (to_ns > 0)
        query.to_ns = to_ns;
    struct snapshot *made = recording_snapshot(recorded->recording, &query);
    if (made)
        made->meta.ended = true;
    return made;
}

static enum web_state state(void *context)
{
    (void)context;
    return WEB_ENDED;
}

static bool finished(void *context)
{
    (void)context;
    return web_serve_signalled();
}

int web_recorded(const struct options *options, const char *path)
{
    struct recorded recorded;
    if (!recorded_open(&recorded, options, path))
        return EXIT_FAILED;
    struct web *web = web_serve_open(options);
    if (!web) {
        recorded_close(&recorded);
        return EXIT_FAILED;
    }
    struct web_host host = {
        .context = &recorded,
        .snapshot = snapshot,
        .state = state,
        .finished = finished,
        .read_only = "this is a recording: nothing runs that could be switched",
        .clock = options->clock == CLOCK_WALL ? CLOCK_WALL : CLOCK_CPU,
        .is_recording = true,
    };
    web_serve_hold_signals();
    web_serve_announce(web, options);
    int result = web_run(web, &host);
    if (result < 0)
        message_error("the server failed: %s", strerror(-result));
    web_serve_close(web);
    recorded_close(&recorded);
    return result < 0 ? EXIT_FAILED : EXIT_FINE;
}
