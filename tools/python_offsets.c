/* SPDX-License-Identifier: MIT */
/* Prints a CPython's row of src/attach/layouts.c, from that version's own headers.
 * Why: the offsets of private fields are facts to be read, not remembered.
 * usage: cc -I INCLUDE -o offsets tools/python_offsets.c && ./offsets
 * where INCLUDE is the folder of that version's Python.h, its internal/ beside it. */
#define Py_BUILD_CORE 1
#include <Python.h>

#include <frameobject.h>
#include <stddef.h>
#include <stdio.h>

#if PY_VERSION_HEX >= 0x030E0000
#include "internal/pycore_interpframe.h"
#include "internal/pycore_runtime_structs.h"
#endif
#if PY_VERSION_HEX >= 0x030B0000
#include "internal/pycore_dict.h"
#include "internal/pycore_frame.h"
#endif
#include "internal/pycore_interp.h"
#include "internal/pycore_pystate.h"
#include "internal/pycore_runtime.h"

#define PUT(name, value)      printf("        ." #name " = %zu,\n", (size_t)(value))
#define AT(name, type, field) PUT(name, offsetof(type, field))

typedef struct _gil_runtime_state gil_state;

static void print_interpreter(void)
{
    AT(runtime_interpreters, _PyRuntimeState, interpreters.head);
    AT(runtime_main_thread, _PyRuntimeState, main_thread);
    AT(interpreter_next, PyInterpreterState, next);
    AT(interpreter_id, PyInterpreterState, id);
#if PY_VERSION_HEX >= 0x030B0000
    AT(interpreter_threads, PyInterpreterState, threads.head);
#else
    AT(interpreter_threads, PyInterpreterState, tstate_head);
#endif
#if PY_VERSION_HEX >= 0x030C0000
    AT(interpreter_modules, PyInterpreterState, imports.modules);
    AT(interpreter_gil, PyInterpreterState, ceval.gil);
#else
    AT(interpreter_modules, PyInterpreterState, modules);
    AT(runtime_gil, _PyRuntimeState, ceval.gil);
#endif
    AT(gil_holder, gil_state, last_holder);
    AT(gil_locked, gil_state, locked);
}

static void print_thread(void)
{
    AT(thread_next, PyThreadState, next);
    AT(thread_interpreter, PyThreadState, interp);
#if PY_VERSION_HEX >= 0x030D0000
    AT(thread_frame, PyThreadState, current_frame);
#elif PY_VERSION_HEX >= 0x030B0000
    AT(thread_frame, PyThreadState, cframe);
    AT(cframe_frame, _PyCFrame, current_frame);
#else
    AT(thread_frame, PyThreadState, frame);
#endif
    AT(thread_ident, PyThreadState, thread_id);
#if PY_VERSION_HEX >= 0x030B0000
    AT(thread_native_id, PyThreadState, native_thread_id);
#endif
}

static void print_frame(void)
{
#if PY_VERSION_HEX >= 0x030B0000
    AT(frame_previous, _PyInterpreterFrame, previous);
    AT(frame_owner, _PyInterpreterFrame, owner);
    AT(frame_locals, _PyInterpreterFrame, localsplus);
#if PY_VERSION_HEX >= 0x030D0000
    AT(frame_code, _PyInterpreterFrame, f_executable);
    AT(frame_instruction, _PyInterpreterFrame, instr_ptr);
#else
    AT(frame_code, _PyInterpreterFrame, f_code);
    AT(frame_instruction, _PyInterpreterFrame, prev_instr);
#endif
#else
    AT(frame_previous, PyFrameObject, f_back);
    AT(frame_code, PyFrameObject, f_code);
    AT(frame_instruction, PyFrameObject, f_lasti);
    AT(frame_locals, PyFrameObject, f_localsplus);
#endif
}

static void print_code(void)
{
    AT(code_flags, PyCodeObject, co_flags);
    AT(code_first_line, PyCodeObject, co_firstlineno);
    AT(code_file, PyCodeObject, co_filename);
    AT(code_name, PyCodeObject, co_name);
#if PY_VERSION_HEX >= 0x030B0000
    AT(code_qualname, PyCodeObject, co_qualname);
    AT(code_lines, PyCodeObject, co_linetable);
    AT(code_bytecode, PyCodeObject, co_code_adaptive);
    AT(code_local_names, PyCodeObject, co_localsplusnames);
    AT(code_local_kinds, PyCodeObject, co_localspluskinds);
#else
    AT(code_bytecode, PyCodeObject, co_code);
    AT(code_local_names, PyCodeObject, co_varnames);
#if PY_VERSION_HEX >= 0x030A0000
    AT(code_lines, PyCodeObject, co_linetable);
#else
    AT(code_lines, PyCodeObject, co_lnotab);
#endif
#endif
}

static void print_objects(void)
{
    AT(unicode_state, PyASCIIObject, state);
    PUT(unicode_ascii_size, sizeof(PyASCIIObject));
    PUT(unicode_compact_size, sizeof(PyCompactUnicodeObject));
    AT(bytes_data, PyBytesObject, ob_sval);
    AT(tuple_items, PyTupleObject, ob_item);
    AT(type_name, PyTypeObject, tp_name);
    AT(type_flags, PyTypeObject, tp_flags);
    AT(type_basic_size, PyTypeObject, tp_basicsize);
    AT(type_dict_offset, PyTypeObject, tp_dictoffset);
    AT(dict_keys, PyDictObject, ma_keys);
    AT(dict_values, PyDictObject, ma_values);
    AT(float_value, PyFloatObject, ob_fval);
#if PY_VERSION_HEX >= 0x030C0000
    AT(long_digits, PyLongObject, long_value.ob_digit);
#else
    AT(long_digits, PyLongObject, ob_digit);
#endif
#if PY_VERSION_HEX >= 0x030B0000
    AT(type_cached_keys, PyHeapTypeObject, ht_cached_keys);
    AT(keys_entry_count, struct _dictkeysobject, dk_nentries);
    AT(keys_indices, struct _dictkeysobject, dk_indices);
    AT(values_items, struct _dictvalues, values);
#endif
}

int main(void)
{
    PyASCIIObject text = {0};
    text.state.kind = 7;
    unsigned bits = *(unsigned *)((char *)&text + offsetof(PyASCIIObject, state));
    printf("    /* %s; kind %x */\n    [%d] = {\n", PY_VERSION, bits, PY_MINOR_VERSION);
    print_interpreter();
    print_thread();
    print_frame();
    print_code();
    print_objects();
    printf("    },\n");
    return 0;
}
