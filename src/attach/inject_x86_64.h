/* SPDX-License-Identifier: MIT */
/* What the files of the injector for x86-64 share.
 *
 *   inject_x86_64.c        what is run in the thread, in which order
 *   inject_x86_64_look.c   what the thread is doing, by its registers
 *   inject_x86_64_home.c   its way back to where it stood
 *   inject_x86_64_stub.c   the code that is copied into the process
 *
 * Why split: each can be read, and doubted, by itself.
 * Rules: as inject_parts.h. */
#ifndef ULMA_ATTACH_INJECT_X86_64_H
#define ULMA_ATTACH_INJECT_X86_64_H

#include "attach/inject_parts.h"

#include <sys/user.h>

enum {
    INJECT_RED_ZONE_BYTES = 128,
    INJECT_FLAGS_AT_ENTRY = 0x202, /* interrupts on, all else off */
};

/* The kernel's numbers for a system call that a stop has interrupted. */
enum {
    ERESTART_SYS = 512,
    ERESTART_NO_INTERRUPT = 513,
    ERESTART_NO_HANDLER = 514,
    ERESTART_BLOCK = 516,
};

/* One visit to the stopped thread. */
struct inject_visit {
    struct inject_try *try;
    struct user_regs_struct regs; /* as the thread stood */
    long number;                  /* of the system call that it is in */
    uint64_t signal_mask;
    uint64_t home;                 /* of the frame that leads home, in the process */
    struct user_regs_struct first; /* with which it makes the first of the calls */
};

/* The kernel's struct rt_sigframe: the way home. */
struct inject_frame {
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
    char name[INJECT_NAME_BYTES]; /* not the kernel's: the memfd's name */
    uint64_t mark[2];
    uint64_t padding;
};
static_assert(offsetof(struct inject_frame, r8) == 48, "uc_mcontext");
static_assert(offsetof(struct inject_frame, signal_mask) == 48 + 256, "uc_sigmask");
static_assert(sizeof(struct inject_frame) % 16 == 0, "the stack stays aligned");

/* The stub. rbx: the control page; rsp: home. Position-independent. */
extern const unsigned char inject_stub[], inject_stub_in_place[], inject_stub_pending[],
    inject_stub_end[];

bool inject_was_interrupted(const struct user_regs_struct *regs);

/* The number of the system call that it is in. */
long inject_number_of(const struct inject_place *place, const struct user_regs_struct *regs);

/* Whether this thread is Python's main thread. */
bool inject_is_main_thread(const struct inject_place *place, const struct user_regs_struct *regs);

/* What the thread is doing; *way is NONE when it must not be disturbed. With `calls_only` nothing of Python's is to be
 * called in it: no lock of the interpreter's matters. */
const char *inject_look(const struct inject_place *place, const struct user_regs_struct *regs,
                        long number, bool calls_only, enum attach_way *way);

/* Writes the frames of the calls and that of the way home below the thread's red zone; visit->home and
 * visit->first. 0, -EAGAIN, -errno. */
int inject_write_way_home(struct inject_visit *visit);

/* The same on ourselves, into INJECT_ROOM_BYTES below visit->regs.rsp. */
enum { INJECT_ROOM_BYTES = 40 << 10 };
void inject_rehearse_way_home(struct inject_visit *visit);

#endif
