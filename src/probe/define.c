/* SPDX-License-Identifier: MIT */
/* Definitions in the target: giving out ids, writing records, telling ends.
 * Why: see define.h and wire/definitions.h.
 * Rules: one producer, the GIL's holder. All bookkeeping is private memory of ours: nothing that the
 * collector could write decides where we write, except gone_acked, which is checked. */
#include "probe/define.h"

#include "probe/escalate.h"

#include "probe/py/heap.h"
#include "probe/py/line.h"
#include "probe/switch.h"
#include "probe/writer.h"
#include "sources/lines/lines_probe.h"
#include "sources/operators/operators_probe.h"

#include <stdio.h>
#include <string.h>

enum {
    SLOTS_BYTES = SESSION_ID_LIMIT * sizeof(uint32_t),
    HEAP_UNITS = SESSION_DEFINITIONS_SIZE / 8, /* records are counted in units of 8 bytes */
    LISTED_UNITS = (sizeof(struct definition) + 4 * DEFINITION_SHORT_LIMIT) / 8 + 1,
    LARGE_KEPT = 64, /* free records that are larger */
};

enum {
    FLAG_GENERATOR = 0x20,
    FLAG_COROUTINE = 0x80,
    FLAG_ITERABLE_COROUTINE = 0x100,
    FLAG_ASYNC_GENERATOR = 0x200
};

struct large_record {
    uint32_t unit; /* 0: none */
    uint16_t units;
};

static struct {
    uint32_t next_id;   /* never given out before */
    uint32_t recycled;  /* consumed from the acknowledged part of the gone ring */
    uint32_t next_unit; /* of the heap */
    uint32_t free_units[LISTED_UNITS + 1]; /* heads of lists of free records by size */
    struct large_record large[LARGE_KEPT];
    uint16_t units[SESSION_ID_LIMIT]; /* size of each id's record */
    uint32_t generations[SESSION_ID_LIMIT];
    uint32_t full_at; /* gone_acked when there was no room, plus 1; 0: there is room */
} book;

/* By id; borrowed: on_code_end takes them out. Apart from the book, so that what no id reached is no memory. */
static PyObject *codes[SESSION_ID_LIMIT];

struct names {
    PyObject *name, *qualname, *module, *file; /* bytes or NULL; owned */
    uint32_t line;
    uint16_t kind, flags;
};

void define_reset(void)
{
    memset(codes, 0, book.next_id * sizeof(PyObject *));
    memset(&book, 0, sizeof(book));
    book.next_id = 1;
    book.next_unit = SLOTS_BYTES / 8;
}

static _Atomic uint32_t *slot_of(uint32_t id)
{
    return (_Atomic uint32_t *)link_to.definitions + id;
}

/* The code object's end. `value` is NULL for codes on which only another tool stored something. */
static void on_code_end(void *value)
{
    uintptr_t bits = (uintptr_t)value;
    if ((uint32_t)(bits >> 32) != link_to.generation)
        return;
    uint32_t id = (uint32_t)bits & DEFINE_ID_BITS;
    codes[id] = NULL;
    if (!link_to.header)
        return;
    switch_look_at_hooks(); /* where the hooks were taken away, this is all that is still called */
    define_end(id);
}

void define_end(uint32_t id)
{
    struct session_header *header = link_to.header;
    uint32_t head = atomic_load_explicit(&header->gone_head, memory_order_relaxed);
    line_forget();
    if (head - book.recycled >= SESSION_GONE_CAPACITY)
        return; /* the id is simply not used again */
    link_to.gone[head % SESSION_GONE_CAPACITY] = id;
    /* Pairs with the collector's acquire of gone_head. */
    atomic_store_explicit(&header->gone_head, head + 1, memory_order_release);
}

/* One that finds no place is lost until the session's end. */
static void keep_large(uint32_t unit, uint16_t units)
{
    for (int i = 0; i < LARGE_KEPT; i++) {
        if (book.large[i].unit)
            continue;
        book.large[i] = (struct large_record){unit, units};
        return;
    }
}

/* Frees a recycled id's record into the list of its size. */
static void free_record(uint32_t id)
{
    uint32_t unit = atomic_load_explicit(slot_of(id), memory_order_relaxed);
    uint16_t units = book.units[id];
    if (!unit || !units)
        return;
    book.units[id] = 0;
    if (units > LISTED_UNITS) {
        keep_large(unit, units);
        return;
    }
    uint32_t *link = (uint32_t *)(link_to.definitions + (size_t)unit * 8);
    *link = book.free_units[units];
    book.free_units[units] = unit;
}

static uint32_t new_id(void)
{
    struct session_header *header = link_to.header;
    uint32_t acked = atomic_load_explicit(&header->gone_acked, memory_order_acquire);
    uint32_t told = atomic_load_explicit(&header->gone_head, memory_order_relaxed);
    if (book.recycled != acked && told - acked <= told - book.recycled) {
        uint32_t id = link_to.gone[book.recycled % SESSION_GONE_CAPACITY];
        book.recycled++;
        if (id > 0 && id < book.next_id) {
            free_record(id);
            return id;
        }
    }
    return book.next_id < SESSION_ID_LIMIT ? book.next_id++ : 0;
}

/* The first that is large enough; its whole size is the new record's. */
static uint32_t take_large(uint16_t *units)
{
    for (int i = 0; i < LARGE_KEPT; i++) {
        struct large_record record = book.large[i];
        if (record.units < *units)
            continue;
        *units = record.units;
        book.large[i] = (struct large_record){0};
        return record.unit;
    }
    return 0;
}

static uint32_t allocate_units(uint16_t *ret_units)
{
    uint16_t units = *ret_units;
    for (uint32_t size = units; size <= LISTED_UNITS && size <= units + 8u; size++) {
        uint32_t unit = book.free_units[size];
        if (!unit)
            continue;
        book.free_units[size] = *(uint32_t *)(link_to.definitions + (size_t)unit * 8);
        return unit;
    }
    uint32_t large = units > LISTED_UNITS ? take_large(ret_units) : 0;
    if (large)
        return large;
    if (book.next_unit + units > HEAP_UNITS)
        return 0;
    uint32_t unit = book.next_unit;
    book.next_unit += units;
    return unit;
}

static size_t cut_size(PyObject *bytes)
{
    size_t size = bytes ? (size_t)PyBytes_Size(bytes) : 0;
    size_t most = book.next_unit < HEAP_UNITS / 2 ? DEFINITION_STRING_LIMIT
                                                  : DEFINITION_SHORT_LIMIT;
    return size > most ? most : size;
}

static uint16_t put_string(unsigned char **at, PyObject *bytes, size_t size)
{
    if (size)
        memcpy(*at, PyBytes_AsString(bytes), size);
    *at += size;
    return (uint16_t)size;
}

/* Writes the record and publishes it. The id, or 0 when there is no room. */
static uint32_t publish(const struct names *names)
{
    if (!link_to.header)
        return 0; /* a __repr__ or __eq__ of the program's ran meanwhile, and the session was left */
    size_t name = cut_size(names->name), qualname = cut_size(names->qualname);
    size_t module = cut_size(names->module), file = cut_size(names->file);
    size_t bytes = sizeof(struct definition) + name + qualname + module + file;
    uint16_t units = (uint16_t)((bytes + 7) / 8);
    uint32_t unit = allocate_units(&units);
    uint32_t id = unit ? new_id() : 0;
    if (!id) {
        book.full_at = 1 + atomic_load_explicit(&link_to.header->gone_acked, memory_order_relaxed);
        return 0;
    }
    unsigned char *start = link_to.definitions + (size_t)unit * 8;
    unsigned char *at = start + sizeof(struct definition);
    struct definition *record = (struct definition *)start;
    record->id = id;
    record->generation = ++book.generations[id];
    record->line = names->line;
    record->kind = names->kind;
    record->flags = names->flags;
    record->name_size = put_string(&at, names->name, name);
    record->qualname_size = put_string(&at, names->qualname, qualname);
    record->module_size = put_string(&at, names->module, module);
    record->file_size = put_string(&at, names->file, file);
    book.units[id] = units;
    /* Pairs with the acquire in mapping_definition. */
    atomic_store_explicit(slot_of(id), unit, memory_order_release);
    uint32_t count = book.next_id - 1;
    atomic_store_explicit(&link_to.header->definition_count, count, memory_order_release);
    return id;
}

/* UTF-8 bytes of a str; surrogates come out as \udcXX. NULL for anything else. Errors are dropped:
 * the caller has saved the exception that was there. */
static PyObject *utf8(PyObject *text)
{
    PyObject *bytes = NULL;
    if (text && PyUnicode_Check(text))
        bytes = PyUnicode_AsEncodedString(text, "utf-8", "backslashreplace");
    if (!bytes)
        PyErr_Clear();
    return bytes;
}

static PyObject *utf8_attribute(PyObject *object, const char *name)
{
    PyObject *text = PyObject_GetAttrString(object, name);
    PyObject *bytes = utf8(text);
    Py_XDECREF(text);
    PyErr_Clear();
    return bytes;
}

static void free_names(struct names *names)
{
    Py_XDECREF(names->name);
    Py_XDECREF(names->qualname);
    Py_XDECREF(names->module);
    Py_XDECREF(names->file);
}

static uint16_t kind_flags(PyObject *code)
{
    int flags = PYAPI_FIELD(int, code, pyapi.code_flags);
    if (flags & FLAG_ASYNC_GENERATOR)
        return DEFINITION_ASYNC_GENERATOR;
    if (flags & (FLAG_COROUTINE | FLAG_ITERABLE_COROUTINE))
        return DEFINITION_COROUTINE;
    return flags & FLAG_GENERATOR ? DEFINITION_GENERATOR : 0;
}

static bool is_text(PyObject *bytes, const char *text, bool beginning)
{
    const char *at = bytes ? PyBytes_AsString(bytes) : NULL;
    return at && (beginning ? strncmp(at, text, strlen(text)) : strcmp(at, text)) == 0;
}

static uint32_t mark_of(const struct names *names)
{
    if (names->flags & DEFINITION_COROUTINE)
        return (uint32_t)DEFINE_AWAITED;
    if (is_text(names->name, "_find_and_load", false) &&
        (is_text(names->module, "importlib._bootstrap", false) ||
         is_text(names->module, "_frozen_importlib", false))) /* until importlib is imported */
        return (uint32_t)DEFINE_IMPORTS;
    bool makes = names->flags == 0 && is_text(names->name, "create_task", false) &&
                 is_text(names->module, "asyncio.", true);
    return makes ? (uint32_t)DEFINE_MAKES_TASKS : 0;
}

static PyObject *module_of(void *frame)
{
    if (!frame)
        return NULL;
    PyObject *globals = PYAPI_FIELD(PyObject *, frame, pyapi.frame_globals);
    if (!globals || !PyDict_Check(globals))
        return NULL;
    /* Not looked up: that may run a strange key's code, and `memory` asks from within an allocator. It is among
     * the first. */
    PyObject *key, *value; /* borrowed */
    Py_ssize_t at = 0;
    while (PyDict_Next(globals, &at, &key, &value))
        if (PyUnicode_CheckExact(key) && PyUnicode_CompareWithASCIIString(key, "__name__") == 0)
            return utf8(value);
    return NULL;
}

/* No room, and nothing has been acknowledged since: a refusal must cost little, it comes per call. */
static bool refused(void)
{
    struct session_header *header = link_to.header;
    if (!book.full_at)
        return false;
    if (book.full_at == 1 + atomic_load_explicit(&header->gone_acked, memory_order_relaxed)) {
        atomic_fetch_add_explicit(&header->definitions_refused, 1, memory_order_relaxed);
        return true;
    }
    book.full_at = 0;
    return false;
}

uint32_t define_type(PyTypeObject *type)
{
    char name[DEFINITION_STRING_LIMIT];
    PyObject *error_type, *value, *traceback;
    if (!link_to.header || refused())
        return 0;
    PyErr_Fetch(&error_type, &value, &traceback);
    heap_type_name(type, name, sizeof(name));
    struct names names = {.name = PyBytes_FromString(name), .kind = DEFINITION_TYPE};
    uint32_t id = names.name ? publish(&names) : 0;
    free_names(&names);
    PyErr_Clear();
    PyErr_Restore(error_type, value, traceback);
    return id;
}

uint32_t define_operation(const char *name)
{
    PyObject *error_type, *value, *traceback;
    if (!link_to.header || refused())
        return 0;
    PyErr_Fetch(&error_type, &value, &traceback);
    struct names names = {.name = PyBytes_FromString(name), .kind = DEFINITION_C_FUNCTION};
    uint32_t id = names.name ? publish(&names) : 0;
    free_names(&names);
    PyErr_Clear();
    PyErr_Restore(error_type, value, traceback);
    return id;
}

uint32_t define_operator(const struct define_operator *what)
{
    PyObject *type, *value, *traceback;
    if (!link_to.header || refused())
        return 0;
    writer_is_at_work++;
    PyErr_Fetch(&type, &value, &traceback);
    struct names names = {
        .name = PyBytes_FromFormat("<slot wrapper '%s' of '%s' objects>", what->name, what->type),
        .module = what->code ? module_of(what->frame) : NULL,
        .file = what->code ? utf8_attribute(what->code, "co_filename") : NULL,
        .line = what->line,
        .kind = DEFINITION_C_FUNCTION,
        .flags = what->is_partial ? DEFINITION_PARTIAL : 0,
    };
    uint32_t id = names.name ? publish(&names) : 0;
    free_names(&names);
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    writer_is_at_work--;
    return id;
}

static uint32_t define_new_code(PyObject *code, void *frame);

uint32_t define_code(PyObject *code, void *frame)
{
    writer_is_at_work++;
    uint32_t id = define_new_code(code, frame);
    writer_is_at_work--;
    return id;
}

static uint32_t define_new_code(PyObject *code, void *frame)
{
    if (link_to.orphan)
        switch_follow_child(frame ? pyapi_frame_key(frame) : 0);
    if (!link_to.header || Py_TYPE(code) != pyapi.code_type || refused())
        return 0;
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    struct names names = {
        .name = utf8_attribute(code, "co_name"),
        .qualname = pyapi.minor >= 11 ? utf8_attribute(code, "co_qualname") : NULL,
        .module = module_of(frame),
        .file = utf8_attribute(code, "co_filename"),
        .line = (uint32_t)PYAPI_FIELD(int, code, pyapi.code_line),
        .kind = DEFINITION_FUNCTION,
        .flags = kind_flags(code),
    };
    uint32_t id = publish(&names);
    uint32_t mark = mark_of(&names);
    free_names(&names);
    if (id) {
        uintptr_t bits = ((uintptr_t)link_to.generation << 32) | mark | id;
        if (pyapi.set_extra(code, pyapi.extra_index, (void *)bits))
            PyErr_Clear();
        else
            codes[id] = code;
        lines_defined(code, id);
        operators_defined(code, id);
        escalate_await_rule(id);
    }
    PyErr_Restore(type, value, traceback);
    return id;
}

PyObject *define_code_of(uint32_t id)
{
    return id < SESSION_ID_LIMIT ? codes[id] : NULL;
}

/* --- C functions: a table by PyMethodDef ---------------------------------------------------- */

enum { C_TABLE_SIZE = 1 << 14 }; /* functions that one program calls; beyond it: `(other)` */

static struct c_entry {
    PyMethodDef *method;
    uint32_t id, generation;
    PyObject *keeper; /* keeps a PyMethodDef on the heap alive (pybind11's are) */
} c_table[C_TABLE_SIZE];

/* cProfile's spelling (normalizeUserObj in Modules/_lsprof.c). A new str or NULL. */
static PyObject *c_display(PyMethodDef *method, PyObject *self, PyObject *module,
                           PyObject **ret_keeper)
{
    /* No PyCFunction is without its m_ml. NOLINTNEXTLINE(clang-analyzer-core.NullDereference) */
    PyObject *name = PyUnicode_FromString(method->ml_name);
    PyObject *found = name && self ? pyapi.type_lookup(Py_TYPE(self), name) : NULL; /* borrowed */
    PyObject *display = NULL;
    if (found) {
        Py_INCREF(found);
        display = PyObject_Repr(found);
        *ret_keeper = found;
    }
    if (!display) {
        PyErr_Clear();
        const char *form = self ? "<built-in method %U>" : "<%U>";
        const char *form_of_module = self ? "<built-in method %U.%U>" : "<%U.%U>";
        if (module && PyUnicode_Check(module) &&
            (self || PyUnicode_CompareWithASCIIString(module, "builtins") != 0))
            display = PyUnicode_FromFormat(form_of_module, module, name);
        else
            display = PyUnicode_FromFormat(form, name);
    }
    Py_XDECREF(name);
    return display;
}

static uint32_t publish_display(struct c_entry *entry, PyObject *display, PyObject *module)
{
    struct names names = {
        .name = utf8(display), .module = utf8(module), .kind = DEFINITION_C_FUNCTION};
    entry->id = publish(&names);
    entry->generation = link_to.generation;
    free_names(&names);
    return entry->id;
}

static uint32_t publish_c_function(struct c_entry *entry, PyObject *self, PyObject *module)
{
    PyObject *type, *value, *traceback;
    PyErr_Fetch(&type, &value, &traceback);
    PyObject *keeper = NULL;
    PyObject *display = c_display(entry->method, self, module, &keeper);
    publish_display(entry, display, module);
    if (!entry->keeper)
        entry->keeper = keeper;
    else
        Py_XDECREF(keeper);
    Py_XDECREF(display);
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    return entry->id;
}

/* NULL: the table has no room near its place. */
static struct c_entry *find_entry(PyMethodDef *method)
{
    uintptr_t hash = (uintptr_t)method >> 3;
    hash ^= hash >> 11;
    for (unsigned probe = 0; probe < 64; probe++) {
        struct c_entry *entry = &c_table[(hash + probe) % C_TABLE_SIZE];
        if (!entry->method || entry->method == method) {
            entry->method = method;
            return entry;
        }
    }
    return NULL;
}

uint32_t define_c_function(PyMethodDef *method, PyObject *self, PyObject *module)
{
    if (link_to.orphan)
        switch_follow_child(0);
    struct c_entry *entry = link_to.header ? find_entry(method) : NULL;
    if (!entry || entry->generation == link_to.generation)
        return entry ? entry->id : 0;
    writer_is_at_work++;
    uint32_t id = publish_c_function(entry, self, module);
    writer_is_at_work--;
    return id;
}

uint32_t define_method(PyMethodDef *method, PyTypeObject *type, PyObject *module)
{
    struct c_entry *entry = link_to.header ? find_entry(method) : NULL;
    if (!entry || entry->generation == link_to.generation)
        return entry ? entry->id : 0;
    PyObject *display = NULL;
    if (type)
        display = PyUnicode_FromFormat("<method '%s' of '%s' objects>", method->ml_name,
                                       pyapi_type_name(type));
    else if (module && PyUnicode_Check(module))
        display = PyUnicode_FromFormat("<built-in method %U.%s>", module, method->ml_name);
    uint32_t id = display ? publish_display(entry, display, module) : 0;
    Py_XDECREF(display);
    PyErr_Clear();
    return id;
}

/* The layout of co_extra, proved on a code object of ours. */
int define_init(char *reason, size_t size)
{
    pyapi.extra_index = pyapi.request_extra_index(on_code_end);
    PyObject *code = Py_CompileString("0", "<ulma>", Py_eval_input);
    uintptr_t mark = ((uintptr_t)UINT32_MAX << 32) | 42;
    bool holds = false;
    if (pyapi.extra_index >= 0 && code &&
        pyapi.set_extra(code, pyapi.extra_index, (void *)mark) == 0) {
        struct define_extra *extra = PYAPI_FIELD(struct define_extra *, code, pyapi.code_extra);
        holds = extra && extra->size > pyapi.extra_index &&
                extra->values[pyapi.extra_index] == (void *)mark;
    }
    Py_XDECREF(code);
    PyErr_Clear();
    if (holds)
        return 0;
    snprintf(reason, size,
             "this Python has no room to mark code objects (co_extra); nothing can be "
             "recorded");
    return -1;
}
