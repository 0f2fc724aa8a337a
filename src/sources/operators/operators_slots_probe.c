/* SPDX-License-Identifier: MIT */
/* The slots: which types have them, putting thunks in, taking them out.
 * Why subclasses too: a class copies its base's slots when it is made. One whose special method is still its base's own
 * gets the base's thunk, whatever the slot held (for a class of the program's that may be the interpreter's function
 * that looks the method up, and finds the base's).
 * Why object.__init_subclass__: the interpreter calls it for each class that is made.
 * Rules: a slot is put back only where our thunk stands there still, to what stood there. Classes are held by weak
 * references, so that none lives longer for it. */
#include "sources/operators/operators_probe.h"

#include "sources/methods/methods_probe.h"

#include "probe/mapped_files.h"
#include "probe/py/types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DESCRIPTOR_METHOD = 40, HEAP_TYPE = 1 << 9 };

static PyTypeObject *types[OPERATORS_ALL_TYPES];
static PyObject *special_names[OPERATOR_COUNT]; /* interned */

static struct put {
    PyObject *weak; /* of a class; NULL: a static type, which never ends */
    PyTypeObject *type;
    operators_function *before;
    uint32_t slot;
} * placed;
static size_t placed_count, placed_limit;

/* --- finding ---------------------------------------------------------------------------------- */

/* NULL: this type has no such table. */
static operators_function **slot_in(PyTypeObject *type, const struct operators_slot *slot)
{
    char *table = (char *)type;
    if (slot->pointer && !(table = PYAPI_FIELD(char *, type, slot->pointer)))
        return NULL;
    return (operators_function **)(void *)(table + slot->offset);
}

/* The type of what iterating over the object gives. */
static PyTypeObject *iterator_type(PyObject *take_object)
{
    PyObject *iterator = take_object ? PyObject_GetIter(take_object) : NULL;
    PyTypeObject *type = iterator ? Py_TYPE(iterator) : NULL; /* a builtin type lives on */
    Py_XDECREF(iterator);
    Py_XDECREF(take_object);
    return type;
}

static bool find_types(void)
{
    PyObject *dict = PyDict_New();
    types[OPERATORS_DICT] = &PyDict_Type;
    types[OPERATORS_LIST] = &PyList_Type;
    types[OPERATORS_TUPLE] = &PyTuple_Type;
    types[OPERATORS_STR] = &PyUnicode_Type;
    types[OPERATORS_SET] = &PySet_Type;
    types[OPERATORS_FROZENSET] = operators_state.frozenset = &PyFrozenSet_Type;
    if (dict) {
        types[OPERATORS_DICT_KEYS] = iterator_type(PyObject_CallMethod(dict, "keys", NULL));
        types[OPERATORS_DICT_VALUES] = iterator_type(PyObject_CallMethod(dict, "values", NULL));
        types[OPERATORS_DICT_ITEMS] = iterator_type(PyObject_CallMethod(dict, "items", NULL));
    }
    types[OPERATORS_LIST_ITERATOR] = iterator_type(PyList_New(0));
    types[OPERATORS_TUPLE_ITERATOR] = iterator_type(PyTuple_New(0));
    types[OPERATORS_STR_ITERATOR] = iterator_type(PyUnicode_FromString("a"));
    types[OPERATORS_WIDE_STR_ITERATOR] = iterator_type(PyUnicode_FromString("\xc4\x81"));
    types[OPERATORS_SET_ITERATOR] = iterator_type(PySet_New(NULL));
    Py_XDECREF(dict);
    PyErr_Clear();
    for (int i = 0; i < OPERATORS_ALL_TYPES; i++)
        if (!types[i])
            return false;
    return true;
}

static bool find_names(void)
{
    static const char *const names[OPERATOR_COUNT] = {
#define OPERATOR(symbol, type, name) name,
#include "wire/operators.def"
#undef OPERATOR
    };
    for (int i = 0; i < OPERATOR_COUNT; i++)
        if (!special_names[i] && !(special_names[i] = PyUnicode_InternFromString(names[i])))
            return false;
    return true;
}

int operators_find_slots(char *reason, size_t size)
{
    static bool found;
    bool fine = found || (find_types() && find_names());
    for (int i = 0; fine && !found && i < OPERATORS_SLOTS; i++) {
        struct operators_slot *slot = &operators_slots[i];
        operators_function **at = slot_in(types[slot->whose], slot);
        fine = at && *at;
        if (fine)
            slot->original = *at;
    }
    found = fine;
    if (fine)
        return 0;
    PyErr_Clear();
    snprintf(reason, size, "this build of Python 3.%d has other slots than ulma knows",
             pyapi.minor);
    return -1;
}

/* --- putting ---------------------------------------------------------------------------------- */

static void set_function(operators_function **at, operators_function *function)
{
    __atomic_store_n((uintptr_t *)(void *)at, (uintptr_t)function, __ATOMIC_RELEASE);
}

static struct put *new_put(void)
{
    if (placed_count == placed_limit) {
        size_t more = placed_limit ? 2 * placed_limit : 256;
        struct put *grown = realloc(placed, more * sizeof(*grown));
        if (!grown)
            return NULL;
        placed = grown;
        placed_limit = more;
    }
    return &placed[placed_count];
}

/* The class's special method is its base's own. */
static bool inherits(PyTypeObject *type, const struct operators_slot *slot)
{
    PyObject *name = special_names[slot->operator], *own;
    return (PyType_GetFlags(type) & HEAP_TYPE) &&
           (own = pyapi.type_lookup(types[slot->whose], name)) != NULL &&
           own == pyapi.type_lookup(type, name) &&
           (slot->operator== slot->other || pyapi.type_lookup(type, special_names[slot->other]) ==
            pyapi.type_lookup(types[slot->whose], special_names[slot->other]));
}

static void put_slot(PyTypeObject *type, uint32_t number)
{
    const struct operators_slot *slot = &operators_slots[number];
    operators_function **at = slot_in(type, slot);
    if (!at || !*at || *at == slot->thunk || (*at != slot->original && !inherits(type, slot)))
        return;
    struct put *put = new_put();
    if (!put)
        return;
    PyObject *weak = NULL;
    if (PyType_GetFlags(type) & HEAP_TYPE) {
        weak = PyWeakref_NewRef((PyObject *)type, NULL);
        if (!weak) {
            PyErr_Clear();
            return;
        }
    }
    *put = (struct put){weak, type, *at, number};
    placed_count++;
    set_function(at, slot->thunk);
}

static void take_slot(const struct put *put)
{
    const struct operators_slot *slot = &operators_slots[put->slot];
    bool lives = !put->weak || PyWeakref_GetObject(put->weak) == (PyObject *)put->type;
    operators_function **at = lives ? slot_in(put->type, slot) : NULL;
    if (at && *at == slot->thunk)
        set_function(at, put->before);
    Py_XDECREF(put->weak);
}

static uint32_t bits_of(const struct operators_slot *slot)
{
    return UINT32_C(1) << slot->operator| UINT32_C(1) << slot->other;
}

static void put_type(PyTypeObject *type, enum operators_whose whose, uint32_t operators)
{
    for (uint32_t i = 0; i < OPERATORS_SLOTS; i++)
        if (operators_slots[i].whose == whose && (bits_of(&operators_slots[i]) & operators))
            put_slot(type, i);
}

/* The operators of a type whose slots stand where nobody may write. */
static uint32_t sealed_of(enum operators_whose whose)
{
    uint32_t sealed = 0;
    for (int i = 0; i < OPERATORS_SLOTS; i++) {
        const struct operators_slot *slot = &operators_slots[i];
        const struct mapped_file *file =
            slot->whose == whose ? mapped_files_find((const void *)slot_in(types[whose], slot))
                                 : NULL;
        if (file && !file->is_writable)
            sealed |= bits_of(slot);
    }
    return sealed;
}

static void put_below(enum operators_whose whose, uint32_t operators)
{
    PyObject *below = types_below(types[whose]);
    for (Py_ssize_t i = 1; below && i < PyList_Size(below); i++)
        put_type((PyTypeObject *)PyList_GetItem(below, i), whose, operators);
    Py_XDECREF(below);
    PyErr_Clear();
}

void operators_take(void)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    while (placed_count)
        take_slot(&placed[--placed_count]);
    PyErr_Restore(type, value, traceback);
}

static uint32_t put_operators; /* as last asked for */

uint32_t operators_put(uint32_t operators, bool below)
{
    uint32_t sealed = 0;
    if (!mapped_files_read())
        return operators;
    operators_take();
    for (int i = 0; i < OPERATORS_ALL_TYPES; i++) {
        uint32_t sealed_here = sealed_of((enum operators_whose)i);
        sealed |= sealed_here;
        put_type(types[i], (enum operators_whose)i, operators & ~sealed_here);
        if (below && i < OPERATORS_TYPES)
            put_below((enum operators_whose)i, operators & ~sealed_here);
    }
    put_operators = operators & ~sealed;
    return sealed & operators;
}

/* --- classes that are made meanwhile ------------------------------------------------------------ */

typedef PyObject *class_method(PyObject *type, PyObject *unused);

static PyMethodDef *init_subclass; /* object's; NULL: not watched */
static class_method *init_subclass_before;

static PyObject *on_class(PyObject *class, PyObject *unused)
{
    PyObject *result = init_subclass_before(class, unused);
    if (!result || !operators_state.told)
        return result;
    for (int i = 0; i < OPERATORS_TYPES; i++)
        if (PyType_IsSubtype((PyTypeObject *)class, types[i]))
            put_type((PyTypeObject *)class, (enum operators_whose)i, put_operators);
    return result;
}

/* Both kinds of function are called with these two arguments. */
static uintptr_t *word_of_method(void)
{
    return (uintptr_t *)(void *)&init_subclass->ml_meth;
}

static uintptr_t *word_of_thunk(void)
{
    return (uintptr_t *)(void *)methods_called(init_subclass);
}

static void take_on_class(uintptr_t *word)
{
    if (word && *word == (uintptr_t)on_class)
        __atomic_store_n(word, (uintptr_t)init_subclass_before, __ATOMIC_RELEASE);
}

void operators_watch_classes(void)
{
    PyObject *name = PyUnicode_InternFromString("__init_subclass__");
    PyObject *method = name ? pyapi.type_lookup(&PyBaseObject_Type, name) : NULL; /* borrowed */
    PyMethodDef *found = method ? PYAPI_FIELD(PyMethodDef *, method, DESCRIPTOR_METHOD) : NULL;
    const struct mapped_file *file = found ? mapped_files_find(found) : NULL;
    if (!init_subclass && file && file->is_writable && found->ml_meth != on_class) {
        init_subclass = found;
        uintptr_t *word = methods_has_thunk(found) ? word_of_thunk() : word_of_method();
        init_subclass_before = (class_method *)*word;
        __atomic_store_n(word, (uintptr_t)on_class, __ATOMIC_RELEASE);
    }
    Py_XDECREF(name);
    PyErr_Clear();
}

void operators_unwatch_classes(void)
{
    if (init_subclass) {
        take_on_class(word_of_method());
        take_on_class(word_of_thunk());
    }
    init_subclass = NULL;
}
