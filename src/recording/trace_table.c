/* SPDX-License-Identifier: MIT */
/* Chunks to rows and back.
 * Why: see trace_table.h.
 * Rules: as there. */
#include "recording/trace_table.h"

#include "recording/database.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNKS                                                                              \
    "CREATE TABLE trace_chunks(chunk INTEGER PRIMARY KEY, from_ns INTEGER, to_ns INTEGER, " \
    "events INTEGER, lost INTEGER, bytes BLOB)"
#define THREADS                                                                           \
    "CREATE TABLE trace_threads(chunk INTEGER, track INTEGER, pid INTEGER, tid INTEGER, " \
    "from_ns INTEGER, to_ns INTEGER, events INTEGER, PRIMARY KEY(chunk, track)) WITHOUT ROWID"

enum { RETRY_NS = 1000 * 1000 };

int trace_table_create(struct recording_writer *writer)
{
    int result = database_run(recording_writer_database(writer), CHUNKS);
    return result ? result : database_run(recording_writer_database(writer), THREADS);
}

/* --- writing -------------------------------------------------------------------------------- */

struct trace_table {
    struct recorder *_Atomic recorder; /* NULL: not there yet */
    _Atomic bool closed;
    int64_t chunk;
};

struct thread_row {
    uint32_t track, pid, tid;
    int64_t from_ns, to_ns, events;
};

struct chunk_job {
    struct recorder_job job; /* first */
    int64_t chunk, from_ns, to_ns, events, lost;
    struct thread_row *threads;
    uint32_t thread_count;
    size_t size;
    unsigned char bytes[];
};

static int put_chunk(sqlite3 *database, const struct chunk_job *job)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(database, "INSERT INTO trace_chunks VALUES(?,?,?,?,?,?)", -1,
                                  &statement, NULL);
    if (code)
        return database_error(code);
    const int64_t numbers[] = {job->chunk, job->from_ns, job->to_ns, job->events, job->lost};
    for (int i = 0; i < 5; i++)
        sqlite3_bind_int64(statement, i + 1, numbers[i]);
    sqlite3_bind_blob64(statement, 6, job->bytes, job->size, SQLITE_STATIC);
    int result = database_step(statement);
    sqlite3_finalize(statement);
    return result;
}

static int put_threads(sqlite3 *database, const struct chunk_job *job)
{
    sqlite3_stmt *statement;
    int code = sqlite3_prepare_v2(database, "INSERT INTO trace_threads VALUES(?,?,?,?,?,?,?)", -1,
                                  &statement, NULL);
    int result = database_error(code);
    for (uint32_t i = 0; i < job->thread_count && result == 0; i++) {
        const struct thread_row *row = &job->threads[i];
        const int64_t numbers[] = {job->chunk,   row->track, row->pid,   row->tid,
                                   row->from_ns, row->to_ns, row->events};
        for (int at = 0; at < 7; at++)
            sqlite3_bind_int64(statement, at + 1, numbers[at]);
        result = database_step(statement);
    }
    sqlite3_finalize(statement);
    return result;
}

static int run(struct recorder_job *base, struct recording_writer *writer)
{
    const struct chunk_job *job = (const struct chunk_job *)base;
    sqlite3 *database = recording_writer_database(writer);
    int result = put_chunk(database, job);
    return result ? result : put_threads(database, job);
}

static void release(struct recorder_job *base)
{
    struct chunk_job *job = (struct chunk_job *)base;
    free(job->threads);
    free(job);
}

static struct chunk_job *make_job(const struct trace_chunk *chunk, int64_t number)
{
    const struct trace_index *index = chunk->index;
    struct chunk_job *job = malloc(sizeof(*job) + chunk->size);
    struct thread_row *threads = calloc(index->thread_count + 1, sizeof(*threads));
    if (!job || !threads) {
        free(job);
        free(threads);
        return NULL;
    }
    bool any = index->span.events > 0;
    *job = (struct chunk_job){
        .job = {.run = run, .release = release, .bytes = sizeof(*job) + chunk->size},
        .chunk = number,
        .from_ns = any ? trace_index_ns(index, index->span.from) : 0,
        .to_ns = any ? trace_index_ns(index, index->span.to) : 0,
        .events = (int64_t)index->span.events,
        .lost = (int64_t)chunk->lost,
        .threads = threads,
        .thread_count = index->thread_count,
        .size = chunk->size,
    };
    memcpy(job->bytes, chunk->bytes, chunk->size);
    for (uint32_t i = 0; i < index->thread_count; i++) {
        const struct trace_thread *thread = &index->threads[i];
        threads[i] = (struct thread_row){.track = thread->track,
                                         .pid = thread->pid,
                                         .tid = thread->tid,
                                         .from_ns = trace_index_ns(index, thread->span.from),
                                         .to_ns = trace_index_ns(index, thread->span.to),
                                         .events = (int64_t)thread->span.events};
    }
    return job;
}

/* The trace recorder's thread has nothing better to do than to wait for the disk. */
static int put(void *context, const struct trace_chunk *chunk)
{
    struct trace_table *table = context;
    struct chunk_job *job = make_job(chunk, ++table->chunk);
    struct timespec pause = {.tv_nsec = RETRY_NS};
    if (!job)
        return -ENOMEM;
    for (;;) {
        struct recorder *recorder = atomic_load(&table->recorder);
        if (recorder && recorder_push(recorder, &job->job))
            return 0;
        if (atomic_load(&table->closed) || (recorder && recorder_has_failed(recorder))) {
            release(&job->job);
            return -EIO;
        }
        nanosleep(&pause, NULL);
    }
}

void trace_table_close(struct trace_table *table)
{
    if (table)
        atomic_store(&table->closed, true);
}

struct trace_table *trace_table_new(void)
{
    return calloc(1, sizeof(struct trace_table));
}

void trace_table_set_recorder(struct trace_table *table, struct recorder *recorder)
{
    atomic_store(&table->recorder, recorder);
}

struct trace_sink trace_table_sink(struct trace_table *table)
{
    return (struct trace_sink){put, table};
}

void trace_table_free(struct trace_table *table)
{
    free(table);
}

/* --- reading -------------------------------------------------------------------------------- */

struct table_source {
    struct trace_source source; /* first */
    sqlite3 *database;
    sqlite3_stmt *chunks, *final;
};

static int step(struct table_source *table, sqlite3_stmt *statement, const void **ret_bytes,
                size_t *ret_size)
{
    (void)table;
    int code = sqlite3_step(statement);
    if (code != SQLITE_ROW)
        return database_error(code);
    *ret_bytes = sqlite3_column_blob(statement, 0);
    *ret_size = (size_t)sqlite3_column_bytes(statement, 0);
    return *ret_bytes ? 1 : -EBADMSG;
}

static int next(struct trace_source *source, const void **ret_bytes, size_t *ret_size)
{
    struct table_source *table = (struct table_source *)source;
    return step(table, table->chunks, ret_bytes, ret_size);
}

static int last(struct trace_source *source, const void **ret_bytes, size_t *ret_size)
{
    struct table_source *table = (struct table_source *)source;
    sqlite3_reset(table->final);
    return step(table, table->final, ret_bytes, ret_size);
}

static int back(struct trace_source *source)
{
    struct table_source *table = (struct table_source *)source;
    return database_error(sqlite3_reset(table->chunks));
}

static void close_source(struct trace_source *source)
{
    struct table_source *table = (struct table_source *)source;
    sqlite3_finalize(table->chunks);
    sqlite3_finalize(table->final);
    free(table);
}

static bool has_trace(struct recording *recording)
{
    return recording_has_table(recording, "trace_chunks", CHUNKS) &&
           recording_has_table(recording, "trace_threads", THREADS);
}

bool trace_table_find(struct recording *recording, int64_t *ret_events, int64_t *ret_bytes)
{
    sqlite3 *database = recording_database(recording);
    if (!has_trace(recording))
        return false;
    *ret_events = database_number(database, "SELECT sum(events) FROM trace_chunks", 0);
    *ret_bytes = database_number(database, "SELECT sum(length(bytes)) FROM trace_chunks", 0);
    return true;
}

bool trace_table_is_whole(struct recording *recording)
{
    return has_trace(recording) &&
           database_number(recording_database(recording),
                           "SELECT max(lost)=0 AND count(*)=max(chunk) FROM trace_chunks", 0);
}

int trace_table_open(struct recording *recording, struct trace_source **ret_source)
{
    if (!has_trace(recording))
        return -ENODATA;
    struct table_source *table = calloc(1, sizeof(*table));
    if (!table)
        return -ENOMEM;
    table->source = (struct trace_source){next, last, back, close_source};
    table->database = recording_database(recording);
    int code = sqlite3_prepare_v2(table->database, "SELECT bytes FROM trace_chunks ORDER BY chunk",
                                  -1, &table->chunks, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v2(table->database,
                                  "SELECT bytes FROM trace_chunks ORDER BY chunk DESC LIMIT 1", -1,
                                  &table->final, NULL);
    if (code) {
        close_source(&table->source);
        return database_error(code);
    }
    *ret_source = &table->source;
    return 0;
}
