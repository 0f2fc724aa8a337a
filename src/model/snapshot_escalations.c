/* SPDX-License-Identifier: MIT */
/* Functions under a rule, with the first and the worst call that was told.
 * Why texts and no indexes: such a function has no row of its own among the functions. */
#include "model/snapshot_make.h"

#include "base/arena.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Names come from the target: what separates here is none of them. */
static const char *clean(struct arena *arena, const char *text)
{
    char *copy = arena_string(arena, text ? text : "");
    for (char *at = copy; at && *at; at++)
        if (*at == '\t' || *at == '\n')
            *at = ' ';
    return copy;
}

/* NULL: no memory. */
static const char *join(struct arena *arena, const char *text, const char *more)
{
    return text && more ? arena_format(arena, "%s%s%s", text, *text ? ", " : "", more) : NULL;
}

/* Of a call of the C library: `fd 3, /tmp/lines.csv, bytes[20]`, and why it failed. */
static const char *io_arguments(struct arena *arena, const struct witness *from)
{
    const char *text = "";
    if (from->fd != IO_NO_FD)
        text = join(arena, text, arena_format(arena, "fd %u", from->fd));
    if (from->resource_text)
        text = join(arena, text, clean(arena, from->resource_text));
    for (uint32_t i = 0; i < from->argument_count && from->arguments[i].length; i++)
        text = join(
            arena, text,
            arena_format(arena, "bytes[%llu]", (unsigned long long)from->arguments[i].length - 1));
    return from->error ? join(arena, text, arena_string(arena, strerror(from->error))) : text;
}

static int add_arguments(struct arena *arena, const struct witness *from,
                         struct snapshot_witness *to)
{
    const char *text = from->argument_count ? "" : NULL;
    if (from->is_io) {
        to->arguments = io_arguments(arena, from);
        return to->arguments ? 0 : -ENOMEM;
    }
    for (uint32_t i = 0; i < from->argument_count && (i == 0 || text); i++) {
        const struct witness_argument *argument = &from->arguments[i];
        const char *type = clean(arena, argument->type);
        if (!type)
            return -ENOMEM;
        const char *comma = i ? ", " : "";
        text = argument->length ? arena_format(arena, "%s%s%s[%llu]", text, comma, type,
                                               (unsigned long long)argument->length - 1)
                                : arena_format(arena, "%s%s%s", text, comma, type);
    }
    to->arguments = text;
    return from->argument_count && !text ? -ENOMEM : 0;
}

static int add_stack(const struct snapshot_maker *maker, const struct witness *from,
                     struct snapshot_witness *to)
{
    struct arena *arena = maker->snapshot->arena;
    const char *text = "";
    for (uint32_t i = 0; i < from->frame_count && text; i++) {
        const struct witness_frame *frame = &from->frames[i];
        const struct symbol *symbol = &maker->symbols->symbols[frame->symbol];
        const char *function = clean(arena, symbol->qualname), *file = clean(arena, symbol->file);
        if (!function || !file)
            return -ENOMEM;
        text =
            arena_format(arena, "%s%s%s\t%s\t%u", text, i ? "\n" : "", function, file, frame->line);
    }
    to->stack = text;
    to->has_more = from->has_more;
    return text ? 0 : -ENOMEM;
}

static bool is_time(uint32_t predicate)
{
    return predicate == RULE_SLOWER || predicate == RULE_RAISED;
}

static int add_witness(const struct snapshot_maker *maker, const struct escalation *row,
                       const struct witness *from, struct snapshot_witness *to)
{
    if (!from->counter)
        return 0;
    int64_t since = (int64_t)(from->counter - maker->moment->first_counter);
    *to = (struct snapshot_witness){
        .known = true,
        .at_ns = since > 0 ? snapshot_make_ns(maker, since) : 0,
        .thread = from->thread,
        .pid = from->pid,
    };
    if (is_time(row->predicate))
        to->took_ns = snapshot_make_ns(maker, (int64_t)from->value);
    else
        to->value = from->value;
    int result = add_arguments(maker->snapshot->arena, from, to);
    return result ? result : add_stack(maker, from, to);
}

/* `list.append` of a method, as its rule has it. */
static const char *function_of(struct arena *arena, const struct symbol *symbol)
{
    char whole[SNAPSHOT_METHOD_SIZE];
    bool is_method = symbol->kind == KIND_C && (snapshot_operator_name(symbol->qualname, whole) ||
                                                snapshot_method_name(symbol->qualname, whole));
    return clean(arena, is_method ? whole : symbol->qualname);
}

static int add_row(const struct snapshot_maker *maker, const struct escalation *from)
{
    struct snapshot *snapshot = maker->snapshot;
    const struct symbol *symbol = &maker->symbols->symbols[from->row];
    struct snapshot_escalation *row = &snapshot->escalations[snapshot->escalation_count++];
    *row = (struct snapshot_escalation){
        .function = function_of(snapshot->arena, symbol),
        .file = symbol->file ? clean(snapshot->arena, symbol->file) : NULL,
        .line = symbol->line,
        .rule = arena_string(snapshot->arena, from->words),
        .is_count = from->predicate >= RULE_PREDICATES,
        .is_time = is_time(from->predicate),
        .calls = from->calls,
        .held = from->held,
    };
    int result = row->function && row->rule ? 0 : -ENOMEM;
    if (result == 0)
        result = add_witness(maker, from, &from->first, &row->first);
    return result ? result : add_witness(maker, from, &from->worst, &row->worst);
}

static int by_weight(const void *left, const void *right)
{
    const struct snapshot_escalation *a = left, *b = right;
    if (a->held != b->held)
        return a->held < b->held ? 1 : -1;
    if (a->calls != b->calls)
        return a->calls < b->calls ? 1 : -1;
    return strcmp(a->function, b->function);
}

int snapshot_make_escalations(struct snapshot_maker *maker)
{
    struct snapshot *snapshot = maker->snapshot;
    const struct moment *moment = maker->moment;
    int result = 0;
    snapshot->escalations =
        arena_array(snapshot->arena, moment->escalation_count + 1, sizeof(*snapshot->escalations));
    if (!snapshot->escalations)
        return -ENOMEM;
    for (uint32_t i = 1; i < moment->escalation_count && result == 0; i++)
        if (moment->escalations[i].calls)
            result = add_row(maker, &moment->escalations[i]);
    if (snapshot->escalation_count)
        qsort(snapshot->escalations, snapshot->escalation_count, sizeof(*snapshot->escalations),
              by_weight);
    return result;
}
