/* SPDX-License-Identifier: MIT */
/* The source `waits`: on and off.
 * Rules: those of source_hooks.h. io comes before it in sources.def, and opens and closes the gate: without it nothing is
 * told. */
#include "sources/waits/waits_probe.h"

#include "probe/link.h"
#include "probe/places.h"
#include "probe/source_hooks.h"

#include <stdio.h>

static bool is_on;

static int waits_make_ready(char *reason, size_t size)
{
    (void)reason;
    (void)size;
    io_find_real();
    waits_find_gil();
    return 0;
}

/* Who waits in a library's function is a caller's caller, so more of the stack is told. */
static int waits_on(char *reason, size_t size)
{
    is_on = true;
    places_wanted = places_wanted ? PLACES_MOST : 0;
    waits_begin_hold();
    if (io_tables_change(SOURCE_WAITS))
        return 0;
    snprintf(reason, size, "there is no memory for what stands in the tables of this program");
    return -1;
}

/* io puts all back as well, where it is on. */
static void waits_off(void)
{
    if (is_on)
        io_tables_restore();
    is_on = false;
}

const struct source_hooks waits_hooks = {
    .bit = SOURCE_WAITS,
    .make_ready = waits_make_ready,
    .on = waits_on,
    .off = waits_off,
};
