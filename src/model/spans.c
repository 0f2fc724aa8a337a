/* SPDX-License-Identifier: MIT */
/* Spans by number, groups by name.
 * Why: see spans.h.
 * Rules: slots are used again; an array that grows moves, so no pointer outlives a call. */
#include "model/spans.h"

#include "model/fold.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUCKETS = SPANS_LIMIT,
    GROUP_BUCKETS = 2 * SPAN_GROUPS_LIMIT,
    OCTAVES = 1 << 15,
    FIRST_SPANS = 64,
    FIRST_FUNCTIONS = 16,
    QUEUED_MOST_S = 1000 * 1000 * 1000,
    FUNCTIONS_MOST = 1 << 12, /* of one span or group; more have no row of their own */
};

int spans_init(struct spans *spans)
{
    *spans = (struct spans){.count = 1, .limit = FIRST_SPANS, .group_count = 1};
    spans->spans = calloc(FIRST_SPANS, sizeof(*spans->spans));
    spans->buckets = calloc(BUCKETS, sizeof(*spans->buckets));
    spans->group_buckets = calloc(GROUP_BUCKETS, sizeof(*spans->group_buckets));
    if (!spans->spans || !spans->buckets || !spans->group_buckets ||
        histogram_pool_init(&spans->octaves, OCTAVES))
        return -ENOMEM;
    return 0;
}

void spans_done(struct spans *spans)
{
    for (uint32_t i = 1; i < spans->count; i++) {
        free(spans->spans[i].functions.slots);
        free(spans->spans[i].text);
    }
    for (uint32_t i = 1; i < spans->group_count; i++) {
        free(spans->groups[i].functions.slots);
        free(spans->groups[i].durations);
        free(spans->groups[i].strings);
    }
    free(spans->spans);
    free(spans->buckets);
    free(spans->pending);
    free(spans->groups);
    free(spans->group_buckets);
    histogram_pool_done(&spans->octaves);
    *spans = (struct spans){0};
}

/* Names stay: readers have them. */
void spans_reset(struct spans *spans)
{
    for (uint32_t i = 1; i < spans->group_count; i++) {
        struct span_group *group = &spans->groups[i];
        free(group->functions.slots);
        if (group->durations)
            memset(group->durations, 0, sizeof(*group->durations));
        *group = (struct span_group){.sort = group->sort,
                                     .name = group->name,
                                     .method = group->method,
                                     .status = group->status,
                                     .strings = group->strings,
                                     .hash = group->hash,
                                     .next = group->next,
                                     .durations = group->durations};
    }
    memset(spans->octaves.octaves, 0, spans->octaves.used * sizeof(*spans->octaves.octaves));
    spans->octaves.used = 1; /* [0] is nobody's own */
}

/* --- functions ------------------------------------------------------------------------------ */

static struct span_function *slot_of(const struct span_functions *functions, uint32_t symbol)
{
    uint32_t mask = functions->limit - 1, at = symbol * UINT32_C(0x9e3779b1) >> 12 & mask;
    while (functions->slots[at].symbol && functions->slots[at].symbol != symbol)
        at = (at + 1) & mask;
    return &functions->slots[at];
}

static bool grow_functions(struct span_functions *functions)
{
    struct span_functions grown = {.limit = functions->limit ? 2 * functions->limit
                                                             : FIRST_FUNCTIONS,
                                   .used = functions->used};
    if (grown.limit > FUNCTIONS_MOST || !(grown.slots = calloc(grown.limit, sizeof(*grown.slots))))
        return false;
    for (uint32_t i = 0; i < functions->limit; i++)
        if (functions->slots[i].symbol)
            *slot_of(&grown, functions->slots[i].symbol) = functions->slots[i];
    free(functions->slots);
    *functions = grown;
    return true;
}

void span_functions_add(struct span_functions *functions, uint32_t symbol, int64_t ticks)
{
    bool full = 4 * (functions->used + 1) > 3 * functions->limit;
    if (symbol == 0 || (full && !grow_functions(functions) && !functions->limit))
        return;
    struct span_function *slot = slot_of(functions, symbol);
    if (!slot->symbol) {
        if (functions->used + 1 >= functions->limit)
            return;
        slot->symbol = symbol;
        functions->used++;
    }
    slot->ticks += ticks;
}

static void add_functions(struct span_functions *to, const struct span_functions *from)
{
    for (uint32_t i = 0; i < from->limit; i++)
        if (from->slots[i].symbol)
            span_functions_add(to, from->slots[i].symbol, from->slots[i].ticks);
}

static uint32_t heaviest(const struct span_functions *functions)
{
    const struct span_function *found = NULL;
    for (uint32_t i = 0; i < functions->limit; i++)
        if (functions->slots[i].symbol && (!found || functions->slots[i].ticks > found->ticks))
            found = &functions->slots[i];
    return found ? found->symbol : 0;
}

static void add_sums(struct span_sums *sums, const struct span_sums *more)
{
    sums->wall_ticks += more->wall_ticks;
    sums->cpu_ticks += more->cpu_ticks;
    sums->wait_ticks += more->wait_ticks;
    sums->suspended_ticks += more->suspended_ticks;
    sums->socket_ticks += more->socket_ticks;
    sums->file_ticks += more->file_ticks;
}

/* --- by number ------------------------------------------------------------------------------ */

static uint32_t *bucket_of(const struct spans *spans, const struct process *process,
                           uint32_t number)
{
    uint64_t key = number ^ (uint64_t)(uintptr_t)process << 28;
    return &spans->buckets[(key * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & (BUCKETS - 1)];
}

static uint32_t find(const struct spans *spans, const struct process *process, uint32_t number)
{
    uint32_t at = *bucket_of(spans, process, number);
    while (at && (spans->spans[at].number != number || spans->spans[at].process != process))
        at = spans->spans[at].next;
    return at;
}

static uint32_t take_slot(struct spans *spans)
{
    if (spans->free) {
        uint32_t number = spans->free;
        spans->free = spans->spans[number].next;
        return number;
    }
    if (spans->count == SPANS_LIMIT)
        return 0;
    if (spans->count >= spans->limit) {
        uint32_t limit = 2 * spans->limit;
        struct span *grown = realloc(spans->spans, limit * sizeof(*grown));
        if (!grown)
            return 0;
        spans->spans = grown;
        spans->limit = limit;
    }
    return spans->count++;
}

static void await(struct spans *spans, uint32_t index)
{
    if (spans->spans[index].pending)
        return;
    if (spans->pending_count == spans->pending_limit) {
        uint32_t limit = spans->pending_limit ? 2 * spans->pending_limit : 64;
        uint32_t *grown = realloc(spans->pending, limit * sizeof(*grown));
        if (!grown)
            return; /* it is never summed up */
        spans->pending = grown;
        spans->pending_limit = limit;
    }
    spans->pending[spans->pending_count++] = index;
    spans->spans[index].pending = true;
}

uint32_t spans_find(struct model *model, uint32_t number, uint64_t counter)
{
    struct spans *spans = &model->spans;
    uint32_t index = find(spans, model->process, number);
    if (index)
        return index;
    index = take_slot(spans);
    if (!index) {
        spans->refused++;
        return 0;
    }
    uint32_t *bucket = bucket_of(spans, model->process, number);
    spans->spans[index] = (struct span){
        .process = model->process, .number = number, .heard = counter, .next = *bucket};
    *bucket = index;
    spans->live++;
    await(spans, index);
    return index;
}

static void drop(struct spans *spans, uint32_t index)
{
    struct span *span = &spans->spans[index];
    uint32_t *at = bucket_of(spans, span->process, span->number);
    while (*at && *at != index)
        at = &spans->spans[*at].next;
    if (*at)
        *at = span->next;
    free(span->functions.slots);
    free(span->text);
    *span = (struct span){.next = spans->free};
    spans->free = index;
    spans->live--;
}

/* Those of before the switch-on never end. */
static void drop_older(struct model *model, uint32_t number)
{
    struct spans *spans = &model->spans;
    for (uint32_t i = 1; i < spans->count; i++) {
        const struct span *span = &spans->spans[i];
        if (span->process == model->process && span->number < number && !span->pending)
            drop(spans, i);
    }
}

/* Of the span that begins or ends. */
static void take_text(struct span *span, struct span_track *told)
{
    char *text = told->text_size ? realloc(span->text, told->text_size) : NULL;
    if (text) {
        memcpy(text, told->text, told->text_size);
        span->text = text;
        span->text_size = told->text_size;
    }
    told->text_size = 0;
}

void spans_begin(struct model *model, struct track *track, const struct event *event)
{
    uint32_t sort = event_id(event) & (SPAN_FIRST - 1);
    if (event_id(event) & SPAN_FIRST)
        drop_older(model, event->frame);
    uint32_t index = spans_find(model, event->frame, event->counter);
    struct span *span = &model->spans.spans[index];
    if (index && !span->begun) {
        span->begun = true;
        span->begin = event->counter;
        span->parent = track->spans.told;
        span->sort = (unsigned char)(sort < SPAN_SORTS ? sort : SPAN_PLAIN);
        if (!span->ended)
            take_text(span, &track->spans);
    }
    track->spans.text_size = 0;
    span_steps_tell(track, event->frame, true);
}

void spans_end(struct model *model, struct track *track, const struct event *event)
{
    struct span_track *told = &track->spans;
    uint32_t index = spans_find(model, event->frame, event->counter);
    struct span *span = &model->spans.spans[index];
    if (index && !span->ended) {
        span->ended = true;
        span->failed = event_id(event) != 0;
        span->end = event->counter;
        take_text(span, told);
        await(&model->spans, index);
    }
    told->text_size = 0;
}

void spans_add_io(struct model *model, const struct process *process, uint32_t number,
                  enum io_sort sort, int64_t ticks)
{
    uint32_t index = number ? find(&model->spans, process, number) : 0;
    if (!index)
        return;
    if (sort == IO_SORT_SOCKET)
        model->spans.spans[index].sums.socket_ticks += ticks;
    else if (sort == IO_SORT_FILE)
        model->spans.spans[index].sums.file_ticks += ticks;
}

void spans_add_wait(struct model *model, const struct process *process, uint32_t number,
                    int64_t ticks)
{
    uint32_t index = number ? find(&model->spans, process, number) : 0;
    if (!index)
        return;
    struct span_sums *sums = &model->spans.spans[index].sums;
    int64_t most_ticks = ticks < sums->cpu_ticks ? ticks : sums->cpu_ticks;
    sums->cpu_ticks -= most_ticks;
    sums->wait_ticks += most_ticks;
}

/* --- groups --------------------------------------------------------------------------------- */

/* What was told of a span, each ended by a zero byte. */
struct words {
    const char *name, *method, *status, *labels;
    size_t label_bytes;
    char text[SPAN_TEXT_MOST + 8];
};

static void read_words(const struct span *span, struct words *words)
{
    const char **const all[] = {&words->name, &words->method, &words->status, &words->labels};
    uint32_t size = span->text_size < SPAN_TEXT_MOST ? span->text_size : SPAN_TEXT_MOST, at = 0;
    memset(words->text, 0, sizeof(words->text));
    if (size)
        memcpy(words->text, span->text, size);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        *all[i] = words->text + at;
        if (i < 3)
            at += at < size ? (uint32_t)strlen(words->text + at) + 1 : 0;
    }
    words->label_bytes = at < size ? size - at : 0;
}

/* `12.345678s`; what is none, or too much, is 0. A point whatever the locale. */
static int64_t read_seconds_ns(const char *text)
{
    char *end;
    uint64_t seconds = strtoull(text, &end, 10);
    int64_t ns = 0, unit_ns = 1000 * 1000 * 1000;
    if (seconds >= QUEUED_MOST_S)
        return 0;
    ns = (int64_t)seconds * unit_ns;
    for (const char *at = end + 1; *end == '.' && *at >= '0' && *at <= '9' && unit_ns > 1; at++)
        ns += (*at - '0') * (unit_ns /= 10);
    return ns;
}

/* The label `queued`, the target's word. */
static int64_t queued_ns(const struct words *words)
{
    static const char key[] = "queued=";
    const char *end = words->labels + words->label_bytes;
    for (const char *label = words->labels; label < end; label += strlen(label) + 1)
        if (strncmp(label, key, sizeof(key) - 1) == 0)
            return read_seconds_ns(label + sizeof(key) - 1);
    return 0;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return (hash ^ 0xff) * UINT64_C(0x9e3779b97f4a7c15);
}

static bool is_of(const struct span_group *group, unsigned sort, const struct words *words)
{
    return group->sort == sort && strcmp(group->name, words->name) == 0 &&
           strcmp(group->method, words->method) == 0 && strcmp(group->status, words->status) == 0;
}

static bool name_group(struct span_group *group, const struct words *words)
{
    size_t name = strlen(words->name) + 1, method = strlen(words->method) + 1,
           status = strlen(words->status) + 1;
    group->strings = malloc(name + method + status);
    if (!group->strings)
        return false;
    group->name = memcpy(group->strings, words->name, name);
    group->method = memcpy(group->strings + name, words->method, method);
    group->status = memcpy(group->strings + name + method, words->status, status);
    return true;
}

static bool room_for_group(struct spans *spans)
{
    if (spans->group_count < spans->group_limit)
        return true;
    uint32_t limit = spans->group_limit ? 2 * spans->group_limit : 16;
    struct span_group *grown = realloc(spans->groups, limit * sizeof(*grown));
    if (!grown)
        return false;
    spans->groups = grown;
    spans->group_limit = limit;
    return true;
}

static struct span_group *group_of(struct spans *spans, unsigned sort, struct words *words)
{
    if (spans->group_count + SPAN_SORTS >= SPAN_GROUPS_LIMIT) {
        words->name = "(other)";
        words->method = words->status = "";
    }
    uint64_t hash =
        hash_text(hash_text(hash_text(sort, words->name), words->method), words->status);
    uint32_t *bucket = &spans->group_buckets[(hash >> 20) % GROUP_BUCKETS];
    for (uint32_t at = *bucket; at; at = spans->groups[at].next)
        if (spans->groups[at].hash == hash && is_of(&spans->groups[at], sort, words))
            return &spans->groups[at];
    if (spans->group_count == SPAN_GROUPS_LIMIT || !room_for_group(spans))
        return NULL;
    struct span_group *group = &spans->groups[spans->group_count];
    *group = (struct span_group){.sort = (unsigned char)sort, .hash = hash, .next = *bucket};
    if (!name_group(group, words))
        return NULL;
    group->durations = calloc(1, sizeof(*group->durations));
    *bucket = spans->group_count++;
    return group;
}

static void be_slowest(struct span_group *group, const struct span *span, const struct words *words)
{
    size_t size = words->label_bytes < SPAN_LABELS - 1 ? words->label_bytes : SPAN_LABELS - 1;
    group->slowest = span->sums;
    group->slowest_begin = span->begin;
    group->slowest_symbol = heaviest(&span->functions);
    memcpy(group->slowest_labels, words->labels, size);
    group->slowest_labels[size] = '\0';
    for (size_t i = 0; i < size; i++) /* one a line */
        if (!group->slowest_labels[i])
            group->slowest_labels[i] = '\n';
    while (size && group->slowest_labels[size - 1] == '\n')
        group->slowest_labels[--size] = '\0';
}

/* To whoever watches, by its group's number. */
static void tell(const struct model *model, const struct span *span, const struct span_group *group)
{
    char name[SPAN_TEXT_MOST + 8];
    if (!model_watch_wants_late(model->watch, WATCH_SPAN))
        return;
    snprintf(name, sizeof(name), "%s%s%s%s%s", group->method, group->method[0] ? " " : "",
             group->name, group->status[0] ? " " : "", group->status);
    struct watch_told told = {.what = WATCH_SPAN,
                              .counter = span->end,
                              .amount = (uint64_t)span->sums.cpu_ticks,
                              .ticks = span->sums.wall_ticks,
                              .symbol = model->symbols.symbols[heaviest(&span->functions)].row,
                              .number = (uint32_t)(group - model->spans.groups),
                              .name = name,
                              .failed = span->failed};
    model->watch->told(model->watch, model, &told);
}

static void sum_up(struct model *model, struct span *span)
{
    struct spans *spans = &model->spans;
    struct words words;
    int64_t wall_ticks = (int64_t)(span->end - span->begin) - span->taken_ticks;
    int64_t in_threads_ticks = span->sums.cpu_ticks + span->sums.wait_ticks;
    uint32_t parent = span->parent ? find(spans, span->process, span->parent) : 0;
    span->sums.wall_ticks = wall_ticks > 0 ? wall_ticks : 0;
    if (span->sums.wall_ticks > in_threads_ticks)
        span->sums.suspended_ticks = span->sums.wall_ticks - in_threads_ticks;
    read_words(span, &words);
    if (!span->ended)
        words.status = "not ended";
    struct span_group *group = span->ended || span->text ? group_of(spans, span->sort, &words)
                                                         : NULL;
    if (group) {
        group->count++;
        group->errors += span->failed;
        if (span->sort == SPAN_TASK)
            group->queued_ns += queued_ns(&words);
        add_sums(&group->sums, &span->sums);
        add_functions(&group->functions, &span->functions);
        if (group->durations)
            histogram_add(&spans->octaves, group->durations, span->sums.wall_ticks, 1);
        if (group->count == 1 || span->sums.wall_ticks > group->slowest.wall_ticks)
            be_slowest(group, span, &words);
    }
    if (group)
        tell(model, span, group);
    if (!parent)
        return;
    struct span *outer = &spans->spans[parent];
    outer->sums.cpu_ticks += span->sums.cpu_ticks;
    outer->sums.wait_ticks += span->sums.wait_ticks;
    outer->sums.socket_ticks += span->sums.socket_ticks;
    outer->sums.file_ticks += span->sums.file_ticks;
    outer->taken_ticks += span->taken_ticks;
    add_functions(&outer->functions, &span->functions);
}

/* --- when all has been heard ---------------------------------------------------------------- */

/* Whether the span's turn has come: it is summed up, dropped, or goes on. */
static bool is_settled(struct model *model, uint32_t index, uint64_t counter)
{
    struct span *span = &model->spans.spans[index];
    if (span->begun && span->ended && span->end <= counter) {
        sum_up(model, span);
        drop(&model->spans, index);
        return true;
    }
    if (!span->begun && span->heard <= counter) { /* it began before the switch-on */
        drop(&model->spans, index);
        return true;
    }
    if (span->begun && !span->ended) {
        span->pending = false;
        return true;
    }
    return false;
}

struct due {
    uint64_t when;
    uint32_t index;
};

static int by_when(const void *a, const void *b)
{
    const struct due *one = a, *other = b;
    return one->when < other->when ? -1 : one->when > other->when;
}

/* Where waits are told after the fact, a span is summed up when they have been; half a second is long enough to wait for
 * one who does not tell them. */
static uint64_t known_to(const struct model *model, uint64_t counter)
{
    uint64_t patience_ticks = 100000 * model->gap_ticks;
    if (!model->waits_told_to || counter == UINT64_MAX || model->waits_told_to >= counter)
        return counter;
    return counter - model->waits_told_to < patience_ticks ? model->waits_told_to
                                                           : counter - patience_ticks;
}

void spans_apply(struct model *model, const struct process *process, uint64_t counter)
{
    counter = known_to(model, counter);
    struct spans *spans = &model->spans;
    uint32_t kept = 0, count = 0;
    struct due *due = spans->pending_count ? calloc(spans->pending_count, sizeof(*due)) : NULL;
    if (!due)
        return;
    for (uint32_t i = 0; i < spans->pending_count; i++) {
        uint32_t index = spans->pending[i];
        const struct span *span = &spans->spans[index];
        if (span->process != process)
            spans->pending[kept++] = index;
        else
            due[count++] = (struct due){span->ended ? span->end : UINT64_MAX, index};
    }
    qsort(due, count, sizeof(*due), by_when); /* inner ones before those that they are in */
    for (uint32_t i = 0; i < count; i++)
        if (!is_settled(model, due[i].index, counter))
            spans->pending[kept++] = due[i].index;
    spans->pending_count = kept;
    free(due);
}

static int by_when_down(const void *a, const void *b)
{
    return by_when(b, a);
}

void spans_cut(struct model *model, const struct process *process, uint64_t since, uint64_t counter)
{
    struct spans *spans = &model->spans;
    spans_apply(model, process, UINT64_MAX);
    struct due *due = spans->live ? calloc(spans->live, sizeof(*due)) : NULL;
    uint32_t count = 0;
    if (!due)
        return;
    for (uint32_t i = 1; i < spans->count && count < spans->live; i++) {
        const struct span *span = &spans->spans[i];
        if (span->process == process && span->begun && span->begin >= since)
            due[count++] = (struct due){span->begin, i};
    }
    qsort(due, count, sizeof(*due), by_when_down); /* inner ones before those that they are in */
    for (uint32_t i = 0; i < count; i++) {
        struct span *span = &spans->spans[due[i].index];
        span->end = counter;
        span->failed = true;
        sum_up(model, span);
        drop(spans, due[i].index);
    }
    free(due);
}

void spans_end_process(struct model *model, const struct process *process)
{
    spans_apply(model, process, UINT64_MAX);
    for (uint32_t i = 1; model->spans.live && i < model->spans.count; i++)
        if (model->spans.spans[i].process == process)
            drop(&model->spans, i);
}
