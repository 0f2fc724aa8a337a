/* SPDX-License-Identifier: MIT */
/* The list.
 * Why: see catalogue.h.
 * Rules: as there. */
#include "web/catalogue.h"

#include "model/verdicts.h"

#include <string.h>

const struct catalogue_row catalogue[] = {
    {"functions", "Functions", NULL},
    {"function", "Function", NULL},
    {"tree", "Tree", NULL},
    {"flame", "Flame", NULL},
    {"timeline", "Timeline", NULL},
    {"algae", "Algae", NULL},
    {"nova", "Nova", "objects"},
    {"objects", "Objects", "objects"},
    {"memory", "Memory", "memory"},
    {"io", "I/O", "io"},
    {"requests", "Requests", "spans"},
    {"tasks", "Tasks", NULL},
    {"processes", "Processes", NULL},
    {"threads", "Threads", NULL},
    {"methods", "Methods", "methods"},
    {"operators", "Operators", "operators"},
    {"gc", "Garbage collector", "gc"},
    {"lines", "Lines", "lines"},
    {"waits", "Waits", "waits"},
    {"verdicts", "Verdicts", NULL},
    {"escalated", "Escalated", NULL},
};
const size_t catalogue_count = sizeof(catalogue) / sizeof(catalogue[0]);

const struct catalogue_row *catalogue_find(const char *id)
{
    for (size_t i = 0; i < catalogue_count; i++)
        if (strcmp(catalogue[i].id, id) == 0)
            return &catalogue[i];
    return NULL;
}

static bool is_made(const struct catalogue_row *row)
{
    static const char *const pictures[] = {"flame", "algae", "timeline", "nova"};
    for (size_t i = 0; i < sizeof(pictures) / sizeof(pictures[0]); i++)
        if (strcmp(row->id, pictures[i]) == 0)
            return true;
    return view_find(row->id);
}

/* Why the source was never on. */
static const char *why_off(const struct snapshot_meta *meta, const char *source)
{
    for (size_t i = 0; i < meta->source_count; i++)
        if (strcmp(meta->sources[i].name, source) == 0 && meta->sources[i].reason)
            return meta->sources[i].reason;
    return "its source was never on";
}

const char *catalogue_reason(const struct catalogue_row *row, const struct snapshot *snapshot)
{
    if (!is_made(row))
        return "this version of ulma does not make it";
    if (!snapshot)
        return "nothing has been counted yet";
    if (snapshot->meta.refused && snapshot->meta.inexact)
        return snapshot->meta.inexact;
    if (row->source && !snapshot_has_source(&snapshot->meta, row->source))
        return why_off(&snapshot->meta, row->source);
    if (strcmp(row->id, "algae") == 0 && snapshot->meta.ended)
        return "it shows who is alive, and the target has ended: `ulma web --speed 1` plays a recording that has a trace";
    if (strcmp(row->id, "tasks") == 0 && snapshot->task_count == 0)
        return "no asyncio task has been seen";
    if (strcmp(row->id, "verdicts") == 0 && !verdicts_any(snapshot))
        return "nothing that was counted costs more than it has to";
    return NULL;
}

void catalogue_write(struct json_writer *writer, const struct snapshot *snapshot,
                     const char *no_timeline)
{
    json_open(writer, NULL, '[');
    for (size_t i = 0; i < catalogue_count; i++) {
        const char *reason = catalogue_reason(&catalogue[i], snapshot);
        if (!reason && no_timeline && strcmp(catalogue[i].id, "timeline") == 0)
            reason = no_timeline;
        json_open(writer, NULL, '{');
        json_string(writer, "id", catalogue[i].id);
        json_string(writer, "title", catalogue[i].title);
        json_bool(writer, "available", !reason);
        json_string(writer, "reason", reason);
        json_string(writer, "source", catalogue[i].source);
        json_close(writer, '}');
    }
    json_close(writer, ']');
}
