/* SPDX-License-Identifier: MIT */
/* Counting each object once.
 * How: the collector's lists name the containers; what they refer to that is in no list (numbers, text, tuples of
 * such) is found by tp_traverse. A bit for each 16 bytes of address says what was met: 1/128 of the heap.
 * Rules: its own memory comes from mmap, so that the heap that is walked stays as it is; it is given back at the
 * end. Types are neither kept alive nor touched. */
#include "sources/census/census_probe.h"

#include "base/clock.h"
#include "probe/link.h"
#include "probe/py/heap.h"
#include "wire/heap_census.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    CHUNK_SHIFT = 20, /* a leaf has a bit for each 16 bytes of this much address space */
    LEAF_BYTES = 1 << (CHUNK_SHIFT - 4 - 3),
    LEAVES_AT_ONCE = 512,
    FIRST_CHUNKS = 1 << 12,
    FIRST_PENDING = 1 << 12,
    TYPE_SLOTS = 2 * HEAP_CENSUS_ROWS,
    OTHER_ROW = 0,
};

struct chunk {
    uintptr_t key; /* address >> CHUNK_SHIFT, + 1; 0: free */
    unsigned char *bits;
};

struct type_row {
    PyTypeObject *type;
    struct heap_measure measure;
    bool is_wanted;
};

struct walk {
    struct chunk *chunks;
    size_t chunk_limit, chunk_count; /* a power of two */
    struct chunk *last;              /* the one that was used last */
    unsigned char *leaves;           /* of the present block */
    size_t leaves_left;
    struct block {
        struct block *next;
    } * blocks;
    struct pending {
        PyObject *object;
    } * pending; /* met, in no list of the collector's, not followed yet */
    size_t pending_count, pending_limit;
    struct type_row *types; /* HEAP_CENSUS_ROWS */
    uint32_t *slots;        /* by type: 1 + index */
    struct heap_census_header *header;
    struct heap_census_row *rows;
    uint32_t owner; /* the row of the object whose referents are visited */
    bool failed;
};

/* --- memory --------------------------------------------------------------------------------- */

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static void unmap(void *memory, size_t size)
{
    if (memory)
        munmap(memory, size);
}

static unsigned char *new_leaf(struct walk *walk)
{
    if (walk->leaves_left == 0) {
        /* The first leaf's room is the block's own head. */
        struct block *block = map((size_t)LEAVES_AT_ONCE * LEAF_BYTES);
        if (!block)
            return NULL;
        block->next = walk->blocks;
        walk->blocks = block;
        walk->leaves = (unsigned char *)block + LEAF_BYTES;
        walk->leaves_left = LEAVES_AT_ONCE - 1;
    }
    unsigned char *leaf = walk->leaves;
    walk->leaves += LEAF_BYTES;
    walk->leaves_left--;
    return leaf;
}

static struct chunk *find_chunk(struct chunk *chunks, size_t limit, uintptr_t key)
{
    size_t at = (key * UINT64_C(0x9e3779b97f4a7c15)) >> 20 & (limit - 1);
    while (chunks[at].key && chunks[at].key != key)
        at = (at + 1) & (limit - 1);
    return &chunks[at];
}

static bool grow_chunks(struct walk *walk)
{
    size_t limit = walk->chunk_limit * 2;
    struct chunk *chunks = map(limit * sizeof(*chunks));
    if (!chunks)
        return false;
    for (size_t i = 0; i < walk->chunk_limit; i++)
        if (walk->chunks[i].key)
            *find_chunk(chunks, limit, walk->chunks[i].key) = walk->chunks[i];
    unmap(walk->chunks, walk->chunk_limit * sizeof(*chunks));
    walk->chunks = chunks;
    walk->chunk_limit = limit;
    walk->last = NULL;
    return true;
}

static struct chunk *chunk_of(struct walk *walk, uintptr_t key)
{
    if (walk->chunk_count * 2 >= walk->chunk_limit && !grow_chunks(walk))
        return NULL;
    struct chunk *chunk = find_chunk(walk->chunks, walk->chunk_limit, key);
    if (chunk->key)
        return chunk;
    chunk->bits = new_leaf(walk);
    if (!chunk->bits)
        return NULL;
    chunk->key = key;
    walk->chunk_count++;
    return chunk;
}

/* True: it was not met before. Two objects never share 16 bytes. */
static bool meet(struct walk *walk, const PyObject *object)
{
    uintptr_t address = (uintptr_t)object, key = (address >> CHUNK_SHIFT) + 1;
    if (!walk->last || walk->last->key != key)
        walk->last = chunk_of(walk, key);
    if (!walk->last) {
        walk->failed = true;
        return false;
    }
    size_t bit = (address & ((UINT64_C(1) << CHUNK_SHIFT) - 1)) >> 4;
    unsigned char mask = (unsigned char)(1u << (bit & 7));
    if (walk->last->bits[bit >> 3] & mask)
        return false;
    walk->last->bits[bit >> 3] |= mask;
    return true;
}

static void follow_later(struct walk *walk, PyObject *object)
{
    if (walk->pending_count == walk->pending_limit) {
        size_t size = walk->pending_limit * sizeof(*walk->pending);
        void *grown = mremap(walk->pending, size, 2 * size, MREMAP_MAYMOVE);
        if (grown == MAP_FAILED) {
            walk->failed = true;
            return;
        }
        walk->pending = grown;
        walk->pending_limit *= 2;
    }
    walk->pending[walk->pending_count++].object = object;
}

/* --- types ---------------------------------------------------------------------------------- */

static void note_wanted(struct walk *walk, struct type_row *row)
{
    const char *wanted = walk->header->wanted, *dot = strrchr(wanted, '.');
    char name[HEAP_CENSUS_NAME_SIZE];
    if (!*wanted || strcmp(dot ? dot + 1 : wanted, heap_type_tail(row->type)) != 0)
        return;
    heap_type_name(row->type, name, sizeof(name));
    row->is_wanted = strcmp(name, wanted) == 0;
    walk->header->is_wanted |= row->is_wanted;
}

static uint32_t row_of(struct walk *walk, PyTypeObject *type)
{
    size_t at = ((uintptr_t)type * UINT64_C(0x9e3779b97f4a7c15)) >> 40 & (TYPE_SLOTS - 1);
    for (; walk->slots[at]; at = (at + 1) & (TYPE_SLOTS - 1))
        if (walk->types[walk->slots[at] - 1].type == type)
            return walk->slots[at] - 1;
    uint32_t row = walk->header->row_count;
    if (row == HEAP_CENSUS_ROWS)
        return OTHER_ROW;
    walk->header->row_count++;
    walk->slots[at] = row + 1;
    walk->types[row].type = type;
    heap_measure_type(type, &walk->types[row].measure);
    note_wanted(walk, &walk->types[row]);
    return row;
}

/* --- the walk ------------------------------------------------------------------------------- */

static void count(struct walk *walk, uint32_t row, PyObject *object)
{
    struct heap_measure other;
    const struct heap_measure *measure = &walk->types[row].measure;
    if (row == OTHER_ROW) {
        heap_measure_type(Py_TYPE(object), &other);
        measure = &other;
    }
    size_t bytes = heap_measure(measure, object);
    walk->rows[row].objects++;
    walk->rows[row].bytes += bytes;
    walk->header->objects++;
    walk->header->bytes += bytes;
    walk->header->unsized += measure->is_unknown;
}

static int visit_referent(PyObject *object, void *context)
{
    struct walk *walk = context;
    if (!object)
        return 0;
    if (walk->header->wanted[0] && walk->types[row_of(walk, Py_TYPE(object))].is_wanted)
        walk->rows[walk->owner].referrers++;
    if (heap_is_container(object) || !meet(walk, object))
        return 0;
    count(walk, row_of(walk, Py_TYPE(object)), object);
    follow_later(walk, object);
    return 0;
}

static void follow(struct walk *walk, PyObject *object)
{
    walk->owner = row_of(walk, Py_TYPE(object));
    heap_each_referent(object, visit_referent, walk);
}

static int visit_container(PyObject *object, void *context)
{
    struct walk *walk = context;
    if (!meet(walk, object))
        return 1;
    count(walk, row_of(walk, Py_TYPE(object)), object);
    follow(walk, object);
    while (walk->pending_count)
        follow(walk, walk->pending[--walk->pending_count].object);
    return 1;
}

/* Last, since naming makes text. */
static void name_rows(struct walk *walk)
{
    snprintf(walk->rows[OTHER_ROW].type, HEAP_CENSUS_NAME_SIZE, "(other)");
    for (uint32_t i = OTHER_ROW + 1; i < walk->header->row_count; i++)
        heap_type_name(walk->types[i].type, walk->rows[i].type, HEAP_CENSUS_NAME_SIZE);
}

static int walk_heap(struct walk *walk)
{
    walk->chunk_limit = FIRST_CHUNKS;
    walk->pending_limit = FIRST_PENDING;
    walk->chunks = map(walk->chunk_limit * sizeof(*walk->chunks));
    walk->pending = map(walk->pending_limit * sizeof(*walk->pending));
    walk->types = map(HEAP_CENSUS_ROWS * sizeof(*walk->types));
    walk->slots = map(TYPE_SLOTS * sizeof(*walk->slots));
    if (!walk->chunks || !walk->pending || !walk->types || !walk->slots)
        return -1;
    walk->header->row_count = OTHER_ROW + 1;
    int result = heap_each_container(visit_container, walk);
    if (result == 0)
        name_rows(walk);
    return result;
}

static void give_back(struct walk *walk)
{
    for (struct block *next, *block = walk->blocks; block; block = next) {
        next = block->next;
        unmap(block, (size_t)LEAVES_AT_ONCE * LEAF_BYTES);
    }
    unmap(walk->chunks, walk->chunk_limit * sizeof(*walk->chunks));
    unmap(walk->pending, walk->pending_limit * sizeof(*walk->pending));
    unmap(walk->types, HEAP_CENSUS_ROWS * sizeof(*walk->types));
    unmap(walk->slots, TYPE_SLOTS * sizeof(*walk->slots));
}

/* --- the file ------------------------------------------------------------------------------- */

static struct heap_census_header *open_file(const char *path, char *reason, size_t size)
{
    size_t length = 0;
    int fd = link_open_file(path, &length, reason, size);
    if (fd < 0)
        return NULL;
    unlink(path);
    struct heap_census_header *header =
        length == HEAP_CENSUS_SIZE ? mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                                   : MAP_FAILED;
    close(fd);
    if (header != MAP_FAILED && header->magic == HEAP_CENSUS_MAGIC &&
        header->format == HEAP_CENSUS_FORMAT)
        return header;
    if (header != MAP_FAILED)
        munmap(header, length);
    snprintf(reason, size, "the file for the census is none that this probe knows");
    return NULL;
}

int census_run(const char *path, char *reason, size_t size)
{
    struct heap_census_header *header = open_file(path, reason, size);
    if (!header)
        return -1;
    struct walk walk = {
        .header = header,
        .rows = (struct heap_census_row *)((char *)header + HEAP_CENSUS_HEADER_SIZE)};
    header->wanted[HEAP_CENSUS_NAME_SIZE - 1] = '\0';
    uint64_t begin_ns = clock_monotonic_ns();
    int result = heap_prepare(reason, size);
    if (result == 0 && walk_heap(&walk)) {
        snprintf(reason, size, "the process has no memory left to walk its heap with");
        result = -1;
    }
    header->incomplete = walk.failed;
    give_back(&walk);
    header->duration_ns = clock_monotonic_ns() - begin_ns;
    munmap(header, HEAP_CENSUS_SIZE);
    return result;
}
