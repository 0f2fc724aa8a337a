/* SPDX-License-Identifier: MIT */
/* schedstat: readings, and giving missing time to gaps.
 * Why: see schedstat.h.
 * Rules: a gap never gets more than its own length; what no gap can hold is the thread's, and no
 * function's. */
#include "model/schedstat.h"

#include <fcntl.h>
#include <math.h>
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

/* All but those that a reading passed over. */
static void forget_read(struct schedstat_gaps *gaps)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < gaps->count; i++)
        if (gaps->gaps[i].untold)
            gaps->gaps[kept++] = gaps->gaps[i];
    gaps->count = kept;
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
    gaps->gaps[gaps->count++] = (struct schedstat_gap){track->entries[track->depth].node,
                                                       span_steps_now(&track->spans), length_ticks,
                                                       GAP_FRESH, false};
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
    if (gap->burst != GAP_FRESH && model->on_late_wait)
        model->on_late_wait(model->on_late_wait_context, node, wait_ticks,
                            gap->burst == GAP_OF_BURST);
    windows_touch(&model->windows, nodes, node);
    nodes[node].self_wait_ticks += wait_ticks;
    for (uint32_t at = node; !nodes_is_root(&nodes[at]); at = nodes_parent(&nodes[at])) {
        windows_touch(&model->windows, nodes, at);
        nodes[at].total_wait_ticks += wait_ticks;
    }
}

/* One gap that is just as long as what is missing is a better guess than the longest. */
static struct schedstat_gap *best_fit(struct schedstat_gaps *gaps, int64_t missing_ticks,
                                      bool untold)
{
    struct schedstat_gap *best = NULL;
    for (uint32_t i = 0; i < gaps->count; i++) {
        int64_t length_ticks = gaps->gaps[i].length_ticks;
        if (length_ticks < missing_ticks)
            break;
        if (length_ticks <= missing_ticks + missing_ticks / 10 && (untold || !gaps->gaps[i].untold))
            best = &gaps->gaps[i];
    }
    return best;
}

/* Returns what no gap can hold. `untold`: to those, too, that a reading passed over. */
static int64_t give_out(struct model *model, struct track *track, int64_t missing_ticks,
                        bool untold)
{
    struct schedstat_gaps *gaps = track->gaps;
    qsort(gaps->gaps, gaps->count, sizeof(*gaps->gaps), longest_first);
    struct schedstat_gap *fit = best_fit(gaps, missing_ticks, untold);
    if (fit) {
        give(model, track, fit, missing_ticks);
        return 0;
    }
    for (uint32_t i = 0; i < gaps->count && missing_ticks > 0; i++) {
        if (gaps->gaps[i].untold && !untold)
            continue;
        int64_t length_ticks = gaps->gaps[i].length_ticks;
        int64_t share_ticks = length_ticks < missing_ticks ? length_ticks : missing_ticks;
        give(model, track, &gaps->gaps[i], share_ticks);
        missing_ticks -= share_ticks;
    }
    return missing_ticks;
}

/* A trace may say anything. */
static int64_t ticks_of(double ticks)
{
    return (int64_t)fmin(ticks, (double)(INT64_C(1) << 56));
}

static void tell_to(struct model *model, const struct track *track)
{
    if (track->last > model->waits_told_to)
        model->waits_told_to = track->last;
}

static void settle_reading(struct model *model, struct track *track, double missing)
{
    struct schedstat_gaps *gaps = track->gaps;
    int64_t missing_ticks = ticks_of(missing);
    gaps->read_ticks = ticks_of((double)gaps->read_ticks + (double)missing_ticks);
    track->late_wait_ticks += give_out(model, track, missing_ticks, false);
}

/* What a reading may not say stays until the thread says it. */
static void pass_over(struct schedstat_gaps *gaps)
{
    for (uint32_t i = 0; i < gaps->count; i++)
        gaps->gaps[i].untold = true;
}

void schedstat_apply(struct model *model, struct track *track, uint64_t time_ns,
                     uint64_t running_ns, double ticks_per_ns)
{
    if (!track->gaps)
        track->gaps = calloc(1, sizeof(*track->gaps));
    struct schedstat_gaps *gaps = track->gaps;
    if (!gaps)
        return;
    if (gaps->told_itself) {
        pass_over(gaps);
    } else {
        uint64_t passed_ns = time_ns - gaps->last_time_ns;
        uint64_t ran_ns = running_ns > gaps->last_running_ns ? running_ns - gaps->last_running_ns
                                                             : 0;
        if (gaps->have_reading && track->on && time_ns > gaps->last_time_ns && ran_ns < passed_ns)
            settle_reading(model, track, (double)(passed_ns - ran_ns) * ticks_per_ns);
        tell_to(model, track);
        forget_read(gaps);
    }
    gaps->have_reading = true;
    gaps->told_itself = false;
    gaps->last_time_ns = time_ns;
    gaps->last_running_ns = running_ns;
}

/* Records tell a switch a microsecond apart from the kernel's accounts: what is too little to be a host's is nobody's. Where there
 * are none it is the thread's all the same, and is given together with the next. */
static void settle_told(struct model *model, struct track *track, int64_t told_ticks)
{
    struct schedstat_gaps *gaps = track->gaps;
    int64_t missing_ticks = told_ticks - track->away_ticks - gaps->read_ticks + gaps->owed_ticks;
    gaps->owed_ticks = model->by_records ? 0 : missing_ticks;
    if (missing_ticks <= LEAST_GAPS * (int64_t)model->gap_ticks ||
        missing_ticks <= told_ticks / DOUBT_PART)
        return;
    gaps->owed_ticks = 0;
    int64_t rest_ticks = give_out(model, track, missing_ticks, true);
    if (model->by_records)
        model->stolen_ticks += missing_ticks - rest_ticks;
    else
        track->late_wait_ticks += rest_ticks;
}

void schedstat_told(struct model *model, struct track *track, uint64_t away_ns)
{
    struct schedstat_gaps *gaps = track->gaps;
    bool whole = track->away_told;
    track->away_told = track->on && !track->resync;
    /* Where there is neither a record nor a reading, times are wall times. */
    whole = whole && track->away_told && gaps && (model->by_records || gaps->have_reading);
    if (whole) {
        settle_told(model, track,
                    ticks_of((double)away_ns * (double)model->gap_ticks / SCHEDSTAT_GAP_NS));
        gaps->told_itself = true;
        if (!model->by_records)
            tell_to(model, track);
    }
    track->away_ticks = 0;
    if (!gaps)
        return;
    gaps->read_ticks = 0;
    forget(gaps);
}

void schedstat_pass_probe(const struct model *model, struct track *track, uint64_t ticks)
{
    if (model->gap_ticks < SCHEDSTAT_GAP_MOST && ticks > LEAST_GAPS * model->gap_ticks)
        track->away_ticks += (int64_t)ticks;
}

void schedstat_mark(struct track *track, enum gap_burst burst)
{
    struct schedstat_gaps *gaps = track->gaps;
    for (uint32_t i = 0; gaps && i < gaps->count; i++)
        if (burst == GAP_BEFORE_BURST || gaps->gaps[i].burst == GAP_FRESH)
            gaps->gaps[i].burst = burst;
}

void schedstat_forget(struct track *track)
{
    track->away_told = false;
    if (!track->gaps)
        return;
    track->gaps->have_reading = false;
    track->gaps->owed_ticks = track->gaps->read_ticks = 0;
    forget(track->gaps);
}
