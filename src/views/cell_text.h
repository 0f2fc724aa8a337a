/* SPDX-License-Identifier: MIT */
/* A cell's value as the text that stands in its column. */
#ifndef ULMA_VIEWS_CELL_TEXT_H
#define ULMA_VIEWS_CELL_TEXT_H

#include "views/view.h"

/* At most `width` columns where the number can be told in so few. Estimates begin with `~`. */
void cell_text_format(const struct view_column *column, const struct cell *cell, int width,
                      char *text, size_t size);

/* Whether the column's numbers are names (a pid), not amounts. */
bool cell_text_is_name(const struct view_column *column);

/* The end of `text` in at most `width` columns, behind `…`, cut where a path's part begins when
 * that is near. Returns `text` when it fits, else `buffer`. */
const char *cell_text_shorten(const char *text, int width, char *buffer, size_t size);

#endif
