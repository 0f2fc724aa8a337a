/* SPDX-License-Identifier: MIT */
/* The part `operators` of the format `json`: where the source was on. */
#ifndef ULMA_EXPORT_OPERATORS_H
#define ULMA_EXPORT_OPERATORS_H

#include "export/json_writer.h"
#include "model/snapshot.h"

/* 0 or -ENOMEM. */
int export_operators_write(struct json_writer *writer, const struct snapshot *snapshot,
                           enum snapshot_clock clock);

#endif
