/* SPDX-License-Identifier: MIT */
/* Bursts, muting, and the division of an anchor's time.
 * Why: see mute.h.
 * Rules: as there. Numbers of nodes are changed here and in the fold only. */
#include "model/mute.h"

#include "model/region.h"
#include "model/resite.h"
#include "model/schedstat.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    ENOUGH_CALLS = 8, /* of an anchor, to tell anything by them where they differ */
    SURE_SLICES = 3,
};

/* Of a sum, how far it is known by slices that are called even. */
static const double EVEN = 0.15;

/* How far slices may differ in what a call had of muted ones, where a few calls are believed. */
static const double REGULAR = 0.05;

/* How much all calls weigh that are taken to have no excess, beside those that tell it. */
static const double NO_EXCESS = 0.2;

/* Time needs the excess, too: it is believed where its error is so much smaller. */
static const double CLEARLY = 2;

static const double LEAST_CALLS = 0.5;

/* Calls that would have had so many prices of excess are others than those of the bursts. */
static const double UNLIKE = 2;

/* Calls that the excess is an average over, and how far it is believed. */
static const double EXCESS_CALLS = 1e6, LEAST_PART = 0.3;

static const uint32_t OUTSIDE = UINT32_MAX;

struct mute_copy {
    uint64_t calls, resumes;
    int64_t self_ticks, total_ticks; /* waiting left out */
};

/* calls: and resumes; ticks: self time. */
struct mute_slice {
    uint64_t seen_calls; /* when the present one began */
    int64_t seen_ticks;
    float calls[MUTE_SLICES], ticks[MUTE_SLICES];
};

struct mute_profile {
    double calls, resumes, self_ticks, total_ticks;
    uint32_t anchor; /* 1 + the number of the one that is at this node; 0: none */
    uint32_t place;  /* of the node */
    double flow;     /* while time is divided: what the node and all below it get */
};

int mute_init(struct mute *mute, const struct model *model)
{
    *mute = (struct mute){.limit = model->nodes.limit};
    mute->copies = region_new(mute->limit, sizeof(*mute->copies));
    mute->profiles = region_new(mute->limit, sizeof(*mute->profiles));
    mute->slices = region_new(mute->limit, sizeof(*mute->slices));
    if (mute->copies && mute->profiles && mute->slices)
        return 0;
    mute_done(mute);
    return -ENOMEM;
}

void mute_done(struct mute *mute)
{
    region_free(mute->copies, mute->limit, sizeof(*mute->copies));
    region_free(mute->profiles, mute->limit, sizeof(*mute->profiles));
    region_free(mute->slices, mute->limit, sizeof(*mute->slices));
    free(mute->paths);
    free(mute->anchors);
    free(mute->unmet);
    free(mute->unmet_slots);
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

static double square(double value)
{
    return value * value;
}

static void mark_gaps(const struct model *model, enum gap_burst burst)
{
    for (struct track *track = model->tracks; track; track = track->next)
        schedstat_mark(track, burst);
}

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
        mute->slices[i].seen_calls = node->calls + node->resumes;
        mute->slices[i].seen_ticks = run_ticks(node);
    }
    mark_gaps(model, GAP_BEFORE_BURST);
    mute->began = counter;
    mute->listening = true;
    for (uint32_t i = SYMBOL_FIRST; i < model->symbols.count; i++)
        model->symbols.symbols[i].line_hits_before = model->symbols.symbols[i].line_hits;
}

void mute_begin_burst(struct mute *mute, struct model *model, uint64_t counter)
{
    mute_settle(mute, model, counter);
    mute_forget_paths(mute);
    copy_nodes(mute, model, counter);
}

void mute_slice(struct mute *mute, struct model *model)
{
    uint32_t at = mute->slice_count++ % MUTE_SLICES;
    for (uint32_t i = 0; i < model->nodes.count; i++) {
        const struct node *node = &model->nodes.nodes[i];
        struct mute_slice *slice = &mute->slices[i];
        uint64_t calls = node->calls + node->resumes;
        int64_t ticks = run_ticks(node);
        slice->calls[at] = (float)(calls - slice->seen_calls);
        slice->ticks[at] = ticks > slice->seen_ticks ? (float)(ticks - slice->seen_ticks) : 0;
        slice->seen_calls = calls;
        slice->seen_ticks = ticks;
    }
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
                                    double call_ticks, double coldness, size_t *ret_count)
{
    uint32_t count = 0, *at = calloc(model->symbols.count, sizeof(*at));
    free(mute->rows);
    mute->rows = calloc(model->symbols.count, sizeof(*mute->rows));
    if (!at || !mute->rows) {
        free(at);
        return NULL;
    }
    take_lines(model);
    mark_gaps(model, GAP_OF_BURST);
    mute_slice(mute, model);
    mute->call_ticks = call_ticks;
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
        sum->cost_ns += (had->calls + had->resumes) * call_ticks * coldness;
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

static bool is_unmet(uint32_t place)
{
    return (place & MUTE_UNMET) != 0;
}

static struct mute_unmet *unmet_at(struct mute *mute, uint32_t place)
{
    return &mute->unmet[place & ~(uint32_t)MUTE_UNMET];
}

static uint32_t *unmet_slot(const struct mute *mute, uint32_t parent, uint32_t symbol)
{
    uint64_t key = ((uint64_t)parent << 32 | symbol) * UINT64_C(0x9e3779b97f4a7c15);
    for (uint32_t at = (uint32_t)(key >> 32);; at++) {
        uint32_t *slot = &mute->unmet_slots[at & mute->unmet_mask];
        if (!*slot ||
            (mute->unmet[*slot - 1].parent == parent && mute->unmet[*slot - 1].symbol == symbol))
            return slot;
    }
}

static bool grow_unmet_slots(struct mute *mute)
{
    uint32_t mask = mute->unmet_slots ? mute->unmet_mask * 2 + 1 : 127;
    uint32_t *slots = calloc((size_t)mask + 1, sizeof(*slots));
    if (!slots)
        return false;
    free(mute->unmet_slots);
    mute->unmet_slots = slots;
    mute->unmet_mask = mask;
    for (uint32_t i = 0; i < mute->unmet_count; i++)
        *unmet_slot(mute, mute->unmet[i].parent, mute->unmet[i].symbol) = i + 1;
    return true;
}

/* The place of a function that is heard, called at the place `parent`. NODE_ROOT: no memory. */
static uint32_t place_below(struct mute *mute, const struct model *model, uint32_t parent,
                            uint32_t symbol)
{
    uint32_t met = is_unmet(parent) ? 0 : nodes_find(&model->nodes, parent, symbol);
    if (met)
        return met;
    if (!make_room(&mute->unmet, &mute->unmet_limit, mute->unmet_count, sizeof(*mute->unmet)))
        return NODE_ROOT;
    if (mute->unmet_count >= mute->unmet_mask / 2 && !grow_unmet_slots(mute))
        return NODE_ROOT;
    uint32_t *slot = unmet_slot(mute, parent, symbol);
    if (!*slot) {
        mute->unmet[mute->unmet_count] = (struct mute_unmet){.parent = parent, .symbol = symbol};
        *slot = ++mute->unmet_count;
    }
    return MUTE_UNMET | (*slot - 1);
}

/* Where the node's time goes while the muted are silent: to its path without them. */
static uint32_t place_of(struct mute *mute, struct model *model, uint32_t index)
{
    const struct node *node = &model->nodes.nodes[index];
    uint32_t parent = nodes_parent(node);
    if (nodes_is_root(node))
        return index;
    uint32_t above = mute->profiles[parent].place;
    if (row_of(model, index)->muted)
        return above;
    return above == parent ? index : place_below(mute, model, above, node->symbol);
}

static uint32_t *anchor_at(struct mute *mute, uint32_t place)
{
    return is_unmet(place) ? &unmet_at(mute, place)->anchor : &mute->profiles[place].anchor;
}

static uint32_t anchor_number(struct mute *mute, struct model *model, uint32_t place)
{
    if (!is_unmet(place) && nodes_is_root(&model->nodes.nodes[place]))
        return OUTSIDE;
    uint32_t *number = anchor_at(mute, place);
    if (*number)
        return *number - 1;
    if (!make_room(&mute->anchors, &mute->anchor_limit, mute->anchor_count, sizeof(*mute->anchors)))
        return OUTSIDE;
    struct mute_anchor *anchor = &mute->anchors[mute->anchor_count++];
    *anchor = (struct mute_anchor){0};
    if (!is_unmet(place)) {
        const struct node *node = &model->nodes.nodes[place];
        anchor->node = place;
        anchor->seen_ticks = run_ticks(node);
        anchor->seen_calls = node->calls + node->resumes;
    }
    *number = mute->anchor_count;
    return mute->anchor_count - 1;
}

/* False: no memory; what is not divided stays the anchor's. */
static bool add_path(struct mute *mute, struct model *model, uint32_t index)
{
    const struct mute_profile *profile = &mute->profiles[index];
    if (!make_room(&mute->paths, &mute->path_limit, mute->path_count, sizeof(*mute->paths)))
        return false;
    bool muted = row_of(model, index)->muted;
    uint32_t number = anchor_number(mute, model, profile->place);
    mute->paths[mute->path_count++] =
        (struct mute_path){.node = index, .anchor = number, .muted = muted};
    if (number == OUTSIDE || !muted)
        return true;
    struct mute_anchor *anchor = &mute->anchors[number];
    anchor->group.ticks += profile->self_ticks;
    anchor->group.muted += profile->calls + profile->resumes;
    for (uint32_t i = 0; i < MUTE_SLICES; i++) {
        anchor->slices[i].ticks += mute->slices[index].ticks[i];
        anchor->slices[i].muted += mute->slices[index].calls[i];
    }
    return true;
}

/* What the anchors had themselves in the bursts, below whichever muted functions. */
static void add_own(struct mute *mute, struct model *model)
{
    for (uint32_t i = 1; i < model->nodes.count; i++) {
        const struct mute_profile *profile = &mute->profiles[i];
        uint32_t number = *anchor_at(mute, profile->place);
        if (!number || row_of(model, i)->muted)
            continue;
        struct mute_anchor *anchor = &mute->anchors[number - 1];
        anchor->group.ticks += profile->self_ticks;
        anchor->group.calls += profile->calls + profile->resumes;
        for (uint32_t j = 0; j < MUTE_SLICES; j++) {
            anchor->slices[j].ticks += mute->slices[i].ticks[j];
            anchor->slices[j].calls += mute->slices[i].calls[j];
        }
    }
}

/* What it had when the burst began holds the wait as running time: so do those that called it. */
static void wait_before_burst(struct mute *mute, const struct model *model, uint32_t node,
                              int64_t ticks)
{
    const struct node *nodes = model->nodes.nodes;
    if (node < mute->copied) {
        mute->copies[node].self_ticks -= ticks;
        mute->slices[node].seen_ticks -= ticks;
    }
    for (uint32_t at = node; !nodes_is_root(&nodes[at]); at = nodes_parent(&nodes[at]))
        if (at < mute->copied)
            mute->copies[at].total_ticks -= ticks;
}

void mute_late_wait(struct mute *mute, const struct model *model, uint32_t node, int64_t ticks,
                    bool of_burst)
{
    struct mute_profile *profile = &mute->profiles[node];
    if (mute->listening && !of_burst)
        wait_before_burst(mute, model, node, ticks);
    if (mute->listening || !of_burst)
        return;
    double late_ticks = fmin((double)ticks, profile->self_ticks);
    profile->self_ticks -= late_ticks;
    uint32_t number = mute->path_count ? *anchor_at(mute, profile->place) : 0;
    if (number)
        mute->anchors[number - 1].group.ticks -= late_ticks;
}

/* Each of its calls, in slices enough, had as many of the muted ones: a few of such calls tell as much as many. */
static bool is_regular(const struct mute_anchor *anchor, uint32_t slices, double of_call)
{
    uint32_t with_calls = 0;
    for (uint32_t i = 0; i < slices; i++) {
        const struct mute_group *slice = &anchor->slices[i];
        with_calls += slice->calls > 0;
        if (fabs(slice->muted - of_call * slice->calls) > REGULAR * of_call * slice->calls)
            return false;
    }
    return with_calls >= SURE_SLICES;
}

/* Whether the anchor's calls or its time tell better what the muted ones below had in each slice, and how evenly
 * its calls take time. */
static void judge(struct mute_anchor *anchor, uint32_t slices)
{
    struct mute_group sum = {0};
    for (uint32_t i = 0; i < slices; i++) {
        sum.ticks += anchor->slices[i].ticks;
        sum.calls += anchor->slices[i].calls;
        sum.muted += anchor->slices[i].muted;
    }
    bool enough = anchor->group.calls >= ENOUGH_CALLS;
    anchor->by_calls = enough || (sum.calls > 0 && sum.muted > 0 &&
                                  is_regular(anchor, slices, sum.muted / sum.calls));
    anchor->surely = false;
    anchor->even = 0;
    if (!enough || slices < 2 || sum.calls <= 0 || sum.ticks <= 0)
        return;
    double by_calls = 0, by_time = 0, uneven = 0;
    for (uint32_t i = 0; i < slices; i++) {
        const struct mute_group *slice = &anchor->slices[i];
        by_calls += square(slice->muted - sum.muted / sum.calls * slice->calls);
        by_time += square(slice->muted - sum.muted / sum.ticks * slice->ticks);
        uneven += square(slice->ticks - sum.ticks / sum.calls * slice->calls);
    }
    double part = (double)slices / (slices - 1);
    anchor->surely = slices >= SURE_SLICES && by_calls * part <= square(EVEN * sum.muted);
    anchor->by_calls = by_calls * part <= square(EVEN * sum.muted) ||
                       by_calls <= square(CLEARLY) * by_time;
    anchor->even = 1 / (1 + uneven * part / square(EVEN * sum.ticks));
}

static void forget_places(struct mute *mute)
{
    mute->path_count = mute->anchor_count = mute->unmet_count = 0;
    if (mute->unmet_slots)
        memset(mute->unmet_slots, 0, ((size_t)mute->unmet_mask + 1) * sizeof(*mute->unmet_slots));
}

static void make_paths(struct mute *mute, struct model *model)
{
    forget_places(mute);
    for (uint32_t i = 1; i < model->nodes.count; i++)
        mute->profiles[i].place = place_of(mute, model, i);
    bool whole = true;
    for (uint32_t i = 1; whole && i < model->nodes.count; i++) {
        const struct mute_profile *profile = &mute->profiles[i];
        if (profile->place != i && profile->total_ticks > 0)
            whole = add_path(mute, model, i);
    }
    add_own(mute, model);
    for (uint32_t i = 0; i < mute->anchor_count; i++)
        judge(&mute->anchors[i], mute->slice_count < MUTE_SLICES ? mute->slice_count : MUTE_SLICES);
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
    model_renew_costs(model);
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
    model_renew_costs(model);
}

/* --- dividing ------------------------------------------------------------------------------- */

/* What the calls took in the bursts beyond what as many have taken since. Divided by the many since, not by the
 * bursts' few: those that had few by chance would weigh more than those that had as many too much. */
static double excess_of(const struct mute_anchor *anchor)
{
    return anchor->group.ticks - anchor->passed_ticks * anchor->group.calls / anchor->passed_calls;
}

/* Else the calls since are others than those of the bursts: the same ones cannot differ so. */
static bool is_like_before(const struct mute *mute, const struct mute_anchor *anchor)
{
    return anchor->passed_calls < ENOUGH_CALLS ||
           fabs(excess_of(anchor)) <= UNLIKE * mute->call_ticks * anchor->group.muted;
}

struct excess {
    double ticks, calls;
};

/* A few even ones do not speak for all. */
static struct excess find_excess(const struct mute *mute)
{
    struct excess sum = {.ticks = mute->excess_ticks, .calls = mute->excess_calls};
    for (uint32_t i = 0; i < mute->anchor_count; i++) {
        const struct mute_anchor *anchor = &mute->anchors[i];
        sum.calls += NO_EXCESS * anchor->group.muted;
        if (anchor->passed_calls < ENOUGH_CALLS || !is_like_before(mute, anchor))
            continue;
        sum.ticks += anchor->even * excess_of(anchor);
        sum.calls += anchor->even * anchor->group.muted;
    }
    return sum;
}

static void keep_excess(struct mute *mute)
{
    if (!mute->anchor_count)
        return;
    struct excess sum = find_excess(mute);
    double older = sum.calls < EXCESS_CALLS ? 1 : MUTE_OLDER;
    mute->excess_ticks = sum.ticks * older;
    mute->excess_calls = sum.calls * older;
}

void mute_forget_paths(struct mute *mute)
{
    keep_excess(mute);
    forget_places(mute);
}

/* What the group would have taken unheard. */
static double unheard_ticks(const struct mute *mute, const struct mute_group *group,
                            struct excess excess)
{
    if (excess.calls <= 0)
        return group->ticks;
    double of_call = fmin(excess.ticks / excess.calls, mute->call_ticks);
    double ticks = group->ticks - group->muted * of_call;
    double least = group->ticks * LEAST_PART, most = group->ticks / LEAST_PART;
    return ticks < least ? least : ticks > most ? most : ticks;
}

/* Which places the fold has met by now. A place stands before those below it. */
static void meet(struct mute *mute, const struct model *model)
{
    for (uint32_t i = 0; i < mute->unmet_count; i++) {
        struct mute_unmet *unmet = &mute->unmet[i];
        uint32_t parent = is_unmet(unmet->parent) ? unmet_at(mute, unmet->parent)->node
                                                  : unmet->parent;
        if (!unmet->node && (parent || !is_unmet(unmet->parent)))
            unmet->node = nodes_find(&model->nodes, parent, unmet->symbol);
        if (unmet->anchor)
            mute->anchors[unmet->anchor - 1].node = unmet->node;
    }
}

static void see(struct mute_anchor *anchor, const struct model *model)
{
    anchor->time_share = anchor->call_share = anchor->taken_ticks = 0;
    if (!anchor->node)
        return;
    const struct node *node = &model->nodes.nodes[anchor->node];
    int64_t ticks = run_ticks(node) - anchor->seen_ticks;
    uint64_t calls = node->calls + node->resumes;
    double called = (double)(calls - anchor->seen_calls);
    if (ticks > 0 && anchor->group.ticks > 0)
        anchor->time_share = (double)ticks / anchor->group.ticks;
    anchor->passed_ticks += ticks > 0 ? (double)ticks : 0;
    anchor->passed_calls += called;
    if (anchor->group.calls > 0)
        anchor->call_share = called / anchor->group.calls;
    anchor->seen_calls = calls;
}

/* How much of what the bursts have has passed since the last division. */
static void find_shares(struct mute *mute, const struct model *model)
{
    for (uint32_t i = 0; i < mute->anchor_count; i++)
        see(&mute->anchors[i], model);
    struct excess excess = find_excess(mute);
    for (uint32_t i = 0; i < mute->anchor_count; i++) {
        struct mute_anchor *anchor = &mute->anchors[i];
        if (anchor->surely || (anchor->by_calls && is_like_before(mute, anchor)))
            continue;
        anchor->call_share = 0;
        if (anchor->time_share > 0)
            anchor->call_share = anchor->time_share * anchor->group.ticks /
                                 unheard_ticks(mute, &anchor->group, excess);
    }
}

static uint64_t whole(double *owed)
{
    uint64_t whole = *owed > 0 ? (uint64_t)*owed : 0;
    *owed -= (double)whole;
    return whole;
}

/* What each path has of its anchor's time, and what all below it have: the total of a muted function holds the time of
 * those that it calls, muted or not, as it was measured since. Those below stand behind. */
static void find_flows(struct mute *mute, const struct model *model, double outside_share)
{
    struct mute_profile *profiles = mute->profiles;
    for (uint32_t i = 0; i < mute->path_count; i++)
        profiles[mute->paths[i].node].flow = 0;
    for (uint32_t i = mute->path_count; i > 0; i--) {
        const struct mute_path *path = &mute->paths[i - 1];
        struct mute_profile *profile = &profiles[path->node];
        double share = path->anchor == OUTSIDE ? outside_share
                                               : mute->anchors[path->anchor].time_share;
        profile->flow += profile->self_ticks * share;
        profiles[nodes_parent(&model->nodes.nodes[path->node])].flow += profile->flow;
    }
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
    path->total_ticks += profile->flow;
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
    meet(mute, model);
    find_shares(mute, model);
    find_flows(mute, model, outside_share);
    for (uint32_t i = 0; i < mute->path_count; i++) {
        struct mute_path *path = &mute->paths[i];
        if (!path->muted)
            continue;
        if (path->anchor == OUTSIDE)
            give(mute, model, path, outside_share, outside_share);
        else
            give(mute, model, path, mute->anchors[path->anchor].time_share,
                 mute->anchors[path->anchor].call_share);
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
