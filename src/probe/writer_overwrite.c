/* SPDX-License-Identifier: MIT */
/* Eighths of a ring, and where a reader may begin.
 * Why: see writer_overwrite.h. */
#include "probe/writer_overwrite.h"

#include "probe/py/pyapi.h"

void writer_tell_safe(struct ring_shared *ring, uint64_t safe)
{
    atomic_store_explicit(&ring->tail, safe, memory_order_relaxed);
    /* Pairs with the reader's acquire fence, after its copy and before it reads tail again: one that has
     * copied anything of what is written from here on sees this tail. */
    atomic_thread_fence(memory_order_release);
}

/* A seed begins at the head, and readers may begin there from now on. Until the next one is due, an eighth
 * further on, and while it is late, half an eighth is written at most, and that it takes half of one: what
 * these will overwrite is told before. */
void writer_begin_eighth(struct writer *writer)
{
    uint64_t head = writer->head, safe = head;
    uint64_t end = head + 2 * writer_eighth(writer);
    writer->seeds[writer->seed_count++ % WRITER_SEEDS] = head;
    for (uint32_t i = 0; i < WRITER_SEEDS && i < writer->seed_count; i++) {
        uint64_t seed = writer->seeds[i];
        if (seed + writer->mask + 1 >= end && seed < safe)
            safe = seed;
    }
    writer_tell_safe(writer->ring, safe);
    writer->next_seed = head + writer_eighth(writer);
}

/* Up to 3.11 a pop is told when its frame is no longer among those of the stack: the seed waits for a
 * push, for a while. */
void writer_seed_when_due(struct writer *writer, uint64_t counter, uint32_t kind, uint32_t frame)
{
    uint64_t head = writer->head;
    bool push = kind == EVENT_START || kind == EVENT_RESUME || kind == EVENT_THROW;
    if (head < writer->next_seed ||
        (!push && pyapi.minor < 12 && head < writer->next_seed + writer_eighth(writer) / 2))
        return;
    writer_seed(writer, pyapi.thread_state(), counter, 0, push ? frame : 0, false);
}
