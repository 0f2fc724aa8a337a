/* SPDX-License-Identifier: MIT */
/* The code that the injector copies into the process.
 * Why in assembly: it has no stack frame, no relocation and no library of its own, and must end in one
 * instruction that lies outside of it, since its last act is to unmap itself.
 * Rules: it runs with nobody tracing. All it reads lies in the control page, which is written before it
 * is entered. errno is put back; every other register is the way home's business. */
#include "attach/inject_x86_64.h"

#define OF(field)     [field] "i"(offsetof(struct inject_control, field))
#define CALLEE(n, id) [n] "i"(offsetof(struct inject_control, functions) + 8 * (id))
#define NUMBER(n)     [n] "i"(n)

/* One run of instructions: it has no parts to call. NOLINTNEXTLINE(readability-function-size) */
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
