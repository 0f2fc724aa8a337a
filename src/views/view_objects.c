/* SPDX-License-Identifier: MIT */
/* The view `objects`: what is made, of what type, by which line, how much of it stays, how long the rest lived.
 * Why by line: a function makes many things; the line says which of them it is.
 * Rules: counts are of the whole run. Enter opens the function. The filter takes types, too. */
#include "views/view_rows.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum {
    COLUMN_BIRTHS,
    COLUMN_DEATHS,
    COLUMN_LIVE,
    COLUMN_BYTES,
    COLUMN_LIVE_BYTES,
    COLUMN_LIFE,
    COLUMN_TYPE,
    COLUMN_SITE,
    COLUMNS
};

static const struct view_column columns[COLUMNS] = {
    {"births", "births", CELL_COUNT, 9, 0, "objects made"},
    {"deaths", "deaths", CELL_COUNT, 9, 3, "of these, freed"},
    {"live", "live", CELL_COUNT, 8, 1, "of these, alive"},
    {"bytes", "bytes", CELL_COUNT, 10, 4, "of all that were made, as they were made"},
    {"live_bytes", "live bytes", CELL_COUNT, 10, 5, "of those that are alive, as they were made"},
    {"life", "life", CELL_TIME, 7, 2, "median time from birth to death"},
    {"type", "type", CELL_TEXT, 24, 0, "module and name"},
    {"site", "made by", CELL_TEXT, 0, 0, "the function and line that made them"},
};

static bool is_shown(const struct snapshot *snapshot, const struct snapshot_object *object,
                     const struct view_query *query)
{
    if (!query->filter || !query->filter[0] || text_contains(object->type, query->filter))
        return true;
    return object->function >= 0 &&
           view_rows_match(&snapshot->functions[object->function], query->filter);
}

/* `fill  package/module.py:12` */
static const char *site_text(const struct snapshot *snapshot, const struct snapshot_object *object,
                             struct view_table *table)
{
    if (object->before)
        return "(before recording)";
    if (object->function < 0)
        return "(no Python function)";
    struct snapshot_function place = snapshot->functions[object->function];
    if (object->line)
        place.line = object->line;
    const char *location = view_short_location(table->arena, &place);
    const char *name = text_clean(table->arena, place.qualname);
    return location && name ? arena_format(table->arena, "%s  %s", name, location) : NULL;
}

static int fill_row(const struct snapshot *snapshot, const struct snapshot_object *object,
                    struct view_table *table)
{
    struct view_row *row = view_rows_add(table);
    row->function = object->function;
    row->cells[COLUMN_BIRTHS] = cell_integer((int64_t)object->births);
    row->cells[COLUMN_DEATHS] = cell_integer((int64_t)object->deaths);
    row->cells[COLUMN_LIVE] = cell_integer((int64_t)object->live);
    row->cells[COLUMN_BYTES] = cell_integer((int64_t)object->bytes);
    row->cells[COLUMN_LIVE_BYTES] = cell_integer((int64_t)object->live_bytes);
    row->cells[COLUMN_LIFE] = cell_integer(object->median_life_ns);
    row->cells[COLUMN_LIFE].absent = object->median_life_ns < 0;
    row->cells[COLUMN_TYPE] = cell_text(text_clean(table->arena, object->type));
    row->cells[COLUMN_SITE] = cell_text(site_text(snapshot, object, table));
    return row->cells[COLUMN_TYPE].text && row->cells[COLUMN_SITE].text ? 0 : -ENOMEM;
}

/* Why some are not told, or NULL: a count that may be too high is never shown as exact. */
static const char *why_not_all(const struct snapshot_meta *meta)
{
    for (size_t i = 0; i < meta->source_count; i++)
        if (strcmp(meta->sources[i].name, "objects") == 0 && !meta->sources[i].complete)
            return meta->sources[i].reason;
    return NULL;
}

/* `Objects: 12,345 made, 12,000 freed, 345 alive` */
static int set_title(const struct snapshot *snapshot, struct view_table *table)
{
    uint64_t births = 0, deaths = 0, live = 0;
    char made[TEXT_NUMBER_BYTES], freed[TEXT_NUMBER_BYTES], alive[TEXT_NUMBER_BYTES];
    for (size_t i = 0; i < snapshot->object_count; i++) {
        const struct snapshot_object *object = &snapshot->objects[i];
        births += object->births;
        deaths += object->before ? 0 : object->deaths;
        live += object->live;
    }
    if (!snapshot_has_source(&snapshot->meta, "objects"))
        return 0;
    const char *reason = why_not_all(&snapshot->meta);
    table->title = arena_format(table->arena, "Objects%s: %s made, %s freed, %s alive%s%s",
                                reason ? ", not all" : "", text_format_count(made, births),
                                text_format_count(freed, deaths), text_format_count(alive, live),
                                reason ? "; " : "", reason ? reason : "");
    return table->title ? 0 : -ENOMEM;
}

static int fill_one(const struct snapshot *snapshot, size_t index, const struct view_query *query,
                    struct view_table *table)
{
    return is_shown(snapshot, &snapshot->objects[index], query)
               ? fill_row(snapshot, &snapshot->objects[index], table)
               : 0;
}

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    return view_rows_fill(snapshot, query, table, snapshot->object_count, fill_one, set_title);
}

const struct view view_objects = {
    .id = "objects",
    .title = "Objects",
    .question =
        "What objects are made, by which line, how many stay, and how long do the others live?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "births",
    .source = "objects",
    .since_start = true,
    .fill = fill,
};
