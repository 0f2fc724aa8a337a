/* SPDX-License-Identifier: MIT */
/* Words to lines.
 * Why PyCode_Addr2Line: it reads whichever form of line table this version has, and exists in all of them.
 * Rules: see line.h. */
#include "probe/py/line.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

enum { UNIT = 2 }; /* bytes of an instruction */

static int (*address_to_line)(PyObject *code, int offset);
static bool holds; /* proved */

/* co_code_adaptive, where the instructions stand that run (3.11 and newer). */
static size_t code_start(void)
{
    static const size_t starts[] = {[11] = 184, [12] = 192, [13] = 200, [14] = 208, [15] = 208};
    return starts[pyapi.minor];
}

static int64_t offset_of(const PyObject *code, uintptr_t word)
{
    enum { NUMBER_SHIFT = 48, NUMBER_MOST = 0xffff };
    if (pyapi.minor >= 11)
        return (int64_t)(word - (uintptr_t)code - code_start());
    unsigned number = (unsigned)(word >> NUMBER_SHIFT);
    if (number == NUMBER_MOST)
        return -1;
    return pyapi.minor == 9 ? number : (int64_t)number * UNIT; /* 3.10 counts instructions */
}

uint32_t line_number(PyObject *code, uintptr_t word)
{
    int64_t offset = code ? offset_of(code, word) : -1;
    if (offset < 0 || offset > INT32_MAX)
        return 0;
    int line = address_to_line(code, (int)offset);
    return line > 0 ? (uint32_t)line : 0;
}

int line_argument(const PyObject *code, int64_t offset)
{
    bool is_known = holds && pyapi.minor >= 12 && offset >= 0;
    return is_known ? ((const unsigned char *)code)[(int64_t)code_start() + offset + 1] : -1;
}

/* --- remembered ----------------------------------------------------------------------------- */

_Atomic uint32_t line_generation;

enum { REMEMBERED = 1 << 12, LINE_BITS = 17 };

/* A line below 47 bits of a hash of code, word and generation. Threads without the GIL read and write them. */
static _Atomic uint64_t remembered[REMEMBERED];

void line_forget(void)
{
    atomic_fetch_add_explicit(&line_generation, 1, memory_order_relaxed);
}

uint32_t line_remembered(PyObject *code, uintptr_t word)
{
    if (!holds)
        return 0;
    uint32_t generation = atomic_load_explicit(&line_generation, memory_order_relaxed);
    uint64_t hash = ((uint64_t)word ^ (uint64_t)(uintptr_t)code << 17 ^ generation) *
                    UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 32) * UINT64_C(0xff51afd7ed558ccd);
    _Atomic uint64_t *at = &remembered[hash % REMEMBERED];
    uint64_t known = atomic_load_explicit(at, memory_order_relaxed);
    if (known >> LINE_BITS == hash >> LINE_BITS)
        return (uint32_t)known & ((1U << LINE_BITS) - 1);
    uint32_t line = line_number(code, word);
    if (line >> LINE_BITS)
        return line;
    atomic_store_explicit(at, hash >> LINE_BITS << LINE_BITS | line, memory_order_relaxed);
    return line;
}

/* --- the proof ------------------------------------------------------------------------------ */

static unsigned right;

/* Called from the lines of the program below: ours against the frame object's own. */
static PyObject *compare(PyObject *self, PyObject *unused)
{
    (void)self;
    (void)unused;
    struct line_place place = line_of_thread(pyapi.thread_state());
    PyObject *frame = (PyObject *)PyEval_GetFrame(); /* borrowed */
    PyObject *shown = frame ? PyObject_GetAttrString(frame, "f_lineno") : NULL;
    PyObject *code = frame ? PyObject_GetAttrString(frame, "f_code") : NULL;
    if (shown && code == place.code && place.word &&
        PyLong_AsLong(shown) == (long)line_number(code, place.word))
        right++;
    Py_XDECREF(shown);
    Py_XDECREF(code);
    PyErr_Clear();
    Py_INCREF(Py_None);
    return Py_None;
}

static PyMethodDef method = {"compare", compare, METH_NOARGS, NULL};

enum { COMPARED = 4 };

static void run_program(void)
{
    static const char text[] = "compare()\n\n\ncompare()\n[compare()\n for _ in (0,)]\n"
                               "def inner():\n\n return compare()\ninner()\n";
    PyObject *code = Py_CompileString(text, "<ulma>", Py_file_input);
    PyObject *globals = PyDict_New(), *function = PyCFunction_New(&method, NULL);
    PyObject *result = NULL;
    if (code && globals && function && PyDict_SetItemString(globals, "compare", function) == 0)
        result = PyEval_EvalCode(code, globals, globals);
    Py_XDECREF(result);
    Py_XDECREF(function);
    Py_XDECREF(globals);
    Py_XDECREF(code);
    PyErr_Clear();
}

int line_prepare(char *reason, size_t size)
{
    if (!address_to_line) {
        void *symbol = dlsym(RTLD_DEFAULT, "PyCode_Addr2Line");
        memcpy(&address_to_line, &symbol, sizeof(symbol));
    }
    if (!holds && address_to_line) {
        right = 0;
        run_program();
        holds = right == COMPARED;
    }
    if (holds)
        return 0;
    snprintf(reason, size,
             "this build of Python 3.%d does not tell which line runs in a way that ulma knows",
             pyapi.minor);
    return -1;
}
