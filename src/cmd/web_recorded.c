/* SPDX-License-Identifier: MIT */
/* The page of a recording.
 * Why: see web_serve.h.
 * Rules: as there. A window ends where the page says, else where the recording does. */
#include "cmd/web_serve.h"

#include "cmd/message.h"
#include "cmd/recorded.h"
#include "cmd/recorded_timeline.h"
#include "cmd/verbs.h"

#include <errno.h>
#include <string.h>

struct showing {
    struct recorded recorded;
    struct recorded_timeline *timeline; /* NULL: it has no trace */
};

static struct snapshot *snapshot(void *context, int window_s, int64_t to_ns,
                                 enum snapshot_clock clock)
{
    struct recorded *recorded = &((struct showing *)context)->recorded;
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

static struct timeline *timeline(void *context, const struct timeline_query *query)
{
    const struct showing *showing = context;
    return showing->timeline ? recorded_timeline_make(showing->timeline, query) : NULL;
}

static char *source(void *context, const char *file)
{
    const struct showing *showing = context;
    return recorded_source(&showing->recorded, file);
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
    struct showing showing;
    if (options->speed_thousandths != OPTIONS_UNSET)
        return web_replayed(options, path);
    if (!recorded_open(&showing.recorded, options, path))
        return EXIT_FAILED;
    struct web *web = web_serve_open(options);
    if (!web) {
        recorded_close(&showing.recorded);
        return EXIT_FAILED;
    }
    showing.timeline = recorded_timeline_open(&showing.recorded);
    struct web_host host = {
        .context = &showing,
        .snapshot = snapshot,
        .timeline = timeline,
        .no_timeline = showing.timeline
                           ? NULL
                           : "the recording has no trace: `ulma record --trace` keeps every event",
        .source = source,
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
    recorded_timeline_close(showing.timeline);
    recorded_close(&showing.recorded);
    return result < 0 ? EXIT_FAILED : EXIT_FINE;
}
