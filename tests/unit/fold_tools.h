/* SPDX-License-Identifier: MIT */
/* Tools of the tests of the fold: a session without a target, events by name, lookups in a snapshot.
 * Why: a test should read as the story of a few calls.
 * Rules: any failure to set up ends the test program with cmocka's own assertions. */
#ifndef ULMA_TESTS_FOLD_TOOLS_H
#define ULMA_TESTS_FOLD_TOOLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/collector.h"
#include "model/fold.h"

/* --- a model fed by hand -------------------------------------------------------------------- */

struct bench_thread {
    struct model *model;
    struct track *track;
    uint64_t counter; /* of the last event */
};

/* Ids: 1..99 functions f1.., 100..149 generators g100.., 150..199 coroutines
 * g150.., 200..299 C functions c200.. */
int fold_tools_define(void *context, uint32_t id, char *buffer, struct definition_text *ret_text);

void fold_tools_init(struct model *model);
struct bench_thread fold_tools_thread(struct model *model, uint32_t tid, uint64_t counter);

/* One event `ticks` after the thread's last. */
void fold_tools_event(struct bench_thread *thread, uint64_t ticks, enum event_kind kind,
                      uint32_t id, uint32_t frame);
void fold_tools_amount(struct bench_thread *thread, uint64_t ticks, enum event_kind kind,
                       uint64_t amount);

/* What the nodes say of a function, in ticks. */
struct fold_sums {
    uint64_t calls, resumes, primitive;
    int64_t self, total, self_wait, total_wait;
};
struct fold_sums fold_tools_sums(struct model *model, const char *name);

/* The test fails, with all five sums, where they are others. */
void fold_tools_expect(struct model *model, const char *name, uint64_t calls, uint64_t resumes,
                       uint64_t primitive, int64_t self, int64_t total);

/* --- a session in a file -------------------------------------------------------------------- */

struct bench_session {
    struct mapping mapping;
    char directory[64];
    uint32_t heap_used; /* of the definitions, bytes from the area's start */
};

void fold_tools_open(struct bench_session *session);
void fold_tools_close(struct bench_session *session);

/* Writes a definition. */
void fold_tools_put(struct bench_session *session, uint32_t id, enum definition_kind kind,
                    uint32_t flags, const char *name, uint32_t line);

/* A thread that writes as the probe does. */
struct bench_writer {
    struct bench_session *session;
    struct ring_shared *ring;
    struct event *events;
    uint64_t head;
};

struct bench_writer fold_tools_take(struct bench_session *session, uint32_t index, uint32_t tid);

/* Waits for room. */
void fold_tools_write(struct bench_writer *writer, struct event event);
void fold_tools_call(struct bench_writer *writer, enum event_kind kind, uint32_t id,
                     uint32_t frame);
uint64_t fold_tools_counter(const struct bench_session *session);

/* By name; fails the test when there is none. */
const struct snapshot_function *fold_tools_function(const struct snapshot *snapshot,
                                                    const char *name);

#endif
