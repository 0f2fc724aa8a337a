/* SPDX-License-Identifier: MIT */
/* Muted functions in the model: who is silent, and what is estimated of them.
 *
 * A function that is muted has no entries on the stacks while it is: its time becomes self time of the
 * nearest caller that is heard, its *anchor*. A burst of listening (governor.h) tells, for each path of the
 * tree, how the anchor's time divides among it and the muted paths below it, and how often these are
 * called meanwhile. From then on whatever time the anchor has is divided so (mute_settle): the muted
 * paths get their calls and times, the anchor loses as much self time. All of it is time that was
 * measured, so the sums stay what they are and nothing becomes negative; what is estimated is how it
 * divides. How many calls the muted ones had, the anchor's own calls tell, or its time: whichever told it better within the
 * bursts, slice by slice. Anchors whose calls take much the same time also tell how much the bursts slow the program beyond what
 * the calibration knows.
 * A function that costs by its lines, not by its calls, loses these alone: its calls and times stay exact, its lines are
 * counted in the bursts.
 * What comes out is in the tree's own numbers: windows, totals, callers need to know nothing; the rows are
 * marked as estimates, the anchors' as holding some.
 *
 * Why the nodes of a burst are copied whole: a burst is short and seldom, and the fold's hot path, which
 * would have to note each change, is neither.
 * Rules: one owner, the model's. Nothing here knows of budgets. Time was flushed up to the present
 * (model_flush) before any of these. */
#ifndef ULMA_MODEL_MUTE_H
#define ULMA_MODEL_MUTE_H

#include "model/fold.h"
#include "model/governor.h"

/* What a burst is worth when the next one has been: programs change, but a burst is shorter than the turns
 * that threads take. */
#define MUTE_OLDER 0.5

/* The last bursts are kept in so many slices, of a few milliseconds each. */
enum { MUTE_SLICES = 8 };

struct mute_copy;
struct mute_profile;
struct mute_slice;

/* A path without its muted functions that the tree may not have yet: the child for `symbol` of the place `parent`.
 * Places are nodes, or these with MUTE_UNMET. */
struct mute_unmet {
    uint32_t parent, symbol;
    uint32_t node;   /* 0: not met yet */
    uint32_t anchor; /* 1 + its number; 0: none */
};
enum { MUTE_UNMET = 1 << 30 };

/* A muted path, or one of a heard function below a muted one. A parent stands before its children. */
struct mute_path {
    uint32_t node;
    bool muted;
    uint32_t anchor; /* its number; UINT32_MAX: no function, it was called from outside of all */
    double calls, resumes, self_ticks, total_ticks; /* what is owed and not whole yet */
};

/* What an anchor had, below whichever muted functions, and the muted paths whose time goes to it. */
struct mute_group {
    double ticks; /* self time of all */
    double calls; /* of the anchor */
    double muted; /* calls of the muted paths */
};

/* Whose time is divided. Its path is that of functions which are heard alone: a function that a muted one calls
 * stands below the nearest heard caller for as long. So the fold may meet it only then. */
struct mute_anchor {
    uint32_t node;           /* 0: not met yet */
    bool by_calls;           /* its calls tell better than its time */
    bool surely;             /* ... whatever its time says */
    double even;             /* 0 .. 1: how much its calls take the same time */
    struct mute_group group; /* in the bursts */
    struct mute_group slices[MUTE_SLICES];
    int64_t seen_ticks; /* its self time, waiting left out, that is divided already */
    uint64_t seen_calls;
    double passed_ticks, passed_calls; /* all since the burst */
    double time_share, call_share;     /* of the present division: of what the bursts have */
    double taken_ticks;
};

struct mute {
    struct mute_copy *copies;      /* by node: its numbers when the burst began; region */
    struct mute_profile *profiles; /* by node: what the bursts told; region */
    struct mute_slice *slices;     /* by node; region */
    uint32_t copied;               /* nodes that there were then */
    uint32_t limit;                /* of all three */
    uint32_t slice_count;          /* ever */
    bool listening;
    struct mute_path *paths;
    struct mute_anchor *anchors;
    uint32_t path_count, path_limit, anchor_count, anchor_limit;
    struct mute_unmet *unmet;
    uint32_t unmet_count, unmet_limit;
    uint32_t *unmet_slots; /* (parent, symbol) -> 1 + its number, open addressing */
    uint32_t unmet_mask;
    uint64_t began, divided; /* counters: of the burst, and of the last division */
    double burst_ticks;      /* of all bursts, older ones less */
    /* What a call heard costs beyond what was taken out for it, by the anchors, the more even
     * the more: they say how long the same takes unheard. Sums over the divisions before, older ones less. */
    double excess_ticks, excess_calls;
    double call_ticks; /* what a call cost in the bursts */
    struct governor_row *rows;
};

/* 0 or -ENOMEM. */
int mute_init(struct mute *mute, const struct model *model);
void mute_done(struct mute *mute);

/* A burst of listening begins at `counter`: all that is open or called from now on is heard. */
void mute_begin_burst(struct mute *mute, struct model *model, uint64_t counter);

/* The next slice of a burst begins: what goes on within it is told apart. */
void mute_slice(struct mute *mute, struct model *model);

/* The burst is over: what it told joins what is known. The rows that were heard in this one and, with
 * MUTE_OLDER's weight, those before, with their costs, for governor_choose: `call_ticks` by the speed of the bursts, times the `coldness` of a call that is
 * heard seldom (in ticks, as are the times). NULL: no memory. */
struct governor_row *mute_end_burst(struct mute *mute, struct model *model, uint64_t counter,
                                    double call_ticks, double coldness, size_t *ret_count);

/* What has become known late: `node` did not run for `ticks` of the burst that is over, or before the present one began
 * (model->on_late_wait). */
void mute_late_wait(struct mute *mute, const struct model *model, uint32_t node, int64_t ticks,
                    bool of_burst);

/* The rows with their `mute` set fall silent, as soon as mute_tell says so to the probes. `closing`: what is
 * open ends first (3.12+). */
void mute_apply(struct mute *mute, struct model *model, const struct governor_row *rows,
                size_t count, bool closing);

/* Tells the probe of the process whose events are folded now (model_enter) what becomes of its muted
 * functions. */
void mute_tell(struct model *model, enum site_mode mode);

/* ... and of the lines that were asked for. */
void mute_tell_lines(struct model *model);

/* All that is closing is closed: nothing of it is open any more. True: there was something, and the probes
 * have to be told that it is off. */
bool mute_close(struct model *model);

/* All functions are heard again; the probes have been told. */
void mute_lift(struct model *model);

/* Nothing is divided any more until the next burst is over. */
void mute_forget_paths(struct mute *mute);

/* Divides what the anchors have had since the last time. */
void mute_settle(struct mute *mute, struct model *model, uint64_t counter);

/* All numbers were forgotten. */
void mute_reset(struct mute *mute, struct model *model, uint64_t counter);

#endif
