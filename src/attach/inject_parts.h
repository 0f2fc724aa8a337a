/* SPDX-License-Identifier: MIT */
/* The parts of the injector, and what they hand each other.
 *
 *   inject_check.c     who may be attached to; the sentences of refusal
 *   inject_place.c     the addresses in the process that will be needed, found before it is stopped
 *   inject_shared.c    the memfd that both map: planned, made, proved, taken away
 *   inject_trace.c     stopping one thread, letting it go
 *   inject_code.c      the Python text that carries the caller's code
 *   inject_x86_64.c    registers: what the thread is doing, its way home, the stub
 *   inject.c           tries until it has worked or the time is over
 *
 * Why a shared page: the process runs the stub while nobody traces it, so that a killed ulma is of no
 * consequence; what became of it can then be read from a memfd that both have mapped.
 * Rules: the process may write anything into the page. Its words steer no pointer of ours. */
#ifndef ULMA_ATTACH_INJECT_PARTS_H
#define ULMA_ATTACH_INJECT_PARTS_H

#include "attach/inject.h"

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* What the stub calls. Those from INJECT_OPTIONAL on may be missing (0). */
enum inject_function {
    INJECT_IS_INITIALIZED,
    INJECT_GIL_CHECK,
    INJECT_GIL_ENSURE,
    INJECT_GIL_RELEASE,
    INJECT_ERROR_OCCURRED,
    INJECT_RUN_STRING,
    INJECT_ADD_PENDING,
    INJECT_ERRNO,
    INJECT_IS_FINALIZING,
    INJECT_FUNCTIONS,
    INJECT_OPTIONAL = INJECT_IS_FINALIZING,
};

/* WAITING -> RUNNING is made by the stub, WAITING -> WITHDRAWN by us: one of them wins. */
enum inject_state { INJECT_WAITING, INJECT_RUNNING, INJECT_DONE, INJECT_WITHDRAWN };

enum inject_result {
    INJECT_NOTHING,
    INJECT_RAN,
    INJECT_FAILED,          /* PyRun_SimpleString said so */
    INJECT_HOLDS_GIL,       /* in a system call, but with the GIL held */
    INJECT_ERROR_SET,       /* an exception was on its way */
    INJECT_NOT_INITIALIZED, /* before Py_Initialize, or after its end */
    INJECT_FINALIZING,
    INJECT_QUEUE_FULL,
    INJECT_SKIPPED, /* withdrawn before it began */
};

enum {
    INJECT_MESSAGE_BYTES = 512,
    INJECT_CODE_OFFSET = 1024,
    INJECT_RUNTIME_WORDS = 1024,
    INJECT_CPU_WORDS = 63,
    INJECT_SCRATCH_BYTES = 32 << 10,
};

/* The second page of the mapping; the first holds the stub. */
struct inject_control {
    _Atomic uint32_t state;
    uint32_t result;
    uint32_t queued; /* the pending call was taken */
    uint32_t padding;
    uint64_t base, bytes;    /* the whole mapping, in the process */
    uint64_t syscall_return; /* of `syscall; ret` in the process */
    uint64_t home;           /* the stack pointer from which `ret` leads home */
    uint64_t fd;             /* of the memfd, in the process: closed by the stub */
    uint64_t code;           /* the Python text */
    uint64_t functions[INJECT_FUNCTIONS];
    char message[INJECT_MESSAGE_BYTES]; /* of an exception that the code raised */
};
static_assert(sizeof(struct inject_control) <= INJECT_CODE_OFFSET, "the text follows it");

struct inject_range {
    uint64_t start, end;
};

/* What was found in the process before it was stopped. */
struct inject_place {
    pid_t pid;
    pid_t tid; /* of the thread that is stopped: the first, which is Python's main thread */
    uint64_t functions[INJECT_FUNCTIONS];
    uint64_t syscall_return; /* an instruction `syscall`, then `ret` */
    uint64_t sigreturn;      /* the code that ends a signal handler */
    uint64_t make_pending;   /* what runs pending calls; 0: the file does not tell */
    uint64_t runtime_words[INJECT_RUNTIME_WORDS];       /* the start of _PyRuntime */
    struct inject_range python_words[3], libc_words[2]; /* their data */
    uint32_t cpu_words[INJECT_CPU_WORDS];               /* of inject_prepare */
    uint64_t stack_low, stack_high; /* the first thread's stack, as far down as it may grow */
    unsigned char
        *scratch; /* INJECT_SCRATCH_BYTES that have been touched: a page fault of ours would be a
                             * longer stop of the thread */
};

/* A system call that the process is to make. */
struct inject_call {
    long number;
    uint64_t arguments[6];
};

/* As an argument: the address of inject_shared.name, in the process. */
#define INJECT_NAME_HERE UINT64_MAX

enum { INJECT_NAME_BYTES = 16, INJECT_LEFTOVERS_MOST = 6, INJECT_CALLS_MOST = 12 };

/* Of a killed ulma, or of a plan that did not work out: a mapping, or (bytes 0) a descriptor. */
struct inject_leftover {
    long fd;
    uint64_t start;
    size_t bytes;
};

/* The memfd: its first page is the stub, the second inject_control, then text and blob. */
struct inject_shared {
    char name[INJECT_NAME_BYTES];
    long fd;       /* in the process */
    uint64_t base; /* in the process: of the whole */
    size_t bytes;
    int own_fd;           /* -1: it is not there */
    unsigned char *pages; /* our mapping; NULL: none */
    struct inject_leftover leftovers[INJECT_LEFTOVERS_MOST];
    size_t leftover_count;
};

/* One stop of the thread. */
struct inject_try {
    const struct inject_place *place;
    struct inject_shared *shared;
    const struct inject_call *calls; /* that it is to make when it is let go */
    size_t call_count;               /* 0: it is to enter the stub */
    int pidfd;
    _Atomic bool stopped; /* it stands still */
    /* What came of it: */
    int result; /* 0: the stub was entered; -EAGAIN: not in this state; else -errno */
    enum attach_way way;
    uint64_t stopped_ns;
    const char *doing; /* with -EAGAIN: what the thread was doing */
    uint64_t mark; /* the address, in the process, of a word that is no more inject_mark as soon as
                        * the calls have been made */
};

/* --- inject_check.c ------------------------------------------------------------------------- */

/* 0, or -errno and the sentence. Runs nothing in the process. */
int inject_check(pid_t pid, struct attach_outcome *outcome);

/* Why PTRACE_SEIZE failed. Returns the error. */
int inject_refused(pid_t pid, int error, struct attach_outcome *outcome);

/* As printf into the outcome's text; returns `error`. */
__attribute__((format(printf, 3, 4))) int inject_tell(struct attach_outcome *outcome, int error,
                                                      const char *format, ...);

/* Python was started by another thread than the first. -ENOEXEC. */
int inject_tell_not_main(struct attach_outcome *outcome, pid_t pid);

/* What our own script raised, to refuse, or what else was raised in it, as `Type: text`. -EIO. */
int inject_tell_raised(struct attach_outcome *outcome, pid_t pid, const char *raised);

/* The start of a file of /proc/PID, terminated. Its length, or -errno. */
ssize_t inject_read_proc(pid_t pid, const char *name, char *text, size_t size);

/* The letter of /proc/PID/stat; 0 when there is no such process. */
char inject_process_state(pid_t pid);

/* Its first thread is on its way out: the memory goes first, and with it all that one could tell of the process. */
bool inject_is_exiting(pid_t pid);

pid_t inject_tracer(pid_t pid);

/* --- inject_place.c ------------------------------------------------------------------------- */

/* Whether this is a word of the interpreter's own data: its GIL is among them. */
bool inject_is_python_word(const struct inject_place *place, uint64_t address);
bool inject_is_libc_word(const struct inject_place *place, uint64_t address);

int inject_find_place(pid_t pid, struct inject_place *ret_place, struct attach_outcome *outcome);

/* --- inject_code.c -------------------------------------------------------------------------- */

/* The bytes that inject_write_code may need, its end included. */
size_t inject_code_bytes(const char *code);

/* `message`: the address in the process of inject_control.message. */
void inject_write_code(char *text, const char *code, uint64_t message, uint64_t blob,
                       size_t blob_bytes);

/* The same for the way of inject_script.c, whose files lie in `folder`. */
size_t inject_script_bytes(const char *code);
void inject_write_script(char *text, const char *code, const char *folder);

/* --- inject_script.c ------------------------------------------------------------------------ */

/* Where ptrace is not to be had, but the process's memory is. 0 or -errno; -ETIMEDOUT, and where the process has no
 * such door, without a sentence. */
int inject_by_script(pid_t pid, int pidfd, const char *code, const struct attach_options *options,
                     uint64_t deadline_ns, struct attach_outcome *outcome);

/* Whether the process has such a door, and listens there. */
bool inject_has_door(pid_t pid);

/* --- inject_shared.c ------------------------------------------------------------------------ */

/* Which descriptor it will be and where it shall lie; notes what other ulmas have left. 0, -EMFILE,
 * -errno. */
int inject_shared_plan(pid_t pid, size_t bytes, struct inject_shared *shared);

/* The calls that make it; those that take it, and what was left, away. Returns how many. */
size_t inject_shared_calls(struct inject_shared *shared, struct inject_call *calls);
size_t inject_shared_uncalls(struct inject_shared *shared, struct inject_call *calls);

/* When the first have been made: proves that all is as planned, and maps it here. -EAGAIN: it is not; what
 * there is instead is noted as left. -EACCES: the process may not make it. */
int inject_shared_open(pid_t pid, struct inject_shared *shared);

/* Our own mapping and descriptor. */
void inject_shared_done(struct inject_shared *shared);

/* --- inject_trace.c ------------------------------------------------------------------------- */

/* While it holds the process's thread, the calling one is not to wait behind others for a processor. Who may not have
 * that priority goes without. */
void inject_go_first(void);

/* The thread runs on, but is ours to stop: 0, or -errno of ptrace. The calling thread must end soon: that lets go of
 * what is left. */
int inject_seize(pid_t tid);

/* Where the calling thread may run. */
struct inject_processors {
    cpu_set_t set;
    bool moved;
};

/* To the processor of a thread that is about to be stopped, if we may and it lets us run there; and, as soon as it has
 * been let go, out of its way. */
void inject_go_beside(pid_t tid, struct inject_processors *ret_before);
void inject_step_aside(const struct inject_processors *before);

/* Waits until it has stopped. 0; -ECANCELED when it is stopped by job control; -errno of ptrace. */
int inject_stop(pid_t tid);

void inject_let_go(pid_t tid);

/* --- inject_<cpu>.c ------------------------------------------------------------------------- */

/* What the CPU's file looks for in executable memory. */
extern const unsigned char inject_syscall_return_bytes[];
extern const size_t inject_syscall_return_size;
extern const unsigned char inject_sigreturn_bytes[];
extern const size_t inject_sigreturn_size;

/* NULL, or why this machine's processes cannot be attached to. */
const char *inject_cpu_refusal(void);

/* What must be known of the machine before the stop. */
void inject_prepare(struct inject_place *place);

/* What stands at the mark before the calls are made. */
extern const uint64_t inject_mark;

/* Before the stop: the stub, the text and the blob. */
void inject_fill(const struct inject_place *place, const struct inject_shared *shared,
                 const char *code, const struct attach_options *options);

/* Before the stop: all that inject_enter does, on ourselves and without effect, so that no page or symbol of ours is
 * missing while the thread stands still. */
void inject_rehearse(const struct inject_try *try);

/* With the thread stopped: looks at its registers and sends it to the calls or into the stub, or not. The
 * caller lets it go. 0, -EAGAIN, or -errno; then its registers are as they were. */
int inject_enter(struct inject_try *try);

#endif
