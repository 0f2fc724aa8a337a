/* SPDX-License-Identifier: MIT */
/* Which methods are monitored: the collector's answer to a probe's list of them.
 * Why here: the probe knows no patterns (wire/session.h: methods_listed).
 * Rules: the drain's owner; what a definition says is hostile. */
#ifndef ULMA_MODEL_METHODS_H
#define ULMA_MODEL_METHODS_H

#include "model/drain.h"

/* Looks at the list again, by the patterns that are in force, and answers. */
void methods_decide(struct drain *drain);

#endif
