/* SPDX-License-Identifier: MIT */
/* The source `io`: on and off.
 * Why it waits at the start: the collector looks up which files and sockets are open already, and a program that is over
 * in a moment would have closed them before it was asked.
 * Rules: those of source_hooks.h. */
#include "sources/io/io_probe.h"

#include "probe/link.h"
#include "probe/places.h"
#include "probe/source_hooks.h"
#include "probe/unlocked.h"

#include <stdio.h>
#include <time.h>

enum { ANSWER_MS = 500, STEP_US = 50 };

static bool is_on;
static bool can_place; /* this build tells which line runs */

static bool is_answered(const struct session_header *header)
{
    return atomic_load_explicit(&header->files_known, memory_order_acquire) ==
           atomic_load_explicit(&header->files_asked, memory_order_relaxed);
}

static void ask_for_files(void)
{
    struct session_header *header = link_to.header;
    uint64_t begin_ns = clock_monotonic_ns();
    atomic_fetch_add_explicit(&header->files_asked, 1, memory_order_release);
    while (!is_answered(header) &&
           clock_monotonic_ns() - begin_ns < ANSWER_MS * UINT64_C(1000000)) {
        writer_wake_collector();
        nanosleep(&(struct timespec){.tv_nsec = STEP_US * 1000}, NULL);
    }
}

static int io_make_ready(char *reason, size_t size)
{
    if (link_to.flight) {
        snprintf(reason, size, "a flight recorder has no I/O: take calls");
        return -1;
    }
    io_find_real();
    can_place = places_prepare();
    io_rules_prepare();
    ask_for_files();
    return 0;
}

static int io_on(char *reason, size_t size)
{
    is_on = true;
    places_wanted = can_place ? 1 : 0;
    io_rules_look();
    unlocked_open();
    if (io_tables_change(SOURCE_IO))
        return 0;
    snprintf(reason, size, "there is no memory for what stands in the tables of this program");
    return -1;
}

static void io_off(void)
{
    if (!is_on)
        return;
    is_on = false;
    io_tables_restore();
    unlocked_close();
}

static void io_rearm(void)
{
    io_rules_look();
}

static void io_imported(void)
{
    if (is_on)
        io_tables_look_again();
}

const struct source_hooks io_hooks = {
    .bit = SOURCE_IO,
    .make_ready = io_make_ready,
    .on = io_on,
    .off = io_off,
    .rearm = io_rearm,
    .imported = io_imported,
};
