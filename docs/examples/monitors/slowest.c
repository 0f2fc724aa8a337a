/* SPDX-License-Identifier: MIT */
/* The slowest call of each function, in C: libulma's whole interface in one page.
 * usage: slowest ULMA WHAT...   (ULMA is the program `ulma`; WHAT a PID, a program with its arguments, or a recording) */
#include <stdio.h>
#include <ulma.h>

enum { FUNCTIONS = 1 << 17, BATCH = 4096 };

static uint64_t slowest_ns[FUNCTIONS], calls[FUNCTIONS];

static void look_at(const struct ulma_event *event)
{
    if (event->function >= FUNCTIONS)
        return;
    calls[event->function]++;
    if (event->duration_ns > slowest_ns[event->function])
        slowest_ns[event->function] = event->duration_ns;
}

int main(int argc, char **argv)
{
    const uint64_t masks[] = {ULMA_BIT(ULMA_RETURN) | ULMA_BIT(ULMA_RAISE)};
    struct ulma_options options = {.size = sizeof(options), .executable = argv[1]};
    struct ulma_session *session;
    char error[512];
    if (argc < 3) {
        fputs("usage: slowest ULMA WHAT...\n", stderr);
        return 2;
    }
    if (ulma_open((const char *const *)argv + 2, masks, 1, &options, &session, error,
                  sizeof(error))) {
        fprintf(stderr, "slowest: %s\n", error);
        return 1;
    }
    struct ulma_monitor *monitor = ulma_session_monitor(session, 0);
    const struct ulma_event *events;
    long count;
    while ((count = ulma_read(monitor, &events, BATCH, -1)) >= 0)
        for (long i = 0; i < count; i++)
            look_at(&events[i]);
    for (uint32_t i = 1; i < FUNCTIONS; i++) {
        struct ulma_function_info function;
        if (calls[i] && ulma_function(monitor, i, &function) == 0)
            printf("%10llu calls, slowest %10.3f ms: %s.%s\n", (unsigned long long)calls[i],
                   (double)slowest_ns[i] / 1e6, function.module, function.qualname);
    }
    printf("%llu events were dropped\n", (unsigned long long)ulma_lost(monitor));
    return ulma_close(session);
}
