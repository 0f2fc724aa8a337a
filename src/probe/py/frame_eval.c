/* SPDX-License-Identifier: MIT */
/* Calls on 3.9-3.11: a frame evaluation function (PEP 523), for the whole interpreter.
 * Why: one pointer covers every present and future thread, those of C code too, and costs one C frame
 * and our record; on 3.11 the profile function would de-specialise every instruction of a thread. With
 * `c-calls` the profile function is needed all the same (it alone hears C calls) and then tells both;
 * the evaluator only installs it in each thread.
 * Rules: chains to whoever held the pointer. Reads all it wants of a frame before running it: after
 * that the frame is gone. Wrappers begun under an older switch write nothing. A frame whose site is off
 * writes nothing either, but is `innermost` while it runs: what it calls has it as its caller, and one
 * that ended unseen is still noticed at the next frame, whoever's it is. */
#include "probe/escalate.h"
#include "probe/source_hooks.h"
#include "probe/switch.h"

#include "probe/py/getitem.h"
#include "probe/py/profile.h"
#include "sources/calls/calls_probe.h"

#include <stdio.h>

enum { OWNED_BY_THREAD = 0, OPCODE_RETURN_GENERATOR = 75 };

static pyapi_eval_frame *chained;
static pyapi_eval_frame *installed; /* ours that is in place; NULL: none */
static uint32_t epoch;
static unsigned guarded; /* evaluations that run below the stack guard now */

/* What our evaluators are for now. Any of them does it: where another tool has chained over one, that
 * one stays. */
static enum { IDLE, WATCH_MAIN, RECORD, INSTALL_PROFILE } duty;

static void install(pyapi_eval_frame *evaluator)
{
    PyInterpreterState *interpreter = PyInterpreterState_Get();
    pyapi_eval_frame *present = pyapi.get_eval_frame(interpreter);
    if (installed && present != installed)
        return; /* chained over, and so called; over it again we would call each other for ever */
    if (!installed)
        chained = present;
    pyapi.set_eval_frame(interpreter, evaluator);
    installed = evaluator;
}

/* Gives the pointer back, unless someone chained over ours: then it stays as a pass-through. */
static void uninstall(void)
{
    PyInterpreterState *interpreter = PyInterpreterState_Get();
    if (installed && pyapi.get_eval_frame(interpreter) == installed) {
        pyapi.set_eval_frame(interpreter, chained);
        installed = NULL;
    }
}

/* 3.11 evaluates the creation of a generator as a frame of its own, which returns the generator. */
static bool is_creation(const void *frame, bool generator)
{
    return pyapi.minor == 11 && generator &&
           PYAPI_FIELD(char, frame, pyapi.frame_owner) == OWNED_BY_THREAD;
}

static bool has_begun(const void *frame)
{
    if (pyapi.minor < 11)
        return PYAPI_FIELD(int, frame, pyapi.frame_lasti) != -1;
    const uint16_t *instruction = PYAPI_FIELD(uint16_t *, frame, pyapi.frame_instruction);
    return (*instruction & 0xff) != OPCODE_RETURN_GENERATOR;
}

static PyObject *pass_on(PyThreadState *tstate, void *frame, int throwflag)
{
    return chained(tstate, frame, throwflag);
}

static pyapi_eval_frame *choose_evaluator(void);

/* Little stack is left: every frame of ours costs some that the plain interpreter would not need, so
 * from here up to the return of this frame the plain interpreter runs. */
static PyObject *evaluate_guarded(PyThreadState *tstate, void *frame, int throwflag)
{
    struct session_header *header = link_to.header;
    pyapi_eval_frame *ours = installed;
    uint32_t begun_in = epoch;
    uint64_t begin = link_counter();
    if (header)
        atomic_fetch_add_explicit(&header->stack_guards, 1, memory_order_relaxed);
    guarded++;
    uninstall();
    PyObject *result = chained(tstate, frame, throwflag);
    guarded--;
    if (guarded == 0 && begun_in == epoch && link_to.header && ours) {
        install(duty == RECORD ? choose_evaluator() : ours);
        atomic_fetch_add_explicit(&link_to.header->stack_guard_ticks, link_counter() - begin,
                                  memory_order_relaxed);
    }
    return result;
}

static inline bool is_low_on_stack(const struct writer *writer)
{
    return (uintptr_t)__builtin_frame_address(0) < writer->stack_floor;
}

/* Whether the frames from `frame` on are all there are. While 3.9 throws through a generator that
 * delegates, it has that generator's frame as the present one, and none below it. */
static bool is_whole_stack(void *frame)
{
    PyObject *code = NULL;
    for (; frame; frame = PYAPI_FIELD(void *, frame, pyapi.frame_previous))
        code = pyapi_frame_code(frame);
    return !code || !pyapi_is_generator(code);
}

/* The caller may be a frame that the collector leaves out, or will as soon as it has met it: only the
 * whole stack tells which of those that it knows are still there. */
static bool tell_stack(struct writer *writer, void *caller)
{
    return link_to.header &&
           atomic_load_explicit(&link_to.header->modes_vary, memory_order_relaxed) &&
           writer->ring && !writer->dropping && is_whole_stack(caller) &&
           writer_seed_whole(writer, pyapi.thread_state());
}

static void put_retop(struct writer *writer, void *caller)
{
    if (!tell_stack(writer, caller))
        writer_put(link_counter(), EVENT_RETOP, 0, caller ? pyapi_frame_key(caller) : 0);
    writer->innermost = caller;
}

/* The frame has returned to its caller. What it called has returned to it, unless greenlets have switched
 * meanwhile: then the collector may be on another stack, and the next frame is to tell which this one is. */
static inline __attribute__((always_inline)) void leave_frame(struct writer *writer,
                                                              const void *frame, void *caller)
{
    writer->innermost = __builtin_expect(writer->innermost == frame, 1) ? caller : writer;
}

/* What the thread had open when the stacks were told may have ended since, before there was a profile
 * function in it to tell that. */
static void tell_ended(PyThreadState *tstate)
{
    struct writer *writer = writer_take();
    void *caller = pyapi_current_frame(tstate);
    if (!writer || writer->dropping || !writer->innermost || writer->innermost == caller ||
        !is_whole_stack(caller))
        return;
    if (writer_seed_whole(writer, tstate))
        writer->innermost = caller;
}

/* Where a frame stands: unchanged by an evaluation that did not run a single instruction of it. */
static uintptr_t position(const void *frame)
{
    if (pyapi.minor < 11)
        return (uintptr_t)PYAPI_FIELD(int, frame, pyapi.frame_lasti);
    return PYAPI_FIELD(uintptr_t, frame, pyapi.frame_instruction);
}

/* The default evaluator itself raises RecursionError at the entry of one frame too many; whoever owns
 * the frame still has it. A throw() into a generator that never ran is a call all the same. */
static bool never_ran(const void *frame, uintptr_t position_before, int throwflag)
{
    return !throwflag && position(frame) == position_before &&
           PyErr_ExceptionMatches(PyExc_RecursionError);
}

static inline PyObject *evaluate(const struct writer *writer, PyThreadState *tstate, void *frame,
                                 int throwflag)
{
    if (__builtin_expect(is_low_on_stack(writer), 0))
        return evaluate_guarded(tstate, frame, throwflag);
    return chained(tstate, frame, throwflag);
}

static PyObject *evaluate_closing(const struct writer *writer, PyThreadState *tstate, void *frame,
                                  PyObject *code, int throwflag)
{
    getitem_on_frame(frame, code);
    PyObject *namespace = getitem_begin_body(frame, code);
    PyObject *result = evaluate(writer, tstate, frame, throwflag);
    getitem_end_body(namespace);
    return result;
}

/* --- evaluators ----------------------------------------------------------------------------- */

/* The first __main__ code: a frame whose globals are __main__'s. */
static void watch_main(const void *frame)
{
    PyObject *globals = PYAPI_FIELD(PyObject *, frame, pyapi.frame_globals);
    PyObject *name = globals && PyDict_Check(globals) ? PyDict_GetItemString(globals, "__name__")
                                                      : NULL;
    if (name && PyUnicode_Check(name) && PyUnicode_CompareWithASCIIString(name, "__main__") == 0)
        switch_first_main();
}

static PyObject *record(PyThreadState *tstate, void *frame, int throwflag)
{
    PyObject *code = pyapi_frame_code(frame);
    bool generator = code && pyapi_is_generator(code);
    struct writer *writer = writer_take();
    if (!code || is_creation(frame, generator))
        return pass_on(tstate, frame, throwflag);
    if (!writer) {
        writer_count_ringless(2); /* its push and its pop */
        return pass_on(tstate, frame, throwflag);
    }
    void *caller = pyapi_current_frame(tstate);
    if (writer->innermost != caller)
        put_retop(writer, caller);
    enum event_kind kind = EVENT_START;
    if (throwflag)
        kind = EVENT_THROW;
    else if (generator && has_begun(frame))
        kind = EVENT_RESUME;
    uint32_t begun_in = epoch;
    uintptr_t position_before = position(frame);
    writer->innermost = frame;
    uint32_t id = define_id(code, frame);
    unsigned char mode = link_to.modes[id]; /* it may change while the frame runs */
    if (escalate_is_mode(mode)) {
        escalate_push(id, code, frame);
    } else if (mode != MODE_OFF) {
        spans_look();
        calls_look_for_task(kind, code, frame);
        writer_put(link_counter(), kind, id, pyapi_frame_key(frame));
    }
    PyObject *result = getitem_closing ? evaluate_closing(writer, tstate, frame, code, throwflag)
                                       : evaluate(writer, tstate, frame, throwflag);
    if (begun_in != epoch)
        return result;
    leave_frame(writer, frame, caller);
    if (mode == MODE_OFF)
        return result;
    uint64_t counter = link_counter();
    if (escalate_is_mode(mode))
        escalate_pop(id, code, frame, !result, counter);
    else if (!result && never_ran(frame, position_before, throwflag))
        writer_put(counter, EVENT_UNRUN, kind, pyapi_frame_key(frame));
    else if (!result)
        calls_unwind(counter, id, frame);
    else
        calls_pop(generator && pyapi_has_yielded(frame) ? EVENT_YIELD : EVENT_RETURN, counter, id,
                  frame);
    if (define_is_import(define_marked(code)))
        source_hooks_imported();
    return result;
}

/* Whatever the duty is, in no hurry. */
static PyObject *evaluate_any(PyThreadState *tstate, void *frame, int throwflag)
{
    if (link_to.orphan)
        switch_follow_child(0);
    if (duty == WATCH_MAIN)
        watch_main(frame);
    else if (switch_is_due())
        switch_apply();
    if (duty == RECORD)
        return record(tstate, frame, throwflag);
    if (duty == INSTALL_PROFILE && profile_ensure(tstate)) /* at a thread's first frame */
        tell_ended(tstate);
    return pass_on(tstate, frame, throwflag);
}

/* --- a plain function's call ---------------------------------------------------------------- */

/* Where things stand and what the counter is: read from tables, or, for 3.11 on a machine whose
 * counter the kernel trusts, compiled in. */
enum path { BY_TABLE, TSC_311 };

enum { CODE_OPTIMIZED = 0x1 };
enum {
    FRAME_CODE_311 = 32,
    FRAME_INSTRUCTION_311 = 56,
    CODE_FLAGS_311 = 48,
    CODE_EXTRA_311 = 176,
    TSTATE_CFRAME_311 = 56,
    CFRAME_FRAME_311 = 8,
};

#define INLINE                    static inline __attribute__((always_inline))
#define AT(path, field, constant) ((path) == TSC_311 ? (size_t)(constant) : pyapi.field)

static bool layout_is_311(void)
{
    return link_to.clock == CLOCK_TSC && pyapi.minor == 11 && pyapi.has_cframe &&
           pyapi.frame_code == FRAME_CODE_311 && pyapi.frame_instruction == FRAME_INSTRUCTION_311 &&
           pyapi.code_flags == CODE_FLAGS_311 && pyapi.code_extra == CODE_EXTRA_311 &&
           pyapi.tstate_frame == TSTATE_CFRAME_311 && pyapi.cframe_frame == CFRAME_FRAME_311;
}

INLINE uint64_t counter_now(enum path path)
{
    return path == TSC_311 ? clock_counter(CLOCK_TSC) : link_counter();
}

INLINE void *current_frame(enum path path, PyThreadState *tstate)
{
    if (path == BY_TABLE)
        return pyapi_current_frame(tstate);
    return PYAPI_FIELD(void *, PYAPI_FIELD(void *, tstate, TSTATE_CFRAME_311), CFRAME_FRAME_311);
}

/* With its mark. */
INLINE uint32_t known_id(enum path path, PyObject *code)
{
    if (path == BY_TABLE)
        return define_marked(code);
    return define_marked_at(code, CODE_EXTRA_311);
}

/* 3.11 runs what a call instruction calls without a C call of its own, until there is an evaluator: such a call costs the
 * probe more than one that C has made. It is told by how far the C stack has grown since the caller's own evaluation. */
static size_t grown_directly; /* by a call instruction; 0: not known */
static bool learns_growth;

static __attribute__((noinline)) uint32_t from_elsewhere(size_t grown)
{
    if (learns_growth)
        grown_directly = grown;
    return grown_directly && grown != grown_directly ? EVENT_FROM_C : 0;
}

INLINE uint32_t from_where(enum path path, const PyThreadState *tstate)
{
    if (path != TSC_311 && pyapi.minor != 11)
        return 0;
    const void *callers = PYAPI_FIELD(void *, tstate, AT(path, tstate_frame, TSTATE_CFRAME_311));
    size_t grown = (uintptr_t)callers - (uintptr_t)__builtin_frame_address(0);
    return __builtin_expect(grown == grown_directly, 1) ? 0 : from_elsewhere(grown);
}

/* A module's or a class's code. */
static bool is_body(void *frame)
{
    const PyObject *code = pyapi_frame_code(frame);
    return !code || !(PYAPI_FIELD(int, code, pyapi.code_flags) & CODE_OPTIMIZED);
}

/* A frame whose site is off: nothing but what keeps `innermost` right. */
INLINE PyObject *pass_left_out(enum path path, PyThreadState *tstate, void *frame, int throwflag)
{
    struct writer *writer = writer_of_thread;
    bool plain = duty == RECORD && !switch_is_due() && !is_low_on_stack(writer) &&
                 !(getitem_closing && is_body(frame));
    if (__builtin_expect(!plain, 0))
        return evaluate_any(tstate, frame, throwflag);
    if (__builtin_expect(getitem_closing, 0))
        getitem_on_frame(frame, pyapi_frame_code(frame));
    void *caller = current_frame(path, tstate);
    if (__builtin_expect(writer->innermost != caller, 0))
        put_retop(writer, caller);
    uint32_t begun_in = epoch;
    writer->innermost = frame;
    PyObject *result = chained(tstate, frame, throwflag);
    if (__builtin_expect(begun_in == epoch, 1))
        leave_frame(writer, frame, caller);
    return result;
}

/* A function that cannot be suspended, seen before, on a thread with a ring and stack left; anything else
 * is evaluate_any's. `varied`: modes vary, so that pops carry the id. */
INLINE PyObject *record_plain(enum path path, bool varied, PyThreadState *tstate, void *frame,
                              int throwflag)
{
    struct writer *writer = writer_of_thread;
    PyObject *code = PYAPI_FIELD(PyObject *, frame, AT(path, frame_code, FRAME_CODE_311));
    int flags = PYAPI_FIELD(int, code, AT(path, code_flags, CODE_FLAGS_311));
    uint32_t id = known_id(path, code);
    bool plain = (flags & (CODE_OPTIMIZED | PYAPI_CODE_SUSPENDS)) == CODE_OPTIMIZED &&
                 duty == RECORD && (int32_t)id > 0 && link_to.modes[id] == MODE_RECORD &&
                 !switch_is_due() && !is_low_on_stack(writer);
    if (__builtin_expect(!plain, 0))
        return evaluate_any(tstate, frame, throwflag);
    void *caller = current_frame(path, tstate);
    if (__builtin_expect(writer->innermost != caller, 0))
        put_retop(writer, caller);
    if (__builtin_expect(getitem_closing, 0))
        getitem_on_frame(frame, code);
    uint32_t begun_in = epoch;
    uintptr_t position_before =
        path == TSC_311 ? PYAPI_FIELD(uintptr_t, frame, FRAME_INSTRUCTION_311) : position(frame);
    writer->innermost = frame;
    uint32_t from = from_where(path, tstate);
    writer_put_to(writer, counter_now(path), EVENT_START, id | from, pyapi_frame_key(frame));
    PyObject *result = chained(tstate, frame, throwflag);
    if (__builtin_expect(begun_in != epoch, 0))
        return result;
    uint64_t counter = counter_now(path);
    if (__builtin_expect(result != NULL, 1))
        writer_put(counter, EVENT_RETURN, varied ? id : 0, pyapi_frame_key(frame));
    else if (never_ran(frame, position_before, throwflag))
        writer_put(counter, EVENT_UNRUN, EVENT_START, pyapi_frame_key(frame));
    else
        calls_unwind(counter, id, frame);
    leave_frame(writer, frame, caller);
    return result;
}

/* The same of one that is counted or judged in place. */
INLINE PyObject *judge_plain(enum path path, PyThreadState *tstate, void *frame, int throwflag)
{
    struct writer *writer = writer_of_thread;
    PyObject *code = PYAPI_FIELD(PyObject *, frame, AT(path, frame_code, FRAME_CODE_311));
    int flags = PYAPI_FIELD(int, code, AT(path, code_flags, CODE_FLAGS_311));
    uint32_t id = known_id(path, code);
    bool plain = (flags & (CODE_OPTIMIZED | PYAPI_CODE_SUSPENDS)) == CODE_OPTIMIZED &&
                 duty == RECORD && (int32_t)id > 0 && !switch_is_due() && !is_low_on_stack(writer);
    if (__builtin_expect(!plain, 0))
        return evaluate_any(tstate, frame, throwflag);
    void *caller = current_frame(path, tstate);
    if (__builtin_expect(writer->innermost != caller, 0))
        put_retop(writer, caller);
    if (__builtin_expect(getitem_closing, 0))
        getitem_on_frame(frame, code);
    uint32_t begun_in = epoch;
    bool is_counted = link_to.modes[id] == MODE_COUNT;
    writer->innermost = frame;
    if (is_counted)
        escalate_count(id);
    else
        escalate_push(id, code, frame);
    PyObject *result = chained(tstate, frame, throwflag);
    if (__builtin_expect(begun_in != epoch, 0))
        return result;
    uint64_t counter = is_counted ? 0 : counter_now(path);
    leave_frame(writer, frame, caller);
    if (!is_counted)
        escalate_pop(id, code, frame, !result, counter);
    return result;
}

/* Each is a function of its own, so that none saves registers for what another does. */
#define EVALUATORS(name, path)                                                                 \
    static PyObject *record_##name(PyThreadState *tstate, void *frame, int throwflag)          \
    {                                                                                          \
        return record_plain(path, false, tstate, frame, throwflag);                            \
    }                                                                                          \
    static __attribute__((noinline))                                                           \
    PyObject *keep_##name(PyThreadState *tstate, void *frame, int throwflag)                   \
    {                                                                                          \
        return record_plain(path, true, tstate, frame, throwflag);                             \
    }                                                                                          \
    static __attribute__((noinline))                                                           \
    PyObject *leave_out_##name(PyThreadState *tstate, void *frame, int throwflag)              \
    {                                                                                          \
        return pass_left_out(path, tstate, frame, throwflag);                                  \
    }                                                                                          \
    static __attribute__((noinline))                                                           \
    PyObject *judge_##name(PyThreadState *tstate, void *frame, int throwflag)                  \
    {                                                                                          \
        return judge_plain(path, tstate, frame, throwflag);                                    \
    }                                                                                          \
    static PyObject *record_##name##_varied(PyThreadState *tstate, void *frame, int throwflag) \
    {                                                                                          \
        PyObject *code = PYAPI_FIELD(PyObject *, frame, AT(path, frame_code, FRAME_CODE_311)); \
        uint32_t id = known_id(path, code) & DEFINE_ID_BITS;                                   \
        unsigned char mode = link_to.modes[id];                                                \
        if (__builtin_expect(escalate_is_mode(mode), 0))                                       \
            return judge_##name(tstate, frame, throwflag);                                     \
        return mode == MODE_OFF ? leave_out_##name(tstate, frame, throwflag)                   \
                                : keep_##name(tstate, frame, throwflag);                       \
    }

EVALUATORS(by_table, BY_TABLE)
EVALUATORS(tsc_311, TSC_311)

static pyapi_eval_frame *choose_evaluator(void)
{
    if (atomic_load_explicit(&link_to.header->sources_wanted, memory_order_relaxed) & SOURCE_SPANS)
        return evaluate_any; /* whose span it is is looked up there */
    if (atomic_load_explicit(&link_to.header->modes_vary, memory_order_relaxed))
        return layout_is_311() ? record_tsc_311_varied : record_by_table_varied;
    return layout_is_311() ? record_tsc_311 : record_by_table;
}

/* --- the mechanism -------------------------------------------------------------------------- */

static int frame_eval_prepare(char *reason, size_t size)
{
    (void)reason;
    (void)size;
    getitem_try();
    return 0;
}

static int frame_eval_begin(char *reason, size_t size)
{
    (void)reason;
    (void)size;
    return 0;
}

static void frame_eval_end(void)
{
}

static int frame_eval_watch_main(void)
{
    duty = WATCH_MAIN;
    install(evaluate_any);
    return 0;
}

static int frame_eval_make_ready(uint32_t sources, char *reason, size_t size)
{
    (void)reason;
    (void)size;
    if (!(sources & SOURCE_C_CALLS))
        getitem_close();
    return 0;
}

static int frame_eval_on(uint32_t sources, char *reason, size_t size)
{
    epoch++;
    if (sources & SOURCE_C_CALLS) {
        if (profile_on(sources, reason, size))
            return -1;
        duty = INSTALL_PROFILE;
        install(evaluate_any);
        return 0;
    }
    if (!(sources & SOURCE_CALLS)) {
        duty = IDLE;
        uninstall();
        return 0;
    }
    duty = RECORD;
    install(choose_evaluator());
    return 0;
}

static void frame_eval_off(void)
{
    epoch++;
    duty = IDLE;
    profile_off();
    uninstall();
    getitem_open();
}

/* The wrapper is called for all functions or none, and reads the byte at each entry: nothing is silent. A
 * frame that was entered while it was left out would not tell its end, so where stacks are told all that
 * are open end untold, as after a switch: the next frame notices. */
static bool frame_eval_rearm(bool stacks)
{
    if (duty == RECORD && (stacks || guarded == 0))
        install(choose_evaluator());
    epoch += stacks;
    return stacks;
}

static void frame_eval_seeded(struct writer *writer, void *frame)
{
    writer->innermost = frame;
}

static void frame_eval_learn(bool begins)
{
    learns_growth = begins;
}

const struct switch_mechanism frame_eval_mechanism = {
    .prepare = frame_eval_prepare,
    .begin = frame_eval_begin,
    .end = frame_eval_end,
    .watch_main = frame_eval_watch_main,
    .make_ready = frame_eval_make_ready,
    .on = frame_eval_on,
    .off = frame_eval_off,
    .rearm = frame_eval_rearm,
    .seeded = frame_eval_seeded,
    .learn = frame_eval_learn,
};
