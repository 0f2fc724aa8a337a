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
    ROUNDS_LEAST = 3,           /* readings of a stack that must agree, beside the walk */
    ROUNDS_MOST = 12,           /* of one of few frames */
    FRAMES_PROVED = 256,        /* as many rounds as this has room for, between the two */
    HEADS = 32,                 /* of a round: before each of its first pieces */
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

/* Where the word lies that names the innermost frame: in the thread state, or, on 3.11 and 3.12, in the
 * part of the C stack that the thread state names. What a finished part held stays there for a while,
 * so its name has to be proved, too. */
struct head {
    uint64_t name_at, name; /* the first is 0 where there is no such part */
    uint64_t at;
};

static int find_head(const struct objects *objects, uint64_t thread, struct head *ret_head)
{
    const struct layout *layout = &objects->layout;
    *ret_head = (struct head){.at = thread + layout->thread_frame};
    if (!layout->has_cframe)
        return 0;
    ret_head->name_at = ret_head->at;
    int result = memory_read_u64(objects->pid, ret_head->name_at, &ret_head->name);
    ret_head->at = ret_head->name + layout->cframe_frame;
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

/* 0; -EAGAIN: the chain led into nothing or round and round, so it changed under us. */
static int walk_frames(const struct objects *objects, uint64_t head_at, struct walk *walk)
{
    const size_t size = frame_size(&objects->layout);
    walk->count = 0;
    walk->cut = false;
    int result = memory_read_u64(objects->pid, head_at, &walk->head);
    uint64_t address = walk->head;
    uint64_t mark = 0; /* an address seen, farther and farther back: met again, it is a circle */
    while (result == 0 && address) {
        if (address == mark)
            return -EAGAIN;
        if ((walk->count & (walk->count - 1)) == 0)
            mark = address;
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

static int32_t instruction_word(const struct objects *objects, const struct raw_frame *frame)
{
    int32_t word; /* the lower half of an address is enough to see it move */
    memcpy(&word, frame->bytes + objects->layout.frame_instruction, sizeof(word));
    return word;
}

static bool is_same(const struct objects *objects, const struct raw_frame *a,
                    const struct raw_frame *b, bool at_same_instruction)
{
    return a->address == b->address && previous_of(objects, a) == previous_of(objects, b) &&
           code_of(objects, a) == code_of(objects, b) &&
           (!at_same_instruction || instruction_word(objects, a) == instruction_word(objects, b));
}

/* The frames once more, several times, in one call. Frames of one chunk of CPython's data stack lie
 * side by side and come in one piece, which is as near to one moment as it gets; before 3.11 each is
 * a piece of its own. The head is read before each piece, and a short stack in more rounds: a loop
 * whose turn takes as long as a round shows a caller between two calls below the callee of another
 * turn, again and again (with three rounds and one head each, in one stack of a thousand). */
struct proof {
    size_t count, frame_size;
    int rounds;
    struct memory_part *parts;
    size_t part_count;
    struct head_seen {
        uint64_t name, frame;
    } heads[ROUNDS_MOST * HEADS + 1];
    size_t head_count;
    unsigned char *bytes[ROUNDS_MOST];
    size_t *places; /* of each frame in bytes */
    size_t used;
};

static int rounds_of(size_t count)
{
    size_t rounds = FRAMES_PROVED / (count + 1);
    return rounds < ROUNDS_LEAST ? ROUNDS_LEAST : rounds > ROUNDS_MOST ? ROUNDS_MOST : (int)rounds;
}

static void add_part(struct proof *proof, uint64_t address, void *bytes, size_t size)
{
    proof->parts[proof->part_count++] = (struct memory_part){address, bytes, size};
}

static void add_head(struct proof *proof, const struct head *head)
{
    struct head_seen *seen = &proof->heads[proof->head_count++];
    if (head->name_at)
        add_part(proof, head->name_at, &seen->name, sizeof(seen->name));
    add_part(proof, head->at, &seen->frame, sizeof(seen->frame));
}

static bool head_stood_still(const struct proof *proof, const struct head *head, uint64_t frame)
{
    for (size_t i = 0; i < proof->head_count; i++)
        if (proof->heads[i].name != head->name || proof->heads[i].frame != frame)
            return false;
    return true;
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
static void plan_round(struct proof *proof, const struct walk *walk, const struct head *head,
                       int round, bool merge)
{
    proof->used = 0;
    size_t pieces = 0;
    for (size_t i = 0; i < walk->count; pieces++) {
        if (pieces < HEADS)
            add_head(proof, head);
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

static bool plan(struct proof *proof, const struct walk *walk, const struct head *head, bool merge)
{
    size_t most = walk->count * (ADJOINING_BYTES + FRAME_BYTES) + 1;
    proof->count = walk->count;
    proof->parts =
        calloc((walk->count + HEADS * 2) * (size_t)proof->rounds + 2, sizeof(*proof->parts));
    proof->places = calloc(walk->count + 1, sizeof(*proof->places));
    for (int round = 0; round < proof->rounds; round++)
        proof->bytes[round] = malloc(most);
    for (int round = 0; round < proof->rounds; round++) {
        if (!proof->parts || !proof->places || !proof->bytes[round])
            return false;
        plan_round(proof, walk, head, round, merge);
    }
    add_head(proof, head);
    return true;
}

static void take_round(const struct proof *proof, int round, struct raw_frame *frames)
{
    for (size_t i = 0; i < proof->count; i++)
        memcpy(frames[i].bytes, proof->bytes[round] + proof->places[i], proof->frame_size);
}

/* Whether all frames are the same in two readings; a function that runs has left its callers where
 * they are, so that their instructions stand still (not those of the walk, which took longer). */
static bool agree(const struct objects *objects, const struct raw_frame *first,
                  const struct raw_frame *second, size_t count, bool with_callers)
{
    for (size_t i = 0; i < count; i++)
        if (!is_same(objects, &first[i], &second[i], with_callers && i > 0))
            return false;
    return true;
}

/* Reads all frames again, into the walk. True when they were the same each time and the head stood
 * still: the stack of one moment. */
static bool prove(const struct objects *objects, const struct head *head, struct walk *walk,
                  bool merge)
{
    struct proof proof = {
        .frame_size = frame_size(&objects->layout),
        .rounds = rounds_of(walk->count),
    };
    struct raw_frame *before = calloc(walk->count + 1, sizeof(*before));
    bool whole = before && plan(&proof, walk, head, merge) &&
                 memory_read_parts(objects->pid, proof.parts, proof.part_count) == 0;
    for (int round = 0; whole && round < proof.rounds; round++) {
        memcpy(before, walk->frames, walk->count * sizeof(*before));
        take_round(&proof, round, walk->frames);
        whole = agree(objects, before, walk->frames, walk->count, round > 0);
    }
    whole = whole && head_stood_still(&proof, head, walk->head);
    for (int round = 0; round < ROUNDS_MOST; round++)
        free(proof.bytes[round]);
    free(proof.places);
    free(proof.parts);
    free(before);
    return whole;
}

/* What stood still in all attempts: the outermost frames, at the same instructions. The memory of a
 * frame that was left keeps its content for a while, so one reading of a moving stack proves nothing,
 * but functions that were inside of one call for all that time are the callers of what moves. */
struct steady {
    struct raw_frame *frames; /* the outermost last */
    size_t count;
    int readings;
    uint64_t outermost; /* where the walk before ended; one that went astray ends elsewhere */
};

static int narrow(const struct objects *objects, const struct walk *walk, struct steady *steady)
{
    uint64_t before = steady->outermost;
    uint64_t outermost = walk->count ? walk->frames[walk->count - 1].address : 0;
    if (steady->readings == 0)
        steady->outermost = outermost;
    if (!outermost || outermost != before)
        return 0;
    if (steady->readings++ == 0) {
        steady->frames = malloc((walk->count + 1) * sizeof(*steady->frames));
        if (!steady->frames)
            return -ENOMEM;
        memcpy(steady->frames, walk->frames, walk->count * sizeof(*steady->frames));
        steady->count = walk->count;
        return 0;
    }
    size_t same = 0;
    while (same < steady->count && same < walk->count &&
           is_same(objects, &steady->frames[steady->count - 1 - same],
                   &walk->frames[walk->count - 1 - same], true))
        same++;
    memmove(steady->frames, steady->frames + steady->count - same, same * sizeof(*steady->frames));
    steady->count = same;
    return 0;
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

/* Frames as the caller wants them. What is no frame makes all that is inside of it unknown, too. */
static int take(const struct objects *objects, const struct raw_frame *frames, size_t count,
                struct stack *stack)
{
    stack->frames = arena_array(objects->arena, count + 1, sizeof(*stack->frames));
    if (!stack->frames)
        return -ENOMEM;
    uint64_t known = 0; /* a recursive function's code is looked at once */
    for (size_t i = 0; i < count; i++) {
        const struct raw_frame *frame = &frames[i];
        uint64_t code = code_of(objects, frame);
        bool broken = false;
        if ((known && code == known) || is_of_program(objects, frame, code, &broken)) {
            known = code;
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
static bool ends_in_generator(const struct objects *objects, const struct walk *walk)
{
    uint32_t flags;
    bool broken;
    if (!walk->count || walk->cut)
        return false;
    const struct raw_frame *outermost = &walk->frames[walk->count - 1];
    uint64_t code = code_of(objects, outermost);
    return is_of_program(objects, outermost, code, &broken) &&
           memory_read_u32(objects->pid, code + objects->layout.code_flags, &flags) == 0 &&
           flags & CODE_GENERATOR;
}

/* One reading: a whole stack, or what narrows the steady part. 0; -EAGAIN: the chain was broken. */
static int attempt_read(const struct objects *objects, uint64_t thread, bool merge,
                        struct walk *walk, struct steady *steady, struct stack *ret_stack)
{
    struct head head;
    int result = find_head(objects, thread, &head);
    if (result == 0)
        result = walk_frames(objects, head.at, walk);
    if (result)
        return result;
    *ret_stack = (struct stack){.cut = walk->cut};
    if (prove(objects, &head, walk, merge))
        return take(objects, walk->frames, walk->count, ret_stack);
    ret_stack->torn = true;
    return ends_in_generator(objects, walk) ? 0 : narrow(objects, walk, steady);
}

int stack_read(const struct objects *objects, uint64_t thread, struct stack *ret_stack)
{
    enum { READINGS_LEAST = 3 };
    struct walk walk = {0};
    struct steady steady = {0};
    struct stack stack = {.torn = true};
    size_t frames_read = 0;
    int attempts = 0;
    int floating = 0;
    int result = 0;
    while (stack.torn && attempts < ATTEMPTS && frames_read < FRAMES_READ_MOST) {
        result = attempt_read(objects, thread, attempts % 2 == 0, &walk, &steady, &stack);
        stack.torn = stack.torn || result;
        if (result && result != -EAGAIN)
            break;
        attempts++;
        frames_read += walk.count * (size_t)rounds_of(walk.count);
        result = 0;
        /* A thread that C code started may have such a stack: then it always has. */
        if (!stack.torn && ends_in_generator(objects, &walk)) {
            floating++;
            stack.torn = floating < ATTEMPTS;
        }
    }
    if (result == 0 && stack.torn) {
        stack = (struct stack){.torn = true, .cut = stack.cut};
        if (steady.readings >= READINGS_LEAST)
            result = take(objects, steady.frames, steady.count, &stack);
        stack.torn = true;
    }
    free(walk.frames);
    free(steady.frames);
    *ret_stack = stack;
    return result;
}
