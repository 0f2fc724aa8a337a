/* SPDX-License-Identifier: MIT */
/* The line that runs: where the innermost Python frame of a thread is, as one word, and that word's line.
 * Why a word: who makes an object, or asks for memory, does so millions of times at a few places. The word costs two
 * loads and names the place; its line, found in the code object's own table, is asked for once.
 * Rules: the GIL is held. Nothing here allocates, raises or runs code, so that it may be asked within an allocation.
 * A word holds as long as its code object lives, and is no other code object's meanwhile. */
#ifndef ULMA_PROBE_PY_LINE_H
#define ULMA_PROBE_PY_LINE_H

#include "probe/py/pyapi.h"

#include <stdatomic.h>

struct line_place {
    PyObject *code; /* borrowed; NULL: no Python frame is open */
    uintptr_t word; /* 0 with it */
    void *frame;
};

/* Once, before anything else here; runs a few lines of Python. 0, or -1 with a sentence. */
int line_prepare(char *reason, size_t size);

/* From 3.11 on the frame has the instruction's address; before, its number, which needs the code's beside it: user
 * addresses have 47 bits. Beyond 65,534 instructions they share a word, whose line is not known. */
static inline uintptr_t line_word(void *frame, const PyObject *code)
{
    enum { NUMBER_MOST = 0xffff, ADDRESS_BITS = 48 };
    if (__builtin_expect(pyapi.minor >= 11, 1))
        return PYAPI_FIELD(uintptr_t, frame, pyapi.frame_instruction);
    unsigned number = (unsigned)PYAPI_FIELD(int, frame, pyapi.frame_lasti);
    uintptr_t kept = number < NUMBER_MOST ? number : NUMBER_MOST;
    return (uintptr_t)code | kept << ADDRESS_BITS;
}

/* The innermost frame that runs Python code. */
static inline struct line_place line_of_thread(PyThreadState *tstate)
{
    void *frame = pyapi_current_frame(tstate);
    PyObject *code = NULL;
    while (frame && !(code = pyapi_frame_code(frame)))
        frame = PYAPI_FIELD(void *, frame, pyapi.frame_previous);
    return (struct line_place){code, frame ? line_word(frame, code) : 0, frame};
}

/* The argument of the instruction at that offset, as it stands beside it; -1: not known. 3.12 and newer. */
int line_argument(const PyObject *code, int64_t offset);

/* Its line; 0: it has none, or it is not known. */
uint32_t line_number(PyObject *code, uintptr_t word);

/* The same, remembered; for a frame of this thread, with the GIL or without. 0 before line_prepare has said yes. */
uint32_t line_remembered(PyObject *code, uintptr_t word);

/* A code object is no more: words may come to mean something else. */
void line_forget(void);

/* Rises with each line_forget. */
extern _Atomic uint32_t line_generation;

#endif
