/* SPDX-License-Identifier: MIT */
/* schedstat: readings, and giving missing time to gaps.
 * Why: see schedstat.h.
 * Rules: a gap never gets more than its own length; what no gap can hold is the thread's, and no
 * function's. */
#include "model/schedstat.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void schedstat_note_gap(void *context, struct track *track, int64_t length_ticks)
{
    (void)context;
    if (track->resync)
        return;
    if (!track->gaps)
        track->gaps = calloc(1, sizeof(*track->gaps));
    struct schedstat_gaps *gaps = track->gaps;
    if (gaps && gaps->count < SCHEDSTAT_GAPS)
        gaps->gaps[gaps->count++] = (struct schedstat_gap){
            track->entries[track->depth].node, span_steps_now(&track->spans), length_ticks};
}

bool schedstat_read(uint32_t pid, uint32_t tid, uint64_t *ret_running_ns)
{
    char path[64], text[128];
    snprintf(path, sizeof(path), "/proc/%u/task/%u/schedstat", pid, tid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (length <= 0)
        return false;
    text[length] = '\0';
    char *end;
    *ret_running_ns = strtoull(text, &end, 10);
    return end != text;
}

/* The node was on top while the thread waited: so did all that it was called from. */
static void give(struct model *model, struct track *track, const struct schedstat_gap *gap,
                 int64_t wait_ticks)
{
    struct node *nodes = model->nodes.nodes;
    uint32_t node = gap->node;
    spans_add_wait(model, track->process, gap->span, wait_ticks);
    track->late_wait_ticks += wait_ticks;
    if (nodes_is_root(&nodes[node])) {
        track->outside_wait_ticks += wait_ticks;
        return;
    }
    windows_touch(&model->windows, nodes, node);
    nodes[node].self_wait_ticks += wait_ticks;
    for (uint32_t at = node; !nodes_is_root(&nodes[at]); at = nodes_parent(&nodes[at])) {
        windows_touch(&model->windows, nodes, at);
        nodes[at].total_wait_ticks += wait_ticks;
    }
}

static int longest_first(const void *left, const void *right)
{
    const struct schedstat_gap *a = left, *b = right;
    return (a->length_ticks < b->length_ticks) - (a->length_ticks > b->length_ticks);
}

/* One gap that is just as long as what is missing is a better guess than the longest. */
static struct schedstat_gap *best_fit(struct schedstat_gaps *gaps, int64_t missing_ticks)
{
    struct schedstat_gap *best = NULL;
    for (uint32_t i = 0; i < gaps->count; i++) {
        int64_t length_ticks = gaps->gaps[i].length_ticks;
        if (length_ticks < missing_ticks)
            break;
        if (length_ticks <= missing_ticks + missing_ticks / 10)
            best = &gaps->gaps[i];
    }
    return best;
}

static void give_out(struct model *model, struct track *track, int64_t missing_ticks)
{
    struct schedstat_gaps *gaps = track->gaps;
    qsort(gaps->gaps, gaps->count, sizeof(*gaps->gaps), longest_first);
    struct schedstat_gap *fit = best_fit(gaps, missing_ticks);
    if (fit) {
        give(model, track, fit, missing_ticks);
        return;
    }
    for (uint32_t i = 0; i < gaps->count && missing_ticks > 0; i++) {
        int64_t length_ticks = gaps->gaps[i].length_ticks;
        int64_t share_ticks = length_ticks < missing_ticks ? length_ticks : missing_ticks;
        give(model, track, &gaps->gaps[i], share_ticks);
        missing_ticks -= share_ticks;
    }
    track->late_wait_ticks += missing_ticks;
}

void schedstat_apply(struct model *model, struct track *track, uint64_t time_ns,
                     uint64_t running_ns, double ticks_per_ns)
{
    if (!track->gaps)
        track->gaps = calloc(1, sizeof(*track->gaps));
    struct schedstat_gaps *gaps = track->gaps;
    if (!gaps)
        return;
    if (gaps->have_reading && track->on && time_ns > gaps->last_time_ns) {
        uint64_t passed_ns = time_ns - gaps->last_time_ns;
        uint64_t ran_ns = running_ns > gaps->last_running_ns ? running_ns - gaps->last_running_ns
                                                             : 0;
        if (ran_ns < passed_ns)
            give_out(model, track, (int64_t)((double)(passed_ns - ran_ns) * ticks_per_ns));
    }
    if (track->last > model->waits_told_to)
        model->waits_told_to = track->last;
    gaps->have_reading = true;
    gaps->last_time_ns = time_ns;
    gaps->last_running_ns = running_ns;
    gaps->count = 0;
}
