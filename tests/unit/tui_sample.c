/* SPDX-License-Identifier: MIT */
/* A host whose numbers move; see tui_sample.h. */
#include "tui_sample.h"

#include "sample_snapshot.h"

#include <stdio.h>
#include <string.h>

enum { PERIOD = 16 };

/* A triangle between 0 and 8, 4 at frame 0, another phase for each function. */
static int64_t wave(size_t function, int frame)
{
    int phase = (int)((function * 5 + (size_t)frame) % PERIOD);
    if (frame == 0)
        return 4;
    return phase < PERIOD / 2 ? phase : PERIOD - phase;
}

/* What has been added to a sum of `base` (over the sample's 20 s) by `frame` more seconds. */
static int64_t grown(int64_t base, size_t function, int frame)
{
    int64_t sum = base;
    for (int i = 1; i <= frame; i++)
        sum += base / 80 * wave(function, i);
    return sum;
}

static void move_function(struct snapshot_function *function, size_t index, int frame)
{
    int64_t now = wave(index, frame);
    function->calls = (uint64_t)grown((int64_t)function->calls, index, frame);
    function->self_ns = grown(function->self_ns, index, frame);
    function->total_ns = grown(function->total_ns, index, frame);
    function->self_wait_ns = grown(function->self_wait_ns, index, frame);
    function->total_wait_ns = grown(function->total_wait_ns, index, frame);
    function->window.calls = function->window.calls * (uint64_t)now / 4;
    function->window.self_ns = function->window.self_ns / 4 * now;
    function->window.total_ns = function->window.total_ns / 4 * now;
    function->window.self_wait_ns = function->window.self_wait_ns / 4 * now;
    function->window.total_wait_ns = function->window.total_wait_ns / 4 * now;
}

static struct snapshot *next_snapshot(void *context, int window_s, enum snapshot_clock clock)
{
    struct tui_sample *sample = context;
    struct snapshot *snapshot = sample->empty ? NULL : sample_snapshot_new();
    sample->window_s = window_s;
    if (snapshot == NULL)
        return NULL;
    struct snapshot_meta *meta = &snapshot->meta;
    for (size_t i = 0; i < snapshot->function_count; i++)
        move_function(&snapshot->functions[i], i, sample->frame);
    for (size_t i = 0; i < snapshot->thread_count; i++)
        snapshot->threads[i].window_cpu_ns = snapshot->threads[i].window_cpu_ns / 4 *
                                             wave(i, sample->frame);
    meta->clock = clock;
    meta->window_s = window_s;
    meta->recording = sample->on;
    meta->ended = sample->ended;
    meta->exit_status = sample->ended ? 3 : -1;
    meta->duration_ns += INT64_C(1000000000) * sample->frame;
    sample->frame += sample->frame_step;
    return snapshot;
}

static int switch_on(void *context, bool on)
{
    struct tui_sample *sample = context;
    sample->on = on;
    sample->switches++;
    return 0;
}

static bool set(void *context, const char *word, char *message, size_t size)
{
    struct tui_sample *sample = context;
    snprintf(sample->set_word, sizeof sample->set_word, "%s", word);
    snprintf(message, size, "%s", sample->refuses ? "it makes no sense" : "in force");
    return !sample->refuses;
}

static void reset(void *context)
{
    ((struct tui_sample *)context)->resets++;
}

static void save(void *context, char *message, size_t size)
{
    ((struct tui_sample *)context)->saves++;
    snprintf(message, size, "saved report.txt");
}

static bool finished(void *context)
{
    return ((struct tui_sample *)context)->ended;
}

/* The last `lines` lines that fit, as the real host gives them. */
static size_t target_output(void *context, char *text, size_t size, int lines)
{
    const char *output = ((struct tui_sample *)context)->output;
    const char *start = output + strlen(output);
    int breaks = start > output && start[-1] == '\n' ? -1 : 0;
    for (; start > output; start--) {
        breaks += start[-1] == '\n';
        if (breaks == lines)
            break;
    }
    snprintf(text, size, "%s", start);
    return strlen(text);
}

void tui_sample_init(struct tui_sample *sample)
{
    *sample = (struct tui_sample){
        .frame_step = 1,
        .on = true,
        .output = "listening on port 8000\n"
                  "\x1b[32mGET\x1b[0m /价格 200\n"
                  "10%\r50%\r99%\n"
                  "a\tb\n"
                  "bad \xff byte\n",
        .host =
            {
                .snapshot = next_snapshot,
                .switch_on = switch_on,
                .set = set,
                .reset = reset,
                .save = save,
                .finished = finished,
                .target_output = target_output,
                .output_path = "/tmp/ulma-shop-4242.out",
                .product = "ulma 0.1.0",
            },
    };
    sample->host.context = sample;
}
