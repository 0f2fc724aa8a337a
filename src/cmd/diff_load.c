/* SPDX-License-Identifier: MIT */
/* Reading the recordings of a comparison.
 * Why each is closed at once: twenty a side are twenty snapshots, not twenty open databases.
 * Rules: as diff_load.h. */
#include "cmd/diff_load.h"

#include "recording/recording.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { SLICES_MOST = 12, SLICES_LEAST = 4 };

/* Windows are of a second or so; a slice of less would be the same window twice. */
#define SLICE_LEAST_NS INT64_C(1000000000)

struct loaded {
    struct snapshot *whole, *by_wall;
    struct snapshot *slices[SLICES_MOST];
    size_t slice_count;
};

static int load_slices(struct recording *recording, struct loaded *loaded,
                       enum snapshot_clock clock)
{
    int64_t from, to;
    recording_extent(recording, &from, &to);
    int64_t count = (to - from) / SLICE_LEAST_NS;
    if (count > SLICES_MOST)
        count = SLICES_MOST;
    if (count < SLICES_LEAST)
        return 0;
    for (int64_t i = 0; i < count; i++) {
        /* A nanosecond short: a slice is widened to whole windows, and would take in the next. */
        struct recording_query query = {
            .from_ns = from + (to - from) / count * i + 1,
            .to_ns = from + (to - from) / count * (i + 1) - 1,
            .clock = clock,
        };
        struct snapshot *slice = recording_snapshot(recording, &query);
        if (!slice)
            return -EIO;
        loaded->slices[loaded->slice_count++] = slice;
    }
    return 0;
}

static int load(struct diff_load *into, const char *file, enum snapshot_clock clock, char *reason)
{
    struct recording *recording;
    struct recording_query query = {.clock = clock, .quantiles = true};
    struct loaded *loaded = &into->loaded[into->count];
    int result = recording_open(file, &recording, reason, DIFF_LOAD_REASON_SIZE);
    if (result)
        return result;
    loaded->whole = recording_snapshot(recording, &query);
    query.clock = CLOCK_WALL;
    if (clock == CLOCK_CPU && loaded->whole)
        loaded->by_wall = recording_snapshot(recording, &query);
    bool fine = loaded->whole && (clock != CLOCK_CPU || loaded->by_wall);
    result = fine ? load_slices(recording, loaded, clock) : -EIO;
    if (result)
        snprintf(reason, DIFF_LOAD_REASON_SIZE, "%s", recording_reason(recording));
    recording_close(recording);
    into->recordings[into->count++] = (struct diff_recording){
        .name = file,
        .whole = loaded->whole,
        .slices = (const struct snapshot *const *)loaded->slices,
        .slice_count = loaded->slice_count,
        .by_wall = loaded->by_wall,
    };
    return result;
}

int diff_load_all(struct diff_load *into, char **files, size_t count, enum snapshot_clock clock,
                  char *reason)
{
    *into = (struct diff_load){
        .recordings = calloc(count, sizeof(*into->recordings)),
        .loaded = calloc(count, sizeof(*into->loaded)),
    };
    if (!into->recordings || !into->loaded) {
        snprintf(reason, DIFF_LOAD_REASON_SIZE, "out of memory: compare fewer recordings at once");
        return -ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        int result = load(into, files[i], clock, reason);
        if (result)
            return result;
    }
    return 0;
}

void diff_load_free(struct diff_load *load)
{
    for (size_t i = 0; load->loaded && i < load->count; i++) {
        for (size_t s = 0; s < load->loaded[i].slice_count; s++)
            snapshot_free(load->loaded[i].slices[s]);
        snapshot_free(load->loaded[i].by_wall);
        snapshot_free(load->loaded[i].whole);
    }
    free(load->loaded);
    free(load->recordings);
    *load = (struct diff_load){.count = 0};
}
