/* SPDX-License-Identifier: MIT */
/* Rendering into memory.
 * Why: see report_stream.h. A report that cannot be written where it should go must be whole to be kept
 * elsewhere.
 * Rules: as there. */
#include "cmd/report_stream.h"

#include "cmd/message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int report_columns(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    const char *columns = getenv("COLUMNS");
    long width = columns ? strtol(columns, NULL, 10) : 0;
    return width > 0 && width < 10000 ? (int)width : 80;
}

bool report_color(const struct options *options, int fd)
{
    const char *never = getenv("NO_COLOR"), *always = getenv("CLICOLOR_FORCE");
    if (options->no_color || (never && *never))
        return false;
    if (always && *always && strcmp(always, "0") != 0)
        return true;
    const char *terminal = getenv("TERM");
    return terminal && *terminal && strcmp(terminal, "dumb") != 0 && isatty(fd);
}

struct export_options report_stream_wanted(const struct options *options, enum snapshot_clock clock,
                                           int columns, bool color)
{
    return (struct export_options){
        .clock = clock,
        .sort = options->sort,
        .limit = options->limit == OPTIONS_UNSET ? OPTIONS_LIMIT_DEFAULT : (size_t)options->limit,
        .columns = columns,
        .wide = options->wide,
        .color = color,
        .weight = options->weight,
    };
}

struct export_options report_stream_options(const struct options *options,
                                            enum snapshot_clock clock, int fd)
{
    bool terminal = fd >= 0 && isatty(fd);
    return report_stream_wanted(options, clock, report_columns(terminal ? fd : -1),
                                fd >= 0 && report_color(options, fd));
}

bool report_stream_fits(const struct options *options, const struct exporter *format,
                        const struct snapshot *snapshot)
{
    if (options->weight != WEIGHT_BYTES)
        return true;
    bool collapsed = strcmp(format->name, "collapsed") == 0;
    if (!collapsed)
        message_error("--weight bytes is for the format collapsed: add -f collapsed");
    else if (!snapshot->memory_site_count)
        message_error(
            "--weight bytes is for what was recorded with `-e memory`, which this was not");
    return collapsed && snapshot->memory_site_count;
}

char *report_stream_render(const struct snapshot *snapshot, const struct exporter *format,
                           const struct export_options *options, size_t *ret_size, int *ret_error)
{
    char *bytes = NULL;
    FILE *stream = open_memstream(&bytes, ret_size);
    *ret_error = -ENOMEM;
    if (stream) {
        *ret_error = format->write(snapshot, options, stream);
        if (fclose(stream) && *ret_error == 0)
            *ret_error = -errno;
    }
    if (*ret_error == 0)
        return bytes;
    free(bytes);
    return NULL;
}

/* Which command reads a file of this format; `%s` is the file. */
static const char *reader(const struct exporter *format)
{
    static const struct {
        const char *format, *command;
    } readers[] = {
        {"pstats", "python3 -m pstats %s"},
        {"json", "python3 -m json.tool %s"},
        {"flamegraph", "xdg-open %s"},
        {"chrome", "https://ui.perfetto.dev, or chrome://tracing: %s"},
        {"perfetto", "https://ui.perfetto.dev: %s"},
        {"collapsed", "flamegraph.pl %s > flame.svg"},
        {"html", "xdg-open %s"},
        {"speedscope", "speedscope %s"},
        {"pprof", "go tool pprof -top %s"},
        {"callgrind", "callgrind_annotate --inclusive=yes %s"},
        {"firefox", "profiler-cli load %s"},
    };
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        if (strcmp(readers[i].format, format->name) == 0)
            return readers[i].command;
    }
    return "less %s";
}

void report_stream_say_written(const struct output *output)
{
    if (output->to_stderr) {
        message_note("the report above is not kept; -o FILE writes one (.txt .json .pstats .md "
                     ".svg .html, ulma export --list)");
    } else if (!output->path) {
        message_note("wrote the report to stdout (%s)", output->format->name);
    } else {
        const char *command = reader(output->format);
        const char *file = strstr(command, "%s");
        bool plain = !strpbrk(output->path, " '\"\\$`!&|;<>()*?[]#~");
        message_note("wrote %s (%s); read it with: %.*s%s%s%s%s", output->path,
                     output->format->name, (int)(file - command), command, plain ? "" : "'",
                     output->path, plain ? "" : "'", file + 2);
    }
}

bool report_stream_write(const struct options *options, const struct snapshot *snapshot,
                         struct output *output)
{
    struct export_options wanted = report_stream_options(options, snapshot->meta.clock, output->fd);
    size_t size = 0;
    int error;
    char *bytes = report_stream_render(snapshot, output->format, &wanted, &size, &error);
    if (!bytes) {
        message_error("cannot make the report: %s; try another format with -f", strerror(-error));
        return false;
    }
    bool written = output_write(output, bytes, size);
    if (written && output->path)
        report_stream_say_written(output);
    free(bytes);
    return written;
}
