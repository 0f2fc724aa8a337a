/* SPDX-License-Identifier: MIT */
/* What the tests of the terminal share: a state on sample numbers, keys, and the screen as text. */
#ifndef ULMA_TESTS_TUI_CHECK_H
#define ULMA_TESTS_TUI_CHECK_H

#include "tui_sample.h"

#include "tui/tui_state.h"

/* cmocka.h wants these before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct tui_check {
    struct tui_sample sample;
    struct tui_state state;
    struct screen *screen;
    char text[256 * 1024]; /* the screen after tui_check_draw, a line a row */
};

/* A grid of that size, frame 0 of the sample on it. */
struct tui_check *tui_check_new(int rows, int columns);
void tui_check_free(struct tui_check *check);

/* Text is typed as such; specials go through tui_check_key. A stale state is refreshed. */
void tui_check_key(struct tui_check *check, int key);
void tui_check_type(struct tui_check *check, const char *ascii);

const char *tui_check_draw(struct tui_check *check);

/* The selected row's name, as the table has it. */
const char *tui_check_selected(const struct tui_check *check);

#define assert_shown(check, wanted)     assert_non_null(strstr(tui_check_draw(check), wanted))
#define assert_not_shown(check, wanted) assert_null(strstr(tui_check_draw(check), wanted))

#endif
