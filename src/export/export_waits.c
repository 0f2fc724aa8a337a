/* SPDX-License-Identifier: MIT */
/* Waits, holds and splits.
 * Why: see export_waits.h. */
#include "export/export_waits.h"

#include <stdio.h>

static void write_place(struct json_writer *writer, const struct snapshot *snapshot,
                        int32_t function, uint32_t line)
{
    const struct snapshot_function *of = function < 0 ? NULL : &snapshot->functions[function];
    uint32_t shown = line ? line : of && of->file ? of->line : 0;
    json_string(writer, "function", of ? of->qualname : NULL);
    json_string(writer, "file", of ? of->file : NULL);
    if (shown)
        json_unsigned(writer, "line", shown);
    else
        json_null(writer, "line");
}

static void write_holder(struct json_writer *writer, const struct snapshot *snapshot,
                         const struct snapshot_wait *wait)
{
    if (wait->holder < 0) {
        json_null(writer, "holder");
        return;
    }
    json_open(writer, "holder", '{');
    json_unsigned(writer, "tid", wait->holder_thread);
    write_place(writer, snapshot, wait->holder, wait->holder_line);
    json_integer(writer, "held_ns", wait->held_ns);
    json_close(writer, '}');
}

static void write_row(struct json_writer *writer, const struct snapshot *snapshot,
                      const struct snapshot_wait *wait)
{
    json_open(writer, NULL, '{');
    if (!wait->is_hold)
        json_string(writer, "kind", wait->kind);
    write_place(writer, snapshot, wait->function, wait->line);
    json_unsigned(writer, "count", wait->count);
    json_integer(writer, "total_ns", wait->total_ns);
    json_integer(writer, "max_ns", wait->max_ns);
    json_integer(writer, "p99_ns", wait->p99_ns);
    if (wait->is_hold) {
        json_integer(writer, "others_waited_ns", wait->others_ns);
    } else {
        json_bool(writer, "blocks_event_loop", wait->in_task);
        write_holder(writer, snapshot, wait);
    }
    json_close(writer, '}');
}

static void write_list(struct json_writer *writer, const struct snapshot *snapshot, bool holds)
{
    json_open(writer, holds ? "gil_holds" : "waits", '[');
    for (size_t i = 0; i < snapshot->wait_count; i++)
        if (snapshot->waits[i].is_hold == holds)
            write_row(writer, snapshot, &snapshot->waits[i]);
    json_close(writer, ']');
}

void export_waits_write(struct json_writer *writer, const struct snapshot *snapshot)
{
    if (!snapshot_has_source(&snapshot->meta, "waits"))
        return;
    write_list(writer, snapshot, false);
    write_list(writer, snapshot, true);
}

void export_waits_split(struct json_writer *writer, const struct snapshot *snapshot,
                        const struct snapshot_thread *thread)
{
    for (size_t i = 0; thread->number && i < snapshot->split_count; i++) {
        const struct snapshot_split *split = &snapshot->splits[i];
        if (split->number != thread->number || split->pid != thread->pid)
            continue;
        json_open(writer, "split", '{');
        json_integer(writer, "wall_ns", split->wall_ns);
        for (int k = 0; k < SHARE_COUNT; k++) {
            char key[16];
            snprintf(key, sizeof(key), "%s_ns", snapshot_share_names[k]);
            json_integer(writer, key, snapshot_split_ns(split, (enum snapshot_share)k));
        }
        json_close(writer, '}');
        return;
    }
}
