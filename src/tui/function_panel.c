/* SPDX-License-Identifier: MIT */
/* Spark lines of one function: calls per second, share of a CPU in itself and in all below it.
 * Rules: the newest point is at the right edge; the line's scale is its largest point, told beside
 * it; shares have one scale, so that self and total can be compared. */
#include "tui/function_panel.h"

#include "base/text.h"
#include "tui/spark.h"

#include <stdio.h>
#include <string.h>

enum { LABEL_WIDTH = 8, PEAK_WIDTH = 24, SPARK_MIN = 8, SPARK_MAX = 120 };

struct course {
    float calls[HISTORY_POINTS], self[HISTORY_POINTS], total[HISTORY_POINTS];
    size_t count;
};

struct line {
    const char *label;
    const float *values;
    size_t count;
    float scale;
    char peak[64];
};

static int spark_width(int columns)
{
    int width = columns - LABEL_WIDTH - PEAK_WIDTH;
    return width < SPARK_MIN ? SPARK_MIN : width > SPARK_MAX ? SPARK_MAX : width;
}

static void draw_line(struct screen *screen, int row, int start, int width, const struct line *line)
{
    char bars[HISTORY_POINTS * 4];
    spark_text(line->values, line->count, line->scale, bars, sizeof bars);
    screen_put(screen, row, start, LABEL_WIDTH, STYLE_TITLE, line->label);
    start += LABEL_WIDTH;
    if (line->count == 0)
        screen_put(screen, row, start, width, STYLE_FAINT, "(its course from now on)");
    else
        screen_put_right(screen, row, start, width, STYLE_PLAIN, bars);
    screen_put(screen, row, start + width + 1, PEAK_WIDTH - 1, STYLE_FAINT, line->peak);
}

/* Without a row of tabs the function's name stands here, its calls beside it. Returns where they
 * may begin. */
static int draw_name(const struct tui_state *state, struct screen *screen, int row, int columns)
{
    static const char prefix[] = "Function: ";
    const char *title = state->has_table && state->table.title != NULL ? state->table.title : "";
    if (strncmp(title, prefix, strlen(prefix)) == 0)
        title += strlen(prefix);
    return screen_put(screen, row, 0, columns / 3, STYLE_STRONG, title) + 2;
}

static void set_lines(const struct course *course, double span_s,
                      struct line lines[static FUNCTION_PANEL_HEIGHT])
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
    snprintf(lines[0].peak, sizeof lines[0].peak, "max %s/s in %.3g s", number, span_s);
    snprintf(lines[1].peak, sizeof lines[1].peak, "max %.1f%%", 100.0 * (double)self);
    snprintf(lines[2].peak, sizeof lines[2].peak, "max %.1f%%", 100.0 * (double)total);
}

int function_panel_draw(const struct tui_state *state, struct screen *screen, int row, int height)
{
    struct course course;
    struct line lines[FUNCTION_PANEL_HEIGHT];
    int rows, columns;
    screen->ops->size(screen, &rows, &columns);
    int start = height == 1 ? draw_name(state, screen, row, columns) : 0;
    int width = spark_width(columns - start);
    course.count = history_points(state->history, state->place.function_id, (size_t)width,
                                  course.calls, course.self, course.total);
    set_lines(&course, history_span_s(state->history, course.count), lines);
    if (height > FUNCTION_PANEL_HEIGHT)
        height = FUNCTION_PANEL_HEIGHT;
    for (int i = 0; i < height; i++)
        draw_line(screen, row + i, start, width, &lines[i]);
    return height;
}
