/* SPDX-License-Identifier: MIT */
/* The thunks: precompiled, one for each method, since ml_meth is not told which method it is of.
 * How one fits all: the arguments of each of CPython's calling conventions are words in registers, at most five;
 * handing on five hands on those that there are (both ABIs, x86-64's and aarch64's, leave the others alone).
 * Rules: no code is made at run time. */
#include "sources/methods/methods_probe.h"

#include "probe/link.h"
#include "probe/writer.h"

struct methods_thunk methods_thunks[METHODS_THUNKS];
static uint32_t epoch;

void methods_thunks_begin_anew(void)
{
    epoch++;
}

/* Under a rule. */
static __attribute__((noinline)) PyObject *call_judged(struct methods_thunk *thunk, void *self,
                                                       void *a, void *b, void *c, void *d)
{
    struct escalate_words words = {
        .id = thunk->id,
        .key = (uint32_t)((uintptr_t)__builtin_frame_address(0) >> 3),
        .method = thunk->method,
        .self = self,
        .a = a,
        .b = b,
        .c = c,
        .d = d,
    };
    uint32_t begun_in = epoch;
    if (writer_is_at_work)
        return thunk->original(self, a, b, c, d);
    escalate_push_method(&words);
    PyObject *result = thunk->original(self, a, b, c, d);
    uint64_t counter = link_counter();
    if (__builtin_expect(begun_in == epoch, 1))
        escalate_pop_method(&words, !result, counter);
    return result;
}

static inline __attribute__((always_inline)) PyObject *call(struct methods_thunk *thunk, void *self,
                                                            void *a, void *b, void *c, void *d)
{
    if (__builtin_expect(!thunk->is_on, 0))
        return thunk->original(self, a, b, c, d);
    if (__builtin_expect(thunk->is_judged, 0))
        return call_judged(thunk, self, a, b, c, d);
    uint32_t key = (uint32_t)((uintptr_t)__builtin_frame_address(0) >> 3);
    uint32_t begun_in = epoch;
    writer_put(link_counter(), EVENT_METHOD_CALL, thunk->id, key);
    PyObject *result = thunk->original(self, a, b, c, d);
    uint64_t counter = link_counter();
    if (__builtin_expect(begun_in == epoch, 1))
        writer_put(counter, result ? EVENT_METHOD_RETURN : EVENT_METHOD_RAISE, 0, key);
    return result;
}

/* The formatter never comes to rest with these. */
/* clang-format off */
#define THUNK(n)                                                               \
    static PyObject *thunk_##n(void *self, void *a, void *b, void *c, void *d) \
    {                                                                          \
        return call(&methods_thunks[0x##n], self, a, b, c, d);                 \
    }
#define SIXTEEN(ONE, n)                                                        \
    ONE(n##0) ONE(n##1) ONE(n##2) ONE(n##3) ONE(n##4) ONE(n##5) ONE(n##6)      \
    ONE(n##7) ONE(n##8) ONE(n##9) ONE(n##a) ONE(n##b) ONE(n##c) ONE(n##d)      \
    ONE(n##e) ONE(n##f)
#define THUNKS_16(n)  SIXTEEN(THUNK, n)
#define THUNKS_256(n)                                                          \
    THUNKS_16(n##0) THUNKS_16(n##1) THUNKS_16(n##2) THUNKS_16(n##3)            \
    THUNKS_16(n##4) THUNKS_16(n##5) THUNKS_16(n##6) THUNKS_16(n##7)            \
    THUNKS_16(n##8) THUNKS_16(n##9) THUNKS_16(n##a) THUNKS_16(n##b)            \
    THUNKS_16(n##c) THUNKS_16(n##d) THUNKS_16(n##e) THUNKS_16(n##f)
/* clang-format on */

THUNKS_256(0)
THUNKS_256(1)
THUNKS_256(2)
THUNKS_256(3)

#undef THUNK
#define THUNK(n) thunk_##n,

methods_function *methods_thunk_code(int number)
{
    static methods_function *const codes[METHODS_THUNKS] = {THUNKS_256(0) THUNKS_256(1)
                                                                THUNKS_256(2) THUNKS_256(3)};
    return codes[number];
}
