/* SPDX-License-Identifier: MIT */
/* Match, measure, judge, order.
 * Why two passes of judging: a function that has changed is no witness of the machine's pace; the first
 * pass finds those, the second goes without them.
 * Rules: as diff.h. */
#include "diff/diff.h"

#include "diff/diff_judge.h"
#include "diff/diff_parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PASSES = 2 };

/* Of the old time. */
#define MIN_TIME_SHARE 0.001

/* A pace nearer to the other one is none: too small to be told from a change of one function. */
#define PACE_LEAST 0.01

static double whole_self(const struct making *making, enum diff_side side, double *scratch)
{
    size_t from = side == DIFF_OLD ? 0 : making->request->counts[DIFF_OLD];
    size_t count = making->request->counts[side];
    for (size_t i = 0; i < count; i++) {
        scratch[i] = 0;
        for (size_t e = 0; e < making->entry_count; e++)
            scratch[i] += sample_of(making, from + i, e)->self_ns;
    }
    return diff_median(scratch, count);
}

static void set_paces(struct judging *judging, struct diff *diff)
{
    const struct making *making = judging->making;
    double *logs = judging->numbers;
    double middle[DIFF_SIDES];
    for (enum diff_side side = DIFF_OLD; side < DIFF_SIDES; side++) {
        size_t from = side == DIFF_OLD ? 0 : making->request->counts[DIFF_OLD];
        for (size_t i = 0; i < making->request->counts[side]; i++)
            logs[i] = pacing_of(judging->pacing, from + i, SNAPSHOT_NONE);
        middle[side] = diff_median(logs, making->request->counts[side]);
    }
    double apart = middle[DIFF_NEW] - middle[DIFF_OLD];
    bool counts = fabs(apart) >= PACE_LEAST;
    diff->pace = judging->pace = counts ? exp(apart) : 1;
    for (size_t i = 0; i < making->recording_count; i++) {
        double log_pace = pacing_of(judging->pacing, i, SNAPSHOT_NONE) - middle[DIFF_OLD];
        bool is_new = side_of(making, i) == DIFF_NEW;
        diff->paces[i].ratio = exp(is_new && !counts ? log_pace - apart : log_pace);
        diff->paces[i].witness = judging->pacing->count;
    }
}

/* How much more the new side did, by functions that both have. */
static int set_work(struct judging *judging, struct diff *diff)
{
    const struct making *making = judging->making;
    struct diff_weighed *weighed =
        arena_array(making->scratch, making->entry_count + 1, sizeof(*weighed));
    if (!weighed)
        return -ENOMEM;
    size_t count = 0;
    for (size_t e = 0; e < making->entry_count; e++) {
        double sums[DIFF_SIDES] = {0, 0}, self = 0;
        for (size_t i = 0; i < making->recording_count; i++) {
            const struct sample *sample = sample_of(making, i, e);
            enum diff_side side = side_of(making, i);
            sums[side] += sample->calls / (double)making->request->counts[side];
            self += sample->self_ns;
        }
        /* What runs once does so in a long run, too. */
        if (sums[DIFF_OLD] >= 2 && sums[DIFF_NEW] >= 2)
            weighed[count++] = (struct diff_weighed){log(sums[DIFF_NEW] / sums[DIFF_OLD]), self};
    }
    diff->work = judging->work = exp(diff_weighed_median(weighed, count));
    return 0;
}

static int judge_all(struct making *making, struct diff *diff)
{
    struct judging judging = {.per_call = making->request->per_call};
    bool *excluded = arena_array(making->scratch, making->entry_count + 1, sizeof(*excluded));
    if (!excluded || judge_init(&judging, making))
        return -ENOMEM;
    double old = whole_self(making, DIFF_OLD, judging.scratch);
    diff->min_time_ns = diff->request.min_time_ns != DIFF_UNSET ? diff->request.min_time_ns
                                                                : (int64_t)(old * MIN_TIME_SHARE);
    judging.min_time_ns = (double)diff->min_time_ns;
    if (set_work(&judging, diff))
        return -ENOMEM;
    for (int pass = 0; pass < PASSES; pass++) {
        struct pacing pacing, quantile_pacing;
        judging.pacing = &pacing;
        judging.quantile_pacing = &quantile_pacing;
        if (pacing_make(making, PACE_OF_MEANS, old * MIN_TIME_SHARE, excluded, &pacing) ||
            pacing_make(making, PACE_OF_QUANTILES, old * MIN_TIME_SHARE, excluded,
                        &quantile_pacing))
            return -ENOMEM;
        set_paces(&judging, diff);
        bool any = false;
        for (size_t e = 0; e < making->entry_count; e++) {
            diff->functions[e] = (struct diff_function){.changed = false};
            judge_function(&judging, e, &diff->functions[e]);
            excluded[e] = diff->functions[e].self.way != DIFF_SAME;
            any |= excluded[e];
        }
        judge_whole(&judging, diff);
        if (!any)
            break;
    }
    return 0;
}

/* --- order --------------------------------------------------------------------------------------- */

struct ordered {
    struct diff_function function;
    int32_t entry;
};

static const char *name_of(const struct diff_function *function)
{
    return (function->sides[DIFF_NEW] ? function->sides[DIFF_NEW] : function->sides[DIFF_OLD])
        ->qualname;
}

static int compare_functions(const void *left, const void *right)
{
    const struct ordered *a = left, *b = right;
    int a_rank = a->function.matters ? 0 : a->function.changed ? 1 : 2;
    int b_rank = b->function.matters ? 0 : b->function.changed ? 1 : 2;
    if (a_rank != b_rank)
        return a_rank - b_rank;
    double a_weight = a_rank < 2 ? a->function.weight_ns : fabs(a->function.self.change);
    double b_weight = b_rank < 2 ? b->function.weight_ns : fabs(b->function.self.change);
    if (a_weight != b_weight)
        return a_weight > b_weight ? -1 : 1;
    int order = strcmp(name_of(&a->function), name_of(&b->function));
    return order ? order : (a->entry > b->entry) - (a->entry < b->entry);
}

static void count_function(struct diff_sums *sums, const struct diff_function *function,
                           bool per_call)
{
    if (!function->changed)
        return;
    sums->matter += function->matters;
    sums->minor += !function->matters;
    if (!function->matters)
        return;
    if (!function->sides[DIFF_OLD]) {
        sums->added++;
        return;
    }
    if (!function->sides[DIFF_NEW]) {
        sums->gone++;
        return;
    }
    enum diff_way time = per_call || function->calls.way ? function->per_call.way
                                                         : function->self.way;
    sums->slower += time == DIFF_UP;
    sums->faster += time == DIFF_DOWN;
    sums->more += function->calls.way == DIFF_UP;
    sums->fewer += function->calls.way == DIFF_DOWN;
    sums->waits_up += function->wait.way == DIFF_UP;
    sums->waits_down += function->wait.way == DIFF_DOWN;
}

static int order_functions(struct making *making, struct diff *diff, int32_t **ret_function_of)
{
    size_t count = making->entry_count;
    struct ordered *ordered = arena_array(making->scratch, count + 1, sizeof(*ordered));
    int32_t *function_of = arena_array(making->scratch, count + 1, sizeof(*function_of));
    if (!ordered || !function_of)
        return -ENOMEM;
    for (size_t e = 0; e < count; e++)
        ordered[e] = (struct ordered){diff->functions[e], (int32_t)e};
    qsort(ordered, count, sizeof(*ordered), compare_functions);
    for (size_t i = 0; i < count; i++) {
        diff->functions[i] = ordered[i].function;
        function_of[ordered[i].entry] = (int32_t)i;
        count_function(&diff->sums, &diff->functions[i], diff->request.per_call);
    }
    diff->function_count = count;
    *ret_function_of = function_of;
    return 0;
}

static int make(struct making *making, struct diff *diff)
{
    int32_t *function_of;
    if (diff_match(making) || diff_rename(making) || diff_sample(making))
        return -ENOMEM;
    diff->functions = arena_array(diff->arena, making->entry_count + 1, sizeof(*diff->functions));
    diff->paces = arena_array(diff->arena, making->recording_count, sizeof(*diff->paces));
    if (!diff->functions || !diff->paces || judge_all(making, diff) ||
        order_functions(making, diff, &function_of) || diff_contexts(making, diff, function_of))
        return -ENOMEM;
    return diff_notes(diff);
}

struct diff *diff_make(const struct diff_request *request)
{
    struct arena *arena = arena_new();
    struct arena *scratch = arena ? arena_new() : NULL;
    struct diff *diff = scratch ? arena_alloc(arena, sizeof(*diff)) : NULL;
    if (!diff) {
        arena_free(scratch);
        arena_free(arena);
        return NULL;
    }
    diff->arena = arena;
    diff->request = *request;
    struct making making = {
        .request = &diff->request,
        .arena = arena,
        .scratch = scratch,
        .recording_count = request->counts[DIFF_OLD] + request->counts[DIFF_NEW],
    };
    int result = make(&making, diff);
    arena_free(scratch);
    if (result == 0)
        return diff;
    arena_free(arena);
    return NULL;
}

bool diff_recording_knows(const struct diff_recording *recording, const char *source)
{
    const struct snapshot *whole = recording->whole;
    for (size_t i = 0; i < whole->meta.source_count; i++)
        if (strcmp(whole->meta.sources[i].name, source) == 0 && whole->meta.sources[i].on_ns > 0)
            return true;
    return false;
}

bool diff_knows(const struct diff *diff, const char *source)
{
    const struct diff_request *request = &diff->request;
    for (size_t i = 0; i < request->counts[DIFF_OLD] + request->counts[DIFF_NEW]; i++)
        if (!diff_recording_knows(&request->recordings[i], source))
            return false;
    return true;
}

void diff_free(struct diff *diff)
{
    if (diff)
        arena_free(diff->arena);
}
