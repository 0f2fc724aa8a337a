/* SPDX-License-Identifier: MIT */
/* A bare recording thunk: two counter reads and two stores of 16 bytes around a method, and nothing else.
 * Why: what recording a method's calls costs at the least; `methods` is held against it (vm.py). */
#include <stdint.h>
#include <x86intrin.h>

enum { EVENTS = 1 << 16, DESCRIPTOR_METHOD = 40, METHODS = 8 };

typedef void *function(void *self, void *a, void *b, void *c, void *d);

struct method {
    const char *name;
    function *code;
};

static struct {
    uint64_t counter, what;
} events[EVENTS];
static uint64_t head;

static inline void put(uint64_t what)
{
    events[head & (EVENTS - 1)].counter = __rdtsc();
    events[head++ & (EVENTS - 1)].what = what;
}

static function *originals[METHODS];

#define THUNK(n)                                                           \
    static void *thunk_##n(void *self, void *a, void *b, void *c, void *d) \
    {                                                                      \
        put(2 * n);                                                        \
        void *result = originals[n](self, a, b, c, d);                     \
        put(2 * n + 1);                                                    \
        return result;                                                     \
    }
THUNK(0)
THUNK(1)
THUNK(2)
THUNK(3)

static function *const thunks[] = {thunk_0, thunk_1, thunk_2, thunk_3};

/* `descriptor`: a method of a builtin type, as `dict.get`. */
void bare_thunk_put(int number, void *descriptor)
{
    struct method *method = *(struct method **)((char *)descriptor + DESCRIPTOR_METHOD);
    originals[number] = method->code;
    method->code = thunks[number];
}
