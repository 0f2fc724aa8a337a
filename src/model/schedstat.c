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

enum {
    LEAST_GAPS = 4, /* of SCHEDSTAT_GAP_NS: what a thread tells is worth to be given from here on */
    DOUBT_PART = 64, /* ... and of all that it tells: scales are not exact */
};

static int longest_first(const void *left, const void *right)
{
    const struct schedstat_gap *a = left, *b = right;
    return (a->length_ticks < b->length_ticks) - (a->length_ticks > b->length_ticks);
}

/* The longer half, which holds what is missing if anything does. */
static void keep_longest(struct schedstat_gaps *gaps)
{
    qsort(gaps->gaps, gaps->count, sizeof(*gaps->gaps), longest_first);
    gaps->count /= 2;
    gaps->least_ticks = gaps->gaps[gaps->count].length_ticks;
}

static void forget(struct schedstat_gaps *gaps)
{
    gaps->count = 0;
    gaps->least_ticks = 0;
}

void schedstat_note_gap(void *context, struct track *track, int64_t length_ticks)
{
    (void)context;
    if (track->resync)
        return;
    if (!track->gaps)
        track->gaps = calloc(1, sizeof(*track->gaps));
    struct schedstat_gaps *gaps = track->gaps;
    if (!gaps || length_ticks < gaps->least_ticks)
        return;
    if (gaps->count == SCHEDSTAT_GAPS)
        keep_longest(gaps);
    gaps->gaps[gaps->count++] = (struct schedstat_gap){
        track->entries[track->depth].node, span_steps_now(&track->spans), length_ticks, false};
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
    if (gap->of_burst && model->on_burst_wait)
        model->on_burst_wait(model->on_burst_wait_context, node, wait_ticks);
    windows_touch(&model->windows, nodes, node);
    nodes[node].self_wait_ticks += wait_ticks;
    for (uint32_t at = node; !nodes_is_root(&nodes[at]); at = nodes_parent(&nodes[at])) {
        windows_touch(&model->windows, nodes, at);
        nodes[at].total_wait_ticks += wait_ticks;
    }
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

/* Returns what no gap can hold. */
static int64_t give_out(struct model *model, struct track *track, int64_t missing_ticks)
{
    struct schedstat_gaps *gaps = track->gaps;
    qsort(gaps->gaps, gaps->count, sizeof(*gaps->gaps), longest_first);
    struct schedstat_gap *fit = best_fit(gaps, missing_ticks);
    if (fit) {
        give(model, track, fit, missing_ticks);
        return 0;
    }
    for (uint32_t i = 0; i < gaps->count && missing_ticks > 0; i++) {
        int64_t length_ticks = gaps->gaps[i].length_ticks;
        int64_t share_ticks = length_ticks < missing_ticks ? length_ticks : missing_ticks;
        give(model, track, &gaps->gaps[i], share_ticks);
        missing_ticks -= share_ticks;
    }
    return missing_ticks;
}

void schedstat_apply(struct model *model, struct track *track, uint64_t time_ns,
                     uint64_t running_ns, double ticks_per_ns)
{
    if (!track->gaps)
        track->gaps = calloc(1, sizeof(*track->gaps));
    struct schedstat_gaps *gaps = track->gaps;
    if (!gaps)
        return;
    bool told_itself = gaps->told_itself;
    if (gaps->have_reading && !told_itself && track->on && time_ns > gaps->last_time_ns) {
        uint64_t passed_ns = time_ns - gaps->last_time_ns;
        uint64_t ran_ns = running_ns > gaps->last_running_ns ? running_ns - gaps->last_running_ns
                                                             : 0;
        if (ran_ns < passed_ns) {
            int64_t missing_ticks = (int64_t)((double)(passed_ns - ran_ns) * ticks_per_ns);
            gaps->read_ticks += missing_ticks;
            track->late_wait_ticks += give_out(model, track, missing_ticks);
        }
    }
    if (track->last > model->waits_told_to)
        model->waits_told_to = track->last;
    gaps->have_reading = true;
    gaps->told_itself = false;
    gaps->last_time_ns = time_ns;
    gaps->last_running_ns = running_ns;
    if (!told_itself)
        forget(gaps);
}

/* What is told of the time until now, beyond what switch records, stalls and readings have of it. */
static int64_t missing_beyond(const struct track *track, int64_t told_ticks)
{
    const struct schedstat_gaps *gaps = track->gaps;
    return told_ticks - track->away_ticks - gaps->read_ticks + gaps->owed_ticks;
}

/* Records tell a switch a microsecond apart from the kernel's accounts: what is too little to be a host's is nobody's. Where there
 * are none it is the thread's all the same, and is given together with the next. */
static void settle_told(struct model *model, struct track *track, int64_t told_ticks)
{
    struct schedstat_gaps *gaps = track->gaps;
    bool by_records = track->waits.limit > 0;
    int64_t missing_ticks = missing_beyond(track, told_ticks);
    gaps->owed_ticks = by_records ? 0 : missing_ticks;
    if (missing_ticks <= LEAST_GAPS * (int64_t)model->gap_ticks ||
        missing_ticks <= told_ticks / DOUBT_PART)
        return;
    gaps->owed_ticks = 0;
    int64_t rest_ticks = give_out(model, track, missing_ticks);
    if (by_records)
        model->stolen_ticks += missing_ticks - rest_ticks;
    else
        track->late_wait_ticks += rest_ticks;
}

void schedstat_told(struct model *model, struct track *track, uint64_t away_ns)
{
    struct schedstat_gaps *gaps = track->gaps;
    bool whole = track->away_told;
    track->away_told = track->on && !track->resync;
    if (gaps && whole && track->away_told)
        settle_told(model, track,
                    (int64_t)((double)away_ns * (double)model->gap_ticks / SCHEDSTAT_GAP_NS));
    track->away_ticks = 0;
    if (!gaps)
        return;
    gaps->told_itself = true;
    gaps->read_ticks = 0;
    forget(gaps);
}

void schedstat_end_burst(struct track *track)
{
    struct schedstat_gaps *gaps = track->gaps;
    for (uint32_t i = 0; gaps && i < gaps->count; i++)
        gaps->gaps[i].of_burst = true;
}

void schedstat_forget(struct track *track)
{
    track->away_told = false;
    if (!track->gaps)
        return;
    track->gaps->have_reading = false;
    track->gaps->owed_ticks = 0;
    forget(track->gaps);
}
