/* SPDX-License-Identifier: MIT */
/* Keeping the first call and the worst.
 * Why: see escalations.h.
 * Rules: as there. What the events say is hostile: parts beyond what there is room for are dropped. */
#include "model/escalations.h"

#include "model/fold.h"
#include "model/wait_rooms.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROWS = 64 };

static bool make_room(struct escalations *escalations)
{
    uint32_t limit = escalations->limit ? escalations->limit * 2 : FIRST_ROWS;
    if (escalations->count < escalations->limit)
        return true;
    struct escalation *rows =
        limit <= ESCALATIONS_LIMIT ? realloc(escalations->rows, limit * sizeof(*rows)) : NULL;
    if (!rows)
        return false;
    if (!escalations->count)
        rows[escalations->count++] = (struct escalation){0};
    escalations->rows = rows;
    escalations->limit = limit;
    return true;
}

void escalations_refuse(struct model *model, uint32_t row)
{
    struct symbol *symbol = &model->symbols.symbols[row];
    model->escalations.refused += !symbol->rule_refused;
    symbol->rule_refused = true;
}

uint32_t escalations_find(struct model *model, uint32_t row, const struct rule *rule,
                          uint32_t predicate)
{
    struct escalations *escalations = &model->escalations;
    struct symbol *symbol = &model->symbols.symbols[row];
    const char *words = predicate < RULE_PREDICATES ? rule->words[predicate] : "count";
    for (uint32_t i = symbol->escalation; i; i = escalations->rows[i].next)
        if (escalations->rows[i].predicate == predicate &&
            strncmp(escalations->rows[i].words, words, sizeof(escalations->rows[i].words) - 1) == 0)
            return i;
    if (!make_room(escalations)) {
        escalations_refuse(model, row);
        return ESCALATIONS_NONE;
    }
    uint32_t index = escalations->count++;
    struct escalation *made = &escalations->rows[index];
    *made = (struct escalation){.row = row, .predicate = predicate, .next = symbol->escalation};
    snprintf(made->words, sizeof(made->words), "%s", words);
    symbol->escalation = index;
    return index;
}

/* --- what is told ----------------------------------------------------------------------------- */

static void add_text(struct witness *witness, uint64_t bytes)
{
    if (!witness->argument_count)
        return;
    char *type = witness->arguments[witness->argument_count - 1].type;
    size_t used = strnlen(type, ESCALATED_NAME_MOST);
    for (int i = 0; i < ESCALATED_TEXT_BYTES && used < ESCALATED_NAME_MOST; i++)
        type[used++] = (char)(bytes >> 8 * i & 0xff);
}

static void add_frame(struct model *model, struct witness *witness, uint64_t what)
{
    uint32_t id = (uint32_t)(what & ((1U << ESCALATED_LINE_SHIFT) - 1));
    if (witness->frame_count == ESCALATED_FRAMES_MOST)
        return;
    witness->frames[witness->frame_count++] = (struct witness_frame){
        .symbol = symbols_handle(&model->symbols, id) >> 1,
        .line = (uint32_t)(what >> ESCALATED_LINE_SHIFT) & 0xffffff,
    };
}

/* The last number is the newest one, of whichever thread; all else is measured. */
static bool is_worse(const struct witness *told, const struct witness *worst, uint32_t predicate)
{
    if (!worst->counter)
        return true;
    return predicate == RULE_EVERY ? told->counter > worst->counter : told->value > worst->value;
}

static void keep(struct model *model, const struct witness_telling *telling)
{
    struct escalations *escalations = &model->escalations;
    const struct symbols *symbols = &model->symbols;
    uint32_t row = symbols->symbols[telling->symbol].row;
    for (uint32_t i = symbols->symbols[row].escalation; i; i = escalations->rows[i].next) {
        struct escalation *escalation = &escalations->rows[i];
        if (escalation->predicate != telling->predicate)
            continue;
        if (!escalation->first.counter)
            escalation->first = telling->witness;
        if (is_worse(&telling->witness, &escalation->worst, telling->predicate))
            escalation->worst = telling->witness;
        return; /* the newest rule's */
    }
}

/* --- calls of the C library ------------------------------------------------------------------- */

static void add_stack(const struct track *track, struct witness *witness)
{
    const struct entry *entry = &track->entries[track->depth];
    witness->frame_count = 0;
    for (; entry > track->entries && witness->frame_count < ESCALATED_FRAMES_MOST; entry--)
        if (entry->key < TRACK_C_CALL) /* of socket.recv it is known who called it */
            witness->frames[witness->frame_count++] =
                (struct witness_frame){entry->symbol, wait_rooms_line(track, entry)};
    witness->has_more = entry > track->entries;
}

/* Kept when its end is applied. */
static void put_aside(struct track *track, const struct witness_telling *telling)
{
    uint32_t count = 0;
    for (const struct witness_telling *one = track->io_told; one; one = one->next)
        count++;
    bool may = track->io.depth && count < RULE_PREDICATES;
    struct witness_telling *copy = may ? malloc(sizeof(*copy)) : NULL;
    if (!copy)
        return;
    *copy = *telling;
    add_stack(track, &copy->witness);
    copy->next = track->io_told;
    track->io_told = copy;
}

struct witness_telling *escalations_take(struct track *track)
{
    struct witness_telling *told = track->io_told;
    track->io_told = NULL;
    return told;
}

void escalations_free(struct witness_telling *told)
{
    while (told) {
        struct witness_telling *next = told->next;
        free(told);
        told = next;
    }
}

void escalations_keep(struct model *model, struct witness_telling *told, uint32_t resource)
{
    for (struct witness_telling *one = told; one; one = one->next) {
        one->witness.resource = resource;
        keep(model, one);
    }
    escalations_free(told);
}

/* --- events ------------------------------------------------------------------------------------- */

static void end_telling(struct model *model, struct track *track, uint64_t what)
{
    struct witness_telling *telling = track->telling;
    telling->witness.has_more = what != 0;
    if (telling->predicate < RULE_PREDICATES && telling->witness.is_io)
        put_aside(track, telling);
    else if (telling->predicate < RULE_PREDICATES)
        keep(model, telling);
    telling->predicate = RULE_PREDICATES;
}

static void add_part(struct model *model, struct track *track, uint64_t amount)
{
    struct witness_telling *telling = track->telling;
    struct witness *witness = &telling->witness;
    uint64_t what = amount & ((UINT64_C(1) << ESCALATED_PART_SHIFT) - 1);
    switch (amount >> ESCALATED_PART_SHIFT) {
    case ESCALATED_VALUE:
        witness->value = what;
        break;
    case ESCALATED_ARGUMENT:
        if (witness->argument_count < ESCALATED_ARGUMENTS_MOST)
            witness->arguments[witness->argument_count++].length = what;
        break;
    case ESCALATED_TEXT:
        add_text(witness, what);
        break;
    case ESCALATED_FRAME:
        add_frame(model, witness, what);
        break;
    case ESCALATED_END:
        end_telling(model, track, what);
        break;
    case ESCALATED_DESCRIPTOR:
        witness->is_io = true;
        witness->fd = (uint32_t)what;
        witness->error = (int)(what >> 32);
        break;
    default:
        model->bad_events++;
    }
}

void escalations_event(struct model *model, struct track *track, const struct event *event)
{
    if (!track->telling)
        track->telling = calloc(1, sizeof(*track->telling));
    if (!track->telling)
        return;
    if (event_kind(event) == EVENT_ESCALATED_PART) {
        add_part(model, track, event_amount(event));
        return;
    }
    *track->telling = (struct witness_telling){
        .symbol = symbols_handle(&model->symbols, event_id(event)) >> 1,
        .predicate = event->frame < RULE_PREDICATES ? event->frame : RULE_PREDICATES,
        .witness = {.counter = event->counter ? event->counter : 1,
                    .thread = track->number,
                    .pid = track->process->pid},
    };
}

/* --- life ------------------------------------------------------------------------------------- */

void escalations_reset(struct escalations *escalations)
{
    for (uint32_t i = 0; i < escalations->count; i++) {
        struct escalation *row = &escalations->rows[i];
        row->calls = row->held = 0;
        row->first.counter = row->worst.counter = 0;
    }
}

void escalations_done(struct escalations *escalations)
{
    free(escalations->rows);
    *escalations = (struct escalations){0};
}
