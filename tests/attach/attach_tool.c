/* SPDX-License-Identifier: MIT */
/* attach_tool PID CODE [TIMEOUT_S]: the injector alone, for its tests.
 * Why: the verbs of ulma arm the probe; here any code can be run, and the tool be killed.
 * Rules: prints the way that was taken, or the sentence; fails as the injector does. */
#include "attach/inject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc < 3 || argc > 4) {
        fprintf(stderr, "usage: attach_tool PID CODE [TIMEOUT_S]\n");
        return 2;
    }
    static const char *const ways[] = {"none", "in place", "pending"};
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
