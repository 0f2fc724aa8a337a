/* SPDX-License-Identifier: MIT */
/* Threads, stacks and calls as JSON.
 * Why: see rescue_json.h.
 * Rules: as there. Times are nanoseconds before the end of the recording. Names are the target's word:
 * json_writer escapes them. */
#include "cmd/rescue_json.h"

#include "model/flight_moments.h"

#include <string.h>

enum { CALLS_TOLD = 1000 };

struct telling {
    const struct flight *flight;
    struct json_writer *writer;
    char buffer[DEFINITION_BUFFER_SIZE];
};

static int64_t before_end_ns(const struct flight *flight, uint64_t counter)
{
    return clock_span_ns(&flight->scale, (int64_t)(flight->end_counter - counter));
}

/* Its members, in the open object; all null for what has no definition: `(other)`. */
static void tell_function(struct telling *telling, uint32_t id)
{
    struct definition_text text;
    struct json_writer *writer = telling->writer;
    bool known = id &&
                 mapping_definition(&telling->flight->mapping, id, telling->buffer, &text) == 0;
    json_string(writer, "name", known ? text.name : NULL);
    json_string(writer, "qualname", known && *text.qualname ? text.qualname : NULL);
    json_string(writer, "file", known && *text.file ? text.file : NULL);
    if (known && text.fixed.line)
        json_unsigned(writer, "line", text.fixed.line);
    else
        json_null(writer, "line");
}

static void tell_stack(struct telling *telling, const struct flight_moments *moments)
{
    json_open(telling->writer, "stack", '[');
    for (uint32_t i = moments->depth; i > 0; i--) {
        const struct flight_frame *frame = &moments->frames[i - 1];
        json_open(telling->writer, NULL, '{');
        tell_function(telling, frame->id);
        json_integer(telling->writer, "open_ns", before_end_ns(telling->flight, frame->since));
        json_bool(telling->writer, "begun", frame->begun);
        json_close(telling->writer, '}');
    }
    json_close(telling->writer, ']');
}

static void tell_call(struct telling *telling, const struct flight_call *call)
{
    static const char *const words[] = {"call", "resume", "return", "yield", "raise"};
    struct json_writer *writer = telling->writer;
    json_open(writer, NULL, '{');
    json_string(writer, "what", words[call->step]);
    tell_function(telling, call->id);
    json_unsigned(writer, "depth", call->depth);
    json_integer(writer, "before_end_ns", before_end_ns(telling->flight, call->counter));
    if (call->timed)
        json_integer(
            writer, "took_ns",
            clock_span_ns(&telling->flight->scale, (int64_t)(call->counter - call->begun)));
    else
        json_null(writer, "took_ns");
    json_close(writer, '}');
}

static void tell_calls(struct telling *telling, const struct flight_moments *moments)
{
    uint32_t left_out = moments->call_count > CALLS_TOLD ? moments->call_count - CALLS_TOLD : 0;
    json_open(telling->writer, "last_calls", '[');
    for (uint32_t i = left_out; i < moments->call_count; i++)
        tell_call(telling, &moments->calls[i]);
    json_close(telling->writer, ']');
}

static int tell_thread(struct telling *telling, const struct flight_ring *ring)
{
    struct flight_moments moments;
    struct json_writer *writer = telling->writer;
    char name[RING_NAME_SIZE + 1];
    int result = flight_moments_make(ring, &moments);
    if (result)
        return result;
    memcpy(name, ring->name, sizeof(name));
    json_open(writer, NULL, '{');
    json_unsigned(writer, "tid", ring->tid);
    json_string(writer, "name", *name ? name : NULL);
    json_bool(writer, "ended", ring->ended);
    json_integer(writer, "last_event_ns", before_end_ns(telling->flight, ring->last_counter));
    json_integer(writer, "kept_from_ns", before_end_ns(telling->flight, ring->first_counter));
    json_bool(writer, "kept_whole", !ring->overwritten);
    tell_stack(telling, &moments);
    json_unsigned(writer, "events_seen", moments.seen);
    tell_calls(telling, &moments);
    json_close(writer, '}');
    flight_moments_free(&moments);
    return 0;
}

static void tell_silent(struct telling *telling)
{
    const _Atomic unsigned char *modes = mapping_modes(&telling->flight->mapping);
    json_open(telling->writer, "silent", '[');
    for (uint32_t id = 1; id < SESSION_ID_LIMIT; id++) {
        unsigned char mode = atomic_load_explicit(&modes[id], memory_order_relaxed);
        if (mode == MODE_RECORD || mode == MODE_HEARD)
            continue;
        json_open(telling->writer, NULL, '{');
        tell_function(telling, id);
        json_close(telling->writer, '}');
    }
    json_close(telling->writer, ']');
}

int rescue_json_write(const struct flight *flight, struct json_writer *writer)
{
    struct telling telling = {.flight = flight, .writer = writer};
    int result = 0;
    json_open(writer, "flight", '{');
    json_bool(writer, "lives", flight->lives);
    json_unsigned(writer, "end_time_ns", flight->end_time_ns);
    tell_silent(&telling);
    json_open(writer, "threads", '[');
    for (uint32_t i = 0; i < flight->ring_count && result == 0; i++)
        result = tell_thread(&telling, &flight->rings[i]);
    json_close(writer, ']');
    json_close(writer, '}');
    return result;
}
