/* SPDX-License-Identifier: MIT */
/* Spark lines of one function: calls per second, share of a CPU in itself and in all below it.
 * Rules: the newest point is at the right edge; the line's scale is its largest point, told beside
 * it; shares have one scale, so that self and total can be compared. */
#include "tui/function_panel.h"

#include "base/text.h"
#include "tui/spark.h"

#include <stdio.h>
#include <string.h>

enum { LABEL_WIDTH = 8, PEAK_WIDTH = 16, SPARK_MIN = 8, SPARK_MAX = HISTORY_POINTS };

struct course {
    float calls[HISTORY_POINTS], self[HISTORY_POINTS], total[HISTORY_POINTS];
    size_t count;
};

struct line {
    const char *label;
    const float *values;
    size_t count;
    float scale;
    char peak[48];
};

static int spark_width(int columns)
{
    int width = columns - LABEL_WIDTH - PEAK_WIDTH;
    return width < SPARK_MIN ? SPARK_MIN : width > SPARK_MAX ? SPARK_MAX : width;
}

static void draw_line(struct screen *screen, int row, int start, int width, const struct line *line)
{
    char bars[HISTORY_POINTS * 4];
    size_t count = line->count < (size_t)width ? line->count : (size_t)width;
    spark_text(line->values + (line->count - count), count, line->scale, bars, sizeof bars);
    screen_put(screen, row, start, LABEL_WIDTH, STYLE_TITLE, line->label);
    if (count == 0)
        screen_put(screen, row, start + LABEL_WIDTH, width, STYLE_FAINT,
                   "(its course from now on)");
    else
        screen_put_right(screen, row, start + LABEL_WIDTH, width, STYLE_PLAIN, bars);
    screen_put(screen, row, start + LABEL_WIDTH + width + 1, PEAK_WIDTH - 1, STYLE_FAINT,
               line->peak);
}

/* Without a row of tabs the function's name stands here, its calls beside it. */
static void draw_single(const struct tui_state *state, struct screen *screen, int row, int columns,
                        const struct line *calls)
{
    const char *title = state->has_table && state->table.title != NULL ? state->table.title : "";
    const char *name = strncmp(title, "Function: ", 10) == 0 ? title + 10 : title;
    int half = columns / 2;
    int used = screen_put(screen, row, 0, half, STYLE_STRONG, name);
    draw_line(screen, row, used + 2, spark_width(columns - used - 2), calls);
}

static void set_lines(const struct course *course, struct line lines[static FUNCTION_PANEL_HEIGHT])
{
    char number[TEXT_NUMBER_BYTES];
    float self = spark_max(course->self, course->count);
    float total = spark_max(course->total, course->count);
    lines[0] = (struct line){"calls/s", course->calls, course->count, 0, ""};
    lines[1] = (struct line){"self", course->self, course->count, total, ""};
    lines[2] = (struct line){"total", course->total, course->count, total, ""};
    if (course->count == 0)
        return;
    text_format_rate(number, (double)spark_max(course->calls, course->count));
    snprintf(lines[0].peak, sizeof lines[0].peak, "max %s/s", number);
    snprintf(lines[1].peak, sizeof lines[1].peak, "max %.1f%%", 100.0 * (double)self);
    snprintf(lines[2].peak, sizeof lines[2].peak, "max %.1f%%", 100.0 * (double)total);
}

int function_panel_draw(const struct tui_state *state, struct screen *screen, int row, int height)
{
    struct course course;
    struct line lines[FUNCTION_PANEL_HEIGHT];
    int rows, columns;
    screen->ops->size(screen, &rows, &columns);
    int width = spark_width(columns);
    course.count = history_points(state->history, state->place.function_id, (size_t)width,
                                  course.calls, course.self, course.total);
    set_lines(&course, lines);
    if (height == 1)
        draw_single(state, screen, row, columns, &lines[0]);
    for (int i = 0; height > 1 && i < height && i < FUNCTION_PANEL_HEIGHT; i++)
        draw_line(screen, row + i, 0, width, &lines[i]);
    return height < FUNCTION_PANEL_HEIGHT ? height : FUNCTION_PANEL_HEIGHT;
}
