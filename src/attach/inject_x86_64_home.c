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
                       uint64_t xstate)
{
    struct user_regs_struct regs = registers_at_home(&visit->regs, visit->number);
    *frame = (struct inject_frame){
        .sigreturn = visit->try->place->sigreturn,
        .uc_flags = UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
        .stack_flags = STACK_FLAGS_INVALID,
        .r8 = regs.r8,
        .r9 = regs.r9,
        .r10 = regs.r10,
        .r11 = regs.r11,
        .r12 = regs.r12,
        .r13 = regs.r13,
        .r14 = regs.r14,
        .r15 = regs.r15,
        .rdi = regs.rdi,
        .rsi = regs.rsi,
        .rbp = regs.rbp,
        .rbx = regs.rbx,
        .rdx = regs.rdx,
        .rax = regs.rax,
        .rcx = regs.rcx,
        .rsp = regs.rsp,
        .rip = regs.rip,
        .eflags = regs.eflags,
        .cs = (uint16_t)regs.cs,
        .ss = (uint16_t)regs.ss,
        .xstate = xstate,
        .signal_mask = visit->signal_mask,
        .name = "ulma",
    };
}

int inject_write_way_home(struct inject_visit *visit)
{
    unsigned char xstate[XSTATE_MOST];
    struct inject_frame frame;
    pid_t pid = visit->try->place->pid;
    ssize_t bytes = read_xstate(visit->try->place, xstate);
    if (bytes < 0)
        return (int)bytes;
    uint64_t area = (visit->regs.rsp - INJECT_RED_ZONE_BYTES - (uint64_t)bytes) & ~UINT64_C(63);
    visit->home = area - sizeof(frame);
    fill_frame(&frame, visit, area);
    struct iovec ours[] = {{&frame, sizeof(frame)}, {xstate, (size_t)bytes}};
    struct iovec theirs = {(void *)visit->home, sizeof(frame) + (size_t)bytes};
    ssize_t written = process_vm_writev(pid, ours, 2, &theirs, 1, 0);
    /* Not all of it: the stack has not grown so far yet. */
    return written == (ssize_t)theirs.iov_len ? 0 : -EAGAIN;
}
