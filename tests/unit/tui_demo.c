/* SPDX-License-Identifier: MIT */
/* The terminal on a real terminal, with sample numbers: what tests/screen drives through tmux.
 * usage: tui_demo [--interval S] [--still] [--end-after FRAMES] [--no-color] [--view ID]
 * Prints `returned N` after the terminal has been given back. */
#include "tui_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int end_after;
static struct snapshot *(*sample_snapshot)(void *, int, enum snapshot_clock);

static struct snapshot *snapshot_until_end(void *context, int window_s, enum snapshot_clock clock)
{
    struct tui_sample *sample = context;
    if (end_after > 0 && sample->frame >= end_after)
        sample->ended = true;
    return sample_snapshot(context, window_s, clock);
}

int main(int argc, char **argv)
{
    struct tui_sample sample;
    struct tui_options options = {
        .clock = CLOCK_CPU,
        .interval_s = 1,
        .window_s = 10,
        .color = true,
    };
    tui_sample_init(&sample);
    sample_snapshot = sample.host.snapshot;
    sample.host.snapshot = snapshot_until_end;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--interval") == 0 && i + 1 < argc)
            options.interval_s = atof(argv[++i]);
        else if (strcmp(argv[i], "--end-after") == 0 && i + 1 < argc)
            end_after = atoi(argv[++i]);
        else if (strcmp(argv[i], "--view") == 0 && i + 1 < argc)
            options.view = argv[++i];
        else if (strcmp(argv[i], "--still") == 0)
            sample.frame_step = 0;
        else if (strcmp(argv[i], "--no-color") == 0)
            options.color = false;
        else
            return 2;
    }
    int error = tui_run(&sample.host, &options);
    printf("returned %d\n", error);
    return 0;
}
