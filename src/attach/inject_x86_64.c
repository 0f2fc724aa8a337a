/* SPDX-License-Identifier: MIT */
/* The injector's half that knows x86-64: what is run in the thread, in which order.
 *
 *   1. the way home is written on its stack; nothing has changed yet
 *   2. memfd_create, mmap, mmap: one system call each, by the instructions `syscall; ret`, with the stack
 *      pointer at the way home. If we are killed anywhere in between, the thread goes home
 *   3. the stub: makes the calls, and ends in munmap of itself by those same instructions: home
 *
 * Why a memfd: what becomes of the stub can be read here while the process runs it untraced, and no
 * page of the process is ever both writable and executable.
 * Rules: as inject_parts.h. */
#include "attach/inject_x86_64.h"

#include <cpuid.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, MEMFD_EXEC = 0x10, FLAGS_AT_ENTRY = 0x202 /* interrupts on, all else off */ };

const unsigned char inject_syscall_return_bytes[] = {0x0f, 0x05, 0xc3};
const size_t inject_syscall_return_size = sizeof(inject_syscall_return_bytes);
/* mov $15, %rax; syscall: the C library's end of every signal handler. */
const unsigned char inject_sigreturn_bytes[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
const size_t inject_sigreturn_size = sizeof(inject_sigreturn_bytes);

const char *inject_cpu_refusal(void)
{
    return NULL;
}

/* Where in an XSAVE area each feature ends. Before the stop: cpuid is slow in a virtual machine. */
void inject_prepare(struct inject_place *place)
{
    for (unsigned feature = 2; feature < INJECT_CPU_WORDS; feature++) {
        unsigned size, offset, unused1, unused2;
        if (__get_cpuid_count(0xd, feature, &size, &offset, &unused1, &unused2))
            place->cpu_words[feature] = offset + size;
    }
}

static int set_registers(struct inject_visit *visit, const struct user_regs_struct *regs)
{
    return ptrace(PTRACE_SETREGS, visit->try->place->tid, 0, regs) ? -errno : 0;
}

static int set_signal_mask(struct inject_visit *visit, uint64_t mask)
{
    return ptrace(PTRACE_SETSIGMASK, visit->try->place->tid, sizeof(mask), &mask) ? -errno : 0;
}

/* The registers for a system call that leads home. */
static struct user_regs_struct call_registers(const struct inject_visit *visit, long number)
{
    struct user_regs_struct regs = visit->regs;
    regs.orig_rax = (unsigned long long)-1;
    regs.rax = (unsigned long long)number;
    regs.rip = visit->try->place->syscall_return;
    regs.rsp = visit->home;
    regs.eflags = FLAGS_AT_ENTRY;
    return regs;
}

static int remote_call(struct inject_visit *visit, struct user_regs_struct regs, long *ret_result)
{
    pid_t tid = visit->try->place->tid;
    uint64_t after = regs.rip + 2;
    int error = set_registers(visit, &regs);
    /* Only now: if we died before, the way home sets the mask. */
    if (!error)
        error = set_signal_mask(visit, ~UINT64_C(0));
    if (!error)
        error = inject_system_call(tid, &visit->try->held_signal);
    if (!error && ptrace(PTRACE_GETREGS, tid, 0, &regs))
        error = -errno;
    if (!error && regs.rip != after)
        error = -EAGAIN;
    if (!error)
        *ret_result = (long)regs.rax;
    return error;
}

static int remote_memfd(struct inject_visit *visit)
{
    long result = -EINVAL;
    int error = 0;
    /* The flag is Linux 6.3's; before, every memfd may be executed. */
    for (unsigned flags = MFD_CLOEXEC | MEMFD_EXEC; result == -EINVAL && !error;
         flags &= ~(unsigned)MEMFD_EXEC) {
        struct user_regs_struct regs = call_registers(visit, SYS_memfd_create);
        regs.rdi = visit->home + offsetof(struct inject_frame, name);
        regs.rsi = flags;
        error = remote_call(visit, regs, &result);
        if (!(flags & MEMFD_EXEC))
            break;
    }
    if (error || result < 0)
        return error ? error : (int)result;
    visit->fd = result;
    return 0;
}

static int remote_map(struct inject_visit *visit, uint64_t address, size_t bytes, int rights,
                      int flags, uint64_t *ret_address)
{
    long result = 0;
    struct user_regs_struct regs = call_registers(visit, SYS_mmap);
    regs.rdi = address;
    regs.rsi = bytes;
    regs.rdx = (unsigned)rights;
    regs.r10 = (unsigned)flags;
    regs.r8 = (unsigned long long)visit->fd;
    regs.r9 = 0;
    int error = remote_call(visit, regs, &result);
    if (!error && result < 0 && result > -PAGE)
        error = (int)result;
    if (!error)
        *ret_address = (uint64_t)result;
    return error;
}

/* Our own mapping of the memfd that the process has. */
static int map_here(struct inject_visit *visit, size_t bytes, unsigned char **ret_pages)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd/%ld", (int)visit->try->place->pid, visit->fd);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = ftruncate(fd, (off_t)bytes) ? -errno : 0;
    void *pages = error
                      ? MAP_FAILED
                      : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (!error && pages == MAP_FAILED)
        error = -errno;
    close(fd);
    if (!error)
        *ret_pages = pages;
    return error;
}

static void fill_pages(const struct inject_visit *visit, unsigned char *pages, size_t bytes)
{
    const struct inject_try *try = visit->try;
    if (!pages) /* mmap's answer is never that */
        return;
    struct inject_control *control = (void *)(pages + PAGE);
    memcpy(pages, inject_stub, (size_t)(inject_stub_end - inject_stub));
    control->base = visit->base;
    control->bytes = bytes;
    control->syscall_return = try->place->syscall_return;
    control->home = visit->home;
    control->fd = (uint64_t)visit->fd;
    control->code = visit->base + PAGE + INJECT_CODE_OFFSET;
    memcpy(control->functions, try->place->functions, sizeof(control->functions));
    size_t blob = PAGE + INJECT_CODE_OFFSET + inject_code_bytes(try->code);
    memcpy(pages + blob, try->options->blob, try->options->blob_bytes);
    inject_write_code((char *)pages + PAGE + INJECT_CODE_OFFSET, try->code,
                      visit->base + PAGE + offsetof(struct inject_control, message),
                      visit->base + blob, try->options->blob_bytes);
}

/* Puts the stub and the text into the process: written through our mapping, never through a mapping
 * of the process that it may execute. */
static int place_pages(struct inject_visit *visit)
{
    struct inject_try *try = visit->try;
    uint64_t stub = 0;
    unsigned char *pages = NULL;
    size_t bytes = PAGE + INJECT_CODE_OFFSET + inject_code_bytes(try->code) +
                   try->options->blob_bytes;
    bytes = (bytes + PAGE - 1) & ~(size_t)(PAGE - 1);
    int error = remote_memfd(visit);
    if (!error)
        error = map_here(visit, bytes, &pages);
    if (error)
        return error;
    try->control = (void *)(pages + PAGE);
    try->mapped_bytes = bytes;
    error = remote_map(visit, 0, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, &visit->base);
    if (error)
        return error;
    fill_pages(visit, pages, bytes);
    error =
        remote_map(visit, visit->base, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, &stub);
    return error ? error : stub == visit->base ? 0 : -EFAULT;
}

static int enter_stub(struct inject_visit *visit)
{
    const unsigned char *entry = visit->try->way == ATTACH_WAY_IN_PLACE ? inject_stub_in_place
                                                                        : inject_stub_pending;
    struct user_regs_struct regs = call_registers(visit, 0);
    regs.rip = visit->base + (uint64_t)(entry - inject_stub);
    regs.rbx = visit->base + PAGE;
    int error = set_registers(visit, &regs);
    return error ? error : set_signal_mask(visit, visit->signal_mask);
}

/* After a failure: nothing of ours stays, and the thread stands as it stood. */
static void take_back(struct inject_visit *visit)
{
    long ignored;
    if (visit->base) {
        struct user_regs_struct regs = call_registers(visit, SYS_munmap);
        regs.rdi = visit->base;
        regs.rsi = visit->try->mapped_bytes;
        remote_call(visit, regs, &ignored);
    }
    if (visit->fd >= 0) {
        struct user_regs_struct regs = call_registers(visit, SYS_close);
        regs.rdi = (unsigned long long)visit->fd;
        remote_call(visit, regs, &ignored);
    }
    if (!set_signal_mask(visit, visit->signal_mask))
        set_registers(visit, &visit->regs);
}

int inject_enter(struct inject_try *try)
{
    struct inject_visit visit = {.try = try, .fd = -1};
    pid_t tid = try->place->tid;
    if (ptrace(PTRACE_GETREGS, tid, 0, &visit.regs) ||
        ptrace(PTRACE_GETSIGMASK, tid, sizeof(visit.signal_mask), &visit.signal_mask))
        return -errno;
    if (visit.regs.cs != 0x33 || !inject_is_main_thread(try->place, &visit.regs))
        return -ENOEXEC;
    visit.number = inject_number_of(try->place, &visit.regs);
    try->doing = inject_look(try->place, &visit.regs, visit.number, &try->way);
    if (try->way == ATTACH_WAY_NONE)
        return -EAGAIN;
    int error = inject_write_way_home(&visit);
    if (error)
        return error;
    error = place_pages(&visit);
    if (!error)
        error = enter_stub(&visit);
    if (error)
        take_back(&visit);
    return error;
}
