/* SPDX-License-Identifier: MIT */
/* Which operators this Python tells.
 * Why by trying: which instructions are specialised, for which types, differs from version to version and may in a
 * patch release; what is heard of a warm loop is the answer.
 * Rules: runs Python code of ours, so not while switching. Done once: it does not change. */
#include "sources/operators/operators_probe.h"

#include "probe/writer.h"

enum { TIMES = 512 }; /* eight calls of 64 turns: enough for every version to specialise */

/* Each operator is used TIMES times at least, in the form that is specialised, of exactly the type. */
static const char program[] =
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
    "def run(f, x):\n for _ in range(8): f(x)\n"
    "r = range(64)\n"
    "l, t, s, w = [1] * 64, (1,) * 64, 'a' * 64, '\\u0101'\n"
    "run(dict_get, {1: 2}), run(dict_set, {1: 2}), run(dict_del, {1: 2}), run(dict_in, {1: 2})\n"
    "run(dict_next, dict.fromkeys(r))\n"
    "run(list_get, l), run(list_set, l), run(list_del, l), run(list_in, l), run(list_iter, [1])\n"
    "run(tuple_get, t), run(tuple_in, t), run(tuple_iter, (1,))\n"
    "run(str_get, s), run(str_in, s), run(str_iter, 'a'), run(wide_iter, w)\n"
    "run(set_in, {1}), run(set_iter, {1})\n"
    "run(frozenset_in, frozenset(t)), run(frozenset_iter, frozenset(t))\n";

/* What the program above does of each. */
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

static void run_program(void)
{
    PyObject *code = Py_CompileString(program, "<ulma>", Py_file_input);
    PyObject *globals = PyDict_New();
    PyObject *result = NULL;
    if (code && globals &&
        PyDict_SetItemString(globals, "__builtins__", PyEval_GetBuiltins()) == 0) {
        operators_state.tested = pyapi.thread_state();
        result = PyEval_EvalCode(code, globals, globals);
        operators_state.tested = NULL;
    }
    Py_XDECREF(result);
    Py_XDECREF(globals);
    Py_XDECREF(code);
    PyErr_Clear();
}

uint32_t operators_test(void)
{
    static bool is_done;
    static uint32_t unseen;
    if (is_done)
        return unseen;
    uint32_t all = (uint32_t)((UINT64_C(1) << OPERATOR_COUNT) - 1);
    writer_is_at_work++;
    operators_put(all, false);
    run_program();
    operators_take();
    writer_is_at_work--;
    for (int i = 0; i < OPERATOR_COUNT; i++)
        if (operators_state.heard[i] < expected((enum operator_number)i))
            unseen |= UINT32_C(1) << i;
    is_done = true;
    return unseen;
}
