/* SPDX-License-Identifier: MIT */
/* The cache.
 * Why: see export_timeline.h.
 * Rules: as there. */
#include "export/export_timeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void timeline_names_done(struct timeline_names *names)
{
    for (uint32_t i = 0; i < names->limit; i++)
        free(names->texts[i]);
    free(names->texts);
    *names = (struct timeline_names){0};
}

static char *make_text(const struct slice_function *function, timeline_make *make)
{
    char *label;
    const char *name = function->qualname ? function->qualname : function->name;
    int size = function->file ? asprintf(&label, "%s (%s:%u)", name, function->file, function->line)
                              : asprintf(&label, "%s", name);
    if (size < 0)
        return NULL;
    char *text = make(function, label);
    free(label);
    return text;
}

const char *timeline_name(struct timeline_names *names, struct slices *slices, uint32_t number,
                          timeline_make *make, bool *ret_new)
{
    *ret_new = false;
    if (number >= names->limit) {
        uint32_t limit = number + number / 2 + 64;
        char **texts = realloc(names->texts, limit * sizeof(*texts));
        if (!texts)
            return NULL;
        memset(texts + names->limit, 0, (limit - names->limit) * sizeof(*texts));
        names->texts = texts;
        names->limit = limit;
    }
    if (!names->texts[number]) {
        *ret_new = true;
        names->texts[number] = make_text(slices->function(slices, number), make);
    }
    return names->texts[number];
}
