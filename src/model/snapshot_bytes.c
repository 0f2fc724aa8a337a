/* SPDX-License-Identifier: MIT */
/* The arrays of a snapshot as they are, with places in a table of strings instead of pointers.
 * Why: see snapshot_bytes.h.
 * Rules: as there. Each field that could mislead a reader stands in a table below; a new one of such a kind
 * in snapshot.h is added there. */
#include "model/snapshot_bytes.h"

#include "base/arena.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC   UINT64_C(0x746f6873616d6c75) /* "ulmashot" */
#define MOST_NS (INT64_C(1) << 60)           /* some may be added up */

enum field_kind {
    FIELD_STRING, /* or NULL */
    FIELD_TEXT,   /* never NULL */
    FIELD_BOOL,
    FIELD_ENUM,     /* below `limit` */
    FIELD_FUNCTION, /* its index */
    FIELD_FUNCTION_OR_NONE,
    FIELD_NS,
    FIELD_DOUBLE,
    FIELD_NAME, /* `limit` bytes, terminated */
    FIELD_END,
};

struct field {
    size_t offset;
    enum field_kind kind;
    unsigned limit;
};

#define F(type, member, kind, ...)                                          \
    {                                                                       \
        offsetof(struct snapshot_##type, member), FIELD_##kind, __VA_ARGS__ \
    }
#define END             \
    {                   \
        0, FIELD_END, 0 \
    }

static const struct field function_fields[] = {
    F(function, kind, ENUM, KIND_PSEUDO + 1),
    F(function, name, TEXT, 0),
    F(function, qualname, TEXT, 0),
    F(function, module, STRING, 0),
    F(function, file, STRING, 0),
    F(function, self_ns, NS, 0),
    F(function, total_ns, NS, 0),
    F(function, self_wait_ns, NS, 0),
    F(function, total_wait_ns, NS, 0),
    F(function, min_ns, NS, 0),
    F(function, max_ns, NS, 0),
    F(function, p50_ns, NS, 0),
    F(function, p99_ns, NS, 0),
    F(function, window.self_ns, NS, 0),
    F(function, window.total_ns, NS, 0),
    F(function, window.self_wait_ns, NS, 0),
    F(function, window.total_wait_ns, NS, 0),
    F(function, window.max_ns, NS, 0),
    F(function, window.p50_ns, NS, 0),
    F(function, window.p99_ns, NS, 0),
    F(function, calls_exact, BOOL, 0),
    F(function, times_exact, BOOL, 0),
    F(function, is_muted, BOOL, 0),
    F(function, is_method, BOOL, 0),
    F(function, holds_left_out, BOOL, 0),
    END,
};

static const struct field node_fields[] = {
    F(node, function, FUNCTION_OR_NONE, 0),
    F(node, self_ns, NS, 0),
    F(node, total_ns, NS, 0),
    F(node, self_wait_ns, NS, 0),
    F(node, total_wait_ns, NS, 0),
    F(node, window_self_ns, NS, 0),
    F(node, window_total_ns, NS, 0),
    END,
};

static const struct field edge_fields[] = {
    F(edge, caller, FUNCTION_OR_NONE, 0),
    F(edge, callee, FUNCTION, 0),
    F(edge, self_ns, NS, 0),
    F(edge, total_ns, NS, 0),
    F(edge, self_wait_ns, NS, 0),
    F(edge, total_wait_ns, NS, 0),
    END,
};

static const struct field thread_fields[] = {
    F(thread, name, NAME, sizeof(((struct snapshot_thread *)NULL)->name)),
    F(thread, ended, BOOL, 0),
    F(thread, profiled_ns, NS, 0),
    F(thread, cpu_ns, NS, 0),
    F(thread, wait_ns, NS, 0),
    F(thread, stalled_ns, NS, 0),
    F(thread, corrected_ns, NS, 0),
    F(thread, outside_ns, NS, 0),
    F(thread, window_cpu_ns, NS, 0),
    F(thread, window_wait_ns, NS, 0),
    F(thread, running, FUNCTION_OR_NONE, 0),
    END,
};

static const struct field process_fields[] = {F(process, command, STRING, 0), END};

static const struct field task_fields[] = {
    F(task, name, STRING, 0),
    F(task, state, ENUM, TASK_ENDED + 1),
    F(task, coroutine, FUNCTION_OR_NONE, 0),
    F(task, maker, FUNCTION_OR_NONE, 0),
    F(task, awaiting, FUNCTION_OR_NONE, 0),
    F(task, wall_ns, NS, 0),
    F(task, wait_ns, NS, 0),
    F(task, suspended_ns, NS, 0),
    F(task, since_ns, NS, 0),
    F(task, longest_ns, NS, 0),
    F(task, steps_exact, BOOL, 0),
    END,
};

static const struct field gc_fields[] = {
    F(gc, function, FUNCTION_OR_NONE, 0),
    F(gc, total_ns, NS, 0),
    F(gc, max_ns, NS, 0),
    END,
};

static const struct field io_fields[] = {
    F(io, operation, TEXT, 0),
    F(io, resource, STRING, 0),
    F(io, function, FUNCTION_OR_NONE, 0),
    F(io, blocked_ns, NS, 0),
    F(io, p99_ns, NS, 0),
    F(io, max_ns, NS, 0),
    END,
};

static const struct field wait_fields[] = {
    F(wait, kind, TEXT, 0),
    F(wait, is_hold, BOOL, 0),
    F(wait, function, FUNCTION_OR_NONE, 0),
    F(wait, in_task, BOOL, 0),
    F(wait, total_ns, NS, 0),
    F(wait, max_ns, NS, 0),
    F(wait, p99_ns, NS, 0),
    F(wait, others_ns, NS, 0),
    F(wait, holder, FUNCTION_OR_NONE, 0),
    F(wait, held_ns, NS, 0),
    END,
};

static const struct field split_fields[] = {
    F(split, name, NAME, sizeof(((struct snapshot_split *)NULL)->name)),
    F(split, wall_ns, NS, 0),
    F(split, compute_ns, NS, 0),
    F(split, socket_ns, NS, 0),
    F(split, file_ns, NS, 0),
    F(split, lock_ns, NS, 0),
    F(split, gil_ns, NS, 0),
    F(split, gc_ns, NS, 0),
    F(split, idle_ns, NS, 0),
    END,
};

static const struct field request_fields[] = {
    F(request, sort, ENUM, REQUEST_SORTS),
    F(request, name, TEXT, 0),
    F(request, method, STRING, 0),
    F(request, status, STRING, 0),
    F(request, wall_ns, NS, 0),
    F(request, p50_ns, NS, 0),
    F(request, p99_ns, NS, 0),
    F(request, max_ns, NS, 0),
    F(request, cpu_ns, NS, 0),
    F(request, wait_ns, NS, 0),
    F(request, suspended_ns, NS, 0),
    F(request, socket_ns, NS, 0),
    F(request, file_ns, NS, 0),
    F(request, queued_ns, NS, 0),
    F(request, slowest_at_ns, NS, 0),
    F(request, slowest_cpu_ns, NS, 0),
    F(request, slowest_wait_ns, NS, 0),
    F(request, slowest_suspended_ns, NS, 0),
    F(request, slowest_function, FUNCTION_OR_NONE, 0),
    F(request, slowest_labels, STRING, 0),
    END,
};

static const struct field request_function_fields[] = {
    F(request_function, function, FUNCTION, 0),
    F(request_function, self_ns, NS, 0),
    END,
};

static const struct field line_fields[] = {
    F(line, function, FUNCTION, 0), F(line, self_ns, NS, 0),  F(line, self_wait_ns, NS, 0),
    F(line, is_partial, BOOL, 0),   F(line, text, STRING, 0), END,
};

static const struct field escalation_fields[] = {
    F(escalation, function, TEXT, 0),
    F(escalation, file, STRING, 0),
    F(escalation, rule, TEXT, 0),
    F(escalation, is_count, BOOL, 0),
    F(escalation, is_time, BOOL, 0),
    F(escalation, first.known, BOOL, 0),
    F(escalation, first.at_ns, NS, 0),
    F(escalation, first.took_ns, NS, 0),
    F(escalation, first.arguments, STRING, 0),
    F(escalation, first.stack, STRING, 0),
    F(escalation, first.has_more, BOOL, 0),
    F(escalation, worst.known, BOOL, 0),
    F(escalation, worst.at_ns, NS, 0),
    F(escalation, worst.took_ns, NS, 0),
    F(escalation, worst.arguments, STRING, 0),
    F(escalation, worst.stack, STRING, 0),
    F(escalation, worst.has_more, BOOL, 0),
    END,
};

static const struct field object_fields[] = {
    F(object, type, TEXT, 0),
    F(object, function, FUNCTION_OR_NONE, 0),
    F(object, before, BOOL, 0),
    F(object, median_life_ns, NS, 0),
    END,
};

static const struct field memory_site_fields[] = {
    F(memory_site, function, FUNCTION_OR_NONE, 0),
    F(memory_site, is_left_out, BOOL, 0),
    END,
};

static const struct field site_fields[] = {
    F(site, text, TEXT, 0),
    F(site, skip, BOOL, 0),
    F(site, matched, BOOL, 0),
    END,
};

static const struct field meta_fields[] = {
    F(meta, command, STRING, 0),
    F(meta, python, STRING, 0),
    F(meta, executable, STRING, 0),
    F(meta, host, STRING, 0),
    F(meta, duration_ns, NS, 0),
    F(meta, slice_from_ns, NS, 0),
    F(meta, is_slice, BOOL, 0),
    F(meta, ended, BOOL, 0),
    F(meta, recording, BOOL, 0),
    F(meta, refused, BOOL, 0),
    F(meta, clock, ENUM, CLOCK_CPU + 1),
    F(meta, corrected, BOOL, 0),
    F(meta, corrected_ns, NS, 0),
    F(meta, waited_ns, NS, 0),
    F(meta, wait_source, ENUM, WAIT_PERF + 1),
    F(meta, window_from_ns, NS, 0),
    F(meta, window_to_ns, NS, 0),
    F(meta, by_process, BOOL, 0),
    F(meta, stack_guard_ns, NS, 0),
    F(meta, off_ns, NS, 0),
    F(meta, stolen_ns, NS, 0),
    F(meta, events_per_s, DOUBLE, 0),
    F(meta, ns_per_tick, DOUBLE, 0),
    F(meta, ns_per_call, DOUBLE, 0),
    F(meta, ns_per_c_call, DOUBLE, 0),
    F(meta, cost_pct, DOUBLE, 0),
    F(meta, collector_pct, DOUBLE, 0),
    F(meta, budget_pct, DOUBLE, 0),
    F(meta, budget_is_held, BOOL, 0),
    F(meta, inexact, STRING, 0),
    F(meta, longest_step_ns, NS, 0),
    F(meta, longest_step_of, FUNCTION_OR_NONE, 0),
    F(meta, longest_step_task, STRING, 0),
    END,
};

static const struct field source_fields[] = {
    F(source, name, TEXT, 0),
    F(source, on_ns, NS, 0),
    F(source, wanted, BOOL, 0),
    F(source, step, ENUM, STEP_REFUSED + 1),
    F(source, complete, BOOL, 0),
    F(source, reason, STRING, 0),
    END,
};

/* --- the parts, in their order ------------------------------------------------------------------ */

struct part {
    size_t array_offset, count_offset; /* within struct snapshot; of the meta data none */
    size_t size;
    const struct field *fields;
};

#define PART(array, count, type)                                            \
    {                                                                       \
        offsetof(struct snapshot, array), offsetof(struct snapshot, count), \
            sizeof(struct snapshot_##type), type##_fields                   \
    }

enum { PART_META, PART_FUNCTIONS, PART_NODES, PART_COUNT = 19 };

static const struct part parts[PART_COUNT] = {
    [PART_META] = {offsetof(struct snapshot, meta), 0, sizeof(struct snapshot_meta), meta_fields},
    [PART_FUNCTIONS] = PART(functions, function_count, function),
    [PART_NODES] = PART(nodes, node_count, node),
    PART(edges, edge_count, edge),
    PART(threads, thread_count, thread),
    PART(processes, process_count, process),
    PART(tasks, task_count, task),
    PART(gc, gc_count, gc),
    PART(gc_triggers, gc_trigger_count, gc),
    PART(io, io_count, io),
    PART(waits, wait_count, wait),
    PART(splits, split_count, split),
    PART(requests, request_count, request),
    PART(request_functions, request_function_count, request_function),
    PART(lines, line_count, line),
    PART(escalations, escalation_count, escalation),
    PART(objects, object_count, object),
    PART(memory_sites, memory_site_count, memory_site),
    PART(meta.sites, meta.site_count, site),
};

struct head {
    uint64_t magic;
    char version[32];
    uint64_t sizes[PART_COUNT], counts[PART_COUNT];
    uint64_t text_size; /* the last thing */
};

static struct head make_head(void)
{
    struct head head = {.magic = MAGIC, .version = ULMA_VERSION};
    for (size_t i = 0; i < PART_COUNT; i++)
        head.sizes[i] = parts[i].size;
    return head;
}

/* --- writing ------------------------------------------------------------------------------------ */

struct text {
    char *bytes;
    size_t size, limit;
    bool failed;
};

/* Its place + 1. */
static uintptr_t put_string(struct text *text, const char *string)
{
    size_t size = strlen(string) + 1, at = text->size;
    if (size > text->limit - text->size) {
        size_t limit = text->limit + text->limit / 2 + size + 4096;
        char *grown = realloc(text->bytes, limit);
        text->failed |= !grown;
        if (!grown)
            return 0;
        text->bytes = grown;
        text->limit = limit;
    }
    memcpy(text->bytes + at, string, size);
    text->size += size;
    return at + 1;
}

static void put_strings(struct text *text, char *record, const struct field *fields)
{
    for (; fields->kind != FIELD_END; fields++) {
        const char *string;
        uintptr_t place = 0;
        if (fields->kind != FIELD_STRING && fields->kind != FIELD_TEXT)
            continue;
        memcpy(&string, record + fields->offset, sizeof(string));
        if (string)
            place = put_string(text, string);
        memcpy(record + fields->offset, &place, sizeof(place));
    }
}

static char *source_at(char *meta, size_t index)
{
    return meta + offsetof(struct snapshot_meta, sources) + index * sizeof(struct snapshot_source);
}

static void count_parts(const struct snapshot *snapshot, struct head *head, size_t *ret_size)
{
    *ret_size = sizeof(*head);
    for (size_t i = 0; i < PART_COUNT; i++) {
        head->counts[i] = 1;
        if (i != PART_META)
            memcpy(&head->counts[i], (const char *)snapshot + parts[i].count_offset,
                   sizeof(size_t));
        *ret_size += (size_t)head->counts[i] * parts[i].size;
    }
}

static void put_part(const struct snapshot *snapshot, size_t index, size_t count, char *at,
                     struct text *text)
{
    const struct part *part = &parts[index];
    const char *from = (const char *)snapshot + part->array_offset;
    if (index != PART_META)
        memcpy(&from, (const char *)snapshot + part->array_offset, sizeof(from));
    if (count)
        memcpy(at, from, count * part->size);
    for (size_t i = 0; i < count; i++)
        put_strings(text, at + i * part->size, part->fields);
    for (size_t i = 0; index == PART_META && i < snapshot->meta.source_count; i++)
        put_strings(text, source_at(at, i), source_fields);
}

char *snapshot_to_bytes(const struct snapshot *snapshot, size_t *ret_size)
{
    struct head head = make_head();
    struct text text = {0};
    size_t size, at = sizeof(head);
    count_parts(snapshot, &head, &size);
    char *bytes = malloc(size);
    for (size_t i = 0; bytes && i < PART_COUNT; i++) {
        put_part(snapshot, i, (size_t)head.counts[i], bytes + at, &text);
        at += (size_t)head.counts[i] * parts[i].size;
    }
    head.text_size = text.size;
    char *whole = bytes && !text.failed ? realloc(bytes, size + text.size) : NULL;
    if (whole) {
        memcpy(whole, &head, sizeof(head));
        if (text.size)
            memcpy(whole + size, text.bytes, text.size);
        *ret_size = size + text.size;
    } else {
        free(bytes);
    }
    free(text.bytes);
    return whole;
}

/* --- reading ------------------------------------------------------------------------------------ */

struct reader {
    char *text; /* in the arena */
    size_t text_size, function_count;
};

static bool take_string(const struct reader *reader, char *at, bool needed)
{
    uintptr_t place;
    memcpy(&place, at, sizeof(place));
    if (place > reader->text_size || (needed && !place))
        return false;
    const char *string = place ? reader->text + place - 1 : NULL;
    memcpy(at, &string, sizeof(string));
    return true;
}

static bool is_function(const struct reader *reader, const char *at, bool or_none)
{
    int32_t index;
    memcpy(&index, at, sizeof(index));
    if (index < 0)
        return or_none && index == SNAPSHOT_NONE;
    return (size_t)index < reader->function_count;
}

static bool is_time(const char *at)
{
    int64_t ns;
    memcpy(&ns, at, sizeof(ns));
    return ns > -MOST_NS && ns < MOST_NS;
}

static bool is_number(const char *at)
{
    double number;
    memcpy(&number, at, sizeof(number));
    return isfinite(number);
}

static bool is_choice(const char *at, unsigned limit)
{
    unsigned choice;
    static_assert(sizeof(choice) == sizeof(enum snapshot_kind), "all enums are as large");
    memcpy(&choice, at, sizeof(choice));
    return choice < limit;
}

static bool take_field(const struct reader *reader, const struct field *field, char *at)
{
    switch (field->kind) {
    case FIELD_STRING:
    case FIELD_TEXT:
        return take_string(reader, at, field->kind == FIELD_TEXT);
    case FIELD_BOOL:
        return (unsigned char)*at <= 1;
    case FIELD_ENUM:
        return is_choice(at, field->limit);
    case FIELD_FUNCTION:
    case FIELD_FUNCTION_OR_NONE:
        return is_function(reader, at, field->kind == FIELD_FUNCTION_OR_NONE);
    case FIELD_NS:
        return is_time(at);
    case FIELD_DOUBLE:
        return is_number(at);
    case FIELD_NAME:
        return memchr(at, '\0', field->limit) != NULL;
    case FIELD_END:
        break;
    }
    return false;
}

static bool take_fields(const struct reader *reader, const struct field *fields, char *record)
{
    bool good = true;
    for (; fields->kind != FIELD_END && good; fields++)
        good = take_field(reader, fields, record + fields->offset);
    return good;
}

/* A parent before its children; the root first. */
static bool is_tree(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->node_count; i++) {
        const struct snapshot_node *node = &snapshot->nodes[i];
        if (i == 0 ? node->parent != SNAPSHOT_NONE || node->function != SNAPSHOT_NONE
                   : node->parent < 0 || (size_t)node->parent >= i)
            return false;
    }
    return true;
}

static bool is_of_requests(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->request_function_count; i++)
        if (snapshot->request_functions[i].request >= snapshot->request_count)
            return false;
    return true;
}

static int take_meta(const struct reader *reader, struct snapshot *snapshot, const char *from)
{
    char *meta = (char *)&snapshot->meta;
    memcpy(meta, from, sizeof(snapshot->meta));
    snapshot->meta.sites = NULL;
    snapshot->meta.site_count = 0;
    if (snapshot->meta.source_count > SNAPSHOT_SOURCES_MOST ||
        !take_fields(reader, meta_fields, meta))
        return -EBADMSG;
    for (size_t i = 0; i < snapshot->meta.source_count; i++)
        if (!take_fields(reader, source_fields, source_at(meta, i)))
            return -EBADMSG;
    return 0;
}

static int take_part(const struct reader *reader, struct snapshot *snapshot, size_t index,
                     const char *from, size_t count)
{
    const struct part *part = &parts[index];
    if (index == PART_META)
        return take_meta(reader, snapshot, from);
    char *array = arena_array(snapshot->arena, count ? count : 1, part->size);
    if (!array)
        return -ENOMEM;
    if (count)
        memcpy(array, from, count * part->size);
    for (size_t i = 0; i < count; i++)
        if (!take_fields(reader, part->fields, array + i * part->size))
            return -EBADMSG;
    memcpy((char *)snapshot + part->array_offset, &array, sizeof(array));
    memcpy((char *)snapshot + part->count_offset, &count, sizeof(count));
    return 0;
}

/* Whether the sizes add up to what is there. */
static int check_head(const struct head *head, size_t size)
{
    const struct head own = make_head();
    if (head->magic != own.magic)
        return -EBADMSG;
    if (memcmp(head->version, own.version, sizeof(own.version)) != 0 ||
        memcmp(head->sizes, own.sizes, sizeof(own.sizes)) != 0)
        return -EPROTO;
    size_t left = size - sizeof(*head);
    for (size_t i = 0; i < PART_COUNT; i++) {
        if (head->counts[i] > left / parts[i].size)
            return -EBADMSG;
        left -= (size_t)head->counts[i] * parts[i].size;
    }
    if (head->counts[PART_META] != 1 || head->text_size != left ||
        head->counts[PART_FUNCTIONS] > INT32_MAX || head->counts[PART_NODES] > INT32_MAX)
        return -EBADMSG;
    return 0;
}

static int take(struct snapshot *snapshot, const struct head *head, const char *bytes, size_t size)
{
    struct reader reader = {.text_size = (size_t)head->text_size,
                            .function_count = (size_t)head->counts[PART_FUNCTIONS]};
    reader.text = arena_string_of(snapshot->arena, bytes + size - reader.text_size,
                                  reader.text_size); /* terminated */
    int result = reader.text ? 0 : -ENOMEM;
    size_t at = sizeof(*head);
    for (size_t i = 0; i < PART_COUNT && result == 0; i++) {
        result = take_part(&reader, snapshot, i, bytes + at, (size_t)head->counts[i]);
        at += (size_t)head->counts[i] * parts[i].size;
    }
    bool sound = result != 0 || (is_tree(snapshot) && is_of_requests(snapshot));
    return sound ? result : -EBADMSG;
}

int snapshot_of_bytes(const char *bytes, size_t size, struct snapshot **ret)
{
    struct head head;
    if (size < sizeof(head))
        return -EBADMSG;
    memcpy(&head, bytes, sizeof(head));
    int result = check_head(&head, size);
    if (result)
        return result;
    struct snapshot *snapshot = snapshot_new();
    result = snapshot ? take(snapshot, &head, bytes, size) : -ENOMEM;
    if (result) {
        snapshot_free(snapshot);
        return result;
    }
    *ret = snapshot;
    return 0;
}

/* --- over all parts ------------------------------------------------------------------------------- */

static char *part_array(const struct snapshot *snapshot, size_t index, size_t *ret_count)
{
    char *array = (char *)snapshot + parts[index].array_offset;
    *ret_count = 1;
    if (index == PART_META)
        return array;
    memcpy(ret_count, (const char *)snapshot + parts[index].count_offset, sizeof(*ret_count));
    memcpy(&array, (const char *)snapshot + parts[index].array_offset, sizeof(array));
    return array;
}

static void renumber_record(char *record, const struct field *fields, const int32_t *index_of)
{
    for (; fields->kind != FIELD_END; fields++) {
        int32_t index;
        if (fields->kind != FIELD_FUNCTION && fields->kind != FIELD_FUNCTION_OR_NONE)
            continue;
        memcpy(&index, record + fields->offset, sizeof(index));
        if (index == SNAPSHOT_NONE)
            continue;
        memcpy(record + fields->offset, &index_of[index], sizeof(index));
    }
}

void snapshot_renumber(struct snapshot *snapshot, const int32_t *index_of)
{
    for (size_t i = 0; i < PART_COUNT; i++) {
        size_t count;
        char *array = part_array(snapshot, i, &count);
        for (size_t row = 0; row < count; row++)
            renumber_record(array + row * parts[i].size, parts[i].fields, index_of);
    }
}

/* A record of another snapshot: its strings are copied, its functions stand further behind. */
static int adopt(struct arena *arena, char *record, const struct field *fields, size_t functions)
{
    for (; fields->kind != FIELD_END; fields++) {
        char *at = record + fields->offset;
        const char *string;
        int32_t index;
        if (fields->kind == FIELD_STRING || fields->kind == FIELD_TEXT) {
            memcpy(&string, at, sizeof(string));
            const char *copy = string ? arena_string(arena, string) : NULL;
            if (string && !copy)
                return -ENOMEM;
            memcpy(at, &copy, sizeof(copy));
        } else if (fields->kind == FIELD_FUNCTION || fields->kind == FIELD_FUNCTION_OR_NONE) {
            memcpy(&index, at, sizeof(index));
            index += index == SNAPSHOT_NONE ? 0 : (int32_t)functions;
            memcpy(at, &index, sizeof(index));
        }
    }
    return 0;
}

static int append_part(struct snapshot *to, const struct snapshot *from, size_t index,
                       size_t functions)
{
    size_t had, more, size = parts[index].size;
    const char *old = part_array(to, index, &had), *added = part_array(from, index, &more);
    char *array = arena_array(to->arena, had + more + 1, size);
    if (!array)
        return -ENOMEM;
    if (had)
        memcpy(array, old, had * size);
    if (more)
        memcpy(array + had * size, added, more * size);
    int result = 0;
    for (size_t row = had; row < had + more && result == 0; row++)
        result = adopt(to->arena, array + row * size, parts[index].fields, functions);
    size_t count = had + more;
    memcpy((char *)to + parts[index].array_offset, &array, sizeof(array));
    memcpy((char *)to + parts[index].count_offset, &count, sizeof(count));
    return result;
}

/* The root of the other tree stays a node, without a function, below the first one's. */
static void hang_below(struct snapshot *snapshot, size_t first)
{
    for (size_t i = first; i < snapshot->node_count && first > 0; i++) {
        struct snapshot_node *node = &snapshot->nodes[i];
        node->parent = node->parent == SNAPSHOT_NONE ? 0 : node->parent + (int32_t)first;
    }
}

int snapshot_append(struct snapshot *to, const struct snapshot *from)
{
    size_t functions = to->function_count, nodes = to->node_count;
    size_t requests = to->request_count, parts_of_requests = to->request_function_count;
    int result = 0;
    for (size_t i = 0; i < PART_COUNT && result == 0; i++)
        if (i != PART_META)
            result = append_part(to, from, i, functions);
    if (result == 0)
        hang_below(to, nodes);
    for (size_t i = parts_of_requests; result == 0 && i < to->request_function_count; i++)
        to->request_functions[i].request += (uint32_t)requests;
    return result;
}
