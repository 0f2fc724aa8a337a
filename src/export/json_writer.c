/* SPDX-License-Identifier: MIT */
/* JSON, member by member.
 * Why: see json_writer.h.
 * Rules: no buffer; the stream has one. Depth is bounded by our own format, not by data. */
#include "export/json_writer.h"

#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void write_text(FILE *stream, const char *text, bool in_page)
{
    putc('"', stream);
    while (*text) {
        uint32_t point;
        size_t length = text_decode(text, strnlen(text, 4), &point);
        if (point == TEXT_INVALID)
            fputs("\xef\xbf\xbd", stream);
        else if (point == '<' && in_page)
            fputs("\\u003c", stream);
        else if (point == '"' || point == '\\')
            fprintf(stream, "\\%c", (char)point);
        else if (point == '\n')
            fputs("\\n", stream);
        /* Beyond what JSON asks for: nothing that a terminal or a page would act on. */
        else if (text_point_unsafe(point) && point < 0x10000)
            fprintf(stream, "\\u%04x", (unsigned)point);
        else
            fwrite(text, 1, length, stream);
        text += length;
    }
    putc('"', stream);
}

static void begin(struct json_writer *writer, const char *key)
{
    FILE *stream = writer->stream;
    if (writer->filled[writer->depth])
        putc(',', stream);
    bool own_line = !writer->compact && (writer->depth == 1 || (writer->depth == 2 && !key));
    if (own_line)
        fprintf(stream, "\n%*s", writer->depth * 2, "");
    else if (writer->filled[writer->depth] && !writer->compact)
        putc(' ', stream);
    writer->filled[writer->depth] = true;
    if (key) {
        write_text(stream, key, writer->in_page);
        fputs(writer->compact ? ":" : ": ", stream);
    }
}

void json_open(struct json_writer *writer, const char *key, char bracket)
{
    begin(writer, key);
    putc(bracket, writer->stream);
    writer->filled[++writer->depth] = false;
}

void json_close(struct json_writer *writer, char bracket)
{
    bool own_line = !writer->compact && writer->filled[writer->depth] &&
                    (writer->depth == 1 || (writer->depth == 2 && bracket == ']'));
    writer->depth--;
    if (own_line)
        fprintf(writer->stream, "\n%*s", writer->depth * 2, "");
    putc(bracket, writer->stream);
}

void json_string(struct json_writer *writer, const char *key, const char *text)
{
    begin(writer, key);
    if (text)
        write_text(writer->stream, text, writer->in_page);
    else
        fputs("null", writer->stream);
}

void json_integer(struct json_writer *writer, const char *key, int64_t number)
{
    begin(writer, key);
    fprintf(writer->stream, "%" PRId64, number);
}

void json_unsigned(struct json_writer *writer, const char *key, uint64_t number)
{
    begin(writer, key);
    fprintf(writer->stream, "%" PRIu64, number);
}

void json_number(struct json_writer *writer, const char *key, double number)
{
    if (!isfinite(number)) {
        json_null(writer, key);
        return;
    }
    char digits[48];
    snprintf(digits, sizeof(digits), "%.10g", number);
    /* A locale's decimal comma, should one ever be set, is no JSON. */
    char *comma = strchr(digits, ',');
    if (comma)
        *comma = '.';
    begin(writer, key);
    fputs(digits, writer->stream);
}

void json_bool(struct json_writer *writer, const char *key, bool value)
{
    begin(writer, key);
    fputs(value ? "true" : "false", writer->stream);
}

void json_null(struct json_writer *writer, const char *key)
{
    begin(writer, key);
    fputs("null", writer->stream);
}
