/* SPDX-License-Identifier: MIT */
/* A reading's words to and from the tap's.
 * Why: see tap.h, WORDS.
 * Rules: what the model counts itself is not among them, but for what its owner adds (bad_events). */
#include "model/reading.h"

#include <string.h>

static_assert((int)COLLECTOR_SOURCES == (int)TAP_SOURCES, "tap_words has as many");

static void pack_header(const struct reading_header *header, struct tap_words *words)
{
    words->pid = header->pid;
    words->sources_on = header->sources_on;
    words->off_cause = header->off_cause;
    words->hooks_taken = header->hooks_taken;
    words->methods_unheard = header->methods_unheard;
    words->objects_unseen = header->objects_unseen;
    words->operators_unseen = header->operators_unseen;
    words->memory_before_bytes = header->memory_before_bytes;
    words->definitions_refused = header->definitions_refused;
    words->ringless_lost = header->ringless_lost;
    words->stack_guards = header->stack_guards;
    words->stack_guard_ticks = header->stack_guard_ticks;
    words->forks_unfollowed = header->forks_unfollowed;
    memcpy(words->python, header->python, sizeof(words->python));
    memcpy(words->executable, header->executable, sizeof(words->executable));
}

static void unpack_header(const struct tap_words *words, struct reading_header *header)
{
    header->pid = (uint32_t)words->pid;
    header->sources_on = (uint32_t)words->sources_on;
    header->off_cause = (uint32_t)words->off_cause;
    header->hooks_taken = (uint32_t)words->hooks_taken;
    header->methods_unheard = (uint32_t)words->methods_unheard;
    header->objects_unseen = (uint32_t)words->objects_unseen;
    header->operators_unseen = (uint32_t)words->operators_unseen;
    header->memory_before_bytes = words->memory_before_bytes;
    header->definitions_refused = words->definitions_refused;
    header->ringless_lost = words->ringless_lost;
    header->stack_guards = words->stack_guards;
    header->stack_guard_ticks = words->stack_guard_ticks;
    header->forks_unfollowed = words->forks_unfollowed;
    memcpy(header->python, words->python, sizeof(header->python) - 1);
    memcpy(header->executable, words->executable, sizeof(header->executable) - 1);
}

static void pack_clock(const struct reading *reading, struct tap_words *words)
{
    const struct clock_scale *scale = &reading->scale;
    words->clock = scale->source;
    words->first_counter = scale->first_counter;
    words->first_ns = scale->first_ns;
    words->last_counter = scale->last_counter;
    words->last_ns = scale->last_ns;
    words->ns_per_tick = scale->ns_per_tick;
    words->birth_s = (uint64_t)reading->birth.tv_sec;
    words->birth_ns = (uint64_t)reading->birth.tv_nsec;
    words->birth_counter = reading->birth_counter;
    words->cost_inner = reading->costs.inner_ticks256;
    words->cost_outer = reading->costs.outer_ticks256;
    words->cost_c_inner = reading->costs.c_inner_ticks256;
    words->cost_c_outer = reading->costs.c_outer_ticks256;
    words->cost_line = reading->costs.line_ticks256;
}

#define BIRTH_MOST_S (UINT64_C(1) << 33) /* the year 2242: nanoseconds of it fit */

static void unpack_clock(const struct tap_words *words, struct reading *reading)
{
    /* One that the hostile file gives is not used to read a clock, but divided by. */
    double rate = words->ns_per_tick;
    reading->scale = (struct clock_scale){
        .source = (enum clock_source)words->clock,
        .first_counter = words->first_counter,
        .first_ns = words->first_ns,
        .last_counter = words->last_counter,
        .last_ns = words->last_ns,
        .ns_per_tick = rate > 1e-3 && rate < 1e6 ? rate : 1,
    };
    uint64_t birth_s = words->birth_s < BIRTH_MOST_S ? words->birth_s : 0;
    reading->birth = (struct timespec){.tv_sec = (time_t)birth_s,
                                       .tv_nsec = (long)(words->birth_ns % 1000000000)};
    reading->birth_counter = words->birth_counter;
    reading->costs = (struct model_costs){
        .inner_ticks256 = (uint32_t)words->cost_inner,
        .outer_ticks256 = (uint32_t)words->cost_outer,
        .c_inner_ticks256 = (uint32_t)words->cost_c_inner,
        .c_outer_ticks256 = (uint32_t)words->cost_c_outer,
        .line_ticks256 = (uint32_t)words->cost_line,
    };
}

void reading_pack(const struct reading *reading, struct tap_words *words)
{
    *words = (struct tap_words){
        .counter = reading->counter,
        .start = reading->start,
        .lost = reading->lost,
        .nested = reading->nested,
        .bad_events = reading->bad_events,
        .on_ticks = reading->on_ticks,
        .off_ticks = reading->off_ticks,
        .sources_now = reading->source_times.now,
        .sources_ever = reading->source_times.ever,
        .execs = reading->execs,
        .waits_lost = reading->waits_lost,
        .wait_source = reading->wait_source,
        .cpu_ns = reading->window_cpu_ns,
        .target_cpu_ns = reading->target_cpu_ns,
        .rss_bytes = reading->rss_bytes,
        .recording = reading->recording,
        .ended = reading->ended,
        .corrected = reading->corrected,
        .processes_folded = reading->processes_folded,
        .target_pid = reading->target_pid,
        .own_pid = reading->own_pid,
    };
    for (uint32_t i = 0; i < COLLECTOR_SOURCES; i++) {
        words->absent_since[i] = reading->source_times.absent_since[i];
        words->absent_ticks[i] = reading->source_times.absent_ticks[i];
    }
    pack_header(&reading->header, words);
    pack_clock(reading, words);
}

void reading_unpack(const struct tap_words *words, struct reading *reading)
{
    reading->counter = words->counter;
    reading->start = words->start;
    reading->lost = words->lost;
    reading->nested = words->nested;
    reading->on_ticks = words->on_ticks;
    reading->off_ticks = words->off_ticks;
    reading->source_times.now = (uint32_t)words->sources_now;
    reading->source_times.ever = (uint32_t)words->sources_ever;
    for (uint32_t i = 0; i < COLLECTOR_SOURCES; i++) {
        reading->source_times.absent_since[i] = words->absent_since[i];
        reading->source_times.absent_ticks[i] = words->absent_ticks[i];
    }
    reading->execs = words->execs;
    reading->waits_lost = words->waits_lost;
    reading->wait_source =
        words->wait_source <= WAIT_PERF ? (enum snapshot_wait_source)words->wait_source : WAIT_NONE;
    reading->window_cpu_ns = words->cpu_ns;
    reading->target_cpu_ns = words->target_cpu_ns;
    reading->rss_bytes = words->rss_bytes;
    reading->recording = words->recording;
    reading->ended = words->ended;
    reading->corrected = words->corrected;
    reading->processes_folded = (size_t)words->processes_folded;
    reading->target_pid = (uint32_t)words->target_pid;
    reading->own_pid = (uint32_t)words->own_pid;
    unpack_header(words, &reading->header);
    unpack_clock(words, reading);
}
