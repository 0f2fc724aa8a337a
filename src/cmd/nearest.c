/* SPDX-License-Identifier: MIT */
/* Keeping the best of the words tried.
 * Why: see nearest.h.
 * Rules: of two that are as near, the first stays. */
#include "cmd/nearest.h"

#include "base/text.h"

#include <string.h>

struct nearest nearest_begin(const char *typed)
{
    size_t most = strlen(typed) / 3;
    most = most < 1 ? 1 : most > 3 ? 3 : most;
    return (struct nearest){.typed = typed, .distance = (unsigned)most + 1};
}

void nearest_try(struct nearest *nearest, const char *word)
{
    unsigned distance = text_distance(nearest->typed, word);
    if (distance < nearest->distance) {
        nearest->distance = distance;
        nearest->word = word;
    }
}
