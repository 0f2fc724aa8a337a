/* SPDX-License-Identifier: MIT */
/* The wrappers: a begin, the real function, an end.
 * How one fits all: arguments are words in registers, six at most; handing on six hands on those that there are, a
 * variadic open's and fcntl's too (both ABIs, x86-64's and aarch64's).
 * Why the begin is told before: a thread that waits for hours is to be seen waiting.
 * Rules: names and addresses are read once the kernel has read them, after the call. */
#include "sources/io/io_probe.h"

#include "probe/places.h"
#include "sources/waits/waits_probe.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

enum io_of { OF_NONE, OF_FIRST, OF_THIRD, OF_POLLED };

static const unsigned char results[IO_OPERATION_COUNT] = {
#define IO_OPERATION(name, text, result, sort) IO_RESULT_##result,
#include "wire/io_operations.def"
};

/* Handed about by value or within always_inline alone: what is constant of it is to cost nothing. */
struct call {
    enum io_operation operation;
    uint32_t fd;
    uint32_t epoch;
    long a, b, c, d;
};

/* --- signal handlers ------------------------------------------------------------------------ */

/* Python's signal handler writes one byte to wake whoever waits (signal.set_wakeup_fd, asyncio). It may interrupt this
 * thread in the midst of an event of its own, but only where that has the GIL: then it is told later. */
static bool is_wake(void)
{
    return pyapi.thread_state() && pyapi.thread_state() == PyGILState_GetThisThreadState();
}

static void put_aside(uint32_t fd)
{
    struct writer *writer = writer_of_thread;
    uint32_t count = atomic_load_explicit(&writer->woken_count, memory_order_relaxed);
    if (!writer->ring)
        return;
    if (count < WRITER_WOKEN) {
        writer->woken[count] = fd;
        atomic_store_explicit(&writer->woken_count, count + 1, memory_order_release);
    } else {
        atomic_fetch_add_explicit(&writer->ring->nested, 1, memory_order_relaxed);
    }
}

/* Then it is put aside. */
static inline __attribute__((always_inline)) bool is_of_handler(const struct call *call)
{
    if ((call->operation != IO_WRITE && call->operation != IO_SEND) ||
        __builtin_expect(call->c != 1, 1) || !is_wake())
        return false;
    put_aside(call->fd);
    return true;
}

static __attribute__((noinline)) void tell_woken(struct writer *writer)
{
    uint32_t count = atomic_load_explicit(&writer->woken_count, memory_order_relaxed);
    atomic_store_explicit(&writer->woken_count, 0, memory_order_relaxed);
    for (uint32_t i = 0; i < count && i < WRITER_WOKEN; i++) {
        uint64_t now = link_counter();
        struct event pair[2] = {{.counter = now,
                                 .kind_id = event_pack(EVENT_IO_BEGIN, IO_WRITE),
                                 .frame = writer->woken[i]},
                                event_with_amount(now, EVENT_IO_END, 1)};
        unlocked_put_slow(pair, 2);
    }
}

/* --- the events ----------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) bool begin(struct call *call)
{
    call->epoch = atomic_load_explicit(&unlocked_epoch, memory_order_relaxed);
    if (__builtin_expect(!call->epoch, 0))
        return false;
    if (is_of_handler(call))
        return false;
    struct writer *writer = writer_of_thread;
    if (__builtin_expect(atomic_load_explicit(&writer->woken_count, memory_order_relaxed) != 0, 0))
        tell_woken(writer);
    /* time.sleep up to 3.10 */
    uint32_t sleeps = call->operation == IO_SELECT && (int)call->a == 0 ? IO_SLEEPS : 0;
    return places_put(call->epoch, EVENT_IO_BEGIN, (uint32_t)call->operation | sleeps, call->fd);
}

enum { NAME_EVENTS = (IO_NAME_MOST + 1 + EVENT_NAME_BYTES - 1) / EVENT_NAME_BYTES };

static void put_bytes(uint64_t counter, enum event_kind kind, const void *bytes, size_t size)
{
    struct event events[NAME_EVENTS];
    uint32_t count = 0;
    for (size_t at = 0; at < size && count < NAME_EVENTS; at += EVENT_NAME_BYTES) {
        unsigned char piece[8] = {0};
        size_t left = size - at;
        memcpy(piece, (const char *)bytes + at, left < EVENT_NAME_BYTES ? left : EVENT_NAME_BYTES);
        uint32_t id = piece[0] | (uint32_t)piece[1] << 8 | (uint32_t)piece[2] << 16;
        uint32_t frame;
        memcpy(&frame, piece + 3, sizeof(frame));
        events[count++] =
            (struct event){.counter = counter, .kind_id = event_pack(kind, id), .frame = frame};
    }
    unlocked_put_slow(events, count);
}

static void put_path(uint64_t counter, const char *path)
{
    size_t size = strlen(path);
    size_t cut = size > IO_NAME_MOST ? size - IO_NAME_MOST : 0;
    put_bytes(counter, EVENT_IO_NAME, path + cut, size - cut);
}

static void put_address(uint64_t counter, const void *address, size_t size)
{
    if (address && size >= sizeof(sa_family_t))
        put_bytes(counter, EVENT_IO_ADDRESS, address, size < IO_NAME_MOST ? size : IO_NAME_MOST);
}

static const void *pointer(long word)
{
    return (const void *)word; /* NOLINT(performance-no-int-to-ptr) */
}

/* Whether the call says what its descriptor is of. */
static inline __attribute__((always_inline)) bool names_resource(enum io_operation operation)
{
    return operation == IO_OPEN || operation == IO_OPENAT || operation == IO_CREAT ||
           operation == IO_CONNECT || operation == IO_BIND || operation == IO_GETSOCKNAME;
}

static __attribute__((noinline)) void tell_resource(struct call call, uint64_t counter, int error)
{
    if (error == EFAULT)
        return;
    switch (call.operation) {
    case IO_OPEN:
    case IO_CREAT:
        put_path(counter, pointer(call.a));
        break;
    case IO_OPENAT:
        put_path(counter, pointer(call.b));
        break;
    case IO_CONNECT:
    case IO_BIND:
        put_address(counter, pointer(call.b), (size_t)(uint32_t)call.c);
        break;
    case IO_GETSOCKNAME:
        if (!error)
            put_address(counter, pointer(call.b), *(const socklen_t *)pointer(call.c));
        break;
    default:
        break;
    }
}

static int64_t sum_messages(const struct mmsghdr *messages, int count)
{
    int64_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += messages[i].msg_len;
    return count < 0 ? -1 : sum;
}

/* 0, or errno as the function left it. */
static inline __attribute__((always_inline)) int error_of(const struct call *call, long result)
{
    enum io_result kind = (enum io_result)results[call->operation];
    if (kind == IO_RESULT_ERROR)
        return (int)result;
    return (kind == IO_RESULT_BYTES ? result : (long)(int)result) < 0 ? errno : 0;
}

static inline __attribute__((always_inline)) uint64_t amount_of(const struct call *call,
                                                                long result)
{
    switch ((enum io_result)results[call->operation]) {
    case IO_RESULT_BYTES:
        return (uint64_t)result;
    case IO_RESULT_NEW_FD:
        return (uint32_t)result;
    case IO_RESULT_FD_PAIR: {
        const int *pair = pointer(call->operation == IO_SOCKETPAIR ? call->d : call->a);
        return io_pair((uint32_t)pair[0], (uint32_t)pair[1]);
    }
    default:
        return 0;
    }
}

/* What it moved, where messages say it each. */
static inline __attribute__((always_inline)) long result_of(const struct call *call, long result)
{
    bool sums = call->operation == IO_SENDMMSG || call->operation == IO_RECVMMSG;
    return sums ? (long)sum_messages(pointer(call->b), (int)result) : result;
}

static inline __attribute__((always_inline)) void end(const struct call *call, long result)
{
    uint64_t counter = link_counter();
    if (__builtin_expect(call->epoch != atomic_load_explicit(&unlocked_epoch, memory_order_relaxed),
                         0))
        return;
    result = result_of(call, result);
    int error = error_of(call, result);
    if (names_resource(call->operation))
        tell_resource(*call, counter, error);
    unlocked_put(event_with_amount(counter, EVENT_IO_END,
                                   error ? IO_FAILED | (uint32_t)error : amount_of(call, result)));
}

/* --- the wrappers --------------------------------------------------------------------------- */

static inline __attribute__((always_inline)) uint32_t fd_of(enum io_of of, long a, long b, long c)
{
    const struct pollfd *polled = pointer(a);
    switch (of) {
    case OF_FIRST:
        return (uint32_t)a;
    case OF_THIRD:
        return (uint32_t)c;
    case OF_POLLED: /* of one, as a socket's timeout has it */
        return b == 1 && polled ? (uint32_t)polled->fd : IO_NO_FD;
    default:
        return IO_NO_FD;
    }
}

static const unsigned char operation_of[] = {
#define IO_FUNCTION(symbol, operation, of) IO_##operation,
#include "sources/io/io_functions.def"
};

/* Whether descriptors are of something else afterwards, or it is said of what they are: such calls are told in any case,
 * for the sake of the names of files. */
static bool changes_descriptors(enum io_operation operation)
{
    return results[operation] == IO_RESULT_NEW_FD || results[operation] == IO_RESULT_FD_PAIR ||
           operation == IO_CLOSE || names_resource(operation);
}

/* One whose mode is not RECORD. It is judged when it has ended, and told before only for what its descriptor is of. */
static __attribute__((noinline)) long through_ruled(enum io_entry_number number, uint32_t fd,
                                                    const long words[6])
{
    io_function *real = io_entries[number].real;
    enum io_operation operation = (enum io_operation)operation_of[number];
    uint32_t epoch = atomic_load_explicit(&unlocked_epoch, memory_order_relaxed);
    unsigned char mode = atomic_load_explicit(&io_modes[operation], memory_order_relaxed);
    bool counts = mode == MODE_COUNT || mode == MODE_ESCALATE;
    struct call call = {operation, fd, epoch, words[0], words[1], words[2], words[3]};
    struct io_ended ended = {.operation = operation,
                             .fd = fd,
                             .moves = results[operation] == IO_RESULT_BYTES,
                             .is_told = changes_descriptors(operation)};
    bool heard = epoch && (counts || ended.is_told) && !(is_of_handler(&call));
    if (heard && ended.is_told)
        heard = places_put(epoch, EVENT_IO_BEGIN, (uint32_t)operation | IO_RULED, fd);
    ended.begin = link_counter();
    long result = real(words[0], words[1], words[2], words[3], words[4], words[5]);
    ended.end = link_counter();
    if (!heard || epoch != atomic_load_explicit(&unlocked_epoch, memory_order_relaxed))
        return result;
    long moved = result_of(&call, result);
    ended.error = error_of(&call, moved);
    ended.amount = ended.error ? 0 : amount_of(&call, moved);
    if (names_resource(operation))
        tell_resource(call, ended.end, ended.error);
    if (counts)
        io_rules_judge(&ended);
    if (ended.is_told)
        unlocked_put(io_end_event(&ended));
    return result;
}

static inline __attribute__((always_inline)) long
through(enum io_entry_number number, enum io_of of, long a, long b, long c, long d, long e, long f)
{
    const struct io_entry *entry = &io_entries[number];
    enum io_operation operation = (enum io_operation)operation_of[number];
    struct call call = {.operation = operation, .a = a, .b = b, .c = c, .d = d};
    if (operation == IO_FCNTL_DUP && (int)b != F_DUPFD && (int)b != F_DUPFD_CLOEXEC)
        return entry->real(a, b, c, d, e, f);
    call.fd = fd_of(of, a, b, c);
    if (__builtin_expect(
            atomic_load_explicit(&io_modes[operation], memory_order_relaxed) != MODE_RECORD, 0))
        return through_ruled(number, call.fd, (const long[6]){a, b, c, d, e, f});
    if (!begin(&call))
        return entry->real(a, b, c, d, e, f);
    long result = entry->real(a, b, c, d, e, f);
    end(&call, result);
    return result;
}

#define IO_FUNCTION(symbol, operation, of)                                    \
    static long wrap_##symbol(long a, long b, long c, long d, long e, long f) \
    {                                                                         \
        return through(ENTRY_##symbol, OF_##of, a, b, c, d, e, f);            \
    }
#include "sources/io/io_functions.def"

/* --- two that may leave no frame on the stack ------------------------------------------------ */

/* dlsym looks at who calls it; a vfork's child returns before its parent does, on the same stack. So these do what is
 * to be done and jump.
 *   dlsym   whoever has loaded a library asks it for its functions next: it is heard from here on
 *   vfork   marks the thread's writer, `busy` of it (unlocked.h) */
io_function io_wrap_dlsym, io_wrap_vfork;
extern void *io_real_dlsym, *io_real_vfork;
void io_before_dlsym(void);
void io_before_vfork(void);

__attribute__((visibility("hidden"))) void *io_real_dlsym, *io_real_vfork;

__attribute__((visibility("hidden"), used)) void io_before_dlsym(void)
{
    int kept = errno;
    io_tables_look_again();
    errno = kept;
}

__attribute__((visibility("hidden"), used)) void io_before_vfork(void)
{
    struct writer *writer = writer_of_thread;
    if (atomic_load_explicit(&unlocked_epoch, memory_order_relaxed))
        atomic_store_explicit(&writer->busy, UNLOCKED_VFORKED, memory_order_relaxed);
}

#if defined(__x86_64__)
#define JUMPER(name)                                                                  \
    __asm__(".text\n.hidden io_wrap_" #name "\n.globl io_wrap_" #name "\n"            \
            ".type io_wrap_" #name ", @function\nio_wrap_" #name ":\n"                \
            "endbr64\npush %rdi\npush %rsi\nsub $8, %rsp\ncall io_before_" #name "\n" \
            "add $8, %rsp\npop %rsi\npop %rdi\njmp *io_real_" #name "(%rip)\n"        \
            ".size io_wrap_" #name ", .-io_wrap_" #name "\n")
#elif defined(__aarch64__)
#define JUMPER(name)                                                                           \
    __asm__(".text\n.hidden io_wrap_" #name "\n.globl io_wrap_" #name "\n"                     \
            ".type io_wrap_" #name ", %function\nio_wrap_" #name ":\n"                         \
            "stp x29, x30, [sp, -32]!\nmov x29, sp\nstp x0, x1, [sp, 16]\nbl io_before_" #name \
            "\n"                                                                               \
            "ldp x0, x1, [sp, 16]\nldp x29, x30, [sp], 32\n"                                   \
            "adrp x16, io_real_" #name "\nldr x16, [x16, :lo12:io_real_" #name "]\nbr x16\n"   \
            ".size io_wrap_" #name ", .-io_wrap_" #name "\n")
#else
#error "the source io knows x86-64 and aarch64"
#endif
JUMPER(dlsym);
JUMPER(vfork);

struct io_entry io_entries[] = {
#define IO_FUNCTION(symbol, operation, of) {#symbol, wrap_##symbol, NULL, SOURCE_IO},
#include "sources/io/io_functions.def"
    {"dlsym", io_wrap_dlsym, NULL, SOURCE_IO},
    {"vfork", io_wrap_vfork, NULL, SOURCE_IO},
#define WAITS_FUNCTION(symbol) {#symbol, waits_wrap_##symbol, NULL, SOURCE_WAITS},
#include "sources/waits/waits_functions.def"
    {NULL, NULL, NULL, 0},
};

/* An executable that takes a function's address has its own stub stand for it everywhere, and that goes through the
 * table that is changed: so the C library itself is asked. Before 2.34 it had threads in a library of their own, and
 * stubs of some of them in itself. */
void io_find_real(void)
{
    void *library = dlopen("libpthread.so.0", RTLD_LAZY | RTLD_NOLOAD);
    if (!library)
        library = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    for (struct io_entry *entry = io_entries; entry->symbol; entry++) {
        union {
            void *found;
            io_function *real;
        } word = {.found = library ? dlsym(library, entry->symbol) : NULL};
        entry->real = word.real;
    }
    if (library)
        dlclose(library);
    memcpy(&io_real_dlsym, &io_entries[ENTRY_DLSYM].real, sizeof(void *));
    memcpy(&io_real_vfork, &io_entries[ENTRY_VFORK].real, sizeof(void *));
}
