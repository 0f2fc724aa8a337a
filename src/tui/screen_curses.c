/* SPDX-License-Identifier: MIT */
/* The terminal, by ncursesw.
 * Why: it knows every terminal's ways, sends only what changed (calm over ssh), and gives the
 * terminal back around Ctrl-Z.
 * Rules: one at a time. The terminal is given back by close, and by exit() if that was not reached.
 * ncurses handles SIGTSTP, SIGWINCH and, where the program has no handler of its own, SIGINT and
 * SIGTERM; whoever handles those ends the loop above and so gets here. Keys come from /dev/tty when
 * standard input is something else (`ulma top prog.py < data`). */
#include "tui/screen.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <unistd.h>
#include <wchar.h>

struct screen_curses {
    struct screen screen;
    SCREEN *terminal;
    FILE *keys;
    attr_t attributes[STYLE_COUNT];
    short pairs[STYLE_COUNT];
};

static struct screen_curses *open_screen; /* for give_back at exit */

static struct screen_curses *curses_of(struct screen *screen)
{
    return (struct screen_curses *)screen;
}

static void curses_size(struct screen *screen, int *ret_rows, int *ret_columns)
{
    (void)screen;
    getmaxyx(stdscr, *ret_rows, *ret_columns);
}

static void curses_erase(struct screen *screen)
{
    (void)screen;
    erase();
}

static void curses_put(struct screen *screen, int row, int column, enum screen_style style,
                       const char *text)
{
    const struct screen_curses *self = curses_of(screen);
    wchar_t wide[2048];
    size_t length = mbstowcs(wide, text, sizeof wide / sizeof *wide - 1);
    if (length == (size_t)-1)
        return;
    wide[length] = L'\0';
    attr_set(self->attributes[style], self->pairs[style], NULL);
    mvaddwstr(row, column, wide);
}

static void curses_show(struct screen *screen)
{
    (void)screen;
    refresh();
}

static int key_from_curses(wint_t key)
{
    static const struct {
        wint_t from;
        int key;
    } keys[] = {
        {KEY_UP, SCREEN_KEY_UP},
        {KEY_DOWN, SCREEN_KEY_DOWN},
        {KEY_LEFT, SCREEN_KEY_LEFT},
        {KEY_RIGHT, SCREEN_KEY_RIGHT},
        {KEY_PPAGE, SCREEN_KEY_PAGE_UP},
        {KEY_NPAGE, SCREEN_KEY_PAGE_DOWN},
        {KEY_HOME, SCREEN_KEY_HOME},
        {KEY_END, SCREEN_KEY_END},
        {KEY_BTAB, SCREEN_KEY_BACK_TAB},
        {KEY_ENTER, SCREEN_KEY_ENTER},
        {KEY_BACKSPACE, SCREEN_KEY_BACKSPACE},
        {KEY_RESIZE, SCREEN_KEY_RESIZE},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (keys[i].from == key)
            return keys[i].key;
    }
    return SCREEN_KEY_NONE;
}

/* A terminal that hung up answers every read at once with nothing: told, so that nobody spins. */
static bool is_closed(const struct screen_curses *self)
{
    struct pollfd poll_keys = {.fd = fileno(self->keys), .events = POLLIN};
    return poll(&poll_keys, 1, 0) > 0 && (poll_keys.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

static int curses_key(struct screen *screen, int timeout_ms)
{
    wint_t key;
    wtimeout(stdscr, timeout_ms);
    switch (wget_wch(stdscr, &key)) {
    case KEY_CODE_YES:
        return key_from_curses(key);
    case OK:
        break;
    default:
        return is_closed(curses_of(screen)) ? SCREEN_KEY_CLOSED : SCREEN_KEY_NONE;
    }
    if (key == '\n')
        return SCREEN_KEY_ENTER;
    return key == '\b' ? SCREEN_KEY_BACKSPACE : (int)key;
}

static void give_back(void)
{
    if (open_screen != NULL && !isendwin())
        endwin();
}

static void curses_close(struct screen *screen)
{
    struct screen_curses *self = curses_of(screen);
    if (self->terminal != NULL) {
        give_back();
        delscreen(self->terminal);
    }
    if (self->keys != NULL && self->keys != stdin)
        fclose(self->keys);
    if (open_screen == self)
        open_screen = NULL;
    free(self);
}

static const struct screen_ops curses_ops = {
    .size = curses_size,
    .erase = curses_erase,
    .put = curses_put,
    .show = curses_show,
    .key = curses_key,
    .close = curses_close,
};

static void choose_attributes(struct screen_curses *self)
{
    static const attr_t attributes[STYLE_COUNT] = {
        [STYLE_STRONG] = A_BOLD, [STYLE_FAINT] = A_DIM,        [STYLE_TITLE] = A_DIM,
        [STYLE_KEY] = A_BOLD,    [STYLE_WARN] = A_BOLD,        [STYLE_BAD] = A_BOLD,
        [STYLE_HOT] = A_BOLD,    [STYLE_SELECTED] = A_REVERSE,
    };
    memcpy(self->attributes, attributes, sizeof attributes);
}

static void choose_colors(struct screen_curses *self)
{
    static const short colors[STYLE_COUNT] = {
        [STYLE_KEY] = COLOR_CYAN, [STYLE_GOOD] = COLOR_GREEN, [STYLE_WARN] = COLOR_YELLOW,
        [STYLE_BAD] = COLOR_RED,  [STYLE_HOT] = COLOR_RED,    [STYLE_WARM] = COLOR_YELLOW,
    };
    start_color();
    use_default_colors(); /* the person's own background */
    for (int style = 0; style < STYLE_COUNT; style++) {
        short pair = (short)(style + 1);
        if (colors[style] != 0 && init_pair(pair, colors[style], -1) == OK)
            self->pairs[style] = pair;
    }
}

/* The locale decides how ncurses reads keys and writes text. Where nothing is set at all
 * (containers, cron, many an ssh) C.UTF-8 is taken, as CPython does for itself (PEP 538); an explicit
 * LC_ALL stands. */
static bool choose_locale(void)
{
    const char *locale = setlocale(LC_CTYPE, "");
    const char *all = getenv("LC_ALL");
    if (locale != NULL && strcmp(locale, "C") == 0 && (all == NULL || *all == '\0'))
        setlocale(LC_CTYPE, "C.UTF-8");
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Whether the terminal of TERM can be drawn upon at all: TERM=dumb cannot. */
static bool can_draw(void)
{
    int error;
    if (setupterm(NULL, STDOUT_FILENO, &error) != OK)
        return false;
    const char *move = tigetstr("cup");
    bool can_move = move != NULL && move != (const char *)-1;
    del_curterm(cur_term); /* newterm makes its own */
    return can_move;
}

static void set_modes(void)
{
    /* A person who presses Escape waits for it; a terminal sends a sequence in one go. */
    set_escdelay(50);
    cbreak();
    noecho();
    nonl();
    curs_set(0);
    keypad(stdscr, TRUE);
    intrflush(stdscr, FALSE);
    leaveok(stdscr, TRUE);
}

/* ncurses believes LINES and COLUMNS more than the terminal, and they do not follow it. The program that is shown was
 * started before, and has them. */
static void ask_the_terminal_alone(void)
{
    unsetenv("LINES");
    unsetenv("COLUMNS");
}

int screen_curses_open(bool color, struct screen **ret_screen)
{
    static bool registered;
    bool unicode = choose_locale();
    ask_the_terminal_alone();
    if (open_screen != NULL || !isatty(STDOUT_FILENO) || !can_draw())
        return -ENOTTY;
    struct screen_curses *self = calloc(1, sizeof *self);
    if (self == NULL)
        return -ENOMEM;
    self->screen = (struct screen){&curses_ops, unicode};
    self->keys = isatty(STDIN_FILENO) ? stdin : fopen("/dev/tty", "re");
    if (self->keys != NULL)
        self->terminal = newterm(NULL, stdout, self->keys);
    if (self->terminal == NULL) {
        curses_close(&self->screen);
        return -ENOTTY;
    }
    open_screen = self;
    if (!registered)
        registered = atexit(give_back) == 0;
    set_modes();
    choose_attributes(self);
    if (color && has_colors())
        choose_colors(self);
    *ret_screen = &self->screen;
    return 0;
}
