/* SPDX-License-Identifier: MIT */
/* Names from the code object, values from the frame's slots.
 * Why: see inspect_locals.h.
 * Rules: as inspect_locals.h. Slots of 3.14 and later are tagged references; a variable that an inner
 * function uses, too, is in a cell (3.11+: read through; before: its slot is empty). */
#include "attach/inspect_locals.h"

#include "attach/memory.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VALUE_MOST = 120, /* code points or bytes of one value */
    CELL_VALUE = 16,  /* PyCellObject.ob_ref */
    CELL_OR_FREE = 0xc0,
    TAG_BITS = 3,
    TAGGED_INTEGER = 3,
};

static const char *describe_type(const struct objects *objects, uint64_t type)
{
    const char *name = objects_type_name(objects, type);
    return name ? arena_format(objects->arena, "<%s>", name) : NULL;
}

/* The digits that lead back to the same number, as few as that takes; a point or an exponent. */
static const char *describe_float(const struct objects *objects, uint64_t address)
{
    double value;
    char text[64];
    int digits = 1;
    if (memory_read(objects->pid, address + objects->layout.float_value, &value, sizeof(value)))
        return NULL;
    if (!isfinite(value))
        return isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
    do {
        snprintf(text, sizeof(text), "%.*e", digits - 1, value);
    } while (strtod(text, NULL) != value && digits++ < 17);
    int exponent = atoi(strchr(text, 'e') + 1);
    if (exponent >= -4 && exponent < 16) {
        int decimals = digits - 1 - exponent;
        snprintf(text, sizeof(text), "%.*f", decimals > 0 ? decimals : 1, value);
    }
    return arena_string(objects->arena, text);
}

static const char *quote(const struct objects *objects, const char *prefix, const char *text,
                         size_t size, bool is_bytes, bool cut)
{
    char *out = arena_alloc(objects->arena, size * 4 + 16);
    if (!out)
        return NULL;
    char mark = memchr(text, '\'', size) && !memchr(text, '"', size) ? '"' : '\'';
    char *at = out + sprintf(out, "%s%c", prefix, mark);
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        const char *special = byte ? strchr("\nn\rr\tt", byte) : NULL;
        if (byte == (unsigned char)mark || byte == '\\')
            at += sprintf(at, "\\%c", byte);
        else if (special && byte < ' ')
            at += sprintf(at, "\\%c", special[1]);
        else if (byte < ' ' || byte == 0x7f || (is_bytes && byte > 0x7f))
            at += sprintf(at, "\\x%02x", byte);
        else
            *at++ = (char)byte;
    }
    sprintf(at, "%c%s", mark, cut ? "..." : "");
    return out;
}

const char *inspect_locals_describe(const struct objects *objects, uint64_t address)
{
    uint64_t type = objects_type(objects, address);
    uint64_t flags = objects_flags(objects, address);
    const char *type_name = type ? objects_type_name(objects, type) : NULL;
    int64_t number;
    bool cut = false;
    if (!type_name)
        return NULL;
    if (objects->none && address == objects->none)
        return "None";
    if (objects->bool_type && type == objects->bool_type)
        return objects_integer(objects, address, &number) && number ? "True" : "False";
    if (strcmp(type_name, "int") == 0 && objects_integer(objects, address, &number))
        return arena_format(objects->arena, "%" PRId64, number);
    if (objects->float_type && type == objects->float_type)
        return describe_float(objects, address);
    if (strcmp(type_name, "str") == 0 && flags & OBJECTS_IS_TEXT) {
        const char *text = objects_text(objects, address, VALUE_MOST, &cut);
        return text ? quote(objects, "", text, strlen(text), false, cut) : NULL;
    }
    if (strcmp(type_name, "bytes") == 0 && flags & OBJECTS_IS_BYTES) {
        size_t length = 0;
        const unsigned char *bytes = objects_bytes(objects, address, VALUE_MOST, &length);
        cut = length > VALUE_MOST;
        return bytes
                   ? quote(objects, "b", (const char *)bytes, cut ? VALUE_MOST : length, true, cut)
                   : NULL;
    }
    return describe_type(objects, type);
}

/* What the slot refers to; 0: nothing. */
static uint64_t value_of(const struct objects *objects, uint64_t slot, unsigned char kind)
{
    if (objects->layout.minor >= 14) {
        if ((slot & TAG_BITS) == TAGGED_INTEGER)
            return 0;
        slot &= ~(uint64_t)TAG_BITS;
    }
    if (!slot || !(kind & CELL_OR_FREE))
        return slot;
    const char *type = objects_type_name(objects, objects_type(objects, slot));
    if (!type || strcmp(type, "cell") != 0)
        return slot; /* an argument that is not yet in its cell */
    uint64_t value;
    return memory_read_u64(objects->pid, slot + CELL_VALUE, &value) ? 0 : value;
}

/* What the slots hold, each 0 when nothing; NULL when they cannot be read. */
static uint64_t *read_slots(const struct objects *objects, const struct stack_frame *from,
                            const struct code *code)
{
    uint64_t *slots = arena_array(objects->arena, code->local_count + 1, sizeof(*slots));
    if (!slots || memory_read(objects->pid, from->address + objects->layout.frame_locals, slots,
                              code->local_count * sizeof(*slots)))
        return NULL;
    for (size_t i = 0; i < code->local_count; i++)
        slots[i] = value_of(objects, slots[i], code->local_kinds[i]);
    return slots;
}

void inspect_locals_read(const struct objects *objects, struct codes *codes,
                         const struct stack_frame *from, struct inspect_frame *frame)
{
    const struct code *code = codes_get_with_locals(codes, objects, from->code);
    const uint64_t *slots = code ? read_slots(objects, from, code) : NULL;
    if (!slots)
        return;
    frame->locals = arena_array(objects->arena, code->local_count + 1, sizeof(*frame->locals));
    for (size_t i = 0; frame->locals && i < code->local_count; i++) {
        struct inspect_local local = {
            .name = code->local_names[i],
            .value = slots[i] ? inspect_locals_describe(objects, slots[i]) : NULL,
        };
        if (local.name && local.value)
            frame->locals[frame->local_count++] = local;
    }
}

uint64_t inspect_locals_find(const struct objects *objects, struct codes *codes,
                             const struct stack_frame *from, const char *name)
{
    uint64_t slot;
    const struct code *code = codes_get_with_locals(codes, objects, from->code);
    for (size_t i = 0; code && i < code->local_count; i++) {
        if (!code->local_names[i] || strcmp(code->local_names[i], name) != 0)
            continue;
        uint64_t place = from->address + objects->layout.frame_locals + i * sizeof(slot);
        return memory_read_u64(objects->pid, place, &slot)
                   ? 0
                   : value_of(objects, slot, code->local_kinds[i]);
    }
    return 0;
}
