/* SPDX-License-Identifier: MIT */
/* Code objects, read once.
 * Why: see codes.h.
 * Rules: as codes.h. */
#include "attach/codes.h"

#include "attach/line_table.h"
#include "attach/memory.h"

#include <stdlib.h>

enum { LINES_BYTES_MOST = 1 << 20, LOCALS_MOST = 256 };

static char *read_text(const struct objects *objects, uint64_t code, uint32_t field)
{
    uint64_t text;
    if (memory_read_u64(objects->pid, code + field, &text))
        return NULL;
    return objects_text(objects, text, OBJECTS_TEXT_MOST, NULL);
}

static void read_code(const struct objects *objects, struct code *code)
{
    const struct layout *layout = &objects->layout;
    uint32_t name = layout->code_qualname ? layout->code_qualname : layout->code_name;
    uint64_t lines;
    uint32_t first_line;
    code->name = read_text(objects, code->address, name);
    code->file = read_text(objects, code->address, layout->code_file);
    if (memory_read_u32(objects->pid, code->address + layout->code_first_line, &first_line) == 0)
        code->first_line = (int)first_line;
    if (memory_read_u64(objects->pid, code->address + layout->code_lines, &lines) == 0)
        code->lines = objects_bytes(objects, lines, LINES_BYTES_MOST, &code->lines_size);
    if (!code->lines || code->lines_size > LINES_BYTES_MOST)
        code->lines_size = code->lines ? LINES_BYTES_MOST : 0;
}

static struct code *get(struct codes *codes, const struct objects *objects, uint64_t address)
{
    for (size_t i = codes->count; i-- > 0;)
        if (codes->codes[i].address == address)
            return &codes->codes[i];
    if (codes->count == codes->room) {
        size_t room = codes->room ? codes->room * 2 : 64;
        struct code *more = realloc(codes->codes, room * sizeof(*more));
        if (!more)
            return NULL;
        codes->codes = more;
        codes->room = room;
    }
    struct code *code = &codes->codes[codes->count++];
    *code = (struct code){.address = address};
    read_code(objects, code);
    return code;
}

const struct code *codes_get(struct codes *codes, const struct objects *objects, uint64_t address)
{
    return get(codes, objects, address);
}

static void read_locals(const struct objects *objects, struct code *code)
{
    const struct layout *layout = &objects->layout;
    uint64_t address;
    size_t count = 0;
    size_t kinds_size = 0;
    const unsigned char *from = NULL;
    code->locals_known = true;
    if (memory_read_u64(objects->pid, code->address + layout->code_local_names, &address))
        return;
    const uint64_t *names = objects_tuple(objects, address, LOCALS_MOST, &count);
    if (layout->code_local_kinds &&
        memory_read_u64(objects->pid, code->address + layout->code_local_kinds, &address) == 0)
        from = objects_bytes(objects, address, LOCALS_MOST, &kinds_size);
    unsigned char *kinds = arena_alloc(objects->arena, count + 1);
    const char **texts = arena_array(objects->arena, count + 1, sizeof(*texts));
    if (!names || !texts || !kinds)
        return;
    for (size_t i = 0; i < count; i++) {
        kinds[i] = from && i < kinds_size ? from[i] : 0;
        texts[i] = objects_text(objects, names[i], OBJECTS_TEXT_MOST, NULL);
    }
    code->local_names = texts;
    code->local_kinds = kinds;
    code->local_count = count;
}

const struct code *codes_get_with_locals(struct codes *codes, const struct objects *objects,
                                         uint64_t address)
{
    struct code *code = get(codes, objects, address);
    if (code && !code->locals_known)
        read_locals(objects, code);
    return code;
}

void codes_done(struct codes *codes)
{
    free(codes->codes);
    *codes = (struct codes){0};
}

int codes_line(const struct code *code, int minor, int64_t instruction)
{
    return line_table_find(minor, code->lines, code->lines_size, code->first_line, instruction);
}
