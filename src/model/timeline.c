/* SPDX-License-Identifier: MIT */
/* Making a timeline.
 * Why: see timeline_make.h.
 * Rules: as there. Rings go on while it is made: a place is read by its number, and one that was overwritten meanwhile
 * is met no more. */
#include "model/timeline_make.h"

#include "model/fold.h"

#include <stdlib.h>
#include <string.h>

enum {
    STEP = 1 << 15,       /* places of a ring that are looked at in one step */
    CELLS = 1 << 15,      /* of what is too short for a column; a power of two */
    DEPTH_MOST = 512,     /* of what is open */
    SLACK_NS = 2000000000 /* rings of threads are read in turns: ends are in order but for that */
};

/* Several, in one column of one row of a thread. */
struct cell {
    uint64_t key, longest, busy, from, to;
    uint32_t thread, task, function, count;
    uint16_t depth, kind;
};

struct maker_list {
    struct kept_call *calls;
    size_t count, limit;
    bool full; /* no memory */
};

struct timeline_maker {
    struct timeline_source source;
    struct timeline_query query;
    uint64_t from, to, width, slack;
    struct timeline *made;
    struct maker_list slices, calls;
    size_t open_count; /* of the slices, the first */
    struct cell *cells;
    size_t cell_count;
    uint32_t class_number;
    uint64_t at; /* the next place of that ring, from the newest back; counts down */
    bool begun;  /* with the class */
    bool failed;
};

static int64_t ns_of(const struct timeline_maker *maker, uint64_t counter)
{
    int64_t ticks = (int64_t)(counter - maker->source.start);
    return ticks > 0 ? (int64_t)((double)ticks * maker->source.ns_per_tick) : 0;
}

static int64_t length_ns(const struct timeline_maker *maker, uint64_t ticks)
{
    return (int64_t)((double)ticks * maker->source.ns_per_tick);
}

static uint64_t counter_of(const struct timeline_maker *maker, int64_t ns)
{
    return maker->source.start + (ns > 0 ? (uint64_t)((double)ns / maker->source.ns_per_tick) : 0);
}

static uint32_t row_of(const struct model *model, uint32_t node)
{
    return model->symbols.symbols[model->nodes.nodes[node].symbol].row;
}

static uint32_t function_of(const struct model *model, const struct kept_call *call)
{
    return call->kind == TIMELINE_CALL ? row_of(model, call->what) : call->what;
}

static void list_add(struct maker_list *list, const struct kept_call *call)
{
    if (list->count == list->limit) {
        size_t limit = list->limit ? list->limit * 2 : 1024;
        struct kept_call *grown = realloc(list->calls, limit * sizeof(*grown));
        list->full = list->full || !grown;
        if (!grown)
            return;
        list->calls = grown;
        list->limit = limit;
    }
    list->calls[list->count++] = *call;
}

/* --- what is open --------------------------------------------------------------------------- */

/* A lock that nobody lets go is seen while it is waited for. */
static void add_open_wait(struct timeline_maker *maker, const struct track *track)
{
    const struct wait_open *open = &track->waiting;
    struct kept_call call = {.begin = open->since,
                             .end = maker->source.now,
                             .what = open->kind,
                             .track = track->number,
                             .kind = open->way == WAY_GIL ? TIMELINE_GIL : TIMELINE_LOCK};
    if (open->is_open && !open->until && call.begin < maker->to && call.end > call.begin)
        list_add(&maker->slices, &call);
}

/* Its node is the entry's; a begin that was not kept is the thread's first sight. */
static void add_open(struct timeline_maker *maker, const struct track *track)
{
    uint64_t off_since = waits_since(&track->waits);
    struct kept_call off = {
        .begin = off_since, .end = maker->source.now, .track = track->number, .kind = TIMELINE_OFF};
    for (uint32_t i = 1; i <= track->depth && i <= DEPTH_MOST && i < track->begin_limit; i++) {
        struct kept_call call = {.begin = track->begins[i].counter,
                                 .end = maker->source.now,
                                 .what = track->entries[i].node,
                                 .track = track->number,
                                 .task = track->begins[i].task,
                                 .depth = (uint16_t)(i - 1),
                                 .kind = TIMELINE_CALL};
        if (call.begin && call.begin < maker->to && call.end > call.begin)
            list_add(&maker->slices, &call);
    }
    if (off.begin && off.begin < maker->to && off.end > off.begin)
        list_add(&maker->slices, &off);
    add_open_wait(maker, track);
}

static bool wants_slices(const struct timeline_maker *maker)
{
    return maker->query.to_ns > maker->query.from_ns;
}

static void begin(struct timeline_maker *maker)
{
    const struct timeline_query *query = &maker->query;
    struct timeline *made = maker->made;
    uint32_t columns = query->columns;
    if (columns == 0 || columns > TIMELINE_COLUMNS_MOST)
        maker->query.columns = columns = columns ? TIMELINE_COLUMNS_MOST : 1000;
    if (query->slices == 0 || query->slices > TIMELINE_SLICES_MOST)
        maker->query.slices = TIMELINE_SLICES_MOST;
    made->now_ns = ns_of(maker, maker->source.now);
    made->from_ns = query->from_ns;
    made->to_ns = query->to_ns;
    maker->from = counter_of(maker, query->from_ns);
    maker->to = counter_of(maker, query->to_ns);
    maker->width = maker->to > maker->from ? (maker->to - maker->from) / columns : 0;
    maker->width += maker->width == 0;
    maker->slack = (uint64_t)(SLACK_NS / maker->source.ns_per_tick);
    if (!wants_slices(maker))
        return;
    for (const struct track *track = maker->source.model->tracks; track; track = track->next)
        if (track->on)
            add_open(maker, track);
    maker->open_count = maker->slices.count;
}

/* --- the function's own --------------------------------------------------------------------- */

static void fill_call(const struct timeline_maker *maker, const struct kept_call *from,
                      struct timeline_call *call, bool with_stack)
{
    const struct nodes *nodes = &maker->source.model->nodes;
    *call = (struct timeline_call){.from_ns = ns_of(maker, from->begin),
                                   .length_ns = length_ns(maker, from->end - from->begin),
                                   .thread = from->track,
                                   .task = from->task,
                                   .depth = from->depth};
    if (!with_stack)
        return;
    uint32_t stack[TIMELINE_STACK_MOST];
    size_t size = 0;
    for (uint32_t node = from->what;
         !nodes_is_root(&nodes->nodes[node]) && size < TIMELINE_STACK_MOST;
         node = nodes_parent(&nodes->nodes[node]))
        stack[size++] = row_of(maker->source.model, node);
    call->stack = calloc(size + 1, sizeof(*call->stack));
    for (size_t i = 0; call->stack && i < size; i++)
        call->stack[i] = stack[size - 1 - i];
    call->stack_size = call->stack ? size : 0;
}

static int slower(const void *left, const void *right)
{
    const struct timeline_call *a = left, *b = right;
    return (a->length_ns < b->length_ns) - (a->length_ns > b->length_ns);
}

static void take_slowest(struct timeline_maker *maker)
{
    const struct model *model = maker->source.model;
    const struct kept_slowest *slowest = maker->query.function < model->symbols.count
                                             ? model->kept->slowest[maker->query.function]
                                             : NULL;
    if (!slowest || !slowest->count)
        return;
    maker->made->slowest = calloc(slowest->count, sizeof(*maker->made->slowest));
    maker->failed = maker->failed || !maker->made->slowest;
    for (uint32_t i = 0; maker->made->slowest && i < slowest->count; i++)
        fill_call(maker, &slowest->calls[i], &maker->made->slowest[maker->made->slowest_count++],
                  true);
    if (maker->made->slowest)
        qsort(maker->made->slowest, maker->made->slowest_count, sizeof(*maker->made->slowest),
              slower);
}

static void add_bucket(const struct timeline_maker *maker, struct timeline_second *second,
                       uint32_t slot, int64_t count)
{
    int64_t ns = length_ns(maker, (uint64_t)histogram_value(slot));
    uint64_t size = (uint64_t)(ns > 0 ? ns : 1);
    uint32_t octave = 63 - (uint32_t)__builtin_clzll(size);
    /* sqrt(2) of an octave: 181/128 is near enough for a row of a picture */
    uint32_t bucket = octave * 2 + (octave >= 7 && size >= (UINT64_C(181) << (octave - 7)));
    second->buckets[bucket < TIMELINE_BUCKETS ? bucket : TIMELINE_BUCKETS - 1] += count;
    second->calls += count;
}

static void add_past(struct timeline_maker *maker, const struct window_second *from)
{
    struct timeline_second *second = &maker->made->seconds[maker->made->second_count++];
    bool cpu = maker->query.clock == CLOCK_CPU;
    second->from_ns = ns_of(maker, from->from);
    second->to_ns = ns_of(maker, from->to);
    for (uint32_t i = 0; i < from->row_count; i++) {
        const struct window_row *row = &from->rows[i];
        if (row->row != maker->query.function)
            continue;
        int64_t max_ticks = cpu ? row->max_cpu_ticks : row->max_ticks;
        second->max_ns = max_ticks > 0 ? length_ns(maker, (uint64_t)max_ticks) : 0;
        for (uint32_t j = 0; j < row->slot_count; j++) {
            uint32_t slot = from->slots[row->slot_first + j];
            if (!(slot & WINDOW_SLOT_CPU) || cpu)
                add_bucket(maker, second, slot & (WINDOW_SLOT_CPU - 1),
                           (int32_t)slot >> WINDOW_COUNT_SHIFT);
        }
    }
}

static void add_present_of(const struct timeline_maker *maker, struct timeline_second *second,
                           const struct histogram *histogram)
{
    const struct octave_pool *pool = &maker->source.model->symbols.octaves;
    for (uint32_t i = 0; i < HISTOGRAM_OCTAVES; i++) {
        if (!histogram->octave[i])
            continue;
        const struct octave *octave = &pool->octaves[histogram->octave[i]];
        for (uint32_t j = 0; j < HISTOGRAM_SUBS; j++)
            if (octave->second[j])
                add_bucket(maker, second, i * HISTOGRAM_SUBS + j, octave->second[j]);
    }
}

/* The second that has not ended stands in the histograms themselves. */
static void add_present(struct timeline_maker *maker)
{
    const struct symbols *symbols = &maker->source.model->symbols;
    struct timeline_second *second = &maker->made->seconds[maker->made->second_count++];
    bool cpu = maker->query.clock == CLOCK_CPU;
    second->from_ns = ns_of(maker, maker->source.model->windows.from);
    second->to_ns = maker->made->now_ns;
    for (uint32_t at = maker->query.function; at; at = symbols->symbols[at].next_twin) {
        const struct symbol *twin = &symbols->symbols[at];
        int64_t max_ticks = cpu ? twin->second_max_cpu_ticks : twin->second_max_ticks;
        int64_t max_ns = max_ticks > 0 ? length_ns(maker, (uint64_t)max_ticks) : 0;
        second->max_ns = max_ns > second->max_ns ? max_ns : second->max_ns;
        add_present_of(maker, second, &twin->wall);
        if (cpu && twin->cpu_difference)
            add_present_of(maker, second, twin->cpu_difference);
    }
}

static void take_seconds(struct timeline_maker *maker)
{
    const struct windows *windows = &maker->source.model->windows;
    if (maker->query.function < SYMBOL_FIRST ||
        maker->query.function >= maker->source.model->symbols.count)
        return;
    maker->made->seconds = calloc(TIMELINE_SECONDS + 1, sizeof(*maker->made->seconds));
    maker->failed = maker->failed || !maker->made->seconds;
    if (!maker->made->seconds)
        return;
    for (uint32_t i = TIMELINE_SECONDS; i-- > 0;) {
        const struct window_second *second = windows_back(windows, i);
        if (second)
            add_past(maker, second);
    }
    add_present(maker);
}

/* --- the rings ------------------------------------------------------------------------------ */

static void add_cell(struct timeline_maker *maker, const struct kept_call *call)
{
    uint64_t begin = call->begin > maker->from ? call->begin : maker->from;
    uint64_t column = (begin - maker->from) / maker->width;
    uint64_t key = (column << 19 | (uint64_t)call->kind << 16 | call->depth) ^
                   (uint64_t)call->track << 32 ^ (uint64_t)call->task << 44;
    size_t at = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 40) & (CELLS - 1);
    while (maker->cells[at].count && maker->cells[at].key != key)
        at = (at + 1) & (CELLS - 1);
    struct cell *cell = &maker->cells[at];
    uint64_t ticks = call->end - call->begin;
    if (!cell->count) {
        if (maker->cell_count >= CELLS / 2) {
            maker->made->left_out++;
            return;
        }
        maker->cell_count++;
        *cell = (struct cell){.key = key,
                              .from = call->begin,
                              .to = call->end,
                              .thread = call->track,
                              .task = call->task,
                              .depth = call->depth,
                              .kind = call->kind};
    }
    cell->count++;
    cell->busy += ticks;
    cell->from = call->begin < cell->from ? call->begin : cell->from;
    cell->to = call->end > cell->to ? call->end : cell->to;
    if (ticks >= cell->longest) {
        cell->longest = ticks;
        cell->function = function_of(maker->source.model, call);
    }
}

static void look_at(struct timeline_maker *maker, const struct kept_call *call)
{
    if (maker->query.calls && call->kind == TIMELINE_CALL &&
        row_of(maker->source.model, call->what) == maker->query.function &&
        maker->calls.count < 8 * (size_t)TIMELINE_CALLS_MOST)
        list_add(&maker->calls, call);
    if (!wants_slices(maker) || call->end <= maker->from || call->begin >= maker->to)
        return;
    if (call->end - call->begin >= maker->width)
        list_add(&maker->slices, call);
    else
        add_cell(maker, call);
}

static void begin_class(struct timeline_maker *maker, const struct kept_ring *ring)
{
    struct timeline_detail *detail = &maker->made->details[maker->class_number];
    maker->at = ring->count;
    maker->begun = true;
    detail->least_ns = length_ns(maker, kept_least_ticks(maker->class_number));
    if (ring->count > ring->limit) /* the oldest that is left; those that end later are all there */
        detail->from_ns = ns_of(maker, ring->calls[ring->count & (ring->limit - 1)].end);
}

bool timeline_step(struct timeline_maker *maker)
{
    bool wants = wants_slices(maker) || maker->query.calls;
    if (maker->class_number == TIMELINE_CLASSES || !wants || maker->failed)
        return false;
    const struct kept_ring *ring = &maker->source.model->kept->rings[maker->class_number];
    if (!maker->begun)
        begin_class(maker, ring);
    for (uint32_t i = 0; i < STEP; i++) {
        bool is_kept = maker->at > 0 && maker->at + ring->limit > ring->count;
        const struct kept_call *call = is_kept ? &ring->calls[(maker->at - 1) & (ring->limit - 1)]
                                               : NULL;
        if (!call || (!maker->query.calls && call->end + maker->slack < maker->from)) {
            maker->class_number++;
            maker->begun = false;
            return maker->class_number < TIMELINE_CLASSES;
        }
        maker->at--;
        look_at(maker, call);
    }
    return true;
}

struct timeline_maker *timeline_begin(const struct timeline_source *source,
                                      const struct timeline_query *query)
{
    struct timeline_maker *maker = source->model->kept ? calloc(1, sizeof(*maker)) : NULL;
    if (!maker)
        return NULL;
    maker->source = *source;
    maker->query = *query;
    maker->made = calloc(1, sizeof(*maker->made));
    maker->cells = calloc(CELLS, sizeof(*maker->cells));
    maker->failed = !maker->made || !maker->cells;
    if (maker->failed)
        return maker; /* timeline_finish says so */
    begin(maker);
    if (query->slowest)
        take_slowest(maker);
    if (query->seconds)
        take_seconds(maker);
    return maker;
}

/* --- handing over --------------------------------------------------------------------------- */

static int by_length(const void *left, const void *right)
{
    const struct kept_call *a = left, *b = right;
    uint64_t one = a->end - a->begin, other = b->end - b->begin;
    return (one < other) - (one > other);
}

static int by_busy(const void *left, const void *right)
{
    const struct cell *a = left, *b = right;
    return (a->busy < b->busy) - (a->busy > b->busy);
}

static int by_end(const void *left, const void *right)
{
    const struct kept_call *a = left, *b = right;
    return (a->end < b->end) - (a->end > b->end);
}

static int by_place(const void *left, const void *right)
{
    const struct timeline_slice *a = left, *b = right;
    if (a->thread != b->thread)
        return a->thread < b->thread ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->depth != b->depth)
        return a->depth < b->depth ? -1 : 1;
    return (a->from_ns > b->from_ns) - (a->from_ns < b->from_ns);
}

static int by_begin(const void *left, const void *right)
{
    const struct timeline_call *a = left, *b = right;
    return (a->from_ns > b->from_ns) - (a->from_ns < b->from_ns);
}

/* NULL: what it was is told by number. */
static const char *name_of(uint16_t kind, uint32_t what)
{
    switch (kind) {
    case TIMELINE_IO:
        return io_calls_operation(what);
    case TIMELINE_GIL:
    case TIMELINE_LOCK:
        return wait_sums_name((enum wait_kind)what);
    default:
        return NULL;
    }
}

static void put_slice(const struct timeline_maker *maker, const struct kept_call *call, bool open)
{
    maker->made->slices[maker->made->slice_count++] = (struct timeline_slice){
        .from_ns = ns_of(maker, call->begin),
        .length_ns = length_ns(maker, call->end - call->begin),
        .busy_ns = length_ns(maker, call->end - call->begin),
        .count = 1,
        .thread = call->track,
        .function = function_of(maker->source.model, call),
        .task = call->task,
        .depth = call->depth,
        .kind = (enum timeline_kind)call->kind,
        .name = name_of(call->kind, call->what),
        .open = open,
    };
}

static void put_cell(const struct timeline_maker *maker, const struct cell *cell)
{
    maker->made->slices[maker->made->slice_count++] = (struct timeline_slice){
        .from_ns = ns_of(maker, cell->from),
        .length_ns = length_ns(maker, cell->to - cell->from),
        .busy_ns = length_ns(maker, cell->busy),
        .count = cell->count,
        .thread = cell->thread,
        .function = cell->function,
        .task = cell->task,
        .depth = cell->depth,
        .kind = (enum timeline_kind)cell->kind,
        .name = name_of(cell->kind, cell->function),
    };
}

static void put_slices(struct timeline_maker *maker)
{
    struct timeline *made = maker->made;
    size_t most = maker->query.slices, count = maker->slices.count;
    size_t kept = count < most ? count : most;
    made->slices = calloc(most + 1, sizeof(*made->slices));
    maker->failed = maker->failed || !made->slices;
    if (!made->slices)
        return;
    size_t open = maker->open_count < kept ? maker->open_count : kept;
    for (size_t i = 0; i < open; i++)
        put_slice(maker, &maker->slices.calls[i], true);
    if (count > open)
        qsort(maker->slices.calls + open, count - open, sizeof(*maker->slices.calls), by_length);
    for (size_t i = open; i < kept; i++)
        put_slice(maker, &maker->slices.calls[i], false);
    made->left_out += count - kept;
    size_t cells = 0;
    for (size_t i = 0; i < CELLS; i++)
        if (maker->cells[i].count)
            maker->cells[cells++] = maker->cells[i];
    qsort(maker->cells, cells, sizeof(*maker->cells), by_busy);
    size_t room = most - kept;
    for (size_t i = 0; i < cells && i < room; i++)
        put_cell(maker, &maker->cells[i]);
    for (size_t i = room; i < cells; i++)
        made->left_out += maker->cells[i].count;
    qsort(made->slices, made->slice_count, sizeof(*made->slices), by_place);
}

static void put_calls(struct timeline_maker *maker)
{
    struct timeline *made = maker->made;
    size_t most = maker->query.calls < TIMELINE_CALLS_MOST ? maker->query.calls
                                                           : TIMELINE_CALLS_MOST;
    if (maker->calls.count == 0)
        return;
    qsort(maker->calls.calls, maker->calls.count, sizeof(*maker->calls.calls), by_end);
    most = maker->calls.count < most ? maker->calls.count : most;
    made->calls = calloc(most + 1, sizeof(*made->calls));
    maker->failed = maker->failed || !made->calls;
    for (size_t i = 0; made->calls && i < most; i++)
        fill_call(maker, &maker->calls.calls[i], &made->calls[made->call_count++], false);
    if (made->calls)
        qsort(made->calls, made->call_count, sizeof(*made->calls), by_begin);
}

struct timeline *timeline_finish(struct timeline_maker *maker)
{
    if (!maker)
        return NULL;
    struct timeline *made = maker->made;
    if (!maker->failed && wants_slices(maker))
        put_slices(maker);
    if (!maker->failed && maker->query.calls)
        put_calls(maker);
    if (maker->failed || maker->slices.full || maker->calls.full) {
        timeline_free(made);
        made = NULL;
    }
    free(maker->slices.calls);
    free(maker->calls.calls);
    free(maker->cells);
    free(maker);
    return made;
}

void timeline_free(struct timeline *timeline)
{
    if (!timeline)
        return;
    for (size_t i = 0; i < timeline->slowest_count; i++)
        free(timeline->slowest[i].stack);
    free(timeline->slowest);
    free(timeline->calls);
    free(timeline->slices);
    free(timeline->seconds);
    free(timeline);
}
