/* SPDX-License-Identifier: MIT */
/* The loop: look, draw, wait for a key. */
#include "tui/tui.h"

#include "tui/tui_state.h"

#include <time.h>

enum { POLL_MS = 100 }; /* how late the end of the profiling may be noticed */

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Waits for a key and takes what else was typed, so that a held key does not lag behind. */
static bool take_keys(struct tui_state *state, struct screen *screen, double wait_s)
{
    enum { AT_ONCE = 64 };
    int timeout_ms = wait_s * 1000 < POLL_MS ? (int)(wait_s * 1000) + 1 : POLL_MS;
    int taken = 0;
    for (; taken < AT_ONCE && !state->quit; taken++) {
        int key = screen->ops->key(screen, taken == 0 ? (timeout_ms < 0 ? 0 : timeout_ms) : 0);
        if (key == SCREEN_KEY_NONE)
            break;
        tui_step(state, key);
    }
    return taken > 0;
}

static bool is_over(const struct tui_state *state)
{
    const struct tui_host *host = state->host;
    return host->finished != NULL && host->finished(host->context);
}

static bool host_leaves(const struct tui_state *state)
{
    const struct tui_host *host = state->host;
    return host->leave != NULL && host->leave(host->context);
}

/* The target's end is shown until the person leaves; the end of `--duration` is the end. */
static bool stays(struct tui_state *state)
{
    state->stale = true;
    tui_refresh(state);
    return state->snapshot != NULL && state->snapshot->meta.ended;
}

/* The next of the beats every `interval_s`, from the last one on: one that came late, or was asked for
 * between two, does not move those that follow. */
static double next_beat(double last_s, double now, double interval_s)
{
    double behind_s = now - last_s;
    if (behind_s < 0 && -behind_s <= interval_s)
        return last_s;
    return behind_s >= 0 && behind_s < interval_s ? last_s + interval_s : now + interval_s;
}

static void run(struct tui_state *state, struct screen *screen)
{
    double next_s = now_s(), last_s = next_s;
    bool over = false, changed = true;
    while (!state->quit) {
        double start_s = now_s();
        tui_pass(state, start_s - last_s);
        last_s = start_s;
        bool due = start_s >= next_s && !state->paused && !over;
        if (due || state->stale) {
            tui_refresh(state);
            next_s = next_beat(next_s, start_s, state->options.interval_s);
            changed = true;
        }
        if (changed) {
            tui_draw(state, screen);
            screen->ops->show(screen);
        }
        double wait_s = over || state->paused ? 1 : next_s - now_s();
        bool had_message = state->message[0] != '\0';
        changed = take_keys(state, screen, wait_s) || had_message;
        if (host_leaves(state))
            state->quit = true;
        else if (!over && is_over(state)) {
            over = true;
            changed = true;
            if (!stays(state))
                state->quit = true;
        }
    }
}

int tui_run(const struct tui_host *host, const struct tui_options *options)
{
    struct screen *screen = NULL;
    struct tui_state state;
    int error = tui_init(&state, host, options);
    if (error == 0)
        error = screen_curses_open(options->color, &screen);
    if (error == 0)
        run(&state, screen);
    screen_close(screen);
    tui_done(&state);
    return error;
}
