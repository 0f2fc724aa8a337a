/* SPDX-License-Identifier: MIT */
/* The view `memory`: which line of which function holds what Python's allocators gave out.
 * Why several figures: what is alive tells what holds memory now, its growth over the window what leaks, the peak
 * what made the process as large as it is, and what was asked for in all which line keeps the allocators busy.
 * Rules: since the source was on; only the growth is of the window. Below the lines stand the allocators and
 * the sizes. Enter opens the function. */
#include "views/view_rows.h"

#include "base/text.h"

#include <errno.h>
#include <string.h>

enum {
    COLUMN_LIVE,
    COLUMN_BLOCKS,
    COLUMN_GROWTH,
    COLUMN_PEAK,
    COLUMN_AT_PEAK,
    COLUMN_BYTES,
    COLUMN_ALLOCATIONS,
    COLUMN_FREED,
    COLUMN_LINE,
    COLUMNS
};

static const struct view_column columns[COLUMNS] = {
    {"live", "live", CELL_MEMORY, 6, 0, "bytes given out and not taken back"},
    {"blocks", "blocks", CELL_COUNT, 9, 4, "how many blocks that is"},
    {"growth", "growth", CELL_MEMORY, 6, 1, "of what is live, over the window"},
    {"peak", "peak", CELL_MEMORY, 6, 3, "the most that was live of it at one time"},
    {"at_peak", "at peak", CELL_MEMORY, 7, 2, "of it, when all together were at their peak"},
    {"bytes", "asked", CELL_MEMORY, 6, 5, "bytes given out in all"},
    {"allocations", "allocs", CELL_COUNT, 9, 6, "how often"},
    {"freed", "freed", CELL_MEMORY, 6, 7, "bytes taken back"},
    {"line", "line that asked for it", CELL_TEXT, 0, 0,
     "the line of the innermost Python function"},
};

static const char *const domain_names[SNAPSHOT_MEMORY_DOMAINS] = {
    "raw (PyMem_RawMalloc)", "mem (PyMem_Malloc)", "obj (PyObject_Malloc)"};

static bool is_shown(const struct snapshot *snapshot, const struct snapshot_memory_site *site,
                     const struct view_query *query)
{
    if (!query->filter || !query->filter[0])
        return true;
    return site->function >= 0 &&
           view_rows_match(&snapshot->functions[site->function], query->filter);
}

static const char *label(const struct snapshot *snapshot, const struct snapshot_memory_site *site,
                         struct arena *arena)
{
    if (site->function < 0)
        return site->is_left_out ? "(left out)" : "(no Python function)";
    struct snapshot_function function = snapshot->functions[site->function];
    if (site->line)
        function.line = site->line;
    const char *name = text_clean(arena, function.qualname);
    const char *location = view_short_location(arena, &function);
    if (!name || !location)
        return NULL;
    if (function.pid)
        return arena_format(arena, "%s (%s) [%u]", name, location, function.pid);
    return arena_format(arena, "%s (%s)", name, location);
}

static int fill_sums(struct view_row *row, const struct snapshot_memory_sums *sums, bool estimate,
                     const char *text)
{
    row->function = SNAPSHOT_NONE;
    row->cells[COLUMN_LIVE] = cell_integer((int64_t)sums->live_bytes);
    row->cells[COLUMN_LIVE].estimate = estimate;
    row->cells[COLUMN_BLOCKS] = cell_integer((int64_t)sums->live_blocks);
    row->cells[COLUMN_GROWTH] = row->cells[COLUMN_AT_PEAK] = cell_absent();
    row->cells[COLUMN_PEAK] = cell_integer((int64_t)sums->peak_bytes);
    row->cells[COLUMN_BYTES] = cell_integer((int64_t)sums->bytes);
    row->cells[COLUMN_ALLOCATIONS] = cell_integer((int64_t)sums->allocations);
    row->cells[COLUMN_FREED] = cell_integer((int64_t)sums->freed_bytes);
    row->cells[COLUMN_LINE] = cell_text(text);
    return text ? 0 : -ENOMEM;
}

static bool is_estimate(const struct snapshot *snapshot)
{
    return snapshot->meta.lost || snapshot->meta.memory.untracked;
}

static int fill_site(const struct snapshot *snapshot, const struct snapshot_memory_site *site,
                     struct view_table *table)
{
    struct view_row *row = view_rows_add(table);
    int result =
        fill_sums(row, &site->sums, is_estimate(snapshot), label(snapshot, site, table->arena));
    row->function = site->function;
    row->cells[COLUMN_GROWTH] = cell_integer(site->growth_bytes);
    row->cells[COLUMN_AT_PEAK] = cell_integer((int64_t)site->at_peak_bytes);
    return result;
}

static int fill_domains(const struct snapshot *snapshot, struct view_table *table)
{
    int result = 0;
    view_rows_add_heading(table, "by allocator");
    for (int i = 0; result == 0 && i < SNAPSHOT_MEMORY_DOMAINS; i++)
        if (snapshot->meta.memory.domains[i].allocations ||
            snapshot->meta.memory.domains[i].live_blocks)
            result = fill_sums(view_rows_add(table), &snapshot->meta.memory.domains[i],
                               is_estimate(snapshot), domain_names[i]);
    return result;
}

static int fill_classes(const struct snapshot *snapshot, const struct view_query *query,
                        struct view_table *table)
{
    int result = 0;
    char number[TEXT_NUMBER_BYTES];
    view_rows_add_heading(table, "by size of the block");
    size_t first = table->row_count;
    for (int i = 0; result == 0 && i < SNAPSHOT_MEMORY_CLASSES; i++) {
        const struct snapshot_memory_class *class = &snapshot->meta.memory.classes[i];
        if (class->sums.allocations || class->sums.live_blocks)
            result =
                fill_sums(view_rows_add(table), &class->sums, is_estimate(snapshot),
                          arena_format(table->arena, "up to %s",
                                       text_format_bytes(number, (int64_t) class->most_bytes)));
    }
    view_rows_sort(table, first, query);
    view_rows_limit(table, first, query);
    return result;
}

/* `; RSS 40.0M = 12.3M live + 8.10M from before + 19.6M not Python's`. What is live need not have been touched. */
static const char *add_up(const struct snapshot_memory *memory, struct arena *arena)
{
    char rss[TEXT_NUMBER_BYTES], live[TEXT_NUMBER_BYTES], before[TEXT_NUMBER_BYTES];
    char rest[TEXT_NUMBER_BYTES];
    uint64_t known = memory->total.live_bytes + memory->before_bytes;
    uint64_t rest_bytes = memory->rss_bytes > known ? memory->rss_bytes - known : 0;
    if (!memory->rss_bytes)
        return "";
    return arena_format(arena, "; RSS %s = %s live + %s from before + %s not Python's%s",
                        text_format_bytes(rss, (int64_t)memory->rss_bytes),
                        text_format_bytes(live, (int64_t)memory->total.live_bytes),
                        text_format_bytes(before, (int64_t)memory->before_bytes),
                        text_format_bytes(rest, (int64_t)rest_bytes),
                        memory->rss_bytes < known ? " (not all of it was touched)" : "");
}

static int64_t on_ns(const struct snapshot_meta *meta)
{
    for (size_t i = 0; i < meta->source_count; i++)
        if (strcmp(meta->sources[i].name, "memory") == 0)
            return meta->sources[i].on_ns;
    return 0;
}

/* `Memory: 12.3M live, of 20.1s; 45.6M at the peak; RSS …; 1,234 older blocks freed` */
static int set_title(const struct snapshot *snapshot, struct view_table *table)
{
    const struct snapshot_memory *memory = &snapshot->meta.memory;
    char live[TEXT_NUMBER_BYTES], peak[TEXT_NUMBER_BYTES], frees[TEXT_NUMBER_BYTES];
    char span[TEXT_NUMBER_BYTES];
    const char *sum = add_up(memory, table->arena);
    if (!snapshot_has_source(&snapshot->meta, "memory"))
        return 0;
    table->title =
        sum ? arena_format(table->arena,
                           "Memory: %s%s live of what was given out in %s; %s at the peak%s; "
                           "%s older blocks freed%s",
                           is_estimate(snapshot) ? "~" : "",
                           text_format_bytes(live, (int64_t)memory->total.live_bytes),
                           text_format_time(span, on_ns(&snapshot->meta)),
                           text_format_bytes(peak, (int64_t)memory->total.peak_bytes), sum,
                           text_format_grouped(frees, memory->unknown_frees),
                           memory->untracked ? "; more blocks than can be followed" : "")
            : NULL;
    return table->title ? 0 : -ENOMEM;
}

static int fill(const struct snapshot *snapshot, const struct view_query *query,
                struct view_table *table)
{
    bool whole = !query->filter || !query->filter[0];
    int result = view_rows_alloc(table, snapshot->memory_site_count + SNAPSHOT_MEMORY_DOMAINS +
                                            SNAPSHOT_MEMORY_CLASSES + 2);
    for (size_t i = 0; result == 0 && i < snapshot->memory_site_count; i++)
        if (is_shown(snapshot, &snapshot->memory_sites[i], query))
            result = fill_site(snapshot, &snapshot->memory_sites[i], table);
    if (result < 0)
        return result;
    view_rows_sort(table, 0, query);
    view_rows_limit(table, 0, query);
    if (whole && snapshot->memory_site_count)
        result = fill_domains(snapshot, table);
    if (result == 0 && whole && snapshot->memory_site_count)
        result = fill_classes(snapshot, query, table);
    return result < 0 ? result : set_title(snapshot, table);
}

const struct view view_memory = {
    .id = "memory",
    .title = "Memory",
    .question = "Which lines hold the memory, which of them grow, and what was alive at the peak?",
    .columns = columns,
    .column_count = COLUMNS,
    .default_sort = "live",
    .source = "memory",
    .since_start = true,
    .fill = fill,
};
