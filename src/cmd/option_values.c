/* SPDX-License-Identifier: MIT */
/* Reading numbers, times, sizes and names.
 * Why: see option_values.h.
 * Rules: what is accepted is what cli.md shows: 10, 1.5s, 2m; 32M; unique prefixes of sort keys. */
#include "cmd/option_values.h"

#include "model/rules.h"
#include "wire/session.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct unit {
    const char *name;
    double factor;
};

static const struct unit second_units[] = {
    {"", 1e9}, {"s", 1e9}, {"ms", 1e6}, {"m", 60e9}, {"min", 60e9}, {"h", 3600e9}, {NULL, 0},
};

static const struct unit byte_units[] = {
    {"", 1},
    {"K", 1024.0},
    {"KiB", 1024.0},
    {"M", 1024.0 * 1024},
    {"MiB", 1024.0 * 1024},
    {"G", 1024.0 * 1024 * 1024},
    {"GiB", 1024.0 * 1024 * 1024},
    {"T", 1024.0 * 1024 * 1024 * 1024},
    {"TiB", 1024.0 * 1024 * 1024 * 1024},
    {NULL, 0},
};

/* A decimal number with one of the units; no sign, no exponent, no hexadecimal. */
static bool read_quantity(const char *word, const struct unit *units, int64_t *ret_value)
{
    size_t digits = strspn(word, "0123456789.");
    if (digits == 0 || digits > 18 || strspn(word, ".") == digits)
        return false;
    char number[24];
    memcpy(number, word, digits);
    number[digits] = '\0';
    char *end;
    double value = strtod(number, &end);
    if (*end)
        return false;
    for (const struct unit *unit = units; unit->name; unit++) {
        if (strcasecmp(word + digits, unit->name) == 0) {
            value *= unit->factor;
            if (value > 9e18)
                return false;
            *ret_value = (int64_t)llround(value);
            return true;
        }
    }
    return false;
}

static const struct unit percent_units[] = {{"", 1000}, {"%", 1000}, {NULL, 0}};

/* `max` is 0. */
static bool read_speed(const char *word, int64_t *ret_thousandths)
{
    static const struct unit speed_units[] = {{"", 1000}, {"x", 1000}, {NULL, 0}};
    if (strcmp(word, "max") == 0) {
        *ret_thousandths = 0;
        return true;
    }
    return read_quantity(word, speed_units, ret_thousandths) && *ret_thousandths > 0 &&
           *ret_thousandths <= INT64_C(1000000000);
}

bool option_value_percent(const char *word, int64_t *ret_thousandths)
{
    return read_quantity(word, percent_units, ret_thousandths) && *ret_thousandths > 0 &&
           *ret_thousandths <= 100 * 1000;
}

static bool read_count(const char *word, int64_t *ret_value)
{
    if (!*word || strspn(word, "0123456789") != strlen(word))
        return false;
    errno = 0;
    *ret_value = strtoll(word, NULL, 10);
    return errno == 0;
}

static bool read_weight(const char *word, void *field, char *error)
{
    static const char *const names[] = {[WEIGHT_TIME] = "time",
                                        [WEIGHT_CALLS] = "calls",
                                        [WEIGHT_WAIT] = "wait",
                                        [WEIGHT_BYTES] = "bytes"};
    for (enum export_weight i = WEIGHT_TIME; i <= WEIGHT_BYTES; i++) {
        if (strcmp(word, names[i]) == 0) {
            *(enum export_weight *)field = i;
            return true;
        }
    }
    snprintf(error, OPTIONS_ERROR_SIZE, "--weight needs time, calls, wait or bytes, not `%.80s`",
             word);
    return false;
}

static bool read_choice(const char *word, const char *first, const char *second, int64_t *ret_value)
{
    if (strcmp(word, first) != 0 && strcmp(word, second) != 0)
        return false;
    *ret_value = strcmp(word, second) == 0;
    return true;
}

bool option_value_on_full(const char *word, int64_t *ret_on_full)
{
    return read_choice(word, "wait", "drop", ret_on_full);
}

static bool read_format(const char *word, const struct exporter **ret_format, char *error)
{
    static const char *const later[] = {"chrome", "chrometrace", "perfetto", NULL};
    *ret_format = exporter_find(word);
    if (*ret_format)
        return true;
    for (size_t i = 0; later[i]; i++) {
        if (strcmp(word, later[i]) == 0) {
            snprintf(error, OPTIONS_ERROR_SIZE,
                     "the format `%s` is not there yet: `ulma export --list` prints those that are",
                     word);
            return false;
        }
    }
    const char *nearest = exporter_nearest(word);
    if (nearest)
        snprintf(error, OPTIONS_ERROR_SIZE, "no format `%s`: did you mean `%s`?", word, nearest);
    else
        snprintf(error, OPTIONS_ERROR_SIZE,
                 "no format `%s`: `ulma export --list` prints those that are there", word);
    return false;
}

static bool read_sort(const char *word, const char **ret_sort, char *error)
{
    *ret_sort = export_sort_find(word);
    if (*ret_sort)
        return true;
    const char *nearest = export_sort_nearest(word);
    if (nearest)
        snprintf(error, OPTIONS_ERROR_SIZE, "no sort key `%s`: did you mean `%s`?", word, nearest);
    else
        snprintf(error, OPTIONS_ERROR_SIZE,
                 "no sort key `%s`: take one of pstats' keys (calls, tottime, cumtime, name …) or "
                 "p50, p99, max, wait",
                 word);
    return false;
}

static bool event_source(const char *name, size_t size, int64_t *sources, char *error)
{
    static const struct {
        const char *name;
        int64_t bits;
    } known[] = {
        {"calls", SOURCE_CALLS},
        /* A C call is told by its caller's frame, so that it needs the calls. */
        {"c-calls", SOURCE_CALLS | SOURCE_C_CALLS},
        {"gc", SOURCE_GC},
        /* Who calls a method is known from the calls. */
        {"methods", SOURCE_CALLS | SOURCE_METHODS},
        /* As a method's. Not in `all`: every subscript of the program costs then. */
        {"operators", SOURCE_CALLS | SOURCE_OPERATORS},
        {"every-operator", SOURCE_CALLS | SOURCE_OPERATORS | SOURCE_OPERATORS_EVERY},
        /* A line's function is known from the calls. Not in `all`: it is of functions that are named. */
        {"lines", SOURCE_CALLS | SOURCE_LINES},
        /* Who reads and writes is known from the calls. */
        {"io", SOURCE_CALLS | SOURCE_IO},
        /* Where the code objects end that places are in, and who makes what, is known with the calls. */
        {"objects", SOURCE_CALLS | SOURCE_OBJECTS},
        {"memory", SOURCE_MEMORY},
        /* Sleeps, polls and I/O are waits, and pauses of the garbage collector are what a thread's time goes into. */
        {"waits", SOURCE_CALLS | SOURCE_GC | SOURCE_IO | SOURCE_WAITS},
        /* Where a context is entered and left is known from the calls. */
        {"spans", SOURCE_CALLS | SOURCE_SPANS},
        {"all", SOURCE_CALLS | SOURCE_C_CALLS | SOURCE_GC | SOURCE_METHODS | SOURCE_MEMORY |
                    SOURCE_IO | SOURCE_WAITS | SOURCE_SPANS},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strlen(known[i].name) == size && strncmp(known[i].name, name, size) == 0) {
            *sources |= known[i].bits;
            return true;
        }
    }
    snprintf(error, OPTIONS_ERROR_SIZE,
             "no source `%.*s`: take calls, c-calls, gc, methods, "
             "operators, lines, objects, memory, io, waits, spans or all",
             (int)(size < 80 ? size : 80), name);
    return false;
}

bool option_value_events(const char *word, int64_t *ret_sources, char *error)
{
    int64_t sources = 0;
    for (const char *name = word;; name++) {
        size_t size = strcspn(name, ",");
        if (!event_source(name, size, &sources, error))
            return false;
        name += size;
        if (!*name)
            break;
    }
    *ret_sources = sources;
    return true;
}

static bool read_buffer(const char *word, int64_t *ret_bytes)
{
    /* What one control ring and one thread's smallest ring take, and what a mapping can be. */
    return read_quantity(word, byte_units, ret_bytes) && *ret_bytes >= (1 << 20) &&
           *ret_bytes <= (INT64_C(64) << 30);
}

/* A few windows must fit into it. */
static bool read_file_size(const char *word, int64_t *ret_bytes)
{
    return read_quantity(word, byte_units, ret_bytes) && *ret_bytes >= (1 << 20) &&
           *ret_bytes <= (INT64_C(1) << 44);
}

static bool read_port(const char *word, void *field)
{
    int64_t port;
    if (!read_count(word, &port) || port < 1 || port > 65535)
        return false;
    *(int64_t *)field = port;
    return true;
}

static bool read_host(const char *word, void *field)
{
    struct option_words *hosts = field;
    if (!*word || strpbrk(word, "/ @,") || (*word != '[' && strchr(word, ':')) ||
        hosts->count == OPTION_WORDS_MAX)
        return false;
    hosts->words[hosts->count++] = word;
    return true;
}

static bool read_map(const char *word, struct option_words *maps)
{
    const char *sign = strchr(word, '=');
    if (!sign || sign == word || maps->count == OPTION_WORDS_MAX)
        return false;
    maps->words[maps->count++] = word;
    return true;
}

static bool read_cpu(const char *word, int64_t *ret_cpu)
{
    return read_count(word, ret_cpu) && *ret_cpu < sysconf(_SC_NPROCESSORS_CONF);
}

/* Relative paths are of the folder that ulma was started in. */
static void find_directory(struct sites *sites)
{
    if (!sites->directory[0] && !getcwd(sites->directory, sizeof(sites->directory)))
        sites->directory[0] = '\0';
    if (strcmp(sites->directory, "/") == 0)
        sites->directory[0] = '\0';
}

static bool read_site(const char *word, bool skip, struct sites *sites, char *error)
{
    find_directory(sites);
    return sites_add(sites, word, skip, error);
}

/* The last one counts, as of all options that stand once. */
static bool read_rules(const char *path, struct sites *sites, char *error)
{
    char why[RULE_ERROR_SIZE];
    find_directory(sites);
    rules_free(sites->rules);
    sites->rules = rules_read_file(sites, path, why);
    if (!sites->rules)
        snprintf(error, OPTIONS_ERROR_SIZE, "%.*s", OPTIONS_ERROR_SIZE - 1, why);
    return sites->rules != NULL;
}

/* METRIC=PCT, any growth with PCT 0. */
static bool read_limit(const char *text, size_t size, struct option_limits *limits)
{
    const char *equals = memchr(text, '=', size);
    char percent[32];
    int64_t thousandths;
    size_t left = equals ? size - (size_t)(equals + 1 - text) : 0;
    if (!equals || left == 0 || left >= sizeof(percent) || limits->count == OPTIONS_LIMITS_MOST)
        return false;
    memcpy(percent, equals + 1, left);
    percent[left] = '\0';
    if (!read_quantity(percent, percent_units, &thousandths))
        return false;
    for (int i = 0; i < METRICS; i++) {
        if (strlen(diff_metric_names[i]) != (size_t)(equals - text) ||
            strncmp(diff_metric_names[i], text, (size_t)(equals - text)) != 0)
            continue;
        limits->list[limits->count++] =
            (struct diff_limit){(enum diff_metric)i, (double)thousandths / 1000};
        return true;
    }
    return false;
}

static bool read_limits(const char *word, struct option_limits *limits)
{
    for (;; word++) {
        size_t size = strcspn(word, ",");
        if (!read_limit(word, size, limits))
            return false;
        word += size;
        if (!*word)
            return true;
    }
}

static bool read_some_size(enum option_kind kind, const char *word, void *field,
                           const char **ret_wanted)
{
    bool is_file = kind == OPTION_FILE_SIZE;
    *ret_wanted = is_file ? "a size from 1M to 16T, such as 2G"
                          : "a size from 1M to 64G, such as 32M";
    return is_file ? read_file_size(word, field) : read_buffer(word, field);
}

static bool read_of_server(enum option_kind kind, const char *word, void *field,
                           const char **ret_wanted)
{
    bool is_port = kind == OPTION_PORT;
    *ret_wanted = is_port ? "a port, from 1 to 65535"
                          : "a host's name without a port, up to 32 times";
    return is_port ? read_port(word, field) : read_host(word, field);
}

static bool read_one_of_two(enum option_kind kind, const char *word, int64_t *field,
                            const char **ret_wanted)
{
    if (kind == OPTION_CLOCK) {
        *ret_wanted = "cpu or wall";
        return read_choice(word, "wall", "cpu", field);
    }
    if (kind == OPTION_VERDICTS) {
        *ret_wanted = "on or off";
        return read_choice(word, "on", "off", field);
    }
    *ret_wanted = "wait or drop";
    return option_value_on_full(word, field);
}

bool option_value_read(const struct option_row *row, const char *spelled, const char *word,
                       struct options *options, char *error)
{
    void *field = (char *)options + row->field;
    const char *wanted = NULL;
    bool good = true;
    switch (row->kind) {
    case OPTION_FLAG:
        *(bool *)field = true;
        return true;
    case OPTION_TEXT:
        *(const char **)field = word;
        good = *word;
        wanted = "a word that is not empty";
        break;
    case OPTION_BY:
        *(bool *)field = good = strcmp(word, "process") == 0;
        wanted = "the word process";
        break;
    case OPTION_COUNT:
        good = read_count(word, field);
        wanted = "a whole number, 0 or more";
        break;
    case OPTION_SECONDS:
        good = read_quantity(word, second_units, field);
        wanted = "a time such as 10, 1.5s or 2m";
        break;
    case OPTION_SIZE:
    case OPTION_FILE_SIZE:
        good = read_some_size(row->kind, word, field, &wanted);
        break;
    case OPTION_MAP:
        good = read_map(word, field);
        wanted = "OLD=NEW, two folders, up to 32 times";
        break;
    case OPTION_PORT:
    case OPTION_HOST:
        good = read_of_server(row->kind, word, field, &wanted);
        break;
    case OPTION_PERCENT:
        good = option_value_percent(word, field);
        wanted = "a percentage above 0 and up to 100, such as 5";
        break;
    case OPTION_SPEED:
        good = read_speed(word, field);
        wanted = "a number above 0 and up to 1000000, or max";
        break;
    case OPTION_CPU:
        good = read_cpu(word, field);
        wanted = "the number of a CPU of this machine, from 0";
        break;
    case OPTION_FORMAT:
        return read_format(word, field, error);
    case OPTION_SORT:
        return read_sort(word, field, error);
    case OPTION_EVENTS:
        return option_value_events(word, field, error);
    case OPTION_ONLY:
    case OPTION_SKIP:
        return read_site(word, row->kind == OPTION_SKIP, field, error);
    case OPTION_RULES:
        return read_rules(word, field, error);
    case OPTION_LIMIT:
        good = read_limits(word, field);
        wanted = "METRIC=PCT (calls, tottime, cumtime, p99, objects or bytes, and a percentage), "
                 "such as tottime=10";
        break;
    case OPTION_WEIGHT:
        return read_weight(word, field, error);
    case OPTION_CLOCK:
    case OPTION_VERDICTS:
    case OPTION_ON_FULL:
        good = read_one_of_two(row->kind, word, field, &wanted);
        break;
    }
    if (!good)
        snprintf(error, OPTIONS_ERROR_SIZE, "%s needs %s, not `%.80s`", spelled, wanted, word);
    return good;
}
