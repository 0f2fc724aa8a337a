/* SPDX-License-Identifier: MIT */
/* /proc/PID/task.
 * Why: see tasks.h.
 * Rules: as tasks.h. */
#include "attach/tasks.h"

#include "attach/memory.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* offsetof(struct pthread, tid) in glibc's nptl/descr.h: a header of 24 pointers behind the thread
 * control block (x86-64: 704 bytes with it), and a list's two pointers. */
#if defined(__x86_64__)
enum { PTHREAD_TID = 720 };
#else
enum { PTHREAD_TID = 208 };
#endif

static size_t read_file(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return 0;
    size_t got = fread(text, 1, size - 1, file);
    fclose(file);
    text[got] = '\0';
    return got;
}

static char state_of(pid_t pid, pid_t tid)
{
    char path[64];
    char text[512];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)pid, (int)tid);
    if (!read_file(path, text, sizeof(text)))
        return '?';
    const char *name_end = strrchr(text, ')'); /* the name may hold anything */
    return name_end && name_end[1] == ' ' && isalpha((unsigned char)name_end[2]) ? name_end[2]
                                                                                 : '?';
}

/* The last number of NSpid is the innermost namespace's. */
static pid_t inner_of(pid_t pid, pid_t tid)
{
    char path[64];
    char text[8192];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/status", (int)pid, (int)tid);
    read_file(path, text, sizeof(text));
    char *line = strstr(text, "\nNSpid:");
    if (!line)
        return tid;
    line += strlen("\nNSpid:");
    line[strcspn(line, "\n")] = '\0';
    char *last = strrchr(line, '\t');
    return last ? (pid_t)strtol(last, NULL, 10) : tid;
}

int tasks_read(pid_t pid, struct tasks *ret_tasks)
{
    char path[64];
    struct tasks tasks = {0};
    size_t room = 0;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *folder = opendir(path);
    if (!folder)
        return errno == ENOENT ? -ESRCH : -errno;
    const struct dirent *entry;
    while ((entry = readdir(folder))) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        if (tasks.count == room) {
            room = room ? room * 2 : 64;
            struct task *more = realloc(tasks.tasks, room * sizeof(*more));
            if (!more) {
                closedir(folder);
                tasks_done(&tasks);
                return -ENOMEM;
            }
            tasks.tasks = more;
        }
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        tasks.tasks[tasks.count++] =
            (struct task){.tid = tid, .inner = inner_of(pid, tid), .state = state_of(pid, tid)};
    }
    closedir(folder);
    *ret_tasks = tasks;
    return 0;
}

void tasks_done(struct tasks *tasks)
{
    free(tasks->tasks);
    *tasks = (struct tasks){0};
}

const struct task *tasks_find(const struct tasks *tasks, uint64_t inner)
{
    for (size_t i = 0; i < tasks->count; i++)
        if ((uint64_t)tasks->tasks[i].inner == inner)
            return &tasks->tasks[i];
    return NULL;
}

const struct task *tasks_find_pthread(const struct tasks *tasks, pid_t pid, uint64_t pthread)
{
    uint32_t tid;
    if (pthread % 8 || memory_read_u32(pid, pthread + PTHREAD_TID, &tid))
        return NULL;
    return tasks_find(tasks, tid);
}

uint64_t tasks_start_time(pid_t pid)
{
    enum { START_TIME = 22 };
    char path[64];
    char text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    const char *at = read_file(path, text, sizeof(text)) ? strrchr(text, ')') : NULL;
    for (int field = 2; at && field < START_TIME; field++) {
        at = strchr(at, ' ');
        at = at ? at + 1 : NULL;
    }
    return at ? strtoull(at, NULL, 10) : 0;
}
