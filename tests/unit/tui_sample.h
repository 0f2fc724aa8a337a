/* SPDX-License-Identifier: MIT */
/* A host for the terminal that has no collector behind it: the sample snapshot, with numbers that
 * move from frame to frame by a fixed rule.
 * Rules: frame 0 is the sample itself. The sums of later frames only grow, one second a frame. */
#ifndef ULMA_TESTS_TUI_SAMPLE_H
#define ULMA_TESTS_TUI_SAMPLE_H

#include "tui/tui.h"

struct tui_sample {
    struct tui_host host;
    int frame;      /* of the next snapshot */
    int frame_step; /* added after each */
    bool on;
    bool empty; /* no snapshot yet */
    bool ended;
    int resets, saves, switches, sought;
    int window_s;       /* asked for last */
    char set_word[256]; /* said last to host.set */
    bool refuses;       /* ... and what it says */
    const char *output;
};

void tui_sample_init(struct tui_sample *sample);

#endif
