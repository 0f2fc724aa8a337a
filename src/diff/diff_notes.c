/* SPDX-License-Identifier: MIT */
/* What the reader of a comparison must know, in sentences.
 * Why: two Pythons, two lengths or an estimate explain a difference better than the program does.
 * Rules: a note says what differs and what follows from it; none where all is alike. */
#include "diff/diff_parts.h"

#include "base/text.h"
#include "diff/diff_judge.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { NOTES_MOST = 16 };

/* Runs whose calls differ by more are of other lengths. */
#define WORK_APART 0.02

static int add(struct diff *diff, const char *note)
{
    if (!note)
        return -ENOMEM;
    if (diff->note_count < NOTES_MOST)
        diff->notes[diff->note_count++] = note;
    return 0;
}

static const struct snapshot_meta *meta_of(const struct diff *diff, size_t recording)
{
    return &diff->request.recordings[recording].whole->meta;
}

static size_t first_new(const struct diff *diff)
{
    return diff->request.counts[DIFF_OLD];
}

static size_t recordings(const struct diff *diff)
{
    return diff->request.counts[DIFF_OLD] + diff->request.counts[DIFF_NEW];
}

static const char *text_or(const char *text, const char *otherwise)
{
    return text && *text ? text : otherwise;
}

static const char *python_of(const struct snapshot_meta *meta)
{
    return text_or(meta->python, "unknown");
}

static const char *host_of(const struct snapshot_meta *meta)
{
    return text_or(meta->host, "unknown");
}

static const char *wait_source_of(const struct snapshot_meta *meta)
{
    return meta->wait_source == WAIT_PERF        ? "switch records"
           : meta->wait_source == WAIT_SCHEDSTAT ? "schedstat"
                                                 : "nothing: its cpu times are wall times";
}

static const char *correction_of(const struct snapshot_meta *meta)
{
    return meta->corrected ? "yes" : "no";
}

/* What all recordings should have in common; the first that differs from the first old one is named. */
static int note_difference(struct diff *diff, const char *(*word_of)(const struct snapshot_meta *),
                           const char *what, const char *consequence)
{
    const char *first = word_of(meta_of(diff, 0));
    for (size_t i = recordings(diff); i-- > 1;) {
        const char *other = word_of(meta_of(diff, i));
        if (strcmp(first, other) == 0)
            continue;
        const char *clean = text_clean(diff->arena, first);
        const char *clean_other = text_clean(diff->arena, other);
        if (!clean || !clean_other)
            return -ENOMEM;
        return add(diff, arena_format(diff->arena, "%s: %s in old, %s in %s: %s", what, clean,
                                      clean_other, i < first_new(diff) ? "another old one" : "new",
                                      consequence));
    }
    return 0;
}

static int note_sources(struct diff *diff)
{
    for (size_t i = 1; i < recordings(diff); i++) {
        const struct snapshot_meta *a = meta_of(diff, 0), *b = meta_of(diff, i);
        bool same = a->source_count == b->source_count;
        for (size_t s = 0; same && s < a->source_count; s++)
            same = (a->sources[s].on_ns > 0) == (b->sources[s].on_ns > 0);
        if (!same)
            return add(diff, "the recordings have different sources on (c-calls, say): functions "
                             "of a source that one side lacks are new or gone");
    }
    return 0;
}

static int note_sites(struct diff *diff)
{
    char first[512], other[512];
    snapshot_describe_sites(meta_of(diff, 0), false, first, sizeof(first));
    for (size_t i = 1; i < recordings(diff); i++) {
        size_t count = snapshot_describe_sites(meta_of(diff, i), false, other, sizeof(other));
        if ((count || meta_of(diff, 0)->site_count) && strcmp(first, other) != 0)
            return add(diff, "the recordings leave out different functions (--only, --skip): "
                             "those are new or gone, and their time is their callers'");
    }
    return 0;
}

static int note_inexact(struct diff *diff)
{
    for (size_t i = 0; i < recordings(diff); i++) {
        const char *why = meta_of(diff, i)->inexact;
        const char *name = why ? text_clean(diff->arena, diff->request.recordings[i].name) : NULL;
        const char *clean = why ? text_clean(diff->arena, why) : NULL;
        if (!why)
            continue;
        if (!name || !clean)
            return -ENOMEM;
        return add(diff, arena_format(diff->arena, "%s is not exact (%s): counts are not certain",
                                      name, clean));
    }
    return 0;
}

static int note_pace(struct diff *diff)
{
    double percent = 100 * (diff->pace - 1);
    if (diff->pace == 1)
        return 0;
    return add(diff,
               arena_format(diff->arena,
                            "pace: most functions took %.1f%% %s time in new; changes are told "
                            "without it (machine, neighbours, Python, or all of the program)",
                            fabs(percent), percent > 0 ? "more" : "less"));
}

static int note_work(struct diff *diff)
{
    if (fabs(log(diff->work)) < WORK_APART)
        return 0;
    const char *advice = diff->request.per_call
                             ? "calls are compared as shares, times per call"
                             : "--per-call compares one call's time, and calls as shares";
    return add(diff, arena_format(diff->arena, "length: new made %.3g times old's calls; %s",
                                  diff->work, advice));
}

static int note_few(struct diff *diff)
{
    struct making making = {.recording_count = recordings(diff)};
    if (noise_has_many(&making))
        return 0;
    return add(diff, "few recordings: the noise is guessed from within them; three a side show it, "
                     "five find a tenth");
}

int diff_notes(struct diff *diff)
{
    diff->notes = arena_array(diff->arena, NOTES_MOST, sizeof(*diff->notes));
    if (!diff->notes ||
        note_difference(diff, python_of, "Python",
                        "every time may differ for that, and some functions are new or gone") ||
        note_difference(diff, host_of, "host", "times are of different machines") ||
        note_difference(diff, correction_of, "corrected for the probe's cost",
                        "times are not comparable; record both alike"))
        return -ENOMEM;
    if (diff->request.clock == CLOCK_CPU &&
        note_difference(diff, wait_source_of, "cpu clock", "times are measured in different ways"))
        return -ENOMEM;
    if (note_sources(diff) || note_sites(diff) || note_inexact(diff) || note_work(diff) ||
        note_pace(diff) || note_few(diff))
        return -ENOMEM;
    return 0;
}
