/* SPDX-License-Identifier: MIT */
/* What the interpreter, and the rest of the probe, would answer.
 * Why: see writer_stubs.h.
 * Rules: none of it remembers anything. */
#include "writer_stubs.h"

#include "probe/calibrate.h"
#include "probe/child_session.h"
#include "probe/control_page.h"
#include "probe/flight.h"
#include "probe/flight_file.h"
#include "probe/py/stacks.h"
#include "probe/thread_name.h"
#include "probe/writer_quiet.h"
#include "sources/memory/memory_probe.h"

struct pyapi pyapi;
struct link link_to;

void link_forget(void)
{
}

/* A lock of one's own process is no lock, so the real question has no answer here. */
bool link_collector_lives(void)
{
    return true;
}

PyThreadState *stub_thread_state(void)
{
    return NULL;
}

PyThreadState *PyGILState_GetThisThreadState(void)
{
    return NULL;
}

uint32_t stub_depth;

void stacks_count(void *tstate, struct stacks_walk *walk)
{
    (void)tstate;
    walk->depth = stub_depth;
}

void stacks_write(void *tstate, const struct stacks_walk *walk, struct event *events, uint64_t mask,
                  uint64_t first, uint64_t counter)
{
    (void)tstate;
    for (uint32_t i = 0; i < walk->depth; i++)
        events[(first + i) & mask] = (struct event){
            .counter = counter, .kind_id = event_pack(EVENT_SEED_FRAME, 0), .frame = i + 1};
}

bool thread_name_tell(struct ring_shared *ring)
{
    (void)ring;
    return true;
}

void thread_name_set(struct ring_shared *ring, const char *name, size_t size)
{
    (void)ring, (void)name, (void)size;
}

void control_page_forget(void)
{
}

void writer_go_off(enum off_cause cause)
{
    (void)cause;
}

void memory_probe_forked(void)
{
}

void switch_off_in_child(void)
{
}

void child_session_await(void)
{
}

bool switch_follow_child(uint32_t excluded)
{
    (void)excluded;
    return false;
}

bool switch_is_on(void)
{
    return true;
}

uint64_t switch_ticks_of_ns(uint64_t ns)
{
    return ns;
}

/* Its rings are made by the test. */
bool flight_file_add_ring(void)
{
    return false;
}

void flight_look(struct writer *writer, uint64_t counter)
{
    (void)writer, (void)counter;
}

/* Not known: no event but the tests' own. */
uint32_t stub_speed;

uint32_t calibrate_speed(void)
{
    return stub_speed;
}

uint32_t calibrate_chain(void)
{
    return 1;
}
