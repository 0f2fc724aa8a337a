/* SPDX-License-Identifier: MIT */
/* What the injector checks before it stops anything, and no more.
 * Why: see attachable.h.
 * Rules: as there. Of a process whose memory is closed to us its name must do. */
#include "attach/attachable.h"

#include "attach/inject_parts.h"
#include "attach/inspect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_called_python(pid_t pid)
{
    char name[32];
    return inject_read_proc(pid, "comm", name, sizeof(name)) > 0 &&
           strncmp(name, "python", strlen("python")) == 0;
}

static bool is_python(pid_t pid, struct python_image *image)
{
    switch (python_image_read(pid, image)) {
    case PYTHON_GONE:
    case PYTHON_ZOMBIE:
    case PYTHON_NONE:
        return false;
    case PYTHON_OTHER_USER:
    case PYTHON_PTRACE_SCOPE:
    case PYTHON_NO_RIGHT:
    case PYTHON_NO_MEMORY:
        return is_called_python(pid);
    default:
        return true;
    }
}

/* The kernel's count of threads says first whether there is another one at all: to look costs milliseconds. */
static int check_main_thread(pid_t pid, struct attach_outcome *outcome)
{
    char status[4096];
    struct inspect *inspect = NULL;
    const struct inspect_options plain = {.locals = false};
    const char *threads = inject_read_proc(pid, "status", status, sizeof(status)) > 0
                              ? strstr(status, "\nThreads:\t")
                              : NULL;
    if (!threads || strtol(threads + strlen("\nThreads:\t"), NULL, 10) < 2)
        return 0;
    bool other = inspect_process(pid, &plain, &inspect) == PYTHON_FINE &&
                 inspect->threads[0].main && inspect->threads[0].tid &&
                 inspect->threads[0].tid != pid;
    inspect_free(inspect);
    return other ? inject_tell_not_main(outcome, pid) : 0;
}

bool attachable_look(pid_t pid, struct attachable *ret_attachable)
{
    struct python_image image = {.minor = 0};
    struct inject_place place;
    struct attach_outcome *outcome = &ret_attachable->outcome;
    *ret_attachable = (struct attachable){.version = ""};
    if (!is_python(pid, &image))
        return false;
    memcpy(ret_attachable->version, image.version, sizeof(ret_attachable->version));
    int error = inject_check(pid, outcome);
    ret_attachable->tracer = error ? 0 : inject_tracer(pid);
    if (ret_attachable->tracer && !inject_has_door(pid))
        error = inject_refused(pid, -EBUSY, outcome);
    if (!error)
        error = inject_find_place(pid, &place, outcome);
    if (!error)
        error = check_main_thread(pid, outcome);
    return error != -ESRCH;
}
