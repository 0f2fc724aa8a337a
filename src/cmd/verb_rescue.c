/* SPDX-License-Identifier: MIT */
/* ulma rescue: what a flight recorder's process did last.
 * Why: a process that crashed, was killed for its memory, or hangs tells nothing; its file does.
 * Rules: reads the file and nothing else of the process; never changes either. Works from any PID
 * namespace, and for a file that was copied elsewhere. */
#include "base/arena.h"
#include "base/text.h"
#include "cmd/message.h"
#include "cmd/output.h"
#include "cmd/report.h"
#include "cmd/rescue_find.h"
#include "cmd/rescue_json.h"
#include "cmd/rescue_print.h"
#include "cmd/target.h"
#include "cmd/verbs.h"
#include "model/collector.h"
#include "recording/recording_writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { STEPS_MOST = 120, NAMES_TRIED = 100 };

struct rescue {
    const struct options *options;
    struct flight flight;
    struct collector_past past;
    struct collector *collector;
    uint64_t from_counter; /* what is counted begins here */
    struct recording_writer *writer;
    char *recording; /* its path; owned */
    int64_t written_ns;
};

static bool say_refusal(const char *path, int result)
{
    switch (result) {
    case 0:
        return true;
    case FLIGHT_NO_SESSION:
        message_error(
            "%s is no session of this version of ulma, or not all of it: a flight recording's name ends in "
            ".flight",
            path);
        break;
    case FLIGHT_NO_FLIGHT:
        message_error("%s is a session that a collector reads, not a flight recording: ULMA=flight "
                      "makes one",
                      path);
        break;
    case FLIGHT_TOO_LARGE:
        message_error("%s is larger than any flight recording: name another file", path);
        break;
    case FLIGHT_TRUNCATED:
        message_error("%s was cut off while it was read: try again with a copy", path);
        break;
    case -EACCES:
    case -EPERM:
        message_error("%s belongs to another user: run ulma as that user, or with sudo", path);
        break;
    default:
        message_error("cannot read %s: %s", path, strerror(-result));
    }
    return false;
}

static void move_to(struct rescue *rescue, uint64_t counter)
{
    rescue->past.now = counter;
    flight_play(&rescue->flight, counter);
}

static uint64_t ticks_of_ns(const struct rescue *rescue, uint64_t ns)
{
    return (uint64_t)((double)ns / rescue->flight.scale.ns_per_tick);
}

/* The last seconds that were to be kept; what is older only says what was open then. */
static void choose_start(struct rescue *rescue)
{
    const struct flight *flight = &rescue->flight;
    uint64_t keep = ticks_of_ns(rescue, mapping_header(&flight->mapping)->flight_keep_ns);
    uint64_t span = flight->end_counter - flight->first_counter;
    rescue->from_counter = flight->first_counter + (span > keep ? span - keep : 0);
}

static bool begin(struct rescue *rescue)
{
    struct flight *flight = &rescue->flight;
    struct collector_options wanted = {.past = &rescue->past,
                                       .corrected = !rescue->options->uncorrected,
                                       .cpu = -1,
                                       .by_thread = true,
                                       .no_perf = true,
                                       .no_pids = true};
    choose_start(rescue);
    rescue->past =
        (struct collector_past){.now = rescue->from_counter,
                                .scale = flight->scale,
                                .birth_counter = rescue->from_counter,
                                .birth_time_ns = flight_time_ns(flight, rescue->from_counter)};
    rescue->collector = collector_new(&flight->mapping, &wanted);
    if (!rescue->collector) {
        message_error("out of memory");
        return false;
    }
    if (rescue->from_counter > flight->first_counter) {
        move_to(rescue, rescue->from_counter);
        collector_reset(rescue->collector);
    }
    return true;
}

/* What is not told of the last seconds: "" when all is. */
static const char *why_inexact(const struct rescue *rescue, struct arena *arena)
{
    const struct flight *flight = &rescue->flight;
    const struct session_header *header = mapping_header(&flight->mapping);
    uint32_t muted = atomic_load(&header->flight_muted), cut = 0;
    for (uint32_t i = 0; i < flight->ring_count; i++)
        cut += flight->rings[i].overwritten &&
               flight->rings[i].first_counter > rescue->from_counter;
    if (muted)
        return arena_format(arena, "the budget kept %u function%s silent", muted,
                            muted == 1 ? "" : "s");
    if (cut)
        return arena_format(arena, "the ring%s of %u thread%s hold%s less", cut == 1 ? "" : "s",
                            cut, cut == 1 ? "" : "s", cut == 1 ? "s" : "");
    return NULL;
}

/* What only this verb knows. */
static void fill_meta(struct rescue *rescue, struct snapshot *snapshot)
{
    const struct session_header *header = mapping_header(&rescue->flight.mapping);
    struct snapshot_meta *meta = &snapshot->meta;
    char command[sizeof(header->command) + 1] = "", host[256] = "";
    memcpy(command, header->command, sizeof(header->command));
    meta->command = arena_string(snapshot->arena, command);
    if (rescue->flight.of_this_boot && gethostname(host, sizeof(host) - 1) == 0)
        meta->host = arena_string(snapshot->arena, host);
    meta->ended = !rescue->flight.lives;
    meta->exit_status = -1;
    meta->budget_pct = 0;
    if (!meta->inexact)
        meta->inexact = why_inexact(rescue, snapshot->arena);
}

/* --- the recording -------------------------------------------------------------------------- */

static struct snapshot *take_detailed(struct rescue *rescue)
{
    struct snapshot *snapshot = collector_snapshot_detailed(rescue->collector, CLOCK_WALL);
    if (snapshot)
        fill_meta(rescue, snapshot);
    return snapshot;
}

/* ulma-NAME-PID-YYYYMMDDTHHMMSS.ulma, as `ulma record` has it. */
static char *default_path(const struct rescue *rescue, pid_t pid)
{
    const struct session_header *header = mapping_header(&rescue->flight.mapping);
    char command[sizeof(header->command) + 1] = "", stamp[32] = "0", *path = NULL;
    struct target target;
    struct tm local;
    time_t now = time(NULL);
    memcpy(command, header->command, sizeof(header->command));
    if (!target_of_process(&target, command))
        return NULL;
    if (localtime_r(&now, &local))
        strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &local);
    const char *name = target.name && target.name[0] ? target.name : "python";
    for (int again = 0; !path && again < NAMES_TRIED; again++) {
        char number[16] = "";
        if (again)
            snprintf(number, sizeof(number), "-%d", again);
        if (asprintf(&path, "ulma-%.200s-%d-%s%s.ulma", name, (int)pid, stamp, number) < 0)
            path = NULL;
        if (path && access(path, F_OK) == 0) {
            free(path);
            path = NULL;
        }
    }
    target_done(&target);
    return path;
}

static void open_recording(struct rescue *rescue, pid_t pid)
{
    const struct options *options = rescue->options;
    struct recording_options wanted = {.with_source = options->with_source,
                                       .redact = options->redact,
                                       .no_command = options->no_command,
                                       .overwrite = options->force};
    char reason[RECORDING_WRITER_REASON_SIZE];
    rescue->recording = options->output ? output_expand(options->output, pid)
                                        : default_path(rescue, pid);
    if (!rescue->recording) {
        message_error("out of memory");
        return;
    }
    if (recording_writer_open(rescue->recording, &wanted, &rescue->writer, reason, sizeof(reason)))
        message_error("%s", reason);
}

static void add_window(struct rescue *rescue)
{
    struct snapshot *snapshot = take_detailed(rescue);
    if (snapshot && rescue->writer) {
        int64_t to_ns = snapshot->meta.duration_ns;
        recording_writer_add(rescue->writer, snapshot, rescue->written_ns, to_ns);
        rescue->written_ns = to_ns;
    }
    snapshot_free(snapshot);
}

static bool finish_recording(struct rescue *rescue)
{
    char size[TEXT_NUMBER_BYTES];
    struct snapshot *snapshot = take_detailed(rescue);
    int result = snapshot ? recording_writer_finish(rescue->writer, snapshot) : -ENOMEM;
    snapshot_free(snapshot);
    if (result) {
        const char *reason = recording_writer_reason(rescue->writer);
        message_error("%s", *reason ? reason : "out of memory");
        return false;
    }
    text_format_count(size, (uint64_t)recording_writer_bytes(rescue->writer));
    bool plain = !strpbrk(rescue->recording, " '\"\\$`!&|;<>()*?[]#~");
    message_note("wrote %s (%sB); read it with: ulma report %s%s%s", rescue->recording, size,
                 plain ? "" : "'", rescue->recording, plain ? "" : "'");
    return true;
}

/* --- playing and printing ------------------------------------------------------------------- */

static void play(struct rescue *rescue)
{
    uint64_t from = rescue->from_counter, end = rescue->flight.end_counter;
    uint64_t step = ticks_of_ns(rescue, UINT64_C(1000000000));
    if ((end - from) / STEPS_MOST > step)
        step = (end - from) / STEPS_MOST;
    for (uint64_t at = from + step; at < end && at > from; at += step) {
        move_to(rescue, at);
        add_window(rescue);
    }
    rescue->past.now = end;
    flight_play(&rescue->flight, UINT64_MAX);
    collector_finish(rescue->collector, end);
}

static struct snapshot *take(struct rescue *rescue)
{
    struct snapshot *snapshot = collector_snapshot(rescue->collector, 0, CLOCK_WALL);
    if (snapshot)
        fill_meta(rescue, snapshot);
    return snapshot;
}

static int write_flight(const void *context, struct json_writer *writer)
{
    return rescue_json_write(context, writer);
}

static char *render(struct rescue *rescue, const struct output *output,
                    const struct snapshot *snapshot, size_t *ret_size, int *ret_error)
{
    const struct options *options = rescue->options;
    char *bytes = NULL;
    bool table = strcmp(output->format->name, "table") == 0;
    bool terminal = output->fd >= 0 && isatty(output->fd);
    struct export_options wanted = {
        .clock = CLOCK_WALL,
        .sort = options->sort,
        .limit = options->limit == OPTIONS_UNSET ? OPTIONS_LIMIT_DEFAULT : (size_t)options->limit,
        .columns = report_columns(terminal ? output->fd : -1),
        .wide = options->wide,
        .color = output->fd >= 0 && report_color(options, output->fd),
        .weight = WEIGHT_TIME,
        .write_more = write_flight,
        .context = &rescue->flight,
    };
    FILE *stream = open_memstream(&bytes, ret_size);
    *ret_error = stream ? 0 : -ENOMEM;
    if (stream && table)
        *ret_error = rescue_print_head(&rescue->flight, stream);
    if (stream && *ret_error == 0)
        *ret_error = output->format->write(snapshot, &wanted, stream);
    if (stream && table && *ret_error == 0)
        *ret_error = rescue_print_threads(&rescue->flight, stream);
    if (stream && fclose(stream) && *ret_error == 0)
        *ret_error = -errno;
    if (*ret_error == 0)
        return bytes;
    free(bytes);
    return NULL;
}

static bool write_report(struct rescue *rescue, struct output *output)
{
    size_t size = 0;
    int error = -ENOMEM;
    struct snapshot *snapshot = take(rescue);
    char *bytes = snapshot ? render(rescue, output, snapshot, &size, &error) : NULL;
    snapshot_free(snapshot);
    if (!bytes) {
        message_error("cannot make the report: %s; try another format with -f", strerror(-error));
        return false;
    }
    bool written = output_write(output, bytes, size);
    free(bytes);
    return written;
}

/* The report goes to the terminal first: what the recording then lacks room for has been seen. */
static bool tell(struct rescue *rescue, struct output *output)
{
    play(rescue);
    bool written = write_report(rescue, output);
    return rescue->writer && finish_recording(rescue) && written;
}

static bool rescue_file(struct rescue *rescue, const char *path)
{
    struct options printed = *rescue->options;
    struct output output;
    if (!say_refusal(path, flight_open(path, &rescue->flight)))
        return false;
    pid_t pid = (pid_t)atomic_load(&mapping_header(&rescue->flight.mapping)->target_pid);
    message_step("%s: %u threads, %s", path, rescue->flight.ring_count,
                 rescue->flight.lives ? "its process runs" : "its process has ended");
    printed.output = "-";
    if (!output_open(&output, &printed, pid))
        return false;
    open_recording(rescue, pid); /* what is printed does not depend on it, the exit status does */
    bool done = begin(rescue) && tell(rescue, &output);
    output_close(&output);
    return done;
}

int verb_rescue(const struct options *options, char **words, int word_count)
{
    static struct rescue rescue;
    char path[PATH_MAX];
    if (word_count != 1) {
        message_error("`ulma rescue` needs one PID, FILE or DIR; see `ulma rescue --help`");
        return EXIT_WRONG_WORDS;
    }
    if (!rescue_find(words[0], path, sizeof(path)))
        return EXIT_FAILED;
    rescue.options = options;
    bool done = rescue_file(&rescue, path);
    recording_writer_close(rescue.writer);
    free(rescue.recording);
    collector_free(rescue.collector);
    flight_close(&rescue.flight);
    return done ? EXIT_FINE : EXIT_FAILED;
}
