/* SPDX-License-Identifier: MIT */
/* Bursts, muting, and the division of an anchor's time.
 * Why: see mute.h.
 * Rules: as there. Numbers of nodes are changed here and in the fold only. */
#include "model/mute.h"

#include "model/region.h"
#include "model/resite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ENOUGH_CALLS = 8 }; /* of an anchor in the bursts, to count by its calls */

static const double LEAST_CALLS = 0.5;

/* Calls that the excess is an average over, and how far it is believed. */
static const double EXCESS_CALLS = 1e6, LEAST_PART = 0.3;

static const uint32_t OUTSIDE = UINT32_MAX;

struct mute_copy {
    uint64_t calls, resumes;
    int64_t self_ticks, total_ticks; /* waiting left out */
};

struct mute_profile {
    double calls, resumes, self_ticks, total_ticks;
    uint32_t anchor; /* 1 + its number, while the paths are made; 0: none */
};

int mute_init(struct mute *mute, const struct model *model)
{
    *mute = (struct mute){.limit = model->nodes.limit};
    mute->copies = region_new(mute->limit, sizeof(*mute->copies));
    mute->profiles = region_new(mute->limit, sizeof(*mute->profiles));
    if (mute->copies && mute->profiles)
        return 0;
    mute_done(mute);
    return -ENOMEM;
}

void mute_done(struct mute *mute)
{
    region_free(mute->copies, mute->limit, sizeof(*mute->copies));
    region_free(mute->profiles, mute->limit, sizeof(*mute->profiles));
    free(mute->paths);
    free(mute->anchors);
    free(mute->rows);
    *mute = (struct mute){0};
}

static struct symbol *row_of(struct model *model, uint32_t node)
{
    struct symbol *symbols = model->symbols.symbols;
    return &symbols[symbols[model->nodes.nodes[node].symbol].row];
}

static int64_t run_ticks(const struct node *node)
{
    return node->self_ticks - node->self_wait_ticks;
}

/* --- bursts --------------------------------------------------------------------------------- */

static void copy_nodes(struct mute *mute, struct model *model, uint64_t counter)
{
    mute->copied = model->nodes.count;
    for (uint32_t i = 0; i < mute->copied; i++) {
        const struct node *node = &model->nodes.nodes[i];
        mute->copies[i] = (struct mute_copy){
            .calls = node->calls,
            .resumes = node->resumes,
            .self_ticks = run_ticks(node),
            .total_ticks = node->total_ticks - node->total_wait_ticks,
        };
    }
    mute->began = counter;
    mute->listening = true;
    for (uint32_t i = SYMBOL_FIRST; i < model->symbols.count; i++)
        model->symbols.symbols[i].line_hits_before = model->symbols.symbols[i].line_hits;
}

void mute_begin_burst(struct mute *mute, struct model *model, uint64_t counter)
{
    mute_settle(mute, model, counter);
    mute->path_count = mute->anchor_count = 0;
    copy_nodes(mute, model, counter);
}

/* What the node has had in the burst joins its profile. */
static const struct mute_profile *take_profile(struct mute *mute, const struct model *model,
                                               uint32_t index)
{
    const struct node *node = &model->nodes.nodes[index];
    struct mute_profile *profile = &mute->profiles[index];
    struct mute_copy had = index < mute->copied ? mute->copies[index] : (struct mute_copy){0};
    had.calls = node->calls - had.calls;
    had.resumes = node->resumes - had.resumes;
    had.self_ticks = run_ticks(node) - had.self_ticks;
    had.total_ticks = node->total_ticks - node->total_wait_ticks - had.total_ticks;
    profile->calls = profile->calls * MUTE_OLDER + (double)had.calls;
    profile->resumes = profile->resumes * MUTE_OLDER + (double)had.resumes;
    /* A wait that is told late makes a negative burst. */
    profile->self_ticks = profile->self_ticks * MUTE_OLDER +
                          (had.self_ticks > 0 ? (double)had.self_ticks : 0);
    profile->total_ticks = profile->total_ticks * MUTE_OLDER +
                           (had.total_ticks > 0 ? (double)had.total_ticks : 0);
    profile->anchor = 0;
    return profile;
}

static bool may_be_muted(const struct symbol *row)
{
    return row->kind != KIND_C && row->kind != KIND_PSEUDO && !row->left_out;
}

/* Its lines in the burst join its profile: they cost, too, and more than its calls where there are loops. */
static void take_lines(struct model *model)
{
    for (uint32_t i = SYMBOL_FIRST; i < model->symbols.count; i++) {
        struct symbol *row = &model->symbols.symbols[i];
        row->burst_lines = row->burst_lines * MUTE_OLDER +
                           (double)(row->line_hits - row->line_hits_before);
    }
}

struct governor_row *mute_end_burst(struct mute *mute, struct model *model, uint64_t counter,
                                    double ticks_per_call, size_t *ret_count)
{
    uint32_t count = 0, *at = calloc(model->symbols.count, sizeof(*at));
    free(mute->rows);
    mute->rows = calloc(model->symbols.count, sizeof(*mute->rows));
    if (!at || !mute->rows) {
        free(at);
        return NULL;
    }
    take_lines(model);
    for (uint32_t i = 1; i < model->nodes.count; i++) {
        const struct mute_profile *had = take_profile(mute, model, i);
        const struct symbol *symbol = row_of(model, i);
        uint32_t row = (uint32_t)(symbol - model->symbols.symbols);
        bool called = had->calls + had->resumes >= LEAST_CALLS;
        if (!may_be_muted(symbol) || (!called && symbol->burst_lines < LEAST_CALLS))
            continue;
        if (!at[row]) {
            at[row] = ++count;
            mute->rows[count - 1].row = row;
        }
        struct governor_row *sum = &mute->rows[at[row] - 1];
        sum->cost_ns += (had->calls + had->resumes) * ticks_per_call;
        sum->self_ns += had->self_ticks;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct governor_row *row = &mute->rows[i];
        row->lines_ns = model->symbols.symbols[row->row].burst_lines *
                        (double)model->costs.line_ticks256 / 256;
        row->cost_ns += row->lines_ns;
    }
    free(at);
    mute->burst_ticks = mute->burst_ticks * MUTE_OLDER + (double)(counter - mute->began);
    mute->divided = counter;
    mute->listening = false;
    *ret_count = count;
    return mute->rows;
}

/* --- who is silent -------------------------------------------------------------------------- */

void mute_tell(struct model *model, enum site_mode mode)
{
    struct symbols *symbols = &model->symbols;
    for (uint32_t id = 1; id < SESSION_ID_LIMIT; id++) {
        uint32_t symbol = symbols->by_id[id] >> 1;
        if (symbol && symbols->symbols[symbols->symbols[symbol].row].muted)
            symbols_tell_mode(symbols, id, mode);
    }
}

void mute_tell_lines(struct model *model)
{
    struct symbols *symbols = &model->symbols;
    for (uint32_t id = 1; id < SESSION_ID_LIMIT; id++) {
        uint32_t symbol = symbols->by_id[id] >> 1;
        if (symbol && symbols->symbols[symbols->symbols[symbol].row].has_lines)
            symbols_tell_lines(symbols, id);
    }
}

/* Everything that the node's time becomes part of while it is silent: the nearest node above that is
 * heard. */
static uint32_t find_anchor(struct model *model, uint32_t node)
{
    do
        node = nodes_parent(&model->nodes.nodes[node]);
    while (!nodes_is_root(&model->nodes.nodes[node]) && row_of(model, node)->muted);
    return node;
}

static bool make_room(void *array_pointer, uint32_t *limit, uint32_t count, size_t size)
{
    void **array = array_pointer;
    if (count < *limit)
        return true;
    uint32_t more = *limit ? *limit * 2 : 64;
    void *grown = realloc(*array, more * size);
    if (!grown)
        return false;
    *array = grown;
    *limit = more;
    return true;
}

static uint32_t anchor_number(struct mute *mute, struct model *model, uint32_t node)
{
    struct mute_profile *profile = &mute->profiles[node];
    if (nodes_is_root(&model->nodes.nodes[node]))
        return OUTSIDE;
    if (profile->anchor)
        return profile->anchor - 1;
    if (!make_room(&mute->anchors, &mute->anchor_limit, mute->anchor_count, sizeof(*mute->anchors)))
        return OUTSIDE;
    const struct node *anchor = &model->nodes.nodes[node];
    double calls = profile->calls + profile->resumes;
    mute->anchors[mute->anchor_count++] = (struct mute_anchor){
        .node = node,
        .by_calls = calls >= ENOUGH_CALLS,
        .group_ticks = profile->self_ticks,
        .group_calls = calls,
        .seen_ticks = run_ticks(anchor),
        .seen_calls = anchor->calls + anchor->resumes,
    };
    profile->anchor = mute->anchor_count;
    return mute->anchor_count - 1;
}

static void make_paths(struct mute *mute, struct model *model)
{
    mute->path_count = mute->anchor_count = 0;
    for (uint32_t i = 1; i < model->nodes.count; i++) {
        const struct mute_profile *profile = &mute->profiles[i];
        if (!row_of(model, i)->muted || profile->calls + profile->resumes < LEAST_CALLS)
            continue;
        if (!make_room(&mute->paths, &mute->path_limit, mute->path_count, sizeof(*mute->paths)))
            return; /* what is not divided stays the anchor's */
        uint32_t anchor = anchor_number(mute, model, find_anchor(model, i));
        mute->paths[mute->path_count++] = (struct mute_path){.node = i, .anchor = anchor};
        if (anchor == OUTSIDE)
            continue;
        mute->anchors[anchor].group_ticks += profile->self_ticks;
        mute->anchors[anchor].muted_calls += profile->calls + profile->resumes;
    }
}

void mute_apply(struct mute *mute, struct model *model, const struct governor_row *rows,
                size_t count, bool closing)
{
    struct symbols *symbols = &model->symbols;
    for (size_t i = 0; i < count; i++) {
        struct symbol *row = &symbols->symbols[rows[i].row];
        if (!rows[i].mute)
            continue;
        if (rows[i].lines_ns > rows[i].cost_ns / 2) {
            row->lines_muted = row->lines_partial = true;
            symbols->lines_muted_rows++;
            continue;
        }
        row->lines_partial |= row->has_lines;
        row->muted = row->muted_once = true;
        symbols->muted_rows++;
    }
    resite_lines(model);
    symbols->mute_mode = closing ? MODE_CLOSING : MODE_OFF;
    symbols->closing = true;
    make_paths(mute, model);
}

/* Takes the muted entries out of the stack. Their time so far has been flushed; what follows is their
 * callers'. */
static void cut_stack(struct model *model, struct track *track)
{
    struct symbols *symbols = &model->symbols;
    uint32_t kept = 0, depth = track->depth;
    for (uint32_t i = 1; i <= depth; i++) {
        uint32_t symbol = track->entries[i].symbol;
        if (!symbols->symbols[symbols->symbols[symbol].row].muted)
            track->entries[++kept] = track->entries[i];
        else if (track->depths)
            track->depths[symbol]--;
    }
    if (kept == depth)
        return;
    track->depth = kept;
    memset(track->buckets, 0, sizeof(*track->buckets) << (64 - track->bucket_shift));
    for (uint32_t i = 1; i <= kept; i++) {
        struct entry *entry = &track->entries[i];
        uint32_t *bucket = &track->buckets[track_bucket(entry->key, track->bucket_shift)];
        entry->below = *bucket;
        *bucket = i;
    }
}

bool mute_close(struct model *model)
{
    struct symbols *symbols = &model->symbols;
    bool closed = symbols->closing;
    if (!symbols->muted_rows)
        return false;
    for (struct track *track = model->tracks; track; track = track->next)
        if (track->on)
            cut_stack(model, track);
    resite_lines(model);
    symbols->closing = false;
    return closed;
}

void mute_lift(struct model *model)
{
    struct symbols *symbols = &model->symbols;
    for (uint32_t i = SYMBOL_FIRST; i < symbols->count; i++)
        symbols->symbols[i].muted = symbols->symbols[i].lines_muted = false;
    symbols->muted_rows = symbols->lines_muted_rows = 0;
    symbols->closing = false;
}

void mute_forget_paths(struct mute *mute)
{
    mute->path_count = mute->anchor_count = 0;
}

/* --- dividing ------------------------------------------------------------------------------- */

/* Both sides of the same calls: with the probe's cost as it was taken out, and without any. */
static void learn_excess(struct mute *mute, const struct mute_anchor *anchor, double ticks)
{
    if (anchor->call_share <= 0)
        return;
    mute->excess_ticks += anchor->group_ticks * anchor->call_share - ticks;
    mute->excess_calls += anchor->muted_calls * anchor->call_share;
    if (mute->excess_calls < EXCESS_CALLS)
        return;
    mute->excess_ticks *= MUTE_OLDER;
    mute->excess_calls *= MUTE_OLDER;
}

/* What the group would have taken unheard. */
static double unheard_ticks(const struct mute *mute, const struct mute_anchor *anchor)
{
    if (mute->excess_calls <= 0)
        return anchor->group_ticks;
    double ticks = anchor->group_ticks -
                   anchor->muted_calls * mute->excess_ticks / mute->excess_calls;
    double least = anchor->group_ticks * LEAST_PART, most = anchor->group_ticks / LEAST_PART;
    return ticks < least ? least : ticks > most ? most : ticks;
}

/* How much of what the bursts have has passed since the last division. */
static void find_shares(struct mute *mute, const struct model *model)
{
    for (uint32_t i = 0; i < mute->anchor_count; i++) {
        struct mute_anchor *anchor = &mute->anchors[i];
        const struct node *node = &model->nodes.nodes[anchor->node];
        int64_t ticks = run_ticks(node) - anchor->seen_ticks;
        uint64_t calls = node->calls + node->resumes;
        anchor->time_share = anchor->taken_ticks = 0;
        if (ticks > 0 && anchor->group_ticks > 0)
            anchor->time_share = (double)ticks / anchor->group_ticks;
        if (anchor->by_calls) {
            anchor->call_share = (double)(calls - anchor->seen_calls) / anchor->group_calls;
            learn_excess(mute, anchor, (double)ticks);
        }
        anchor->seen_calls = calls;
    }
    for (uint32_t i = 0; i < mute->anchor_count; i++) {
        struct mute_anchor *anchor = &mute->anchors[i];
        if (!anchor->by_calls)
            anchor->call_share = anchor->time_share * anchor->group_ticks /
                                 unheard_ticks(mute, anchor);
    }
}

static uint64_t whole(double *owed)
{
    uint64_t whole = *owed > 0 ? (uint64_t)*owed : 0;
    *owed -= (double)whole;
    return whole;
}

static void give(struct mute *mute, struct model *model, struct mute_path *path, double time_share,
                 double call_share)
{
    const struct mute_profile *profile = &mute->profiles[path->node];
    struct node *node = &model->nodes.nodes[path->node];
    struct symbol *row = row_of(model, path->node);
    path->calls += profile->calls * call_share;
    path->resumes += profile->resumes * call_share;
    path->self_ticks += profile->self_ticks * time_share;
    path->total_ticks += profile->total_ticks * time_share;
    uint64_t calls = whole(&path->calls), resumes = whole(&path->resumes);
    int64_t self_ticks = (int64_t)whole(&path->self_ticks);
    int64_t total_ticks = (int64_t)whole(&path->total_ticks);
    if (!calls && !resumes && !self_ticks && !total_ticks)
        return;
    windows_touch(&model->windows, model->nodes.nodes, path->node);
    node->calls += calls;
    node->resumes += resumes;
    node->self_ticks += self_ticks;
    node->total_ticks += total_ticks;
    row->estimated += calls + resumes;
    row->is_estimated = true;
    if (path->anchor != OUTSIDE)
        mute->anchors[path->anchor].taken_ticks += (double)self_ticks;
}

static void take(struct model *model, struct mute_anchor *anchor)
{
    struct node *node = &model->nodes.nodes[anchor->node];
    if (anchor->taken_ticks > 0) {
        windows_touch(&model->windows, model->nodes.nodes, anchor->node);
        node->self_ticks -= (int64_t)anchor->taken_ticks;
        row_of(model, anchor->node)->holds_muted = true;
    }
    if (anchor->time_share > 0)
        anchor->seen_ticks = run_ticks(node);
}

void mute_settle(struct mute *mute, struct model *model, uint64_t counter)
{
    if (!mute->path_count)
        return;
    double passed = counter > mute->divided ? (double)(counter - mute->divided) : 0;
    double outside_share = mute->burst_ticks > 0 ? passed / mute->burst_ticks : 0;
    find_shares(mute, model);
    for (uint32_t i = 0; i < mute->path_count; i++) {
        struct mute_path *path = &mute->paths[i];
        const struct mute_anchor *anchor =
            &mute->anchors[path->anchor == OUTSIDE ? 0 : path->anchor];
        if (path->anchor == OUTSIDE)
            give(mute, model, path, outside_share, outside_share);
        else
            give(mute, model, path, anchor->time_share, anchor->call_share);
    }
    for (uint32_t i = 0; i < mute->anchor_count; i++)
        take(model, &mute->anchors[i]);
    mute->divided = counter;
}

void mute_reset(struct mute *mute, struct model *model, uint64_t counter)
{
    mute->divided = counter;
    for (uint32_t i = 0; i < mute->anchor_count; i++)
        mute->anchors[i].seen_ticks = 0, mute->anchors[i].seen_calls = 0;
    if (mute->listening)
        copy_nodes(mute, model, counter);
}
