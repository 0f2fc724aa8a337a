/* SPDX-License-Identifier: MIT */
/* The part `operators` of the format `json`.
 * Why summed: a function of the snapshot is an operator at one line; a script asks for `dict.__getitem__` first.
 * Rules: as in export_json.c. `complete` is false where more of it may have been done than was told. */
#include "export/export_operators.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { OPERATORS_MOST = 64 }; /* there are fewer */

/* By function: 1 + the index of the first function that is the same operator, wherever; 0: it is none. */
static uint32_t *group_operators(const struct snapshot *snapshot)
{
    char type[SNAPSHOT_METHOD_SIZE], name[SNAPSHOT_METHOD_SIZE];
    uint32_t firsts[OPERATORS_MOST], count = 0;
    uint32_t *group = calloc(snapshot->function_count + 1, sizeof(*group));
    for (size_t i = 0; group && i < snapshot->function_count; i++) {
        if (!snapshot_read_operator(&snapshot->functions[i], type, name))
            continue;
        uint32_t at = 0;
        while (at < count &&
               strcmp(snapshot->functions[firsts[at]].name, snapshot->functions[i].name) != 0)
            at++;
        if (at == OPERATORS_MOST)
            continue; /* no recording of ulma's has more */
        if (at == count)
            firsts[count++] = (uint32_t)i;
        group[i] = 1 + firsts[at];
    }
    return group;
}

static void write_place(struct json_writer *writer, const struct snapshot *snapshot, int32_t caller,
                        const struct snapshot_function *site)
{
    const struct snapshot_function *by = caller < 0 ? NULL : &snapshot->functions[caller];
    json_string(writer, "function", !by ? NULL : by->qualname ? by->qualname : by->name);
    json_string(writer, "file", site->file);
    if (site->file && site->line)
        json_unsigned(writer, "line", site->line);
    else
        json_null(writer, "line");
}

static void write_operator_callers(struct json_writer *writer, const struct snapshot *snapshot,
                                   const uint32_t *group, uint32_t which)
{
    json_open(writer, "callers", '[');
    for (size_t i = 0; i < snapshot->edge_count; i++) {
        const struct snapshot_edge *edge = &snapshot->edges[i];
        if (group[edge->callee] != which)
            continue;
        const struct snapshot_function *site = &snapshot->functions[edge->callee];
        json_open(writer, NULL, '{');
        write_place(writer, snapshot, edge->caller, site);
        json_unsigned(writer, "calls", edge->calls);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}

static void write_operator(struct json_writer *writer, const struct snapshot *snapshot,
                           const uint32_t *group, uint32_t which, enum snapshot_clock clock)
{
    char type[SNAPSHOT_METHOD_SIZE], name[SNAPSHOT_METHOD_SIZE];
    struct snapshot_function sum = {.calls_exact = true};
    int64_t total_ns = 0;
    for (size_t i = which - 1; i < snapshot->function_count; i++) {
        const struct snapshot_function *site = &snapshot->functions[i];
        if (group[i] != which)
            continue;
        sum.calls += site->calls;
        sum.raised += site->raised;
        sum.calls_exact &= site->calls_exact;
        int64_t site_ns = snapshot_total(site, clock);
        total_ns += site_ns > 0 ? site_ns : 0;
        if (site->max_ns > sum.max_ns)
            sum.max_ns = site->max_ns;
    }
    snapshot_read_operator(&snapshot->functions[which - 1], type, name);
    json_open(writer, NULL, '{');
    json_string(writer, "type", type);
    json_string(writer, "operator", name);
    json_unsigned(writer, "calls", sum.calls);
    json_bool(writer, "complete", sum.calls_exact);
    json_unsigned(writer, "raised", sum.raised);
    json_integer(writer, "total_ns", total_ns);
    json_integer(writer, "max_ns", sum.max_ns);
    write_operator_callers(writer, snapshot, group, which);
    json_close(writer, '}');
}

int export_operators_write(struct json_writer *writer, const struct snapshot *snapshot,
                           enum snapshot_clock clock)
{
    if (!snapshot_has_source(&snapshot->meta, "operators"))
        return 0;
    uint32_t *group = group_operators(snapshot);
    if (!group)
        return -ENOMEM;
    json_open(writer, "operators", '[');
    for (size_t i = 0; i < snapshot->function_count; i++)
        if (group[i] == i + 1)
            write_operator(writer, snapshot, group, (uint32_t)i + 1, clock);
    json_close(writer, ']');
    free(group);
    return 0;
}
