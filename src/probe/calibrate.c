/* SPDX-License-Identifier: MIT */
/* Calibration: loops of empty calls with and without the hooks, into a private ring.
 * Why: see calibrate.h. Total cost = (time on - time off) / calls. Of it, `inner` is what falls
 * between the two counter reads of one call, seen in the ring itself; the rest falls into the caller.
 * Where the function that is called does something of its own, which those reads hold, too, it is found
 * otherwise (divide).
 * Rules: several passes, each with all loops without the hooks and with them, close together; of each pass the least of
 * its rounds, since noise only ever adds, and of the passes the median. A shared processor may change its speed by a
 * factor of two from one round to the next, so the speed is measured before and after each round, slower rounds say
 * nothing, and every figure is as of one speed. */
#include "probe/calibrate.h"

#include "probe/define.h"
#include "probe/own_time.h"
#include "probe/source_hooks.h"

#include <stdlib.h>
#include <string.h>

enum { CALLS = 200, FEWER = 40, SCRATCH_EVENTS = 4096 };
enum { PASSES = 5, ROUNDS = 2, SLOWER = 16 }; /* by one part in so many */

static struct event scratch[SCRATCH_EVENTS];

static const char program[] = "def f(): pass\n"
                              "def calls(n):\n"
                              "    for _ in n: f()\n"
                              "def c_calls(n, f=().count):\n"
                              "    for _ in n: f(0)\n"
                              "def asks(n, t=tuple):\n"
                              "    for _ in n: t()\n"
                              "class k:\n"
                              "    def __init__(self): pass\n"
                              "def makes(n):\n"
                              "    for _ in n: k()\n"
                              "def g(n):\n"
                              "    for _ in n: yield\n"
                              "def segments(n):\n"
                              "    for _ in g(n): pass\n"
                              "def r(e=KeyError): raise e\n"
                              "def raises(n, e=KeyError):\n"
                              "    for _ in n:\n"
                              "        try: r()\n"
                              "        except e: pass\n"
                              "def one(): yield\n"
                              "def h(x): pass\n"
                              "def mapped(n, map=map):\n"
                              "    for _ in map(h, n): pass\n"
                              "def generators(n):\n"
                              "    for _ in n:\n"
                              "        for _ in one(): pass\n"
                              "async def c(): pass\n"
                              "async def awaits(n):\n"
                              "    for _ in n: await c()\n"
                              "def coroutines(n, e=StopIteration):\n"
                              "    try: awaits(n).send(None)\n"
                              "    except e: pass\n"
                              "def lines(n):\n"
                              "    for _ in n:\n"
                              "        pass\n";

/* --- the processor's speed ------------------------------------------------------------------- */

enum { SPEED_ADDITIONS = 32, SPEED_ROUNDS = 4, SPEED_MOST = EVENT_ID_LIMIT - 1 };

/* The interpreter's own work, since what slows the hooks down slows it as much: pure arithmetic in registers
 * hardly feels a neighbour on the same core, reads of the counter not at all. */
static uint64_t time_additions(PyObject *left, PyObject *right)
{
    uint64_t begin = link_counter();
    for (int i = 0; i < SPEED_ADDITIONS; i++) {
        PyObject *sum = PyNumber_Add(left, right);
        Py_XDECREF(sum);
    }
    return link_counter() - begin;
}

uint32_t calibrate_speed(void)
{
    static PyObject *left, *right;
    uint64_t least = SPEED_MOST;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback); /* of a frame that ends by it, before 3.12 */
    left = left ? left : PyLong_FromLong(1000);
    right = right ? right : PyLong_FromLong(70000);
    for (int round = 0; left && right && round < SPEED_ROUNDS; round++) {
        uint64_t ticks = time_additions(left, right);
        least = ticks < least ? ticks : least;
    }
    PyErr_Restore(type, value, traceback);
    return left && right ? (uint32_t)least : 0;
}

/* Each waits for the one before, in a register: a neighbour on the core hardly slows that. */
uint32_t calibrate_chain(void)
{
    enum { STEPS = 256 };
    uint64_t least = SPEED_MOST;
    for (int round = 0; round < 2; round++) {
        uint64_t begin = link_counter(), value = begin;
        for (int i = 0; i < STEPS; i++) {
            value *= value | 1;
            __asm__ volatile("" : "+r"(value));
        }
        uint64_t ticks = link_counter() - begin;
        least = ticks < least ? ticks : least;
    }
    return least ? (uint32_t)least : 1;
}

/* --- loops ----------------------------------------------------------------------------------- */

struct loop {
    const char *function; /* of the program */
    int calls;
    enum event_kind push, pop; /* of the calls that are counted */
};

static const struct loop loops[COST_COUNT] = {
    [COST_CALL] = {"calls", CALLS, EVENT_START, EVENT_RETURN},
    [COST_SEGMENT] = {"segments", CALLS, EVENT_RESUME, EVENT_YIELD},
    [COST_UNWIND] = {"raises", FEWER, EVENT_START, EVENT_UNWIND},
    [COST_C_CALL] = {"c_calls", CALLS, EVENT_C_CALL, EVENT_C_RETURN},
    [COST_GENERATOR] = {"generators", FEWER, EVENT_START, EVENT_YIELD},
    [COST_COROUTINE] = {"coroutines", FEWER, EVENT_START, EVENT_RETURN},
    [COST_FROM_C] = {"mapped", CALLS, EVENT_START, EVENT_RETURN},
    [COST_ASKED] = {"asks", CALLS, EVENT_NONE, EVENT_NONE},
    [COST_MADE] = {"makes", FEWER, EVENT_START, EVENT_RETURN},
};

struct timing {
    uint64_t ticks;              /* the least of all rounds */
    uint64_t inner, inner_count; /* of the same round: ticks from pushes to the pops right after */
    uint32_t speed_ticks;        /* the least of all rounds */
};

static uint64_t time_round(PyObject *function, PyObject *range)
{
    uint64_t begin = link_counter();
    PyObject *result = PyObject_CallFunctionObjArgs(function, range, NULL);
    uint64_t end = link_counter();
    Py_XDECREF(result);
    PyErr_Clear();
    return end - begin;
}

static void sum_inner(const struct loop *loop, uint64_t first, uint64_t end, struct timing *timing)
{
    timing->inner = timing->inner_count = 0;
    for (uint64_t i = first; i + 1 < end; i++) {
        const struct event *event = &scratch[i % SCRATCH_EVENTS];
        const struct event *next = &scratch[(i + 1) % SCRATCH_EVENTS];
        if (event_kind(event) != (uint32_t)loop->push || event_kind(next) != (uint32_t)loop->pop)
            continue;
        timing->inner += next->counter - event->counter;
        timing->inner_count++;
    }
}

/* False: the processor was slower than it has been meanwhile, so that the round says nothing. */
static bool is_of_best_speed(struct timing *timing, uint32_t speed_ticks)
{
    uint32_t best = timing->speed_ticks;
    if (best != UINT32_MAX && speed_ticks > best + best / SLOWER)
        return false;
    if (best > speed_ticks + speed_ticks / SLOWER)
        timing->ticks = UINT64_MAX; /* those before were slow */
    timing->speed_ticks = speed_ticks < best ? speed_ticks : best;
    return true;
}

/* `head`: of the events that are written; NULL: none are. */
static struct timing least_of_rounds(const struct loop *loop, PyObject *function, PyObject *range,
                                     const uint64_t *head)
{
    struct timing least = {.ticks = UINT64_MAX, .speed_ticks = UINT32_MAX};
    uint32_t before = calibrate_speed(), after;
    for (int round = 0; round < ROUNDS; round++, before = after) {
        uint64_t first = head ? *head : 0;
        uint64_t ticks = time_round(function, range);
        after = calibrate_speed();
        if (!is_of_best_speed(&least, before > after ? before : after) || ticks >= least.ticks)
            continue;
        least.ticks = ticks;
        if (head)
            sum_inner(loop, first, *head, &least);
    }
    return least;
}

/* Ticks as of the speed that stands in the cost. What is within the noise of the speed is left alone. */
static uint64_t at_speed(uint64_t ticks, uint32_t speed_ticks, const struct calibrate_cost *cost)
{
    uint64_t now = speed_ticks, then = cost->speed_ticks;
    uint64_t apart = now > then ? now - then : then - now;
    return now == 0 || apart * SESSION_SPEED_NOISE < then ? ticks : ticks * then / now;
}

static struct session_cost cost_of(const struct loop *loop, const struct timing *off,
                                   const struct timing *on, const struct calibrate_cost *cost)
{
    uint64_t before = at_speed(off->ticks, off->speed_ticks, cost);
    uint64_t after = at_speed(on->ticks, on->speed_ticks, cost);
    uint64_t all256 = after > before ? (after - before) * 256 / (uint64_t)loop->calls : 0;
    uint64_t inner256 = 0;
    if (on->inner_count)
        inner256 = at_speed(on->inner * 256 / on->inner_count, on->speed_ticks, cost);
    if (inner256 > all256)
        inner256 = all256;
    return (struct session_cost){(uint32_t)inner256, (uint32_t)(all256 - inner256)};
}

/* --- all of them ----------------------------------------------------------------------------- */

struct calibration {
    const struct switch_mechanism *mechanism;
    PyObject *functions[COST_COUNT]; /* borrowed */
    PyObject *empty;                 /* ... which only loops */
    PyObject *ranges[COST_COUNT];
    struct timing off[COST_COUNT];
    struct timing loop; /* nothing but the loop that all of them are made of */
};

static void measure_off(struct calibration *calibration, struct calibrate_cost *cost)
{
    for (int kind = 0; kind < COST_COUNT; kind++)
        calibration->off[kind] = least_of_rounds(&loops[kind], calibration->functions[kind],
                                                 calibration->ranges[kind], NULL);
    calibration->loop = least_of_rounds(&loops[COST_CALL], calibration->empty,
                                        calibration->ranges[COST_CALL], NULL);
    cost->speed_ticks = calibration->off[COST_CALL].speed_ticks;
}

static struct session_cost with_inner(uint32_t inner256, uint32_t all256)
{
    uint32_t inner = inner256 < all256 ? inner256 : all256;
    return (struct session_cost){inner, all256 - inner};
}

static uint32_t all_of(struct session_cost cost)
{
    return cost.inner_ticks256 + cost.outer_ticks256;
}

static uint32_t less(uint32_t from, uint32_t what)
{
    return from > what ? from - what : 0;
}

/* What is in the function and what in its caller, where the reads of the counter do not say: the generator
 * of `segments` has its loop between them, whose time is known; raising takes longer than the hooks, so that
 * the shares are those of a plain call; the call of a generator is followed by a resume and a return. */
static void divide(const struct calibration *calibration, struct session_cost *of,
                   const struct calibrate_cost *cost)
{
    const struct timing *loop = &calibration->loop;
    uint64_t loop256 = at_speed(loop->ticks, loop->speed_ticks, cost) * 256 / CALLS;
    const struct session_cost call = of[COST_CALL];
    uint32_t inner = call.inner_ticks256, all = all_of(call);
    of[COST_SEGMENT] = with_inner(less(of[COST_SEGMENT].inner_ticks256, (uint32_t)loop256),
                                  all_of(of[COST_SEGMENT]));
    uint64_t unwind = all_of(of[COST_UNWIND]);
    if (all)
        of[COST_UNWIND] = with_inner((uint32_t)(unwind * inner / all), (uint32_t)unwind);
    uint32_t whole = all_of(of[COST_GENERATOR]), resumed = all_of(of[COST_SEGMENT]);
    of[COST_GENERATOR] = with_inner(inner, less(whole, resumed));
    /* None of these is less than a call; where it seems so, its loop met something without the probe. */
    static const int more[] = {COST_UNWIND, COST_GENERATOR, COST_COROUTINE};
    for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
        of[more[i]] = all_of(of[more[i]]) < all ? call : of[more[i]];
}

/* What the probe says of itself in the loop of plain calls, as of the clock that stands in the cost. */
static uint32_t own_ticks256(const struct calibration *calibration, enum own_time_of what,
                             const struct calibrate_cost *cost)
{
    enum { OWN_ROUNDS = 8 };
    char reason[SESSION_REASON_SIZE];
    own_time_learn(what);
    if (calibration->mechanism->make_ready(SOURCE_CALLS, reason, sizeof(reason)))
        return 0;
    own_time_take256();
    for (int round = 0; round < OWN_ROUNDS; round++)
        time_round(calibration->functions[COST_CALL], calibration->ranges[COST_CALL]);
    return (uint32_t)((uint64_t)own_time_take256() * cost->chain_ticks / calibrate_chain());
}

static void measure_own(const struct calibration *calibration, struct calibrate_cost *cost)
{
    cost->own_ticks256[0] = own_ticks256(calibration, OWN_TIME_OF_PLAIN, cost);
    cost->own_ticks256[1] = own_ticks256(calibration, OWN_TIME_OF_VARIED, cost);
    own_time_learn(OWN_TIME_OF_NONE);
}

static void measure_on(const struct calibration *calibration, uint32_t sources,
                       struct calibrate_cost *cost)
{
    char reason[SESSION_REASON_SIZE];
    const struct switch_mechanism *mechanism = calibration->mechanism;
    bool c_calls = sources & SOURCE_C_CALLS;
    writer_begin_scratch(scratch, SCRATCH_EVENTS);
    const uint64_t *head = &writer_of_thread->head;
    bool on = mechanism->make_ready(sources, reason, sizeof(reason)) == 0 &&
              mechanism->on(sources, reason, sizeof(reason)) == 0;
    if (on && mechanism->learn) {
        mechanism->learn(true);
        time_round(calibration->functions[COST_CALL], calibration->ranges[COST_CALL]);
        mechanism->learn(false);
    }
    for (int kind = 0; on && kind < COST_COUNT; kind++) {
        if (!c_calls && (kind == COST_C_CALL || kind == COST_ASKED || kind == COST_MADE))
            continue;
        struct timing timing = least_of_rounds(&loops[kind], calibration->functions[kind],
                                               calibration->ranges[kind], head);
        cost->of[c_calls][kind] = cost_of(&loops[kind], &calibration->off[kind], &timing, cost);
    }
    if (on && !c_calls && pyapi.minor >= 12)
        measure_own(calibration, cost);
    mechanism->off();
    writer_end_scratch();
    divide(calibration, cost->of[c_calls], cost);
}

/* Two lines a turn. As `lines` is switched on, but for these alone. */
static void measure_lines(const struct calibration *calibration, struct calibrate_cost *cost)
{
    static const struct loop loop = {"lines", 2 * CALLS, EVENT_LINE, EVENT_NONE};
    char reason[SESSION_REASON_SIZE];
    const uint32_t sources = SOURCE_CALLS | SOURCE_LINES;
    const struct switch_mechanism *mechanism = calibration->mechanism;
    PyObject *range = calibration->ranges[COST_CALL];
    writer_begin_scratch(scratch, SCRATCH_EVENTS);
    if (mechanism->make_ready(sources, reason, sizeof(reason)) == 0 &&
        source_hooks_make_ready(SOURCE_LINES, reason, sizeof(reason)) == 0 &&
        source_hooks_on(SOURCE_LINES, reason, sizeof(reason)) == 0 &&
        mechanism->on(sources, reason, sizeof(reason)) == 0) {
        struct timing on = least_of_rounds(&loop, calibration->empty, range, NULL);
        cost->line_ticks256 = cost_of(&loop, &calibration->loop, &on, cost).outer_ticks256;
    }
    source_hooks_off();
    mechanism->off();
    writer_end_scratch();
}

static struct calibrate_cost measure(struct calibration *calibration, uint32_t sources)
{
    struct calibrate_cost cost = {.chain_ticks = calibrate_chain()};
    measure_off(calibration, &cost);
    if (sources & SOURCE_CALLS)
        measure_on(calibration, SOURCE_CALLS, &cost);
    if (sources & SOURCE_C_CALLS)
        measure_on(calibration, SOURCE_CALLS | SOURCE_C_CALLS, &cost);
    return cost;
}

/* --- of several passes ----------------------------------------------------------------------- */

static int compare_costs(const void *left, const void *right)
{
    uint32_t a = all_of(*(const struct session_cost *)left);
    uint32_t b = all_of(*(const struct session_cost *)right);
    return (a > b) - (a < b);
}

static int compare_words(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static uint32_t median(uint32_t *words)
{
    qsort(words, PASSES, sizeof(words[0]), compare_words);
    return words[PASSES / 2];
}

/* What the probe said of itself, as of the median of the clocks. What was measured before stays. */
static void join_own(const struct calibrate_cost *passes, struct calibrate_cost *ret_cost)
{
    uint32_t words[PASSES];
    if (ret_cost->chain_ticks)
        return;
    for (int pass = 0; pass < PASSES; pass++)
        words[pass] = passes[pass].chain_ticks;
    ret_cost->chain_ticks = median(words);
    for (int i = 0; i < 2; i++) {
        for (int pass = 0; pass < PASSES; pass++)
            words[pass] = (uint32_t)((uint64_t)passes[pass].own_ticks256[i] *
                                     ret_cost->chain_ticks / passes[pass].chain_ticks);
        ret_cost->own_ticks256[i] = median(words);
    }
}

/* Ticks of a pass, as of the speed of all, or, where that is the same, of their clock. */
static uint32_t joined(uint32_t ticks, const struct calibrate_cost *pass,
                       const struct calibrate_cost *all)
{
    uint64_t at = at_speed(ticks, pass->speed_ticks, all);
    if (at == ticks && all->chain_ticks >= SESSION_CHAIN_LEAST)
        at = at * all->chain_ticks / pass->chain_ticks;
    return (uint32_t)at;
}

/* The median of each cost, and of the speed; costs that were measured before stay as of that speed. */
static void join(const struct calibrate_cost *passes, struct calibrate_cost *ret_cost)
{
    uint32_t words[PASSES];
    for (int pass = 0; pass < PASSES; pass++)
        words[pass] = passes[pass].speed_ticks;
    if (!ret_cost->speed_ticks)
        ret_cost->speed_ticks = median(words);
    join_own(passes, ret_cost);
    for (int i = 0; i < 2 * COST_COUNT; i++) {
        struct session_cost costs[PASSES];
        for (int pass = 0; pass < PASSES; pass++) {
            const struct session_cost *cost = &passes[pass].of[i / COST_COUNT][i % COST_COUNT];
            costs[pass] =
                (struct session_cost){joined(cost->inner_ticks256, &passes[pass], ret_cost),
                                      joined(cost->outer_ticks256, &passes[pass], ret_cost)};
        }
        qsort(costs, PASSES, sizeof(costs[0]), compare_costs);
        if (all_of(costs[PASSES - 1]))
            ret_cost->of[i / COST_COUNT][i % COST_COUNT] = costs[PASSES / 2];
    }
}

static PyObject *make_globals(void)
{
    PyObject *code = Py_CompileString(program, "<ulma calibration>", Py_file_input);
    PyObject *globals = PyDict_New();
    if (globals)
        PyDict_SetItemString(globals, "__builtins__", PyEval_GetBuiltins());
    PyObject *ran = code && globals ? PyEval_EvalCode(code, globals, globals) : NULL;
    Py_XDECREF(code);
    if (!ran)
        Py_CLEAR(globals);
    Py_XDECREF(ran);
    return globals;
}

void calibrate_run(const struct switch_mechanism *mechanism, uint32_t sources,
                   struct calibrate_cost *cost)
{
    struct calibration calibration = {.mechanism = mechanism};
    PyObject *globals = make_globals();
    bool made = globals != NULL;
    calibration.empty = made ? PyDict_GetItemString(globals, "lines") : NULL;
    made = made && calibration.empty;
    for (int kind = 0; kind < COST_COUNT; kind++) {
        calibration.functions[kind] = made ? PyDict_GetItemString(globals, loops[kind].function)
                                           : NULL;
        calibration.ranges[kind] =
            PyObject_CallFunction((PyObject *)&PyRange_Type, "i", loops[kind].calls);
        made = made && calibration.functions[kind] && calibration.ranges[kind];
    }
    if (made) {
        struct calibrate_cost passes[PASSES];
        memset(scratch, 0xff, sizeof(scratch)); /* its pages are there from here on */
        for (int pass = 0; pass < PASSES; pass++)
            passes[pass] = measure(&calibration, sources);
        join(passes, cost);
        if (sources && pyapi.minor >= 12)
            measure_lines(&calibration, cost);
    }
    for (int kind = 0; kind < COST_COUNT; kind++)
        Py_XDECREF(calibration.ranges[kind]);
    Py_XDECREF(globals);
    PyErr_Clear();
}
