/* SPDX-License-Identifier: MIT */
/* Generators of all kinds, their states and what their frames wait for.
 * Why: see awaits.h. A generator says in each version in another way whether it is suspended in an
 * await or in a plain yield: only then is the top of its value stack what it awaits.
 * Rules: as awaits.h. */
#include "attach/awaits.h"

#include "attach/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    OB_TYPE = 8,
    WRAPPED = 16,    /* the first field of every object that wraps another one */
    YIELD_FROM = 72, /* 3.9, 3.10 */
    CODE_UNIT = 2,
    TAG_BITS = 7, /* of a reference on the value stack, 3.14+ */
    NAME_MOST = 64,
};

/* What a generator is about, whatever its version calls it. */
enum condition { NOT_BEGUN, YIELDED, AWAITS, RUNS, ENDED };

void awaits_read_ahead(struct awaits *awaits, const struct objects *objects, uint64_t address)
{
    ssize_t got = memory_read_some(objects->pid, address, awaits->block, sizeof(awaits->block));
    awaits->block_at = address;
    awaits->block_size = got > 0 ? (size_t)got : 0;
}

static bool read_word(const struct awaits *awaits, const struct objects *objects, uint64_t address,
                      uint64_t *ret_word)
{
    uint64_t place = address - awaits->block_at;
    if (address < awaits->block_at || place + sizeof(*ret_word) > awaits->block_size)
        return memory_read_u64(objects->pid, address, ret_word) == 0;
    memcpy(ret_word, awaits->block + place, sizeof(*ret_word));
    return true;
}

bool awaits_look(struct awaits *awaits, const struct objects *objects, uint64_t address,
                 uint64_t *ret_word)
{
    if (awaits->word_count == awaits->word_room) {
        size_t room = awaits->word_room ? awaits->word_room * 2 : 64;
        struct awaits_word *more = realloc(awaits->words, room * sizeof(*more));
        if (!more)
            return false;
        awaits->words = more;
        awaits->word_room = room;
    }
    if (!address || address % 8 || !read_word(awaits, objects, address, ret_word))
        return false;
    awaits->words[awaits->word_count++] = (struct awaits_word){address, *ret_word};
    return true;
}

/* A field that is less than a word. */
static bool look_byte(struct awaits *awaits, const struct objects *objects, uint64_t address,
                      int8_t *ret_byte)
{
    uint64_t word;
    if (!awaits_look(awaits, objects, address & ~UINT64_C(7), &word))
        return false;
    *ret_byte = (int8_t)(word >> (address & 7) * 8);
    return true;
}

static bool look_int(struct awaits *awaits, const struct objects *objects, uint64_t address,
                     int32_t *ret_number)
{
    uint64_t word;
    if (!awaits_look(awaits, objects, address & ~UINT64_C(7), &word))
        return false;
    *ret_number = (int32_t)(word >> (address & 7) * 8);
    return true;
}

bool awaits_hold(const struct awaits *awaits, const struct objects *objects)
{
    size_t count = awaits->word_count;
    struct memory_part *parts = calloc(count * 2 + 1, sizeof(*parts));
    uint64_t *words = calloc(count * 2 + 1, sizeof(*words));
    bool same = parts && words;
    for (size_t i = 0; same && i < count * 2; i++) {
        size_t which = i < count ? i : count * 2 - 1 - i;
        parts[i] = (struct memory_part){awaits->words[which].address, &words[i], sizeof(*words)};
    }
    same = same && memory_read_parts(objects->pid, parts, count * 2) == 0;
    for (size_t i = 0; same && i < count * 2; i++)
        same = words[i] == awaits->words[i < count ? i : count * 2 - 1 - i].value;
    free(parts);
    free(words);
    return same;
}

void awaits_clear(struct awaits *awaits)
{
    awaits->word_count = awaits->count = 0;
    awaits->end = awaits->name = awaits->running = 0;
    awaits->runs = awaits->cut = false;
    awaits->block_size = 0;
    awaits->code = 0;
}

void awaits_done(struct awaits *awaits)
{
    free(awaits->words);
    free(awaits->frames);
    free(awaits->names);
    *awaits = (struct awaits){0};
}

static int add_frame(struct awaits *awaits, const struct stack_frame *frame, uint64_t name)
{
    if (awaits->count == awaits->room) {
        size_t room = awaits->room ? awaits->room * 2 : 16;
        struct stack_frame *frames = realloc(awaits->frames, room * sizeof(*frames));
        if (frames)
            awaits->frames = frames;
        uint64_t *names = realloc(awaits->names, room * sizeof(*names));
        if (names)
            awaits->names = names;
        if (!frames || !names)
            return -ENOMEM;
        awaits->room = room;
    }
    awaits->names[awaits->count] = name;
    awaits->frames[awaits->count++] = *frame;
    return 0;
}

enum kind { GENERATOR, WRAPPER, OTHER };

/* By the type's name, of a type that is not made by a class statement. */
static enum kind find_kind(const struct objects *objects, uint64_t type)
{
    enum { HEAP_TYPE = 1 << 9 };
    static const struct {
        const char *name;
        enum kind kind;
    } kinds[] = {
        {"coroutine", GENERATOR},
        {"generator", GENERATOR},
        {"async_generator", GENERATOR},
        {"async_generator_asend", WRAPPER},
        {"async_generator_athrow", WRAPPER},
        {"coroutine_wrapper", WRAPPER},
        {"anext_awaitable", WRAPPER},
    };
    char name[NAME_MOST];
    uint64_t address;
    uint64_t flags;
    if (memory_read_u64(objects->pid, type + objects->layout.type_flags, &flags) ||
        flags & HEAP_TYPE ||
        memory_read_u64(objects->pid, type + objects->layout.type_name, &address))
        return OTHER;
    ssize_t got = memory_read_some(objects->pid, address, name, sizeof(name) - 1);
    name[got > 0 ? got : 0] = '\0';
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (strcmp(name, kinds[i].name) == 0)
            return kinds[i].kind;
    return OTHER;
}

/* A type is looked at once. */
static enum kind kind_of(struct awaits *awaits, const struct objects *objects, uint64_t type)
{
    const size_t most = sizeof(awaits->kinds) / sizeof(*awaits->kinds);
    size_t i = 0;
    while (i < most && awaits->kinds[i].type && awaits->kinds[i].type != type)
        i++;
    if (i == most)
        return find_kind(objects, type);
    if (!awaits->kinds[i].type) {
        awaits->kinds[i].type = type;
        awaits->kinds[i].kind = (int)find_kind(objects, type);
    }
    return (enum kind)awaits->kinds[i].kind;
}

/* 3.9 and 3.10: whether the instruction behind the last one awaits; both are in the bytes of co_code. */
static bool is_at_yield_from(const struct objects *objects, const struct stack_frame *frame)
{
    uint64_t bytecode;
    unsigned char next = 0;
    return memory_read_u64(objects->pid, frame->code + objects->layout.code_bytecode, &bytecode) ==
               0 &&
           memory_read(objects->pid,
                       bytecode + objects->layout.bytes_data + (uint64_t)frame->instruction +
                           CODE_UNIT,
                       &next, sizeof(next)) == 0 &&
           next == YIELD_FROM;
}

/* 3.11 and 3.12: a suspended generator goes on with a RESUME, whose argument says what suspended it. */
static bool is_before_resume_of_await(const struct objects *objects,
                                      const struct stack_frame *frame)
{
    enum { AFTER_YIELD_FROM = 2, WHENCE = 3 };
    unsigned char unit[CODE_UNIT];
    return memory_read(objects->pid,
                       frame->code + objects->layout.code_bytecode + (uint64_t)frame->instruction +
                           CODE_UNIT,
                       unit, sizeof(unit)) == 0 &&
           (unit[1] & WHENCE) >= AFTER_YIELD_FROM;
}

/* The states' numbers changed in 3.13 and in 3.15. */
static enum condition condition_of_state(const struct objects *objects, int8_t state)
{
    int minor = objects->layout.minor;
    if (minor >= 15)
        return state <= 0   ? NOT_BEGUN
               : state == 1 ? YIELDED
               : state <= 3 ? AWAITS
               : state == 4 ? RUNS
                            : ENDED;
    if (minor >= 13 && state < 0)
        return state == -1 ? AWAITS : state == -2 ? YIELDED : NOT_BEGUN;
    if (state < 0)
        return state == -1 ? YIELDED : NOT_BEGUN;
    return state == 0 ? RUNS : ENDED;
}

/* False: it changed under us. */
static bool find_condition(struct awaits *awaits, const struct objects *objects, uint64_t generator,
                           const struct stack_frame *frame, enum condition *ret_condition)
{
    const struct layout *layout = &objects->layout;
    int8_t state;
    uint64_t place = layout->generator_state ? generator + layout->generator_state
                                             : frame->address + layout->frame_state;
    if (!look_byte(awaits, objects, place, &state))
        return false;
    enum condition condition;
    if (layout->minor == 9) /* gi_running */
        condition = state ? RUNS : frame->instruction < 0 ? NOT_BEGUN : YIELDED;
    else
        condition = condition_of_state(objects, state);
    if (condition == YIELDED && layout->minor < 13 && frame->instruction >= 0) {
        bool awaits_other = layout->minor <= 10 ? is_at_yield_from(objects, frame)
                                                : is_before_resume_of_await(objects, frame);
        condition = awaits_other ? AWAITS : YIELDED;
    }
    *ret_condition = condition;
    return true;
}

/* The frame's code and instruction. False: it is none, or changed under us. */
static bool look_frame(struct awaits *awaits, const struct objects *objects,
                       struct stack_frame *frame)
{
    const struct layout *layout = &objects->layout;
    uint64_t type;
    uint64_t word;
    if (!awaits_look(awaits, objects, frame->address + layout->frame_code, &frame->code))
        return false;
    frame->code &= ~(uint64_t)TAG_BITS;
    if (!frame->code ||
        (frame->code != awaits->code &&
         (memory_read_u64(objects->pid, frame->code + OB_TYPE, &type) ||
          type != objects->code_type)) ||
        !awaits_look(awaits, objects, frame->address + layout->frame_instruction, &word))
        return false;
    awaits->code = frame->code;
    if (layout->minor >= 11)
        frame->instruction = (int64_t)(word - frame->code - layout->code_bytecode);
    else
        frame->instruction = (int64_t)(int32_t)word * (layout->minor == 10 ? CODE_UNIT : 1);
    return true;
}

/* The slot of the value stack that holds what is awaited. */
static bool find_awaited(struct awaits *awaits, const struct objects *objects,
                         const struct stack_frame *frame, uint64_t *ret_awaited)
{
    enum { SLOT = 8, VALUES_MOST = 1 << 20 };
    const struct layout *layout = &objects->layout;
    uint64_t top;
    int32_t count;
    if (layout->minor >= 14 || layout->minor == 9) {
        if (!awaits_look(awaits, objects, frame->address + layout->frame_stack, &top))
            return false;
        top -= layout->minor >= 15 ? SLOT * 2 : SLOT; /* 3.15 has an index above it */
    } else {
        uint64_t lowest = frame->address + layout->frame_locals;
        if (layout->minor == 10 &&
            !awaits_look(awaits, objects, frame->address + layout->frame_values, &lowest))
            return false;
        if (!look_int(awaits, objects, frame->address + layout->frame_stack, &count) ||
            count <= 0 || count > VALUES_MOST)
            return false;
        top = lowest + (uint64_t)(count - 1) * SLOT;
    }
    if (!awaits_look(awaits, objects, top, ret_awaited))
        return false;
    if (layout->minor >= 14)
        *ret_awaited &= ~(uint64_t)TAG_BITS;
    return true;
}

/* One generator. 1: `*ret_next` is what it awaits; 0: the chain ends here; or -errno. */
static int follow_generator(struct awaits *awaits, const struct objects *objects,
                            uint64_t generator, uint64_t *ret_next)
{
    const struct layout *layout = &objects->layout;
    struct stack_frame frame = {.address = generator + layout->generator_frame};
    enum condition condition = ENDED;
    int8_t state;
    uint64_t name = 0;
    if (layout->minor <= 10) {
        if (!awaits_look(awaits, objects, frame.address, &frame.address))
            return -EAGAIN;
        if (!frame.address) /* it has ended */
            return 0;
        if (!awaits_look(awaits, objects, generator + layout->generator_qualname, &name))
            return -EAGAIN;
        if (layout->minor == 10) /* in 3.9 the generator has its state, in 3.10 the frame */
            awaits_read_ahead(awaits, objects, frame.address);
    } else if (!look_byte(awaits, objects, generator + layout->generator_state, &state)) {
        return -EAGAIN;
    } else if (condition_of_state(objects, state) == ENDED) {
        return 0;
    }
    if (awaits->count == 0)
        awaits->name = name;
    if (!look_frame(awaits, objects, &frame) ||
        !find_condition(awaits, objects, generator, &frame, &condition))
        return -EAGAIN;
    if (condition == RUNS) {
        awaits->runs = true;
        awaits->running = frame.address;
        return 0;
    }
    int result = add_frame(awaits, &frame, name);
    if (result || condition != AWAITS)
        return result;
    return find_awaited(awaits, objects, &frame, ret_next) ? 1 : -EAGAIN;
}

int awaits_follow(struct awaits *awaits, const struct objects *objects, uint64_t coroutine)
{
    uint64_t mark = 0; /* an object seen, farther and farther back: met again, it is a circle */
    uint64_t object = coroutine;
    for (size_t seen = 0; object; seen++) {
        uint64_t type;
        int result = 1;
        awaits_read_ahead(awaits, objects, object);
        if (object == mark || !awaits_look(awaits, objects, object + OB_TYPE, &type))
            return -EAGAIN;
        if ((seen & (seen - 1)) == 0)
            mark = object;
        if (seen == AWAITS_FRAMES_MOST) {
            awaits->cut = true;
            return 0;
        }
        enum kind kind = kind_of(awaits, objects, type);
        if (kind == OTHER) {
            awaits->end = object;
            return 0;
        }
        if (kind == GENERATOR)
            result = follow_generator(awaits, objects, object, &object);
        else if (!awaits_look(awaits, objects, object + WRAPPED, &object))
            result = -EAGAIN;
        if (result <= 0)
            return result;
    }
    return 0;
}
