/* SPDX-License-Identifier: MIT */
/* The queue and its threads.
 * Why: see trace_recorder.h.
 * Rules: `lock` is held for moving a pointer, never while anything is copied, packed or written. One packs
 * at a time: whoever has set `packs`. */
#include "recording/trace_recorder.h"

#include "model/fold.h"
#include "recording/trace_codec.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum {
    BLOCK_ROOM = TRACE_BLOCK_BYTES - 64, /* with its head, a block is one large page */
    SPARE_MOST = 16,                     /* blocks that are kept for later */
};

struct block {
    struct block *next;
    size_t used;
    _Alignas(8) unsigned char bytes[BLOCK_ROOM];
};
static_assert(sizeof(struct block) <= TRACE_BLOCK_BYTES, "a block is one large page");

struct hole {
    uint32_t track;
    uint64_t events;
};

enum packer { PATIENT, HURRIED, PACKERS };

struct trace_recorder {
    struct tap tap; /* first: a tap is its recorder */
    struct trace_sink sink;
    const struct redact *redact; /* of command lines; NULL: they stay */
    bool wait;
    size_t most_blocks, reserve; /* in the queue; of these for what may not be left out */
    size_t hurry_from;           /* of the queue; it is over at half of that */
    pthread_t threads[PACKERS];
    uint32_t thread_count;
    pthread_mutex_t lock;
    pthread_cond_t wake[PACKERS];
    struct block *full, **full_end, *spare;
    uint32_t spare_count;
    _Atomic size_t queued;   /* blocks that are full */
    uint64_t sealed, packed; /* blocks, ever */
    uint64_t sealed_before;  /* until the second ended that is told */
    uint64_t due; /* so many were sealed a second ago: they are not to wait for patience */
    enum packer turn;
    bool packs, stop, joined;
    int result;

    /* the putter's */
    struct block *block;
    uint64_t latest;               /* told, not written yet; 0: none */
    const struct process *present; /* as it was told */
    uint32_t present_pid;
    struct hole *holes;
    uint32_t hole_count, hole_limit;
    _Atomic uint64_t lost, events;
    _Atomic bool ended; /* the trace takes nothing more */

    /* of who packs */
    struct trace_codec *codec;
    struct trace_index index;
};

/* --- the threads ---------------------------------------------------------------------------- */

/* Under the lock. */
static void wake(struct trace_recorder *recorder)
{
    size_t queued = atomic_load(&recorder->queued);
    if (recorder->stop || queued >= recorder->hurry_from || recorder->packed < recorder->due)
        recorder->turn = HURRIED;
    else if (2 * queued < recorder->hurry_from)
        recorder->turn = PATIENT;
    pthread_cond_signal(&recorder->wake[recorder->turn]);
    if (recorder->stop) /* both are to end */
        pthread_cond_signal(&recorder->wake[PATIENT]);
}

/* NULL: that was all. */
static struct block *take(struct trace_recorder *recorder, enum packer packer)
{
    pthread_mutex_lock(&recorder->lock);
    while (recorder->full ? recorder->packs || recorder->turn != packer : !recorder->stop)
        pthread_cond_wait(&recorder->wake[packer], &recorder->lock);
    struct block *block = recorder->full;
    if (block) {
        recorder->packs = true;
        recorder->full = block->next;
        if (!recorder->full)
            recorder->full_end = &recorder->full;
    }
    pthread_mutex_unlock(&recorder->lock);
    return block;
}

static void give_back(struct trace_recorder *recorder, struct block *block)
{
    pthread_mutex_lock(&recorder->lock);
    recorder->packs = false;
    recorder->packed++;
    atomic_fetch_sub(&recorder->queued, 1);
    bool keep = recorder->spare_count < SPARE_MOST;
    if (keep) {
        block->next = recorder->spare;
        recorder->spare = block;
        recorder->spare_count++;
    }
    wake(recorder);
    pthread_mutex_unlock(&recorder->lock);
    if (!keep)
        free(block);
}

static int pack(struct trace_recorder *recorder, const struct block *block)
{
    struct trace_chunk chunk = {.index = &recorder->index, .lost = atomic_load(&recorder->lost)};
    int result =
        trace_codec_pack(recorder->codec, block->bytes, block->used, &chunk.bytes, &chunk.size);
    if (result == 0)
        result = trace_index_look(&recorder->index, block->bytes, block->used);
    if (result == 0)
        result = recorder->sink.put(recorder->sink.context, &chunk);
    return result;
}

static void pack_all(struct trace_recorder *recorder, enum packer packer)
{
    struct block *block;
    while ((block = take(recorder, packer))) {
        if (recorder->result == 0)
            recorder->result = pack(recorder, block);
        if (recorder->result)
            atomic_store(&recorder->ended, true);
        give_back(recorder, block);
    }
}

/* Packing can wait, and the target cannot: where CPUs are few it must not take the target's. */
static void *run_patient(void *context)
{
    enum { WAY = 19 };
    setpriority(PRIO_PROCESS, 0, WAY); /* of this thread alone, on Linux */
    pack_all(context, PATIENT);
    return NULL;
}

/* Nobody may take a lower number back: who packs in a hurry is somebody else. */
static void *run_hurried(void *context)
{
    pack_all(context, HURRIED);
    return NULL;
}

/* --- putting -------------------------------------------------------------------------------- */

/* One fault for it all: the drain writes two megabytes each few milliseconds. */
static struct block *new_block(void)
{
    struct block *block = aligned_alloc(TRACE_BLOCK_BYTES, TRACE_BLOCK_BYTES);
#ifdef MADV_HUGEPAGE
    if (block)
        madvise(block, TRACE_BLOCK_BYTES, MADV_HUGEPAGE); /* or small pages, where it cannot be */
#endif
    return block;
}

static struct block *take_spare(struct trace_recorder *recorder)
{
    pthread_mutex_lock(&recorder->lock);
    struct block *block = recorder->spare;
    if (block) {
        recorder->spare = block->next;
        recorder->spare_count--;
    }
    pthread_mutex_unlock(&recorder->lock);
    if (!block)
        block = new_block();
    if (block)
        block->used = 0;
    return block;
}

static void seal(struct trace_recorder *recorder)
{
    struct block *block = recorder->block;
    if (!block || block->used == 0)
        return;
    block->next = NULL;
    recorder->block = NULL;
    atomic_fetch_add(&recorder->queued, 1);
    pthread_mutex_lock(&recorder->lock);
    *recorder->full_end = block;
    recorder->full_end = &block->next;
    recorder->sealed++;
    wake(recorder);
    pthread_mutex_unlock(&recorder->lock);
}

/* False: nothing can be put any more. */
static bool write_record(struct trace_recorder *recorder, const struct tap_step *step,
                         const void *payload)
{
    size_t bytes = sizeof(struct trace_record) + trace_padded(step->size);
    if (recorder->block && BLOCK_ROOM - recorder->block->used < bytes)
        seal(recorder);
    if (!recorder->block)
        recorder->block = take_spare(recorder);
    if (!recorder->block || bytes > BLOCK_ROOM) {
        atomic_store(&recorder->ended, true);
        return false;
    }
    unsigned char *at = recorder->block->bytes + recorder->block->used;
    struct trace_record record = {
        .op = step->op, .subject = step->subject, .value = step->value, .size = step->size};
    memcpy(at, &record, sizeof(record));
    if (step->size)
        memcpy(at + sizeof(record), payload, step->size);
    memset(at + sizeof(record) + step->size, 0, trace_padded(step->size) - step->size);
    recorder->block->used += bytes;
    return true;
}

static void write_latest(struct trace_recorder *recorder)
{
    struct tap_step step = {.op = TAP_LATEST, .value = recorder->latest};
    if (recorder->latest)
        write_record(recorder, &step, NULL);
    recorder->latest = 0;
}

/* Ids, frames and what is suspended are the present process's, whatever the step is. */
static void write_present(struct trace_recorder *recorder)
{
    const struct process *present = recorder->tap.model->process;
    struct tap_step step = {.op = TAP_ENTER, .subject = present->number, .value = present->pid};
    if (present == recorder->present && present->pid == recorder->present_pid)
        return;
    recorder->present = present;
    recorder->present_pid = present->pid;
    write_record(recorder, &step, NULL);
}

static struct hole *find_hole(const struct trace_recorder *recorder, uint32_t track)
{
    for (uint32_t i = 0; i < recorder->hole_count; i++)
        if (recorder->holes[i].track == track)
            return &recorder->holes[i];
    return NULL;
}

static void leave_out(struct trace_recorder *recorder, const struct tap_step *step,
                      struct hole *hole)
{
    atomic_fetch_add(&recorder->lost, step->value);
    if (hole) {
        hole->events += step->value;
        return;
    }
    if (recorder->hole_count == recorder->hole_limit) {
        uint32_t limit = recorder->hole_limit ? recorder->hole_limit * 2 : 16;
        struct hole *holes = realloc(recorder->holes, limit * sizeof(*holes));
        if (!holes) { /* what follows would be read as if nothing were missing */
            atomic_store(&recorder->ended, true);
            return;
        }
        recorder->holes = holes;
        recorder->hole_limit = limit;
    }
    recorder->holes[recorder->hole_count++] = (struct hole){step->subject, step->value};
}

/* Any id of the present process that means it now. */
static uint32_t id_of(const struct trace_recorder *recorder, uint32_t symbol)
{
    const struct symbols *symbols = &recorder->tap.model->symbols;
    for (uint32_t id = 1; id < SESSION_ID_LIMIT; id++)
        if (symbols->by_id[id] >> 1 == symbol)
            return id;
    return 0;
}

static void write_frames(struct trace_recorder *recorder, const struct track *track)
{
    enum { PART = 1024 };
    struct tap_frame frames[PART];
    uint32_t count = 0;
    for (uint32_t i = 1; i <= track->depth; i++) {
        const struct entry *entry = &track->entries[i];
        if (!(entry->key & TRACK_C_CALL))
            frames[count++] =
                (struct tap_frame){(uint32_t)entry->key, id_of(recorder, entry->symbol)};
        if (count == PART || (i == track->depth && count)) {
            struct tap_step step = {.op = TAP_SEED_FRAMES,
                                    .size = count * (uint32_t)sizeof(*frames)};
            write_record(recorder, &step, frames);
            count = 0;
        }
    }
}

/* `events` more are in the hole, too: the stack is the one after them. */
static void close_hole(struct trace_recorder *recorder, uint32_t number, uint64_t events,
                       struct hole *hole)
{
    const struct track *track = recorder->tap.model->tracks;
    while (track && track->number != number)
        track = track->next;
    atomic_fetch_add(&recorder->lost, events);
    if (track) {
        struct tap_step told = {TAP_HOLE, number, hole->events + events, sizeof(track->last)};
        write_frames(recorder, track);
        write_record(recorder, &told, &track->last);
    }
    *hole = recorder->holes[--recorder->hole_count];
}

static bool has_room(struct trace_recorder *recorder)
{
    return recorder->wait || atomic_load_explicit(&recorder->queued, memory_order_relaxed) <
                                 recorder->most_blocks - recorder->reserve;
}

static void put_events(struct trace_recorder *recorder, const struct tap_step *step,
                       const void *payload)
{
    struct hole *hole = recorder->hole_count ? find_hole(recorder, step->subject) : NULL;
    if (!has_room(recorder)) {
        leave_out(recorder, step, hole);
        return;
    }
    write_latest(recorder);
    write_present(recorder);
    if (hole)
        close_hole(recorder, step->subject, step->value, hole);
    else if (write_record(recorder, step, payload))
        atomic_fetch_add_explicit(&recorder->events, step->value, memory_order_relaxed);
}

/* A process with its command line as it may be kept. */
static void write_process(struct trace_recorder *recorder, const struct tap_step *step,
                          const void *payload)
{
    const size_t fixed = sizeof(struct tap_process);
    struct tap_step kept = *step;
    struct arena *arena = arena_new();
    char *told = arena ? arena_string_of(arena, (const char *)payload + fixed, step->size - fixed)
                       : NULL;
    const char *command = told ? redact_command(recorder->redact, arena, told) : NULL;
    size_t size = command ? strlen(command) : 0;
    char *bytes = size ? arena_alloc(arena, fixed + size + 1) : NULL;
    kept.size = (uint32_t)fixed; /* without memory without it: better than with a secret */
    if (bytes) {
        memcpy(bytes, payload, fixed);
        memcpy(bytes + fixed, command, size + 1); /* its end is not kept */
        kept.size += (uint32_t)size;
    }
    write_record(recorder, &kept, bytes ? bytes : payload);
    arena_free(arena);
}

/* What is told once a second is to be in the file a second later, whoever is killed then. */
static void end_second(struct trace_recorder *recorder)
{
    seal(recorder);
    pthread_mutex_lock(&recorder->lock);
    recorder->due = recorder->sealed_before;
    recorder->sealed_before = recorder->sealed;
    wake(recorder);
    pthread_mutex_unlock(&recorder->lock);
}

static void put(struct tap *tap, const struct tap_step *step, const void *payload)
{
    struct trace_recorder *recorder = (struct trace_recorder *)tap;
    if (atomic_load_explicit(&recorder->ended, memory_order_relaxed))
        return;
    if (step->op == TAP_LATEST) {
        recorder->latest = step->value;
    } else if (step->op == TAP_EVENTS) {
        put_events(recorder, step, payload);
    } else {
        bool ends = step->op == TAP_TRACK_OFF || step->op == TAP_TRACK_END;
        struct hole *hole = ends && recorder->hole_count ? find_hole(recorder, step->subject)
                                                         : NULL;
        write_latest(recorder);
        if (step->op != TAP_PROCESS && step->op != TAP_PROCESS_END)
            write_present(recorder);
        if (hole)
            close_hole(recorder, step->subject, 0, hole);
        if (step->op == TAP_PROCESS && recorder->redact)
            write_process(recorder, step, payload);
        else
            write_record(recorder, step, payload);
        if (step->op == TAP_PROCESS_END) /* another may come to lie where it lay */
            recorder->present = NULL;
        if (step->op == TAP_WORDS)
            end_second(recorder);
    }
}

static bool is_full(struct tap *tap)
{
    struct trace_recorder *recorder = (struct trace_recorder *)tap;
    return recorder->wait && !atomic_load(&recorder->ended) &&
           atomic_load(&recorder->queued) >= recorder->most_blocks / 2;
}

/* --- life ----------------------------------------------------------------------------------- */

static bool start(struct trace_recorder *recorder)
{
    static void *(*const runs[PACKERS])(void *) = {run_patient, run_hurried};
    sigset_t all, old;
    int result = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    for (; recorder->thread_count < PACKERS && result == 0; recorder->thread_count += !result)
        result = pthread_create(&recorder->threads[recorder->thread_count], NULL,
                                runs[recorder->thread_count], recorder);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return result == 0;
}

struct trace_recorder *trace_recorder_new(const struct trace_sink *sink, size_t buffer_bytes,
                                          bool wait)
{
    struct trace_recorder *recorder = calloc(1, sizeof(*recorder));
    size_t bytes = wait ? TRACE_QUEUE_WAIT_BYTES : TRACE_QUEUE_DROP_BYTES;
    if (!recorder)
        return NULL;
    bytes = buffer_bytes * 2 > bytes ? buffer_bytes * 2 : bytes;
    recorder->tap.put = put;
    recorder->tap.is_full = is_full;
    recorder->sink = *sink;
    recorder->wait = wait;
    recorder->most_blocks = bytes / TRACE_BLOCK_BYTES;
    recorder->hurry_from = recorder->most_blocks / 4;
    recorder->reserve = 2;
    recorder->full_end = &recorder->full;
    recorder->codec = trace_codec_new();
    pthread_mutex_init(&recorder->lock, NULL);
    for (int i = 0; i < PACKERS; i++)
        pthread_cond_init(&recorder->wake[i], NULL);
    if (!recorder->codec || !start(recorder)) {
        trace_recorder_free(recorder);
        return NULL;
    }
    return recorder;
}

void trace_recorder_set_redact(struct trace_recorder *recorder, const struct redact *redact)
{
    recorder->redact = redact;
}

struct tap *trace_recorder_tap(struct trace_recorder *recorder)
{
    return &recorder->tap;
}

int trace_recorder_finish(struct trace_recorder *recorder)
{
    if (recorder->joined)
        return recorder->result;
    seal(recorder);
    pthread_mutex_lock(&recorder->lock);
    recorder->stop = true;
    wake(recorder);
    pthread_mutex_unlock(&recorder->lock);
    for (uint32_t i = 0; i < recorder->thread_count; i++)
        pthread_join(recorder->threads[i], NULL);
    recorder->joined = true;
    return recorder->result;
}

uint64_t trace_recorder_lost(const struct trace_recorder *recorder)
{
    return atomic_load(&recorder->lost);
}

uint64_t trace_recorder_events(const struct trace_recorder *recorder)
{
    return atomic_load(&recorder->events);
}

void trace_recorder_free(struct trace_recorder *recorder)
{
    if (!recorder)
        return;
    trace_recorder_finish(recorder);
    while (recorder->spare) {
        struct block *next = recorder->spare->next;
        free(recorder->spare);
        recorder->spare = next;
    }
    free(recorder->block);
    free(recorder->holes);
    trace_codec_free(recorder->codec);
    trace_index_done(&recorder->index);
    pthread_mutex_destroy(&recorder->lock);
    for (int i = 0; i < PACKERS; i++)
        pthread_cond_destroy(&recorder->wake[i]);
    free(recorder);
}
