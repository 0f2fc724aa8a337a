/* SPDX-License-Identifier: MIT */
/* ulma diff: what changed between recordings.
 * Why: two reports side by side leave it to the reader which differences are the program's.
 * Rules: the comparison goes to stdout, or to the file of -o; what a limit says goes to stderr as well,
 * and into the exit status. */
#include "cmd/diff_load.h"
#include "cmd/message.h"
#include "cmd/output.h"
#include "cmd/report_stream.h"
#include "cmd/verbs.h"
#include "diff/diff_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sides {
    char **files; /* the old ones first */
    size_t counts[DIFF_SIDES];
};

/* Takes the `--` out of the words. */
static bool part_sides(char **words, int word_count, struct sides *sides)
{
    int parting = -1, kept = 0;
    for (int i = 0; i < word_count; i++) {
        if (strcmp(words[i], "--") != 0) {
            words[kept++] = words[i];
            continue;
        }
        if (parting >= 0) {
            message_error(
                "`ulma diff` takes one `--`, between the old recordings and the new ones");
            return false;
        }
        parting = kept;
    }
    if (parting < 0 && kept == 2)
        parting = 1;
    if (parting < 0)
        message_error("`ulma diff` needs %s: `ulma diff OLD.ulma NEW.ulma`, or several a side as "
                      "`ulma diff OLD… -- NEW…`",
                      kept < 2 ? "an old and a new recording"
                               : "to know which recordings are old and which new");
    else if (parting == 0 || parting == kept)
        message_error("`ulma diff` needs at least one recording on each side of `--`: none is %s",
                      parting ? "new" : "old");
    else
        *sides = (struct sides){words, {(size_t)parting, (size_t)(kept - parting)}};
    return parting > 0 && parting < kept;
}

static const struct diff_writer *find_writer(const struct options *options)
{
    const struct exporter *format = output_format(options);
    const struct diff_writer *writer = diff_writer_find(format->name);
    if (!writer)
        message_error("a comparison is written as table, tree, markdown or json, not as %s",
                      format->name);
    return writer;
}

/* Objects and bytes are in recordings whose source was on. */
static bool check_limits(const struct options *options, const struct diff_load *load)
{
    for (size_t i = 0; i < options->limits.count; i++) {
        enum diff_metric metric = options->limits.list[i].metric;
        const char *source = metric == METRIC_OBJECTS ? "objects"
                             : metric == METRIC_BYTES ? "memory"
                                                      : NULL;
        for (size_t r = 0; source && r < load->count; r++) {
            if (diff_recording_knows(&load->recordings[r], source))
                continue;
            message_error("--fail-over %s needs recordings made with `-e %s`: %s is none",
                          diff_metric_names[metric], source, load->recordings[r].name);
            return false;
        }
    }
    return true;
}

static void say_written(const struct output *output)
{
    if (output->path)
        message_note("wrote the comparison to %s (%s); read it with: %s %s", output->path,
                     output->format->name,
                     strcmp(output->format->name, "json") == 0 ? "python3 -m json.tool" : "less",
                     output->path);
    else
        message_note("wrote the comparison to stdout (%s)", output->format->name);
}

static bool write_report(struct output *output, const struct diff_writer *writer,
                         const struct diff_report *report)
{
    char *bytes = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&bytes, &size);
    int result = stream ? writer->write(report, stream) : -ENOMEM;
    if (stream && fclose(stream) && result == 0)
        result = -errno;
    if (result)
        message_error("cannot make the comparison: %s; compare fewer recordings at once",
                      strerror(-result));
    bool fine = result == 0 && output_write(output, bytes, size);
    if (fine)
        say_written(output);
    free(bytes);
    return fine;
}

static int say_excesses(const struct diff_report *report)
{
    for (size_t i = 0; i < report->excess_count; i++) {
        const char *text = diff_excess_text(report->diff, &report->excesses[i]);
        message_error("limit exceeded: %s", text ? text : "out of memory");
    }
    return report->excess_count ? EXIT_LIMIT_EXCEEDED : EXIT_FINE;
}

static int compare(const struct options *options, const struct diff_request *request,
                   struct output *output, const struct diff_writer *writer)
{
    struct diff *diff = diff_make(request);
    size_t excess_count = 0;
    struct diff_excess *excesses =
        diff ? diff_limits_hold(diff, options->limits.list, options->limits.count, &excess_count)
             : NULL;
    int status = EXIT_FAILED;
    if (excesses) {
        struct export_options wanted = {
            .clock = request->clock,
            .limit = options->limit == OPTIONS_UNSET ? OPTIONS_LIMIT_DEFAULT
                                                     : (size_t)options->limit,
            .columns = report_columns(isatty(output->fd) ? output->fd : -1),
            .color = report_color(options, output->fd),
        };
        struct diff_report report = {diff, excesses, excess_count, &wanted};
        if (write_report(output, writer, &report))
            status = say_excesses(&report);
    } else {
        message_error("out of memory: compare fewer recordings at once");
    }
    diff_free(diff);
    return status;
}

int verb_diff(const struct options *options, char **words, int word_count)
{
    struct sides sides = {NULL, {0, 0}};
    struct options own = *options;
    char reason[DIFF_LOAD_REASON_SIZE];
    if (!own.output)
        own.output = "-";
    const struct diff_writer *writer = NULL;
    if (!part_sides(words, word_count, &sides) || !(writer = find_writer(&own)))
        return EXIT_WRONG_WORDS;
    struct diff_request request = {
        .counts = {sides.counts[DIFF_OLD], sides.counts[DIFF_NEW]},
        .clock = options->clock == CLOCK_WALL ? CLOCK_WALL : CLOCK_CPU,
        .min_time_ns = options->min_time_ns == OPTIONS_UNSET ? DIFF_UNSET : options->min_time_ns,
        .per_call = options->per_call,
    };
    struct diff_load load;
    struct output output = {.fd = -1};
    int status = EXIT_FAILED;
    if (diff_load_all(&load, sides.files, sides.counts[DIFF_OLD] + sides.counts[DIFF_NEW],
                      request.clock, reason)) {
        message_error("%s", reason);
    } else if (check_limits(options, &load) && output_open(&output, &own, getpid())) {
        request.recordings = load.recordings;
        status = compare(options, &request, &output, writer);
        if (status == EXIT_FAILED)
            output_abandon(&output);
        output_close(&output);
    }
    diff_load_free(&load);
    return status;
}
