/* SPDX-License-Identifier: MIT */
/* Live blocks by address, and the sums that follow from them.
 * Why a table of 16 bytes a block: a program may have millions of them.
 * Rules: those of memory_blocks.h. What cannot be kept, for want of memory or beyond the limits, is counted. */
#include "model/memory_blocks.h"

#include "model/fold.h"

#include <stdlib.h>
#include <string.h>

enum {
    ADDRESS_BITS = 44,
    SIZE_BITS = 48,
    FIRST_SITES = 256,
    FIRST_BLOCK_BITS = 12,
    FIRST_STEPS = 1 << 12,
    STEPS_MOST = 1 << 22, /* a session that lies about its counters; all are carried out then */
    AHEAD = 12,           /* steps that are fetched before their turn */
    SMALL_MOST = 512,     /* pymalloc's, in steps of 16 */
    SMALL_CLASSES = SMALL_MOST / 16,
    LARGE_BYTES = 1024,
};
#define ADDRESS_MASK ((UINT64_C(1) << ADDRESS_BITS) - 1)
#define SIZE_MASK    ((UINT64_C(1) << SIZE_BITS) - 1)

void memory_done(struct memory *memory)
{
    for (int i = 0; i < MEMORY_HISTORY; i++)
        free(memory->past[i].live_bytes);
    free(memory->sites);
    free(memory->buckets);
    *memory = (struct memory){0};
}

void memory_process_done(struct memory_process *process)
{
    free(process->steps);
    free(process->blocks);
    *process = (struct memory_process){0};
}

static void reset_sums(struct memory_sums *sums)
{
    *sums = (struct memory_sums){.live_blocks = sums->live_blocks,
                                 .live_bytes = sums->live_bytes,
                                 .peak_bytes = sums->live_bytes};
}

void memory_reset(struct memory *memory)
{
    reset_sums(&memory->total);
    for (int i = 0; i < MEMORY_DOMAINS; i++)
        reset_sums(&memory->domains[i]);
    for (int i = 0; i < MEMORY_CLASSES; i++)
        reset_sums(&memory->classes[i]);
    for (uint32_t i = 0; i < memory->site_count; i++) {
        struct memory_site *site = &memory->sites[i];
        reset_sums(&site->sums);
        site->large = site->grown = site->grown_bytes = 0;
    }
    for (int i = 0; i < MEMORY_HISTORY; i++)
        memory->past[i].count = 0;
    memory->peak_number++;
    memory->unknown_frees = memory->untracked = 0;
}

/* --- classes -------------------------------------------------------------------------------- */

uint32_t memory_class_of(uint64_t size)
{
    if (size <= SMALL_MOST)
        return size ? (uint32_t)(size - 1) / 16 : 0;
    uint32_t number = SMALL_CLASSES + 54 - (uint32_t)__builtin_clzll(size - 1);
    return number < MEMORY_CLASSES ? number : MEMORY_CLASSES - 1;
}

uint64_t memory_class_bytes(uint32_t number)
{
    if (number < SMALL_CLASSES)
        return (number + 1) * UINT64_C(16);
    return (UINT64_C(2) * SMALL_MOST) << (number - SMALL_CLASSES);
}

/* --- sites ---------------------------------------------------------------------------------- */

static void place_site(struct memory *memory, uint32_t index)
{
    const struct memory_site *site = &memory->sites[index];
    uint32_t mask = memory->bucket_count - 1;
    uint32_t at = (site->symbol * UINT32_C(0x9e3779b1) + site->line * UINT32_C(0x85ebca6b)) & mask;
    while (memory->buckets[at])
        at = (at + 1) & mask;
    memory->buckets[at] = index + 1;
}

static bool grow_sites(struct memory *memory)
{
    uint32_t limit = memory->site_limit ? 2 * memory->site_limit : FIRST_SITES;
    if (limit > MEMORY_SITES_LIMIT)
        return false;
    uint32_t *buckets = calloc((size_t)limit * 2, sizeof(*buckets));
    struct memory_site *sites = buckets ? realloc(memory->sites, limit * sizeof(*sites)) : NULL;
    if (!sites) {
        free(buckets);
        return false;
    }
    if (!memory->sites)
        memory->site_count = 0;
    free(memory->buckets);
    memory->sites = sites;
    memory->site_limit = limit;
    memory->buckets = buckets;
    memory->bucket_count = 2 * limit;
    for (; memory->site_count < 2; memory->site_count++)
        sites[memory->site_count] = (struct memory_site){.peak_number = memory->peak_number};
    for (uint32_t i = 2; i < memory->site_count; i++)
        place_site(memory, i);
    return true;
}

uint32_t memory_site(struct memory *memory, uint32_t symbol, uint32_t line)
{
    if (!memory->sites && !grow_sites(memory))
        return MEMORY_NOBODY;
    if (symbol == 0)
        return MEMORY_NOBODY;
    uint32_t mask = memory->bucket_count - 1;
    uint32_t at = (symbol * UINT32_C(0x9e3779b1) + line * UINT32_C(0x85ebca6b)) & mask;
    for (; memory->buckets[at]; at = (at + 1) & mask) {
        const struct memory_site *site = &memory->sites[memory->buckets[at] - 1];
        if (site->symbol == symbol && site->line == line)
            return memory->buckets[at] - 1;
    }
    if (memory->site_count == memory->site_limit && !grow_sites(memory))
        return MEMORY_NOBODY;
    memory->sites[memory->site_count] =
        (struct memory_site){.symbol = symbol, .line = line, .peak_number = memory->peak_number};
    place_site(memory, memory->site_count);
    return memory->site_count++;
}

/* --- sums ----------------------------------------------------------------------------------- */

static void add_block(struct memory_sums *sums, uint64_t size)
{
    sums->allocations++;
    sums->bytes += size;
    sums->live_blocks++;
    sums->live_bytes += size;
    if (sums->live_bytes > sums->peak_bytes)
        sums->peak_bytes = sums->live_bytes;
}

static void take_block(struct memory_sums *sums, uint64_t size, bool freed)
{
    sums->frees += freed;
    sums->freed_bytes += freed ? size : 0;
    sums->live_blocks--;
    sums->live_bytes -= size;
}

/* What it had at the last peak is kept before it changes for the first time since. */
static struct memory_site *touch(struct memory *memory, uint32_t number)
{
    struct memory_site *site = &memory->sites[number];
    if (site->peak_number != memory->peak_number) {
        site->at_peak_bytes = site->sums.live_bytes;
        site->peak_number = memory->peak_number;
    }
    return site;
}

/* A string, say, that is made anew for each piece that is added: the old one is there until the new one is. */
static void look_for_growth(struct memory_site *site, uint64_t size)
{
    uint64_t last = site->last_bytes, live = site->sums.live_bytes;
    if (size < LARGE_BYTES)
        return;
    site->large++;
    site->last_bytes = size;
    if (size <= last || size - last > last / 4 || live < last || live > 2 * size)
        return;
    site->grown++;
    site->grown_bytes += size;
}

static void count_alloc(struct memory *memory, const struct memory_step *step, bool in_place)
{
    uint64_t peak_bytes = memory->total.peak_bytes, size = step->size;
    uint32_t domain = step->domain;
    struct memory_site *site = touch(memory, step->site);
    if (!in_place)
        look_for_growth(site, size);
    add_block(&site->sums, size);
    add_block(&memory->domains[domain], size);
    add_block(&memory->classes[memory_class_of(size)], size);
    add_block(&memory->total, size);
    memory->peak_number += memory->total.peak_bytes != peak_bytes;
}

static void count_gone(struct memory *memory, const struct memory_block *block, bool freed)
{
    uint32_t site = (uint32_t)(block->address_site >> ADDRESS_BITS);
    uint64_t size = block->size_domain & SIZE_MASK;
    take_block(&touch(memory, site)->sums, size, freed);
    take_block(&memory->domains[block->size_domain >> SIZE_BITS], size, freed);
    take_block(&memory->classes[memory_class_of(size)], size, freed);
    take_block(&memory->total, size, freed);
}

/* --- blocks --------------------------------------------------------------------------------- */

static uint32_t slot_of(const struct memory_process *process, uint64_t address)
{
    return (uint32_t)((address * UINT64_C(0x9e3779b97f4a7c15)) >> process->block_shift);
}

static uint32_t mask_of(const struct memory_process *process)
{
    return (uint32_t)((UINT64_C(1) << (64 - process->block_shift)) - 1);
}

/* The block's slot, or the empty one where it would be. */
static struct memory_block *find_block(const struct memory_process *process, uint64_t address)
{
    uint32_t mask = mask_of(process), at = slot_of(process, address);
    while (process->blocks[at].address_site &&
           (process->blocks[at].address_site & ADDRESS_MASK) != address)
        at = (at + 1) & mask;
    return &process->blocks[at];
}

static bool grow_blocks(struct memory_process *process)
{
    uint32_t bits = process->blocks ? 65 - process->block_shift : FIRST_BLOCK_BITS;
    if (UINT64_C(1) << bits > MEMORY_BLOCKS_LIMIT)
        return false;
    struct memory_process grown = {.block_shift = 64 - bits,
                                   .blocks = calloc(UINT64_C(1) << bits, sizeof(*grown.blocks))};
    if (!grown.blocks)
        return false;
    for (size_t i = 0; process->blocks && i <= mask_of(process); i++)
        if (process->blocks[i].address_site)
            *find_block(&grown, process->blocks[i].address_site & ADDRESS_MASK) =
                process->blocks[i];
    free(process->blocks);
    process->blocks = grown.blocks;
    process->block_shift = grown.block_shift;
    return true;
}

/* Three quarters of the slots at most are in use. */
static bool has_room(struct memory_process *process)
{
    if (!process->blocks)
        return grow_blocks(process);
    uint64_t slots = (uint64_t)mask_of(process) + 1;
    return process->block_count < slots / 4 * 3 || grow_blocks(process);
}

/* Those that were pushed on by it move back. */
static void remove_block(struct memory_process *process, struct memory_block *block)
{
    uint32_t mask = mask_of(process), hole = (uint32_t)(block - process->blocks);
    for (uint32_t at = (hole + 1) & mask; process->blocks[at].address_site; at = (at + 1) & mask) {
        uint32_t home = slot_of(process, process->blocks[at].address_site & ADDRESS_MASK);
        if (((at - home) & mask) >= ((at - hole) & mask)) {
            process->blocks[hole] = process->blocks[at];
            hole = at;
        }
    }
    process->blocks[hole] = (struct memory_block){0};
    process->block_count--;
}

static void forget_blocks(struct memory *memory, struct memory_process *process)
{
    for (size_t i = 0; process->blocks && i <= mask_of(process); i++)
        if (process->blocks[i].address_site)
            count_gone(memory, &process->blocks[i], false);
    free(process->blocks);
    process->blocks = NULL;
    process->block_count = 0;
}

/* To whoever watches. */
static void tell(const struct model *model, enum watch_late what, const struct memory_step *step,
                 const struct memory_block *block)
{
    if (!model_watch_wants_late(model->watch, what))
        return;
    const struct memory_site *site =
        &model->memory.sites[(uint32_t)(block->address_site >> ADDRESS_BITS)];
    struct watch_told told = {.what = what,
                              .counter = step->counter,
                              .amount = block->size_domain & SIZE_MASK,
                              .symbol = site->symbol,
                              .line = site->line,
                              .thread = step->thread,
                              .number = (uint32_t)(block->size_domain >> SIZE_BITS)};
    model->watch->told(model->watch, model, &told);
}

static void carry_out(struct model *model, const struct memory_step *step)
{
    struct memory *memory = &model->memory;
    struct memory_process *process = &model->process->memory;
    if (step->frees && step->address == 0) {
        forget_blocks(memory, process);
        return;
    }
    struct memory_block *block = process->blocks ? find_block(process, step->address) : NULL;
    bool is_known = block && block->address_site;
    if (is_known) {
        tell(model, WATCH_FREE, step, block);
        count_gone(memory, block, true);
    }
    if (step->frees) {
        if (is_known)
            remove_block(process, block);
        else
            memory->unknown_frees++;
        return;
    }
    if (!is_known) {
        if (!has_room(process)) {
            memory->untracked++;
            return;
        }
        block = find_block(process, step->address);
        process->block_count++;
    }
    *block = (struct memory_block){step->address | (uint64_t)step->site << ADDRESS_BITS,
                                   step->size | (uint64_t)step->domain << SIZE_BITS};
    tell(model, WATCH_ALLOCATION, step, block);
    count_alloc(memory, step, is_known);
}

void memory_end_process(struct memory *memory, struct memory_process *process)
{
    forget_blocks(memory, process);
    memory_process_done(process);
}

/* --- the queue ------------------------------------------------------------------------------ */

static int compare_steps(const void *left, const void *right)
{
    const struct memory_step *a = left, *b = right;
    if (a->counter != b->counter)
        return a->counter < b->counter ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static void settle(struct model *model, uint64_t horizon)
{
    struct memory_process *process = &model->process->memory;
    size_t done = 0;
    if (process->unsorted)
        qsort(process->steps, process->step_count, sizeof(*process->steps), compare_steps);
    process->unsorted = false;
    while (done < process->step_count && process->steps[done].counter <= horizon) {
        /* Where a block is, nobody can foresee but who knows what comes. */
        if (process->blocks && done + AHEAD < process->step_count)
            __builtin_prefetch(
                &process->blocks[slot_of(process, process->steps[done + AHEAD].address)], 1);
        carry_out(model, &process->steps[done++]);
    }
    process->step_count -= done;
    memmove(process->steps, process->steps + done, process->step_count * sizeof(*process->steps));
    for (size_t i = 0; i < process->step_count; i++)
        process->steps[i].order = (uint32_t)i;
}

void memory_settle(struct model *model, uint64_t horizon)
{
    struct memory_process *process = &model->process->memory;
    if (process->step_count == 0)
        return;
    tap_say(model->tap, TAP_MEMORY, model->process->number, horizon);
    settle(model, horizon);
}

void memory_add(struct model *model, const struct memory_step *step)
{
    struct memory_process *process = &model->process->memory;
    if (process->step_count == STEPS_MOST)
        settle(model, UINT64_MAX);
    if (process->step_count == process->step_limit) {
        size_t limit = process->step_limit ? 2 * process->step_limit : FIRST_STEPS;
        struct memory_step *grown = realloc(process->steps, limit * sizeof(*grown));
        if (!grown) {
            model->memory.untracked++;
            return;
        }
        process->steps = grown;
        process->step_limit = limit;
    }
    size_t at = process->step_count++;
    process->steps[at] = *step;
    process->steps[at].order = (uint32_t)at;
    if (at && step->counter < process->steps[at - 1].counter)
        process->unsorted = true;
}

/* --- windows -------------------------------------------------------------------------------- */

void memory_tick(struct memory *memory, uint32_t second)
{
    struct memory_past *past = &memory->past[second % MEMORY_HISTORY];
    past->count = 0;
    if (memory->site_count == 0)
        return;
    uint64_t *grown = realloc(past->live_bytes, memory->site_count * sizeof(*grown));
    if (!grown)
        return;
    past->live_bytes = grown;
    past->count = memory->site_count;
    for (uint32_t i = 0; i < memory->site_count; i++)
        grown[i] = memory->sites[i].sums.live_bytes;
}
