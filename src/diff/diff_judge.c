/* SPDX-License-Identifier: MIT */
/* From numbers to `changed`.
 * Why counts and times differ: counts are exact, so two that differ are a change; times are judged
 * (diff_noise.h). Counts of muted functions are estimates, and changed only when they are far apart.
 * Rules: what is below min_time on both sides is not judged by time: it could not matter. */
#include "diff/diff_judge.h"

#include <errno.h>
#include <math.h>
#include <string.h>

enum { P99_CALLS_LEAST = 100 };

/* Estimates of the budget may be off by that (docs/budget.md). */
#define ESTIMATES_APART 0.5

/* Calls as shares of a run's: two runs of other lengths do not have the same. */
#define SHARES_APART 0.05

/* Percentiles come out of buckets, and a tail is the machine's more than a median is. */
#define P99_DOUBT 0.05

/* Of what the fastest calls moved by, the mean must have moved by that. */
#define QUANTILES_AGREE 0.5

/* Of many recordings, means vary in ways that are wider at their ends than Student's t has it. */
#define MEANS_TIMES 1.25

/* By means of few recordings, less than that is a burst. What the import system takes is its files' doing. */
#define BURSTS_NS 20e6

/* Waits are others' doing, and a busy machine's: they must differ by more, and by more of their noise. */
#define WAIT_FLOOR 0.25
#define WAIT_TIMES 1.5

/* A total holds what was waited and what all callees are uncertain by. */
#define TOTAL_WAIT 0.4

int judge_init(struct judging *judging, const struct making *making)
{
    size_t count = making->recording_count;
    judging->making = making;
    judging->numbers = arena_array(making->scratch, count, sizeof(double));
    judging->own = arena_array(making->scratch, count, sizeof(double));
    judging->steady = arena_array(making->scratch, count, sizeof(double));
    judging->scratch = arena_array(making->scratch, NOISE_SCRATCH * count, sizeof(double));
    judging->logs = arena_array(making->scratch, count, sizeof(double));
    judging->shapes = arena_array(making->scratch, count, sizeof(double));
    return judging->numbers && judging->own && judging->steady && judging->scratch &&
                   judging->logs && judging->shapes
               ? 0
               : -ENOMEM;
}

static void set_sides(struct judging *judging, struct diff_measure *measure)
{
    const struct diff_request *request = judging->making->request;
    size_t from = 0;
    for (enum diff_side side = DIFF_OLD; side < DIFF_SIDES; side++) {
        size_t count = request->counts[side];
        measure->least[side] = INFINITY;
        measure->most[side] = -INFINITY;
        for (size_t i = 0; i < count; i++) {
            double number = judging->numbers[from + i];
            judging->scratch[i] = number;
            measure->least[side] = fmin(measure->least[side], number);
            measure->most[side] = fmax(measure->most[side], number);
        }
        measure->sides[side] = diff_median(judging->scratch, count);
        from += count;
    }
}

/* With what was not judged: a ratio of 1 between the two is no change. */
static void set_change(struct diff_measure *measure, double ratio)
{
    double old = measure->sides[DIFF_OLD];
    measure->change = measure->sides[DIFF_NEW] / ratio - old;
    measure->percent = old > 0 ? 100 * measure->change / old : 0;
    measure->noise_percent = DIFF_UNSET;
    measure->way = DIFF_SAME;
}

static void set_verdict(struct diff_measure *measure, const struct verdict *verdict,
                        double min_change)
{
    measure->percent = 100 * expm1(verdict->change);
    measure->change = measure->sides[DIFF_OLD] * expm1(verdict->change);
    measure->noise_percent = 100 * expm1(verdict->threshold);
    bool certain = verdict->certain && fabs(measure->change) >= min_change;
    measure->way = !certain ? DIFF_SAME : verdict->change > 0 ? DIFF_UP : DIFF_DOWN;
}

static bool are_apart(const struct diff_measure *measure, double ratio)
{
    return measure->least[DIFF_NEW] / ratio > measure->most[DIFF_OLD] ||
           measure->most[DIFF_NEW] / ratio < measure->least[DIFF_OLD];
}

/* Of counts that are exact but for `apart`. */
static void judge_count(struct judging *judging, struct diff_measure *measure, double apart)
{
    double ratio = judging->per_call ? judging->work : 1;
    set_sides(judging, measure);
    set_change(measure, ratio);
    measure->noise_percent = 100 * expm1(apart);
    double old = measure->sides[DIFF_OLD], new = measure->sides[DIFF_NEW] / ratio;
    bool far = old > 0 && new > 0 ? fabs(log(new / old)) > apart : old != new;
    if (far && are_apart(measure, ratio))
        measure->way = new > old ? DIFF_UP : DIFF_DOWN;
}

static double shares_apart(const struct judging *judging)
{
    return judging->per_call ? SHARES_APART : 0;
}

static void judge_calls(struct judging *judging, size_t entry, struct diff_function *function)
{
    const struct making *making = judging->making;
    for (size_t i = 0; i < making->recording_count; i++) {
        const struct sample *sample = sample_of(making, i, entry);
        judging->numbers[i] = sample->calls;
        function->estimated |= sample->estimated;
    }
    judge_count(judging, &function->calls,
                function->estimated ? ESTIMATES_APART : shares_apart(judging));
}

static void judge_memory(struct judging *judging, size_t entry, struct diff_function *function)
{
    size_t count = judging->making->recording_count;
    for (size_t i = 0; i < count; i++)
        judging->numbers[i] = sample_of(judging->making, i, entry)->objects;
    judge_count(judging, &function->objects, shares_apart(judging));
    for (size_t i = 0; i < count; i++)
        judging->numbers[i] = sample_of(judging->making, i, entry)->bytes;
    judge_count(judging, &function->bytes, shares_apart(judging));
}

static bool all_above(const struct judging *judging, double least)
{
    for (size_t i = 0; i < judging->making->recording_count; i++)
        if (judging->numbers[i] <= least)
            return false;
    return true;
}

static bool is_worth(const struct judging *judging, const struct diff_measure *measure)
{
    return fmax(measure->sides[DIFF_OLD], measure->sides[DIFF_NEW]) >= judging->min_time_ns;
}

static struct verdict judge_times(struct judging *judging, int32_t entry, bool paced, double extra)
{
    for (size_t i = 0; i < judging->making->recording_count; i++) {
        judging->own[i] += extra;
        judging->steady[i] += extra;
    }
    struct noise_times times = {judging->numbers, judging->own, judging->steady};
    return noise_judge(judging->pacing, entry, paced, &times, judging->scratch);
}

/* More than the rule asks for. */
static void demand(struct verdict *verdict, double times, double floor)
{
    verdict->threshold *= times;
    verdict->certain &= fabs(verdict->change) > fmax(verdict->threshold, log1p(floor));
}

static void set_own(struct judging *judging, size_t entry)
{
    for (size_t i = 0; i < judging->making->recording_count; i++) {
        judging->own[i] = noise_own(judging->making, i, entry);
        judging->steady[i] = noise_steady(judging->making, i, entry);
    }
}

/* With few recordings: a cold cache or a stopped machine costs one function some milliseconds, once. */
static bool is_beyond_bursts(struct judging *judging, size_t entry, const struct verdict *verdict)
{
    const struct snapshot_function *function = judging->making->entries[entry].sides[DIFF_NEW];
    for (size_t i = 0; i < judging->making->recording_count; i++)
        judging->numbers[i] = sample_of(judging->making, i, entry)->self_ns;
    struct diff_measure self;
    set_sides(judging, &self);
    bool reads_files = function->module && strstr(function->module, "importlib._bootstrap");
    reads_files |= function->module && strncmp(function->module, "_frozen_importlib", 17) == 0;
    return !reads_files && self.sides[DIFF_OLD] * fabs(expm1(verdict->change)) > BURSTS_NS;
}

/* Of the numbers, which are lost. */
static struct verdict judge_means(struct judging *judging, size_t entry)
{
    set_own(judging, entry);
    struct verdict verdict = judge_times(judging, (int32_t)entry, true, 0);
    if (noise_has_many(judging->making))
        demand(&verdict, MEANS_TIMES, 0);
    else
        verdict.certain &= is_beyond_bursts(judging, entry, &verdict);
    return verdict;
}

/* By the fastest calls, where that is known: it says more, unless only the means differ. */
static struct verdict judge_quantiles(struct judging *judging, size_t entry,
                                      struct verdict of_means)
{
    const struct making *making = judging->making;
    if (!pace_quantile_logs(making, entry, false, judging->logs, judging->shapes, judging->scratch))
        return of_means;
    for (size_t i = 0; i < making->recording_count; i++) {
        judging->logs[i] = exp(judging->logs[i]);
        judging->own[i] = noise_quantiles(making, i, entry) + judging->shapes[i];
        judging->steady[i] = noise_quantiles_steady(making, i, entry);
    }
    struct noise_times times = {judging->logs, judging->own, judging->steady};
    struct verdict verdict =
        noise_judge(judging->quantile_pacing, (int32_t)entry, true, &times, judging->scratch);
    /* Its means must have moved with it, or it is the shape that has changed. */
    verdict.certain &= of_means.change / verdict.change > QUANTILES_AGREE;
    return of_means.certain && !verdict.certain ? of_means : verdict;
}

/* The same verdict serves the time of all calls and that of one. */
static void judge_self(struct judging *judging, size_t entry, struct diff_function *function)
{
    const struct making *making = judging->making;
    struct diff_measure *self = &function->self, *each = &function->per_call;
    for (size_t i = 0; i < making->recording_count; i++) {
        const struct sample *sample = sample_of(making, i, entry);
        judging->numbers[i] = sample->calls > 0 ? sample->self_ns / sample->calls : 0;
    }
    set_sides(judging, each);
    set_change(each, judging->pace);
    bool same_calls = function->calls.most[DIFF_OLD] == function->calls.least[DIFF_NEW] &&
                      function->calls.least[DIFF_OLD] == function->calls.most[DIFF_NEW];
    bool judged = all_above(judging, 0);
    struct verdict of_each = {0, 0, false};
    if (judged) {
        of_each = judge_means(judging, entry);
        of_each = judge_quantiles(judging, entry, of_each);
    }
    for (size_t i = 0; i < making->recording_count; i++)
        judging->numbers[i] = sample_of(making, i, entry)->self_ns;
    set_sides(judging, self);
    set_change(self, judging->pace);
    if (!judged || !is_worth(judging, self))
        return;
    struct verdict of_all = of_each;
    if (!same_calls)
        of_all = judge_means(judging, entry);
    set_verdict(self, &of_all, judging->min_time_ns);
    double calls = fmax(function->calls.sides[DIFF_NEW], 1);
    set_verdict(each, &of_each, judging->min_time_ns / calls);
}

static void judge_total(struct judging *judging, size_t entry, struct diff_function *function)
{
    const struct making *making = judging->making;
    for (size_t i = 0; i < making->recording_count; i++)
        judging->numbers[i] = sample_of(making, i, entry)->total_ns;
    set_sides(judging, &function->total);
    set_change(&function->total, judging->pace);
    if (!is_worth(judging, &function->total) || !all_above(judging, 0))
        return;
    for (size_t i = 0; i < making->recording_count; i++) {
        const struct sample *sample = sample_of(making, i, entry);
        double probe = NOISE_PROBE * whole_of(making, i)->meta.cost_pct / 100;
        double waited = sample->total_wall_ns > 0 ? sample->total_wait_ns / sample->total_wall_ns
                                                  : 0;
        judging->steady[i] = noise_short(sample->total_ns) + probe * probe;
        judging->own[i] = judging->steady[i] + TOTAL_WAIT * TOTAL_WAIT * waited * waited +
                          sample->jitter;
    }
    struct verdict verdict = judge_times(judging, SNAPSHOT_NONE, true, 0);
    set_verdict(&function->total, &verdict, judging->min_time_ns);
}

static void judge_p99(struct judging *judging, size_t entry, struct diff_function *function)
{
    const struct making *making = judging->making;
    bool enough = true;
    for (size_t i = 0; i < making->recording_count; i++) {
        judging->numbers[i] = sample_of(making, i, entry)->p99_ns;
        enough &= sample_of(making, i, entry)->calls >= P99_CALLS_LEAST;
    }
    set_sides(judging, &function->p99);
    set_change(&function->p99, judging->pace);
    if (!enough || !is_worth(judging, &function->self) || !all_above(judging, 0))
        return;
    set_own(judging, entry);
    struct verdict verdict = judge_times(judging, (int32_t)entry, true, P99_DOUBT * P99_DOUBT);
    set_verdict(&function->p99, &verdict, 0);
}

/* Where its calls' quantiles are known and it calls no other: by the shortest waits. */
static bool judge_waiting(struct judging *judging, size_t entry, struct diff_measure *wait)
{
    const struct making *making = judging->making;
    if (!pace_quantile_logs(making, entry, true, judging->logs, judging->shapes, judging->scratch))
        return false;
    for (size_t i = 0; i < making->recording_count; i++) {
        judging->logs[i] = exp(judging->logs[i]);
        judging->steady[i] = noise_waiting(making, i, entry);
        judging->own[i] = judging->steady[i] + judging->shapes[i];
    }
    struct noise_times times = {judging->logs, judging->own, judging->steady};
    struct verdict verdict =
        noise_judge(judging->pacing, (int32_t)entry, false, &times, judging->scratch);
    double means = log(wait->sides[DIFF_NEW] / wait->sides[DIFF_OLD]);
    verdict.certain &= means / verdict.change > QUANTILES_AGREE;
    set_verdict(wait, &verdict, judging->min_time_ns);
    return true;
}

/* Else only by the recordings' spread: nothing within one recording tells what is usual. */
static void judge_wait(struct judging *judging, size_t entry, struct diff_function *function)
{
    const struct making *making = judging->making;
    struct diff_measure *wait = &function->wait;
    for (size_t i = 0; i < making->recording_count; i++)
        judging->numbers[i] = sample_of(making, i, entry)->wait_ns;
    set_sides(judging, wait);
    set_change(wait, 1);
    if (making->request->clock != CLOCK_CPU || !is_worth(judging, wait) || !all_above(judging, 0) ||
        judge_waiting(judging, entry, wait) || !noise_has_many(making))
        return;
    for (size_t i = 0; i < making->recording_count; i++) {
        double here = judging->numbers[i];
        /* What a busy machine takes from a thread that works is no wait of the program's. */
        double taken = NOISE_WAIT_TAKEN * sample_of(making, i, entry)->self_ns / here;
        judging->own[i] = judging->steady[i] = noise_short(here) + taken * taken;
    }
    struct verdict verdict = judge_times(judging, SNAPSHOT_NONE, false, 0);
    demand(&verdict, WAIT_TIMES, WAIT_FLOOR);
    set_verdict(wait, &verdict, judging->min_time_ns);
}

/* --- what it is worth ---------------------------------------------------------------------------- */

static double share_of_calls(const struct diff_measure *calls)
{
    double most = fmax(calls->sides[DIFF_OLD], calls->sides[DIFF_NEW]);
    return most > 0 ? fabs(calls->change) / most : 0;
}

static void weigh(const struct judging *judging, struct diff_function *function)
{
    double old = function->self.sides[DIFF_OLD];
    double new = function->self.sides[DIFF_NEW] / judging->pace;
    double weight = 0;
    if (!function->sides[DIFF_OLD] || !function->sides[DIFF_NEW]) {
        function->changed = function->calls.way != DIFF_SAME;
        weight = fmax(old, new);
    }
    if (function->calls.way) {
        function->changed = true;
        weight = fmax(weight, share_of_calls(&function->calls) * fmax(old, new));
    }
    if (judging->per_call ? function->per_call.way : function->self.way) {
        function->changed = true;
        weight = fmax(weight, judging->per_call ? fabs(function->per_call.change) *
                                                      function->calls.sides[DIFF_NEW]
                                                : fabs(function->self.change));
    }
    if (function->wait.way) {
        function->changed = true;
        weight = fmax(weight, fabs(function->wait.change));
    }
    function->weight_ns = weight;
    function->matters = function->changed && weight >= judging->min_time_ns;
}

void judge_function(struct judging *judging, size_t entry, struct diff_function *function)
{
    const struct entry *from = &judging->making->entries[entry];
    function->sides[DIFF_OLD] = from->sides[DIFF_OLD];
    function->sides[DIFF_NEW] = from->sides[DIFF_NEW];
    function->renamed = from->renamed;
    judge_calls(judging, entry, function);
    judge_self(judging, entry, function);
    judge_total(judging, entry, function);
    judge_p99(judging, entry, function);
    judge_wait(judging, entry, function);
    judge_memory(judging, entry, function);
    weigh(judging, function);
}

/* --- the whole ----------------------------------------------------------------------------------- */

enum whole { WHOLE_SELF, WHOLE_CALLS, WHOLE_WAIT, WHOLE_DURATION };

static double births_of(const struct snapshot *whole)
{
    double births = 0;
    for (size_t i = 0; i < whole->object_count; i++)
        births += (double)whole->objects[i].births;
    return births;
}

static void judge_whole_memory(struct judging *judging, struct diff *diff)
{
    const struct making *making = judging->making;
    for (size_t i = 0; i < making->recording_count; i++)
        judging->numbers[i] = births_of(whole_of(making, i));
    judge_count(judging, &diff->whole_objects, shares_apart(judging));
    for (size_t i = 0; i < making->recording_count; i++)
        judging->numbers[i] = (double)whole_of(making, i)->meta.memory.total.bytes;
    judge_count(judging, &diff->whole_bytes, shares_apart(judging));
}

static double whole_number(const struct making *making, size_t recording, enum whole which)
{
    double sum = 0;
    if (which == WHOLE_DURATION)
        return (double)whole_of(making, recording)->meta.duration_ns;
    for (size_t e = 0; e < making->entry_count; e++) {
        const struct sample *sample = sample_of(making, recording, e);
        sum += which == WHOLE_SELF    ? sample->self_ns
               : which == WHOLE_CALLS ? sample->calls
                                      : sample->wait_ns;
    }
    return sum;
}

static void judge_sum(struct judging *judging, struct diff_measure *measure, enum whole which)
{
    const struct making *making = judging->making;
    for (size_t i = 0; i < making->recording_count; i++)
        judging->numbers[i] = whole_number(making, i, which);
    set_sides(judging, measure);
    set_change(measure, which == WHOLE_SELF ? judging->pace : 1);
    if (which == WHOLE_CALLS) {
        measure->noise_percent = 0;
        if (are_apart(measure, 1))
            measure->way = measure->change > 0 ? DIFF_UP : DIFF_DOWN;
    }
    if (which != WHOLE_SELF || !all_above(judging, 0))
        return;
    for (size_t i = 0; i < making->recording_count; i++) {
        double probe = NOISE_PROBE * whole_of(making, i)->meta.cost_pct / 100;
        judging->own[i] = judging->steady[i] = noise_short(judging->numbers[i]) + probe * probe;
    }
    struct verdict verdict = judge_times(judging, SNAPSHOT_NONE, true, 0);
    set_verdict(measure, &verdict, judging->min_time_ns);
}

void judge_whole(struct judging *judging, struct diff *diff)
{
    judge_sum(judging, &diff->whole_self, WHOLE_SELF);
    judge_sum(judging, &diff->whole_calls, WHOLE_CALLS);
    judge_sum(judging, &diff->whole_wait, WHOLE_WAIT);
    judge_sum(judging, &diff->duration, WHOLE_DURATION);
    judge_whole_memory(judging, diff);
}
