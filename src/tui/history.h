/* SPDX-License-Identifier: MIT */
/* What each function did between the last screens: the points of the spark lines.
 * Why: a snapshot tells sums; when a function is slow is seen only in their course. The terminal
 * keeps that course itself, from the differences of the sums; nothing is asked of the collector.
 * Rules: bounded: a fixed number of points for a fixed number of functions, those that were seen
 * working first. A function's id is stable, its place in a snapshot is not: ids only. */
#ifndef ULMA_TUI_HISTORY_H
#define ULMA_TUI_HISTORY_H

#include "model/snapshot.h"

enum { HISTORY_POINTS = 240 };

struct history;

struct history *history_new(void);
void history_free(struct history *history); /* NULL is allowed */

/* Notes one screen's sums. Nothing is noted when no time has passed or memory is out. */
void history_add(struct history *history, const struct snapshot *snapshot);

void history_clear(struct history *history);

/* A function's points, the newest last, as rates per second: calls, and CPU or wall seconds of self
 * and total time. Returns how many were written into the arrays, at most `count`. */
size_t history_points(const struct history *history, uint32_t function_id, size_t count,
                      float *calls, float *self_share, float *total_share);

/* The seconds that the last `count` points span. */
double history_span_s(const struct history *history, size_t count);

#endif
