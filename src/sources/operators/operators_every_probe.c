/* SPDX-License-Identifier: MIT */
/* Functions in which every operator is told: the interpreter runs their instructions one by one, none of them specialised,
 * while it has been asked for the INSTRUCTION event of their code objects (3.12+).
 * Why this event without a callback: it is public, it is of one code object, and the interpreter takes it back by
 * itself; writing over the program's bytecode would be cheaper, and is not ours to do.
 * Why by the bytes of `lines`: which functions are meant the collector says there (wire/session.h, enum site_lines):
 * those that --only names. One that it has not decided yet is asked for, and let go when it is not meant.
 * Rules: the GIL is held; nothing here raises. */
#include "sources/operators/operators_probe.h"

#include "probe/define.h"
#include "probe/py/monitoring.h"
#include "probe/source_hooks.h"

#include <stdio.h>

static bool is_on;
static long instruction_event; /* its bit; 0: not known */

static bool is_told[SESSION_ID_LIMIT]; /* by id: the code object has the event */
static uint32_t told_most;             /* the highest */

enum { UNDECIDED_MOST = 4096 };
static uint32_t
    undecided[UNDECIDED_MOST]; /* told ones; what finds no place is let go with the next rearm */
static uint32_t undecided_count;

static bool is_meant(uint32_t id)
{
    unsigned char mode = link_to.modes[id];
    return link_to.lines[id] != LINES_NO && mode != MODE_OFF && mode != MODE_CLOSING;
}

static void tell(PyObject *code, uint32_t id, bool told)
{
    is_told[id] = told;
    if (id > told_most)
        told_most = id;
    monitoring_fit_local(code, id);
    if (!told)
        operators_sites_forget(id);
}

bool operators_every_is_told(uint32_t id)
{
    return is_on && is_told[id];
}

long operators_local_events(uint32_t id)
{
    return operators_every_is_told(id) ? instruction_event : 0;
}

void operators_every_ask(void)
{
    enum { STEP = 64 };
    static uint32_t asked;
    if (undecided_count && ++asked % STEP == 0)
        operators_every_decide();
}

void operators_every_decide(void)
{
    PyObject *type, *value, *traceback;
    if (undecided_count == 0)
        return;
    PyErr_Fetch(&type, &value, &traceback);
    for (uint32_t i = 0; i < undecided_count;) {
        uint32_t id = undecided[i];
        if (is_told[id] && link_to.lines[id] == LINES_UNDECIDED) {
            i++;
            continue;
        }
        undecided[i] = undecided[--undecided_count];
        PyObject *code = is_told[id] && !is_meant(id) ? define_code_of(id) : NULL;
        if (code)
            tell(code, id, false);
    }
    PyErr_Restore(type, value, traceback);
}

void operators_defined(PyObject *code, uint32_t id)
{
    is_told[id] = false; /* the id may have been another one's */
    if (!is_on)
        return;
    operators_every_decide();
    if (!is_meant(id))
        return;
    tell(code, id, true);
    if (undecided_count < UNDECIDED_MOST)
        undecided[undecided_count++] = id;
}

static void fit(void)
{
    uint32_t count = atomic_load_explicit(&link_to.header->definition_count, memory_order_relaxed);
    undecided_count = 0;
    for (uint32_t id = 1; id <= count && id < SESSION_ID_LIMIT; id++) {
        bool meant = is_meant(id);
        PyObject *code = meant != is_told[id] ? define_code_of(id) : NULL;
        if (code)
            tell(code, id, meant);
        if (is_told[id] && link_to.lines[id] == LINES_UNDECIDED && undecided_count < UNDECIDED_MOST)
            undecided[undecided_count++] = id;
    }
}

static int every_can_be_had(char *reason, size_t size)
{
    if (pyapi.minor != 11)
        return 0;
    snprintf(reason, size,
             "every-operator needs sys.monitoring, which Python has from 3.12 on; on 3.11 "
             "c-calls,operators tells every operator");
    return -1;
}

static int every_make_ready(char *reason, size_t size)
{
    if (every_can_be_had(reason, size))
        return -1;
    /* Up to 3.10 nothing is specialised. */
    instruction_event = pyapi.minor >= 12 ? monitoring_event("INSTRUCTION") : 0;
    if (pyapi.minor < 12 || instruction_event > 0)
        return 0;
    snprintf(reason, size, "sys.monitoring has no event of instructions in this program");
    return -1;
}

static int every_on(char *reason, size_t size)
{
    (void)reason;
    (void)size;
    if (pyapi.minor < 12)
        return 0;
    is_on = true;
    fit();
    return 0;
}

static void every_off(void)
{
    if (!is_on)
        return;
    is_on = false;
    for (uint32_t id = 1; id <= told_most; id++) {
        PyObject *code = is_told[id] ? define_code_of(id) : NULL;
        is_told[id] = false;
        if (code)
            monitoring_fit_local(code, id);
    }
    told_most = undecided_count = 0;
}

static void every_rearm(void)
{
    if (is_on)
        fit();
}

const struct source_hooks operators_every_hooks = {
    .bit = SOURCE_OPERATORS_EVERY,
    .can_be_had = every_can_be_had,
    .make_ready = every_make_ready,
    .on = every_on,
    .off = every_off,
    .rearm = every_rearm,
    .imported = operators_every_decide,
};
