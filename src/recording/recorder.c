/* SPDX-License-Identifier: MIT */
/* The thread that writes.
 * Why: see recorder.h.
 * Rules: one lock, held for the queue and the clock's wait alone, never while the file is written. */
#include "recording/recorder.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { WINDOW_NS = 1000 * 1000 * 1000 };

struct recorder {
    struct recording_writer *writer;
    struct recorder_source source;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct recorder_job *first, **last;
    size_t queued_bytes;
    bool stop, joined;
    int result;
    _Atomic bool failed;
    _Atomic int64_t bytes, end_ns;
};

static struct timespec after(const struct timespec *time, long ns)
{
    struct timespec later = *time;
    later.tv_nsec += ns % 1000000000;
    later.tv_sec += ns / 1000000000 + later.tv_nsec / 1000000000;
    later.tv_nsec %= 1000000000;
    return later;
}

static bool is_before(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec != b->tv_sec ? a->tv_sec < b->tv_sec : a->tv_nsec < b->tv_nsec;
}

/* Takes all that is queued. */
static struct recorder_job *take_jobs(struct recorder *recorder)
{
    struct recorder_job *jobs = recorder->first;
    recorder->first = NULL;
    recorder->last = &recorder->first;
    return jobs;
}

static void run_jobs(struct recorder *recorder, struct recorder_job *jobs)
{
    while (jobs) {
        struct recorder_job *next = jobs->next;
        size_t bytes = jobs->bytes;
        if (recorder->result == 0)
            recorder->result = jobs->run(jobs, recorder->writer);
        jobs->release(jobs);
        pthread_mutex_lock(&recorder->lock);
        recorder->queued_bytes -= bytes;
        pthread_mutex_unlock(&recorder->lock);
        jobs = next;
    }
}

static void note(struct recorder *recorder)
{
    atomic_store(&recorder->bytes, recording_writer_bytes(recorder->writer));
    atomic_store(&recorder->end_ns, recording_writer_end_ns(recorder->writer));
    if (recorder->result)
        atomic_store(&recorder->failed, true);
}

static void write_window(struct recorder *recorder, bool last)
{
    struct snapshot *snapshot = recorder->source.take(recorder->source.context);
    if (!snapshot)
        recorder->result = -ENOMEM;
    else if (last)
        recorder->result = recording_writer_finish(recorder->writer, snapshot);
    else
        recorder->result = recording_writer_add(recorder->writer, snapshot,
                                                recording_writer_end_ns(recorder->writer),
                                                snapshot->meta.duration_ns);
    snapshot_free(snapshot);
    note(recorder);
}

/* Until the next window's time, a job, or the end. True: the end. */
static bool wait_for_work(struct recorder *recorder, const struct timespec *next,
                          struct recorder_job **ret_jobs)
{
    pthread_mutex_lock(&recorder->lock);
    int waited = 0;
    while (!recorder->stop && !recorder->first && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&recorder->wake, &recorder->lock, next);
    bool stop = recorder->stop;
    *ret_jobs = take_jobs(recorder);
    pthread_mutex_unlock(&recorder->lock);
    return stop;
}

static void *record(void *context)
{
    struct recorder *recorder = context;
    struct timespec now, next;
    clock_gettime(CLOCK_REALTIME, &now);
    next = after(&now, WINDOW_NS);
    for (;;) {
        struct recorder_job *jobs;
        bool stop = wait_for_work(recorder, &next, &jobs);
        run_jobs(recorder, jobs);
        note(recorder);
        clock_gettime(CLOCK_REALTIME, &now);
        bool due = !is_before(&now, &next);
        if (recorder->result == 0 && (stop || due))
            write_window(recorder, stop);
        if (stop)
            return NULL;
        if (!due)
            continue;
        /* A write that took long leaves out windows, and nothing else. */
        next = after(&next, WINDOW_NS);
        if (is_before(&next, &now))
            next = after(&now, WINDOW_NS);
    }
}

struct recorder *recorder_start(struct recording_writer *writer,
                                const struct recorder_source *source)
{
    struct recorder *recorder = calloc(1, sizeof(*recorder));
    if (!recorder)
        return NULL;
    recorder->writer = writer;
    recorder->source = *source;
    recorder->last = &recorder->first;
    pthread_mutex_init(&recorder->lock, NULL);
    pthread_cond_init(&recorder->wake, NULL);
    if (pthread_create(&recorder->thread, NULL, record, recorder)) {
        free(recorder);
        return NULL;
    }
    return recorder;
}

bool recorder_push(struct recorder *recorder, struct recorder_job *job)
{
    pthread_mutex_lock(&recorder->lock);
    bool fits = !recorder->stop && !atomic_load(&recorder->failed) &&
                recorder->queued_bytes + job->bytes <= RECORDER_QUEUE_BYTES;
    if (fits) {
        job->next = NULL;
        *recorder->last = job;
        recorder->last = &job->next;
        recorder->queued_bytes += job->bytes;
        pthread_cond_signal(&recorder->wake);
    }
    pthread_mutex_unlock(&recorder->lock);
    return fits;
}

bool recorder_has_failed(const struct recorder *recorder)
{
    return atomic_load(&recorder->failed);
}

const char *recorder_reason(const struct recorder *recorder)
{
    return recording_writer_reason(recorder->writer);
}

int64_t recorder_bytes(const struct recorder *recorder)
{
    return atomic_load(&recorder->bytes);
}

int recorder_finish(struct recorder *recorder)
{
    if (recorder->joined)
        return recorder->result;
    pthread_mutex_lock(&recorder->lock);
    recorder->stop = true;
    pthread_cond_signal(&recorder->wake);
    pthread_mutex_unlock(&recorder->lock);
    pthread_join(recorder->thread, NULL);
    recorder->joined = true;
    return recorder->result;
}

void recorder_free(struct recorder *recorder)
{
    if (!recorder)
        return;
    recorder_finish(recorder);
    recording_writer_close(recorder->writer);
    pthread_cond_destroy(&recorder->wake);
    pthread_mutex_destroy(&recorder->lock);
    free(recorder);
}
