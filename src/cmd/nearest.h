/* SPDX-License-Identifier: MIT */
/* The known word nearest to a mistyped one.
 * Why: "did you mean" saves a look at the help.
 * Rules: near is what a third of the typed letters, at least one and at most three, would make. */
#ifndef ULMA_CMD_NEAREST_H
#define ULMA_CMD_NEAREST_H

struct nearest {
    const char *typed;
    const char *word; /* the best so far; NULL: none near */
    unsigned distance;
};

struct nearest nearest_begin(const char *typed);
void nearest_try(struct nearest *nearest, const char *word);

#endif
