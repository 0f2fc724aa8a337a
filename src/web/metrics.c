/* SPDX-License-Identifier: MIT */
/* GET /metrics: what a Prometheus takes, in OpenMetrics 1.0.
 * Why so few functions: each is a time series for good in whoever scrapes. The heaviest are named, the rest is in
 * the sums.
 * Rules: as web_parts.h. Counters only grow, but after a reset. */
#include "web/web_parts.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { FUNCTIONS = 50 };

static void write_label(FILE *stream, const char *name, const char *text, const char *after)
{
    fprintf(stream, "%s=\"", name);
    while (text && *text) {
        uint32_t point;
        size_t length = text_decode(text, strnlen(text, 4), &point);
        if (point == '"' || point == '\\')
            fprintf(stream, "\\%c", (char)point);
        else if (point == '\n')
            fputs("\\n", stream);
        else if (point == TEXT_INVALID || text_point_unsafe(point))
            fputs("\xef\xbf\xbd", stream);
        else
            fwrite(text, 1, length, stream);
        text += length;
    }
    fprintf(stream, "\"%s", after);
}

static void write_head(FILE *stream, const char *name, const char *type, const char *unit,
                       const char *help)
{
    fprintf(stream, "# TYPE %s %s\n", name, type);
    if (unit)
        fprintf(stream, "# UNIT %s %s\n", name, unit);
    fprintf(stream, "# HELP %s %s\n", name, help);
}

static void write_counter(FILE *stream, const char *name, const char *help, uint64_t number)
{
    write_head(stream, name, "counter", NULL, help);
    fprintf(stream, "%s_total %" PRIu64 "\n", name, number);
}

static void write_gauge(FILE *stream, const char *name, const char *help, double number)
{
    write_head(stream, name, "gauge", NULL, help);
    fprintf(stream, "%s %.10g\n", name, number);
}

static const struct snapshot *sorted_of;
static enum snapshot_clock sorted_by;

static int by_self(const void *left, const void *right)
{
    const struct snapshot_function *a = &sorted_of->functions[*(const size_t *)left];
    const struct snapshot_function *b = &sorted_of->functions[*(const size_t *)right];
    int64_t one = snapshot_self(a, sorted_by), other = snapshot_self(b, sorted_by);
    return (one < other) - (one > other);
}

static void write_function(FILE *stream, const char *name, const struct snapshot_function *function)
{
    fprintf(stream, "%s{", name);
    write_label(stream, "function", function->qualname, ",");
    write_label(stream, "module", function->module, ",");
    write_label(stream, "file", function->file, ",");
    fprintf(stream, "line=\"%u\"", function->line);
    if (function->pid)
        fprintf(stream, ",pid=\"%u\"", function->pid);
    fputs("} ", stream);
}

static void write_seconds(FILE *stream, int64_t time_ns)
{
    int64_t time = time_ns > 0 ? time_ns : 0;
    fprintf(stream, "%" PRId64 ".%09" PRId64 "\n", time / 1000000000, time % 1000000000);
}

static void write_functions(FILE *stream, const struct snapshot *snapshot,
                            enum snapshot_clock clock)
{
    size_t *order = calloc(snapshot->function_count + 1, sizeof(*order)), count = 0;
    for (size_t i = 0; order && i < snapshot->function_count; i++)
        if (snapshot->functions[i].kind != KIND_PSEUDO)
            order[count++] = i;
    sorted_of = snapshot;
    sorted_by = clock;
    if (order)
        qsort(order, count, sizeof(*order), by_self);
    count = count < FUNCTIONS ? count : FUNCTIONS;
    write_head(stream, "ulma_function_calls", "counter", NULL,
               "Calls and resumes of the functions with the most self time.");
    for (size_t i = 0; i < count; i++) {
        const struct snapshot_function *function = &snapshot->functions[order[i]];
        write_function(stream, "ulma_function_calls_total", function);
        fprintf(stream, "%" PRIu64 "\n", function->calls + function->resumes);
    }
    write_head(stream, "ulma_function_self_seconds", "counter", "seconds", "Time in them alone.");
    for (size_t i = 0; i < count; i++) {
        const struct snapshot_function *function = &snapshot->functions[order[i]];
        write_function(stream, "ulma_function_self_seconds_total", function);
        write_seconds(stream, snapshot_self(function, clock));
    }
    free(order);
}

static void write_gc(FILE *stream, const struct snapshot *snapshot)
{
    if (!snapshot_has_source(&snapshot->meta, "gc"))
        return;
    write_head(stream, "ulma_gc_pause_seconds", "counter", "seconds",
               "Pauses of the garbage collector.");
    for (size_t i = 0; i < snapshot->gc_count; i++) {
        fprintf(stream, "ulma_gc_pause_seconds_total{generation=\"%u\"} ",
                snapshot->gc[i].generation);
        write_seconds(stream, snapshot->gc[i].total_ns);
    }
}

static void write_all(FILE *stream, const struct web *web, const struct snapshot *snapshot,
                      enum snapshot_clock clock)
{
    const struct snapshot_meta *meta = &snapshot->meta;
    write_head(stream, "ulma_target", "info", NULL, "The program that is followed.");
    fprintf(stream, "ulma_target_info{pid=\"%u\",", meta->pid);
    write_label(stream, "python", meta->python, ",");
    write_label(stream, "command", meta->command, "} 1\n");
    write_gauge(stream, "ulma_up", "1 while it runs and is recorded.", web->state == WEB_ON);
    write_counter(stream, "ulma_calls", "Calls and resumes of all functions.", meta->calls);
    write_counter(stream, "ulma_events", "Events that were read.", meta->events_read);
    write_counter(stream, "ulma_lost_events", "Events that were lost.", meta->lost);
    write_gauge(stream, "ulma_threads", "Threads that had an event.", meta->thread_count);
    write_gauge(stream, "ulma_probe_cost_ratio", "Share of the profiled time that the probe cost.",
                meta->cost_pct / 100);
    write_gauge(stream, "ulma_collector_cpu_ratio", "Of one CPU, that the collector uses.",
                meta->collector_pct / 100);
    write_gauge(stream, "ulma_muted_functions", "Functions whose figures hold estimates.",
                meta->muted);
    write_gc(stream, snapshot);
    write_functions(stream, snapshot, clock);
    fputs("# EOF\n", stream);
}

void metrics_answer(struct web *web, struct connection *connection,
                    const struct http_request *request, uint64_t now_ns)
{
    struct wish wish;
    char *bytes = NULL;
    size_t size = 0;
    wish_init(&wish, web->host->clock);
    wish.window_s = 0;
    const struct snapshot *snapshot = web_snapshot(web, &wish, 0, now_ns);
    FILE *stream = snapshot ? open_memstream(&bytes, &size) : NULL;
    if (!stream) {
        reply_error(connection, request, 503, "nothing has been counted yet");
        return;
    }
    write_all(stream, web, snapshot, wish.clock);
    if (fclose(stream) == 0)
        reply(connection, request, 200,
              "application/openmetrics-text; version=1.0.0; charset=utf-8", bytes, size);
    else
        connection->dead = true;
    free(bytes);
}
