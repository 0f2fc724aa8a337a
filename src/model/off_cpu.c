/* SPDX-License-Identifier: MIT */
/* The two sources of waiting times.
 * Why: see off_cpu.h.
 * Rules: a thread id's entry may be pushed out by another's; then a thread that is first seen while
 * it is off counts as running until its next switch. */
#include "model/off_cpu.h"

#include "model/family.h"
#include "model/schedstat.h"

enum { POLL_THREADS = 256 };

void off_cpu_init(struct off_cpu *off_cpu, pid_t child, bool no_perf)
{
    *off_cpu = (struct off_cpu){.child = child};
    if (child > 0 && !no_perf && switch_records_open(child, &off_cpu->records))
        off_cpu->records = NULL;
}

void off_cpu_done(struct off_cpu *off_cpu)
{
    switch_records_close(off_cpu->records);
    off_cpu->records = NULL;
}

enum snapshot_wait_source off_cpu_source(const struct off_cpu *off_cpu)
{
    if (off_cpu->records)
        return WAIT_PERF;
    return off_cpu->schedstat_works ? WAIT_SCHEDSTAT : WAIT_NONE;
}

uint64_t off_cpu_lost(const struct off_cpu *off_cpu)
{
    return off_cpu->records ? switch_records_lost(off_cpu->records) : 0;
}

/* --- switch records ------------------------------------------------------------------------- */

static struct off_cpu_tid *entry_of(struct off_cpu *off_cpu, uint32_t tid)
{
    return &off_cpu->tids[(tid * UINT32_C(0x9e3779b1)) >> 20];
}

/* The Python that armed itself is no more, though the direct child may be. What is open in it ends. */
static void apply_end(struct off_cpu *off_cpu, struct drain *drain, uint64_t counter,
                      const struct switch_record *record)
{
    bool exec = record->kind == SWITCH_EXEC;
    if (!exec && record->tid == (uint32_t)off_cpu->child)
        return; /* which the caller knows best */
    for (; drain; drain = drain->next)
        if (record->tid == drain->words.target_pid) /* else: a launch */
            control_end(drain, counter, exec);
}

static void apply_record(struct off_cpu *off_cpu, struct drain *drain,
                         const struct clock_scale *scale, const struct switch_record *record)
{
    uint64_t counter = clock_ns_to_counter(scale, record->time_ns);
    if (record->kind == SWITCH_EXEC || record->kind == SWITCH_EXIT) {
        apply_end(off_cpu, drain, counter, record);
        return;
    }
    bool out = record->kind == SWITCH_OUT;
    *entry_of(off_cpu, record->tid) =
        (struct off_cpu_tid){.tid = record->tid, .off = out, .counter = counter};
    struct track *track = family_find_tid(drain, record->tid);
    if (!track)
        return;
    track->waits_known = true;
    tap_say(drain->model->tap, out ? TAP_WAIT_OUT : TAP_WAIT_IN, track->number, counter);
    if (out) {
        waits_out(&track->waits, counter);
    } else {
        kept_note(drain->model, track, TIMELINE_OFF, waits_since(&track->waits), counter, 0);
        waits_in(&track->waits, counter);
    }
    track_set_hurdle(track);
}

/* Threads that were told of by a seed, and sleep. */
static void look_up_new(struct off_cpu *off_cpu, const struct model *model)
{
    for (struct track *track = model->tracks; track; track = track->next) {
        if (track->waits_known || !track->tid)
            continue;
        const struct off_cpu_tid *entry = entry_of(off_cpu, track->tid);
        track->waits_known = true;
        if (entry->tid != track->tid || !entry->off)
            continue;
        tap_say(model->tap, TAP_WAIT_OUT, track->number, entry->counter);
        waits_out(&track->waits, entry->counter);
        track_set_hurdle(track);
    }
}

void off_cpu_read(struct off_cpu *off_cpu, struct drain *first, const struct clock_scale *scale)
{
    const struct switch_record *list;
    if (!off_cpu->records)
        return;
    look_up_new(off_cpu, first->model);
    uint32_t count = switch_records_read(off_cpu->records, &list);
    for (uint32_t i = 0; i < count; i++)
        apply_record(off_cpu, first, scale, &list[i]);
}

/* --- schedstat ------------------------------------------------------------------------------ */

struct thread_times {
    uint32_t pid, tid;
    bool good;
    uint64_t time_ns, running_ns;
};

static uint32_t list_threads(struct collector *collector, struct thread_times *readings)
{
    uint32_t count = 0;
    collector_enter(collector);
    uint32_t first = collector->options.target > 0 ? (uint32_t)collector->options.target
                                                   : collector->drain.words.target_pid;
    for (struct track *track = collector->model.tracks; track && count < POLL_THREADS;
         track = track->next) {
        bool of_first = track->process == &collector->model.first;
        if (track->seen && track->tid)
            readings[count++] = (struct thread_times){.pid = of_first ? first : track->process->pid,
                                                      .tid = track->tid};
    }
    collector_leave(collector);
    return count;
}

static void tell_reading(const struct model *model, const struct track *track,
                         const struct thread_times *reading, double ticks_per_ns)
{
    struct tap_schedstat told = {reading->time_ns, reading->running_ns, ticks_per_ns};
    tap_put(model->tap, TAP_SCHEDSTAT, track->number, 0, &told, sizeof(told));
}

static void hand_over(struct collector *collector, const struct thread_times *readings,
                      uint32_t count)
{
    collector_enter(collector);
    collector_catch_up(collector);
    double ticks_per_ns = 1 / collector->scale.ns_per_tick;
    for (uint32_t i = 0; i < count; i++) {
        struct track *track = family_find_tid(&collector->drain, readings[i].tid);
        if (!track || !readings[i].good)
            continue;
        collector->off_cpu.schedstat_works = true;
        tell_reading(&collector->model, track, &readings[i], ticks_per_ns);
        schedstat_apply(&collector->model, track, readings[i].time_ns, readings[i].running_ns,
                        ticks_per_ns);
    }
    collector_leave(collector);
}

void off_cpu_poll(struct collector *collector)
{
    struct thread_times readings[POLL_THREADS];
    if (collector->off_cpu.records || collector->options.no_pids)
        return;
    uint32_t count = list_threads(collector, readings);
    for (uint32_t i = 0; i < count; i++) {
        readings[i].good =
            schedstat_read(readings[i].pid, readings[i].tid, &readings[i].running_ns);
        readings[i].time_ns = clock_monotonic_ns();
    }
    if (count)
        hand_over(collector, readings, count);
}
