/* SPDX-License-Identifier: MIT */
/* The source `io` in the target: calls of the C library that move bytes or wait, through wrappers in the global offset
 * tables of all loaded objects.
 * Why there: the interpreter and every extension reach the C library through their own tables, so one word changed in
 * each hears them all, a database driver's too, and one put back costs nothing. LD_PRELOAD would stay for ever.
 * Rules: a wrapper runs on any thread, with the GIL or without, in signal handlers and in a vfork's child. errno is what
 * the function left. What the C library and the probe itself do is not heard. */
#ifndef ULMA_SOURCES_IO_PROBE_H
#define ULMA_SOURCES_IO_PROBE_H

#include "wire/event.h"
#include "wire/io_operation.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef long io_function(long a, long b, long c, long d, long e, long f);

/* One symbol. */
struct io_entry {
    const char *symbol;
    io_function *wrapper;
    io_function *real; /* the C library's; NULL: it has none, or the source was never on */
    uint32_t source;   /* whose it is */
};

enum io_entry_number {
#define IO_FUNCTION(symbol, operation, of) ENTRY_##symbol,
#include "sources/io/io_functions.def"
    ENTRY_DLSYM,
    ENTRY_VFORK,
#define WAITS_FUNCTION(symbol) ENTRY_##symbol,
#include "sources/waits/waits_functions.def"
};

/* Those of io_functions.def, then some more; a NULL symbol ends the list. */
extern struct io_entry io_entries[];

/* --- io_wrappers_probe.c -------------------------------------------------------------------- */

/* Looks the real functions up. */
void io_find_real(void);

/* --- io_rules_probe.c ----------------------------------------------------------------------- */

/* What calls of each do: enum site_mode; COUNT and ESCALATE by a rule, and all but RECORD and these are not heard. */
extern _Atomic unsigned char io_modes[IO_OPERATION_COUNT];

/* The functions have ids, and their modes are known. The GIL is held. */
void io_rules_prepare(void);

/* The modes may have changed. The GIL is held. */
void io_rules_look(void);

/* A call that has ended. */
struct io_ended {
    enum io_operation operation;
    uint32_t fd;
    uint64_t begin, end; /* counters */
    uint64_t amount;     /* as in IO_END, if it did not fail */
    int error;           /* errno; 0: it did not fail */
    bool moves;          /* the amount is bytes */
    bool is_told;        /* its begin is, and its end will be */
};

static inline struct event io_end_event(const struct io_ended *call)
{
    return event_with_amount(call->end, EVENT_IO_END,
                             call->error ? IO_FAILED | (uint32_t)call->error : call->amount);
}

/* Of one whose mode is COUNT or ESCALATE: counts it, and tells it where its rule says so. Outside of the gate. */
void io_rules_judge(const struct io_ended *call);

/* --- io_tables_probe.c ---------------------------------------------------------------------- */

/* Changes what is of these sources in the tables of all objects that are loaded now, and from now on; puts back all that
 * was changed. False: no memory for what they were. */
bool io_tables_change(uint32_t sources);
void io_tables_restore(void);

/* Changes the tables of objects that were loaded since, if there are any. */
void io_tables_look_again(void);

#endif
