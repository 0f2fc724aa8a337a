/* SPDX-License-Identifier: MIT */
/* A view as JSON: columns with their kinds, rows with typed cells.
 * Why one form for all views: a new view is shown by the page without a line of its own.
 * Rules: numbers are numbers, in the units of the report's names: ids of times end in _ns. */
#ifndef ULMA_WEB_VIEW_JSON_H
#define ULMA_WEB_VIEW_JSON_H

#include "export/json_writer.h"
#include "model/shape.h"
#include "model/timeline.h"
#include "web/wish.h"

/* The object of a wish, as member `key` (NULL: alone). 0 or -ENOMEM. `snapshot` may be NULL; so may `timeline` and `shape`,
 * where nobody keeps one. */
int view_json_write(struct json_writer *writer, const char *key, const struct wish *wish,
                    const struct snapshot *snapshot, const struct timeline *timeline,
                    const struct shape *shape);

/* The wish is about when things were. */
bool view_json_needs_timeline(const struct wish *wish);

/* The members of the picture `flame`: the calling-context tree, its heaviest nodes. 0 or -ENOMEM. */
int flame_json_write(struct json_writer *writer, const struct wish *wish,
                     const struct snapshot *snapshot);

enum { ALGAE_TILE_WORDS = 10 };

/* The members of the picture `algae`: who is alive. `is_apart`: each thread's tiles are only counted. 0 or -ENOMEM. */
int algae_json_write(struct json_writer *writer, const struct snapshot *snapshot,
                     const struct shape *shape, bool is_apart);

/* A word of a binary message: the lowest byte first. */
static inline void view_json_put_word(char *at, uint32_t word)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(word >> 8 * i);
}

/* The tiles, thread by thread as in the JSON. Each is ALGAE_TILE_WORDS words of 32 bits, the lowest byte first: frame, number,
 * those of its parent (number 0: none), function (as in `functions`), awaits and maker (as in `places`; 0: none), how many it is,
 * depth in 24 bits with the kind (enum snapshot_kind) in 7 and 1 for the one that runs, and its age in seconds as a float. */
void algae_tiles_write(FILE *stream, const struct snapshot *snapshot);

/* What is wished has tiles, and they stand behind the JSON. */
bool view_json_is_apart(const struct wish *wish, const struct snapshot *snapshot);

/* The member `picture` of the view `io`: its rows as numbers, with how many calls took how long. 0 or -ENOMEM. */
int io_json_write(struct json_writer *writer, const struct snapshot *snapshot);

/* The member `picture` of the view `memory`: what holds how much now and at the peak. 0 or -ENOMEM. */
int memory_json_write(struct json_writer *writer, const struct snapshot *snapshot);
/* The members of the picture `timeline`; and those of it that the view `function` has. 0 or -ENOMEM. */
int timeline_json_write(struct json_writer *writer, const struct snapshot *snapshot,
                        const struct timeline *timeline);
int timeline_json_write_function(struct json_writer *writer, const struct snapshot *snapshot,
                                 const struct timeline *timeline);

/* The member `picture` of the view `nova`: births since those that have been seen, who runs for how long, and the rows that
 * they are of. 0 or -ENOMEM. */
int nova_json_write(struct json_writer *writer, const struct wish *wish,
                    const struct snapshot *snapshot);

/* The member `functions` of a picture: name and place of those that are `named`, by id. */
void view_json_functions(struct json_writer *writer, const struct snapshot *snapshot,
                         const bool *named);

#endif
