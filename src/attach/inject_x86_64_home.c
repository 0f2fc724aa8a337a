/* SPDX-License-Identifier: MIT */
/* The thread's way back to where it stood.
 *
 * It is what the kernel itself uses to come back from a signal handler: a frame on the thread's own
 * stack, below its red zone, with every register, the flags, the XSAVE state and the signal mask. Who
 * executes `ret` with the stack pointer at that frame arrives in rt_sigreturn, and stands where it
 * stood.
 * Why not a stub that saves and restores: it could not unmap itself and still restore rcx and r11, and
 * the first mmap has no stub yet.
 * Rules: a system call that was interrupted is begun again. One whose time limit the kernel keeps for
 * restart_syscall cannot be, since rt_sigreturn takes that away: poll answers EINTR, as it does after
 * any signal; nanosleep, which must not be cut short, never comes here (inject_look). epoll_wait
 * answers EINTR after any stop by itself. */
#include "attach/inject_x86_64.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

enum {
    XSTATE_MOST = 16 << 10,
    XSTATE_LEAST = 576, /* the legacy area and the header */
    XSTATE_FEATURES_AT = 464,
    XSTATE_IN_USE_AT = 512,
};

enum {
    UC_FP_XSTATE = 1,
    UC_SIGCONTEXT_SS = 2,
    UC_STRICT_RESTORE_SS = 4,
    /* Not a valid state of an alternate stack: sigreturn then leaves it as it is. */
    STACK_FLAGS_INVALID = 7,
};

/* What the kernel looks for in the unused bytes of an XSAVE area: struct _fpx_sw_bytes. */
struct xstate_tail {
    uint32_t magic, extended_bytes;
    uint64_t features;
    uint32_t bytes;
    uint32_t padding[7];
};

#define XSTATE_MAGIC     UINT32_C(0x46505853)
#define XSTATE_MAGIC_END UINT32_C(0x46505845)
#define XSTATE_AMX       (UINT64_C(3) << 17)

/* The bytes of an XSAVE area that has these features. */
static size_t xstate_bytes(const struct inject_place *place, uint64_t features)
{
    size_t bytes = XSTATE_LEAST;
    for (size_t feature = 2; feature < INJECT_CPU_WORDS; feature++) {
        if (features >> feature & 1 && place->cpu_words[feature] > bytes)
            bytes = place->cpu_words[feature];
    }
    return bytes;
}

/* Reads the thread's XSAVE state and makes it what a signal frame holds. Its size, or -errno. */
static ssize_t read_xstate(const struct inject_place *place, unsigned char *area)
{
    struct xstate_tail tail = {.magic = XSTATE_MAGIC};
    struct iovec vector = {.iov_base = area, .iov_len = XSTATE_MOST};
    uint64_t in_use;
    if (ptrace(PTRACE_GETREGSET, place->tid, NT_X86_XSTATE, &vector))
        return -errno;
    if (vector.iov_len < XSTATE_LEAST)
        return -EOPNOTSUPP;
    memcpy(&tail.features, area + XSTATE_FEATURES_AT, sizeof(tail.features));
    memcpy(&in_use, area + XSTATE_IN_USE_AT, sizeof(in_use));
    /* A thread that has not asked for the tiles of AMX may not restore them. */
    if (!(in_use & XSTATE_AMX))
        tail.features &= ~XSTATE_AMX;
    size_t bytes = xstate_bytes(place, tail.features);
    if (bytes > vector.iov_len || bytes + sizeof(uint32_t) > XSTATE_MOST)
        return -EOPNOTSUPP;
    tail.bytes = (uint32_t)bytes;
    tail.extended_bytes = (uint32_t)(bytes + sizeof(uint32_t));
    memcpy(area + XSTATE_FEATURES_AT, &tail, sizeof(tail));
    memcpy(area + bytes, &(uint32_t){XSTATE_MAGIC_END}, sizeof(uint32_t));
    return (ssize_t)(bytes + sizeof(uint32_t));
}

/* The registers with which the thread goes on, an interrupted system call begun again. */
static struct user_regs_struct registers_at_home(const struct user_regs_struct *stopped,
                                                 long number)
{
    struct user_regs_struct regs = *stopped;
    if (!inject_was_interrupted(stopped) || (long)regs.rax == -EINTR)
        return regs;
    bool again = (long)regs.rax != -ERESTART_BLOCK || number == SYS_futex ||
                 (number == SYS_poll && (int)regs.rdx < 0);
    regs.rax = (unsigned long long)(again ? number : -EINTR);
    regs.rip -= again ? sizeof("\x0f\x05") - 1 : 0;
    return regs;
}

static void fill_frame(struct inject_frame *frame, const struct inject_visit *visit,
                       const struct user_regs_struct *regs, uint64_t xstate, uint64_t mask)
{
    *frame = (struct inject_frame){
        .sigreturn = visit->try->place->sigreturn,
        .uc_flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
        .stack_flags = STACK_FLAGS_INVALID,
        .r8 = regs->r8,
        .r9 = regs->r9,
        .r10 = regs->r10,
        .r11 = regs->r11,
        .r12 = regs->r12,
        .r13 = regs->r13,
        .r14 = regs->r14,
        .r15 = regs->r15,
        .rdi = regs->rdi,
        .rsi = regs->rsi,
        .rbp = regs->rbp,
        .rbx = regs->rbx,
        .rdx = regs->rdx,
        .rax = regs->rax,
        .rcx = regs->rcx,
        .rsp = regs->rsp,
        .rip = regs->rip,
        .eflags = regs->eflags,
        .cs = (uint16_t)regs->cs,
        .ss = (uint16_t)regs->ss,
        .xstate = xstate,
        .signal_mask = mask,
    };
}

/* With which a call is made; `next`: the frame to which it returns. */
static struct user_regs_struct registers_of(const struct inject_visit *visit,
                                            const struct inject_call *call, uint64_t next)
{
    struct user_regs_struct regs = visit->regs;
    uint64_t arguments[6];
    for (int i = 0; i < 6; i++)
        arguments[i] = call->arguments[i] == INJECT_NAME_HERE
                           ? visit->home + offsetof(struct inject_frame, name)
                           : call->arguments[i];
    regs.rax = (unsigned long long)call->number;
    regs.rdi = arguments[0];
    regs.rsi = arguments[1];
    regs.rdx = arguments[2];
    regs.r10 = arguments[3];
    regs.r8 = arguments[4];
    regs.r9 = arguments[5];
    regs.rip = visit->try->place->syscall_return;
    regs.rsp = next;
    regs.eflags = INJECT_FLAGS_AT_ENTRY;
    return regs;
}

static_assert(XSTATE_MOST + (INJECT_CALLS_MOST + 1) * sizeof(struct inject_frame) <=
                  INJECT_SCRATCH_BYTES,
              "both have room");

/* The frames lie in the order in which they are used, the way home last. Returns how many there are. */
static size_t fill_frames(struct inject_frame *frames, struct inject_visit *visit, uint64_t xstate)
{
    const struct inject_try *try = visit->try;
    size_t count = try->call_count;
    /* The last call writes the time over the mark. */
    struct inject_call last = {
        SYS_clock_gettime, {CLOCK_MONOTONIC, visit->home + offsetof(struct inject_frame, mark)}};
    for (size_t i = 0; count && i <= count; i++) {
        uint64_t next = visit->home - (count - i) * sizeof(*frames);
        struct user_regs_struct regs =
            registers_of(visit, i < count ? &try->calls[i] : &last, next);
        if (i == 0)
            visit->first = regs;
        else
            fill_frame(&frames[i - 1], visit, &regs, xstate, ~UINT64_C(0));
    }
    struct user_regs_struct regs = registers_at_home(&visit->regs, visit->number);
    struct inject_frame *home = &frames[count];
    fill_frame(home, visit, &regs, xstate, visit->signal_mask);
    memcpy(home->name, try->shared->name, sizeof(home->name));
    home->mark[0] = home->mark[1] = inject_mark;
    return count + 1;
}

static int write_frames(struct inject_visit *visit, ssize_t bytes)
{
    unsigned char *xstate = visit->try->place->scratch;
    struct inject_frame *frames = (void *)(xstate + XSTATE_MOST);
    pid_t pid = visit->try->place->pid;
    uint64_t area = (visit->regs.rsp - INJECT_RED_ZONE_BYTES - (uint64_t)bytes) & ~UINT64_C(63);
    visit->home = area - sizeof(*frames);
    size_t size = fill_frames(frames, visit, area) * sizeof(*frames);
    struct iovec ours[] = {{frames, size}, {xstate, (size_t)bytes}};
    struct iovec theirs = {(void *)(area - size), size + (size_t)bytes};
    ssize_t written = process_vm_writev(pid, ours, 2, &theirs, 1, 0);
    /* Not all of it: the stack has not grown so far yet. */
    return written == (ssize_t)theirs.iov_len ? 0 : -EAGAIN;
}

int inject_write_way_home(struct inject_visit *visit)
{
    ssize_t bytes = read_xstate(visit->try->place, visit->try->place->scratch);
    return bytes < 0 ? (int)bytes : write_frames(visit, bytes);
}

static_assert(INJECT_SCRATCH_BYTES + XSTATE_LEAST <= INJECT_ROOM_BYTES, "all has room there");

void inject_rehearse_way_home(struct inject_visit *visit)
{
    read_xstate(visit->try->place, visit->try->place->scratch);
    write_frames(visit, XSTATE_LEAST);
}
