/* SPDX-License-Identifier: MIT */
/* A snapshot as bytes, from one ulma to another of the same build.
 * Why: whoever joins a process that is followed already shows what its owner's model says, of the window and
 * the clock that he asks for: the snapshot itself, not a recording that he would have to sum anew.
 * Rules: what is read is hostile: every count, string, index, enum, truth value and number is checked, and
 * the worst that may come of it is a refusal. Without the detail of recordings. No I/O. What else must go over all
 * that a snapshot holds is here, too, since here is the list of it. */
#ifndef ULMA_MODEL_SNAPSHOT_BYTES_H
#define ULMA_MODEL_SNAPSHOT_BYTES_H

#include "model/snapshot.h"

/* NULL: no memory. The caller frees. */
char *snapshot_to_bytes(const struct snapshot *snapshot, size_t *ret_size);

/* 0, -ENOMEM, -EPROTO (of another build of ulma) or -EBADMSG (it is damaged). */
int snapshot_of_bytes(const char *bytes, size_t size, struct snapshot **ret);

/* Wherever a part names a function by its index, `index_of` of that is put. */
void snapshot_renumber(struct snapshot *snapshot, const int32_t *index_of);

/* What another snapshot has is added after what is there: rows are not summed, the meta data are left as they are. 0 or
 * -ENOMEM; then the snapshot may only be freed. */
int snapshot_append(struct snapshot *to, const struct snapshot *from);

#endif
