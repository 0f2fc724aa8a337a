/* SPDX-License-Identifier: MIT */
/* Threads, stacks and calls on a page.
 * Why: see rescue_print.h.
 * Rules: as there. The thread that was busy last comes first. */
#include "cmd/rescue_print.h"

#include "base/arena.h"
#include "base/text.h"
#include "model/flight_moments.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FRAMES_SHOWN = 60, CALLS_SHOWN = 24, DEPTH_SHOWN = 24, SILENT_SHOWN = 8 };

struct page {
    const struct flight *flight;
    FILE *stream;
    struct arena *arena;
    char buffer[DEFINITION_BUFFER_SIZE];
};

/* `function (file:line)`, in the page's arena. */
static const char *name_of(struct page *page, uint32_t id)
{
    struct definition_text text;
    if (id == 0 || mapping_definition(&page->flight->mapping, id, page->buffer, &text))
        return "(other)";
    const char *name = text_clean(page->arena, *text.qualname ? text.qualname : text.name);
    const char *file = text_clean(page->arena, text.file);
    if (!name || !file)
        return "?";
    if (!*file)
        return name;
    const char *whole =
        arena_format(page->arena, "%s (%s:%" PRIu32 ")", name, file, text.fixed.line);
    return whole ? whole : "?";
}

static int64_t before_end_ns(const struct page *page, uint64_t counter)
{
    return clock_span_ns(&page->flight->scale, (int64_t)(page->flight->end_counter - counter));
}

static void print_time(const struct page *page, int64_t time_ns)
{
    char number[TEXT_NUMBER_BYTES];
    fputs(text_format_time(number, time_ns), page->stream);
}

/* --- the head ------------------------------------------------------------------------------- */

static void print_moment(FILE *stream, uint64_t time_ns)
{
    char text[64] = "?";
    time_t seconds = (time_t)(time_ns / UINT64_C(1000000000));
    struct tm broken;
    if (localtime_r(&seconds, &broken))
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &broken);
    fprintf(stream, "%s.%03u", text, (unsigned)(time_ns / 1000000 % 1000));
}

static void print_silent(struct page *page)
{
    const _Atomic unsigned char *modes = mapping_modes(&page->flight->mapping);
    uint32_t count = 0;
    for (uint32_t id = 1; id < SESSION_ID_LIMIT; id++) {
        unsigned char mode = atomic_load_explicit(&modes[id], memory_order_relaxed);
        if (mode == MODE_RECORD || mode == MODE_HEARD)
            continue;
        if (count++ == 0)
            fputs("Silent at the end, by the budget (they are in no stack and no count from then "
                  "on):\n",
                  page->stream);
        if (count <= SILENT_SHOWN)
            fprintf(page->stream, "    %s\n", name_of(page, id));
    }
    if (count > SILENT_SHOWN)
        fprintf(page->stream, "    and %" PRIu32 " more\n", count - SILENT_SHOWN);
}

static void print_sizes(const struct page *page)
{
    const struct session_header *header = mapping_header(&page->flight->mapping);
    char kept[TEXT_NUMBER_BYTES], wanted[TEXT_NUMBER_BYTES];
    uint64_t busy_ns = atomic_load(&header->flight_busy_ns);
    uint64_t cost_ns = atomic_load(&header->flight_cost_ns);
    if (header->flight_kept_ns < header->flight_keep_ns)
        fprintf(page->stream,
                "There was memory for %s of the %s asked for, at %d events a second.\n",
                text_format_time(kept, (int64_t)header->flight_kept_ns),
                text_format_time(wanted, (int64_t)header->flight_keep_ns), FLIGHT_EVENTS_PER_S);
    if (header->flight_budget_thousandths && busy_ns)
        fprintf(page->stream,
                "Recording cost about %s of the %s that it ran (budget %g%%, beyond %dms at the "
                "start).\n",
                text_format_time(kept, (int64_t)cost_ns),
                text_format_time(wanted, (int64_t)busy_ns),
                (double)header->flight_budget_thousandths / 1000, FLIGHT_START_MS);
    if (header->flight_cleared)
        fprintf(page->stream, "%" PRIu32 " older recording%s made room for this one.\n",
                header->flight_cleared, header->flight_cleared == 1 ? "" : "s");
    uint64_t ringless = atomic_load(&header->ringless_lost);
    if (ringless)
        fprintf(page->stream, "%" PRIu64 " events of threads without a ring are lost.\n", ringless);
    if (atomic_load(&header->definitions_refused))
        fputs("Names ran out: some functions are (other).\n", page->stream);
}

int rescue_print_head(const struct flight *flight, FILE *stream)
{
    const struct session_header *header = mapping_header(&flight->mapping);
    struct page page = {.flight = flight, .stream = stream, .arena = arena_new()};
    char python[sizeof(header->python) + 1] = "";
    char command[sizeof(header->command) + 1] = "";
    if (!page.arena)
        return -ENOMEM;
    memcpy(python, header->python, sizeof(header->python));
    memcpy(command, header->command, sizeof(header->command));
    const char *clean = text_clean(page.arena, command), *version = text_clean(page.arena, python);
    fprintf(stream, "Flight recorder of PID %" PRIu32 " (python %s, %s): ",
            atomic_load(&header->target_pid), version ? version : "?", clean ? clean : "?");
    fputs(flight->lives ? "it runs, read at " : "it has ended; last sign of life at ", stream);
    print_moment(stream, flight->end_time_ns);
    fputc('\n', stream);
    print_sizes(&page);
    print_silent(&page);
    arena_free(page.arena);
    return ferror(stream) ? -EIO : 0;
}

/* --- a thread ------------------------------------------------------------------------------- */

static void print_stack(struct page *page, const struct flight_moments *moments)
{
    if (!moments->depth)
        fputs("    (no Python function was open)\n", page->stream);
    for (uint32_t i = 0; i < moments->depth && i < FRAMES_SHOWN; i++) {
        const struct flight_frame *frame = &moments->frames[moments->depth - 1 - i];
        fprintf(page->stream, "    %s, open for %s", name_of(page, frame->id),
                frame->begun ? "" : "more than ");
        print_time(page, before_end_ns(page, frame->since));
        fputc('\n', page->stream);
    }
    if (moments->depth > FRAMES_SHOWN)
        fprintf(page->stream, "    and %" PRIu32 " outer frames\n", moments->depth - FRAMES_SHOWN);
}

static void print_call(struct page *page, const struct flight_call *call)
{
    static const char *const words[] = {"call", "resume", "return", "yield", "raise"};
    char number[TEXT_NUMBER_BYTES];
    int depth = call->depth < DEPTH_SHOWN ? (int)call->depth : DEPTH_SHOWN;
    fprintf(page->stream, "    -%-9s %*s%s %s",
            text_format_time(number, before_end_ns(page, call->counter)), depth, "",
            words[call->step], name_of(page, call->id));
    if (call->timed) {
        fputs(", after ", page->stream);
        print_time(page,
                   clock_span_ns(&page->flight->scale, (int64_t)(call->counter - call->begun)));
    }
    fputc('\n', page->stream);
}

static void print_calls(struct page *page, const struct flight_moments *moments)
{
    uint32_t shown = moments->call_count < CALLS_SHOWN ? moments->call_count : CALLS_SHOWN;
    if (!shown)
        return;
    fprintf(page->stream, "  last calls, by the time before the end (of %" PRIu64 " events):\n",
            moments->seen);
    for (uint32_t i = moments->call_count - shown; i < moments->call_count; i++)
        print_call(page, &moments->calls[i]);
}

static int print_thread(struct page *page, const struct flight_ring *ring)
{
    struct flight_moments moments;
    char name[RING_NAME_SIZE + 1];
    int result = flight_moments_make(ring, &moments);
    if (result)
        return result;
    memcpy(name, ring->name, sizeof(name));
    const char *clean = text_clean(page->arena, name);
    fprintf(page->stream, "\nThread %" PRIu32 "%s%s%s%s: last event ", ring->tid,
            *name ? " \"" : "", *name && clean ? clean : "", *name ? "\"" : "",
            ring->ended ? " (ended)" : "");
    print_time(page, before_end_ns(page, ring->last_counter));
    fputs(" before the end; kept from ", page->stream);
    print_time(page, before_end_ns(page, ring->first_counter));
    fputs(ring->overwritten ? " before it on\n" : " before it on, its beginning\n", page->stream);
    fputs("  last stack, innermost first:\n", page->stream);
    print_stack(page, &moments);
    print_calls(page, &moments);
    flight_moments_free(&moments);
    return 0;
}

static int later_first(const void *a, const void *b)
{
    const struct flight_ring *first = a, *second = b;
    if (first->ended != second->ended)
        return first->ended ? 1 : -1;
    return first->last_counter < second->last_counter ? 1 : -1;
}

int rescue_print_threads(const struct flight *flight, FILE *stream)
{
    struct page page = {.flight = flight, .stream = stream};
    struct flight_ring *order = calloc(flight->ring_count + 1, sizeof(*order));
    int result = order ? 0 : -ENOMEM;
    for (uint32_t i = 0; i < flight->ring_count && order; i++)
        order[i] = flight->rings[i];
    if (order)
        qsort(order, flight->ring_count, sizeof(*order), later_first);
    for (uint32_t i = 0; i < flight->ring_count && result == 0; i++) {
        page.arena = arena_new();
        result = page.arena ? print_thread(&page, &order[i]) : -ENOMEM;
        arena_free(page.arena);
    }
    free(order);
    return result == 0 && ferror(stream) ? -EIO : result;
}
