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
    LOCALS_MOST = 256,
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

struct slots {
    uint64_t *names;
    uint64_t *values;
    size_t count;
};

/* What the names and the slots are; a slot that holds nothing is 0. */
static bool read_slots(const struct objects *objects, const struct stack_frame *from,
                       struct slots *ret_slots)
{
    const struct layout *layout = &objects->layout;
    uint64_t address;
    size_t count = 0;
    size_t kinds_size = 0;
    const unsigned char *kinds = NULL;
    if (memory_read_u64(objects->pid, from->code + layout->code_local_names, &address))
        return false;
    uint64_t *names = objects_tuple(objects, address, LOCALS_MOST, &count);
    if (layout->code_local_kinds &&
        memory_read_u64(objects->pid, from->code + layout->code_local_kinds, &address) == 0)
        kinds = objects_bytes(objects, address, LOCALS_MOST, &kinds_size);
    uint64_t *slots = arena_array(objects->arena, count + 1, sizeof(*slots));
    if (!names || !slots ||
        memory_read(objects->pid, from->address + layout->frame_locals, slots,
                    count * sizeof(*slots)))
        return false;
    for (size_t i = 0; i < count; i++)
        slots[i] = value_of(objects, slots[i], kinds && i < kinds_size ? kinds[i] : 0);
    *ret_slots = (struct slots){names, slots, count};
    return true;
}

void inspect_locals_read(const struct objects *objects, const struct stack_frame *from,
                         struct inspect_frame *frame)
{
    struct slots slots;
    if (!read_slots(objects, from, &slots))
        return;
    frame->locals = arena_array(objects->arena, slots.count + 1, sizeof(*frame->locals));
    for (size_t i = 0; frame->locals && i < slots.count; i++) {
        uint64_t value = slots.values[i];
        struct inspect_local local = {
            .name = objects_text(objects, slots.names[i], OBJECTS_TEXT_MOST, NULL),
            .value = value ? inspect_locals_describe(objects, value) : NULL,
        };
        if (local.name && local.value)
            frame->locals[frame->local_count++] = local;
    }
}

uint64_t inspect_locals_find(const struct objects *objects, const struct stack_frame *from,
                             const char *name)
{
    struct slots slots;
    if (!read_slots(objects, from, &slots))
        return 0;
    for (size_t i = 0; i < slots.count; i++) {
        const char *text = objects_text(objects, slots.names[i], strlen(name) + 1, NULL);
        if (text && strcmp(text, name) == 0)
            return slots.values[i];
    }
    return 0;
}
