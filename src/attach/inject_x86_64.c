/* SPDX-License-Identifier: MIT */
/* The injector's half that knows x86-64: what the thread is sent to, in two stops.
 *
 *   1. system calls, one after the other: each by the instructions `syscall; ret`, whose `ret` leads into
 *      rt_sigreturn, which sets the registers of the next one; the last one's leads home. They make the memfd
 *      and map it; the thread runs on, and what has become of it is read from /proc (inject_shared.c)
 *   2. the stub: makes the calls into Python, and ends in munmap of itself by those same instructions: home
 *
 * Why no stop between two system calls: each costs as much as stopping the thread in the first place. Why a
 * memfd: what becomes of the stub can be read here while the process runs it untraced, and no page of the
 * process is ever both writable and executable.
 * Rules: as inject_parts.h. Whatever the thread is sent to, its way home lies on its stack before a register
 * is changed. */
#include "attach/inject_x86_64.h"

#include <cpuid.h>
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096 };

const uint64_t inject_mark = UINT64_C(0x616d6c75203a6f6e);

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

void inject_fill(const struct inject_place *place, const struct inject_shared *shared,
                 const char *code, const struct attach_options *options)
{
    struct inject_control *control = (void *)(shared->pages + PAGE);
    memcpy(shared->pages, inject_stub, (size_t)(inject_stub_end - inject_stub));
    control->base = shared->base;
    control->bytes = shared->bytes;
    control->syscall_return = place->syscall_return;
    control->fd = (uint64_t)shared->fd;
    control->code = shared->base + PAGE + INJECT_CODE_OFFSET;
    memcpy(control->functions, place->functions, sizeof(control->functions));
    size_t blob = PAGE + INJECT_CODE_OFFSET + inject_code_bytes(code);
    if (options->blob_bytes)
        memcpy(shared->pages + blob, options->blob, options->blob_bytes);
    inject_write_code((char *)shared->pages + PAGE + INJECT_CODE_OFFSET, code,
                      shared->base + PAGE + offsetof(struct inject_control, message),
                      shared->base + blob, options->blob_bytes);
}

/* The signal mask stays as it is: a handler that comes before the first of the calls has its frame below ours, and
 * comes back; during the others all are blocked, by the frame that leads to them. */
static int go(const struct inject_visit *visit, const struct user_regs_struct *regs)
{
    return ptrace(PTRACE_SETREGS, visit->try->place->tid, 0, regs) ? -errno : 0;
}

static int enter_stub(struct inject_visit *visit)
{
    const struct inject_shared *shared = visit->try->shared;
    const unsigned char *entry = visit->try->way == ATTACH_WAY_IN_PLACE ? inject_stub_in_place
                                                                        : inject_stub_pending;
    struct user_regs_struct regs = visit->regs;
    ((struct inject_control *)(void *)(shared->pages + PAGE))->home = visit->home;
    regs.orig_rax = (unsigned long long)-1;
    regs.rip = shared->base + (uint64_t)(entry - inject_stub);
    regs.rsp = visit->home;
    regs.rbx = shared->base + PAGE;
    regs.eflags = INJECT_FLAGS_AT_ENTRY;
    return go(visit, &regs);
}

static int start_calls(struct inject_visit *visit)
{
    struct user_regs_struct regs = visit->first;
    regs.orig_rax = (unsigned long long)-1;
    visit->try->mark = visit->home + offsetof(struct inject_frame, mark);
    return go(visit, &regs);
}

/* After a failure: nothing has run, and the thread stands as it stood. */
static void take_back(const struct inject_visit *visit)
{
    ptrace(PTRACE_SETREGS, visit->try->place->tid, 0, &visit->regs);
}

int inject_enter(struct inject_try *try)
{
    struct inject_visit visit = {.try = try};
    pid_t tid = try->place->tid;
    if (ptrace(PTRACE_GETREGS, tid, 0, &visit.regs) ||
        ptrace(PTRACE_GETSIGMASK, tid, sizeof(visit.signal_mask), &visit.signal_mask))
        return -errno;
    if (visit.regs.cs != 0x33 || !inject_is_main_thread(try->place, &visit.regs))
        return -ENOEXEC;
    visit.number = inject_number_of(try->place, &visit.regs);
    try->doing = inject_look(try->place, &visit.regs, visit.number, try->call_count > 0, &try->way);
    if (try->way == ATTACH_WAY_NONE)
        return -EAGAIN;
    int error = inject_write_way_home(&visit);
    if (error)
        return error;
    error = try->call_count ? start_calls(&visit) : enter_stub(&visit);
    if (error)
        take_back(&visit);
    return error;
}

void inject_rehearse(const struct inject_try *try)
{
    unsigned char room[INJECT_ROOM_BYTES];
    struct inject_place ours = *try->place;
    struct inject_try rehearsal = {
        .place = &ours, .shared = try->shared, .calls = try->calls, .call_count = try->call_count};
    struct inject_visit visit = {.try = &rehearsal};
    memset(room, 1, sizeof(room));
    ours.pid = getpid();
    ours.tid = 0; /* nobody's: the kernel refuses what is asked of it */
    ours.stack_low = 0;
    ours.stack_high = UINT64_MAX;
    if (ptrace(PTRACE_GETREGS, ours.tid, 0, &visit.regs) == 0)
        return;
    visit.regs.rsp = (uint64_t)(uintptr_t)room + sizeof(room);
    visit.regs.orig_rax = (unsigned long long)-1;
    visit.number = inject_number_of(&ours, &visit.regs);
    inject_look(&ours, &visit.regs, visit.number, false, &rehearsal.way);
    inject_rehearse_way_home(&visit);
    inject_is_main_thread(&ours, &visit.regs);
}
