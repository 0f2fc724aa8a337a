/* SPDX-License-Identifier: MIT */
/* The words of ULMA=on, key by key.
 * Why: see wishes.h.
 * Rules: as there. A word without `=` belongs to the key before it: `events=calls,c-calls`. */
#include "cmd/wishes.h"

#include "cmd/message.h"
#include "cmd/option_values.h"
#include "wire/session.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ENVIRONMENT_MOST = 4 << 20 };

static const char variable[] = "ULMA=on,";

/* A copy of what follows `ULMA=on,`; NULL: it is not there, or not to be read. */
static char *read_words(pid_t pid)
{
    char path[64], *found = NULL, *line = NULL;
    size_t room = 0, read = 0;
    ssize_t size;
    snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
    FILE *file = fopen(path, "re");
    while (file && !found && read < ENVIRONMENT_MOST &&
           (size = getdelim(&line, &room, '\0', file)) > 0) {
        read += (size_t)size;
        if (strncmp(line, variable, sizeof(variable) - 1) == 0)
            found = strdup(line + sizeof(variable) - 1);
    }
    free(line);
    if (file)
        fclose(file);
    return found;
}

static const struct option_row *row_of(const char *key, size_t size)
{
    static const char *const keys[] = {"events", "only", "skip", "budget", "keep"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strlen(keys[i]) != size || strncmp(keys[i], key, size) != 0)
            continue;
        for (size_t row = 0; row < option_row_count; row++)
            if (strcmp(option_rows[row].name, keys[i]) == 0 &&
                (option_rows[row].verbs & VERB_RECORD))
                return &option_rows[row];
    }
    return NULL;
}

/* The command line has said it. */
static bool is_given(const struct option_row *row, const struct options *given)
{
    switch (row->name[0]) {
    case 'e':
        return given->sources != SOURCE_CALLS;
    case 'o':
    case 's':
        return given->sites.count > 0;
    case 'b':
        return given->exact || given->budget_thousandths != OPTIONS_UNSET || given->trace;
    default:
        return given->keep_ns != OPTIONS_UNSET || given->trace;
    }
}

/* Patterns are one word each, sources a list. */
static bool read_value(const struct option_row *row, char *value, struct options *options,
                       char *error)
{
    bool each = row->name[0] == 'o' || row->name[0] == 's';
    char *next = value, *word;
    if (!each)
        return option_value_read(row, row->name, value, options, error);
    while ((word = strsep(&next, ",")))
        if (!option_value_read(row, row->name, word, options, error))
            return false;
    return true;
}

/* The end of a key's value: at the comma before the next key. */
static char *value_end(char *value)
{
    char *comma = strchr(value, ',');
    while (comma && strcspn(comma + 1, "=") >= strcspn(comma + 1, ","))
        comma = strchr(comma + 1, ',');
    return comma ? comma : value + strlen(value);
}

static void read_wish(pid_t pid, char *wish, const struct options *given, struct options *options)
{
    char error[OPTIONS_ERROR_SIZE] = "it is none of events=, only=, skip=, budget= and keep=";
    struct options before = *options;
    char *sign = strchr(wish, '='), shown[100];
    snprintf(shown, sizeof(shown), "%.90s", wish);
    const struct option_row *row = sign ? row_of(wish, (size_t)(sign - wish)) : NULL;
    if (row && is_given(row, given))
        return;
    if (row && read_value(row, sign + 1, options, error)) {
        message_note("PID %d was started with ULMA=on,%s: so it is collected", (int)pid, shown);
        return;
    }
    *options = before;
    message_note("PID %d was started with ULMA=on,%s, which is left out: %s", (int)pid, shown,
                 error);
}

bool wishes_read(pid_t pid, const struct options *given, struct wishes *wishes)
{
    *wishes = (struct wishes){.options = *given, .text = read_words(pid)};
    char *at = wishes->text;
    while (at && *at) {
        char *end = value_end(at), *next = *end ? end + 1 : end;
        *end = '\0';
        read_wish(pid, at, given, &wishes->options);
        at = next;
    }
    return wishes->text != NULL;
}

void wishes_done(struct wishes *wishes)
{
    free(wishes->text);
    wishes->text = NULL;
}
