/* SPDX-License-Identifier: MIT */
/* Compresses what is written into a stream, as gzip does.
 * Why: readers of pprof want it so; a file is compressed as it grows and never held whole.
 * Rules: the same bytes in give the same bytes out (no name, no time in the head). */
#ifndef ULMA_EXPORT_GZIP_WRITER_H
#define ULMA_EXPORT_GZIP_WRITER_H

#include <stddef.h>
#include <stdio.h>

struct gzip_writer;

struct gzip_writer *gzip_writer_new(FILE *stream); /* NULL: no memory */
int gzip_writer_put(struct gzip_writer *writer, const void *bytes, size_t size);
int gzip_writer_finish(struct gzip_writer *writer); /* writes the end */
void gzip_writer_free(struct gzip_writer *writer);  /* NULL is allowed; the stream stays open */

#endif
