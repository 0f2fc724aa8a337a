/* SPDX-License-Identifier: MIT */
/* The page of a trace that is played, as if its program ran now.
 * Why: Algae shows who is alive, and that only the events themselves say.
 * Rules: as web_serve.h. Where playing has come to --to it stands there, and so does the page. */
#include "cmd/web_serve.h"

#include "cmd/message.h"
#include "cmd/replayer.h"
#include "cmd/verbs.h"

#include <errno.h>
#include <string.h>

struct playing {
    struct recorded recorded;
    struct replayer replayer;
};

static struct snapshot *snapshot(void *context, int window_s, int64_t to_ns,
                                 enum snapshot_clock clock)
{
    struct playing *playing = context;
    (void)to_ns;
    return replayer_snapshot(&playing->replayer, window_s, clock);
}

static struct timeline *timeline(void *context, const struct timeline_query *query)
{
    const struct playing *playing = context;
    return trace_player_timeline(playing->replayer.player, query);
}

static char *source(void *context, const char *file)
{
    const struct playing *playing = context;
    return recorded_source(&playing->recorded, file);
}

static enum web_state state(void *context)
{
    const struct replayer *replayer = &((struct playing *)context)->replayer;
    if (!replayer_has_ended(replayer))
        return WEB_ON;
    return replayer->to_ns == INT64_MAX ? WEB_ENDED : WEB_OFF;
}

static bool finished(void *context)
{
    (void)context;
    return web_serve_signalled();
}

static int serve(struct playing *playing, const struct options *options)
{
    struct web *web = web_serve_open(options);
    if (!web)
        return EXIT_FAILED;
    struct web_host host = {
        .context = playing,
        .snapshot = snapshot,
        .timeline = timeline,
        .source = source,
        .state = state,
        .finished = finished,
        .read_only = "this is a replay: nothing runs that could be switched",
        .clock = options->clock == CLOCK_WALL ? CLOCK_WALL : CLOCK_CPU,
        .is_replay = true,
    };
    web_serve_hold_signals();
    trace_player_keep(playing->replayer.player);
    replayer_begin(&playing->replayer);
    web_serve_announce(web, options);
    int result = web_run(web, &host);
    if (result < 0)
        message_error("the server failed: %s", strerror(-result));
    web_serve_close(web);
    return result < 0 ? EXIT_FAILED : EXIT_FINE;
}

int web_replayed(const struct options *options, const char *path)
{
    struct playing playing;
    if (!recorded_open(&playing.recorded, options, path))
        return EXIT_FAILED;
    int status = replayer_open(&playing.replayer, options, &playing.recorded, path)
                     ? serve(&playing, options)
                     : EXIT_FAILED;
    if (!replayer_close(&playing.replayer))
        status = EXIT_FAILED;
    recorded_close(&playing.recorded);
    return status;
}
