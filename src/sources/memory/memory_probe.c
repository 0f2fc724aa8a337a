/* SPDX-License-Identifier: MIT */
/* The source `memory` in the target: what Python's allocators give out and take back, and which line asked.
 * Why only addresses: which block a free gives back, and whose it was, is found by the collector; here an
 * allocation is two events and a free is one.
 * Rules: an allocator may be called anywhere in the interpreter, so no code runs from here, no container is made,
 * and what else is due (a fork's child, an off) waits for a pending call (writer_room_quietly). A
 * function that is met for the first time is defined, which makes strings: only where ours is the topmost
 * layer, since a tool above may hold a lock of its own (tracemalloc does). An allocation within another one's (a
 * large object is one of the raw domain) is not told. PyMem_RawMalloc may be called without the GIL, and so may
 * all of them in an interpreter with a GIL of its own: those calls share one ring, under a lock. What the
 * interpreter's end takes back is not told: what is alive at the end is what the program left. */
#include "sources/memory/memory_probe.h"

#include "probe/define.h"
#include "probe/py/allocators.h"
#include "probe/py/line.h"
#include "probe/source_hooks.h"
#include "probe/writer_quiet.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINES = 1 << 12,    /* remembered places */
    FOREIGN_THREAD = 1, /* whose writer it is that many share; no pthread_self() */
    INTERPRETER_OFFSET = 16,
    MOST_EVENTS = 3,
    LOOK_STEP = 32, /* allocations until it is looked who is on top */
    LINE_LOW_BITS = 10,
    ID_BITS = 17,
    ADDRESS_BITS = 44,
};
static_assert(1 << ID_BITS == SESSION_ID_LIMIT, "an id has its bits in a BLOCK");

struct site {
    uint32_t id, line;
};

/* What a thread's last allocation under the GIL was told of. */
struct last_site {
    PyObject *code; /* compared only */
    uintptr_t word;
    struct site site;
};
static __thread struct last_site last_site __attribute__((tls_model("initial-exec")));

static struct place_line {
    uintptr_t word;
    uint32_t id, line;
} lines[LINES];

static bool is_on;                 /* written under the GIL */
static int active[MEMORY_DOMAINS]; /* the layer that tells; likewise */
static uint32_t told;              /* allocations under the GIL */
static allocator_hooks hooks;
static void *main_interpreter;
static PyThreadState *(*own_state)(void);
static int (*is_finalizing)(void);
static uint64_t before_bytes;

static struct {
    pthread_mutex_t lock;
    struct writer *writer; /* NULL: nothing is told */
} foreign = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- who asks ------------------------------------------------------------------------------- */

/* This thread's state if it holds the GIL of the interpreter that is profiled. Up to 3.11 what is present is of
 * whoever holds the GIL. */
static PyThreadState *state_with_gil(void)
{
    PyThreadState *present = pyapi.thread_state();
    if (!present || PYAPI_FIELD(void *, present, INTERPRETER_OFFSET) != main_interpreter)
        return NULL;
    return pyapi.minor >= 12 || own_state() == present ? present : NULL;
}

static uint32_t line_of(const struct line_place *place, uint32_t id)
{
    struct place_line *known = &lines[(place->word * UINT64_C(0x9e3779b97f4a7c15)) >> 52];
    if (known->word != place->word || known->id != id) {
        uint32_t line = line_number(place->code, place->word);
        *known = (struct place_line){place->word, id, line < MEMORY_LINE_LIMIT ? line : 0};
    }
    return known->line;
}
static_assert(LINES == 1 << 12, "twelve bits of the hash");

/* Somebody may have put hooks over ours. */
static void rise(enum memory_domain domain)
{
    int layer = allocators_raise(&hooks, domain);
    if (layer != ALLOCATOR_NONE)
        active[domain] = layer;
}

static uint32_t define(PyObject *code, void *frame)
{
    if (!link_to.header || link_to.orphan)
        return 0;
    for (int domain = 0; domain < MEMORY_DOMAINS; domain++)
        if (allocators_top(&hooks, (enum memory_domain)domain) == ALLOCATOR_NONE)
            return 0; /* soon there is one */
    return define_code(code, frame);
}

static struct site site_of(PyThreadState *tstate)
{
    struct line_place place = line_of_thread(tstate);
    if (!place.frame)
        return (struct site){0};
    struct last_site *last = &last_site;
    uint32_t id = define_known(place.code);
    if (__builtin_expect(id == 0, 0))
        id = define(place.code, place.frame);
    bool same = last->word == place.word && last->site.id == id;
    uint32_t line = same ? last->site.line : line_of(&place, id);
    *last = (struct last_site){place.code, place.word, {id, line}};
    return last->site;
}

/* Without the GIL: a code object's id may change under us, so it is the one that this thread has told last, if it
 * is in that code still. zlib, say, lets the GIL go between its allocations. */
static struct site foreign_site(void)
{
    PyThreadState *tstate = own_state();
    if (!tstate || PYAPI_FIELD(void *, tstate, INTERPRETER_OFFSET) != main_interpreter ||
        !last_site.code)
        return (struct site){0};
    struct line_place place = line_of_thread(tstate);
    if (place.code != last_site.code)
        return (struct site){0};
    return (struct site){last_site.site.id, place.word == last_site.word ? last_site.site.line : 0};
}

/* --- events --------------------------------------------------------------------------------- */

static uint64_t amount_of(enum memory_domain domain, const void *block, uint32_t line)
{
    uint64_t address = ((uintptr_t)block >> 4) & ((UINT64_C(1) << ADDRESS_BITS) - 1);
    uint64_t low = line & ((1 << LINE_LOW_BITS) - 1);
    return address | (uint64_t)domain << ADDRESS_BITS | low << (ADDRESS_BITS + 2);
}

static unsigned make_alloc(struct event events[MOST_EVENTS], uint64_t counter, struct site site,
                           enum memory_domain domain, const void *block, size_t size)
{
    unsigned count = 0;
    if (__builtin_expect(size >= UINT32_MAX, 0))
        events[count++] = event_with_amount(counter, EVENT_MEMORY_LARGE, size);
    events[count++] = (struct event){
        .counter = counter,
        .kind_id =
            event_pack(EVENT_MEMORY_BLOCK, site.id | (site.line >> LINE_LOW_BITS) << ID_BITS),
        .frame = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX,
    };
    events[count++] =
        event_with_amount(counter, EVENT_MEMORY_ALLOC, amount_of(domain, block, site.line));
    return count;
}

/* All of them, or none. */
static void put(const struct event *events, unsigned count)
{
    struct writer *writer = writer_of_thread;
    if (__builtin_expect(writer->limit - writer->head < count, 0)) {
        writer = writer_room_quietly(events[0].counter, count);
        if (!writer)
            return;
    }
    uint64_t head = writer->head;
    for (unsigned i = 0; i < count; i++)
        writer->events[(head + i) & writer->mask] = events[i];
    writer->head = head + count;
    /* Pairs with the collector's acquire of head. */
    atomic_store_explicit(&writer->ring->head, head + count, memory_order_release);
}

/* Where no counter is said it is read under the lock, so that an event is soon there to be read: once, since the
 * events of one allocation are known to belong together by it. */
static __attribute__((noinline)) void put_foreign(struct event *events, unsigned count)
{
    pthread_mutex_lock(&foreign.lock);
    if (foreign.writer) {
        uint64_t counter = events[0].counter ? events[0].counter : link_counter();
        for (unsigned i = 0; i < count; i++)
            events[i].counter = counter;
        writer_put_foreign(foreign.writer, events, count);
    }
    pthread_mutex_unlock(&foreign.lock);
}

static void tell_alloc(enum memory_domain domain, const void *block, size_t size)
{
    struct event events[MOST_EVENTS];
    PyThreadState *tstate = state_with_gil();
    if (__builtin_expect(!tstate, 0)) {
        unsigned count = make_alloc(events, 0, foreign_site(), domain, block, size);
        put_foreign(events, count);
        return;
    }
    if (__builtin_expect(++told % LOOK_STEP == 0, 0))
        rise((enum memory_domain)(told / LOOK_STEP % MEMORY_DOMAINS));
    struct site site = site_of(tstate);
    unsigned count = make_alloc(events, link_counter(), site, domain, block, size);
    put(events, count);
}

/* `counter`: of a time before the block could be another's; 0: now. */
static void tell_free(enum memory_domain domain, const void *block, uint64_t counter)
{
    struct event event = event_with_amount(counter, EVENT_MEMORY_FREE, amount_of(domain, block, 0));
    if (__builtin_expect(!state_with_gil(), 0)) {
        put_foreign(&event, 1);
        return;
    }
    if (!counter)
        event.counter = link_counter();
    put(&event, 1);
}

/* --- the hooks ------------------------------------------------------------------------------ */

/* A layer that was not the topmost when it was last looked: the tool above has gone, or allocates for itself. */
static __attribute__((noinline)) bool is_passive(int layer, enum memory_domain domain)
{
    int top = state_with_gil() ? allocators_top(&hooks, domain) : active[domain];
    if (top != ALLOCATOR_NONE)
        active[domain] = top;
    return layer != active[domain];
}

/* Nothing is to be told: off, or an allocation within another one, or a lower layer's. */
static inline bool is_quiet(int layer, enum memory_domain domain)
{
    if (writer_is_at_work || !is_on || is_finalizing())
        return true;
    return __builtin_expect(layer != active[domain], 0) && is_passive(layer, domain);
}

static inline void *hook_malloc(int layer, enum memory_domain domain, void *context, size_t size)
{
    const struct allocator *below = &allocators_below[layer][domain];
    if (is_quiet(layer, domain))
        return below->malloc(context, size);
    writer_is_at_work++;
    void *block = below->malloc(context, size);
    writer_is_at_work--;
    if (block)
        tell_alloc(domain, block, size);
    return block;
}

static inline void *hook_calloc(int layer, enum memory_domain domain, void *context, size_t count,
                                size_t size)
{
    const struct allocator *below = &allocators_below[layer][domain];
    if (is_quiet(layer, domain))
        return below->calloc(context, count, size);
    writer_is_at_work++;
    void *block = below->calloc(context, count, size);
    writer_is_at_work--;
    if (block)
        tell_alloc(domain, block, count * size);
    return block;
}

static inline void hook_free(int layer, enum memory_domain domain, void *context, void *block)
{
    const struct allocator *below = &allocators_below[layer][domain];
    if (!block || is_quiet(layer, domain)) {
        below->free(context, block);
        return;
    }
    tell_free(domain, block, 0); /* before another thread can be given the block */
    writer_is_at_work++;
    below->free(context, block);
    writer_is_at_work--;
}

/* A block that stays where it is needs no free: the collector knows that it was there. One that moves is told
 * gone only once it has: one that could not be moved is there still. */
static inline void *hook_realloc(int layer, enum memory_domain domain, void *context, void *block,
                                 size_t size)
{
    const struct allocator *below = &allocators_below[layer][domain];
    if (is_quiet(layer, domain))
        return below->realloc(context, block, size);
    uint64_t before = link_counter();
    writer_is_at_work++;
    void *moved = below->realloc(context, block, size);
    writer_is_at_work--;
    if (moved && block && moved != block)
        tell_free(domain, block, before);
    if (moved)
        tell_alloc(domain, moved, size);
    return moved;
}

#define HOOKS(layer, name, domain)                                               \
    static void *name##_malloc_##layer(void *context, size_t size)               \
    {                                                                            \
        return hook_malloc(layer, domain, context, size);                        \
    }                                                                            \
    static void *name##_calloc_##layer(void *context, size_t count, size_t size) \
    {                                                                            \
        return hook_calloc(layer, domain, context, count, size);                 \
    }                                                                            \
    static void *name##_realloc_##layer(void *context, void *block, size_t size) \
    {                                                                            \
        return hook_realloc(layer, domain, context, block, size);                \
    }                                                                            \
    static void name##_free_##layer(void *context, void *block)                  \
    {                                                                            \
        hook_free(layer, domain, context, block);                                \
    }
#define LAYER(layer)              \
    HOOKS(layer, raw, MEMORY_RAW) \
    HOOKS(layer, mem, MEMORY_MEM) \
    HOOKS(layer, obj, MEMORY_OBJ)
LAYER(0)
LAYER(1)
LAYER(2)
LAYER(3)

#define HOOK(name, layer)                                                           \
    {                                                                               \
        NULL, name##_malloc_##layer, name##_calloc_##layer, name##_realloc_##layer, \
            name##_free_##layer                                                     \
    }
#define HOOK_LAYER(layer)                                    \
    {                                                        \
        HOOK(raw, layer), HOOK(mem, layer), HOOK(obj, layer) \
    }
static allocator_hooks hooks = {HOOK_LAYER(0), HOOK_LAYER(1), HOOK_LAYER(2), HOOK_LAYER(3)};
static_assert(ALLOCATOR_LAYERS == 4 && MEMORY_RAW == 0 && MEMORY_MEM == 1 && MEMORY_OBJ == 2,
              "as many as stand there, in that order");

/* --- on and off ----------------------------------------------------------------------------- */

static void set_foreign(struct writer *writer)
{
    pthread_mutex_lock(&foreign.lock);
    foreign.writer = writer;
    pthread_mutex_unlock(&foreign.lock);
}

/* The interpreter's own statistics say how much its allocator for small blocks has given out. */
static uint64_t small_blocks_bytes(void)
{
    static const char key[] = "# bytes in allocated blocks";
    int (*tell)(FILE * stream) = NULL;
    void *symbol = dlsym(RTLD_DEFAULT, "_PyObject_DebugMallocStats");
    char *text = NULL;
    size_t size = 0;
    uint64_t bytes = 0;
    memcpy(&tell, &symbol, sizeof(symbol));
    FILE *stream = tell ? open_memstream(&text, &size) : NULL;
    if (!stream)
        return 0;
    tell(stream);
    fclose(stream);
    const char *at = text ? strstr(text, key) : NULL;
    for (at = at ? at + strlen(key) : ""; *at && *at != '\n'; at++)
        if (*at >= '0' && *at <= '9')
            bytes = bytes * 10 + (uint64_t)(*at - '0');
    free(text);
    return bytes;
}

static int memory_make_ready(char *reason, size_t size)
{
    main_interpreter = PyInterpreterState_Get();
    own_state = PyGILState_GetThisThreadState;
    void *symbol = dlsym(RTLD_DEFAULT, pyapi.minor >= 13 ? "Py_IsFinalizing" : "_Py_IsFinalizing");
    memcpy(&is_finalizing, &symbol, sizeof(symbol));
    if (!symbol) {
        snprintf(reason, size, "this Python does not say when it ends (Py_IsFinalizing)");
        return -1;
    }
    before_bytes = small_blocks_bytes();
    return line_prepare(reason, size) || allocators_prepare(reason, size) ? -1 : 0;
}

static void lower_all(void)
{
    for (int domain = 0; domain < MEMORY_DOMAINS; domain++)
        allocators_lower(&hooks, (enum memory_domain)domain);
}

static int memory_on(char *reason, size_t size)
{
    for (int domain = 0; domain < MEMORY_DOMAINS; domain++) {
        active[domain] = allocators_raise(&hooks, (enum memory_domain)domain);
        if (active[domain] == ALLOCATOR_NONE) {
            lower_all();
            snprintf(reason, size,
                     "other tools have put hooks over ulma's in Python's allocators too often");
            return -1;
        }
    }
    memset(lines, 0, sizeof(lines)); /* of code that has ended meanwhile */
    atomic_store_explicit(&link_to.header->memory_before_bytes, before_bytes, memory_order_relaxed);
    struct event begin = event_with_amount(link_counter(), EVENT_MEMORY_FREE, 0);
    put(&begin, 1);
    set_foreign(writer_reserve(FOREIGN_THREAD, 0));
    is_on = true;
    return 0;
}

static void memory_off(void)
{
    is_on = false;
    set_foreign(NULL);
    lower_all();
}

void memory_probe_forked(void)
{
    static const pthread_mutex_t unlocked = PTHREAD_MUTEX_INITIALIZER;
    memcpy(&foreign.lock, &unlocked,
           sizeof(unlocked)); /* a thread that is not here may have held it */
    foreign.writer = NULL;
}

const struct source_hooks memory_hooks = {
    .bit = SOURCE_MEMORY,
    .make_ready = memory_make_ready,
    .on = memory_on,
    .off = memory_off,
};
