/* SPDX-License-Identifier: MIT */
/* The injector on aarch64: not there yet, and says so.
 * Why: the stub and the way home are made of one CPU's registers; processes on this one are armed at
 * their start (ULMA=1), which needs neither.
 * Rules: inject_check asks inject_cpu_refusal first, so nothing else here is ever reached. */
#include "attach/inject_parts.h"

#include <errno.h>

const unsigned char inject_syscall_return_bytes[1] = {0};
const size_t inject_syscall_return_size = 0;
const unsigned char inject_sigreturn_bytes[1] = {0};
const size_t inject_sigreturn_size = 0;

const char *inject_cpu_refusal(void)
{
    return "on this CPU (aarch64) ulma cannot attach to a running process yet; start it with ULMA=1 "
           "in its environment instead";
}

void inject_prepare(struct inject_place *place)
{
    (void)place;
}

const uint64_t inject_mark = 1;

void inject_fill(const struct inject_place *place, const struct inject_shared *shared,
                 const char *code, const struct attach_options *options)
{
    (void)place;
    (void)shared;
    (void)code;
    (void)options;
}

void inject_rehearse(const struct inject_try *try)
{
    (void)try;
}

int inject_enter(struct inject_try *try)
{
    (void)try;
    return -EOPNOTSUPP;
}
