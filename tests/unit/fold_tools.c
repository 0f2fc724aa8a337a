/* SPDX-License-Identifier: MIT */
/* Tools of the fold's tests.
 * Why: see fold_tools.h.
 * Rules: the writer here follows wire/ring.h and wire/definitions.h by the letter, so that it checks
 * the reader against the specification and not against the probe. */
#include "fold_tools.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* --- a model fed by hand -------------------------------------------------------------------- */

int fold_tools_define(void *context, uint32_t id, char *buffer, struct definition_text *ret_text)
{
    (void)context;
    const char *prefix = id < 100 ? "f" : id < 200 ? "g" : "c";
    snprintf(buffer, 64, "%s%u", prefix, id);
    *ret_text = (struct definition_text){
        .fixed = {.id = id,
                  .line = id,
                  .kind = id >= 200 ? DEFINITION_C_FUNCTION : DEFINITION_FUNCTION,
                  .flags = id >= 150 && id < 200   ? DEFINITION_COROUTINE
                           : id >= 100 && id < 150 ? DEFINITION_GENERATOR
                                                   : 0},
        .name = buffer,
        .qualname = buffer,
        .module = "test",
        .file = id >= 200 ? "" : "test.py",
    };
    return 0;
}

void fold_tools_init(struct model *model)
{
    struct model_options options = {.define = fold_tools_define};
    assert_int_equal(model_init(model, &options), 0);
}

struct bench_thread fold_tools_thread(struct model *model, uint32_t tid, uint64_t counter)
{
    struct bench_thread thread = {model, model_add_track(model, tid), counter};
    assert_non_null(thread.track);
    return thread;
}

void fold_tools_event(struct bench_thread *thread, uint64_t ticks, enum event_kind kind,
                      uint32_t id, uint32_t frame)
{
    thread->counter += ticks;
    struct event event = {thread->counter, event_pack(kind, id), frame};
    fold_events(thread->model, thread->track, &event, 1);
}

void fold_tools_amount(struct bench_thread *thread, uint64_t ticks, enum event_kind kind,
                       uint64_t amount)
{
    thread->counter += ticks;
    struct event event = event_with_amount(thread->counter, kind, amount);
    fold_events(thread->model, thread->track, &event, 1);
}

struct fold_sums fold_tools_sums(struct model *model, const char *name)
{
    struct fold_sums sums = {0};
    for (uint32_t i = 1; i < model->nodes.count; i++) {
        const struct node *node = &model->nodes.nodes[i];
        if (strcmp(model->symbols.symbols[node->symbol].name, name) != 0)
            continue;
        sums.calls += node->calls;
        sums.resumes += node->resumes;
        sums.self += node->self_ticks;
        sums.self_wait += node->self_wait_ticks;
        if (node->parent_flags & NODE_PRIMITIVE)
            sums.primitive += node->calls + node->resumes;
        if (node->parent_flags & NODE_OUTERMOST) {
            sums.total += node->total_ticks;
            sums.total_wait += node->total_wait_ticks;
        }
    }
    return sums;
}

/* --- a session in a file -------------------------------------------------------------------- */

void fold_tools_open(struct bench_session *session)
{
    *session = (struct bench_session){0};
    snprintf(session->directory, sizeof(session->directory), "/dev/shm/ulma-test-XXXXXX");
    assert_non_null(mkdtemp(session->directory));
    struct mapping_options options = {
        .directory = session->directory,
        .buffer_bytes = 8 << 20,
        .on_full = ON_FULL_WAIT,
        .sources = SOURCE_CALLS,
        .clock_kind = clock_choose(),
        .owner = geteuid(),
    };
    assert_int_equal(mapping_create(&options, "session", &session->mapping), 0);
    session->heap_used = SESSION_ID_LIMIT * sizeof(uint32_t);
}

void fold_tools_close(struct bench_session *session)
{
    mapping_unlink(&session->mapping);
    mapping_close(&session->mapping);
    rmdir(session->directory);
}

void fold_tools_put(struct bench_session *session, uint32_t id, enum definition_kind kind,
                    uint32_t flags, const char *name, uint32_t line)
{
    unsigned char *area = session->mapping.base + session->mapping.definitions_offset;
    struct definition fixed = {
        .id = id,
        .generation = 1,
        .line = line,
        .kind = (uint16_t)kind,
        .flags = (uint16_t)flags,
        .name_size = (uint16_t)strlen(name),
        .qualname_size = (uint16_t)strlen(name),
        .module_size = 4,
        .file_size = kind == DEFINITION_FUNCTION ? 7 : 0,
    };
    unsigned char *record = area + session->heap_used;
    memcpy(record, &fixed, sizeof(fixed));
    record += sizeof(fixed);
    memcpy(record, name, fixed.name_size);
    memcpy(record + fixed.name_size, name, fixed.qualname_size);
    memcpy(record + 2 * (size_t)fixed.name_size, "test", 4);
    memcpy(record + 2 * (size_t)fixed.name_size + 4, "test.py", fixed.file_size);
    _Atomic uint32_t *slots = (_Atomic uint32_t *)area;
    atomic_store_explicit(&slots[id], session->heap_used / 8, memory_order_release);
    uint32_t size = (uint32_t)sizeof(fixed) + 2u * fixed.name_size + 4u + fixed.file_size;
    session->heap_used += (size + 7) / 8 * 8;
}

struct bench_writer fold_tools_take(struct bench_session *session, uint32_t index, uint32_t tid)
{
    uint32_t capacity;
    struct bench_writer writer = {.session = session,
                                  .ring = mapping_ring(&session->mapping, index)};
    const struct event *events = mapping_ring_events(&session->mapping, index, &capacity);
    assert_non_null(events);
    writer.events = (struct event *)(session->mapping.base +
                                     ((const unsigned char *)events - session->mapping.base));
    writer.head = atomic_load(&writer.ring->head);
    if (index) {
        uint32_t state = RING_FREE;
        assert_true(atomic_compare_exchange_strong(&writer.ring->state, &state, RING_TAKEN));
        writer.head = 0;
        atomic_store(&writer.ring->lost, 0);
    }
    atomic_store(&writer.ring->tid, tid);
    return writer;
}

void fold_tools_write(struct bench_writer *writer, struct event event)
{
    uint32_t capacity = writer->ring->capacity;
    while (writer->head - atomic_load_explicit(&writer->ring->tail, memory_order_acquire) >=
           capacity)
        usleep(20);
    writer->events[writer->head & (capacity - 1)] = event;
    writer->head++;
    atomic_store_explicit(&writer->ring->head, writer->head, memory_order_release);
}

uint64_t fold_tools_counter(const struct bench_session *session)
{
    return clock_counter((enum clock_source)mapping_header(&session->mapping)->clock_kind);
}

void fold_tools_call(struct bench_writer *writer, enum event_kind kind, uint32_t id, uint32_t frame)
{
    struct event event = {fold_tools_counter(writer->session), event_pack(kind, id), frame};
    fold_tools_write(writer, event);
}

const struct snapshot_function *fold_tools_function(const struct snapshot *snapshot,
                                                    const char *name)
{
    for (size_t i = 0; i < snapshot->function_count; i++)
        if (strcmp(snapshot->functions[i].name, name) == 0)
            return &snapshot->functions[i];
    fail_msg("no function %s in the snapshot", name);
    return NULL;
}

void fold_tools_expect(struct model *model, const char *name, uint64_t calls, uint64_t resumes,
                       uint64_t primitive, int64_t self, int64_t total)
{
    struct fold_sums sums = fold_tools_sums(model, name);
    if (sums.calls != calls || sums.resumes != resumes || sums.primitive != primitive ||
        sums.self != self || sums.total != total)
        fail_msg("%s: calls %lu resumes %lu primitive %lu self %ld total %ld", name,
                 (unsigned long)sums.calls, (unsigned long)sums.resumes,
                 (unsigned long)sums.primitive, (long)sums.self, (long)sums.total);
}
