/* SPDX-License-Identifier: MIT */
/* The lists `memory`, `memory_domains` and `memory_sizes`, and what they add up to.
 * Rules: those of json_writer.h. */
#include "export/export_memory.h"

static const char *const domain_names[SNAPSHOT_MEMORY_DOMAINS] = {"raw", "mem", "obj"};

static void write_sums(struct json_writer *writer, const struct snapshot_memory_sums *sums)
{
    json_unsigned(writer, "allocations", sums->allocations);
    json_unsigned(writer, "bytes", sums->bytes);
    json_unsigned(writer, "frees", sums->frees);
    json_unsigned(writer, "freed_bytes", sums->freed_bytes);
    json_unsigned(writer, "live_blocks", sums->live_blocks);
    json_unsigned(writer, "live_bytes", sums->live_bytes);
    json_unsigned(writer, "peak_bytes", sums->peak_bytes);
}

static void write_site(struct json_writer *writer, const struct snapshot *snapshot,
                       const struct snapshot_memory_site *site)
{
    const struct snapshot_function *function =
        site->function < 0 ? NULL : &snapshot->functions[site->function];
    json_open(writer, NULL, '{');
    json_string(writer, "function", function ? function->qualname : NULL);
    json_string(writer, "file", function ? function->file : NULL);
    if (site->line)
        json_unsigned(writer, "line", site->line);
    else
        json_null(writer, "line");
    write_sums(writer, &site->sums);
    json_unsigned(writer, "at_peak_bytes", site->at_peak_bytes);
    json_integer(writer, "growth_bytes", site->growth_bytes);
    json_unsigned(writer, "grown", site->grown);
    json_unsigned(writer, "grown_bytes", site->grown_bytes);
    json_close(writer, '}');
}

static void write_known(struct json_writer *writer, const char *key, uint64_t bytes)
{
    if (bytes)
        json_unsigned(writer, key, bytes);
    else
        json_null(writer, key);
}

static void write_total(struct json_writer *writer, const struct snapshot *snapshot)
{
    json_open(writer, "memory_total", '{');
    write_sums(writer, &snapshot->meta.memory.total);
    json_unsigned(writer, "unknown_frees", snapshot->meta.memory.unknown_frees);
    write_known(writer, "rss_bytes", snapshot->meta.memory.rss_bytes);
    write_known(writer, "before_bytes", snapshot->meta.memory.before_bytes);
    json_unsigned(writer, "untracked", snapshot->meta.memory.untracked);
    json_bool(writer, "exact", snapshot->meta.lost == 0 && snapshot->meta.memory.untracked == 0);
    json_close(writer, '}');
}

static void write_domains(struct json_writer *writer, const struct snapshot_memory *memory)
{
    json_open(writer, "memory_domains", '[');
    for (int i = 0; i < SNAPSHOT_MEMORY_DOMAINS; i++) {
        json_open(writer, NULL, '{');
        json_string(writer, "domain", domain_names[i]);
        write_sums(writer, &memory->domains[i]);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void write_classes(struct json_writer *writer, const struct snapshot_memory *memory)
{
    json_open(writer, "memory_sizes", '[');
    for (int i = 0; i < SNAPSHOT_MEMORY_CLASSES; i++) {
        const struct snapshot_memory_class *class = &memory->classes[i];
        if (!class->sums.allocations && !class->sums.live_blocks)
            continue;
        json_open(writer, NULL, '{');
        json_unsigned(writer, "up_to_bytes", class->most_bytes);
        write_sums(writer, &class->sums);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

void export_memory_write(struct json_writer *writer, const struct snapshot *snapshot)
{
    if (!snapshot_has_source(&snapshot->meta, "memory"))
        return;
    json_open(writer, "memory", '[');
    for (size_t i = 0; i < snapshot->memory_site_count; i++)
        write_site(writer, snapshot, &snapshot->memory_sites[i]);
    json_close(writer, ']');
    write_total(writer, snapshot);
    write_domains(writer, &snapshot->meta.memory);
    write_classes(writer, &snapshot->meta.memory);
}
