/* SPDX-License-Identifier: MIT */
/* Numbers with units, three significant digits, in as few columns as can be read.
 * Why: a table's columns are narrow and hold anything from nanoseconds to days.
 * Rules: rounding never leaves the unit's range: 999,950 ns is 1.00ms, not 1000µs. No floating point
 * for counts beyond what is drawn; no locale (printf's %f with a locale's comma would do harm: the
 * program never calls setlocale(LC_NUMERIC)). */
#include "base/text.h"

#include <math.h>
#include <stdio.h>

#define MICRO "\xc2\xb5"

struct unit {
    double size;
    const char *name;
};

/* Three significant digits in the first unit in which they are below 1000. */
static void format_digits(char *buffer, double value, const struct unit *units, size_t count)
{
    size_t i = 0;
    while (i + 1 < count && value / units[i].size >= 999.5)
        i++;
    double number = value / units[i].size;
    int decimals = units[i].size <= 1 ? 0 : number < 9.995 ? 2 : number < 99.95 ? 1 : 0;
    snprintf(buffer, TEXT_NUMBER_BYTES, "%.*f%s", decimals, number, units[i].name);
}

/* Above 1000 seconds: minutes and seconds, hours and minutes, days. */
static void format_long_time(char *buffer, uint64_t seconds)
{
    if (seconds < 6000)
        snprintf(buffer, TEXT_NUMBER_BYTES, "%um%02us", (unsigned)(seconds / 60),
                 (unsigned)(seconds % 60));
    else if (seconds < 360000)
        snprintf(buffer, TEXT_NUMBER_BYTES, "%uh%02um", (unsigned)(seconds / 3600),
                 (unsigned)(seconds / 60 % 60));
    else if (seconds < 8640000)
        snprintf(buffer, TEXT_NUMBER_BYTES, "%u.%ud", (unsigned)(seconds / 86400),
                 (unsigned)(seconds / 8640 % 10));
    else
        snprintf(buffer, TEXT_NUMBER_BYTES, "%ud", (unsigned)(seconds / 86400));
}

char *text_format_time(char buffer[static TEXT_NUMBER_BYTES], int64_t time_ns)
{
    static const struct unit units[] = {{1, "ns"}, {1e3, MICRO "s"}, {1e6, "ms"}, {1e9, "s"}};
    char *start = buffer;
    uint64_t span = time_ns < 0 ? -(uint64_t)time_ns : (uint64_t)time_ns;
    if (span == 0) {
        snprintf(start, TEXT_NUMBER_BYTES, "0");
        return start;
    }
    char digits[TEXT_NUMBER_BYTES];
    if (span >= UINT64_C(999500000000))
        format_long_time(digits, (span + 500000000) / 1000000000);
    else
        format_digits(digits, (double)span, units, 4);
    snprintf(start, TEXT_NUMBER_BYTES, "%s%.24s", time_ns < 0 ? "-" : "", digits);
    return start;
}

static const struct unit count_units[] = {{1, ""},     {1e3, "k"},  {1e6, "M"}, {1e9, "G"},
                                          {1e12, "T"}, {1e15, "P"}, {1e18, "E"}};

char *text_format_count(char buffer[static TEXT_NUMBER_BYTES], uint64_t count)
{
    if (count <= 9999)
        snprintf(buffer, TEXT_NUMBER_BYTES, "%u", (unsigned)count);
    else
        format_digits(buffer, (double)count, count_units, 7);
    return buffer;
}

char *text_format_bytes(char buffer[static TEXT_NUMBER_BYTES], int64_t bytes)
{
    static const struct unit units[] = {{1, "B"},
                                        {1024.0, "K"},
                                        {1024.0 * 1024, "M"},
                                        {1024.0 * 1024 * 1024, "G"},
                                        {1024.0 * 1024 * 1024 * 1024, "T"}};
    char digits[TEXT_NUMBER_BYTES];
    format_digits(digits, bytes < 0 ? -(double)bytes : (double)bytes, units, 5);
    snprintf(buffer, TEXT_NUMBER_BYTES, "%s%.24s", bytes < 0 ? "-" : "", digits);
    return buffer;
}

char *text_format_grouped(char buffer[static TEXT_NUMBER_BYTES], uint64_t count)
{
    char digits[TEXT_NUMBER_BYTES];
    int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
    char *end = buffer;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            *end++ = ',';
        *end++ = digits[i];
    }
    *end = '\0';
    return buffer;
}

char *text_format_rate(char buffer[static TEXT_NUMBER_BYTES], double rate)
{
    if (!isfinite(rate) || rate < 0.005) {
        snprintf(buffer, TEXT_NUMBER_BYTES, "0");
        return buffer;
    }
    if (rate >= 999.5) {
        format_digits(buffer, rate, count_units, 7);
        return buffer;
    }
    snprintf(buffer, TEXT_NUMBER_BYTES, "%.*f", rate < 9.995 ? 2 : rate < 99.95 ? 1 : 0, rate);
    return buffer;
}
