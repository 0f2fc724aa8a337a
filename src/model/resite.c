/* SPDX-License-Identifier: MIT */
/* Rows, ids and stacks, when the patterns have changed.
 * Why: see resite.h.
 * Rules: as there. Nothing is counted here: counts come from pushes alone. */
#include "model/resite.h"

#include "model/fold_cursor.h"

#include <string.h>

static const char *text_of(const char *text)
{
    return text ? text : "";
}

static struct site site_of(const struct symbol *row)
{
    return (struct site){
        .module = text_of(row->module),
        .name = row->name,
        /* Where none is known it is the name itself. */
        .qualname = row->qualname == row->name ? "" : text_of(row->qualname),
        .file = text_of(row->file),
    };
}

static bool is_left_out(struct symbols *symbols, const struct symbol *row, uint32_t *ret_rule)
{
    const char *operation = symbols_operation(row->kind, row->name);
    *ret_rule = 0;
    if (operation)
        return symbols_leaves_out_operation(symbols, operation, ret_rule);
    if (!symbols->sites || row->kind == KIND_C || row->kind == KIND_PSEUDO)
        return false;
    struct site site = site_of(row);
    return symbols_leaves_out(symbols, &site, ret_rule);
}

static bool has_lines(struct symbols *symbols, const struct symbol *row, bool left_out)
{
    if (!symbols->sites || row->kind == KIND_C || row->kind == KIND_PSEUDO)
        return false;
    struct site site = site_of(row);
    return !left_out && sites_want_lines(symbols->sites, &site);
}

/* What is said of the row is said of its twins. */
static void follow_rows(struct symbols *symbols)
{
    for (uint32_t i = SYMBOL_FIRST; i < symbols->count; i++) {
        struct symbol *symbol = &symbols->symbols[i];
        const struct symbol *row = &symbols->symbols[symbol->row];
        symbol->left_out = row->left_out;
        symbol->resited = row->resited;
    }
}

bool resite_rows(struct model *model)
{
    struct symbols *symbols = &model->symbols;
    bool some_join = false;
    symbols->left_out_rows = 0;
    for (uint32_t i = SYMBOL_FIRST; i < symbols->count; i++) {
        struct symbol *row = &symbols->symbols[i];
        if (row->row != i)
            continue;
        uint32_t rule, had = row->rule;
        bool left_out = is_left_out(symbols, row, &rule), was = row->left_out && !row->joins;
        symbols->left_out_rows += left_out;
        some_join |= row->left_out && !left_out;
        row->rule = rule;
        row->resited = left_out != was || rule || had; /* rules are others, if only by number */
        row->has_lines = has_lines(symbols, row, left_out);
        if (!row->resited)
            continue;
        row->heard = 0;
        row->joins = !left_out;
        row->left_out = row->left_out_once = true;
    }
    follow_rows(symbols);
    births_resite(model);
    return some_join;
}

void resite_join(struct model *model)
{
    struct symbols *symbols = &model->symbols;
    for (uint32_t i = SYMBOL_FIRST; i < symbols->count; i++) {
        struct symbol *row = &symbols->symbols[i];
        row->resited = row->joins;
        row->left_out = row->left_out && !row->joins;
        row->joins = false;
    }
    follow_rows(symbols);
}

static bool is_resited(const void *context, uint32_t symbol)
{
    const struct symbols *symbols = context;
    return symbols->symbols[symbol].resited;
}

void resite_ids(struct model *model)
{
    struct symbols *symbols = &model->symbols;
    for (uint32_t id = 1; id < SESSION_ID_LIMIT; id++) {
        uint32_t symbol = symbols->by_id[id] >> 1;
        if (symbol)
            symbols_tell_lines(symbols, id);
        if (!symbol || !symbols->symbols[symbol].resited)
            continue;
        symbols->by_id[id] = symbols_handle_of(symbols, symbol);
        const struct symbol *row = &symbols->symbols[symbols->symbols[symbol].row];
        if (row->left_out && !row->joins)
            symbols_tell_left_out(symbols, id, row);
        else
            symbols_tell_mode(symbols, id, MODE_RECORD);
    }
    /* Segments that nobody follows come between. */
    suspended_forget(&model->suspended, is_resited, symbols);
    births_resite_ids(model);
}

/* --- stacks --------------------------------------------------------------------------------- */

static bool is_out(const struct model *model, const struct entry *entry)
{
    return !(entry->key & TRACK_C_CALL) && model->symbols.symbols[entry->symbol].left_out;
}

static void fill_buckets(struct track *track)
{
    memset(track->buckets, 0, sizeof(*track->buckets) << (64 - track->bucket_shift));
    for (uint32_t i = 1; i <= track->depth; i++) {
        struct entry *entry = &track->entries[i];
        uint32_t *bucket = &track->buckets[track_bucket(entry->key, track->bucket_shift)];
        entry->below = *bucket;
        *bucket = i;
    }
}

static void resite_stack(struct model *model, struct track *track)
{
    struct symbols *symbols = &model->symbols;
    uint32_t depth = track->depth, kept = 0;
    while (kept < depth && !is_out(model, &track->entries[kept + 1]))
        kept++;
    if (kept == depth)
        return;
    for (uint32_t i = kept + 1; i <= depth && track->depths; i++)
        track->depths[track->entries[i].symbol]--;
    for (uint32_t i = kept + 1; i <= depth; i++) {
        struct entry entry = track->entries[i];
        track->depth = kept;
        if (is_out(model, &entry)) {
            symbols_absorb(symbols, track->entries[kept].symbol);
            continue;
        }
        struct fold_cursor cursor;
        fold_cursor_load(&cursor, model, track);
        entry.node = fold_cursor_find_child(model, track, &cursor, entry.symbol);
        if (track->depths) /* which it may have only since the tree became full */
            track->depths[entry.symbol]++;
        track->entries[++kept] = entry;
    }
    track->depth = kept;
    fill_buckets(track);
}

/* Those that are open still and whose lines are wanted stay at theirs. */
static void refit_lines(struct model *model, struct track *track)
{
    const struct symbols *symbols = &model->symbols;
    struct line_stack *lines = &track->lines;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < lines->count; i++) {
        uint32_t depth = track_find(track, lines->frames[i].key);
        const struct symbol *row =
            &symbols->symbols[symbols->symbols[track->entries[depth].symbol].row];
        if (depth && row->has_lines && !row->lines_muted)
            lines->frames[kept++] = lines->frames[i];
    }
    lines->count = kept;
    bool on_top = kept && lines->frames[kept - 1].key == track->entries[track->depth].key;
    lines->running = on_top ? lines->frames[kept - 1].at : LINES_NONE;
}

void resite_lines(struct model *model)
{
    for (struct track *track = model->tracks; track; track = track->next)
        refit_lines(model, track);
}

void resite_stacks(struct model *model)
{
    struct symbols *symbols = &model->symbols;
    for (struct track *track = model->tracks; track; track = track->next) {
        resite_stack(model, track);
        refit_lines(model, track);
    }
    for (uint32_t i = SYMBOL_FIRST; i < symbols->count; i++)
        symbols->symbols[i].resited = false;
}
