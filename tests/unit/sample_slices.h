/* SPDX-License-Identifier: MIT */
/* A snapshot's tree as a timeline, so that every format writes from the same samples. */
#ifndef ULMA_TESTS_SAMPLE_SLICES_H
#define ULMA_TESTS_SAMPLE_SLICES_H

#include "export/exporter.h"

/* Writes the format, from the snapshot or from its tree as slices. As exporter->write. */
int sample_write(const struct exporter *exporter, const struct snapshot *snapshot,
                 const struct export_options *options, FILE *stream);

#endif
