/* SPDX-License-Identifier: MIT */
/* Objects: from events to rows.
 * Why: see births.h. */
#include "model/births.h"

#include "model/fold.h"
#include "model/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUCKETS = 2 * BIRTHS_ROWS_MAX,
    TYPE_BUCKETS = 2 * BIRTHS_TYPES_MAX,
    FIRST_ALIVE = 1 << 12,
    FIRST_WAITING = 1 << 12,
    WAITING_MOST = 1 << 24,
    PAGE = 4096,
    TYPE_OTHER = 1,
};

static uint32_t mix(uint64_t key)
{
    return (uint32_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> 32);
}

/* --- names of types --------------------------------------------------------------------------- */

static uint64_t hash_text(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

static bool is_out(const struct births *births, uint32_t type)
{
    return births->types_out[type];
}

static uint32_t intern_type(struct births *births, const char *name, struct sites *sites)
{
    uint32_t at = mix(hash_text(name)) % TYPE_BUCKETS;
    for (; births->type_buckets[at]; at = (at + 1) % TYPE_BUCKETS)
        if (strcmp(births->types[births->type_buckets[at]], name) == 0)
            return births->type_buckets[at];
    char *copy = births->type_count < BIRTHS_TYPES_MAX ? strdup(name) : NULL;
    if (!copy)
        return TYPE_OTHER;
    births->types[births->type_count] = copy;
    births->types_out[births->type_count] = !sites_keep_type(sites, name);
    births->is_limited |= births->types_out[births->type_count];
    return births->type_buckets[at] = births->type_count++;
}

static uint32_t type_of(struct model *model, struct births_of_process *of, uint32_t id)
{
    struct symbols *symbols = &model->symbols;
    struct definition_text text;
    if (id == 0 || id >= SESSION_ID_LIMIT)
        return TYPE_OTHER;
    if (of->types[id])
        return of->types[id];
    bool found = symbols->define(symbols->define_context, id, symbols->buffer, &text) == 0 &&
                 text.fixed.kind == DEFINITION_TYPE;
    of->types[id] = found ? intern_type(&model->births, text.name, model->symbols.sites)
                          : TYPE_OTHER;
    if (is_out(&model->births, of->types[id]))
        symbols_tell_mode(symbols, id, MODE_OFF);
    return of->types[id];
}

/* --- rows ----------------------------------------------------------------------------------- */

static uint32_t find_row(struct births *births, uint32_t type, uint32_t symbol, uint32_t line,
                         bool before)
{
    uint64_t key = ((uint64_t)type << 40) ^ ((uint64_t)symbol << 20) ^ line ^
                   ((uint64_t)before << 63);
    uint32_t *bucket = &births->buckets[mix(key) % BUCKETS];
    for (uint32_t i = *bucket; i; i = births->rows[i].next_in_bucket) {
        const struct births_row *row = &births->rows[i];
        if (row->type == type && row->symbol == symbol && row->line == line &&
            row->before == before)
            return i;
    }
    if (births->row_count == BIRTHS_ROWS_MAX)
        return BIRTHS_ROW_OTHER;
    uint32_t index = births->row_count++;
    births->rows[index] = (struct births_row){
        .type = type, .symbol = symbol, .line = line, .before = before, .next_in_bucket = *bucket};
    return *bucket = index;
}

static void record_life(struct births *births, struct births_row *row, uint64_t ticks)
{
    uint32_t slot = histogram_slot(ticks < INT64_MAX / 2 ? (int64_t)ticks : INT64_MAX / 2);
    histogram_octave(&births->octaves, &row->life, slot / HISTOGRAM_SUBS)
        ->total[slot % HISTOGRAM_SUBS]++;
}

int64_t births_median(const struct births *births, const struct births_row *row)
{
    int64_t counts[HISTOGRAM_SLOTS] = {0};
    if (row->deaths == 0 || row->before)
        return -1;
    histogram_sum(&births->octaves, &row->life, counts);
    for (uint32_t i = 0; i < HISTOGRAM_SLOTS; i++)
        if (counts[i])
            return histogram_percentile(counts, 0.5);
    return -1;
}

/* --- what is alive -------------------------------------------------------------------------- */

static struct births_alive *alive_slot(const struct births_of_process *of, uint32_t address)
{
    uint32_t at = mix(address) & of->alive_mask;
    while (of->alive[at].row && of->alive[at].address != address)
        at = (at + 1) & of->alive_mask;
    return &of->alive[at];
}

static bool alive_grow(struct births_of_process *of)
{
    struct births_alive *old = of->alive;
    uint32_t count = of->alive_mask + 1;
    struct births_alive *grown =
        count < BIRTHS_ALIVE_MAX ? calloc(2 * (size_t)count, sizeof(*grown)) : NULL;
    if (!grown)
        return false;
    of->alive = grown;
    of->alive_mask = 2 * count - 1;
    for (uint32_t i = 0; i < count; i++)
        if (old[i].row)
            *alive_slot(of, old[i].address) = old[i];
    free(old);
    return true;
}

/* Those behind it in its chain move up. */
static void alive_remove(struct births_of_process *of, struct births_alive *slot)
{
    uint32_t hole = (uint32_t)(slot - of->alive), mask = of->alive_mask;
    for (uint32_t at = (hole + 1) & mask; of->alive[at].row; at = (at + 1) & mask) {
        uint32_t home = mix(of->alive[at].address) & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue; /* it would stand before its home */
        of->alive[hole] = of->alive[at];
        hole = at;
    }
    of->alive[hole].row = 0;
    of->alive_count--;
}

/* To whoever watches. */
static void tell(const struct model *model, enum watch_late what, const struct births_row *row,
                 struct watch_told told)
{
    if (!model_watch_wants_late(model->watch, what))
        return;
    told.what = what;
    told.symbol = row->symbol;
    told.line = row->line;
    told.number = row->type;
    told.name = model->births.types[row->type];
    model->watch->told(model->watch, model, &told);
}

static void end_life(struct model *model, const struct births_alive *alive, uint64_t counter,
                     uint32_t thread, bool is_seen)
{
    struct births *births = &model->births;
    struct births_row *row = &births->rows[alive->row];
    bool is_known = is_seen && counter >= alive->birth;
    tell(model, WATCH_DEATH, row,
         (struct watch_told){.counter = counter,
                             .ticks = is_known ? (int64_t)(counter - alive->birth) : 0,
                             .amount = alive->bytes,
                             .thread = thread});
    row->deaths++;
    row->live -= row->live > 0;
    row->live_bytes -= alive->bytes < row->live_bytes ? alive->bytes : row->live_bytes;
    if (is_known)
        record_life(births, row, counter - alive->birth);
}

static void put_alive(struct model *model, struct births_of_process *of,
                      const struct births_alive *born)
{
    if (of->alive_count >= of->alive_mask / 4 * 3 && !alive_grow(of) &&
        of->alive_count >= of->alive_mask - of->alive_mask / 16) {
        model->births.refused++;
        return;
    }
    struct births_alive *slot = alive_slot(of, born->address);
    if (slot->row)
        end_life(model, slot, born->birth, 0, false);
    else
        of->alive_count++;
    *slot = *born;
}

/* --- samples -------------------------------------------------------------------------------- */

/* At random distances, so that no loop of the program is in step with them. */
static bool is_sample(struct births_sampling *sampling)
{
    sampling->births++;
    if (sampling->left > 1) {
        sampling->left--;
        return false;
    }
    sampling->taken++;
    if (sampling->taken > BIRTHS_SAMPLES_A_S && sampling->taken % (BIRTHS_SAMPLES_A_S / 4) == 0 &&
        sampling->stride < UINT32_MAX / 4)
        sampling->stride *= 2;
    sampling->random ^= sampling->random << 13;
    sampling->random ^= sampling->random >> 17;
    sampling->random ^= sampling->random << 5;
    sampling->left = 1 + sampling->random % (2 * sampling->stride - 1);
    return true;
}

void births_tick(struct births *births)
{
    struct births_sampling *sampling = &births->sampling;
    uint64_t stride = 1 + sampling->births / BIRTHS_SAMPLES_A_S;
    sampling->stride = stride < UINT32_MAX / 4 ? (uint32_t)stride : UINT32_MAX / 4;
    if (sampling->left > sampling->stride)
        sampling->left = sampling->stride;
    sampling->births = sampling->taken = 0;
}

/* The task that runs: the innermost step on the thread's stack. */
static uint32_t task_of(const struct model *model, const struct track *track,
                        const struct entry *top)
{
    for (const struct entry *entry = top; entry > track->entries; entry--)
        if (entry->task && entry->task < model->tasks.count)
            return (uint32_t)model->tasks.tasks[entry->task].id;
    return 0;
}

/* Where the task is kept until the event's turn has come. One that waits for longer than the next BIRTHS_PENDING samples
 * has another's. */
static uint32_t keep_task(struct births *births, uint32_t task)
{
    births->last_pending = births->last_pending % (BIRTHS_PENDING - 1) + 1;
    births->pending[births->last_pending] = task;
    return births->last_pending;
}

static void keep_sample(struct births *births, const struct births_waiting *waiting,
                        struct births_place place)
{
    births->samples[births->sample_count++ % BIRTHS_SAMPLES] =
        (struct births_sample){.counter = waiting->event.counter,
                               .bytes = place.bytes,
                               .task = births->pending[waiting->pending],
                               .thread = waiting->thread,
                               .row = place.row,
                               .stride = births->sampling.stride};
}

/* --- events in order ------------------------------------------------------------------------ */

static void settle_birth(struct model *model, struct births_of_process *of,
                         const struct births_waiting *waiting)
{
    const struct event *event = &waiting->event;
    uint32_t id = event_id(event), number = id & (OBJECT_MORE - 1);
    bool is_brief = id != number && number;
    if (id == OBJECT_MORE) {
        struct births_alive born = of->moving;
        of->moving.row = 0;
        born.address = event->frame;
        if (born.row)
            put_alive(model, of, &born);
        return;
    }
    bool known = number && number < of->place_count && of->places[number].row;
    struct births_place place = known ? of->places[number]
                                      : (struct births_place){.row = BIRTHS_ROW_OTHER};
    struct births_row *row = &model->births.rows[place.row];
    struct watch_told told = {
        .counter = event->counter, .amount = place.bytes, .thread = waiting->thread};
    if (is_out(&model->births, row->type))
        return;
    row->births++;
    row->bytes += place.bytes;
    tell(model, WATCH_BIRTH, row, told);
    if (waiting->pending)
        keep_sample(&model->births, waiting, place);
    if (is_brief) {
        row->deaths++;
        record_life(&model->births, row, event->frame);
        told.counter += event->frame;
        told.ticks = event->frame;
        tell(model, WATCH_DEATH, row, told);
        return;
    }
    row->live++;
    row->live_bytes += place.bytes;
    put_alive(model, of,
              &(struct births_alive){event->counter, place.bytes, event->frame, place.row});
}

/* The id is the type's index by now. */
static void settle_death(struct model *model, struct births_of_process *of,
                         const struct event *event, uint32_t thread)
{
    struct births_alive *slot = alive_slot(of, event->frame);
    uint32_t id = event_id(event), type = id & (OBJECT_MORE - 1);
    if (id & OBJECT_MORE) {
        of->moving = *slot;
        if (slot->row)
            alive_remove(of, slot);
        return;
    }
    if (!slot->row && is_out(&model->births, type))
        return;
    if (!slot->row) {
        struct births_row *row = &model->births.rows[find_row(&model->births, type, 0, 0, true)];
        row->deaths++;
        tell(model, WATCH_DEATH, row,
             (struct watch_told){.counter = event->counter, .thread = thread});
        return;
    }
    end_life(model, slot, event->counter, thread, true);
    alive_remove(of, slot);
}

static void settle_size(struct births_of_process *of, const struct event *event)
{
    uint32_t id = event_id(event);
    if (id < of->place_count)
        of->places[id].bytes = event->frame & OBJECT_PAGES
                                   ? (uint64_t)(event->frame & ~OBJECT_PAGES) * PAGE
                                   : event->frame;
}

static void settle_one(struct model *model, struct births_of_process *of,
                       const struct births_waiting *waiting)
{
    const struct event *event = &waiting->event;
    if (event_kind(event) == EVENT_OBJECT_BIRTH)
        settle_birth(model, of, waiting);
    else if (event_kind(event) == EVENT_OBJECT_DEATH)
        settle_death(model, of, event, waiting->thread);
    else
        settle_size(of, event);
}

static int by_counter(const void *a, const void *b)
{
    const struct births_waiting *one = a, *other = b;
    if (one->event.counter != other->event.counter)
        return one->event.counter < other->event.counter ? -1 : 1;
    /* It may have begun anew between the two. */
    return ((other->order - one->order) & BIRTHS_ORDER_MASK) <= BIRTHS_ORDER_MASK / 2 ? -1 : 1;
}

/* Those before `horizon`. */
static void settle(struct model *model, struct births_of_process *of, uint64_t horizon)
{
    size_t taken = 0;
    if (of->is_unsorted)
        qsort(of->waiting, of->waiting_count, sizeof(*of->waiting), by_counter);
    of->is_unsorted = false;
    for (; taken < of->waiting_count && of->waiting[taken].event.counter < horizon; taken++)
        settle_one(model, of, &of->waiting[taken]);
    of->waiting_count -= taken;
    if (of->waiting_count)
        memmove(of->waiting, of->waiting + taken, of->waiting_count * sizeof(*of->waiting));
}

void births_settle(struct model *model, struct process *process)
{
    if (process->births)
        settle(model, process->births, UINT64_MAX);
}

/* After a round that brought nothing, nothing is under way. */
void births_round(struct model *model, uint64_t now)
{
    struct births_of_process *of = model->process->births;
    if (!of)
        return;
    bool is_quiet = of->order == of->order_seen;
    settle(model, of, is_quiet ? UINT64_MAX : of->now[1]);
    of->order_seen = of->order;
    of->now[1] = of->now[0];
    of->now[0] = now;
}

/* --- events as they come -------------------------------------------------------------------- */

static struct births_of_process *present(struct model *model)
{
    struct process *process = model->process;
    struct births_of_process *of = process->births;
    if (of)
        return of;
    of = calloc(1, sizeof(*of));
    if (!of)
        return NULL;
    of->alive = calloc(FIRST_ALIVE, sizeof(*of->alive));
    of->alive_mask = FIRST_ALIVE - 1;
    of->places = region_new(BIRTHS_PLACES_MAX, sizeof(*of->places));
    of->types = region_new(SESSION_ID_LIMIT, sizeof(*of->types));
    process->births = of;
    if (of->alive && of->places && of->types)
        return of;
    births_end_process(model, process);
    return NULL;
}

static void add_place(struct model *model, struct births_of_process *of, struct track *track,
                      const struct event *event)
{
    uint32_t id = event_id(event);
    if (!(id & OBJECT_MORE)) {
        track->object_place = id;
        track->object_type = type_of(model, of, event->frame);
        return;
    }
    uint32_t place = track->object_place, function = id & (OBJECT_MORE - 1);
    track->object_place = 0;
    if (place == 0 || place >= BIRTHS_PLACES_MAX)
        return;
    uint32_t symbol = function ? symbols_handle(&model->symbols, function) >> 1 : 0;
    uint32_t row = find_row(&model->births, track->object_type,
                            symbol ? model->symbols.symbols[symbol].row : 0, event->frame, false);
    of->places[place] = (struct births_place){.row = row};
    if (place >= of->place_count)
        of->place_count = place + 1;
}

/* Without memory for what has to wait, it is taken out of order. */
static void wait_for_others(struct model *model, struct births_of_process *of,
                            const struct track *track, const struct births_waiting *waiting)
{
    if (of->waiting_count == of->waiting_limit) {
        size_t limit = of->waiting_limit ? 2 * of->waiting_limit : FIRST_WAITING;
        struct births_waiting *grown =
            limit <= WAITING_MOST ? realloc(of->waiting, limit * sizeof(*grown)) : NULL;
        if (!grown) {
            settle(model, of, UINT64_MAX);
            settle_one(model, of, waiting);
            return;
        }
        of->waiting = grown;
        of->waiting_limit = limit;
    }
    of->waiting[of->waiting_count] = *waiting;
    of->waiting[of->waiting_count++].order = of->order++ & BIRTHS_ORDER_MASK;
    /* One ring's are told late at most, and never past their own deaths. */
    of->is_unsorted |= waiting->event.counter < of->last && track != of->last_track;
    of->last_track = track;
    of->last = waiting->event.counter;
}

void births_event(struct model *model, struct track *track, const struct entry *top,
                  const struct event *event)
{
    struct births_of_process *of = present(model);
    if (!of)
        return;
    if (event_kind(event) == EVENT_OBJECT_PLACE) {
        add_place(model, of, track, event);
        return;
    }
    struct births_waiting waiting = {.event = *event, .thread = track->number & BIRTHS_THREAD_MASK};
    if (event_kind(event) == EVENT_OBJECT_DEATH) {
        uint32_t id = event_id(event);
        uint32_t type = type_of(model, of, id & (OBJECT_MORE - 1));
        waiting.event.kind_id = event_pack(EVENT_OBJECT_DEATH, (id & OBJECT_MORE) | type);
    } else if (event_kind(event) == EVENT_OBJECT_BIRTH && event_id(event) != OBJECT_MORE &&
               is_sample(&model->births.sampling)) {
        waiting.pending = keep_task(&model->births, task_of(model, track, top)) &
                          (BIRTHS_PENDING - 1);
    }
    wait_for_others(model, of, track, &waiting);
}

/* --- beginnings and ends -------------------------------------------------------------------- */

static void begin_rows(struct births *births)
{
    births->row_count = BIRTHS_ROW_OTHER + 1;
    births->rows[BIRTHS_ROW_OTHER] = (struct births_row){.type = TYPE_OTHER};
}

int births_init(struct births *births)
{
    *births = (struct births){
        .rows = region_new(BIRTHS_ROWS_MAX, sizeof(*births->rows)),
        .buckets = region_new(BUCKETS, sizeof(*births->buckets)),
        .types = region_new(BIRTHS_TYPES_MAX, sizeof(*births->types)),
        .types_out = region_new(BIRTHS_TYPES_MAX, sizeof(*births->types_out)),
        .type_buckets = region_new(TYPE_BUCKETS, sizeof(*births->type_buckets)),
        .type_count = 1,
        .samples = calloc(BIRTHS_SAMPLES, sizeof(*births->samples)),
        .pending = calloc(BIRTHS_PENDING, sizeof(*births->pending)),
        .sampling = {.stride = 1, .random = 2463534242U},
    };
    if (histogram_pool_init(&births->octaves, BIRTHS_OCTAVES_MAX) || !births->rows ||
        !births->buckets || !births->types || !births->types_out || !births->samples ||
        !births->pending || !births->type_buckets ||
        intern_type(births, "(other)", NULL) != TYPE_OTHER)
        return -ENOMEM;
    begin_rows(births);
    return 0;
}

void births_done(struct births *births)
{
    for (uint32_t i = 0; births->types && i < births->type_count; i++)
        free(births->types[i]);
    free(births->samples);
    free(births->pending);
    region_free(births->rows, BIRTHS_ROWS_MAX, sizeof(*births->rows));
    region_free(births->buckets, BUCKETS, sizeof(*births->buckets));
    region_free(births->types, BIRTHS_TYPES_MAX, sizeof(*births->types));
    region_free(births->types_out, BIRTHS_TYPES_MAX, sizeof(*births->types_out));
    region_free(births->type_buckets, TYPE_BUCKETS, sizeof(*births->type_buckets));
    histogram_pool_done(&births->octaves);
    *births = (struct births){0};
}

/* What is alive stays. */
void births_reset(struct model *model)
{
    struct births *births = &model->births;
    for (uint32_t i = 1; i < births->row_count; i++) {
        struct births_row *row = &births->rows[i];
        row->births = row->deaths = 0;
        row->bytes = 0;
        row->life = (struct histogram){0};
    }
    region_clear(births->octaves.octaves, births->octaves.used, sizeof(struct octave));
    births->octaves.used = 1;
}

void births_end_process(struct model *model, struct process *process)
{
    struct births_of_process *of = process->births;
    if (!of)
        return;
    settle(model, of, UINT64_MAX);
    free(of->waiting);
    region_free(of->places, BIRTHS_PLACES_MAX, sizeof(*of->places));
    region_free(of->types, SESSION_ID_LIMIT, sizeof(*of->types));
    free(of->alive);
    free(of);
    process->births = NULL;
}

void births_meet_type(struct model *model, uint32_t id)
{
    struct births_of_process *of = present(model);
    if (of)
        type_of(model, of, id);
}

void births_forget(struct model *model, uint32_t id)
{
    struct births_of_process *of = model->process->births;
    if (!of || id >= SESSION_ID_LIMIT)
        return;
    if (is_out(&model->births, of->types[id]))
        symbols_tell_mode(&model->symbols, id, MODE_RECORD);
    of->types[id] = 0;
}

/* --- patterns ------------------------------------------------------------------------------- */

bool births_row_is_kept(const struct model *model, const struct births_row *row)
{
    return !is_out(&model->births, row->type) &&
           !(row->symbol && model->symbols.symbols[row->symbol].left_out);
}

void births_resite(struct model *model)
{
    struct births *births = &model->births;
    births->is_limited = false;
    for (uint32_t i = TYPE_OTHER + 1; i < births->type_count; i++) {
        births->types_out[i] = !sites_keep_type(model->symbols.sites, births->types[i]);
        births->is_limited |= births->types_out[i];
    }
    for (uint32_t i = BIRTHS_ROW_OTHER; i < births->row_count; i++) {
        struct births_row *row = &births->rows[i];
        if (!is_out(births, row->type))
            continue;
        row->births = row->deaths = row->live = 0;
        row->bytes = row->live_bytes = 0;
        row->life = (struct histogram){0};
    }
}

/* Removing moves others to where one has just been, so that place is looked at again. */
static void leave_out_alive(const struct births *births, struct births_of_process *of)
{
    for (uint32_t i = 0; i <= of->alive_mask; i++)
        while (of->alive[i].row && is_out(births, births->rows[of->alive[i].row].type))
            alive_remove(of, &of->alive[i]);
}

void births_resite_ids(struct model *model)
{
    struct births_of_process *of = model->process->births;
    if (!of)
        return;
    settle(model, of, UINT64_MAX);
    leave_out_alive(&model->births, of);
    for (uint32_t id = 1; id < SESSION_ID_LIMIT; id++)
        if (of->types[id])
            symbols_tell_mode(&model->symbols, id,
                              is_out(&model->births, of->types[id]) ? MODE_OFF : MODE_RECORD);
}
