/* SPDX-License-Identifier: MIT */
/* Opening a recording, reporting on it.
 * Why: see recorded.h.
 * Rules: as there. */
#include "cmd/recorded.h"

#include "cmd/message.h"
#include "cmd/output.h"
#include "cmd/recorded_trace.h"
#include "cmd/report_stream.h"
#include "cmd/source_text.h"
#include "cmd/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool add_map(struct recording *recording, const char *word)
{
    char *from = strdup(word), *sign = from ? strchr(from, '=') : NULL;
    int result = -ENOMEM;
    if (sign) { /* options_parse has looked that there is one */
        *sign = '\0';
        result = recording_map(recording, from, sign + 1);
    }
    free(from);
    if (result)
        message_error("out of memory");
    return result == 0;
}

bool recorded_open(struct recorded *recorded, const struct options *options, const char *path)
{
    char reason[RECORDING_REASON_SIZE];
    *recorded =
        (struct recorded){.query = {
                              .from_ns = options->from_ns == OPTIONS_UNSET ? 0 : options->from_ns,
                              .to_ns = options->to_ns == OPTIONS_UNSET ? 0 : options->to_ns,
                              .thread = options->thread,
                              .clock = options->clock == CLOCK_CPU ? CLOCK_CPU : CLOCK_WALL,
                              .by_process = options->by_process,
                          }};
    if (recording_open(path, &recorded->recording, reason, sizeof(reason))) {
        message_error("%s", reason);
        return false;
    }
    bool mapped = true;
    for (size_t i = 0; i < options->maps.count && mapped; i++)
        mapped = add_map(recorded->recording, options->maps.words[i]);
    if (!mapped)
        recorded_close(recorded);
    return mapped;
}

void recorded_close(struct recorded *recorded)
{
    recording_close(recorded->recording);
    recorded->recording = NULL;
}

static const char *source_of(void *recording, const struct snapshot *snapshot, const char *file)
{
    return recording_source(recording, snapshot, file);
}

struct snapshot *recorded_snapshot(struct recorded *recorded, const struct recording_query *query)
{
    struct snapshot *snapshot = recording_snapshot(recorded->recording, query);
    if (snapshot && snapshot->line_count)
        source_text_fill(snapshot, source_of, recorded->recording, true);
    return snapshot;
}

char *recorded_source(const struct recorded *recorded, const char *file)
{
    struct snapshot *snapshot = recording_snapshot(recorded->recording, &recorded->query);
    const char *kept = snapshot ? recording_source(recorded->recording, snapshot, file) : NULL;
    char *text = kept ? strdup(kept) : NULL;
    if (!text && snapshot)
        text = source_text_whole(file, snapshot->meta.start_time_ns);
    snapshot_free(snapshot);
    return text;
}

int recorded_report(const struct options *options, const char *path)
{
    struct recorded recorded;
    struct options own = *options;
    struct output output;
    if (!own.output)
        own.output = "-";
    if (!recorded_open(&recorded, options, path))
        return EXIT_FAILED;
    struct snapshot *snapshot = recorded_snapshot(&recorded, &recorded.query);
    bool good = snapshot != NULL;
    if (!good)
        message_error("%s", recording_reason(recorded.recording));
    struct snapshot *cut = good && !output_format(&own)->write_trace ? recorded_cut(&recorded)
                                                                     : NULL;
    if (cut) {
        snapshot_free(snapshot);
        snapshot = cut;
    }
    /* Before there is a file that would stay empty. */
    if (good && output_format(&own)->write_trace)
        good = recorded_has_trace(recorded.recording, path);
    good = good && report_stream_fits(&own, output_format(&own), snapshot);
    if (good && (good = output_open(&output, &own, (pid_t)snapshot->meta.pid))) {
        if (output.format->write_trace) {
            good = recorded_timeline(&recorded, path, &snapshot->meta, &output);
            if (good && output.path)
                report_stream_say_written(&output);
        } else {
            good = report_stream_write(&own, snapshot, &output);
        }
        output_close(&output);
    }
    snapshot_free(snapshot);
    recorded_close(&recorded);
    return good ? EXIT_FINE : EXIT_FAILED;
}

bool recorded_check(const struct options *options, const char *verb, char **words, int word_count)
{
    const char *of_process = options->duration_ns != OPTIONS_UNSET ? "--duration"
                             : options->delay_ns != OPTIONS_UNSET  ? "--delay"
                             : options->sites.rules                ? "--rules"
                             : options->sites.count                ? "--only and --skip"
                             : options->children                   ? "--children"
                                                                   : NULL;
    const char *of_file = options->from_ns != OPTIONS_UNSET             ? "--from"
                          : options->to_ns != OPTIONS_UNSET             ? "--to"
                          : options->thread                             ? "--thread"
                          : options->maps.count                         ? "--map"
                          : options->speed_thousandths != OPTIONS_UNSET ? "--speed"
                                                                        : NULL;
    bool is_file = recording_is_name(words[0]);
    if (is_file && word_count > 1)
        message_error("`ulma %s` takes one recording: `%s` is one word too many", verb, words[1]);
    else if (is_file && of_process)
        message_error("%s is for a process that runs, and %s is a recording", of_process, words[0]);
    else if (!is_file && of_file)
        message_error("%s is for a recording: `ulma record` makes one", of_file);
    else
        return true;
    return false;
}
