/* SPDX-License-Identifier: MIT */
/* Comparing two snapshots.
 * Why: see strip.h.
 * Rules: as there. */
#include "web/strip.h"

#include <string.h>

#define APART_NS UINT64_C(300000000) /* closer together, two clocks' grain would show */

static const struct strip_thread *find(const struct strip *strip, uint32_t pid, uint32_t number)
{
    for (size_t i = 0; i < strip->thread_count; i++)
        if (strip->threads[i].pid == pid && strip->threads[i].number == number)
            return &strip->threads[i];
    return NULL;
}

static double share(int64_t part_ns, double whole_ns)
{
    double pct = whole_ns > 0 && part_ns > 0 ? (double)part_ns / whole_ns * 100 : 0;
    return pct < 100 ? pct : 100;
}

static void take_thread(struct strip *next, const struct strip *last,
                        const struct snapshot_thread *thread, double apart_ns)
{
    if (thread->ended || next->thread_count == STRIP_THREADS)
        return;
    struct strip_thread *taken = &next->threads[next->thread_count++];
    const struct strip_thread *before = find(last, thread->pid, thread->number);
    *taken = (struct strip_thread){
        .pid = thread->pid, .number = thread->number, .cpu_ns = thread->cpu_ns};
    memcpy(taken->name, thread->name, sizeof(taken->name));
    if (before)
        taken->pct = share(thread->cpu_ns - before->cpu_ns, apart_ns);
}

static void take_common(struct strip *strip, const struct snapshot *snapshot)
{
    strip->lost = snapshot->meta.lost;
    strip->events_read = snapshot->meta.events_read;
    strip->duration_ns = snapshot->meta.duration_ns;
    strip->probe_pct = snapshot->meta.cost_pct;
    strip->has_gc = snapshot_has_source(&snapshot->meta, "gc");
    strip->gc_ns = 0;
    for (size_t i = 0; i < snapshot->gc_count; i++)
        strip->gc_ns += snapshot->gc[i].total_ns;
    for (size_t i = 0; i < snapshot->task_count; i++) {
        strip->has_lag = true; /* a loop is late by its longest step */
        if (snapshot->tasks[i].longest_ns > strip->lag_ns)
            strip->lag_ns = snapshot->tasks[i].longest_ns;
    }
}

void strip_take(struct strip *strip, const struct snapshot *snapshot, int64_t rss_bytes,
                uint64_t now_ns)
{
    if (strip->taken_ns && now_ns - strip->taken_ns < APART_NS)
        return;
    struct strip next = {.taken_ns = now_ns, .rss_bytes = rss_bytes};
    double apart_ns = strip->taken_ns ? (double)(now_ns - strip->taken_ns) : 0;
    take_common(&next, snapshot);
    if (apart_ns > 0) {
        bool goes_on = next.events_read >= strip->events_read; /* else it was counted anew */
        next.has_rates = true;
        next.events_per_s =
            goes_on ? (double)(next.events_read - strip->events_read) / apart_ns * 1e9 : 0;
        next.gc_pct = share(next.gc_ns - strip->gc_ns, apart_ns);
    }
    for (size_t i = 0; i < snapshot->thread_count; i++)
        take_thread(&next, strip, &snapshot->threads[i], apart_ns);
    *strip = next;
}

void strip_take_window(struct strip *strip, const struct snapshot *snapshot)
{
    const struct snapshot_meta *meta = &snapshot->meta;
    struct strip next = {.taken_ns = 1, .rss_bytes = -1, .has_rates = true};
    double window_ns =
        (double)(meta->window_s ? meta->window_to_ns - meta->window_from_ns : meta->duration_ns);
    take_common(&next, snapshot);
    next.events_per_s = meta->events_per_s;
    next.gc_pct = share(next.gc_ns, (double)meta->duration_ns);
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        size_t before = next.thread_count;
        take_thread(&next, &next, &snapshot->threads[i], 0);
        if (next.thread_count > before)
            next.threads[before].pct = share(meta->window_s ? snapshot->threads[i].window_cpu_ns
                                                            : snapshot->threads[i].cpu_ns,
                                             window_ns);
    }
    *strip = next;
}

static void write_known(struct json_writer *writer, const char *key, bool known, double number)
{
    if (known)
        json_number(writer, key, number);
    else
        json_null(writer, key);
}

void strip_write(struct json_writer *writer, const struct strip *strip)
{
    json_open(writer, "strip", '{');
    json_open(writer, "cpu", '[');
    for (size_t i = 0; i < strip->thread_count; i++) {
        json_open(writer, NULL, '{');
        json_string(writer, "thread", strip->threads[i].name);
        json_unsigned(writer, "number", strip->threads[i].number);
        json_unsigned(writer, "pid", strip->threads[i].pid);
        write_known(writer, "pct", strip->has_rates, strip->threads[i].pct);
        json_close(writer, '}');
    }
    json_close(writer, ']');
    write_known(writer, "events_per_s", strip->has_rates, strip->events_per_s);
    if (strip->taken_ns && strip->rss_bytes >= 0)
        json_integer(writer, "rss_bytes", strip->rss_bytes);
    else
        json_null(writer, "rss_bytes");
    write_known(writer, "gc_pct", strip->has_gc && strip->has_rates, strip->gc_pct);
    write_known(writer, "probe_pct", strip->taken_ns != 0, strip->probe_pct);
    json_unsigned(writer, "lost", strip->lost);
    if (strip->has_lag)
        json_integer(writer, "loop_lag_ns", strip->lag_ns);
    else
        json_null(writer, "loop_lag_ns");
    json_close(writer, '}');
}
