/* SPDX-License-Identifier: MIT */
/* Two moments, one window.
 * Why: see trace_cut.h.
 * Rules: as there. The two playings meet the same functions in the same order, since definitions are steps of their own;
 * their paths they may number otherwise, around the cut: paths are matched by what they are. */
#include "recording/trace_cut.h"

#include "base/arena.h"
#include "recording/reader_parts.h"
#include "recording/recording_writer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- the same paths ------------------------------------------------------------------------------- */

/* Several paths may be alike: of a function that was defined anew (a module reloaded, a lambda made again) each code
 * object has its own. They are taken in their order. */
struct path_finder {
    const struct snapshot *snapshot;
    uint32_t *places; /* 1 + index of a path; open addressing */
    bool *taken;      /* by place */
    size_t mask;
};

static uint32_t function_id(const struct snapshot *snapshot, const struct snapshot_path *path)
{
    return path->function == SNAPSHOT_NONE ? 0 : snapshot->functions[path->function].id;
}

static size_t first_place(const struct path_finder *finder, uint32_t parent, uint32_t function,
                          uint32_t thread)
{
    uint64_t hash = ((uint64_t)parent << 32 | function) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 29 ^ thread) * UINT64_C(0xbf58476d1ce4e5b9);
    return (size_t)(hash ^ hash >> 32) & finder->mask;
}

static int finder_init(struct path_finder *finder, const struct snapshot *snapshot)
{
    const struct snapshot_detail *detail = snapshot->detail;
    finder->mask = 63;
    while (finder->mask < 2 * detail->path_count)
        finder->mask = finder->mask * 2 + 1;
    finder->snapshot = snapshot;
    finder->places = calloc(finder->mask + 1, sizeof(*finder->places));
    finder->taken = calloc(finder->mask + 1, sizeof(*finder->taken));
    if (!finder->places || !finder->taken)
        return -ENOMEM;
    for (size_t i = 0; i < detail->path_count; i++) {
        const struct snapshot_path *path = &detail->paths[i];
        size_t at = first_place(finder, path->parent, function_id(snapshot, path), path->thread);
        while (finder->places[at])
            at = (at + 1) & finder->mask;
        finder->places[at] = (uint32_t)i + 1;
    }
    return 0;
}

/* Its id; 0: there is none. */
static uint32_t take(struct path_finder *finder, uint32_t parent, uint32_t function,
                     uint32_t thread)
{
    size_t at = first_place(finder, parent, function, thread);
    for (; finder->places[at]; at = (at + 1) & finder->mask) {
        const struct snapshot_path *path = &finder->snapshot->detail->paths[finder->places[at] - 1];
        if (finder->taken[at] || path->parent != parent || path->thread != thread ||
            function_id(finder->snapshot, path) != function)
            continue;
        finder->taken[at] = true;
        return path->id;
    }
    return 0;
}

/* The ids of `upto`, for the paths of `before`. */
static int number_alike(struct snapshot *before, const struct snapshot *upto)
{
    struct snapshot_detail *detail = before->detail;
    struct path_finder finder = {0};
    size_t limit = 1;
    for (size_t i = 0; i < detail->path_count; i++)
        limit = detail->paths[i].id >= limit ? (size_t)detail->paths[i].id + 1 : limit;
    uint32_t *id_of = calloc(limit, sizeof(*id_of));
    int result = id_of ? finder_init(&finder, upto) : -ENOMEM;
    for (size_t i = 0; i < detail->path_count && result == 0; i++) {
        struct snapshot_path *path = &detail->paths[i];
        uint32_t parent = id_of[path->parent];
        uint32_t id = take(&finder, parent, function_id(before, path), path->thread);
        id_of[path->id] = id;
        result = id && (parent || !path->parent) ? 0 : -EBADMSG;
        path->parent = parent;
        path->id = id;
    }
    free(finder.places);
    free(finder.taken);
    free(id_of);
    return result;
}

/* --- playing -------------------------------------------------------------------------------------- */

/* What the trace says of its header once a second, and had not said yet. */
static void fill_header(struct snapshot *snapshot, const struct snapshot_meta *from)
{
    struct snapshot_meta *meta = &snapshot->meta;
    if (meta->python)
        return;
    meta->pid = from->pid;
    meta->python = from->python ? arena_string(snapshot->arena, from->python) : NULL;
    meta->executable = from->executable ? arena_string(snapshot->arena, from->executable) : NULL;
    meta->ns_per_call = from->ns_per_call;
    meta->ns_per_c_call = from->ns_per_c_call;
    meta->corrected = from->corrected;
    memcpy(meta->sources, from->sources, sizeof(meta->sources));
    meta->source_count = from->source_count;
}

static void fill_meta(struct snapshot *snapshot, const struct snapshot_meta *from, bool at_end)
{
    struct snapshot_meta *meta = &snapshot->meta;
    fill_header(snapshot, from);
    meta->command = from->command ? arena_string(snapshot->arena, from->command) : NULL;
    meta->host = from->host ? arena_string(snapshot->arena, from->host) : NULL;
    meta->exit_status = at_end ? from->exit_status : -1;
    meta->signal = at_end ? from->signal : 0;
    meta->ended = at_end && from->ended;
    if (snapshot->process_count > 0 && !snapshot->processes[0].command)
        snapshot->processes[0].command = meta->command;
}

static struct snapshot *moment(struct trace_player *player, int64_t at_ns, bool at_end)
{
    int result = at_end ? trace_player_run(player, INT64_MAX) : trace_player_run_to(player, at_ns);
    if (result < 0)
        return NULL;
    struct trace_replay *replay = trace_player_replay(player);
    trace_replay_begin_recent(replay);
    return trace_replay_snapshot(replay, 0, CLOCK_WALL, true);
}

struct cut {
    int64_t from_ns, to_ns;
    bool at_end;
    struct snapshot *before, *upto; /* before: NULL where the slice begins with the trace */
};

static int play(struct trace_player *player, const struct snapshot_meta *meta, struct cut *cut)
{
    if (cut->from_ns > 0) {
        cut->before = moment(player, cut->from_ns, false);
        if (!cut->before || trace_player_rewind(player))
            return -EBADMSG;
        fill_meta(cut->before, meta, false);
        trace_player_mark(player, cut->from_ns);
    }
    cut->upto = moment(player, cut->to_ns, cut->at_end);
    if (!cut->upto)
        return -EBADMSG;
    fill_meta(cut->upto, meta, cut->at_end);
    if (!cut->at_end)
        cut->upto->meta.duration_ns = cut->to_ns; /* which ticks only come near to */
    return cut->before ? number_alike(cut->before, cut->upto) : 0;
}

/* --- the file ------------------------------------------------------------------------------------- */

/* A slice's times are of the same rates as the whole's, so that slices add up to it. */
static void set_rates(const struct recording *recording, const struct cut *cut)
{
    cut->upto->detail->ns_per_tick = recording->ns_per_tick;
    cut->upto->detail->stolen_share = recording->stolen_share;
    if (!cut->before)
        return;
    cut->before->detail->ns_per_tick = recording->ns_per_tick;
    cut->before->detail->stolen_share = recording->stolen_share;
}

static int write_windows(const char *path, const struct cut *cut)
{
    struct recording_options options = {.overwrite = true};
    char reason[RECORDING_WRITER_REASON_SIZE];
    struct recording_writer *writer = NULL;
    int result = recording_writer_open(path, &options, &writer, reason, sizeof(reason));
    if (result == 0 && cut->before)
        result = recording_writer_add(writer, cut->before, 0, cut->from_ns);
    if (result == 0)
        result = recording_writer_finish(writer, cut->upto);
    recording_writer_close(writer);
    return result;
}

static struct snapshot *read_slice(const struct recording *recording, const char *path,
                                   const struct recording_query *query)
{
    char reason[RECORDING_REASON_SIZE];
    struct recording *made;
    struct recording_query wanted = *query;
    wanted.to_ns = 0;
    if (recording_open(path, &made, reason, sizeof(reason)))
        return NULL;
    made->maps = recording->maps;
    struct snapshot *snapshot = recording_snapshot(made, &wanted);
    made->maps = NULL;
    recording_close(made);
    return snapshot;
}

static struct snapshot *slice_of(const struct recording *recording,
                                 const struct recording_query *query, const struct cut *cut)
{
    const char *folder = getenv("TMPDIR");
    char *path = NULL;
    struct snapshot *snapshot = NULL;
    if (asprintf(&path, "%s/ulma-slice-XXXXXX", folder && *folder ? folder : "/tmp") < 0)
        return NULL;
    int fd = mkstemp(path);
    if (fd >= 0) {
        close(fd);
        set_rates(recording, cut);
        if (write_windows(path, cut) == 0)
            snapshot = read_slice(recording, path, query);
        unlink(path);
    }
    free(path);
    return snapshot;
}

/* A thread's name is told once a second: at the cut it may not have been. */
static void name_threads(struct snapshot *snapshot, const struct recording *recording)
{
    for (size_t i = 0; i < snapshot->thread_count; i++) {
        struct snapshot_thread *thread = &snapshot->threads[i];
        for (size_t k = 0; k < recording->thread_count; k++) {
            const struct snapshot_thread *known = &recording->threads[k].row;
            if (!thread->name[0] && known->tid == thread->tid && known->pid == thread->pid)
                memcpy(thread->name, known->name, sizeof(thread->name));
        }
    }
}

/* Of a slice of threads no other is played, so that its histograms are of their calls alone. The list is the
 * player's until it ends; NULL: no memory. */
static uint64_t *choose_threads(const struct recording *recording, struct trace_player *player,
                                const struct recording_query *query)
{
    uint64_t *threads = calloc(recording->thread_count + 1, sizeof(*threads));
    size_t count = 0;
    for (size_t i = 0; threads && i < recording->thread_count; i++) {
        const struct snapshot_thread *row = &recording->threads[i].row;
        if (recorded_thread_is_wanted(query, row))
            threads[count++] = trace_thread_of(row->pid, row->tid);
    }
    if (threads && query->thread)
        trace_player_only(player, threads, count);
    return threads;
}

struct snapshot *trace_cut(struct recording *recording, struct trace_player *player,
                           const struct recording_query *query, const struct snapshot_meta *meta)
{
    int64_t first_ns, last_ns;
    struct snapshot *snapshot = NULL;
    recording_extent(recording, &first_ns, &last_ns); /* reads its words, too */
    uint64_t *threads = choose_threads(recording, player, query);
    if (!threads)
        return NULL;
    struct cut cut = {.from_ns = query->from_ns, .to_ns = query->to_ns};
    cut.at_end = cut.to_ns <= 0 || cut.to_ns >= last_ns;
    if (cut.from_ns < last_ns && (cut.at_end || cut.from_ns < cut.to_ns) &&
        play(player, meta, &cut) == 0) {
        name_threads(cut.upto, recording);
        snapshot = slice_of(recording, query, &cut);
    }
    if (snapshot)
        snapshot->meta.is_slice = cut.before || !cut.at_end;
    snapshot_free(cut.before);
    snapshot_free(cut.upto);
    trace_player_only(player, NULL, 0);
    free(threads);
    return snapshot;
}
