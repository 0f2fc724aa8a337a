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
    ROUNDS = 3,                 /* readings of a stack that must agree, beside the walk */
    ADJOINING_BYTES = 512,      /* between two frames that are read as one piece */
    OWNED_BY_INTERPRETER = 3,
    CODE_NO_EVENTS = 0x2000000, /* CO_NO_MONITORING_EVENTS, 3.12+: the frame around __init__ */
    CODE_GENERATOR = 0x3a0,     /* CO_GENERATOR, COROUTINE, ITERABLE_COROUTINE, ASYNC_GENERATOR */
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

/* How many of the outermost frames are the same in two readings. */
static size_t count_agreeing(const struct objects *objects, const struct raw_frame *first,
                             const struct raw_frame *second, size_t count)
{
    size_t agreeing = 0;
    for (size_t i = count; i-- > 0; agreeing++)
        if (previous_of(objects, &first[i]) != previous_of(objects, &second[i]) ||
            code_of(objects, &first[i]) != code_of(objects, &second[i]))
            break;
    return agreeing;
}

/* The frames once more, ROUNDS times, in one call: before, between and after them the head. Frames
 * of one chunk of CPython's data stack lie side by side and come in one piece, which is as near to
 * one moment as it gets. */
struct proof {
    size_t count, frame_size;
    struct memory_part *parts;
    size_t part_count;
    uint64_t heads[ROUNDS + 1];
    unsigned char *bytes[ROUNDS];
    size_t *places; /* of each frame in bytes */
    size_t used;
};

static void add_part(struct proof *proof, uint64_t address, void *bytes, size_t size)
{
    proof->parts[proof->part_count++] = (struct memory_part){address, bytes, size};
}

/* How many frames from `first` on lie close below one another. */
static size_t count_adjoining(const struct walk *walk, size_t first)
{
    size_t i = first;
    while (i + 1 < walk->count && walk->frames[i + 1].address < walk->frames[i].address &&
           walk->frames[i].address - walk->frames[i + 1].address <= ADJOINING_BYTES)
        i++;
    return i + 1 - first;
}

/* Lays out what one round reads; the bytes of round 0 tell the places for all. */
static void plan_round(struct proof *proof, const struct walk *walk, int round, bool merge)
{
    proof->used = 0;
    for (size_t i = 0; i < walk->count;) {
        size_t many = merge ? count_adjoining(walk, i) : 1;
        uint64_t lowest = walk->frames[i + many - 1].address;
        size_t size = (size_t)(walk->frames[i].address - lowest) + proof->frame_size;
        for (size_t j = i; j < i + many; j++)
            proof->places[j] = proof->used + (size_t)(walk->frames[j].address - lowest);
        add_part(proof, lowest, proof->bytes[round] + proof->used, size);
        proof->used += size;
        i += many;
    }
}

static bool plan(struct proof *proof, const struct walk *walk, uint64_t head_at, bool merge)
{
    size_t most = walk->count * (ADJOINING_BYTES + FRAME_BYTES) + 1;
    proof->count = walk->count;
    proof->parts = calloc((walk->count + 1) * ROUNDS + 1, sizeof(*proof->parts));
    proof->places = calloc(walk->count + 1, sizeof(*proof->places));
    for (int round = 0; round < ROUNDS; round++)
        proof->bytes[round] = malloc(most);
    for (int round = 0; round < ROUNDS; round++) {
        if (!proof->parts || !proof->places || !proof->bytes[round])
            return false;
        add_part(proof, head_at, &proof->heads[round], sizeof(uint64_t));
        plan_round(proof, walk, round, merge);
    }
    add_part(proof, head_at, &proof->heads[ROUNDS], sizeof(uint64_t));
    return true;
}

static void take_round(const struct proof *proof, int round, struct raw_frame *frames)
{
    for (size_t i = 0; i < proof->count; i++)
        memcpy(frames[i].bytes, proof->bytes[round] + proof->places[i], proof->frame_size);
}

/* A function that runs has left its callers where they are: their instructions stand still. */
static bool callers_stand_still(const struct objects *objects, const struct raw_frame *first,
                                const struct raw_frame *second, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (memcmp(first[i].bytes + objects->layout.frame_instruction,
                   second[i].bytes + objects->layout.frame_instruction, sizeof(int32_t)) != 0)
            return false;
    return true;
}

/* Reads all frames again. `ret_agreeing` outer frames are proved; all of them (true) only when the
 * head and the callers' instructions stood still, too. */
static bool prove(const struct objects *objects, uint64_t head_at, struct walk *walk, bool merge,
                  size_t *ret_agreeing)
{
    struct proof proof = {.frame_size = frame_size(&objects->layout)};
    struct raw_frame *again = calloc(walk->count + 1, sizeof(*again));
    bool whole = false;
    *ret_agreeing = 0;
    if (again && plan(&proof, walk, head_at, merge) &&
        memory_read_parts(objects->pid, proof.parts, proof.part_count) == 0) {
        whole = true;
        *ret_agreeing = walk->count;
        for (int round = 0; round < ROUNDS; round++) {
            memcpy(again, walk->frames, walk->count * sizeof(*again));
            take_round(&proof, round, walk->frames);
            size_t agreeing = count_agreeing(objects, again, walk->frames, walk->count);
            *ret_agreeing = agreeing < *ret_agreeing ? agreeing : *ret_agreeing;
            whole = whole && agreeing == walk->count && proof.heads[round] == walk->head &&
                    (round == 0 || callers_stand_still(objects, again, walk->frames, walk->count));
        }
        whole = whole && proof.heads[ROUNDS] == walk->head;
    }
    for (int round = 0; round < ROUNDS; round++)
        free(proof.bytes[round]);
    free(proof.places);
    free(proof.parts);
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

/* A generator that is suspended has no caller; so one at the outer end was most likely suspended
 * while the chain was read through it. */
static bool ends_in_generator(const struct objects *objects, const struct stack *stack)
{
    uint32_t flags;
    if (!stack->count || stack->cut ||
        memory_read_u32(objects->pid,
                        stack->frames[stack->count - 1].code + objects->layout.code_flags, &flags))
        return false;
    return flags & CODE_GENERATOR;
}

/* One reading. 0; -EAGAIN: nothing of it can be believed. */
static int attempt_read(const struct objects *objects, uint64_t thread, bool merge,
                        struct walk *walk, struct stack *ret_stack)
{
    uint64_t head_at;
    size_t agreeing = 0;
    int result = find_head(objects, thread, &head_at);
    if (result == 0)
        result = walk_frames(objects, head_at, walk);
    if (result)
        return result;
    bool whole = prove(objects, head_at, walk, merge, &agreeing);
    *ret_stack = (struct stack){.torn = !whole, .cut = walk->cut};
    return take(objects, walk, walk->count - agreeing, ret_stack);
}

int stack_read(const struct objects *objects, uint64_t thread, struct stack *ret_stack)
{
    struct walk walk = {0};
    struct stack best = {.torn = true};
    struct stack floating = {
        0}; /* whole, but its outer end is a generator: a C thread may have that */
    size_t frames_read = 0;
    int attempts = 0;
    int floating_count = 0;
    int result = 0;
    while (best.torn && attempts < ATTEMPTS && frames_read < FRAMES_READ_MOST) {
        struct stack stack = {.torn = true};
        result = attempt_read(objects, thread, attempts % 2 == 0, &walk, &stack);
        if (result && result != -EAGAIN)
            break;
        attempts++;
        frames_read += walk.count * ROUNDS;
        if (ends_in_generator(objects, &stack)) {
            floating_count += !stack.torn;
            floating = stack;
        } else if (result == 0 && (stack.count > best.count || !stack.torn)) {
            best = stack;
        }
        result = 0;
    }
    free(walk.frames);
    *ret_stack = floating_count > 0 && floating_count == attempts ? floating : best;
    return result;
}
