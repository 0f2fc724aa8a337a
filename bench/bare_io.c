/* SPDX-License-Identifier: MIT */
/* A bare recording wrapper of calls of the C library, preloaded: before and after the call a read of the counter and 16
 * bytes into a ring of the thread's own, published with a release; and nothing else.
 * Why: what recording such a call costs at the least; `io` is held against it (io_cost.py). That there is room, which line
 * runs, and whether recording still goes on is not looked at: nobody reads the ring, and it wraps.
 * Rules: x86-64's counter; errno is as the call left it, since nothing here touches it. */
#define _GNU_SOURCE
#include "base/clock.h"
#include "wire/event.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { RING_EVENTS = 1 << 16 };

struct ring {
    _Atomic uint64_t head;
    uint64_t written;
    struct event events[RING_EVENTS];
};

static struct ring first;
static __thread struct ring *ring __attribute__((tls_model("initial-exec"))) = &first;

static inline void put(enum event_kind kind, uint32_t id, uint32_t frame)
{
    struct ring *own = ring;
    uint64_t counter = clock_counter(CLOCK_TSC), written = own->written;
    struct event *event = &own->events[written & (RING_EVENTS - 1)];
    event->counter = counter;
    event->kind_id = event_pack(kind, id);
    event->frame = frame;
    own->written = written + 1;
    atomic_store_explicit(&own->head, written + 1, memory_order_release);
}

typedef ssize_t io_function(int fd, void *bytes, size_t size, long at);
static io_function *real[3];

static void __attribute__((constructor)) find(void)
{
    static const char *const names[] = {"write", "read", "pread"};
    for (int i = 0; i < 3; i++) {
        void *found = dlsym(RTLD_NEXT, names[i]);
        memcpy(&real[i], &found, sizeof(found));
    }
}

static inline ssize_t through(int number, int fd, void *bytes, size_t size, long at)
{
    put(EVENT_IO_BEGIN, (uint32_t)number, (uint32_t)fd);
    ssize_t result = real[number](fd, bytes, size, at);
    put(EVENT_IO_END, (uint32_t)((uint64_t)result >> 32), (uint32_t)result);
    return result;
}

ssize_t write(int fd, const void *bytes, size_t size)
{
    return through(0, fd, (void *)bytes, size, 0);
}

ssize_t read(int fd, void *bytes, size_t size)
{
    return through(1, fd, bytes, size, 0);
}

ssize_t pread(int fd, void *bytes, size_t size, off_t at)
{
    return through(2, fd, bytes, size, at);
}
