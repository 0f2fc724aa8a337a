/* SPDX-License-Identifier: MIT */
/* The injector's half that knows x86-64: what the thread is doing, its way home, the stub.
 *
 * The way home is what the kernel itself uses to come back from a signal handler: a frame on the
 * thread's own stack, below its red zone, with every register, the flags, the XSAVE state and the
 * signal mask. Whoever executes `ret` with the stack pointer at that frame arrives in rt_sigreturn and
 * stands where it stood. So before the first register is changed the frame is there; all that we run
 * ends in `ret`: each remote system call is the instruction pair `syscall; ret`, the stub ends in the
 * same pair with munmap of itself. If we are killed anywhere in between, the thread goes home.
 * Why not to save and restore in a stub: a stub cannot unmap itself and still restore rcx and r11, and
 * the first mmap has no stub yet.
 * Rules: a system call that was interrupted is begun again by the way home. One whose time limit the
 * kernel keeps for restart_syscall cannot be: poll answers EINTR, which after any signal it does, too;
 * nanosleep, which must not be cut short, is not touched. epoll_wait answers EINTR by itself. */
#include "attach/inject_parts.h"
#include "attach/memory.h"

#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    RED_ZONE = 128,
    XSTATE_MOST = 16 << 10,
    XSTATE_LEAST = 576, /* the legacy area and the header */
    FRAME_MOST = XSTATE_MOST + 2048,
    STACK_FOR_PYTHON = 256 << 10,
    STACK_FOR_PENDING = 64 << 10,
    FRAMES_LOOKED_AT = 64,
    FUNCTION_BYTES = 512,
    NUMBER_WORDS = 16,
    FUTEX_OPERATION_MOST = 0x1ff,
    POLL_MOST = 1 << 20,
};

/* The kernel's numbers for a system call that a stop has interrupted. */
enum {
    ERESTART_SYS = 512,
    ERESTART_NO_INTERRUPT = 513,
    ERESTART_NO_HANDLER = 514,
    ERESTART_BLOCK = 516,
};

const unsigned char inject_syscall_return_bytes[] = {0x0f, 0x05, 0xc3};
const size_t inject_syscall_return_size = sizeof(inject_syscall_return_bytes);
/* mov $15, %rax; syscall: the C library's end of every signal handler. */
const unsigned char inject_sigreturn_bytes[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};
const size_t inject_sigreturn_size = sizeof(inject_sigreturn_bytes);

const char *inject_cpu_refusal(void)
{
    return NULL;
}

/* --- the stub ------------------------------------------------------------------------------- */

/* Copied into the process; position-independent. rbx: the control page. */
extern const unsigned char inject_stub[], inject_stub_in_place[], inject_stub_pending[],
    inject_stub_end[];

#define OF(field)     [field] "i"(offsetof(struct inject_control, field))
#define CALLEE(n, id) [n] "i"(offsetof(struct inject_control, functions) + 8 * (id))
#define NUMBER(n)     [n] "i"(n)

__attribute__((used, noinline, noclone)) static void inject_stub_text(void)
{
    __asm__ volatile(
        ".pushsection .rodata.inject_stub,\"a\",@progbits\n"
        ".globl inject_stub, inject_stub_in_place, inject_stub_pending, inject_stub_end\n"
        ".hidden inject_stub, inject_stub_in_place, inject_stub_pending, inject_stub_end\n"
        "inject_stub:\n"

        /* How both begin. Returns 0, or something else and a reason in ebp. */
        ".Lprologue:\n"
        "  sub $8, %%rsp\n"
        "  mov %c[fd](%%rbx), %%edi\n"
        "  mov $3, %%eax\n" /* close */
        "  syscall\n"
        "  call *%c[errno_location](%%rbx)\n"
        "  mov %%rax, %%r14\n"
        "  mov (%%rax), %%r15d\n"
        "  mov $%c[INJECT_NOT_INITIALIZED], %%ebp\n"
        "  call *%c[is_initialized](%%rbx)\n"
        "  test %%eax, %%eax\n"
        "  mov $1, %%eax\n"
        "  jz 1f\n"
        "  mov $%c[INJECT_FINALIZING], %%ebp\n"
        "  mov %c[is_finalizing](%%rbx), %%rax\n"
        "  test %%rax, %%rax\n"
        "  jz 1f\n"
        "  call *%%rax\n"
        "1: add $8, %%rsp\n"
        "  ret\n"

        /* Runs the text if it was not withdrawn; ebp: what came of it. */
        ".Lrun:\n"
        "  sub $8, %%rsp\n"
        "  mov $%c[INJECT_SKIPPED], %%ebp\n"
        "  mov $%c[INJECT_WAITING], %%eax\n"
        "  mov $%c[INJECT_RUNNING], %%ecx\n"
        "  lock cmpxchgl %%ecx, %c[state](%%rbx)\n"
        "  jne 2f\n"
        "  mov %c[code](%%rbx), %%rdi\n"
        "  call *%c[run_simple_string](%%rbx)\n"
        "  mov $%c[INJECT_RAN], %%ebp\n"
        "  test %%eax, %%eax\n"
        "  jz 2f\n"
        "  mov $%c[INJECT_FAILED], %%ebp\n"
        "2: add $8, %%rsp\n"
        "  ret\n"

        /* Says what came of it and prepares munmap of the whole mapping; rdx: where to jump. */
        ".Ldone:\n"
        "  mov %c[base](%%rbx), %%rdi\n"
        "  mov %c[bytes](%%rbx), %%rsi\n"
        "  mov %c[syscall_return](%%rbx), %%rdx\n"
        "  mov %%ebp, %c[result](%%rbx)\n"
        "  movl $%c[INJECT_DONE], %c[state](%%rbx)\n"
        "  mov $11, %%eax\n"
        "  ret\n"

        "inject_stub_in_place:\n"
        "  call .Lprologue\n"
        "  test %%eax, %%eax\n"
        "  jnz .Lfinish\n"
        "  mov $%c[INJECT_HOLDS_GIL], %%ebp\n"
        "  call *%c[gil_check](%%rbx)\n"
        "  test %%eax, %%eax\n"
        "  jnz .Lfinish\n"
        "  call *%c[gil_ensure](%%rbx)\n"
        "  mov %%eax, %%r12d\n"
        "  mov $%c[INJECT_ERROR_SET], %%ebp\n"
        "  call *%c[error_occurred](%%rbx)\n"
        "  test %%rax, %%rax\n"
        "  jnz 3f\n"
        "  call .Lrun\n"
        "3: mov %%r12d, %%edi\n"
        "  call *%c[gil_release](%%rbx)\n"
        ".Lfinish:\n"
        "  mov %%r15d, (%%r14)\n"
        "  mov %c[home](%%rbx), %%r12\n"
        "  call .Ldone\n"
        "  mov %%r12, %%rsp\n"
        "  jmp *%%rdx\n"

        "inject_stub_pending:\n"
        "  call .Lprologue\n"
        "  test %%eax, %%eax\n"
        "  jnz .Lfinish\n"
        "  lea .Lpending_call(%%rip), %%rdi\n"
        "  mov %%rbx, %%rsi\n"
        "  call *%c[add_pending](%%rbx)\n"
        "  mov $%c[INJECT_QUEUE_FULL], %%ebp\n"
        "  test %%eax, %%eax\n"
        "  jnz .Lfinish\n"
        "  mov %%r15d, (%%r14)\n"
        "  movl $1, %c[queued](%%rbx)\n"
        "  mov %c[home](%%rbx), %%rsp\n"
        "  ret\n"

        /* int pending_call(control): called by the interpreter between two bytecodes, on this same
         * thread. Its last act is munmap, whose 0 is its result. */
        ".Lpending_call:\n"
        "  push %%rbx\n"
        "  push %%rbp\n"
        "  sub $8, %%rsp\n"
        "  mov %%rdi, %%rbx\n"
        "  call .Lrun\n"
        "  call .Ldone\n"
        "  add $8, %%rsp\n"
        "  pop %%rbp\n"
        "  pop %%rbx\n"
        "  jmp *%%rdx\n"
        "inject_stub_end:\n"
        ".popsection\n" ::OF(state),
        OF(queued), OF(result), OF(base), OF(bytes), OF(syscall_return), OF(home), OF(fd), OF(code),
        CALLEE(is_initialized, INJECT_IS_INITIALIZED), CALLEE(is_finalizing, INJECT_IS_FINALIZING),
        CALLEE(gil_check, INJECT_GIL_CHECK), CALLEE(gil_ensure, INJECT_GIL_ENSURE),
        CALLEE(gil_release, INJECT_GIL_RELEASE), CALLEE(error_occurred, INJECT_ERROR_OCCURRED),
        CALLEE(run_simple_string, INJECT_RUN_STRING), CALLEE(add_pending, INJECT_ADD_PENDING),
        CALLEE(errno_location, INJECT_ERRNO), NUMBER(INJECT_WAITING), NUMBER(INJECT_RUNNING),
        NUMBER(INJECT_DONE), NUMBER(INJECT_RAN), NUMBER(INJECT_FAILED), NUMBER(INJECT_HOLDS_GIL),
        NUMBER(INJECT_ERROR_SET), NUMBER(INJECT_NOT_INITIALIZED), NUMBER(INJECT_FINALIZING),
        NUMBER(INJECT_QUEUE_FULL), NUMBER(INJECT_SKIPPED));
}

/* --- what the thread is doing --------------------------------------------------------------- */

static bool holds(const struct inject_range *ranges, size_t count, uint64_t address)
{
    for (size_t i = 0; i < count; i++) {
        if (address >= ranges[i].start && address < ranges[i].end)
            return true;
    }
    return false;
}

static bool was_interrupted(const struct user_regs_struct *regs)
{
    long result = (long)regs->rax;
    return (long)regs->orig_rax >= 0 &&
           (result == -ERESTART_SYS || result == -ERESTART_NO_INTERRUPT ||
            result == -ERESTART_NO_HANDLER || result == -ERESTART_BLOCK || result == -EINTR);
}

/* Only a wait whose limit is a point in time can be begun again, and only one for something that is
 * neither the interpreter's nor the C library's own leaves both usable. */
static const char *look_at_futex(const struct inject_place *place,
                                 const struct user_regs_struct *regs, enum attach_way *way)
{
    int operation = (int)regs->rsi & FUTEX_CMD_MASK;
    if (operation == FUTEX_WAIT_BITSET && inject_is_python_word(place, regs->rdi)) {
        *way = ATTACH_WAY_PENDING;
        return "waiting for the GIL";
    }
    if (operation != FUTEX_WAIT_BITSET || inject_is_libc_word(place, regs->rdi))
        return "waiting for a lock of the C library or of an extension";
    *way = ATTACH_WAY_IN_PLACE;
    return "waiting for a lock";
}

/* A call that was interrupted before (by Ctrl-Z, a debugger, an attach) goes on as restart_syscall, and
 * its number is gone; its arguments are still there. The C library's instruction that set the number
 * stands before the call, or, since glibc 2.41, the number on the stack: with arguments that fit it
 * only. SYS_restart_syscall when it cannot be told. */
static long number_of(const struct inject_place *place, const struct user_regs_struct *regs)
{
    unsigned char code[7];
    uint64_t words[NUMBER_WORDS];
    bool has_poll = false, has_futex = false;
    if (regs->orig_rax != SYS_restart_syscall)
        return (long)regs->orig_rax;
    if (!memory_read(place->pid, regs->rip - sizeof(code), code, sizeof(code)) && code[0] == 0xb8 &&
        code[2] == 0 && code[3] == 0 && code[4] == 0 && code[5] == 0x0f && code[6] == 0x05)
        return code[1]; /* mov $number, %eax; syscall */
    if (memory_read(place->pid, regs->rsp, words, sizeof(words)))
        return SYS_restart_syscall;
    for (size_t i = 0; i < NUMBER_WORDS; i++) {
        has_poll = has_poll || words[i] == SYS_poll;
        has_futex = has_futex || words[i] == SYS_futex;
    }
    bool like_futex = ((int)regs->rsi & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET &&
                      regs->rsi <= FUTEX_OPERATION_MOST &&
                      (uint32_t)regs->r9 == FUTEX_BITSET_MATCH_ANY;
    bool like_poll = regs->rsi > 0 && regs->rsi < POLL_MOST;
    if (has_futex && like_futex && !has_poll)
        return SYS_futex;
    if (has_poll && like_poll && !has_futex)
        return SYS_poll;
    return SYS_restart_syscall;
}

/* The pending calls have a lock of their own: a thread within it must not be made to take it. */
static bool is_in_pending_calls(const struct inject_place *place,
                                const struct user_regs_struct *regs)
{
    uint64_t words[FRAMES_LOOKED_AT];
    struct inject_range calls[] = {
        {place->functions[INJECT_ADD_PENDING],
         place->functions[INJECT_ADD_PENDING] + FUNCTION_BYTES},
        {place->make_pending, place->make_pending + (place->make_pending ? FUNCTION_BYTES : 0)},
    };
    if (holds(calls, 2, regs->rip))
        return true;
    ssize_t got = memory_read_some(place->pid, regs->rsp, words, sizeof(words));
    for (ssize_t i = 0; i < got / (ssize_t)sizeof(words[0]); i++) {
        if (holds(calls, 2, words[i]))
            return true;
    }
    return false;
}

/* CPython keeps the id of its main thread, which glibc makes the thread's own base register. */
static bool is_main_thread(const struct inject_place *place, const struct user_regs_struct *regs)
{
    for (size_t i = 0; i < INJECT_RUNTIME_WORDS; i++) {
        if (place->runtime_words[i] == regs->fs_base)
            return true;
    }
    return false;
}

/* What the thread is doing; *way is NONE when it must not be disturbed. */
static const char *look(const struct inject_place *place, const struct user_regs_struct *regs,
                        long number, enum attach_way *way)
{
    const char *doing;
    *way = ATTACH_WAY_NONE;
    if (regs->rsp < place->stack_low || regs->rsp >= place->stack_high)
        return "running on a stack that is not its own";
    if (!was_interrupted(regs)) {
        if (is_in_pending_calls(place, regs))
            return "handling pending calls";
        *way = ATTACH_WAY_PENDING;
        doing = "running, and did not come to a point where Python looks for requests";
    } else if (number == SYS_futex) {
        doing = look_at_futex(place, regs, way);
    } else if (number == SYS_restart_syscall) {
        doing = "in a system call that was interrupted before and goes on";
    } else if (number == SYS_nanosleep ||
               (number == SYS_clock_nanosleep && (long)regs->rax == -ERESTART_BLOCK)) {
        doing = "in a sleep that must not be interrupted";
    } else {
        *way = ATTACH_WAY_IN_PLACE;
        doing = "in a system call";
    }
    uint64_t room = *way == ATTACH_WAY_IN_PLACE ? STACK_FOR_PYTHON : STACK_FOR_PENDING;
    if (regs->rsp - place->stack_low < room) {
        *way = ATTACH_WAY_NONE;
        return "near the end of its stack";
    }
    return doing;
}

/* --- the way home --------------------------------------------------------------------------- */

/* The kernel's struct rt_sigframe. */
struct frame {
    uint64_t sigreturn; /* where `ret` leads */
    uint64_t uc_flags, uc_link;
    uint64_t stack_address;
    uint64_t stack_flags;
    uint64_t stack_bytes;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
    uint16_t cs, gs, fs, ss;
    uint64_t error, trap, old_mask, fault_address;
    uint64_t xstate; /* address */
    uint64_t reserved[8];
    uint64_t signal_mask;
    char name[16]; /* not the kernel's: the memfd's name */
    uint64_t padding;
};
static_assert(offsetof(struct frame, r8) == 48, "uc_mcontext");
static_assert(offsetof(struct frame, signal_mask) == 48 + 256, "uc_sigmask");
static_assert(sizeof(struct frame) % 16 == 0, "the stack stays aligned");

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

struct visit {
    struct inject_try *try;
    struct user_regs_struct regs; /* as the thread stood */
    long number;                  /* of the system call that it is in */
    uint64_t signal_mask;
    uint64_t home; /* of the frame, in the process */
    long fd;       /* of the memfd, in the process; -1 */
    uint64_t base; /* of the mapping, in the process; 0 */
};

/* The bytes of an XSAVE area that has these features. */
static size_t xstate_bytes(uint64_t features)
{
    size_t bytes = XSTATE_LEAST;
    for (unsigned feature = 2; feature < 63; feature++) {
        unsigned size, offset, unused1, unused2;
        if (features >> feature & 1 &&
            __get_cpuid_count(0xd, feature, &size, &offset, &unused1, &unused2) &&
            offset + size > bytes)
            bytes = offset + size;
    }
    return bytes;
}

/* Reads the thread's XSAVE state and makes it what a signal frame holds. Its size, or -errno. */
static ssize_t read_xstate(pid_t tid, unsigned char *area)
{
    struct xstate_tail tail = {.magic = XSTATE_MAGIC};
    struct iovec vector = {.iov_base = area, .iov_len = XSTATE_MOST};
    uint64_t in_use;
    if (ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &vector))
        return -errno;
    if (vector.iov_len < XSTATE_LEAST)
        return -EOPNOTSUPP;
    memcpy(&tail.features, area + 464, sizeof(tail.features));
    memcpy(&in_use, area + 512, sizeof(in_use));
    /* A thread that has not asked for the tiles of AMX may not restore them. */
    if (!(in_use & XSTATE_AMX))
        tail.features &= ~XSTATE_AMX;
    size_t bytes = xstate_bytes(tail.features);
    if (bytes > vector.iov_len || bytes + sizeof(uint32_t) > XSTATE_MOST)
        return -EOPNOTSUPP;
    tail.bytes = (uint32_t)bytes;
    tail.extended_bytes = (uint32_t)(bytes + sizeof(uint32_t));
    memcpy(area + 464, &tail, sizeof(tail));
    memcpy(area + bytes, &(uint32_t){XSTATE_MAGIC_END}, sizeof(uint32_t));
    return (ssize_t)(bytes + sizeof(uint32_t));
}

/* The registers with which the thread goes on, an interrupted system call begun again. */
static struct user_regs_struct registers_at_home(const struct user_regs_struct *stopped,
                                                 long number)
{
    struct user_regs_struct regs = *stopped;
    if (!was_interrupted(stopped) || (long)regs.rax == -EINTR)
        return regs;
    bool again = (long)regs.rax != -ERESTART_BLOCK || number == SYS_futex ||
                 (number == SYS_poll && (int)regs.rdx < 0);
    regs.rax = (unsigned long long)(again ? number : -EINTR);
    regs.rip -= again ? sizeof("\x0f\x05") - 1 : 0;
    return regs;
}

static void fill_frame(struct frame *frame, const struct visit *visit, uint64_t xstate)
{
    struct user_regs_struct regs = registers_at_home(&visit->regs, visit->number);
    *frame = (struct frame){
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

/* Writes the frame below the thread's red zone. */
static int write_way_home(struct visit *visit)
{
    unsigned char xstate[XSTATE_MOST];
    struct frame frame;
    pid_t pid = visit->try->place->pid;
    ssize_t bytes = read_xstate(visit->try->place->tid, xstate);
    if (bytes < 0)
        return (int)bytes;
    uint64_t area = (visit->regs.rsp - RED_ZONE - (uint64_t)bytes) & ~UINT64_C(63);
    visit->home = area - sizeof(frame);
    fill_frame(&frame, visit, area);
    struct iovec ours[] = {{&frame, sizeof(frame)}, {xstate, (size_t)bytes}};
    struct iovec theirs = {(void *)visit->home, sizeof(frame) + (size_t)bytes};
    ssize_t written = process_vm_writev(pid, ours, 2, &theirs, 1, 0);
    /* Not all of it: the stack has not grown so far yet. */
    return written == (ssize_t)theirs.iov_len ? 0 : -EAGAIN;
}

/* --- what is run in the thread -------------------------------------------------------------- */

static int set_registers(struct visit *visit, const struct user_regs_struct *regs)
{
    return ptrace(PTRACE_SETREGS, visit->try->place->tid, 0, regs) ? -errno : 0;
}

static int set_signal_mask(struct visit *visit, uint64_t mask)
{
    return ptrace(PTRACE_SETSIGMASK, visit->try->place->tid, sizeof(mask), &mask) ? -errno : 0;
}

/* The registers for a system call that leads home. */
static struct user_regs_struct call_registers(const struct visit *visit, long number)
{
    struct user_regs_struct regs = visit->regs;
    regs.orig_rax = (unsigned long long)-1;
    regs.rax = (unsigned long long)number;
    regs.rip = visit->try->place->syscall_return;
    regs.rsp = visit->home;
    regs.eflags = 0x202; /* interrupts on, all else off */
    return regs;
}

static int remote_call(struct visit *visit, struct user_regs_struct regs, long *ret_result)
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

static int remote_memfd(struct visit *visit)
{
    long result = -EINVAL;
    int error = 0;
    /* The flag is Linux 6.3's; before, every memfd may be executed. */
    for (unsigned flags = MFD_CLOEXEC | 0x10u; result == -EINVAL && !error; flags &= ~0x10u) {
        struct user_regs_struct regs = call_registers(visit, SYS_memfd_create);
        regs.rdi = visit->home + offsetof(struct frame, name);
        regs.rsi = flags;
        error = remote_call(visit, regs, &result);
        if (!(flags & 0x10u))
            break;
    }
    if (error || result < 0)
        return error ? error : (int)result;
    visit->fd = result;
    return 0;
}

static int remote_map(struct visit *visit, uint64_t address, size_t bytes, int rights, int flags,
                      uint64_t *ret_address)
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
static int map_here(struct visit *visit, size_t bytes, unsigned char **ret_pages)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd/%ld", (int)visit->try->place->pid, visit->fd);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int error = ftruncate(fd, (off_t)bytes) ? -errno : 0;
    void *pages = error ? MAP_FAILED : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (!error && pages == MAP_FAILED)
        error = -errno;
    close(fd);
    if (!error)
        *ret_pages = pages;
    return error;
}

static void fill_pages(const struct visit *visit, unsigned char *pages, size_t bytes)
{
    const struct inject_try *try = visit->try;
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
static int place_pages(struct visit *visit)
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

static int enter_stub(struct visit *visit)
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
static void take_back(struct visit *visit)
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
    struct visit visit = {.try = try, .fd = -1};
    pid_t tid = try->place->tid;
    if (ptrace(PTRACE_GETREGS, tid, 0, &visit.regs) ||
        ptrace(PTRACE_GETSIGMASK, tid, sizeof(visit.signal_mask), &visit.signal_mask))
        return -errno;
    if (visit.regs.cs != 0x33 || !is_main_thread(try->place, &visit.regs))
        return -ENOEXEC;
    visit.number = number_of(try->place, &visit.regs);
    try->doing = look(try->place, &visit.regs, visit.number, &try->way);
    if (try->way == ATTACH_WAY_NONE)
        return -EAGAIN;
    int error = write_way_home(&visit);
    if (error)
        return error;
    error = place_pages(&visit);
    if (!error)
        error = enter_stub(&visit);
    if (error)
        take_back(&visit);
    return error;
}
