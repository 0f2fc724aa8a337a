/* SPDX-License-Identifier: MIT */
/* Python's memory of a moment, by the line that asked for it, by size and by allocator. */
#include "model/snapshot_make.h"

#include "base/arena.h"

#include <errno.h>
#include <string.h>

static_assert((int)SNAPSHOT_MEMORY_DOMAINS == (int)MEMORY_DOMAINS &&
                  (int)SNAPSHOT_MEMORY_CLASSES == (int)MEMORY_CLASSES,
              "a snapshot has what the model has");

static bool has_numbers(const struct memory_sums *sums)
{
    return sums->allocations || sums->frees || sums->live_blocks;
}

void snapshot_make_mark_memory(const struct snapshot_maker *maker)
{
    const struct moment *moment = maker->moment;
    for (uint32_t i = 0; i < moment->memory_site_count; i++) {
        uint32_t symbol = moment->memory_sites[i].symbol;
        if (symbol && symbol < moment->symbol_count && has_numbers(&moment->memory_sites[i].sums))
            maker->function_of[symbol] = 0;
    }
}

static struct snapshot_memory_sums sums_of(const struct memory_sums *sums)
{
    return (struct snapshot_memory_sums){
        .allocations = sums->allocations,
        .bytes = sums->bytes,
        .frees = sums->frees,
        .freed_bytes = sums->freed_bytes,
        .live_blocks = sums->live_blocks,
        .live_bytes = sums->live_bytes,
        .peak_bytes = sums->peak_bytes,
    };
}

static void fill_all(struct snapshot_memory *all, const struct memory *memory)
{
    all->total = sums_of(&memory->total);
    all->unknown_frees = memory->unknown_frees;
    all->untracked = memory->untracked;
    for (int i = 0; i < MEMORY_DOMAINS; i++)
        all->domains[i] = sums_of(&memory->domains[i]);
    for (uint32_t i = 0; i < MEMORY_CLASSES; i++) {
        all->classes[i].sums = sums_of(&memory->classes[i]);
        all->classes[i].most_bytes = memory_class_bytes(i);
    }
}

int snapshot_make_memory(struct snapshot_maker *maker)
{
    struct snapshot *snapshot = maker->snapshot;
    const struct moment *moment = maker->moment;
    fill_all(&snapshot->meta.memory, &moment->memory);
    snapshot->memory_sites = arena_array(snapshot->arena, moment->memory_site_count + 1,
                                         sizeof(*snapshot->memory_sites));
    if (!snapshot->memory_sites)
        return -ENOMEM;
    for (uint32_t i = 0; i < moment->memory_site_count; i++) {
        const struct memory_site *site = &moment->memory_sites[i];
        if (!has_numbers(&site->sums))
            continue;
        struct snapshot_memory_site *row = &snapshot->memory_sites[snapshot->memory_site_count++];
        *row = (struct snapshot_memory_site){
            .sums = sums_of(&site->sums),
            .function = SNAPSHOT_NONE,
            .line = site->line,
            .is_left_out = i == MEMORY_LEFT_OUT,
            .at_peak_bytes = memory_at_peak(&moment->memory, site),
            .large = site->large,
            .grown = site->grown,
            .grown_bytes = site->grown_bytes,
            .growth_bytes = (int64_t)site->sums.live_bytes - (int64_t)moment->memory_before[i],
        };
        if (site->symbol && site->symbol < moment->symbol_count)
            row->function = maker->function_of[site->symbol];
    }
    return 0;
}
