/* SPDX-License-Identifier: MIT */
/* The view `escalated`: functions under a rule, how often they were called, for how many calls its predicate held, and
 * the first and the worst of these with arguments and stack.
 * Why each witness has a row: what is looked for is the call, not the count.
 * Rules: it is there only where a rule counts. Figures are of the whole run. */
#include "views/view_rows.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

enum {
    COLUMN_CALLS,
    COLUMN_HELD,
    COLUMN_RULE,
    COLUMN_WHICH,
    COLUMN_VALUE,
    COLUMN_AT,
    COLUMN_FUNCTION,
    COLUMN_WHAT,
    COLUMNS
};

static const struct view_column columns[COLUMNS] = {
    {"calls", "calls", CELL_COUNT, 9, 2, "calls, and resumes of a generator"},
    {"held", "held", CELL_COUNT, 7, 0, "those for which the predicate held"},
    {"rule", "rule", CELL_TEXT, 14, 0, "the predicate, or count"},
    {"which", "which", CELL_TEXT, 6, 0,
     "the first call for which it held, or the worst; of `every` the last one told"},
    {"value", "value", CELL_TEXT, 8, 1,
     "how long it took, how long its longest argument was, how deep, which call"},
    {"at", "at", CELL_TIME, 8, 3, "when, since the recording began"},
    {"function", "function", CELL_TEXT, 20, 0, "whose rule it is"},
    {"what", "arguments and stack", CELL_TEXT, 0, 0,
     "types of the arguments, with their lengths, as they were when the call was told; who called, with lines"},
};

static bool is_wanted(const struct snapshot_escalation *row, const char *filter)
{
    return !filter || !filter[0] || strcasestr(row->function, filter) ||
           (row->file && strcasestr(row->file, filter));
}

static const char *value_of(struct arena *arena, const struct snapshot_escalation *row,
                            const struct snapshot_witness *witness)
{
    char text[TEXT_NUMBER_BYTES];
    if (row->is_time)
        return witness->took_ns ? arena_string(arena, text_format_time(text, witness->took_ns))
                                : "";
    return arena_format(arena, "%" PRIu64, witness->value);
}

/* FUNCTION tab FILE tab LINE, a line each, as `a (f.py:3) < b (g.py:7)`. */
static const char *stack_of(struct arena *arena, const struct snapshot_witness *witness)
{
    const char *text = "";
    char *copy = arena_string(arena, witness->stack ? witness->stack : ""), *next = copy, *line;
    while (text && copy && *copy && (line = strsep(&next, "\n"))) {
        const char *function = strsep(&line, "\t"), *file = strsep(&line, "\t");
        const char *slash = file ? strrchr(file, '/') : NULL;
        text = arena_format(arena, "%s%s%s (%s:%s)", text, *text ? " < " : "", function,
                            slash  ? slash + 1
                            : file ? file
                                   : "",
                            line ? line : "");
    }
    return copy ? text : NULL;
}

static const char *what_of(struct arena *arena, const struct snapshot_witness *witness)
{
    const char *stack = stack_of(arena, witness);
    const char *text = stack ? arena_format(arena, "(%s) %s%s",
                                            witness->arguments ? witness->arguments : "", stack,
                                            witness->has_more ? " < ..." : "")
                             : NULL;
    return text ? text_clean(arena, text) : NULL;
}

static int fill_row(const struct snapshot_escalation *from, const struct snapshot_witness *witness,
                    const char *which, struct view_table *table)
{
    struct view_row *row = view_rows_add(table);
    row->function = SNAPSHOT_NONE;
    row->cells[COLUMN_CALLS] = cell_integer((int64_t)from->calls);
    row->cells[COLUMN_HELD] = from->is_count ? cell_absent() : cell_integer((int64_t)from->held);
    row->cells[COLUMN_RULE] = cell_text(text_clean(table->arena, from->rule));
    row->cells[COLUMN_WHICH] = cell_text(which);
    row->cells[COLUMN_FUNCTION] = cell_text(text_clean(table->arena, from->function));
    row->cells[COLUMN_VALUE] = cell_text(witness ? value_of(table->arena, from, witness) : "");
    row->cells[COLUMN_AT] = witness ? cell_integer(witness->at_ns) : cell_absent();
    row->cells[COLUMN_WHAT] = cell_text(witness ? what_of(table->arena, witness) : "");
    return row->cells[COLUMN_RULE].text && row->cells[COLUMN_FUNCTION].text &&
                   row->cells[COLUMN_VALUE].text && row->cells[COLUMN_WHAT].text
               ? 0
               : -ENOMEM;
}

static int fill_one(const struct snapshot_escalation *row, struct view_table *table)
{
    bool is_once = row->held <= 1;
    if (!row->first.known)
        return fill_row(row, NULL, "", table);
    int result = fill_row(row, &row->first, is_once ? "only" : "first", table);
    return result || is_once ? result : fill_row(row, &row->worst, "worst", table);
}

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    int result = view_rows_alloc(table, 2 * snapshot->escalation_count);
    for (size_t i = 0; result == 0 && i < snapshot->escalation_count; i++)
        if (is_wanted(&snapshot->escalations[i], query->filter))
            result = fill_one(&snapshot->escalations[i], table);
    if (result < 0)
        return result;
    view_rows_sort(table, 0, query);
    view_rows_limit(table, 0, query);
    return 0;
}

static bool is_any(const struct snapshot *snapshot)
{
    return snapshot->escalation_count > 0;
}

const struct view view_escalated = {
    .id = "escalated",
    .title = "Escalated",
    .question = "Which calls did the rules keep?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "held",
    .since_start = true,
    .is_there = is_any,
    .fill = fill,
};
