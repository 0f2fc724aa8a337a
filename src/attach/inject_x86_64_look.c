/* SPDX-License-Identifier: MIT */
/* What a stopped thread is doing, by its registers, and what may therefore be done with it.
 * Why so careful: a thread that is made to run something while it holds a lock of the interpreter's or
 * of the C library's stands still for good, and with it the process.
 * Rules: the process's memory is read only to recognise a state; what is not recognised is not
 * touched. */
#include "attach/inject_x86_64.h"
#include "attach/memory.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>

enum {
    STACK_FOR_PYTHON = 256 << 10,
    STACK_FOR_PENDING = 64 << 10,
    FRAMES_LOOKED_AT = 64,
    FUNCTION_BYTES = 512,
    NUMBER_WORDS = 16,
    FUTEX_OPERATION_MOST = 0x1ff,
    POLL_MOST = 1 << 20,
};

static bool holds(const struct inject_range *ranges, size_t count, uint64_t address)
{
    for (size_t i = 0; i < count; i++) {
        if (address >= ranges[i].start && address < ranges[i].end)
            return true;
    }
    return false;
}

bool inject_was_interrupted(const struct user_regs_struct *regs)
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
long inject_number_of(const struct inject_place *place, const struct user_regs_struct *regs)
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
bool inject_is_main_thread(const struct inject_place *place, const struct user_regs_struct *regs)
{
    for (size_t i = 0; i < INJECT_RUNTIME_WORDS; i++) {
        if (place->runtime_words[i] == regs->fs_base)
            return true;
    }
    return false;
}

const char *inject_look(const struct inject_place *place, const struct user_regs_struct *regs,
                        long number, bool calls_only, enum attach_way *way)
{
    const char *doing;
    *way = ATTACH_WAY_NONE;
    if (regs->rsp < place->stack_low || regs->rsp >= place->stack_high)
        return "running on a stack that is not its own";
    if (!inject_was_interrupted(regs)) {
        if (!calls_only && is_in_pending_calls(place, regs))
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
