/* SPDX-License-Identifier: MIT */
/* Objects: from events to rows.
 * Why: see objects.h. */
#include "model/objects.h"

#include "model/fold.h"
#include "model/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    BUCKETS = 2 * OBJECTS_ROWS_MAX,
    TYPE_BUCKETS = 2 * OBJECTS_TYPES_MAX,
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

static uint32_t intern_type(struct objects *objects, const char *name)
{
    uint32_t at = mix(hash_text(name)) % TYPE_BUCKETS;
    for (; objects->type_buckets[at]; at = (at + 1) % TYPE_BUCKETS)
        if (strcmp(objects->types[objects->type_buckets[at]], name) == 0)
            return objects->type_buckets[at];
    char *copy = objects->type_count < OBJECTS_TYPES_MAX ? strdup(name) : NULL;
    if (!copy)
        return TYPE_OTHER;
    objects->types[objects->type_count] = copy;
    return objects->type_buckets[at] = objects->type_count++;
}

static uint32_t type_of(struct model *model, struct objects_of_process *of, uint32_t id)
{
    struct symbols *symbols = &model->symbols;
    struct definition_text text;
    if (id == 0 || id >= SESSION_ID_LIMIT)
        return TYPE_OTHER;
    if (of->types[id])
        return of->types[id];
    bool found = symbols->define(symbols->define_context, id, symbols->buffer, &text) == 0 &&
                 text.fixed.kind == DEFINITION_TYPE;
    return of->types[id] = found ? intern_type(&model->objects, text.name) : TYPE_OTHER;
}

/* --- rows ----------------------------------------------------------------------------------- */

static uint32_t find_row(struct objects *objects, uint32_t type, uint32_t symbol, uint32_t line,
                         bool before)
{
    uint64_t key = ((uint64_t)type << 40) ^ ((uint64_t)symbol << 20) ^ line ^
                   ((uint64_t)before << 63);
    uint32_t *bucket = &objects->buckets[mix(key) % BUCKETS];
    for (uint32_t i = *bucket; i; i = objects->rows[i].next_in_bucket) {
        const struct objects_row *row = &objects->rows[i];
        if (row->type == type && row->symbol == symbol && row->line == line &&
            row->before == before)
            return i;
    }
    if (objects->row_count == OBJECTS_ROWS_MAX)
        return OBJECTS_ROW_OTHER;
    uint32_t index = objects->row_count++;
    objects->rows[index] = (struct objects_row){.type = type,
                                                .symbol = symbol,
                                                .line = line,
                                                .before = before,
                                                .next_in_bucket = *bucket};
    return *bucket = index;
}

static void record_life(struct objects *objects, struct objects_row *row, uint64_t ticks)
{
    uint32_t slot = histogram_slot(ticks < INT64_MAX / 2 ? (int64_t)ticks : INT64_MAX / 2);
    histogram_octave(&objects->octaves, &row->life, slot / HISTOGRAM_SUBS)
        ->total[slot % HISTOGRAM_SUBS]++;
}

int64_t objects_median(const struct objects *objects, const struct objects_row *row)
{
    int64_t counts[HISTOGRAM_SLOTS] = {0};
    if (row->deaths == 0 || row->before)
        return -1;
    histogram_sum(&objects->octaves, &row->life, counts);
    for (uint32_t i = 0; i < HISTOGRAM_SLOTS; i++)
        if (counts[i])
            return histogram_percentile(counts, 0.5);
    return -1;
}

/* --- what is alive -------------------------------------------------------------------------- */

static struct objects_alive *alive_slot(const struct objects_of_process *of, uint32_t address)
{
    uint32_t at = mix(address) & of->alive_mask;
    while (of->alive[at].row && of->alive[at].address != address)
        at = (at + 1) & of->alive_mask;
    return &of->alive[at];
}

static bool alive_grow(struct objects_of_process *of)
{
    struct objects_alive *old = of->alive;
    uint32_t count = of->alive_mask + 1;
    struct objects_alive *grown =
        count < OBJECTS_ALIVE_MAX ? calloc(2 * (size_t)count, sizeof(*grown)) : NULL;
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
static void alive_remove(struct objects_of_process *of, struct objects_alive *slot)
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

static void end_life(struct objects *objects, const struct objects_alive *alive, uint64_t counter,
                     bool is_seen)
{
    struct objects_row *row = &objects->rows[alive->row];
    row->deaths++;
    row->live -= row->live > 0;
    row->live_bytes -= alive->bytes < row->live_bytes ? alive->bytes : row->live_bytes;
    if (is_seen && counter >= alive->birth)
        record_life(objects, row, counter - alive->birth);
}

static void put_alive(struct objects *objects, struct objects_of_process *of,
                      const struct objects_alive *born)
{
    if (of->alive_count >= of->alive_mask / 4 * 3 && !alive_grow(of) &&
        of->alive_count >= of->alive_mask - of->alive_mask / 16) {
        objects->refused++;
        return;
    }
    struct objects_alive *slot = alive_slot(of, born->address);
    if (slot->row)
        end_life(objects, slot, born->birth, false);
    else
        of->alive_count++;
    *slot = *born;
}

/* --- events in order ------------------------------------------------------------------------ */

static void settle_birth(struct objects *objects, struct objects_of_process *of,
                         const struct event *event)
{
    uint32_t id = event_id(event);
    if (id & OBJECT_MORE) {
        struct objects_alive born = of->moving;
        of->moving.row = 0;
        born.address = event->frame;
        if (born.row)
            put_alive(objects, of, &born);
        return;
    }
    bool known = id && id < of->place_count && of->places[id].row;
    struct objects_place place = known ? of->places[id]
                                       : (struct objects_place){.row = OBJECTS_ROW_OTHER};
    struct objects_row *row = &objects->rows[place.row];
    row->births++;
    row->live++;
    row->bytes += place.bytes;
    row->live_bytes += place.bytes;
    put_alive(objects, of,
              &(struct objects_alive){event->counter, place.bytes, event->frame, place.row});
}

/* The id is the type's index by now. */
static void settle_death(struct objects *objects, struct objects_of_process *of,
                         const struct event *event)
{
    struct objects_alive *slot = alive_slot(of, event->frame);
    uint32_t id = event_id(event), type = id & (OBJECT_MORE - 1);
    if (id & OBJECT_MORE) {
        of->moving = *slot;
        if (slot->row)
            alive_remove(of, slot);
        return;
    }
    if (!slot->row) {
        objects->rows[find_row(objects, type, 0, 0, true)].deaths++;
        return;
    }
    end_life(objects, slot, event->counter, true);
    alive_remove(of, slot);
}

static void settle_size(struct objects_of_process *of, const struct event *event)
{
    uint32_t id = event_id(event);
    if (id < of->place_count)
        of->places[id].bytes = event->frame & OBJECT_PAGES
                                   ? (uint64_t)(event->frame & ~OBJECT_PAGES) * PAGE
                                   : event->frame;
}

static void settle_one(struct objects *objects, struct objects_of_process *of,
                       const struct event *event)
{
    if (event_kind(event) == EVENT_OBJECT_BIRTH)
        settle_birth(objects, of, event);
    else if (event_kind(event) == EVENT_OBJECT_DEATH)
        settle_death(objects, of, event);
    else
        settle_size(of, event);
}

static int by_counter(const void *a, const void *b)
{
    const struct objects_waiting *one = a, *other = b;
    if (one->event.counter != other->event.counter)
        return one->event.counter < other->event.counter ? -1 : 1;
    return one->order < other->order ? -1 : 1;
}

/* Those before `horizon`. */
static void settle(struct objects *objects, struct objects_of_process *of, uint64_t horizon)
{
    size_t taken = 0;
    if (of->is_unsorted)
        qsort(of->waiting, of->waiting_count, sizeof(*of->waiting), by_counter);
    of->is_unsorted = false;
    while (taken < of->waiting_count && of->waiting[taken].event.counter < horizon)
        settle_one(objects, of, &of->waiting[taken++].event);
    of->waiting_count -= taken;
    if (of->waiting_count)
        memmove(of->waiting, of->waiting + taken, of->waiting_count * sizeof(*of->waiting));
}

void objects_settle(struct model *model, struct process *process)
{
    if (process->objects)
        settle(&model->objects, process->objects, UINT64_MAX);
}

/* After a round that brought nothing, nothing is under way. */
void objects_round(struct model *model, uint64_t now)
{
    struct objects_of_process *of = model->process->objects;
    if (!of)
        return;
    bool is_quiet = of->order == of->order_seen;
    settle(&model->objects, of, is_quiet ? UINT64_MAX : of->now[1]);
    of->order_seen = of->order;
    of->now[1] = of->now[0];
    of->now[0] = now;
}

/* --- events as they come -------------------------------------------------------------------- */

static struct objects_of_process *present(struct model *model)
{
    struct process *process = model->process;
    struct objects_of_process *of = process->objects;
    if (of)
        return of;
    of = calloc(1, sizeof(*of));
    if (!of)
        return NULL;
    of->alive = calloc(FIRST_ALIVE, sizeof(*of->alive));
    of->alive_mask = FIRST_ALIVE - 1;
    of->places = region_new(OBJECTS_PLACES_MAX, sizeof(*of->places));
    of->types = region_new(SESSION_ID_LIMIT, sizeof(*of->types));
    process->objects = of;
    if (of->alive && of->places && of->types)
        return of;
    objects_end_process(model, process);
    return NULL;
}

static void add_place(struct model *model, struct objects_of_process *of, struct track *track,
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
    if (place == 0 || place >= OBJECTS_PLACES_MAX)
        return;
    uint32_t symbol = function ? symbols_handle(&model->symbols, function) >> 1 : 0;
    uint32_t row = find_row(&model->objects, track->object_type,
                            symbol ? model->symbols.symbols[symbol].row : 0, event->frame, false);
    of->places[place] = (struct objects_place){.row = row};
    if (place >= of->place_count)
        of->place_count = place + 1;
}

/* Without memory for what has to wait, it is taken out of order. */
static void wait_for_others(struct objects *objects, struct objects_of_process *of,
                            const struct event *event)
{
    if (of->waiting_count == of->waiting_limit) {
        size_t limit = of->waiting_limit ? 2 * of->waiting_limit : FIRST_WAITING;
        struct objects_waiting *grown =
            limit <= WAITING_MOST ? realloc(of->waiting, limit * sizeof(*grown)) : NULL;
        if (!grown) {
            settle(objects, of, UINT64_MAX);
            settle_one(objects, of, event);
            return;
        }
        of->waiting = grown;
        of->waiting_limit = limit;
    }
    of->waiting[of->waiting_count++] = (struct objects_waiting){*event, of->order++};
    of->is_unsorted |= event->counter < of->last;
    of->last = event->counter;
}

void objects_event(struct model *model, struct track *track, const struct event *event)
{
    struct objects_of_process *of = present(model);
    if (!of)
        return;
    if (event_kind(event) == EVENT_OBJECT_PLACE) {
        add_place(model, of, track, event);
        return;
    }
    struct event waiting = *event;
    if (event_kind(event) == EVENT_OBJECT_DEATH) {
        uint32_t id = event_id(event);
        uint32_t type = type_of(model, of, id & (OBJECT_MORE - 1));
        waiting.kind_id = event_pack(EVENT_OBJECT_DEATH, (id & OBJECT_MORE) | type);
    }
    wait_for_others(&model->objects, of, &waiting);
}

/* --- beginnings and ends -------------------------------------------------------------------- */

static void begin_rows(struct objects *objects)
{
    objects->row_count = OBJECTS_ROW_OTHER + 1;
    objects->rows[OBJECTS_ROW_OTHER] = (struct objects_row){.type = TYPE_OTHER};
}

int objects_init(struct objects *objects)
{
    *objects = (struct objects){
        .rows = region_new(OBJECTS_ROWS_MAX, sizeof(*objects->rows)),
        .buckets = region_new(BUCKETS, sizeof(*objects->buckets)),
        .types = region_new(OBJECTS_TYPES_MAX, sizeof(*objects->types)),
        .type_buckets = region_new(TYPE_BUCKETS, sizeof(*objects->type_buckets)),
        .type_count = 1,
    };
    if (histogram_pool_init(&objects->octaves, OBJECTS_OCTAVES_MAX) || !objects->rows ||
        !objects->buckets || !objects->types || !objects->type_buckets ||
        intern_type(objects, "(other)") != TYPE_OTHER)
        return -ENOMEM;
    begin_rows(objects);
    return 0;
}

void objects_done(struct objects *objects)
{
    for (uint32_t i = 0; objects->types && i < objects->type_count; i++)
        free(objects->types[i]);
    region_free(objects->rows, OBJECTS_ROWS_MAX, sizeof(*objects->rows));
    region_free(objects->buckets, BUCKETS, sizeof(*objects->buckets));
    region_free(objects->types, OBJECTS_TYPES_MAX, sizeof(*objects->types));
    region_free(objects->type_buckets, TYPE_BUCKETS, sizeof(*objects->type_buckets));
    histogram_pool_done(&objects->octaves);
    *objects = (struct objects){0};
}

/* What is alive stays. */
void objects_reset(struct model *model)
{
    struct objects *objects = &model->objects;
    for (uint32_t i = 1; i < objects->row_count; i++) {
        struct objects_row *row = &objects->rows[i];
        row->births = row->deaths = 0;
        row->bytes = 0;
        row->life = (struct histogram){0};
    }
    region_clear(objects->octaves.octaves, objects->octaves.used, sizeof(struct octave));
    objects->octaves.used = 1;
}

void objects_end_process(struct model *model, struct process *process)
{
    struct objects_of_process *of = process->objects;
    if (!of)
        return;
    settle(&model->objects, of, UINT64_MAX);
    free(of->waiting);
    region_free(of->places, OBJECTS_PLACES_MAX, sizeof(*of->places));
    region_free(of->types, SESSION_ID_LIMIT, sizeof(*of->types));
    free(of->alive);
    free(of);
    process->objects = NULL;
}

void objects_forget(struct model *model, uint32_t id)
{
    struct objects_of_process *of = model->process->objects;
    if (of && id < SESSION_ID_LIMIT)
        of->types[id] = 0;
}
