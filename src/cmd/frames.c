/* SPDX-License-Identifier: MIT */
/* A frame, drawn on the grid that the screen's tests use.
 * Why: one drawing for people at a terminal, for pipes and for tests.
 * Rules: as frames.h. */
#include "cmd/frames.h"

#include "export/exporter.h"
#include "tui/draw_table.h"
#include "tui/header.h"
#include "tui/notes.h"

#include <errno.h>
#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int flush(void)
{
    errno = 0;
    return fflush(stdout) || ferror(stdout) ? (errno ? -errno : -EIO) : 0;
}

static void print_grid(const struct screen *screen, int rows)
{
    char line[4096];
    for (int row = 0; row < rows; row++) {
        screen_grid_row(screen, row, line, sizeof(line));
        puts(line);
    }
}

int frames_text(const struct tui_host *host, const struct tui_options *options, int columns)
{
    enum { TITLES = 1, MOST_ROWS = 5000 };
    struct tui_state state;
    int result = tui_init(&state, host, options);
    if (result == 0) {
        tui_refresh(&state);
        int rows = state.rows.count < MOST_ROWS ? (int)state.rows.count : MOST_ROWS;
        bool unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
        int height = HEADER_HEIGHT + TITLES + notes_height(&state, columns) + (rows > 0 ? rows : 1);
        struct screen *screen = screen_grid_new(height, columns, unicode);
        result = screen ? 0 : -ENOMEM;
        if (screen) {
            if (state.snapshot)
                header_draw(&state, screen, HEADER_HEIGHT);
            draw_table(&state, screen, HEADER_HEIGHT, height - HEADER_HEIGHT);
            print_grid(screen, height);
            if (state.has_table && state.table.left_out > 0)
                printf("%zu more\n", state.table.left_out);
            putchar('\n');
            result = flush();
        }
        screen_close(screen);
    }
    tui_done(&state);
    return result;
}

/* The exporter's JSON without the blanks and newlines between its tokens. */
static void print_compact(const char *text, size_t size)
{
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        char byte = text[i];
        if (quoted && byte == '\\' && i + 1 < size) {
            putchar(byte);
            byte = text[++i];
        } else if (byte == '"') {
            quoted = !quoted;
        } else if (!quoted && (byte == ' ' || byte == '\n')) {
            continue;
        }
        putchar(byte);
    }
    putchar('\n');
}

int frames_json(const struct tui_host *host, const struct tui_options *options)
{
    const struct exporter *json = exporter_find("json");
    struct snapshot *snapshot = host->snapshot(host->context, options->window_s, options->clock);
    char *bytes = NULL;
    size_t size = 0;
    FILE *stream = snapshot && json ? open_memstream(&bytes, &size) : NULL;
    int result = -ENOMEM;
    if (stream) {
        struct export_options wanted = {.clock = options->clock, .limit = options->limit};
        result = json->write(snapshot, &wanted, stream);
        if (fclose(stream) && result == 0)
            result = -errno;
    }
    snapshot_free(snapshot);
    if (result == 0) {
        print_compact(bytes, size);
        result = flush();
    }
    free(bytes);
    return result;
}
