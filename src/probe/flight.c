/* SPDX-License-Identifier: MIT */
/* Beginning, going on, ending; and the budget.
 * Why: see flight.h.
 * Rules: as there. The file is removed at a plain end of the process, since nothing is to be rescued then;
 * what is killed or leaves by _exit keeps it. */
#include "probe/flight.h"

#include "probe/control_page.h"
#include "probe/flight_file.h"
#include "probe/switch.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    FULL_NS = 20 * 1000 * 1000, /* the allowance, of recording's cost */
    PAIR_NS = 50 * 1000 * 1000,
    CLOSE_NS = 10 * 1000 * 1000, /* what is open when a function is muted may end so long */
    LEAST_NS = 1000 * 1000,      /* of busy time, for a rate to mean something */
    ROLL_NS = 1000 * 1000 * 1000,
    MUTED_MOST = 8192,
    TALLY = 4096,
    TALLIED_MOST = 8192, /* events */
    AT_ONCE = 64,        /* functions muted by one look */
    LEAF_WORTH = 4,      /* a call that returns at once tells less than one that calls others */
    LOOK_SOON = 64,      /* events: who has fallen silent has few */
    /* An event of a program costs more than one of calibration's loop, whose code and data are all at hand: of
     * HTTP servers that are heard wholly 2 to 2.4 times, of those that the budget has nearly silent, where all is
     * cold, 3 to 4 times (bench/flight.py). */
    PRICE = 4,
};
#define RELEASE_NS (UINT64_C(10) * 1000 * 1000 * 1000)

static const double RESERVE = 0.8; /* of the budget: the price of an event is itself measured */

static struct {
    bool wanted;
    struct flight_wish wish;
    char path[sizeof(link_to.path)]; /* "": no file */
    pid_t pid;                       /* whose it is */
    /* the budget; of the present link */
    double event_ns, share;
    uint64_t pair_counter, pair_ticks; /* of the last pair; ticks between two */
    uint64_t cpu_seen_ns, released_ns, muted_ns;
    double allowance_ns, window_busy_ns, window_cost_ns; /* a window of the last second or so */
    uint32_t muted[MUTED_MOST], muted_count, closed_count;
} own;

struct tally {
    uint32_t id, calls, leaves;
};

static void write_mode(uint32_t id, enum site_mode mode)
{
    link_to.base[link_to.header->modes_offset + id] = (unsigned char)mode;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * UINT64_C(1000000000) + (uint64_t)time.tv_nsec;
}

/* --- life ----------------------------------------------------------------------------------- */

static void remove_file(void)
{
    if (own.path[0] && own.pid == getpid())
        unlink(own.path);
    own.path[0] = '\0';
}

static void begin_budget(void)
{
    const struct session_header *header = link_to.header;
    double ticks = ((double)header->cost_inner_ticks256 + (double)header->cost_outer_ticks256) /
                   256;
    double hz = (double)header->counter_hz;
    own.event_ns = hz > 0 ? PRICE * ticks / 2 * 1e9 / hz : 0;
    own.share = (double)own.wish.budget_thousandths / 100 / 1000;
    own.allowance_ns = FLIGHT_START_MS * 1e6; /* programs begin with imports */
    own.window_busy_ns = own.window_cost_ns = 0;
    own.muted_count = own.closed_count = 0;
    own.cpu_seen_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    own.pair_counter = link_counter();
    own.pair_ticks = switch_ticks_of_ns(PAIR_NS);
    own.released_ns = clock_monotonic_ns();
}

/* A file, linked. The one before goes, but for a parent's. */
static int make(char *reason, size_t size)
{
    char path[sizeof(own.path)];
    int fd = flight_file_make(control_page_place(), &own.wish, switch_ticks_per_ns(), path,
                              sizeof(path), reason, size);
    if (fd < 0)
        return -1;
    if (link_take(fd, path, reason, size)) {
        unlink(path);
        return -1;
    }
    remove_file();
    snprintf(own.path, sizeof(own.path), "%s", path);
    own.pid = getpid();
    return 0;
}

static int fly(char *reason, size_t size)
{
    switch_leave();
    if (make(reason, size))
        return -1;
    if (switch_join_linked(reason, size)) {
        remove_file();
        return -1;
    }
    begin_budget();
    return 0;
}

int flight_begin(const char *words, char *reason, size_t size)
{
    struct flight_wish wish;
    if (flight_file_read_wish(words, &wish, reason, size))
        return -1;
    own.wish = wish;
    own.wanted = fly(reason, size) == 0;
    control_page_tell_flight(own.wanted);
    return own.wanted ? 0 : -1;
}

void flight_resume(void)
{
    char reason[SESSION_REASON_SIZE];
    if (!own.wanted)
        return;
    own.wanted = fly(reason, sizeof(reason)) == 0;
    control_page_tell_flight(own.wanted);
}

void flight_end(void)
{
    own.wanted = false;
    control_page_tell_flight(false);
    remove_file();
}

bool flight_link_child(void)
{
    char reason[SESSION_REASON_SIZE];
    own.path[0] = '\0'; /* the parent's */
    own.wanted = make(reason, sizeof(reason)) == 0;
    return own.wanted;
}

void flight_begin_child(void)
{
    begin_budget();
}

/* Of a fork's child it may be the parent's. */
__attribute__((destructor)) static void at_exit(void)
{
    remove_file();
}

/* --- the budget ----------------------------------------------------------------------------- */

bool flight_is_wanted(void)
{
    return own.wanted;
}

bool flight_mutes(void)
{
    return own.muted_count > 0;
}

/* The pair tells when things were by the clock on the wall, and, with the first one, the counter's rate. */
static void tell_pair(uint64_t counter)
{
    struct session_header *header = link_to.header;
    if (counter - own.pair_counter < own.pair_ticks)
        return;
    own.pair_counter = counter;
    atomic_store_explicit(&header->pair_time_ns, clock_ns(CLOCK_REALTIME), memory_order_relaxed);
    atomic_store_explicit(&header->pair_counter, link_counter(), memory_order_relaxed);
}

static bool is_push(uint32_t kind)
{
    return kind == EVENT_START || kind == EVENT_RESUME || kind == EVENT_THROW;
}

/* Pushes by function, of the thread's last events. How many. */
static uint32_t count_calls(const struct writer *writer, uint64_t count, struct tally *tallies)
{
    uint32_t pushes = 0;
    memset(tallies, 0, TALLY * sizeof(*tallies));
    for (uint64_t at = writer->head - count; at != writer->head; at++) {
        const struct event *event = &writer->events[at & writer->mask];
        const struct event *next = &writer->events[(at + 1) & writer->mask];
        uint32_t id = event_function(event);
        if (!is_push(event_kind(event)) || id == 0)
            continue;
        struct tally *tally = &tallies[id * 2654435761U / (UINT32_MAX / TALLY + 1)];
        if (tally->id != id && tally->calls)
            continue; /* a table of this size has nearly all */
        tally->id = id;
        tally->calls++;
        tally->leaves += at + 1 != writer->head && next->frame == event->frame;
        pushes++;
    }
    return pushes;
}

static void mute(uint32_t id)
{
    write_mode(id, pyapi.minor >= 12 ? MODE_CLOSING : MODE_OFF);
    own.muted[own.muted_count++] = id;
}

/* The most called first, until so many calls fewer are heard. */
static void mute_most(struct tally *tallies, double calls)
{
    for (int i = 0; i < AT_ONCE && calls > 0 && own.muted_count < MUTED_MOST; i++) {
        struct tally *most = tallies;
        for (uint32_t at = 1; at < TALLY; at++) {
            uint32_t worth = tallies[at].calls + LEAF_WORTH * tallies[at].leaves;
            if (worth > most->calls + LEAF_WORTH * most->leaves)
                most = &tallies[at];
        }
        if (!most->calls)
            return;
        mute(most->id);
        calls -= most->calls;
        *most = (struct tally){0};
    }
}

static void choose(const struct writer *writer, uint64_t count)
{
    static struct tally tallies[TALLY];
    double rate = own.window_cost_ns / own.window_busy_ns, wanted = own.share * RESERVE;
    uint64_t most = (writer->mask + 1) / 2 < TALLIED_MOST ? (writer->mask + 1) / 2 : TALLIED_MOST;
    if (rate <= wanted)
        return;
    uint32_t pushes = count_calls(writer, count < most ? count : most, tallies);
    mute_most(tallies, pushes * (1 - wanted / rate));
    own.muted_ns = clock_monotonic_ns();
    own.window_busy_ns = own.window_cost_ns = 0;
}

/* From 3.12 on the interpreter is asked not to tell them any more. Until then their ends are events: what is
 * heard meanwhile is no reason to mute more. False: they may not be closed yet. */
static bool close_muted(void)
{
    if (own.closed_count == own.muted_count)
        return true;
    if (pyapi.minor >= 12 && clock_monotonic_ns() - own.muted_ns < CLOSE_NS)
        return false;
    for (; own.closed_count < own.muted_count; own.closed_count++)
        write_mode(own.muted[own.closed_count], MODE_OFF);
    own.window_busy_ns = own.window_cost_ns = 0;
    return true;
}

static void release(uint64_t now_ns)
{
    struct session_header *header = link_to.header;
    for (uint32_t i = 0; i < own.muted_count; i++)
        write_mode(own.muted[i], MODE_RECORD);
    own.muted_count = own.closed_count = 0;
    own.released_ns = now_ns;
    own.window_busy_ns = own.window_cost_ns = 0;
    if (pyapi.minor >= 12) /* the next push has the interpreter tell them again */
        atomic_fetch_add_explicit(&header->switch_serial, 1, memory_order_release);
}

static void pass(uint64_t count)
{
    struct session_header *header = link_to.header;
    uint64_t cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    double busy_ns = (double)(cpu_ns - own.cpu_seen_ns), cost_ns = (double)count * own.event_ns;
    own.cpu_seen_ns = cpu_ns;
    if (own.allowance_ns < FULL_NS) {
        own.allowance_ns += busy_ns * own.share;
        own.allowance_ns = own.allowance_ns < FULL_NS ? own.allowance_ns : FULL_NS;
    }
    own.allowance_ns -= cost_ns;
    if (own.window_busy_ns > ROLL_NS) {
        own.window_busy_ns /= 2;
        own.window_cost_ns /= 2;
    }
    own.window_busy_ns += busy_ns;
    own.window_cost_ns += cost_ns;
    atomic_fetch_add_explicit(&header->flight_busy_ns, (uint64_t)busy_ns, memory_order_relaxed);
    atomic_fetch_add_explicit(&header->flight_cost_ns, (uint64_t)cost_ns, memory_order_relaxed);
}

void flight_look(struct writer *writer, uint64_t counter)
{
    uint64_t count = writer->head - writer->looked;
    writer->looked = writer->head;
    tell_pair(counter);
    pass(count);
    if (own.share <= 0)
        return;
    if (!close_muted()) {
        writer->step = LOOK_SOON;
    } else if (own.allowance_ns < 0 && own.window_busy_ns > LEAST_NS) {
        choose(writer, count);
        writer->step = LOOK_SOON;
    } else if (own.muted_count && 2 * own.allowance_ns >= FULL_NS) {
        uint64_t now_ns = clock_monotonic_ns();
        if (now_ns - own.released_ns >= RELEASE_NS)
            release(now_ns);
    }
    atomic_store_explicit(&link_to.header->flight_muted, own.muted_count, memory_order_relaxed);
}
