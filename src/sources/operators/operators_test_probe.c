/* SPDX-License-Identifier: MIT */
/* Which operators this Python tells.
 * Why by trying: which instructions are specialised, for which types, differs from version to version and may in a
 * patch release; what is heard of a warm loop is the answer.
 * Rules: runs Python code of ours, so not while switching. Done once: it does not change. */
#include "sources/operators/operators_probe.h"

#include "probe/py/monitoring.h"
#include "probe/writer.h"

#include <string.h>

enum { TIMES = 512 }; /* eight calls of 64 turns: enough for every version to specialise */

/* Each operator is used TIMES times at least, in the form that is specialised, of exactly the type. */
static const char functions[] =
    "def dict_get(d):\n for _ in r: d[1]\n"
    "def dict_set(d):\n for _ in r: d[1] = 2\n"
    "def dict_del(d):\n for i in r: d[i] = 0\n for i in r: del d[i]\n d[1] = 2\n"
    "def dict_in(d):\n for _ in r: 1 in d\n"
    "def dict_next(d):\n for k in d: pass\n for k in d.values(): pass\n for k in d.items(): pass\n"
    "def list_get(l):\n for _ in r: l[0]\n"
    "def list_set(l):\n for _ in r: l[0] = 1\n"
    "def list_del(l):\n k = list(l)\n for _ in r: del k[0]\n"
    "def tuple_get(t):\n for _ in r: t[0]\n"
    "def str_get(s):\n for _ in r: s[0]\n"
    "def list_in(l):\n for _ in r: 1 in l\n"
    "def tuple_in(t):\n for _ in r: 1 in t\n"
    "def str_in(s):\n for _ in r: 'a' in s\n"
    "def set_in(s):\n for _ in r: 1 in s\n"
    "def frozenset_in(s):\n for _ in r: 1 in s\n"
    "def list_iter(l):\n for _ in r:\n  for x in l: pass\n"
    "def tuple_iter(t):\n for _ in r:\n  for x in t: pass\n"
    "def str_iter(s):\n for _ in r:\n  for x in s: pass\n"
    "def wide_iter(s):\n for _ in r:\n  for x in s: pass\n"
    "def set_iter(s):\n for _ in r:\n  for x in s: pass\n"
    "def frozenset_iter(s):\n for _ in r:\n  for x in s: pass\n"
    "def run(f, x):\n for _ in range(8): f(x)\n";
static const char calls[] =
    "r = range(64)\n"
    "l, t, s, w = [1] * 64, (1,) * 64, 'a' * 64, '\\u0101'\n"
    "run(dict_get, {1: 2}), run(dict_set, {1: 2}), run(dict_del, {1: 2}), run(dict_in, {1: 2})\n"
    "run(dict_next, dict.fromkeys(r))\n"
    "run(list_get, l), run(list_set, l), run(list_del, l), run(list_in, l), run(list_iter, [1])\n"
    "run(tuple_get, t), run(tuple_in, t), run(tuple_iter, (1,))\n"
    "run(str_get, s), run(str_in, s), run(str_iter, 'a'), run(wide_iter, w)\n"
    "run(set_in, {1}), run(set_iter, {1})\n"
    "run(frozenset_in, frozenset(t)), run(frozenset_iter, frozenset(t))\n";

/* What the calls above do of each. */
static uint32_t expected(enum operator_number operator)
{
    switch (operator) {
    case OPERATOR_DICT_NEXT:
        return 3 * (TIMES + 8);
    case OPERATOR_STR_ITER:
        return 2 * TIMES;
    case OPERATOR_LIST_NEXT:
    case OPERATOR_TUPLE_NEXT:
        return 2 * TIMES;
    case OPERATOR_STR_NEXT:
    case OPERATOR_SET_NEXT:
        return 4 * TIMES;
    default:
        return TIMES;
    }
}

/* Each function of the program by itself. */
static void set_local_events(PyObject *globals, long event)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;
    while (event && PyDict_Next(globals, &at, &key, &value)) {
        PyObject *code = PyCallable_Check(value) ? PyObject_GetAttrString(value, "__code__") : NULL;
        if (code)
            monitoring_set_local(code, event);
        Py_XDECREF(code);
        PyErr_Clear();
    }
}

static bool run(const char *text, PyObject *globals)
{
    PyObject *code = Py_CompileString(text, "<ulma>", Py_file_input);
    PyObject *result = code ? PyEval_EvalCode(code, globals, globals) : NULL;
    bool ran = result != NULL;
    Py_XDECREF(result);
    Py_XDECREF(code);
    PyErr_Clear();
    return ran;
}

static void run_program(long instruction_event)
{
    PyObject *globals = PyDict_New();
    memset(operators_state.heard, 0, sizeof(operators_state.heard));
    if (globals && PyDict_SetItemString(globals, "__builtins__", PyEval_GetBuiltins()) == 0 &&
        run(functions, globals)) {
        set_local_events(globals, instruction_event);
        operators_state.tested = pyapi.thread_state();
        run(calls, globals);
        operators_state.tested = NULL;
    }
    Py_XDECREF(globals);
    PyErr_Clear();
}

uint32_t operators_test(long instruction_event)
{
    static struct {
        bool is_done;
        uint32_t unseen;
    } results[2];
    uint32_t all = (uint32_t)((UINT64_C(1) << OPERATOR_COUNT) - 1);
    bool every = instruction_event != 0;
    if (results[every].is_done)
        return results[every].unseen;
    writer_is_at_work++;
    operators_put(all, false);
    run_program(instruction_event);
    operators_take();
    writer_is_at_work--;
    for (int i = 0; i < OPERATOR_COUNT; i++)
        if (operators_state.heard[i] < expected((enum operator_number)i))
            results[every].unseen |= UINT32_C(1) << i;
    results[every].is_done = true;
    return results[every].unseen;
}
