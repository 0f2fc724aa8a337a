/* SPDX-License-Identifier: MIT */
/* Spark lines: eight heights of one column. */
#include "tui/spark.h"

#include <string.h>

float spark_max(const float *values, size_t count)
{
    float max = 0;
    for (size_t i = 0; i < count; i++)
        max = values[i] > max ? values[i] : max;
    return max;
}

void spark_text(const float *values, size_t count, float scale, char *text, size_t size)
{
    static const char *const bars[] = {" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    size_t length = 0;
    if (scale <= 0)
        scale = spark_max(values, count);
    for (size_t i = 0; i < count; i++) {
        int height = 0;
        if (values[i] > 0 && scale > 0)
            height = 1 + (int)(values[i] / scale * 7.0F + 0.5F);
        const char *bar = bars[height > 8 ? 8 : height];
        if (length + strlen(bar) + 1 > size)
            break;
        memcpy(text + length, bar, strlen(bar));
        length += strlen(bar);
    }
    text[length] = '\0';
}
