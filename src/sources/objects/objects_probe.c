/* SPDX-License-Identifier: MIT */
/* The tracer, and its coming and going.
 * Why one object is held back: its size is not known when it is born, and many die next. It is told at the next birth or
 * death, whoever's that is, with the counter of its own; where that death is its own, both are one event.
 * Why a death that still has references: an immutable object that is resized (str, bytes, tuple) is told as dead and
 * as born again; it is the same one at another address, and counts once.
 * Rules: see objects_probe.h. One tracer for the whole process, so that interpreters other than the main one, which
 * have locks of their own, are passed over. An object near the end of its thread's stack is not held back: what is
 * freed there may be freed untold (3.14 on). */
#include "sources/objects/objects_probe.h"

#include "probe/py/heap.h"
#include "probe/switch.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

enum { CREATE = 0 }; /* PyRefTracerEvent: a birth, else a death */
enum { TSTATE_INTERP = 16, ADDRESS_SHIFT = 4, PAGE_SHIFT = 12 };

typedef int tracer(PyObject *object, int event, void *data);
static int (*set_tracer)(tracer *, void *);
typedef tracer *tracer_getter(void **data);
static tracer_getter *get_tracer;

static bool is_on;
static bool is_limited;        /* there are types that no pattern wants, as it was last looked */
static uint32_t generation;    /* of the link that places were told to */
static void *main_interpreter; /* NULL: not on */

/* Born, and not told yet. */
static struct held_object {
    PyObject *object; /* NULL: none */
    struct objects_place *place;
    uint64_t counter;
} held;

/* A list, dict or set in whose making other objects are made: list(range(9)), set("abc"). It is held longer, until
 * something is born by another instruction, or it dies. */
static struct held_object outer;

/* A str, bytes or tuple that has left its address. */
static struct {
    PyTypeObject *type;          /* NULL: none */
    struct objects_place *place; /* it was held: born nowhere yet */
    uint64_t counter;
} moving;

static uint32_t address_of(const PyObject *object)
{
    return (uint32_t)((uintptr_t)object >> ADDRESS_SHIFT);
}

/* --- when ----------------------------------------------------------------------------------- */

/* Reading the counter costs more than all else here. While objects come and go fast it is read for every eighth of
 * them, and those between are taken to come at the pace of the eight before; counters still rise from one to the next,
 * of all threads together. The collector's heart, which beats many times a second, says when time has passed that
 * no object has measured. */
enum { UNREAD = 7, DENSE_NS = 200 };

static struct {
    uint64_t last;        /* given out */
    uint64_t read, told;  /* when the counter was last read; given out since */
    uint64_t dense_ticks; /* an average gap that is shorter is dense */
    uint64_t heartbeat;   /* at that read */
    uint32_t gap_ticks, left;
} pace;

static void pace_begin(void)
{
    memset(&pace, 0, sizeof(pace));
    pace.dense_ticks = switch_ticks_of_ns(DENSE_NS);
}

static void look_for_limits(void)
{
    is_limited = link_to.header &&
                 atomic_load_explicit(&link_to.header->types_limited, memory_order_relaxed);
}

static __attribute__((noinline)) uint64_t read_counter(uint64_t heartbeat)
{
    uint64_t now = link_counter(), before = pace.read;
    uint64_t gap = now > before ? (now - before) / (pace.told + 1) : 0;
    pace.last = now > pace.last ? now : pace.last + 1;
    pace.left = gap < pace.dense_ticks ? UNREAD : 0;
    pace.gap_ticks = (uint32_t)gap + (gap == 0);
    pace.read = now;
    pace.told = 0;
    pace.heartbeat = heartbeat;
    look_for_limits();
    return pace.last;
}

static inline __attribute__((always_inline)) uint64_t
next_counter(const struct session_header *header)
{
    uint64_t heartbeat = atomic_load_explicit(&header->heartbeat, memory_order_relaxed);
    if (__builtin_expect(pace.left == 0 || heartbeat != pace.heartbeat, 0))
        return read_counter(heartbeat);
    pace.left--;
    pace.told++;
    return pace.last += pace.gap_ticks;
}

/* --- writing -------------------------------------------------------------------------------- */

/* Nothing is switched from here: that calls Python's functions. Whoever writes the next call does it. */
static __attribute__((noinline, cold)) bool put_slow(uint64_t counter, uint32_t kind, uint32_t id,
                                                     uint32_t frame)
{
    if (link_to.orphan || !link_to.header)
        return false;
    uint64_t before = writer_of_thread->ring ? writer_of_thread->head : 0;
    switch_begin_busy();
    writer_put_slow(counter, kind, id, frame);
    switch_end_busy();
    return writer_of_thread->ring && writer_of_thread->head != before;
}

static inline __attribute__((always_inline)) bool put(uint64_t counter, uint32_t kind, uint32_t id,
                                                      uint32_t frame)
{
    struct writer *writer = writer_of_thread;
    if (__builtin_expect(writer->head == writer->limit, 0))
        return put_slow(counter, kind, id, frame);
    writer_store(writer, counter, kind, id, frame);
    return true;
}

bool objects_put(uint64_t counter, enum event_kind kind, uint32_t id, uint32_t frame)
{
    return put(counter, kind, id, frame);
}

/* False: it is lost. */
static bool tell_size(struct objects_place *place, size_t bytes, uint64_t counter)
{
    size_t pages = bytes >> PAGE_SHIFT;
    uint32_t told = bytes < OBJECT_PAGES
                        ? (uint32_t)bytes
                        : OBJECT_PAGES |
                              (uint32_t)(pages < OBJECT_PAGES - 1 ? pages : OBJECT_PAGES - 1);
    if (place->bytes != told && put(counter, EVENT_OBJECT_SIZE, place->id, told))
        place->bytes = told;
    return place->bytes == told;
}

/* --- births --------------------------------------------------------------------------------- */

static __attribute__((noinline)) bool measure_anew(struct objects_place *place, PyObject *object,
                                                   uint64_t counter)
{
    size_t fixed_bytes = objects_types[place->type_slot].fixed_bytes;
    return tell_size(place, objects_size(place->sizing, fixed_bytes, object), counter);
}

static inline __attribute__((always_inline)) void measure(struct objects_place *place,
                                                          PyObject *object, uint64_t counter)
{
    if (place->sizing == SIZING_FIXED && __builtin_expect(place->bytes != 0, 1))
        return;
    /* What is as long as the last one is as large. */
    uintptr_t word = place->size_word ? PYAPI_FIELD(uintptr_t, object, place->size_word) : 0;
    if (__builtin_expect(place->size_word && word == place->sized && place->bytes, 1))
        return;
    if (measure_anew(place, object, counter))
        place->sized = word;
}

static inline __attribute__((always_inline)) void tell(struct held_object *one)
{
    PyObject *object = one->object;
    if (!object)
        return;
    one->object = NULL;
    measure(one->place, object, one->counter);
    put(one->counter, EVENT_OBJECT_BIRTH, one->place->id, address_of(object));
}

static inline __attribute__((always_inline)) void tell_held(void)
{
    tell(&held);
}

/* Before `place` makes the next one. */
static inline __attribute__((always_inline)) void tell_before(const struct objects_place *place)
{
    if (__builtin_expect(outer.object && outer.place->word != place->word, 0))
        tell(&outer);
    if (held.object && !outer.object && held.place->word == place->word &&
        held.place->type != place->type && held.place->sizing >= SIZING_LIST &&
        held.place->sizing <= SIZING_SET) {
        outer = held;
        held.object = NULL;
        return;
    }
    tell_held();
}

static bool stack_is_near_its_end(void)
{
    return (uintptr_t)__builtin_frame_address(0) < writer_of_thread->stack_floor;
}

/* Where little stack is left an object may be freed untold; its fields are not looked at later. */
static inline __attribute__((always_inline)) void
hold(PyObject *object, struct objects_place *place, uint64_t counter)
{
    if (__builtin_expect(place->sizing != SIZING_FIXED && stack_is_near_its_end(), 0)) {
        put(counter, EVENT_OBJECT_BIRTH, place->id, address_of(object));
        return;
    }
    held.object = object;
    held.place = place;
    held.counter = counter;
}

static __attribute__((noinline)) void arrive(PyObject *object, uint64_t counter)
{
    struct objects_place *place = moving.place;
    moving.type = NULL;
    if (place)
        hold(object, place, moving.counter);
    else
        put(counter, EVENT_OBJECT_BIRTH, OBJECT_MORE, address_of(object));
}

static inline __attribute__((always_inline)) void birth(PyThreadState *tstate, PyObject *object,
                                                        uint64_t counter)
{
    PyTypeObject *type = Py_TYPE(object);
    if (__builtin_expect(moving.type != NULL, 0)) {
        if (moving.type == type) {
            tell_held();
            arrive(object, counter);
            return;
        }
        moving.type = NULL;
    }
    struct objects_place *place = objects_place_of(tstate, type, counter);
    if (__builtin_expect(place == NULL, 0)) {
        tell_held();
        put(counter, EVENT_OBJECT_BIRTH, 0, address_of(object));
        return;
    }
    tell_before(place);
    hold(object, place, counter);
}

/* --- deaths --------------------------------------------------------------------------------- */

/* From 3.14 on the other half of the word is flags. */
static bool has_references(PyObject *object)
{
    return (uint32_t)object->ob_refcnt != 0;
}

static __attribute__((noinline)) void leave(PyObject *object, const struct objects_type *type,
                                            uint64_t counter, bool was_held)
{
    moving.type = Py_TYPE(object);
    moving.place = was_held ? held.place : NULL;
    moving.counter = was_held ? held.counter : counter;
    if (was_held)
        held.object = NULL;
    else
        put(counter, EVENT_OBJECT_DEATH, OBJECT_MORE | (type ? type->id : 0), address_of(object));
}

static __attribute__((noinline)) void end_names(PyObject *object, const struct objects_type *type)
{
    if (type->is_type)
        objects_type_ends((PyTypeObject *)object);
    else
        objects_code_ends(object);
}

/* It dies before anything else is born or dies: one event says both. */
static inline __attribute__((always_inline)) void brief(struct held_object *one, uint64_t counter)
{
    struct objects_place *place = one->place;
    PyObject *object = one->object;
    uint64_t ticks = counter - one->counter;
    measure(place, object, one->counter);
    one->object = NULL;
    put(one->counter, EVENT_OBJECT_BIRTH, OBJECT_MORE | place->id,
        ticks < UINT32_MAX ? (uint32_t)ticks : UINT32_MAX);
    if (__builtin_expect(place->ends_names, 0))
        end_names(object, &objects_types[place->type_slot]);
}

static inline __attribute__((always_inline)) void death(PyObject *object, uint64_t counter)
{
    const struct objects_type *type;
    if (object == held.object && !has_references(object)) {
        brief(&held, counter);
        return;
    }
    if (__builtin_expect(object == outer.object, 0))
        tell(&outer);
    type = objects_type_of(Py_TYPE(object));
    if (__builtin_expect(has_references(object), 0)) {
        bool was_held = held.object == object;
        if (!was_held)
            tell_held();
        leave(object, type, counter, was_held);
        return;
    }
    tell_held();
    put(counter, EVENT_OBJECT_DEATH, type ? type->id : 0, address_of(object));
    if (type && __builtin_expect(type->is_type || type->is_code, 0))
        end_names(object, type);
}

/* --- types that no pattern wants ------------------------------------------------------------ */

/* What is held is measured as it would be if they were told: not after the next instruction. */
static void settle_held(PyThreadState *tstate)
{
    void *frame = PYAPI_FIELD(void *, tstate, pyapi.tstate_frame);
    uintptr_t word = frame ? PYAPI_FIELD(uintptr_t, frame, pyapi.frame_instruction) : 0;
    if (outer.object && outer.place->word != word)
        tell(&outer);
    if (held.object && held.place->word != word)
        tell_held();
}

/* True: this one's is such, and no more is to be done. */
static __attribute__((noinline)) bool pass_over(PyThreadState *tstate, PyObject *object, int event)
{
    const struct objects_type *type = objects_type_of(Py_TYPE(object));
    if (!type || link_to.modes[type->id] != MODE_OFF)
        return false;
    if (object == held.object || object == outer.object)
        return false; /* it was wanted when it was born */
    if (held.object || outer.object)
        settle_held(tstate);
    if (event != CREATE && __builtin_expect(type->is_type || type->is_code, 0) &&
        !has_references(object))
        end_names(object, type);
    return true;
}

/* --- the tracer ----------------------------------------------------------------------------- */

static void note_taken(void)
{
    is_on = false;
    main_interpreter = NULL;
    held.object = outer.object = NULL;
    if (link_to.header)
        atomic_fetch_or_explicit(&link_to.header->objects_unseen, UNSEEN_TAKEN,
                                 memory_order_relaxed);
}

/* From 3.14 on an object whose thread has little stack left is freed later, and untold. Whoever comes there by freeing
 * or making objects, one within the other, has come through here. */
static __attribute__((noinline, cold)) void note_deep(void)
{
    if (pyapi.minor >= 14 && writer_of_thread->ring && link_to.header)
        atomic_fetch_or_explicit(&link_to.header->objects_unseen, UNSEEN_DEEP,
                                 memory_order_relaxed);
}

static int on_object(PyObject *object, int event, void *data)
{
    (void)data;
    PyThreadState *tstate = pyapi.thread_state();
    const struct session_header *header = link_to.header; /* NULL: of a fork's child */
    if (__builtin_expect(!object, 0)) {                   /* REMOVED, 3.15 */
        if (is_on)
            note_taken();
        return 0;
    }
    if (__builtin_expect(writer_is_at_work || !tstate || !header ||
                             PYAPI_FIELD(void *, tstate, TSTATE_INTERP) != main_interpreter,
                         0))
        return 0;
    if (__builtin_expect(stack_is_near_its_end(), 0))
        note_deep();
    if (__builtin_expect(is_limited, 0) && pass_over(tstate, object, event))
        return 0;
    uint64_t counter = next_counter(header);
    if (event == CREATE) {
        birth(tstate, object, counter);
    } else {
        death(object, counter);
    }
    return 0;
}

/* --- the hooks ------------------------------------------------------------------------------ */

static bool find(void *function, const char *name)
{
    void *symbol = dlsym(RTLD_DEFAULT, name);
    memcpy(function, &symbol, sizeof(symbol));
    return symbol != NULL;
}

static int refuse_version(char *reason, size_t size)
{
    snprintf(reason, size,
             "Python %.*s does not tell when objects are made and freed, as 3.13.3 and newer do; "
             "`ulma census` counts what is alive",
             (int)strcspn(Py_GetVersion(), " "), Py_GetVersion());
    return -1;
}

/* The tracer of 3.13.0 to 3.13.2 is not told of objects that the interpreter's loop itself frees. */
static bool version_tells(void)
{
    int major = 0, minor = 0, patch = 0;
    sscanf(Py_GetVersion(), "%d.%d.%d", &major, &minor, &patch);
    return minor > 13 || (minor == 13 && patch >= 3);
}

/* The interpreter's own is tracemalloc's. */
static int refuse_held(tracer *other, char *reason, size_t size)
{
    Dl_info ours, theirs;
    const void *python = (const void *)(uintptr_t)&PyType_Type;
    const char *who = "another tool", *slash;
    if (dladdr((void *)(uintptr_t)other, &theirs) && theirs.dli_fname) {
        slash = strrchr(theirs.dli_fname, '/');
        who = slash ? slash + 1 : theirs.dli_fname;
        if (dladdr(python, &ours) && ours.dli_fbase == theirs.dli_fbase)
            who = "tracemalloc";
    }
    snprintf(reason, size,
             "%s holds the interpreter's one tracer of objects; stop it first (objects cannot be "
             "told to both)",
             who);
    return -1;
}

static int refuse_if_held(char *reason, size_t size)
{
    void *data;
    tracer *other = get_tracer(&data);
    return other && other != on_object ? refuse_held(other, reason, size) : 0;
}

/* At the interpreter's end everything dies; what was alive before is what one wants to know. */
static PyObject *on_end(PyObject *self, PyObject *unused);
static PyMethodDef exit_method = {"ulma_objects", on_end, METH_NOARGS, NULL};
static PyObject *exit_function, *at_exit_module; /* owned */

/* The module `atexit`, a builtin one, stands in sys.modules only if the program put it there. */
static void find_at_exit(void)
{
    PyObject *modules = PyImport_GetModuleDict(); /* borrowed */
    PyObject *known = modules ? PyDict_GetItemString(modules, "atexit") : NULL;
    if (!at_exit_module)
        at_exit_module = PyImport_ImportModule("atexit");
    if (at_exit_module && !known && PyDict_DelItemString(modules, "atexit"))
        PyErr_Clear();
    if (!exit_function)
        exit_function = PyCFunction_New(&exit_method, NULL);
    PyErr_Clear();
}

static void at_exit(const char *what)
{
    PyObject *result = at_exit_module && exit_function
                           ? PyObject_CallMethod(at_exit_module, what, "O", exit_function)
                           : NULL;
    Py_XDECREF(result);
    PyErr_Clear();
}

static int objects_make_ready(char *reason, size_t size)
{
    if (!version_tells() || !find(&set_tracer, "PyRefTracer_SetTracer") ||
        !find(&get_tracer, "PyRefTracer_GetTracer"))
        return refuse_version(reason, size);
    if (refuse_if_held(reason, size) || heap_prepare(reason, size) || line_prepare(reason, size))
        return -1;
    objects_sizes_prepare();
    find_at_exit();
    at_exit("register");
    return 0;
}

static int objects_on(char *reason, size_t size)
{
    if (refuse_if_held(reason, size))
        return -1;
    objects_places_begin();
    generation = link_to.generation;
    pace_begin();
    held.object = outer.object = NULL;
    moving.type = NULL;
    look_for_limits();
    main_interpreter = PyInterpreterState_Get();
    is_on = set_tracer(on_object, NULL) == 0;
    if (is_on)
        return 0;
    PyErr_Clear();
    snprintf(reason, size, "the interpreter's tracer of objects cannot be set");
    return -1;
}

static bool is_ours(void)
{
    void *data;
    return get_tracer && get_tracer(&data) == on_object;
}

static void objects_look(void)
{
    if (is_on && !is_ours())
        note_taken();
}

static void end_tracer(void)
{
    objects_look();
    if (!is_on)
        return;
    writer_is_at_work++;
    if (writer_of_thread->ring && generation == link_to.generation) { /* else: a fork's child */
        tell(&outer);
        tell_held();
    }
    held.object = outer.object = NULL;
    writer_is_at_work--;
    is_on = false;
    main_interpreter = NULL;
    if (set_tracer(NULL, NULL))
        PyErr_Clear();
}

static PyObject *on_end(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    end_tracer();
    Py_INCREF(Py_None);
    return Py_None;
}

static void objects_off(void)
{
    if (!is_on && !exit_function)
        return;
    end_tracer();
    at_exit("unregister");
    Py_CLEAR(exit_function);
    Py_CLEAR(at_exit_module);
}

const struct source_hooks objects_hooks = {
    .bit = SOURCE_OBJECTS,
    .make_ready = objects_make_ready,
    .on = objects_on,
    .off = objects_off,
    .look = objects_look,
};
