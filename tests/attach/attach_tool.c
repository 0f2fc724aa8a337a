/* SPDX-License-Identifier: MIT */
/* attach_tool PID CODE [TIMEOUT_S]: the injector alone, for its tests and for bench/stops.py.
 * attach_tool PID: an empty stop of the first thread instead, made as the injector makes its own.
 * Why: the verbs of ulma arm the probe; here any code can be run, and the tool be killed.
 * Rules: prints the way that was taken, or the sentence; fails as the injector does. */
#include "attach/inject.h"
#include "attach/inject_parts.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct empty {
    pid_t tid;
    int error;
    uint64_t ns;
};

static void *stop_empty(void *argument)
{
    struct empty *empty = argument;
    inject_go_first();
    uint64_t begin = clock_monotonic_ns();
    empty->error = inject_seize(empty->tid);
    empty->error = empty->error ? empty->error : inject_stop(empty->tid);
    inject_let_go(empty->tid);
    empty->ns = clock_monotonic_ns() - begin;
    return NULL;
}

static int stop_and_tell(pid_t pid)
{
    struct empty empty = {.tid = pid};
    pthread_t thread;
    /* Twice: the first one binds and pages in what the second is to be measured with. */
    for (int i = 0; i < 2; i++) {
        if (pthread_create(&thread, NULL, stop_empty, &empty) || pthread_join(thread, NULL) ||
            empty.error) {
            fprintf(stderr, "%s\n", strerror(-empty.error));
            return 1;
        }
    }
    printf("empty, 1 stops, %llu ns\n", (unsigned long long)empty.ns);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: attach_tool PID [CODE [TIMEOUT_S]]\n");
        return 2;
    }
    if (argc == 2)
        return stop_and_tell((pid_t)strtol(argv[1], NULL, 10));
    static const char *const ways[] = {"none", "in place", "pending", "script"};
    struct attach_options options = {0};
    struct attach_outcome outcome;
    if (argc == 4)
        options.timeout_ns = (uint64_t)(strtod(argv[3], NULL) * 1e9);
    int error = attach_run_python((pid_t)strtol(argv[1], NULL, 10), argv[2], &options, &outcome);
    if (error) {
        fprintf(stderr, "%s: %s\n", strerrorname_np(-error), outcome.text);
        return 1;
    }
    printf("%s, %u stops, %llu ns\n", ways[outcome.way], outcome.stops,
           (unsigned long long)outcome.stopped_ns);
    return 0;
}
