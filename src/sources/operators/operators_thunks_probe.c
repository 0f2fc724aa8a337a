/* SPDX-License-Identifier: MIT */
/* The thunks: one for each slot, since a slot's function is not told which slot it was called through.
 * How: the begin, the original, the end. An operator may run the program's code (a key's __eq__), which then stands
 * beneath it in the tree, and may raise.
 * Rules: no code is made at run time; nothing here raises. */
#include "sources/operators/operators_probe.h"

#include "probe/escalate.h"
#include "probe/link.h"
#include "probe/writer.h"

enum { TSTATE_INTERPRETER = 16 };

struct operators_state operators_state;

struct call {
    uint32_t key, epoch;
    uint32_t judged; /* the id of one that a rule judges; 0: none does */
    PyObject *self, *other;
};

static struct escalate_words words_of(const struct call *call)
{
    return (struct escalate_words){
        .id = call->judged, .key = call->key, .self = call->self, .a = call->other};
}

static __attribute__((noinline)) void begin_judged(struct call *call, uint32_t operator)
{
    call->judged = operators_state.ids[operator];
    struct escalate_words words = words_of(call);
    escalate_push_method(&words);
}

static __attribute__((noinline)) void end_judged(const struct call *call, bool raised,
                                                 uint64_t counter)
{
    struct escalate_words words = words_of(call);
    escalate_pop_method(&words, raised, counter);
}

/* False: nothing is told. `other`: what stands beside self, an index or a key; NULL: nothing that is an object. */
static inline __attribute__((always_inline)) bool begin(struct call *call, uint32_t operator,
                                                        PyObject * self, PyObject *other)
{
    struct operators_state *state = &operators_state;
    PyThreadState *tstate = pyapi.thread_state();
    if (__builtin_expect(state->tested != NULL, 0) && tstate == state->tested) {
        state->heard[operator]++;
        return false;
    }
    if (__builtin_expect(!(state->told >> operator& 1) || writer_is_at_work, 0) ||
        PYAPI_FIELD(void *, tstate, TSTATE_INTERPRETER) != state->interpreter)
        return false;
    call->judged = 0;
    call->self = self;
    call->other = other;
    call->epoch = state->epoch;
    call->key = (uint32_t)((uintptr_t)__builtin_frame_address(0) >> 3);
    if (__builtin_expect(state->judged >> operator& 1, 0)) {
        begin_judged(call, operator);
        return true;
    }
    uint32_t id = operators_site(tstate, operator);
    writer_put(link_counter(), EVENT_OPERATOR_CALL, id, call->key);
    return true;
}

static inline __attribute__((always_inline)) void end(const struct call *call, bool raised)
{
    uint64_t counter = link_counter();
    if (__builtin_expect(call->epoch != operators_state.epoch, 0))
        return;
    if (__builtin_expect(call->judged != 0, 0))
        end_judged(call, raised, counter);
    else
        writer_put(counter, raised ? EVENT_OPERATOR_RAISE : EVENT_OPERATOR_RETURN, 0, call->key);
}

/* The formatter never comes to rest with these. */
/* clang-format off */
#define ORIGINAL(form, number) ((form *)operators_slots[0x##number].original)

#define THUNK_OF_OBJECT(number, form, parameters, arguments, beside)             \
    static PyObject *thunk_##number parameters                                   \
    {                                                                            \
        struct call call;                                                        \
        if (!begin(&call, operators_slots[0x##number].operator, self, beside))   \
            return ORIGINAL(form, number) arguments;                             \
        PyObject *result = ORIGINAL(form, number) arguments;                     \
        end(&call, !result);                                                     \
        return result;                                                           \
    }
#define THUNK_OF_NUMBER(number, form, parameters, arguments, beside, is_other)   \
    static int thunk_##number parameters                                         \
    {                                                                            \
        struct call call;                                                        \
        const struct operators_slot *slot = &operators_slots[0x##number];        \
        if (!begin(&call, (is_other) ? slot->other : slot->operator, self, beside)) \
            return ORIGINAL(form, number) arguments;                             \
        int result = ORIGINAL(form, number) arguments;                           \
        end(&call, result < 0);                                                  \
        return result;                                                           \
    }

typedef PyObject *subscript_form(PyObject *, PyObject *);
typedef PyObject *item_form(PyObject *, Py_ssize_t);
typedef PyObject *iter_form(PyObject *);
typedef int assign_form(PyObject *, PyObject *, PyObject *);
typedef int assign_item_form(PyObject *, Py_ssize_t, PyObject *);
typedef int contains_form(PyObject *, PyObject *);

#define FORM_subscript(number)                                                   \
    THUNK_OF_OBJECT(number, subscript_form, (PyObject *self, PyObject *key), (self, key), key)
#define FORM_item(number)                                                        \
    THUNK_OF_OBJECT(number, item_form, (PyObject *self, Py_ssize_t at), (self, at), NULL)
#define FORM_iter(number) THUNK_OF_OBJECT(number, iter_form, (PyObject *self), (self), NULL)
#define FORM_assign(number)                                                      \
    THUNK_OF_NUMBER(number, assign_form,                                         \
                    (PyObject *self, PyObject *key, PyObject *value), (self, key, value), key, !value)
#define FORM_assign_item(number)                                                 \
    THUNK_OF_NUMBER(number, assign_item_form,                                    \
                    (PyObject *self, Py_ssize_t at, PyObject *value), (self, at, value), value, !value)
/* set and frozenset have one table of slots. */
#define FORM_contains(number)                                                    \
    THUNK_OF_NUMBER(number, contains_form, (PyObject *self, PyObject *key), (self, key), key, \
                    slot->other != slot->operator &&                             \
                    PyObject_TypeCheck(self, operators_state.frozenset))
/* The end of an iterator is no exception. */
#define FORM_next(number)                                                        \
    static PyObject *thunk_##number(PyObject *self)                              \
    {                                                                            \
        struct call call;                                                        \
        if (!begin(&call, operators_slots[0x##number].operator, self, NULL))     \
            return ORIGINAL(iter_form, number)(self);                            \
        PyObject *result = ORIGINAL(iter_form, number)(self);                    \
        end(&call, !result && PyErr_Occurred());                                 \
        return result;                                                           \
    }

#define SLOT(number, whose, pointer, offset, form, operator, other) FORM_##form(number)
#include "sources/operators/operators_slots.def"

/* Where they stand (cpython/object.h, the same from 3.9 to 3.15). */
enum {
    SLOT_ITSELF = 0, SLOT_AS_SEQUENCE = 104, SLOT_AS_MAPPING = 112,
    SLOT_ITER = 216, SLOT_ITERNEXT = 224,
    SLOT_ITEM = 24, SLOT_ASS_ITEM = 40, SLOT_CONTAINS = 56,
    SLOT_SUBSCRIPT = 8, SLOT_ASS_SUBSCRIPT = 16,
};

#define SLOT(number_, whose_, pointer_, offset_, form, operator_, other_)        \
    [0x##number_] = {.thunk = (operators_function *)thunk_##number_,             \
                     .whose = OPERATORS_##whose_,                                \
                     .pointer = SLOT_##pointer_,                                 \
                     .offset = SLOT_##offset_,                                   \
                     .operator = OPERATOR_##operator_,                           \
                     .other = OPERATOR_##other_},
struct operators_slot operators_slots[OPERATORS_SLOTS] = {
#include "sources/operators/operators_slots.def"
};
/* clang-format on */
