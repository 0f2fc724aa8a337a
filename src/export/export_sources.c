/* SPDX-License-Identifier: MIT */
/* A view as plain text.
 * Why views: what a source has to show is said once, there; a new source's section follows from views.def.
 * Rules: every column, each as wide as its view says or its widest cell; the name comes last. */
#include "export/export_sources.h"

#include "base/text.h"
#include "export/export_style.h"
#include "views/cell_text.h"
#include "views/view.h"

#include <string.h>

enum { CELL_SIZE = 1024, TITLE_GAP = 2 };

static size_t name_column(const struct view *view)
{
    for (size_t i = 0; i < view->column_count; i++)
        if (view->columns[i].width == 0)
            return i;
    return 0;
}

/* Words stand to the left, numbers to the right. */
static void put(FILE *stream, const struct view_column *column, const char *text)
{
    int missing = column->width - text_width(text);
    if (column->kind == CELL_TEXT)
        fputs(text, stream);
    for (; missing > 0; missing--)
        putc(' ', stream);
    if (column->kind != CELL_TEXT)
        fputs(text, stream);
    fprintf(stream, "%*s", TITLE_GAP, "");
}

static void write_titles(FILE *stream, const struct view *view, size_t name)
{
    for (size_t i = 0; i < view->column_count; i++)
        if (i != name)
            put(stream, &view->columns[i], view->columns[i].title);
    fputs(view->columns[name].title, stream);
}

static void write_row(FILE *stream, const struct view *view, const struct view_row *row,
                      size_t name)
{
    char text[CELL_SIZE];
    if (row->heading) {
        fprintf(stream, "%s\n", row->cells[0].text);
        return;
    }
    for (size_t i = 0; i < view->column_count; i++) {
        const struct view_column *column = &view->columns[i];
        if (i == name)
            continue;
        cell_text_format(column, &row->cells[i], column->width, text, sizeof(text));
        put(stream, column, text);
    }
    cell_text_format(&view->columns[name], &row->cells[name], 0, text, sizeof(text));
    fprintf(stream, "%s\n", text);
}

static int write_view(FILE *stream, const struct view *view, const struct snapshot *snapshot,
                      const struct export_options *options)
{
    struct view_table table;
    struct view_query query = {.clock = options->clock, .limit = options->limit};
    int result = view_table_make(view, snapshot, &query, &table);
    if (result)
        return result;
    fprintf(stream, "\n%s\n", table.title ? table.title : view->title);
    export_style_open(stream, options, STYLE_BOLD);
    write_titles(stream, view, name_column(view));
    export_style_close(stream, options);
    putc('\n', stream);
    for (size_t i = 0; i < table.row_count; i++)
        write_row(stream, view, &table.rows[i], name_column(view));
    if (table.left_out)
        fprintf(stream, "... and %zu more (-n 0 shows all)\n", table.left_out);
    view_table_free(&table);
    return 0;
}

int export_sources_write(FILE *stream, const struct snapshot *snapshot,
                         const struct export_options *options)
{
    int result = 0;
    for (size_t i = 0; view_list[i] && result == 0; i++)
        if ((view_list[i]->source || view_list[i]->is_there) &&
            view_has_source(view_list[i], snapshot))
            result = write_view(stream, view_list[i], snapshot, options);
    return result;
}
