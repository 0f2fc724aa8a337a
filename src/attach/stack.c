/* SPDX-License-Identifier: MIT */
/* Walking a chain of frames, and proving what was walked.
 * Why: see stack.h. A walk makes one call for each frame, in which time a busy thread has moved on; the
 * proof reads all of them in one call (1,024 frames a call).
 * Rules: as stack.h. An interpreter's own frames (below C calls, around __init__) are no functions of
 * the program and are left out, as CPython leaves them out of tracebacks. */
#include "attach/stack.h"

#include "attach/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    ATTEMPTS = 50,
    FRAMES_READ_MOST = 1 << 18, /* in all attempts: a deep stack that moves is not read for ever */
    FRAME_BYTES = 128,          /* layouts_take holds the fields below this */
    OWNED_BY_INTERPRETER = 3,
    CODE_NO_EVENTS = 0x2000000, /* CO_NO_MONITORING_EVENTS, 3.12+: the frame around __init__ */
    OB_TYPE = 8,
    CODE_UNIT = 2,
};

struct raw_frame {
    uint64_t address;
    unsigned char bytes[FRAME_BYTES];
};

struct walk {
    struct raw_frame *frames;
    size_t count, room;
    uint64_t head; /* the address of the innermost frame */
    bool cut;
};

static uint64_t word_at(const struct raw_frame *frame, uint32_t offset)
{
    uint64_t word;
    memcpy(&word, frame->bytes + offset, sizeof(word));
    return word;
}

static uint64_t previous_of(const struct objects *objects, const struct raw_frame *frame)
{
    return word_at(frame, objects->layout.frame_previous);
}

/* 3.14+ keeps a tagged reference here. */
static uint64_t code_of(const struct objects *objects, const struct raw_frame *frame)
{
    return word_at(frame, objects->layout.frame_code) & ~UINT64_C(7);
}

/* How much of a frame is read: up to its last field of interest and no more, since the innermost frame
 * may end where mapped memory does. */
static size_t frame_size(const struct layout *layout)
{
    const uint32_t ends[] = {layout->frame_previous + 8, layout->frame_code + 8,
                             layout->frame_instruction + 8, layout->frame_owner + 1};
    size_t size = 0;
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        size = ends[i] > size ? ends[i] : size;
    return size;
}

/* Where the word lies that names the innermost frame. */
static int find_head(const struct objects *objects, uint64_t thread, uint64_t *ret_address)
{
    uint64_t cframe;
    *ret_address = thread + objects->layout.thread_frame;
    if (!objects->layout.has_cframe)
        return 0;
    int result = memory_read_u64(objects->pid, *ret_address, &cframe);
    *ret_address = cframe + objects->layout.cframe_frame;
    return result;
}

static bool make_room(struct walk *walk)
{
    if (walk->count < walk->room)
        return true;
    size_t room = walk->room ? walk->room * 2 : 64;
    struct raw_frame *more = realloc(walk->frames, room * sizeof(*more));
    if (!more)
        return false;
    walk->frames = more;
    walk->room = room;
    return true;
}

/* 0; -EAGAIN: the chain led into nothing, so it changed under us. */
static int walk_frames(const struct objects *objects, uint64_t head_at, struct walk *walk)
{
    const size_t size = frame_size(&objects->layout);
    walk->count = 0;
    walk->cut = false;
    int result = memory_read_u64(objects->pid, head_at, &walk->head);
    uint64_t address = walk->head;
    while (result == 0 && address) {
        if (walk->count == STACK_FRAMES_MOST) {
            walk->cut = true;
            break;
        }
        if (!make_room(walk))
            return -ENOMEM;
        struct raw_frame *frame = &walk->frames[walk->count];
        frame->address = address;
        if (address % 8 || memory_read(objects->pid, address, frame->bytes, size))
            return -EAGAIN;
        walk->count++;
        address = previous_of(objects, frame);
    }
    return result;
}

/* How many of the outermost frames are the same in both readings. */
static size_t count_agreeing(const struct objects *objects, const struct walk *walk,
                             const struct raw_frame *again)
{
    size_t agreeing = 0;
    for (size_t i = walk->count; i-- > 0; agreeing++)
        if (previous_of(objects, &walk->frames[i]) != previous_of(objects, &again[i]) ||
            code_of(objects, &walk->frames[i]) != code_of(objects, &again[i]))
            break;
    return agreeing;
}

/* Reads all frames again, between two readings of the head. `ret_agreeing` outer frames are proved;
 * all of them (true) only when the head stood still, too. */
static bool prove(const struct objects *objects, uint64_t head_at, struct walk *walk,
                  size_t *ret_agreeing)
{
    uint64_t heads[2] = {0, 0};
    struct memory_part *parts = calloc(walk->count + 2, sizeof(*parts));
    struct raw_frame *again = calloc(walk->count + 1, sizeof(*again));
    const size_t size = frame_size(&objects->layout);
    bool whole = false;
    *ret_agreeing = 0;
    if (parts && again) {
        parts[0] = (struct memory_part){head_at, &heads[0], sizeof(heads[0])};
        for (size_t i = 0; i < walk->count; i++) {
            again[i].address = walk->frames[i].address;
            parts[i + 1] = (struct memory_part){again[i].address, again[i].bytes, size};
        }
        parts[walk->count + 1] = (struct memory_part){head_at, &heads[1], sizeof(heads[1])};
        if (memory_read_parts(objects->pid, parts, walk->count + 2) == 0) {
            *ret_agreeing = count_agreeing(objects, walk, again);
            whole = *ret_agreeing == walk->count && heads[0] == walk->head &&
                    heads[1] == walk->head;
            memcpy(walk->frames, again, walk->count * sizeof(*again));
        }
    }
    free(parts);
    free(again);
    return whole;
}

/* The place of the instruction in the bytecode. 3.9 counts bytes, 3.10 code units, later versions hold
 * an address: before 3.13 of the instruction that ran last. */
static int64_t instruction_of(const struct objects *objects, const struct raw_frame *frame,
                              uint64_t code)
{
    const struct layout *layout = &objects->layout;
    if (layout->minor >= 11)
        return (int64_t)(word_at(frame, layout->frame_instruction) - code - layout->code_bytecode);
    int32_t last;
    memcpy(&last, frame->bytes + layout->frame_instruction, sizeof(last));
    return layout->minor == 10 ? (int64_t)last * CODE_UNIT : last;
}

static bool is_of_program(const struct objects *objects, const struct raw_frame *frame,
                          uint64_t code, bool *ret_broken)
{
    const struct layout *layout = &objects->layout;
    uint32_t flags;
    uint64_t type;
    *ret_broken = false;
    if (layout->minor >= 12 && frame->bytes[layout->frame_owner] >= OWNED_BY_INTERPRETER)
        return false;
    if (!code || memory_read_u64(objects->pid, code + OB_TYPE, &type) ||
        type != objects->code_type ||
        memory_read_u32(objects->pid, code + layout->code_flags, &flags)) {
        *ret_broken = true;
        return false;
    }
    return layout->minor < 12 || !(flags & CODE_NO_EVENTS);
}

/* The proved frames, from `first` on, as the caller wants them. What is no frame makes all that is
 * inside of it unknown, too. */
static int take(const struct objects *objects, const struct walk *walk, size_t first,
                struct stack *stack)
{
    stack->frames = arena_array(objects->arena, walk->count - first + 1, sizeof(*stack->frames));
    if (!stack->frames)
        return -ENOMEM;
    for (size_t i = first; i < walk->count; i++) {
        const struct raw_frame *frame = &walk->frames[i];
        uint64_t code = code_of(objects, frame);
        bool broken;
        if (is_of_program(objects, frame, code, &broken)) {
            int64_t instruction = instruction_of(objects, frame, code);
            /* Just made, its caller not yet left: CPython does not show it either. */
            if (objects->layout.minor >= 11 && instruction < 0 && stack->count == 0)
                continue;
            stack->frames[stack->count++] = (struct stack_frame){frame->address, code, instruction};
        } else if (broken) {
            stack->torn = true;
            stack->count = 0;
        }
    }
    return 0;
}

int stack_read(const struct objects *objects, uint64_t thread, struct stack *ret_stack)
{
    struct walk walk = {0};
    struct stack stack = {0};
    struct stack best = {.torn = true};
    int result = 0;
    size_t frames_read = 0;
    for (int attempt = 0; attempt < ATTEMPTS && frames_read < FRAMES_READ_MOST; attempt++) {
        uint64_t head_at;
        size_t agreeing = 0;
        result = find_head(objects, thread, &head_at);
        if (result == 0)
            result = walk_frames(objects, head_at, &walk);
        if (result && result != -EAGAIN)
            break;
        frames_read += walk.count;
        bool whole = result == 0 && prove(objects, head_at, &walk, &agreeing);
        result = 0;
        stack = (struct stack){.torn = !whole, .cut = walk.cut};
        if (agreeing || whole)
            result = take(objects, &walk, walk.count - agreeing, &stack);
        if (result)
            break;
        if (stack.count > best.count || !stack.torn)
            best = stack;
        if (!best.torn)
            break;
    }
    free(walk.frames);
    *ret_stack = best;
    return result;
}
