/* SPDX-License-Identifier: MIT */
/* `GET /api/source?function=ID`: the lines of a function, with what is known of each.
 * Why by function: a file is named by a function that was seen, never by who asks.
 * Why by the indent: where a function ends is not told, and its first line is. It ends before the next line that is not
 * empty, no comment, and stands no deeper than that one, outside of brackets. Wrong guesses show a few lines more or less.
 * Rules: as web_parts.h. */
#include "web/web_parts.h"

#include "export/json_writer.h"

#include <stdlib.h>
#include <string.h>

enum { LINES_MOST = 500, TEXT_MOST = 400, TAB = 8 };

struct reader {
    const char *at; /* the line that is looked at */
    size_t size;    /* of it, without its end */
    int brackets;   /* open where it begins */
    char quote;     /* of three, in whose text it begins; NUL: in none */
};

static void measure(struct reader *reader)
{
    reader->size = strcspn(reader->at, "\n");
}

static bool next_line(struct reader *reader)
{
    if (!reader->at[reader->size])
        return false;
    reader->at += reader->size + 1;
    measure(reader);
    return *reader->at != '\0';
}

static int indent_of(const struct reader *reader)
{
    int indent = 0;
    for (size_t i = 0; i < reader->size; i++) {
        if (reader->at[i] == ' ')
            indent++;
        else if (reader->at[i] == '\t')
            indent += TAB - indent % TAB;
        else
            break;
    }
    return indent;
}

static char first_of(const struct reader *reader)
{
    size_t blank = strspn(reader->at, " \t\r\f");
    return blank < reader->size ? reader->at[blank] : '\0';
}

static bool is_three(const struct reader *reader, size_t at, char quote)
{
    return at + 2 < reader->size && reader->at[at] == quote && reader->at[at + 1] == quote &&
           reader->at[at + 2] == quote;
}

/* Where the text that is open at `at` ends: behind its last quote, or at the line's end. */
static size_t skip_text(struct reader *reader, size_t at)
{
    for (; at < reader->size; at++) {
        if (reader->at[at] == '\\') {
            at++;
        } else if (is_three(reader, at, reader->quote)) {
            reader->quote = '\0';
            return at + 3;
        }
    }
    return reader->size;
}

static size_t skip_quoted(const struct reader *reader, size_t at)
{
    char quote = reader->at[at++];
    for (; at < reader->size && reader->at[at] != quote; at++)
        at += reader->at[at] == '\\';
    return at + 1;
}

/* Comments and what is quoted are passed over. */
static void count_brackets(struct reader *reader)
{
    size_t at = reader->quote ? skip_text(reader, 0) : 0;
    while (at < reader->size && reader->at[at] != '#') {
        char one = reader->at[at];
        if ((one == '"' || one == '\'') && is_three(reader, at, one)) {
            reader->quote = one;
            at = skip_text(reader, at + 3);
        } else if (one == '"' || one == '\'') {
            at = skip_quoted(reader, at);
        } else {
            reader->brackets += strchr("([{", one) != NULL;
            reader->brackets -= strchr(")]}", one) && reader->brackets > 0;
            at++;
        }
    }
}

static bool go_to(struct reader *reader, const char *text, uint32_t line)
{
    *reader = (struct reader){.at = text};
    measure(reader);
    for (uint32_t i = 1; i < line; i++)
        if (!next_line(reader))
            return false;
    return true;
}

static bool is_head(const struct reader *reader)
{
    const char *word = reader->at + strspn(reader->at, " \t");
    return strncmp(word, "def ", 4) == 0 || strncmp(word, "async ", 6) == 0 ||
           strncmp(word, "class ", 6) == 0;
}

/* How many lines. */
static uint32_t count_lines(struct reader reader, bool is_module)
{
    int indent = indent_of(&reader);
    uint32_t count = 1, last = 1;
    bool in_head = first_of(&reader) == '@'; /* decorators come first */
    count_brackets(&reader);
    while (count < LINES_MOST && next_line(&reader)) {
        char first = first_of(&reader);
        bool ends = !is_module && !in_head && reader.brackets == 0 && !reader.quote && first &&
                    first != '#' && indent_of(&reader) <= indent;
        if (ends)
            break;
        if (in_head && is_head(&reader))
            in_head = false;
        count++;
        if (first)
            last = count;
        count_brackets(&reader);
    }
    return last;
}

static const struct snapshot_line *line_of(const struct snapshot *snapshot, int32_t function,
                                           uint32_t line)
{
    for (size_t i = 0; i < snapshot->line_count; i++)
        if (snapshot->lines[i].function == function && snapshot->lines[i].line == line)
            return &snapshot->lines[i];
    return NULL;
}

static void write_line(struct json_writer *writer, const struct snapshot *snapshot,
                       int32_t function, uint32_t number, const struct reader *reader)
{
    const struct snapshot_line *known = line_of(snapshot, function, number);
    char text[TEXT_MOST + 1];
    size_t size = reader->size < TEXT_MOST ? reader->size : TEXT_MOST;
    while (size > 0 && reader->at[size - 1] == '\r')
        size--;
    memcpy(text, reader->at, size);
    text[size] = '\0';
    json_open(writer, NULL, '{');
    json_unsigned(writer, "line", number);
    json_string(writer, "text", text);
    if (known) {
        json_unsigned(writer, "hits", known->hits);
        json_integer(writer, "self_ns", known->self_ns);
    }
    json_close(writer, '}');
}

static void write_source(struct json_writer *writer, const struct snapshot *snapshot, int32_t at,
                         const char *text)
{
    const struct snapshot_function *function = &snapshot->functions[at];
    struct reader reader;
    bool found = text && function->line && go_to(&reader, text, function->line);
    json_open(writer, NULL, '{');
    json_unsigned(writer, "function", function->id);
    json_string(writer, "file", function->file);
    json_bool(writer, "has_lines", snapshot_has_source(&snapshot->meta, "lines"));
    json_string(writer, "reason",
                found            ? NULL
                : function->file ? "its file cannot be read here, or has changed since"
                                 : "it is not written in Python");
    json_open(writer, "lines", '[');
    uint32_t count = found ? count_lines(reader, strcmp(function->name, "<module>") == 0) : 0;
    for (uint32_t i = 0; i < count; i++) {
        write_line(writer, snapshot, at, function->line + i, &reader);
        next_line(&reader);
    }
    json_close(writer, ']');
    json_close(writer, '}');
}

static int32_t function_at(const struct snapshot *snapshot, uint64_t id)
{
    for (size_t i = 0; snapshot && i < snapshot->function_count; i++)
        if (snapshot->functions[i].id == id)
            return (int32_t)i;
    return SNAPSHOT_NONE;
}

void source_answer(struct web *web, struct connection *connection,
                   const struct http_request *request, uint64_t now_ns)
{
    char error[WISH_ERROR_SIZE], *bytes = NULL;
    struct wish wish;
    size_t size = 0;
    wish_init(&wish, web->host->clock);
    if (!wish_read_query(&wish, request, error)) {
        reply_error(connection, request, 400, error);
        return;
    }
    wish.window_s = 0;
    const struct snapshot *snapshot = web_snapshot(web, &wish, WEB_FRAME_MS, now_ns);
    int32_t at = function_at(snapshot, wish.function);
    if (at < 0) { /* the page may have heard of it since that one was made */
        snapshot = web_snapshot(web, &wish, 0, now_ns);
        at = function_at(snapshot, wish.function);
    }
    wish_done(&wish);
    if (at < 0) {
        reply_error(connection, request, 404, "no function has this id");
        return;
    }
    const char *file = snapshot->functions[at].file;
    char *text = file && web->host->source ? web->host->source(web->host->context, file) : NULL;
    FILE *stream = open_memstream(&bytes, &size);
    if (stream) {
        struct json_writer writer = {.stream = stream, .compact = true};
        write_source(&writer, snapshot, at, text);
        if (fclose(stream) == 0)
            reply(connection, request, 200, "application/json", bytes, size);
        else
            connection->dead = true;
        free(bytes);
    } else {
        connection->dead = true;
    }
    free(text);
}
