/* SPDX-License-Identifier: MIT */
/* SIGBUS to -EFAULT.
 * Why: see guard.h.
 * Rules: the jump buffer is per thread, so that a fault on one thread never unwinds another. The
 * handler runs with SIGBUS open (SA_NODEFER): siglongjmp then has no mask to restore, which keeps
 * guard_run free of syscalls. */
#include "wire/guard.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>

static _Thread_local sigjmp_buf *current;

static void on_bus_error(int number)
{
    if (current)
        siglongjmp(*current, 1);
    signal(number, SIG_DFL);
    raise(number);
}

int guard_install(void)
{
    struct sigaction action = {.sa_handler = on_bus_error, .sa_flags = SA_NODEFER};
    sigemptyset(&action.sa_mask);
    return sigaction(SIGBUS, &action, NULL) == 0 ? 0 : -errno;
}

int guard_run(int (*run)(void *context), void *context)
{
    sigjmp_buf here;
    sigjmp_buf *volatile outer = current;
    if (sigsetjmp(here, 0)) {
        current = outer;
        return -EFAULT;
    }
    current = &here;
    int result = run(context);
    current = outer;
    return result;
}
