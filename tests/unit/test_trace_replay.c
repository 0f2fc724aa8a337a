/* SPDX-License-Identifier: MIT */
/* A trace that is played comes to what the live model had, field by field. Threads of this process write as
 * a target would; the collector folds them, and its steps go through the recorder's threads, the codec
 * and a source in memory into a replay. */
#include "fold_tools.h"

#include "base/clock.h"
#include "export/exporter.h"
#include "recording/trace_player.h"
#include "recording/trace_recorder.h"
#include "recording/trace_slices.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* --- chunks in memory ----------------------------------------------------------------------- */

struct written {
    struct trace_source source; /* first */
    struct {
        void *bytes;
        size_t size;
    } chunks[4096];
    _Atomic size_t count;
    size_t at;
    uint64_t events;
    _Atomic int first_way, least_way; /* who puts: how far it gives way to others */
    _Atomic bool held;                /* the sink waits */
    _Atomic bool fails;
};

static int keep(void *context, const struct trace_chunk *chunk)
{
    struct written *kept = context;
    struct timespec pause = {.tv_nsec = 100 * 1000};
    while (atomic_load(&kept->held))
        nanosleep(&pause, NULL);
    int way = getpriority(PRIO_PROCESS, 0); /* of the thread */
    if (kept->count == 0)
        kept->first_way = kept->least_way = way;
    if (way < kept->least_way)
        kept->least_way = way;
    if (kept->fails)
        return -ENOSPC;
    assert_true(kept->count < 4096);
    kept->chunks[kept->count].bytes = malloc(chunk->size);
    memcpy(kept->chunks[kept->count].bytes, chunk->bytes, chunk->size);
    kept->chunks[kept->count++].size = chunk->size;
    for (uint32_t i = 0; i < chunk->index->thread_count; i++) {
        const struct trace_thread *thread = &chunk->index->threads[i];
        kept->events += thread->span.events;
        assert_true(thread->tid >= 100 && thread->tid < 200);
        assert_true(thread->span.from >= chunk->index->span.from);
        assert_true(thread->span.to <= chunk->index->span.to);
    }
    return 0;
}

static int next_kept(struct trace_source *source, const void **ret_bytes, size_t *ret_size)
{
    struct written *kept = (struct written *)source;
    if (kept->at == kept->count)
        return 0;
    *ret_bytes = kept->chunks[kept->at].bytes;
    *ret_size = kept->chunks[kept->at++].size;
    return 1;
}

static int last_kept(struct trace_source *source, const void **ret_bytes, size_t *ret_size)
{
    struct written *kept = (struct written *)source;
    size_t at = kept->at;
    kept->at = kept->count - 1;
    int result = next_kept(source, ret_bytes, ret_size);
    kept->at = at;
    return result;
}

static int rewind_kept(struct trace_source *source)
{
    ((struct written *)source)->at = 0;
    return 0;
}

static void close_kept(struct trace_source *source)
{
    (void)source;
}

static struct written *new_kept(void)
{
    struct written *kept = calloc(1, sizeof(*kept));
    assert_non_null(kept);
    kept->source = (struct trace_source){next_kept, last_kept, rewind_kept, close_kept};
    return kept;
}

static void free_kept(struct written *kept)
{
    for (size_t i = 0; i < kept->count; i++)
        free(kept->chunks[i].bytes);
    free(kept);
}

/* --- a target ------------------------------------------------------------------------------- */

struct target_thread {
    struct bench_session *session;
    uint32_t ring, calls;
    pthread_t thread;
};

/* Nested calls, C calls, a generator that others resume, an exception, some sleeps. */
static void *run_thread(void *context)
{
    struct target_thread *thread = context;
    struct bench_writer writer = fold_tools_take(thread->session, thread->ring, 100 + thread->ring);
    uint32_t frame = thread->ring * 100000;
    for (uint32_t i = 0; i < thread->calls; i++) {
        fold_tools_call(&writer, EVENT_START, 1, frame);
        fold_tools_call(&writer, i ? EVENT_RESUME : EVENT_START, 5, frame + 500);
        fold_tools_call(&writer, EVENT_START, 2 + i % 3, frame + 16);
        fold_tools_call(&writer, EVENT_C_CALL, 6, frame + 16);
        fold_tools_call(&writer, EVENT_C_RETURN, 0, frame + 16);
        if (i % 7 == 0)
            fold_tools_call(&writer, EVENT_UNWIND, 2 + i % 3, frame + 16);
        else
            fold_tools_call(&writer, EVENT_RETURN, 0, frame + 16);
        fold_tools_call(&writer, EVENT_YIELD, 0, frame + 500);
        fold_tools_call(&writer, EVENT_RETURN, 0, frame);
        if (i % 4096 == 0) {
            struct timespec pause = {.tv_nsec = 3 * 1000 * 1000};
            nanosleep(&pause, NULL);
        }
    }
    fold_tools_call(&writer, EVENT_START, 1, frame); /* open at the end */
    return NULL;
}

static void define_some(struct bench_session *session)
{
    fold_tools_put(session, 1, DEFINITION_FUNCTION, 0, "outer", 10);
    fold_tools_put(session, 2, DEFINITION_FUNCTION, 0, "inner", 20);
    fold_tools_put(session, 3, DEFINITION_FUNCTION, 0, "other", 30);
    fold_tools_put(session, 4, DEFINITION_FUNCTION, 0, "third", 40);
    fold_tools_put(session, 5, DEFINITION_FUNCTION, DEFINITION_GENERATOR, "gen", 50);
    fold_tools_put(session, 6, DEFINITION_C_FUNCTION, 0, "<built-in method builtins.len>", 0);
}

struct live {
    struct bench_session session;
    struct collector *collector;
    struct trace_recorder *recorder;
    struct written *kept;
};

static void start(struct live *live, bool wait, bool corrected)
{
    fold_tools_open(&live->session);
    define_some(&live->session);
    struct session_header *header = mapping_header(&live->session.mapping);
    header->cost_inner_ticks256 = 12 * 256;
    header->cost_outer_ticks256 = 10 * 256;
    struct bench_writer control = fold_tools_take(&live->session, 0, 0);
    fold_tools_write(&control, event_with_amount(fold_tools_counter(&live->session), EVENT_ON, 0));
    live->kept = new_kept();
    struct trace_sink sink = {keep, live->kept};
    live->recorder = trace_recorder_new(&sink, 1 << 20, wait);
    assert_non_null(live->recorder);
    struct collector_options options = {.cpu = -1,
                                        .no_perf = true,
                                        .corrected = corrected,
                                        .tap = trace_recorder_tap(live->recorder)};
    live->collector = collector_new(&live->session.mapping, &options);
    assert_non_null(live->collector);
    assert_int_equal(collector_start(live->collector), 0);
}

static void run_threads(struct live *live, uint32_t threads, uint32_t calls)
{
    struct target_thread list[8];
    for (uint32_t i = 0; i < threads; i++) {
        list[i] = (struct target_thread){&live->session, i + 1, calls, 0};
        pthread_create(&list[i].thread, NULL, run_thread, &list[i]);
    }
    for (uint32_t i = 0; i < threads; i++)
        pthread_join(list[i].thread, NULL);
}

static void finish(struct live *live)
{
    collector_finish(live->collector, 0);
}

static void stop(struct live *live)
{
    collector_free(live->collector);
    trace_recorder_free(live->recorder);
    free_kept(live->kept);
    fold_tools_close(&live->session);
}

/* --- comparing ------------------------------------------------------------------------------ */

static char *json_of(struct snapshot *snapshot)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    struct export_options options = {.clock = CLOCK_WALL};
    assert_non_null(snapshot);
    assert_int_equal(exporter_find("json")->write(snapshot, &options, stream), 0);
    fclose(stream);
    snapshot_free(snapshot);
    return text;
}

static void assert_same(struct live *live, struct trace_replay *replay, enum snapshot_clock clock)
{
    char *was = json_of(collector_snapshot(live->collector, 0, clock));
    char *is = json_of(trace_replay_snapshot(replay, 0, clock, false));
    assert_string_equal(is, was);
    free(was);
    free(is);
}

static struct trace_player *play(struct live *live)
{
    assert_int_equal(trace_recorder_finish(live->recorder), 0);
    struct trace_player *player = trace_player_new(&live->kept->source);
    assert_non_null(player);
    assert_int_equal(trace_player_run(player, INT64_MAX), 0);
    assert_true(trace_replay_has_ended(trace_player_replay(player)));
    return player;
}

static void the_same_numbers(void **state)
{
    (void)state;
    struct live live;
    start(&live, true, true);
    run_threads(&live, 4, 20000);
    snapshot_free(collector_snapshot(live.collector, 10, CLOCK_CPU)); /* whoever looks flushes */
    finish(&live);
    struct trace_player *player = play(&live);
    assert_int_equal(trace_recorder_lost(live.recorder), 0);
    assert_int_equal(live.kept->events, trace_recorder_events(live.recorder));
    assert_same(&live, trace_player_replay(player), CLOCK_WALL);
    assert_same(&live, trace_player_replay(player), CLOCK_CPU);
    /* Once more, with looks in between. */
    assert_int_equal(trace_player_rewind(player), 0);
    for (int64_t ns = 0; trace_player_run(player, ns) == 1; ns += 5 * 1000 * 1000)
        snapshot_free(trace_replay_snapshot(trace_player_replay(player), 10, CLOCK_CPU, false));
    assert_same(&live, trace_player_replay(player), CLOCK_WALL);
    trace_player_free(player);
    stop(&live);
}

static void a_reset_is_played(void **state)
{
    (void)state;
    struct live live;
    start(&live, true, false);
    run_threads(&live, 2, 500);
    collector_reset(live.collector);
    struct target_thread more = {&live.session, 3, 300, 0};
    run_thread(&more);
    finish(&live);
    struct trace_player *player = play(&live);
    assert_same(&live, trace_player_replay(player), CLOCK_WALL);
    trace_player_free(player);
    stop(&live);
}

/* Where nothing waits, what has no room is counted, and what follows is right again. */
static void a_hole_is_counted(void **state)
{
    (void)state;
    struct live live;
    start(&live, false, false);
    atomic_store(&live.kept->held, true);
    uint32_t threads = 2, calls = 300000;
    run_threads(&live, threads, calls);
    snapshot_free(collector_snapshot(live.collector, 0, CLOCK_WALL));
    atomic_store(&live.kept->held, false);
    while (live.kept->count < 8) /* some room again */
        sched_yield();
    struct target_thread more = {&live.session, 3, 300, 0};
    run_thread(&more);
    finish(&live);
    struct snapshot *was = collector_snapshot(live.collector, 0, CLOCK_WALL);
    struct trace_player *player = play(&live);
    struct snapshot *is = trace_replay_snapshot(trace_player_replay(player), 0, CLOCK_WALL, false);
    uint64_t lost = trace_recorder_lost(live.recorder);
    assert_true(lost > 0);
    assert_int_equal(was->meta.lost, 0); /* the model has everything */
    assert_int_equal(trace_recorder_events(live.recorder) + lost + 1,
                     was->meta.events_read); /* ON */
    assert_int_equal(is->meta.lost, lost);
    assert_non_null(is->meta.inexact);
    assert_int_equal(fold_tools_function(was, "gen")->calls, threads + 1);
    snapshot_free(was);
    snapshot_free(is);
    trace_player_free(player);
    stop(&live);
}

/* Whoever packs gives way to everybody, for as long as the queue has room. */
static void a_long_queue_is_packed_in_a_hurry(void **state)
{
    (void)state;
    struct live live;
    start(&live, false, false);
    struct target_thread first = {&live.session, 3, 3000, 0};
    run_thread(&first);
    struct timespec pause = {.tv_nsec = 100 * 1000};
    while (live.kept->count == 0) { /* the once a second that it is told in any case */
        snapshot_free(collector_snapshot(live.collector, 0, CLOCK_WALL));
        nanosleep(&pause, NULL);
    }
    assert_int_equal(live.kept->first_way, 19);
    assert_int_equal(live.kept->least_way, 19);
    atomic_store(&live.kept->held, true);
    run_threads(&live, 2, 100000);
    snapshot_free(collector_snapshot(live.collector, 0, CLOCK_WALL));
    atomic_store(&live.kept->held, false);
    while (live.kept->least_way != getpriority(PRIO_PROCESS, 0))
        nanosleep(&pause, NULL);
    finish(&live);
    assert_int_equal(trace_recorder_finish(live.recorder), 0);
    stop(&live);
}

static void a_full_disk_ends_the_trace_alone(void **state)
{
    (void)state;
    struct live live;
    start(&live, true, false);
    live.kept->fails = true;
    run_threads(&live, 2, 300000);
    finish(&live);
    assert_int_equal(trace_recorder_finish(live.recorder), -ENOSPC);
    struct snapshot *snapshot = collector_snapshot(live.collector, 0, CLOCK_WALL);
    assert_int_equal(fold_tools_function(snapshot, "outer")->calls, 2 * 300000 + 2);
    snapshot_free(snapshot);
    stop(&live);
}

/* --- slices --------------------------------------------------------------------------------- */

struct sums {
    int64_t total_ns;
    uint64_t begins, ends;
};

static void sum_slices(struct trace_player *player, const struct trace_slices_query *query,
                       const char *name, struct sums *sums)
{
    enum { THREADS = 16, DEPTH = 64 };
    struct slices *slices = trace_slices_new(player, query);
    struct slice slice, open[THREADS][DEPTH];
    int depth[THREADS] = {0}, result;
    int64_t last_ns[THREADS] = {0};
    assert_non_null(slices);
    *sums = (struct sums){0};
    while ((result = slices->next(slices, &slice)) == 1) {
        assert_true(slice.thread < THREADS);
        if (slice.kind == SLICE_THREAD)
            continue;
        assert_true(slice.at_ns >= last_ns[slice.thread]);
        last_ns[slice.thread] = slice.at_ns;
        bool named = strcmp(slices->function(slices, slice.function)->name, name) == 0;
        if (slice.kind == SLICE_BEGIN) {
            open[slice.thread][depth[slice.thread]++] = slice;
            sums->begins += named;
            continue;
        }
        const struct slice *begun = &open[slice.thread][--depth[slice.thread]];
        assert_true(depth[slice.thread] >= 0);
        assert_int_equal(begun->function, slice.function);
        sums->ends += named;
        sums->total_ns += named ? slice.at_ns - begun->at_ns : 0;
    }
    assert_int_equal(result, 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(depth[i], 0);
    trace_slices_free(slices);
}

static void slices_add_up(void **state)
{
    (void)state;
    struct live live;
    static const char *const names[] = {"outer", "inner", "gen", "<built-in method builtins.len>"};
    start(&live, true, false); /* uncorrected: a line of time is the clock's */
    run_threads(&live, 3, 3000);
    finish(&live);
    assert_int_equal(trace_recorder_finish(live.recorder), 0);
    struct snapshot *snapshot = collector_snapshot(live.collector, 0, CLOCK_WALL);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        const struct snapshot_function *function = fold_tools_function(snapshot, names[i]);
        struct trace_slices_query all = {0};
        struct sums sums;
        sum_slices(trace_player_new(&live.kept->source), &all, names[i], &sums);
        assert_int_equal(sums.begins, function->calls + function->resumes);
        assert_int_equal(sums.ends, sums.begins);
        /* Each edge is cut to a nanosecond of its own. */
        assert_true(llabs(sums.total_ns - function->total_ns) <= (int64_t)sums.begins + 1);
    }
    snapshot_free(snapshot);
    stop(&live);
}

static void slices_of_a_part(void **state)
{
    (void)state;
    struct live live;
    start(&live, true, false);
    run_threads(&live, 3, 8000);
    finish(&live);
    assert_int_equal(trace_recorder_finish(live.recorder), 0);
    struct trace_player *player = play(&live);
    int64_t end_ns = trace_player_now_ns(player);
    trace_player_free(player);
    struct trace_slices_query one = {.thread = "102"};
    struct trace_slices_query all = {0}, first = {.to_ns = end_ns / 2},
                              second = {.from_ns = end_ns / 2};
    struct sums whole, part, rest, sums;
    sum_slices(trace_player_new(&live.kept->source), &one, "outer", &sums);
    assert_int_equal(sums.begins, 8001);
    sum_slices(trace_player_new(&live.kept->source), &all, "outer", &whole);
    sum_slices(trace_player_new(&live.kept->source), &first, "outer", &part);
    sum_slices(trace_player_new(&live.kept->source), &second, "outer", &rest);
    /* What is open at the cut is in both, each with its part of the time. */
    assert_in_range(part.begins + rest.begins, whole.begins, whole.begins + 3);
    assert_true(llabs(whole.total_ns - part.total_ns - rest.total_ns) <= 3);
    stop(&live);
}

/* All that is before a moment, and nothing after it: two parts are the whole. */
static void exactly_to_a_moment(void **state)
{
    (void)state;
    struct live live;
    start(&live, true, false);
    run_threads(&live, 1, 20000);
    finish(&live);
    struct trace_player *player = play(&live);
    struct snapshot *snapshot =
        trace_replay_snapshot(trace_player_replay(player), 0, CLOCK_WALL, false);
    int64_t end_ns = trace_player_now_ns(player);
    int64_t at_ns = end_ns - snapshot->threads[0].profiled_ns / 2;
    snapshot_free(snapshot);
    assert_int_equal(trace_player_rewind(player), 0);
    assert_int_equal(trace_player_run_to(player, at_ns), 0);
    snapshot = trace_replay_snapshot(trace_player_replay(player), 0, CLOCK_WALL, false);
    int64_t profiled_ns = 0;
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        assert_true(snapshot->threads[i].profiled_ns <= at_ns + 1);
        profiled_ns += snapshot->threads[i].profiled_ns;
    }
    assert_true(profiled_ns > 0);
    assert_true(fold_tools_function(snapshot, "outer")->calls <= 20001);
    snapshot_free(snapshot);
    assert_int_equal(trace_player_rewind(player), 0);
    assert_int_equal(trace_player_run_to(player, end_ns * 2), 0);
    snapshot = trace_replay_snapshot(trace_player_replay(player), 0, CLOCK_WALL, false);
    assert_int_equal(fold_tools_function(snapshot, "outer")->calls, 20001);
    snapshot_free(snapshot);
    trace_player_free(player);
    stop(&live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_numbers),    cmocka_unit_test(a_reset_is_played),
        cmocka_unit_test(a_hole_is_counted),   cmocka_unit_test(a_full_disk_ends_the_trace_alone),
        cmocka_unit_test(slices_add_up),       cmocka_unit_test(slices_of_a_part),
        cmocka_unit_test(exactly_to_a_moment), cmocka_unit_test(a_long_queue_is_packed_in_a_hurry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
