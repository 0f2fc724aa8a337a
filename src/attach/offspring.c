/* SPDX-License-Identifier: MIT */
/* /proc/PID/stat, /proc/PID/task/TID/children, /proc/loadavg.
 * Why: see offspring.h.
 * Rules: as there. */
#include "attach/offspring.h"

#include "attach/inject_parts.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool offspring_read(pid_t pid, struct offspring *ret)
{
    char text[1024];
    unsigned long long start_time, code, stack;
    int parent;
    char state;
    if (inject_read_proc(pid, "stat", text, sizeof(text)) <= 0)
        return false;
    const char *end = strrchr(text, ')');
    if (!end || sscanf(end + 1,
                       " %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                       "%llu %*s %*s %*s %llu %*s %llu",
                       &state, &parent, &start_time, &code, &stack) != 5)
        return false;
    *ret = (struct offspring){
        .pid = pid,
        .parent = parent,
        .state = state,
        .start_time = start_time,
        .program = stack << 16 ^ code, /* both at random at each exec */
    };
    return state != 'Z' && state != 'X';
}

static bool has(const struct offspring *list, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++)
        if (list[i].pid == pid)
            return true;
    return false;
}

static size_t add(struct offspring *list, size_t count, size_t most, pid_t pid)
{
    if (count < most && pid > 0 && !has(list, count, pid) && offspring_read(pid, &list[count]))
        count++;
    return count;
}

/* Those that one thread has made. */
static size_t add_children(struct offspring *list, size_t count, size_t most, const char *path)
{
    FILE *file = fopen(path, "re");
    int pid;
    while (file && fscanf(file, "%d", &pid) == 1)
        count = add(list, count, most, pid);
    if (file)
        fclose(file);
    return count;
}

static size_t add_of_threads(struct offspring *list, size_t count, size_t most, pid_t pid)
{
    char path[300];
    struct dirent *entry;
    snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
    DIR *threads = opendir(path);
    while (threads && (entry = readdir(threads))) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        snprintf(path, sizeof(path), "/proc/%d/task/%s/children", (int)pid, entry->d_name);
        count = add_children(list, count, most, path);
    }
    if (threads)
        closedir(threads);
    return count;
}

/* The long way, once for each generation. */
static size_t add_by_parents(struct offspring *list, size_t count, size_t most)
{
    DIR *processes = opendir("/proc");
    struct dirent *entry;
    struct offspring one;
    while (processes && (entry = readdir(processes)) && count < most) {
        pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (pid > 0 && !has(list, count, pid) && offspring_read(pid, &one) &&
            has(list, count, one.parent))
            list[count++] = one;
    }
    if (processes)
        closedir(processes);
    return count;
}

size_t offspring_below(struct offspring *list, size_t count, size_t most)
{
    if (access("/proc/thread-self/children", R_OK) == 0) {
        for (size_t i = 0; i < count; i++)
            count = add_of_threads(list, count, most, list[i].pid);
        return count;
    }
    for (size_t before = 0; before != count;) {
        before = count;
        count = add_by_parents(list, count, most);
    }
    return count;
}

long offspring_last_pid(void)
{
    long last = -1;
    FILE *file = fopen("/proc/loadavg", "re");
    if (file && fscanf(file, "%*s %*s %*s %*s %ld", &last) != 1)
        last = -1;
    if (file)
        fclose(file);
    return last;
}
