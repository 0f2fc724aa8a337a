/* SPDX-License-Identifier: MIT */
/* Births and deaths of objects, by type and by the function and line that made them.
 * How: a birth names its place, a death only its address, so what is alive is kept by address. Rings are read one
 * after the other, and an object may be freed by another thread than made it: events wait until all that came before
 * them, of any ring, has been read, and are then taken in the order of their counters.
 * Why an address that is born anew is a death: an interpreter that puts off the end of deeply nested containers frees
 * them untold (wire/session.h: UNSEEN_DEEP).
 * Rules: one owner, the fold. Nothing an event says is believed. Bounded: rows, places and living objects have limits;
 * beyond them births count in `(other)`, or their deaths are only counted by type. */
#ifndef ULMA_MODEL_OBJECTS_H
#define ULMA_MODEL_OBJECTS_H

#include "model/histogram.h"
#include "wire/event.h"

#include <stdbool.h>
#include <stddef.h>

struct symbols;
struct process;
struct model;
struct track;

enum {
    OBJECTS_ROWS_MAX = 1 << 17,
    OBJECTS_TYPES_MAX = 1 << 16,
    OBJECTS_PLACES_MAX = 1 << 22,
    OBJECTS_ALIVE_MAX = 1 << 25,
    OBJECTS_OCTAVES_MAX = 1 << 18,
    OBJECTS_ROW_OTHER = 1,
};

/* What one line of one function made of one type; or, of symbol 0 and no line and `before`, what was born unseen. */
struct objects_row {
    uint32_t type, symbol, line;
    bool before;
    uint64_t births, deaths, live;
    uint64_t bytes, live_bytes; /* of those born, as they were then; of those that are alive */
    uint32_t next_in_bucket;
    struct histogram life;
};

struct objects_place {
    uint32_t row;
    uint64_t bytes; /* of what is born there now */
};

struct objects_alive {
    uint64_t birth; /* counter */
    uint64_t bytes;
    uint32_t address, row; /* row 0: free */
};

struct objects_waiting {
    struct event event;
    uint64_t order;
};

/* One process's: its addresses, its places and its types' ids, and the events that wait. */
struct objects_of_process {
    struct objects_alive *alive;
    uint32_t alive_mask, alive_count;
    struct objects_place *places; /* a region of OBJECTS_PLACES_MAX */
    uint32_t place_count;         /* the highest + 1 */
    uint32_t *types;              /* by id, a region: index of its name; 0: not known */
    struct objects_alive moving;  /* has left its address; row 0: none */

    struct objects_waiting *waiting;
    size_t waiting_count, waiting_limit;
    uint64_t order, order_seen, last; /* numbers given out, as of the last round; the last one's counter */
    bool is_unsorted;
    uint64_t now[2]; /* when the last two rounds began */
};

struct objects {
    struct objects_row *rows; /* a region; [0] is none's, [1] `(other)` */
    uint32_t row_count;
    uint32_t *buckets; /* by type, symbol and line */
    char **types;      /* names, owned; [0] stands for none, [1] for `(other)` */
    uint32_t type_count;
    uint32_t *type_buckets;
    struct octave_pool octaves;
    uint64_t refused; /* objects that are not followed, for want of room */
};

int objects_init(struct objects *objects); /* 0 or -ENOMEM */
void objects_done(struct objects *objects);
void objects_reset(struct model *model);

void objects_end_process(struct model *model, struct process *process);

/* A type's id is used no more. */
void objects_forget(struct model *model, uint32_t id);

/* OBJECT_*, of the present process. */
void objects_event(struct model *model, struct track *track, const struct event *event);

/* A round over all rings of the present process begins, whose heads were read before `now`: what is older than the
 * round before the last one has all been read. */
void objects_round(struct model *model, uint64_t now);

/* All that waits is taken: there is no more to come, of any ring of that process. */
void objects_settle(struct model *model, struct process *process);

/* The median time from birth to death, in ticks; -1: none has died. */
int64_t objects_median(const struct objects *objects, const struct objects_row *row);

#endif
