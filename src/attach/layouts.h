/* SPDX-License-Identifier: MIT */
/* Where the fields that we read lie in the structures of each CPython.
 * Why: the process is read from outside, where nothing can be asked; so the layout must be known.
 * From 3.13 on CPython tells most of it itself (_Py_DebugOffsets at the start of _PyRuntime); what it
 * does not tell, and all of 3.9-3.12, is in a table.
 * Rules: offsets in bytes. Whatever is read through them is checked: a field that has moved in a patch
 * release must lead to a refusal, never to a wrong answer. No other file knows a version's layout. */
#ifndef ULMA_ATTACH_LAYOUTS_H
#define ULMA_ATTACH_LAYOUTS_H

#include <stdbool.h>
#include <stdint.h>

enum { LAYOUTS_OLDEST = 9, LAYOUTS_NEWEST = 15, LAYOUTS_FRAME_OFFSET_MOST = 120 };

struct layout {
    int minor;
    /* _PyRuntime; its gil: 3.9-3.11 */
    uint32_t runtime_interpreters, runtime_main_thread, runtime_gil;
    uint32_t interpreter_next, interpreter_id, interpreter_threads, interpreter_modules;
    uint32_t interpreter_gil; /* 3.12+: what points to the gil */
    uint32_t gil_holder, gil_locked;
    uint32_t thread_next, thread_interpreter, thread_ident;
    uint32_t thread_native_id;           /* 0: there is none (3.9, 3.10) */
    uint32_t thread_frame, cframe_frame; /* a frame, or (has_cframe) what points to one */
    uint32_t frame_locals;
    /* At most LAYOUTS_FRAME_OFFSET_MOST: */
    uint32_t frame_previous, frame_code, frame_instruction;
    uint32_t frame_owner; /* 0: there is none (3.9, 3.10) */
    uint32_t code_flags, code_first_line, code_file, code_name, code_lines, code_bytecode;
    uint32_t code_qualname; /* 0: there is none (3.9, 3.10) */
    uint32_t code_local_names, code_local_kinds;
    uint32_t unicode_state, unicode_ascii_size, unicode_compact_size;
    uint32_t bytes_data, tuple_items;
    uint32_t type_name, type_flags, type_basic_size, type_dict_offset;
    uint32_t dict_keys, dict_values;
    uint32_t float_value, long_digits;
    /* 3.11+ */
    uint32_t type_cached_keys, keys_entry_count, keys_indices, values_items;
    bool has_cframe; /* 3.11, 3.12 */
    /* Generators, coroutines and async generators. The frame: in the object, or (before 3.11) what it
     * points to. Its value stack: what points past the top (3.9, 3.14+), else how many values. */
    uint32_t generator_frame, generator_qualname, generator_state, frame_stack;
    uint32_t frame_values, frame_state; /* 3.10: the lowest value, the generator's state */
    uint32_t type_base, list_items, set_table, set_mask, weakref_object;
    /* _asyncio's Future and Task: before 3.14 as in the table, then as the module itself tells. */
    uint32_t future_loop, future_state, task_waiter, task_coroutine, task_name;
    uint32_t task_awaited_by, task_awaited_by_is_set, task_node; /* 3.14+ */
    uint32_t interpreter_tasks, thread_tasks, thread_task;       /* 3.14+ */
    uint32_t thread_loop;                                        /* 3.13+ */
    uint32_t thread_dict;                                        /* before 3.13 */
};

/* The table's row for Python 3.`minor`, or NULL. */
const struct layout *layouts_find(int minor);

enum { LAYOUTS_COOKIE_BYTES = 24, LAYOUTS_WORDS_MOST = 128 };

struct layouts_told {
    int minor;
    uint32_t version; /* PY_VERSION_HEX */
    bool free_threaded;
};

/* Reads the head (LAYOUTS_COOKIE_BYTES) of _PyRuntime: false when it tells no layout (before 3.13). */
bool layouts_read_head(const unsigned char *head, struct layouts_told *ret_told);

/* How many 8-byte words _Py_DebugOffsets of this version has; 0: none. */
unsigned layouts_word_count(int minor);

/* Puts what the process tells of itself into the table's row. False when that cannot be: an offset
 * beyond any structure of CPython. */
bool layouts_take(struct layout *layout, const uint64_t *words);

/* What 3.14 and later tell of their tasks in the section .AsyncioDebug of the file that holds _asyncio:
 * so many words. False when they cannot be. */
enum { LAYOUTS_ASYNCIO_WORDS = 13 };
bool layouts_take_asyncio(struct layout *layout, const uint64_t *words);

#endif
