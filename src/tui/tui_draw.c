/* SPDX-License-Identifier: MIT */
/* The whole screen: which part gets which rows. */
#include "tui/draw_table.h"
#include "tui/footer.h"
#include "tui/function_panel.h"
#include "tui/header.h"
#include "tui/help_screen.h"
#include "tui/output_pane.h"

enum {
    ROWS_MIN = 4,
    ROWS_FOR_HEADER = 10, /* lower: one line of it */
    ROWS_FOR_PANEL = 18,  /* lower: one spark line */
    OUTPUT_MAX = 20,
};

struct area {
    int row, height;
};

/* Takes rows off the top; fewer where there are fewer. */
static struct area take(struct area *from, int height)
{
    height = height > from->height ? from->height : height;
    struct area area = {from->row, height};
    from->row += height;
    from->height -= height;
    return area;
}

static void draw_output(struct tui_state *state, struct screen *screen, struct area *area, int rows)
{
    int height = rows >= TUI_TABS_ROWS ? (rows + 2) / 3 : area->height;
    height = rows >= TUI_TABS_ROWS && height > OUTPUT_MAX ? OUTPUT_MAX : height;
    height = height > area->height ? area->height : height;
    area->height -= height;
    output_pane_draw(state, screen, area->row + area->height, height);
}

void tui_draw(struct tui_state *state, struct screen *screen)
{
    int rows, columns;
    screen->ops->erase(screen);
    screen->ops->size(screen, &rows, &columns);
    if (rows < ROWS_MIN) {
        screen_put(screen, 0, 0, columns, STYLE_WARN, "too low: 4 rows at least");
        return;
    }
    struct area area = {0, rows - 1};
    footer_draw(state, screen, rows - 1);
    struct area header = take(&area, rows >= ROWS_FOR_HEADER ? HEADER_HEIGHT : 1);
    header_draw(state, screen, header.height);
    if (state->help) {
        take(&area, rows >= TUI_TABS_ROWS);
        help_screen_draw(state, screen, area.row, area.height);
        return;
    }
    struct area tabs = take(&area, rows >= TUI_TABS_ROWS);
    if (state->output)
        draw_output(state, screen, &area, rows);
    if (state->place.view->needs_function && tui_function(state) != NULL) {
        int height = rows >= ROWS_FOR_PANEL ? FUNCTION_PANEL_HEIGHT : rows >= ROWS_FOR_HEADER;
        struct area panel = take(&area, height);
        function_panel_draw(state, screen, panel.row, panel.height);
    }
    if (area.height > 0)
        draw_table(state, screen, area.row, area.height);
    if (tabs.height > 0)
        header_draw_tabs(state, screen, tabs.row);
}
