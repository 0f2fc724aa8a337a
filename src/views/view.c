/* SPDX-License-Identifier: MIT */
/* The list of views, and what is the same for all of them.
 * Why: see view.h. A view's own file only fills rows.
 * Rules: names are cleaned here, once, so that no drawer can forget it. */
#include "views/view.h"

#include "base/text.h"

#include <errno.h>
#include <string.h>

#define VIEW(name) extern const struct view name;
#include "views/views.def"
#undef VIEW

const struct view *const view_list[] = {
#define VIEW(name) &name,
#include "views/views.def"
#undef VIEW
    NULL,
};

const struct view *view_find(const char *id)
{
    for (size_t i = 0; view_list[i]; i++)
        if (strcmp(view_list[i]->id, id) == 0)
            return view_list[i];
    return NULL;
}

int view_table_make(const struct view *view, const struct snapshot *snapshot,
                    const struct view_query *query, struct view_table *ret_table)
{
    struct view_table table = {.arena = arena_new(), .view = view, .title = view->title};
    if (!table.arena)
        return -ENOMEM;
    int result = view->fill(snapshot, query, &table);
    if (result < 0) {
        arena_free(table.arena);
        return result;
    }
    *ret_table = table;
    return 0;
}

void view_table_free(struct view_table *table)
{
    arena_free(table->arena);
    *table = (struct view_table){0};
}

const char *view_short_location(struct arena *arena, const struct snapshot_function *function)
{
    if (!function->file)
        return "";
    char *path = text_clean(arena, text_short_path(function->file, function->module));
    return path ? arena_format(arena, "%s:%u", path, function->line) : NULL;
}

bool view_has_source(const struct view *view, const struct snapshot *snapshot)
{
    return (!view->source || snapshot_has_source(&snapshot->meta, view->source)) &&
           (!view->is_there || view->is_there(snapshot));
}
