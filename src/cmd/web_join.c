/* SPDX-License-Identifier: MIT */
/* The page of a process that another ulma follows, and of a recording.
 * Why: see web_serve.h.
 * Rules: as there. Nothing can be changed from these pages. */
#include "cmd/web_serve.h"

#include "base/clock.h"
#include "cmd/join.h"
#include "cmd/message.h"
#include "cmd/recorded.h"
#include "cmd/verbs.h"

#include <stdio.h>
#include <string.h>

enum { FIRST_MS = 10000, LATER_MS = 1000 };

struct looking {
    struct join *join;
    bool on; /* as of the last snapshot */
    bool told;
};

static struct snapshot *look(void *context, int window_s, int64_t to_ns, enum snapshot_clock clock)
{
    struct looking *looking = context;
    (void)to_ns;
    struct snapshot *snapshot =
        join_snapshot(looking->join, window_s, clock, looking->join->seen ? LATER_MS : FIRST_MS);
    if (snapshot)
        looking->on = snapshot->meta.recording;
    return snapshot;
}

static enum web_state look_state(void *context)
{
    struct looking *looking = context;
    struct join *join = looking->join;
    if (join->state != JOIN_GOES_ON && !looking->told) {
        looking->told = true;
        message_note("%s", join->reason);
    }
    if (join->state == JOIN_ENDED)
        return WEB_ENDED;
    if (join->state == JOIN_FAILED || join->silent_ns)
        return WEB_LOST;
    return looking->on ? WEB_ON : WEB_OFF;
}

static bool look_finished(void *context)
{
    const struct looking *looking = context;
    return web_serve_signalled() ||
           (looking->join->over_ns && clock_monotonic_ns() >= looking->join->over_ns);
}

int web_join(struct join *join, struct web *web)
{
    char owner[SESSION_WHO_SIZE + 64];
    struct looking looking = {.join = join};
    struct web_host host = {
        .context = &looking,
        .snapshot = look,
        .state = look_state,
        .finished = look_finished,
        .no_timeline = "only who records the process keeps when things were",
        .read_only = owner,
        .clock = join->clock,
    };
    snprintf(owner, sizeof(owner), "read-only: this is the owner's to change, %s", join->who);
    web_serve_hold_signals();
    web_serve_announce(web, join->options);
    int result = web_run(web, &host);
    if (result < 0)
        message_error("the server failed: %s", strerror(-result));
    return result < 0 || join->state == JOIN_FAILED ? EXIT_FAILED : EXIT_FINE;
}
