/* SPDX-License-Identifier: MIT */
/* Making and freeing of snapshots.
 * Why: see snapshot.h. Filling one is the model's business (or a test's); this file only ties its
 * life to one arena.
 * Rules: the snapshot itself lies in its arena, so nothing is left to free beside it. */
#include "model/snapshot.h"

#include "base/arena.h"

struct snapshot *snapshot_new(void)
{
    struct arena *arena = arena_new();
    if (!arena)
        return NULL;
    struct snapshot *snapshot = arena_alloc(arena, sizeof(*snapshot));
    if (!snapshot) {
        arena_free(arena);
        return NULL;
    }
    snapshot->arena = arena;
    snapshot->meta.exit_status = -1;
    return snapshot;
}

void snapshot_free(struct snapshot *snapshot)
{
    if (snapshot)
        arena_free(snapshot->arena);
}
