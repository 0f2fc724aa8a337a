/* SPDX-License-Identifier: MIT */
/* Helpers of the terminal's tests; see tui_check.h. */
#include "tui_check.h"

#include <stdlib.h>
#include <string.h>

struct tui_check *tui_check_new(int rows, int columns)
{
    const struct tui_options options = {.clock = CLOCK_CPU, .interval_s = 1, .window_s = 10};
    struct tui_check *check = calloc(1, sizeof *check);
    assert_non_null(check);
    tui_sample_init(&check->sample);
    assert_int_equal(tui_init(&check->state, &check->sample.host, &options), 0);
    check->screen = screen_grid_new(rows, columns, true);
    assert_non_null(check->screen);
    tui_refresh(&check->state);
    return check;
}

void tui_check_free(struct tui_check *check)
{
    screen_close(check->screen);
    tui_done(&check->state);
    free(check);
}

void tui_check_key(struct tui_check *check, int key)
{
    /* As in the loop: a page is as high as the last screen had it. */
    tui_draw(&check->state, check->screen);
    tui_step(&check->state, key);
    if (check->state.stale)
        tui_refresh(&check->state);
}

void tui_check_type(struct tui_check *check, const char *ascii)
{
    for (; *ascii != '\0'; ascii++)
        tui_check_key(check, *ascii);
}

const char *tui_check_draw(struct tui_check *check)
{
    int rows, columns;
    size_t length = 0;
    tui_draw(&check->state, check->screen);
    check->screen->ops->size(check->screen, &rows, &columns);
    for (int row = 0; row < rows; row++) {
        length += screen_grid_row(check->screen, row, check->text + length,
                                  sizeof check->text - length - 1);
        check->text[length++] = '\n';
    }
    check->text[length] = '\0';
    return check->text;
}

const char *tui_check_selected(const struct tui_check *check)
{
    const struct tui_state *state = &check->state;
    assert_true(state->has_table && state->place.cursor.position < state->rows.count);
    size_t index = state->rows.shown[state->place.cursor.position].index;
    return state->table.rows[index].cells[rows_name_column(state->place.view)].text;
}
