/* SPDX-License-Identifier: MIT */
/* The help: keys side by side as the width allows, then the columns of the view below. */
#include "tui/help_screen.h"

#include "tui/tui_keys.h"

#include <stdio.h>
#include <string.h>

enum { KEY_WIDTH = 30, KEY_WIDTH_MAX = 40, KEY_COLUMNS = 3, LABEL_WIDTH = 6, TITLE_WIDTH = 10 };

/* A page taller than the screen: lines are drawn where they are in sight. */
struct page {
    struct screen *screen;
    int row, height, columns;
    int top, line;    /* first line in sight; the line being written */
    int across, down; /* keys side by side, and the lines that they take */
};

/* The screen's row of the present line, or -1. */
static int page_row(const struct page *page)
{
    int row = page->line - page->top;
    return row >= 0 && row < page->height ? page->row + row : -1;
}

static size_t count_keys(void)
{
    size_t count = 0;
    for (const struct tui_key *key = tui_key_list; key->key != 0; key++)
        count += key->label != NULL;
    return count;
}

static const struct tui_key *labelled_key(size_t wanted)
{
    const struct tui_key *key = tui_key_list;
    for (; key->key != 0; key++) {
        if (key->label != NULL && wanted-- == 0)
            break;
    }
    return key;
}

/* Down the first column, then down the next. */
static void draw_keys(struct page *page)
{
    int width = page->columns / page->across;
    width = width > KEY_WIDTH_MAX ? KEY_WIDTH_MAX : width;
    for (int line = 0; line < page->down; line++, page->line++) {
        int row = page_row(page);
        for (int i = 0; i < page->across; i++) {
            const struct tui_key *key = labelled_key((size_t)i * (size_t)page->down + (size_t)line);
            if (key->key == 0)
                break;
            int column = i * width;
            screen_put(page->screen, row, column, LABEL_WIDTH, STYLE_KEY, key->label);
            screen_put(page->screen, row, column + LABEL_WIDTH, width - LABEL_WIDTH - 1,
                       STYLE_PLAIN, key->help);
        }
    }
}

static void draw_columns(struct page *page, const struct view *view)
{
    page->line++;
    screen_format(page->screen, page_row(page), 0, page->columns, STYLE_STRONG, "%s: %s",
                  view->title, view->question);
    page->line++;
    for (size_t i = 0; i < view->column_count; i++, page->line++) {
        int row = page_row(page);
        screen_put(page->screen, row, 0, TITLE_WIDTH, STYLE_KEY, view->columns[i].title);
        screen_put(page->screen, row, TITLE_WIDTH, page->columns - TITLE_WIDTH, STYLE_PLAIN,
                   view->columns[i].help);
    }
}

void help_screen_draw(struct tui_state *state, struct screen *screen, int row, int height)
{
    int rows;
    struct page page = {.screen = screen, .row = row, .height = height};
    screen->ops->size(screen, &rows, &page.columns);
    page.across = page.columns / KEY_WIDTH;
    page.across = page.across < 1 ? 1 : page.across > KEY_COLUMNS ? KEY_COLUMNS : page.across;
    page.down = ((int)count_keys() + page.across - 1) / page.across;
    int lines = page.down + 2 + (int)state->place.view->column_count;
    if (state->help_top > lines - height)
        state->help_top = lines > height ? lines - height : 0;
    state->page_height = height;
    page.top = state->help_top;
    draw_keys(&page);
    draw_columns(&page, state->place.view);
}
