/* SPDX-License-Identifier: MIT */
/* Births and deaths of objects, by type and by the function and line that made them.
 * How: a birth names its place, a death only its address, so what is alive is kept by address. Rings are read one
 * after the other, and an object may be freed by another thread than made it: events wait until all that came before
 * them, of any ring, has been read, and are then taken in the order of their counters.
 * Why an address that is born anew is a death: an interpreter that puts off the end of deeply nested containers frees
 * them untold (wire/session.h: UNSEEN_DEEP).
 * Rules: one owner, the fold. Nothing an event says is believed. Bounded: rows, places and living objects have limits;
 * beyond them births count in `(other)`, or their deaths are only counted by type. */
#ifndef ULMA_MODEL_BIRTHS_H
#define ULMA_MODEL_BIRTHS_H

#include "model/histogram.h"
#include "wire/event.h"

#include <stdbool.h>
#include <stddef.h>

struct symbols;
struct process;
struct entry;
struct model;
struct track;

enum {
    BIRTHS_ROWS_MAX = 1 << 17,
    BIRTHS_TYPES_MAX = 1 << 16,
    BIRTHS_PLACES_MAX = 1 << 22,
    BIRTHS_ALIVE_MAX = 1 << 25,
    BIRTHS_OCTAVES_MAX = 1 << 18,
    BIRTHS_ROW_OTHER = 1,
    BIRTHS_ORDER_BITS = 27,
    BIRTHS_THREAD_BITS = 24,
    BIRTHS_PENDING_BITS = 13,
    BIRTHS_PENDING = 1 << BIRTHS_PENDING_BITS, /* samples that wait */
    BIRTHS_SAMPLES = 4096,                     /* that are kept, the newest */
    BIRTHS_SAMPLES_A_S = 4000,                 /* about so many are taken at most */
};

/* One of `stride` births, for drawing: the rows count them all. */
struct births_sample {
    uint64_t counter, bytes;
    uint64_t task;                /* async_task's id; 0: none's */
    uint32_t thread, row, stride; /* thread: the track's number */
};
#define BIRTHS_ORDER_MASK  ((UINT64_C(1) << BIRTHS_ORDER_BITS) - 1)
#define BIRTHS_THREAD_MASK ((UINT32_C(1) << BIRTHS_THREAD_BITS) - 1)

/* What one line of one function made of one type; or, of symbol 0 and no line and `before`, what was born unseen. */
struct births_row {
    uint32_t type, symbol, line;
    bool before;
    uint64_t births, deaths, live;
    uint64_t bytes, live_bytes; /* of those born, as they were then; of those that are alive */
    uint32_t next_in_bucket;
    struct histogram life;
};

struct births_place {
    uint32_t row;
    uint64_t bytes; /* of what is born there now */
};

struct births_alive {
    uint64_t birth; /* counter */
    uint64_t bytes;
    uint32_t address, row; /* row 0: free */
};

/* The order is of events of one counter, so it may begin anew. `pending`: where its task is kept; 0: it is no sample. */
struct births_waiting {
    struct event event;
    uint64_t order : BIRTHS_ORDER_BITS, thread : BIRTHS_THREAD_BITS, pending : BIRTHS_PENDING_BITS;
};
static_assert(sizeof(struct births_waiting) == 24, "there may be millions of them");

/* One process's: its addresses, its places and its types' ids, and the events that wait. */
struct births_of_process {
    struct births_alive *alive;
    uint32_t alive_mask, alive_count;
    struct births_place *places; /* a region of BIRTHS_PLACES_MAX */
    uint32_t place_count;        /* the highest + 1 */
    uint32_t *types;             /* by id, a region: index of its name; 0: not known */
    struct births_alive moving;  /* has left its address; row 0: none */

    struct births_waiting *waiting;
    size_t waiting_count, waiting_limit;
    uint64_t order, order_seen,
        last; /* numbers given out, as of the last round; the last one's counter */
    const struct track *last_track; /* whose that was; only compared */
    bool is_unsorted;
    uint64_t now[2]; /* when the last two rounds began */
};

struct births {
    struct births_row *rows; /* a region; [0] is none's, [1] `(other)` */
    uint32_t row_count;
    uint32_t *buckets; /* by type, symbol and line */
    char **types;      /* names, owned; [0] stands for none, [1] for `(other)` */
    bool *
        types_out; /* no pattern wants them: their events are passed over, soon they are not told */
    bool is_limited; /* some are */
    uint32_t type_count;
    uint32_t *type_buckets;
    struct octave_pool octaves;
    uint64_t refused;              /* objects that are not followed, for want of room */
    struct births_sample *samples; /* a ring of BIRTHS_SAMPLES */
    uint64_t sample_count;         /* ever */
    uint32_t
        *pending; /* tasks' ids of samples that wait, BIRTHS_PENDING: a ring, [0] is never used */
    uint32_t last_pending;
    struct births_sampling {
        uint32_t stride, left, random; /* left: births until the next one */
        uint64_t births, taken;        /* in this second */
    } sampling;
};

int births_init(struct births *births); /* 0 or -ENOMEM */
void births_done(struct births *births);
void births_reset(struct model *model);

void births_end_process(struct model *model, struct process *process);

/* A type's id, whose name can be asked for now. */
void births_meet_type(struct model *model, uint32_t id);

/* Other patterns: which types are counted from here on. What lived of those that are not is followed no more. */
void births_resite(struct model *model);

/* ... told to the present process. */
void births_resite_ids(struct model *model);

/* Whether a row is of what the patterns want. */
bool births_row_is_kept(const struct model *model, const struct births_row *row);

/* A type's id is used no more. */
void births_forget(struct model *model, uint32_t id);

/* OBJECT_*, of the present process. `top`: the innermost entry, which the track itself may not know yet. */
void births_event(struct model *model, struct track *track, const struct entry *top,
                  const struct event *event);

/* A round over all rings of the present process begins, whose heads were read before `now`: what is older than the
 * round before the last one has all been read. */
void births_round(struct model *model, uint64_t now);

/* All that waits is taken: there is no more to come, of any ring of that process. */
void births_settle(struct model *model, struct process *process);

/* A second has passed: as many samples are taken as are wanted in one, if births come as they came. */
void births_tick(struct births *births);

/* The median time from birth to death, in ticks; -1: none has died. */
int64_t births_median(const struct births *births, const struct births_row *row);

#endif
