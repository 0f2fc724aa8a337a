/* SPDX-License-Identifier: MIT */
/* The chain of awaits below a coroutine of a CPython that is read from outside: what `cr_await`,
 * `gi_yieldfrom` and `ag_await` would tell, down to what is no Python code any more.
 * Why: a coroutine that waits is on no thread's stack. Where it stands is known to the coroutine
 * objects alone, each of which holds its frame, whose value stack holds what it awaits.
 * Rules: every word that led on is noted, and all of them are read once more, forth and back in one
 * call: where each is what it was both times, they were all so at one moment. */
#ifndef ULMA_ATTACH_AWAITS_H
#define ULMA_ATTACH_AWAITS_H

#include "attach/objects.h"
#include "attach/stack.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { AWAITS_FRAMES_MOST = 1 << 14 };

struct awaits_word {
    uint64_t address, value;
};

struct awaits {
    struct awaits_word *words; /* of the heap */
    size_t word_count, word_room;
    struct stack_frame *frames; /* of the heap; the coroutine's own first, the innermost last */
    uint64_t *names;            /* of each, the object that has its qualified name; 0: none */
    size_t count, room;
    uint64_t
        end; /* what the innermost frame awaits: an object that is no Python code; 0: nothing */
    uint64_t name;    /* of the first generator in the chain, as in names */
    bool runs;        /* the coroutine runs: its thread's stack tells its frames */
    uint64_t running; /* the frame of the outermost one that runs */
    bool cut;         /* more frames than are read */
    struct {
        uint64_t type;
        int kind;
    } kinds[16];       /* of types seen; the first without a type ends them */
    uint64_t block_at; /* what is there was read ahead, so that an object takes one call */
    size_t block_size;
    unsigned char block[512];
    uint64_t code; /* known to be a code object */
};

/* Reads ahead from an address: for the words there that are looked at next. */
void awaits_read_ahead(struct awaits *awaits, const struct objects *objects, uint64_t address);

/* A word of the process that must still be so when awaits_hold is asked. */
bool awaits_look(struct awaits *awaits, const struct objects *objects, uint64_t address,
                 uint64_t *ret_word);

/* Follows the chain from the object at `coroutine`. 0; -EAGAIN: it changed under us; -ENOMEM. An
 * object that is no coroutine of CPython's is the `end`. */
int awaits_follow(struct awaits *awaits, const struct objects *objects, uint64_t coroutine);

/* Whether all words that were looked at held at one moment. */
bool awaits_hold(const struct awaits *awaits, const struct objects *objects);

void awaits_clear(struct awaits *awaits); /* ready for the next one */
void awaits_done(struct awaits *awaits);

#endif
