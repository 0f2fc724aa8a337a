/* SPDX-License-Identifier: MIT */
/* How large an object is, as sys.getsizeof says it, without asking its __sizeof__.
 * Why by hand: an object is measured as soon as it is whole, within the making of the next one; a method's call there
 * would make an int of its own each time. What each builtin type has beside its fixed part stands in a few words.
 * Rules: each way of measuring is compared with the type's own __sizeof__ on this interpreter, and where they differ,
 * or where a type has a __sizeof__ that is not known here, the fixed part and the items are its size. */
#include "sources/objects/objects_probe.h"

#include "probe/py/heap.h"

#include <dlfcn.h>

enum {
    OBJECT_ITEMS = 16, /* ob_size; an int's tag; a set's, a dict's own fields follow */
    LIST_ROOM = 32,
    DICT_KEYS = 32,
    KEYS_LOG2_SIZE = 8,
    KEYS_LOG2_INDEX_BYTES = 9,
    KEYS_KIND = 10,
    KEYS_HEAD = 32,
    SET_MASK = 32,
    SET_TABLE = 40,
    SET_ENTRY = 16,
    STR_LENGTH = 16,
    STR_STATE = 32,
    STR_ASCII_HEAD = 40,
    STR_COMPACT_HEAD = 56,
    INT_TAG_BITS = 3,
    INT_DIGIT = 4,
};

static bool holds[SIZING_COUNT];
static unsigned str_kind_shift; /* of `kind` in a str's state; `compact` and `ascii` follow it */

static size_t int_size(size_t fixed_bytes, PyObject *object)
{
    size_t digits = PYAPI_FIELD(uintptr_t, object, OBJECT_ITEMS) >> INT_TAG_BITS;
    return fixed_bytes + (digits ? digits : 1) * INT_DIGIT;
}

/* Keys that several instances share are nobody's. */
static size_t keys_size(void *keys)
{
    if (!keys || PYAPI_FIELD(Py_ssize_t, keys, 0) != 1)
        return 0;
    unsigned log2_size = PYAPI_FIELD(unsigned char, keys, KEYS_LOG2_SIZE);
    unsigned log2_bytes = PYAPI_FIELD(unsigned char, keys, KEYS_LOG2_INDEX_BYTES);
    size_t usable = ((size_t)1 << log2_size) * 2 / 3;
    size_t entry = PYAPI_FIELD(unsigned char, keys, KEYS_KIND) ? 2 * sizeof(void *)
                                                               : 3 * sizeof(void *);
    return KEYS_HEAD + ((size_t)1 << log2_bytes) + usable * entry;
}

static size_t set_size(size_t fixed_bytes, PyObject *object)
{
    uintptr_t table = PYAPI_FIELD(uintptr_t, object, SET_TABLE);
    if (!table || table - (uintptr_t)object < fixed_bytes)
        return fixed_bytes; /* its own small one */
    return fixed_bytes +
           ((size_t)PYAPI_FIELD(Py_ssize_t, object, SET_MASK) + 1) * (size_t)SET_ENTRY;
}

static size_t str_size(size_t fixed_bytes, PyObject *object)
{
    uint32_t state = PYAPI_FIELD(uint32_t, object, STR_STATE) >> str_kind_shift;
    size_t length = (size_t)PYAPI_FIELD(Py_ssize_t, object, STR_LENGTH);
    enum { KIND = 7, COMPACT = 8, ASCII = 16 };
    if (!(state & COMPACT))
        return fixed_bytes;
    if (state & ASCII)
        return STR_ASCII_HEAD + length + 1;
    return STR_COMPACT_HEAD + (length + 1) * (state & KIND);
}

uint8_t objects_size_word(enum objects_sizing sizing)
{
    if (sizing == SIZING_LIST)
        return LIST_ROOM;
    return sizing == SIZING_ITEMS || sizing == SIZING_INT ? OBJECT_ITEMS : 0;
}

size_t objects_size(enum objects_sizing sizing, size_t fixed_bytes, PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    Py_ssize_t items = 0;
    switch (sizing) {
    case SIZING_ITEMS:
        items = PYAPI_FIELD(Py_ssize_t, object, OBJECT_ITEMS);
        return fixed_bytes + (size_t)(items < 0 ? -items : items) * heap_item_bytes(type);
    case SIZING_INT:
        return int_size(fixed_bytes, object);
    case SIZING_LIST:
        return fixed_bytes + (size_t)PYAPI_FIELD(Py_ssize_t, object, LIST_ROOM) * sizeof(void *);
    case SIZING_DICT:
        return fixed_bytes + keys_size(PYAPI_FIELD(void *, object, DICT_KEYS));
    case SIZING_SET:
        return set_size(fixed_bytes, object);
    case SIZING_STR:
        return str_size(fixed_bytes, object);
    default:
        return fixed_bytes;
    }
}

static enum objects_sizing kind_of(PyTypeObject *type)
{
    if (type == &PyLong_Type)
        return SIZING_INT;
    if (type == &PyUnicode_Type)
        return SIZING_STR;
    if (PyType_IsSubtype(type, &PyList_Type))
        return SIZING_LIST;
    if (PyType_IsSubtype(type, &PyDict_Type))
        return SIZING_DICT;
    if (PyType_IsSubtype(type, &PySet_Type) || PyType_IsSubtype(type, &PyFrozenSet_Type))
        return SIZING_SET;
    return heap_item_bytes(type) ? SIZING_ITEMS : SIZING_FIXED;
}

enum objects_sizing objects_sizing_of(PyTypeObject *type, size_t *ret_fixed_bytes)
{
    struct heap_measure measure;
    enum objects_sizing sizing = kind_of(type);
    heap_measure_type(type, &measure);
    *ret_fixed_bytes = measure.basic_bytes + measure.header_bytes;
    /* The items of a type are its instances' tables, not theirs to count. */
    if (PyType_IsSubtype(type, &PyType_Type))
        return SIZING_FIXED;
    if (holds[sizing])
        return sizing;
    return sizing == SIZING_FIXED || !measure.item_bytes ? SIZING_FIXED : SIZING_ITEMS;
}

/* --- the proof ------------------------------------------------------------------------------ */

/* `text` is a list of objects of one kind. */
static bool agree(const char *text)
{
    PyObject *globals = PyDict_New();
    PyObject *code = globals ? Py_CompileString(text, "<ulma>", Py_eval_input) : NULL;
    PyObject *list = code ? PyEval_EvalCode(code, globals, globals) : NULL;
    Py_ssize_t count = list ? PyList_Size(list) : 0;
    bool agreed = count > 0;
    for (Py_ssize_t i = 0; agreed && i < count; i++) {
        PyObject *object = PyList_GetItem(list, i); /* borrowed */
        struct heap_measure measure;
        size_t fixed_bytes;
        heap_measure_type(Py_TYPE(object), &measure);
        enum objects_sizing sizing = objects_sizing_of(Py_TYPE(object), &fixed_bytes);
        agreed = sizing != SIZING_FIXED &&
                 objects_size(sizing, fixed_bytes, object) == heap_measure(&measure, object);
    }
    Py_XDECREF(list);
    Py_XDECREF(code);
    Py_XDECREF(globals);
    PyErr_Clear();
    return agreed;
}

void objects_sizes_prepare(void)
{
    static const struct {
        enum objects_sizing sizing;
        const char *text;
    } samples[] = {
        {SIZING_ITEMS, "[(), (1, 2), tuple(range(99)), b'', b'abc' * 9]"},
        {SIZING_INT, "[0, 1, -5, 1 << 29, 1 << 30, -(1 << 99)]"},
        {SIZING_LIST, "[[], [1], list(range(100)), [i for i in range(50)]]"},
        {SIZING_DICT, "[{}, {'a': 1}, {1: 2}, dict.fromkeys(range(1000)), "
                      "{str(i): i for i in range(77)}]"},
        {SIZING_SET, "[set(), {1}, set(range(99)), frozenset(range(7))]"},
        {SIZING_STR, "['', 'abc', '\\xe9t\\xe9', '\\u4e00' * 5, '\\U0001f600']"},
    };
    for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
        holds[samples[i].sizing] = true;
        str_kind_shift = 16; /* from 3.14 on `interned` has 16 bits */
        if (agree(samples[i].text))
            continue;
        str_kind_shift = 2;
        if (samples[i].sizing == SIZING_STR)
            holds[SIZING_STR] = agree(samples[i].text);
        else
            holds[samples[i].sizing] = false;
    }
}
