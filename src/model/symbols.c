/* SPDX-License-Identifier: MIT */
/* Symbols: from ids to rows.
 * Why: see symbols.h.
 * Rules: what a definition holds is hostile; it was copied and measured by mapping_definition, and
 * here it is only compared and kept. */
#include "model/symbols.h"

#include "model/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 1 << 10 };

static void forget_numbers(struct symbol *symbol)
{
    symbol->min_ticks = symbol->min_cpu_ticks = INT64_MAX;
    symbol->second_max_ticks = symbol->second_max_cpu_ticks = -1;
    symbol->max_ticks = symbol->max_cpu_ticks = -1;
    symbol->held_max_ticks = symbol->held_max_cpu_ticks = -1;
    symbol->held_min_ticks = symbol->held_min_cpu_ticks = INT64_MAX;
    symbol->past_max_ticks = symbol->past_max_cpu_ticks = -1;
    symbol->yields = symbol->raised = symbol->estimated = 0;
    symbol->is_estimated = symbol->holds_muted = false;
    symbol->lines_partial = symbol->lines_muted;
}

static uint32_t add_symbol(struct symbols *symbols)
{
    if (symbols->count >= symbols->limit)
        return SYMBOL_OTHER;
    uint32_t index = symbols->count++;
    forget_numbers(&symbols->symbols[index]);
    symbols->symbols[index].row = index;
    return index;
}

static void add_pseudo(struct symbols *symbols, const char *name)
{
    struct symbol *symbol = &symbols->symbols[add_symbol(symbols)];
    symbol->kind = KIND_PSEUDO;
    symbol->name = symbol->qualname = name;
}

int symbols_init(struct symbols *symbols, symbols_define *define, void *context)
{
    *symbols = (struct symbols){.limit = SYMBOLS_LIMIT, .bucket_mask = FIRST_BUCKETS - 1};
    symbols->define = define;
    symbols->define_context = context;
    symbols->symbols = region_new(symbols->limit, sizeof(*symbols->symbols));
    struct symbols_ids ids = {NULL, NULL};
    symbols->buckets = calloc(FIRST_BUCKETS, sizeof(*symbols->buckets));
    symbols->buffer = malloc(DEFINITION_BUFFER_SIZE);
    int result = histogram_pool_init(&symbols->octaves, SYMBOLS_OCTAVES_MAX);
    if (result == 0)
        result = symbols_ids_init(&ids);
    symbols->by_id = ids.by_id;
    symbols->live = ids.live;
    if (!symbols->symbols || !symbols->buckets || !symbols->buffer || result) {
        symbols_done(symbols);
        return -ENOMEM;
    }
    add_pseudo(symbols, "(root)");
    add_pseudo(symbols, "(other)");
    add_pseudo(symbols, "(resync)");
    return 0;
}

int symbols_ids_init(struct symbols_ids *ids)
{
    ids->by_id = region_new(SESSION_ID_LIMIT, sizeof(*ids->by_id));
    ids->live = region_new(SYMBOLS_LIMIT, sizeof(*ids->live));
    if (!ids->by_id || !ids->live) {
        symbols_ids_done(ids);
        return -ENOMEM;
    }
    ids->by_id[0] = SYMBOL_OTHER << 1 | 1;
    return 0;
}

void symbols_ids_done(struct symbols_ids *ids)
{
    region_free(ids->by_id, SESSION_ID_LIMIT, sizeof(*ids->by_id));
    region_free(ids->live, SYMBOLS_LIMIT, sizeof(*ids->live));
    *ids = (struct symbols_ids){NULL, NULL};
}

void symbols_done(struct symbols *symbols)
{
    for (uint32_t i = 0; symbols->symbols && i < symbols->count; i++) {
        free(symbols->symbols[i].strings);
        free(symbols->symbols[i].cpu_difference);
    }
    region_free(symbols->symbols, symbols->limit, sizeof(*symbols->symbols));
    struct symbols_ids ids = {symbols->by_id, symbols->live};
    symbols_ids_done(&ids);
    histogram_pool_done(&symbols->octaves);
    free(symbols->buckets);
    free(symbols->buffer);
    *symbols = (struct symbols){0};
}

/* --- rows ----------------------------------------------------------------------------------- */

static enum snapshot_kind kind_of(const struct definition *fixed)
{
    if (fixed->kind == DEFINITION_C_FUNCTION)
        return KIND_C;
    if (fixed->flags & DEFINITION_ASYNC_GENERATOR)
        return KIND_ASYNC_GENERATOR;
    if (fixed->flags & DEFINITION_COROUTINE)
        return KIND_COROUTINE;
    return fixed->flags & DEFINITION_GENERATOR ? KIND_GENERATOR : KIND_PYTHON;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

static uint64_t hash_row(const struct definition_text *text, uint32_t pid)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ text->fixed.line ^ (uint64_t)pid << 32;
    hash = hash_text(hash, text->name);
    hash = hash_text(hash, text->qualname);
    hash = hash_text(hash, text->module);
    hash = hash_text(hash, text->file);
    return hash ^ (hash >> 29);
}

static bool same_text(const char *kept, const char *text)
{
    return strcmp(kept ? kept : "", text) == 0;
}

static bool is_row(const struct symbol *symbol, uint64_t hash, uint32_t pid,
                   const struct definition_text *text)
{
    return symbol->hash == hash && symbol->pid == pid && symbol->line == text->fixed.line &&
           symbol->kind == kind_of(&text->fixed) && same_text(symbol->name, text->name) &&
           same_text(symbol->qualname, text->qualname[0] ? text->qualname : text->name) &&
           same_text(symbol->module, text->module) && same_text(symbol->file, text->file);
}

/* Twice as many, every row put in anew. False: no memory; longer chains, nothing worse. */
static bool grow_buckets(struct symbols *symbols)
{
    uint32_t size = (symbols->bucket_mask + 1) * 2;
    uint32_t *buckets = calloc(size, sizeof(*buckets));
    if (!buckets)
        return false;
    for (uint32_t i = SYMBOL_FIRST; i < symbols->count; i++) {
        struct symbol *symbol = &symbols->symbols[i];
        if (symbol->row != i)
            continue;
        uint32_t *bucket = &buckets[symbol->hash & (size - 1)];
        symbol->next_in_bucket = *bucket;
        *bucket = i;
    }
    free(symbols->buckets);
    symbols->buckets = buckets;
    symbols->bucket_mask = size - 1;
    return true;
}

/* Copies the strings; an absent one is NULL but for name and qualname. */
static bool keep_text(struct symbol *symbol, const struct definition_text *text)
{
    const char *sources[] = {text->name, text->qualname, text->module, text->file};
    const char **targets[] = {&symbol->name, &symbol->qualname, &symbol->module, &symbol->file};
    size_t size = 0;
    for (int i = 0; i < 4; i++)
        size += strlen(sources[i]) + 1;
    char *strings = malloc(size);
    if (!strings)
        return false;
    symbol->strings = strings;
    for (int i = 0; i < 4; i++) {
        size_t length = strlen(sources[i]) + 1;
        memcpy(strings, sources[i], length);
        *targets[i] = length > 1 || i == 0 ? strings : NULL;
        strings += length;
    }
    if (!symbol->qualname)
        symbol->qualname = symbol->name;
    return true;
}

bool symbols_leaves_out(const struct symbols *symbols, const struct site *site, uint32_t *ret_rule)
{
    bool kept = sites_keep(symbols->sites, site); /* notes what matched in any case */
    uint32_t number = rules_find(symbols->sites, site);
    *ret_rule = 0;
    if (!number)
        return !kept;
    const struct rule *rule = &symbols->sites->rules->rules[number - 1];
    if (rule->does == RULE_COUNT || rule->does == RULE_ESCALATE)
        *ret_rule = number;
    return rule->does != RULE_RECORD;
}

bool symbols_leaves_out_operation(const struct symbols *symbols, const char *name,
                                  uint32_t *ret_rule)
{
    uint32_t number = rules_find_operation(symbols->sites, name);
    *ret_rule = 0;
    if (!number)
        return false;
    const struct rule *rule = &symbols->sites->rules->rules[number - 1];
    if (rule->does == RULE_COUNT || rule->does == RULE_ESCALATE)
        *ret_rule = number;
    return rule->does != RULE_RECORD;
}

const char *symbols_operation(enum snapshot_kind kind, const char *name)
{
    size_t size = sizeof(IO_DEFINITION_PREFIX) - 1;
    bool is_one = kind == KIND_C && name && strncmp(name, IO_DEFINITION_PREFIX, size) == 0;
    return is_one ? name + size : NULL;
}

static bool is_left_out(struct symbols *symbols, const struct definition_text *text,
                        uint32_t *ret_rule)
{
    const char *operation = symbols_operation(kind_of(&text->fixed), text->name);
    if (operation)
        return symbols_leaves_out_operation(symbols, operation, ret_rule);
    struct site site = {
        .module = text->module, .name = text->name, .qualname = text->qualname, .file = text->file};
    return symbols->sites && text->fixed.kind != DEFINITION_C_FUNCTION &&
           symbols_leaves_out(symbols, &site, ret_rule);
}

static bool has_lines(struct symbols *symbols, const struct definition_text *text)
{
    struct site site = {
        .module = text->module, .name = text->name, .qualname = text->qualname, .file = text->file};
    return symbols->sites && text->fixed.kind != DEFINITION_C_FUNCTION &&
           sites_want_lines(symbols->sites, &site);
}

void symbols_tell_mode(struct symbols *symbols, uint32_t id, enum site_mode mode)
{
    if (symbols->tell)
        symbols->tell(symbols->define_context, id, mode);
}

void symbols_tell_left_out(struct symbols *symbols, uint32_t id, const struct symbol *row)
{
    if (row->rule && symbols->tell_rule)
        symbols->tell_rule(symbols->define_context, id, row->row,
                           &symbols->sites->rules->rules[row->rule - 1]);
    else
        symbols_tell_mode(symbols, id, MODE_HEARD);
}

/* An id that nobody has met is undecided. */
void symbols_tell_lines(struct symbols *symbols, uint32_t id)
{
    uint32_t symbol = symbols->by_id[id] >> 1;
    enum site_lines lines = LINES_UNDECIDED;
    if (symbol) {
        const struct symbol *row = &symbols->symbols[symbols->symbols[symbol].row];
        lines = row->has_lines && !row->lines_muted ? LINES_YES : LINES_NO;
    }
    if (symbols->tell_lines)
        symbols->tell_lines(symbols->define_context, id, lines);
}

/* The first calls are heard so that their callers are known; then it falls silent. */
void symbols_leave_out(struct symbols *symbols, uint32_t symbol, uint32_t id, uint32_t caller)
{
    struct symbol *row = &symbols->symbols[symbols->symbols[symbol].row];
    symbols_absorb(symbols, caller);
    if (row->joins || row->rule)
        return;
    if (row->heard < SYMBOLS_HEARD_MAX)
        row->heard++;
    else /* a few times, while what was written before is on its way */
        symbols_tell_mode(symbols, id, MODE_OFF);
}

static uint32_t add_row(struct symbols *symbols, uint64_t hash, const struct definition_text *text)
{
    uint32_t index = add_symbol(symbols);
    struct symbol *symbol = &symbols->symbols[index];
    if (index == SYMBOL_OTHER)
        return index;
    if (!keep_text(symbol, text)) {
        symbols->count--;
        return SYMBOL_OTHER;
    }
    symbol->hash = hash;
    symbol->pid = symbols->pid;
    symbol->line = text->fixed.line;
    symbol->kind = kind_of(&text->fixed);
    symbol->is_partial = text->fixed.flags & DEFINITION_PARTIAL;
    symbol->left_out = symbol->left_out_once = is_left_out(symbols, text, &symbol->rule);
    symbol->has_lines = !symbol->left_out && has_lines(symbols, text);
    symbols->left_out_rows += symbol->left_out;
    if (symbols->count <= symbols->bucket_mask || !grow_buckets(symbols)) {
        uint32_t *bucket = &symbols->buckets[hash & symbols->bucket_mask];
        symbol->next_in_bucket = *bucket;
        *bucket = index;
    }
    return index;
}

static uint32_t add_twin(struct symbols *symbols, uint32_t row, uint32_t last)
{
    uint32_t index = add_symbol(symbols);
    if (index == SYMBOL_OTHER)
        return last;
    struct symbol *twin = &symbols->symbols[index];
    const struct symbol *first = &symbols->symbols[row];
    twin->row = row;
    twin->pid = first->pid;
    twin->line = first->line;
    twin->kind = first->kind;
    twin->name = first->name;
    twin->qualname = first->qualname;
    twin->module = first->module;
    twin->file = first->file;
    twin->left_out = first->left_out;
    symbols->symbols[last].next_twin = index;
    return index;
}

uint32_t symbols_same_row(struct symbols *symbols, uint32_t row)
{
    uint32_t last = row;
    int twins = 0;
    for (uint32_t twin = row; twin; twin = symbols->symbols[twin].next_twin, twins++) {
        if (symbols->live[twin] == 0)
            return twin;
        last = twin;
    }
    if (twins < SYMBOLS_TWINS_MAX)
        return add_twin(symbols, row, last);
    /* All are taken, by code objects that live or whose end is not known yet. In turn, then: two that
     * call each other were most likely made one after the other. */
    struct symbol *first = &symbols->symbols[row];
    uint32_t next = first->turn ? symbols->symbols[first->turn].next_twin : row;
    first->turn = next ? next : row;
    return first->turn;
}

static uint32_t find_symbol(struct symbols *symbols, const struct definition_text *text)
{
    uint64_t hash = hash_row(text, symbols->pid);
    uint32_t row = symbols->buckets[hash & symbols->bucket_mask];
    while (row && !is_row(&symbols->symbols[row], hash, symbols->pid, text))
        row = symbols->symbols[row].next_in_bucket;
    return row ? symbols_same_row(symbols, row) : add_row(symbols, hash, text);
}

/* --- ids ------------------------------------------------------------------------------------ */

uint32_t symbols_handle_of(const struct symbols *symbols, uint32_t symbol)
{
    const struct symbol *found = &symbols->symbols[symbol];
    return symbol << 1 | (symbols_suspends(found) || found->left_out);
}

uint32_t symbols_handle_slow(struct symbols *symbols, uint32_t id)
{
    struct definition_text text;
    if (id == 0 || id >= SESSION_ID_LIMIT)
        return symbols->by_id[0];
    uint32_t symbol = SYMBOL_OTHER;
    if (symbols->define(symbols->define_context, id, symbols->buffer, &text) == 0) {
        symbol = find_symbol(symbols, &text);
        symbols->live[symbol]++;
    }
    const struct symbol *found = &symbols->symbols[symbol];
    if (found->left_out && !symbols->symbols[found->row].joins)
        symbols_tell_left_out(symbols, id, &symbols->symbols[found->row]);
    if (symbols->symbols[found->row].muted) {
        symbols_tell_mode(symbols, id, symbols->mute_mode);
        symbols->closing = true;
    }
    symbols->by_id[id] = symbols_handle_of(symbols, symbol);
    symbols_tell_lines(symbols, id);
    return symbols->by_id[id];
}

void symbols_forget(struct symbols *symbols, uint32_t id)
{
    if (id == 0 || id >= SESSION_ID_LIMIT || symbols->by_id[id] == 0)
        return;
    uint32_t symbol = symbols->by_id[id] >> 1;
    if (symbols->live[symbol])
        symbols->live[symbol]--;
    if (symbols_is_silent(symbols, symbol))
        symbols_tell_mode(symbols, id, MODE_RECORD);
    symbols->by_id[id] = 0;
    symbols_tell_lines(symbols, id);
}

/* --- activations ---------------------------------------------------------------------------- */

static void record_cpu(struct symbols *symbols, struct symbol *symbol, int64_t wall_ticks,
                       int64_t cpu_ticks)
{
    if (!symbol->cpu_difference)
        symbol->cpu_difference = calloc(1, sizeof(*symbol->cpu_difference));
    if (!symbol->cpu_difference)
        return;
    histogram_add(&symbols->octaves, symbol->cpu_difference, wall_ticks, -1);
    histogram_add(&symbols->octaves, symbol->cpu_difference, cpu_ticks, 1);
}

void symbols_record_slow(struct symbols *symbols, struct symbol *symbol, int64_t wall_ticks,
                         int64_t wait_ticks)
{
    if (wall_ticks < 0)
        return;
    int64_t cpu_ticks = wait_ticks < wall_ticks ? wall_ticks - wait_ticks : 0;
    histogram_add(&symbols->octaves, &symbol->wall, wall_ticks, 1);
    if (cpu_ticks != wall_ticks)
        record_cpu(symbols, symbol, wall_ticks, cpu_ticks);
    if (wall_ticks < symbol->min_ticks)
        symbol->min_ticks = wall_ticks;
    if (cpu_ticks < symbol->min_cpu_ticks)
        symbol->min_cpu_ticks = cpu_ticks;
    if (wall_ticks > symbol->second_max_ticks)
        symbol->second_max_ticks = wall_ticks;
    if (cpu_ticks > symbol->second_max_cpu_ticks)
        symbol->second_max_cpu_ticks = cpu_ticks;
}

void symbols_reset(struct symbols *symbols)
{
    for (uint32_t i = 0; i < symbols->count; i++) {
        forget_numbers(&symbols->symbols[i]);
        /* Who falls silent has told its callers once. */
        symbols->symbols[i].absorbs &= symbols->left_out_rows > 0;
    }
    region_clear(symbols->octaves.octaves, symbols->octaves.used, sizeof(struct octave));
}
