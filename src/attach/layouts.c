/* SPDX-License-Identifier: MIT */
/* The table of layouts, and what CPython tells of its own.
 * Why: see layouts.h. tools/python_offsets.c printed the rows from each version's headers; x86-64 and
 * aarch64 share them (LP64, same alignment).
 * Rules: a field that is not there, or at offset 0, stands in no row. */
#include "attach/layouts.h"

#include <stddef.h>
#include <string.h>

/* clang-format off */
static const struct layout layouts[] = {
    /* 3.9.18 */
    [9] = {
        .minor = 9, .runtime_interpreters = 32, .runtime_main_thread = 72, .interpreter_id = 24,
        .interpreter_threads = 8, .interpreter_modules = 856, .runtime_gil = 352, .gil_holder = 8,
        .gil_locked = 16, .thread_next = 8, .thread_interpreter = 16, .thread_frame = 24,
        .thread_ident = 176, .frame_previous = 24, .frame_code = 32, .frame_instruction = 104,
        .frame_locals = 360, .code_flags = 36, .code_first_line = 40, .code_file = 104,
        .code_name = 112, .code_bytecode = 48, .code_local_names = 72, .code_lines = 120,
        .unicode_state = 32, .unicode_ascii_size = 48, .unicode_compact_size = 72, .bytes_data = 32,
        .tuple_items = 24, .type_name = 24, .type_flags = 168, .type_basic_size = 32,
        .type_dict_offset = 288, .dict_keys = 32, .dict_values = 40, .float_value = 16,
        .long_digits = 24,
        .generator_frame = 16, .generator_qualname = 56, .generator_state = 24,
        .frame_stack = 72, .future_loop = 16, .future_state = 80, .task_waiter = 144,
        .task_coroutine = 152, .task_name = 160, .thread_dict = 152, .type_base = 256,
        .list_items = 24, .set_table = 40, .set_mask = 32, .weakref_object = 16,
    },
    /* 3.10.13 */
    [10] = {
        .minor = 10, .runtime_interpreters = 32, .runtime_main_thread = 72, .interpreter_id = 24,
        .interpreter_threads = 8, .interpreter_modules = 856, .runtime_gil = 352, .gil_holder = 8,
        .gil_locked = 16, .thread_next = 8, .thread_interpreter = 16, .thread_frame = 24,
        .thread_ident = 176, .frame_previous = 24, .frame_code = 32, .frame_instruction = 96,
        .frame_locals = 352, .code_flags = 36, .code_first_line = 40, .code_file = 104,
        .code_name = 112, .code_bytecode = 48, .code_local_names = 72, .code_lines = 120,
        .unicode_state = 32, .unicode_ascii_size = 48, .unicode_compact_size = 72, .bytes_data = 32,
        .tuple_items = 24, .type_name = 24, .type_flags = 168, .type_basic_size = 32,
        .type_dict_offset = 288, .dict_keys = 32, .dict_values = 40, .float_value = 16,
        .long_digits = 24,
        .generator_frame = 16, .generator_qualname = 48, .frame_stack = 80, .frame_values = 64,
        .frame_state = 108, .future_loop = 16, .future_state = 88, .task_waiter = 152,
        .task_coroutine = 160, .task_name = 168, .thread_dict = 152, .type_base = 256,
        .list_items = 24, .set_table = 40, .set_mask = 32, .weakref_object = 16,
    },
    /* 3.11.7 */
    [11] = {
        .minor = 11, .has_cframe = true, .runtime_interpreters = 40, .runtime_main_thread = 80,
        .interpreter_id = 48, .interpreter_threads = 16, .interpreter_modules = 888,
        .runtime_gil = 360, .gil_holder = 8, .gil_locked = 16, .thread_next = 8,
        .thread_interpreter = 16, .thread_frame = 56, .cframe_frame = 8, .thread_ident = 152,
        .thread_native_id = 160, .frame_previous = 48, .frame_owner = 69, .frame_locals = 72,
        .frame_code = 32, .frame_instruction = 56, .code_flags = 48, .code_first_line = 72,
        .code_file = 112, .code_name = 120, .code_qualname = 128, .code_lines = 136,
        .code_bytecode = 184, .code_local_names = 96, .code_local_kinds = 104, .unicode_state = 32,
        .unicode_ascii_size = 48, .unicode_compact_size = 72, .bytes_data = 32, .tuple_items = 24,
        .type_name = 24, .type_flags = 168, .type_basic_size = 32, .type_dict_offset = 288,
        .dict_keys = 32, .dict_values = 40, .float_value = 16, .long_digits = 24,
        .type_cached_keys = 872, .keys_entry_count = 24, .keys_indices = 32,
        .generator_frame = 80, .generator_qualname = 40, .generator_state = 75,
        .frame_stack = 64, .future_loop = 16, .future_state = 88, .task_waiter = 128,
        .task_coroutine = 136, .task_name = 144, .thread_dict = 128, .type_base = 256,
        .list_items = 24, .set_table = 40, .set_mask = 32, .weakref_object = 16,
    },
    /* 3.12.1 */
    [12] = {
        .minor = 12, .has_cframe = true, .runtime_interpreters = 40, .runtime_main_thread = 64,
        .interpreter_id = 8, .interpreter_threads = 72, .interpreter_modules = 944,
        .interpreter_gil = 384, .gil_holder = 8, .gil_locked = 16, .thread_next = 8,
        .thread_interpreter = 16, .thread_frame = 56, .thread_ident = 136, .thread_native_id = 144,
        .frame_previous = 8, .frame_owner = 70, .frame_locals = 72, .frame_instruction = 56,
        .code_flags = 48, .code_first_line = 68, .code_file = 112, .code_name = 120,
        .code_qualname = 128, .code_lines = 136, .code_bytecode = 192, .code_local_names = 96,
        .code_local_kinds = 104, .unicode_state = 32, .unicode_ascii_size = 40,
        .unicode_compact_size = 56, .bytes_data = 32, .tuple_items = 24, .type_name = 24,
        .type_flags = 168, .type_basic_size = 32, .type_dict_offset = 288, .dict_keys = 32,
        .dict_values = 40, .float_value = 16, .long_digits = 24, .type_cached_keys = 880,
        .keys_entry_count = 24, .keys_indices = 32,
        .generator_frame = 72, .generator_qualname = 32, .generator_state = 67,
        .frame_stack = 64, .future_loop = 16, .future_state = 88, .task_waiter = 128,
        .task_coroutine = 136, .task_name = 144, .thread_dict = 112, .type_base = 256,
        .list_items = 24, .set_table = 40, .set_mask = 32, .weakref_object = 16,
    },
    /* 3.13.0 */
    [13] = {
        .minor = 13, .runtime_interpreters = 632, .runtime_main_thread = 656,
        .interpreter_next = 7264, .interpreter_id = 7272, .interpreter_threads = 7344,
        .interpreter_modules = 7656, .interpreter_gil = 16, .gil_holder = 8, .gil_locked = 16,
        .thread_next = 8, .thread_interpreter = 16, .thread_frame = 72, .thread_ident = 152,
        .thread_native_id = 160, .frame_previous = 8, .frame_owner = 70, .frame_locals = 72,
        .frame_instruction = 56, .code_flags = 48, .code_first_line = 68, .code_file = 112,
        .code_name = 120, .code_qualname = 128, .code_lines = 136, .code_bytecode = 200,
        .code_local_names = 96, .code_local_kinds = 104, .unicode_state = 32,
        .unicode_ascii_size = 40, .unicode_compact_size = 56, .bytes_data = 32, .tuple_items = 24,
        .type_name = 24, .type_flags = 168, .type_basic_size = 32, .type_dict_offset = 288,
        .dict_keys = 32, .dict_values = 40, .float_value = 16, .long_digits = 24,
        .type_cached_keys = 880, .keys_entry_count = 24, .keys_indices = 32, .values_items = 8,
        .generator_frame = 72, .generator_qualname = 32, .generator_state = 67,
        .frame_stack = 64, .future_loop = 16, .future_state = 96, .task_waiter = 112,
        .task_coroutine = 120, .task_name = 128, .thread_loop = 304, .type_base = 256,
        .list_items = 24, .set_table = 40, .set_mask = 32, .weakref_object = 16,
    },
    /* 3.14.8 */
    [14] = {
        .minor = 14, .runtime_interpreters = 808, .runtime_main_thread = 832,
        .interpreter_next = 7272, .interpreter_id = 7280, .interpreter_threads = 7344,
        .interpreter_modules = 7688, .interpreter_gil = 16, .gil_holder = 8, .gil_locked = 16,
        .thread_next = 8, .thread_interpreter = 16, .thread_frame = 72, .thread_ident = 152,
        .thread_native_id = 160, .frame_previous = 8, .frame_owner = 74, .frame_locals = 80,
        .frame_instruction = 56, .code_flags = 48, .code_first_line = 68, .code_file = 112,
        .code_name = 120, .code_qualname = 128, .code_lines = 136, .code_bytecode = 208,
        .code_local_names = 96, .code_local_kinds = 104, .unicode_state = 32,
        .unicode_ascii_size = 40, .unicode_compact_size = 56, .bytes_data = 32, .tuple_items = 32,
        .type_name = 24, .type_flags = 168, .type_basic_size = 32, .type_dict_offset = 288,
        .dict_keys = 32, .dict_values = 40, .float_value = 16, .long_digits = 24,
        .type_cached_keys = 880, .keys_entry_count = 24, .keys_indices = 32, .values_items = 8,
        .generator_frame = 72, .generator_qualname = 32, .generator_state = 67,
        .frame_stack = 64, .future_loop = 16, .type_base = 256, .list_items = 24, .set_table = 40,
        .set_mask = 32, .weakref_object = 16,
    },
    /* 3.15.0 */
    [15] = {
        .minor = 15, .runtime_interpreters = 936, .runtime_main_thread = 960,
        .interpreter_next = 7264, .interpreter_id = 7272, .interpreter_threads = 7336,
        .interpreter_modules = 7592, .interpreter_gil = 16, .gil_holder = 8, .gil_locked = 16,
        .thread_next = 8, .thread_interpreter = 16, .thread_frame = 72, .thread_ident = 176,
        .thread_native_id = 184, .frame_previous = 8, .frame_owner = 74, .frame_locals = 80,
        .frame_instruction = 56, .code_flags = 48, .code_first_line = 68, .code_file = 112,
        .code_name = 120, .code_qualname = 128, .code_lines = 136, .code_bytecode = 208,
        .code_local_names = 96, .code_local_kinds = 104, .unicode_state = 32,
        .unicode_ascii_size = 40, .unicode_compact_size = 56, .bytes_data = 32, .tuple_items = 32,
        .type_name = 24, .type_flags = 168, .type_basic_size = 32, .type_dict_offset = 288,
        .dict_keys = 32, .dict_values = 40, .float_value = 16, .long_digits = 24,
        .type_cached_keys = 888, .keys_entry_count = 24, .keys_indices = 32, .values_items = 8,
        .generator_frame = 72, .generator_qualname = 32, .generator_state = 67,
        .frame_stack = 64, .future_loop = 16, .type_base = 256, .list_items = 24, .set_table = 40,
        .set_mask = 32, .weakref_object = 16,
    },
};

/* The word of _Py_DebugOffsets that tells a field, in 3.13, 3.14 and 3.15; 0: it does not. */
#define TOLD(field, in_13, in_14, in_15) {offsetof(struct layout, field), {in_13, in_14, in_15}}
static const struct {
    size_t field;
    uint8_t words[3];
} told_fields[] = {
    TOLD(runtime_interpreters, 5, 5, 5),
    TOLD(interpreter_next, 8, 8, 8),
    TOLD(interpreter_id, 7, 7, 7),
    TOLD(interpreter_threads, 9, 9, 9),
    TOLD(interpreter_modules, 11, 12, 12),
    TOLD(interpreter_gil, 14, 15, 15),
    TOLD(thread_next, 21, 24, 24),
    TOLD(thread_interpreter, 22, 25, 25),
    TOLD(thread_frame, 23, 26, 26),
    TOLD(thread_ident, 24, 27, 30),
    TOLD(thread_native_id, 25, 28, 31),
    TOLD(frame_previous, 29, 32, 40),
    TOLD(frame_code, 30, 33, 41),
    TOLD(frame_instruction, 31, 34, 42),
    TOLD(frame_locals, 32, 35, 43),
    TOLD(frame_owner, 33, 36, 44),
    TOLD(code_file, 35, 40, 48),
    TOLD(code_name, 36, 41, 49),
    TOLD(code_qualname, 37, 42, 50),
    TOLD(code_lines, 38, 43, 51),
    TOLD(code_first_line, 39, 44, 52),
    TOLD(code_bytecode, 43, 48, 56),
    TOLD(code_local_names, 41, 46, 54),
    TOLD(code_local_kinds, 42, 47, 55),
    TOLD(type_name, 47, 53, 61),
    TOLD(type_flags, 49, 55, 63),
    TOLD(unicode_state, 68, 78, 90),
    TOLD(unicode_ascii_size, 70, 80, 92),
    TOLD(bytes_data, 66, 76, 88),
    TOLD(tuple_items, 51, 57, 69),
    TOLD(dict_keys, 57, 67, 79),
    TOLD(dict_values, 58, 68, 80),
    TOLD(float_value, 60, 70, 82),
    TOLD(long_digits, 63, 73, 85),
    TOLD(unicode_compact_size, 0, 0, 93),
    TOLD(type_cached_keys, 0, 0, 67),
    TOLD(type_basic_size, 0, 0, 64),
    TOLD(type_dict_offset, 0, 0, 65),
    TOLD(frame_stack, 0, 37, 45),
    TOLD(generator_frame, 0, 85, 101),
    TOLD(generator_state, 0, 86, 102),
    TOLD(list_items, 54, 60, 72),
    TOLD(set_table, 0, 64, 76),
    TOLD(set_mask, 0, 65, 77),
};
/* clang-format on */

enum { FIRST_TOLD = 13 };

/* The gil's fields are told as if it lay in the interpreter; any gil has them at the same places. */
static const struct {
    uint8_t size, gil, gil_locked, gil_holder;
} told_words[] = {{73, 15, 17, 18}, {95, 16, 18, 19}, {111, 16, 18, 19}};

/* Larger than any structure of CPython, smaller than what could lead far astray. */
enum { OFFSET_MOST = 1 << 20 };

const struct layout *layouts_find(int minor)
{
    return minor >= LAYOUTS_OLDEST && minor <= LAYOUTS_NEWEST ? &layouts[minor] : NULL;
}

bool layouts_read_head(const unsigned char *head, struct layouts_told *ret_told)
{
    static const char cookie[] = "xdebugpy";
    uint64_t words[3];
    memcpy(words, head, sizeof(words));
    if (memcmp(head, cookie, sizeof(cookie) - 1) != 0)
        return false;
    ret_told->version = (uint32_t)words[1];
    ret_told->minor = words[1] >> 24 == 3 ? (int)(words[1] >> 16 & 0xff) : -1;
    ret_told->free_threaded = words[2] != 0;
    return true;
}

unsigned layouts_word_count(int minor)
{
    return minor >= FIRST_TOLD && minor <= LAYOUTS_NEWEST ? told_words[minor - FIRST_TOLD].size : 0;
}

bool layouts_take(struct layout *layout, const uint64_t *words)
{
    int version = layout->minor - FIRST_TOLD;
    for (size_t i = 0; i < sizeof(told_fields) / sizeof(*told_fields); i++) {
        uint8_t word = told_fields[i].words[version];
        if (!word)
            continue;
        bool of_frame = told_fields[i].field >= offsetof(struct layout, frame_previous) &&
                        told_fields[i].field <= offsetof(struct layout, frame_owner);
        if (words[word] > (of_frame ? LAYOUTS_FRAME_OFFSET_MOST : OFFSET_MOST))
            return false;
        *(uint32_t *)((char *)layout + told_fields[i].field) = (uint32_t)words[word];
    }
    uint64_t gil = words[told_words[version].gil];
    uint64_t locked = words[told_words[version].gil_locked];
    uint64_t holder = words[told_words[version].gil_holder];
    if (gil > OFFSET_MOST || locked - gil > OFFSET_MOST || holder - gil > OFFSET_MOST)
        return false;
    layout->gil_locked = (uint32_t)(locked - gil);
    layout->gil_holder = (uint32_t)(holder - gil);
    return true;
}

/* Modules/_asynciomodule.c. What it does not tell stands beside what it tells, as it has since 3.14. */
bool layouts_take_asyncio(struct layout *layout, const uint64_t *words)
{
    enum { IS_TASK_AFTER_STATE = 4, POINTER = 8 };
    enum { NAME = 1, AWAITED_BY, IS_TASK, IS_SET, COROUTINE, NODE, INTERPRETER_TASKS = 8 };
    enum { THREAD_LOOP = 10, THREAD_TASK, THREAD_TASKS };
    for (size_t i = 0; i < LAYOUTS_ASYNCIO_WORDS; i++)
        if (words[i] > OFFSET_MOST)
            return false;
    if (words[AWAITED_BY] + POINTER + IS_TASK_AFTER_STATE != words[IS_TASK] ||
        words[COROUTINE] + POINTER != words[NAME] || words[NODE] + POINTER * 2 > words[0])
        return false;
    layout->future_state = (uint32_t)words[AWAITED_BY] + POINTER;
    layout->task_waiter = (uint32_t)words[COROUTINE] - POINTER;
    layout->task_coroutine = (uint32_t)words[COROUTINE];
    layout->task_name = (uint32_t)words[NAME];
    layout->task_awaited_by = (uint32_t)words[AWAITED_BY];
    layout->task_awaited_by_is_set = (uint32_t)words[IS_SET];
    layout->task_node = (uint32_t)words[NODE];
    layout->interpreter_tasks = (uint32_t)words[INTERPRETER_TASKS];
    layout->thread_loop = (uint32_t)words[THREAD_LOOP];
    layout->thread_task = (uint32_t)words[THREAD_TASK];
    layout->thread_tasks = (uint32_t)words[THREAD_TASKS];
    return true;
}
