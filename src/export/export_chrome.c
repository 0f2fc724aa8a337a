/* SPDX-License-Identifier: MIT */
/* The Chrome trace event format: JSON, an event a line.
 * Why begin and end apart: they can be written as they come; a whole event could only be at its end, with
 * all that is open held in memory.
 * Rules: `ts` is in microseconds with three decimals, so to the nanosecond. An asyncio task's steps are
 * nestable async events, too, of the task's id. Names are as JSON wants them (json_writer.h). */
#include "export/export_names.h"
#include "export/export_timeline.h"
#include "export/exporter.h"
#include "export/json_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *category(enum snapshot_kind kind)
{
    static const char *const names[] = {[KIND_PYTHON] = "python",
                                        [KIND_C] = "c",
                                        [KIND_GENERATOR] = "generator",
                                        [KIND_COROUTINE] = "coroutine",
                                        [KIND_ASYNC_GENERATOR] = "async_generator",
                                        [KIND_PSEUDO] = "ulma"};
    return names[kind];
}

/* A string of JSON with its quotes. NULL: no memory. */
static char *quote(const char *text)
{
    char *bytes = NULL;
    size_t size;
    FILE *stream = open_memstream(&bytes, &size);
    if (!stream)
        return NULL;
    struct json_writer writer = {.stream = stream, .compact = true};
    json_string(&writer, NULL, text);
    if (fclose(stream)) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

/* The end of a begin's line. */
static char *make_tail(const struct slice_function *function, const char *label)
{
    char *quoted = quote(label), *tail = NULL;
    if (quoted &&
        asprintf(&tail, ",\"cat\":\"%s\",\"name\":%s}", category(function->kind), quoted) < 0)
        tail = NULL;
    free(quoted);
    return tail;
}

/* --- lines ---------------------------------------------------------------------------------- */

static char *put_unsigned(char *at, uint64_t value)
{
    char digits[20];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    while (count)
        *at++ = digits[--count];
    return at;
}

static char *put_text(char *at, const char *text)
{
    return stpcpy(at, text);
}

static char *put_head(char *at, const struct slice *slice, const char *phase)
{
    uint64_t ns = slice->at_ns > 0 ? (uint64_t)slice->at_ns : 0;
    at = put_text(at, ",\n{\"ph\":\"");
    at = put_text(at, phase);
    at = put_text(at, "\",\"pid\":");
    at = put_unsigned(at, slice->pid);
    at = put_text(at, ",\"tid\":");
    at = put_unsigned(at, slice->tid);
    at = put_text(at, ",\"ts\":");
    at = put_unsigned(at, ns / 1000);
    *at++ = '.';
    *at++ = (char)('0' + ns % 1000 / 100);
    *at++ = (char)('0' + ns % 100 / 10);
    *at++ = (char)('0' + ns % 10);
    return at;
}

static void write_step(FILE *stream, const struct slice *slice, bool begins)
{
    char line[256];
    char *at = put_head(line, slice, begins ? "b" : "e");
    at = put_text(at, ",\"cat\":\"task\",\"id\":");
    at = put_unsigned(at, slice->task);
    at = put_text(at, ",\"name\":\"step\"");
    fwrite_unlocked(line, 1, (size_t)(at - line), stream);
    if (begins && slice->name && *slice->name) {
        char *quoted = quote(slice->name);
        fprintf(stream, ",\"args\":{\"task\":%s}", quoted ? quoted : "null");
        free(quoted);
    }
    fputc('}', stream);
}

static void write_name(FILE *stream, const struct slice *slice, const char *what, const char *name)
{
    char *quoted = quote(name);
    if (quoted)
        fprintf(stream,
                ",\n{\"ph\":\"M\",\"pid\":%u,\"tid\":%u,\"name\":\"%s\",\"args\":{\"name\":%s}}",
                slice->pid, slice->tid, what, quoted);
    free(quoted);
}

static void write_thread(struct slices *slices, const struct slice *slice, FILE *stream)
{
    const struct snapshot_meta *meta = slices->meta;
    const char *command = slice->command && *slice->command ? slice->command
                          : meta && meta->pid == slice->pid ? meta->command
                                                            : NULL;
    if (command)
        write_name(stream, slice, "process_name", command);
    if (slice->name && *slice->name)
        write_name(stream, slice, "thread_name", slice->name);
}

static int write_begin(struct slices *slices, const struct slice *slice,
                       struct timeline_names *names, FILE *stream)
{
    char line[128];
    bool is_new;
    const char *tail = timeline_name(names, slices, slice->function, make_tail, &is_new);
    if (!tail)
        return -ENOMEM;
    const char *end = put_head(line, slice, "B");
    fwrite_unlocked(line, 1, (size_t)(end - line), stream);
    fwrite_unlocked(tail, 1, strlen(tail), stream);
    if (slice->task)
        write_step(stream, slice, true);
    return 0;
}

static void write_end(const struct slice *slice, FILE *stream)
{
    char line[128];
    if (slice->task)
        write_step(stream, slice, false);
    char *end = put_head(line, slice, "E");
    *end++ = '}';
    fwrite_unlocked(line, 1, (size_t)(end - line), stream);
}

static int write_trace(struct slices *slices, const struct export_options *options, FILE *stream)
{
    struct timeline_names names = {0};
    struct slice slice;
    (void)options;
    int result;
    fprintf(stream,
            "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"creator\":\"ulma\"},\n"
            "\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":0,\"tid\":0,\"name\":\"ulma\",\"args\":{}}");
    while ((result = slices->next(slices, &slice)) > 0) {
        if (slice.kind == SLICE_THREAD)
            write_thread(slices, &slice, stream);
        else if (slice.kind == SLICE_END)
            write_end(&slice, stream);
        else if ((result = write_begin(slices, &slice, &names, stream)) < 0)
            break;
        if (ferror(stream))
            break;
    }
    fputs("\n]}\n", stream);
    timeline_names_done(&names);
    return result < 0 ? result : export_finish(stream);
}

static int write(const struct snapshot *snapshot, const struct export_options *options,
                 FILE *stream)
{
    (void)snapshot;
    (void)options;
    (void)stream;
    return -ENODATA;
}

const struct exporter export_chrome = {
    .name = "chrome",
    .aliases = "chrometrace",
    .help = "every call on a line of time, for chrome://tracing and ui.perfetto.dev; of a trace",
    .write = write,
    .write_trace = write_trace,
};
