/* SPDX-License-Identifier: MIT */
/* Turns, questions, answers.
 * Why: see session_ask.h.
 * Rules: as there. */
#include "cmd/session_ask.h"

#include "base/clock.h"
#include "wire/guard.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MS_NS UINT64_C(1000000)

enum { LOOK_US = 2000 };

struct exchange {
    struct session_header *header;
    const char *text;
    size_t size;
    uint32_t serial;
    bool answered;
    struct session_answer *answer;
};

static int write_text(void *context)
{
    struct exchange *exchange = context;
    struct session_header *header = exchange->header;
    memcpy(header->set_text, exchange->text, exchange->size);
    exchange->serial = atomic_load(&header->set_serial) + 1;
    atomic_store_explicit(&header->set_serial, exchange->serial, memory_order_release);
    return 0;
}

static int read_answer(void *context)
{
    struct exchange *exchange = context;
    const struct session_header *header = exchange->header;
    struct session_answer *answer = exchange->answer;
    exchange->answered = atomic_load_explicit(&header->set_done, memory_order_acquire) ==
                         exchange->serial;
    if (!exchange->answered)
        return 0;
    memcpy(answer->text, header->set_answer, SESSION_ANSWER_SIZE);
    answer->text[SESSION_ANSWER_SIZE] = '\0';
    answer->done = header->set_result == SET_DONE;
    for (char *at = answer->text; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    return 0;
}

static bool lock(const struct session_found *found, short type)
{
    struct flock wanted = {
        .l_type = type, .l_whence = SEEK_SET, .l_start = SESSION_SETTER_LOCK, .l_len = 1};
    return fcntl(found->mapping.fd, F_SETLK, &wanted) == 0;
}

bool session_take_turn(const struct session_found *found, int wait_ms)
{
    for (int looks = wait_ms * 1000 / LOOK_US; looks > 0; looks--) {
        if (lock(found, F_WRLCK))
            return true;
        usleep(LOOK_US);
    }
    return false;
}

void session_leave_turn(const struct session_found *found)
{
    lock(found, F_UNLCK);
}

/* Nobody collects, or the session has been taken away: its program has ended. */
static bool has_ended(const struct session_found *found)
{
    struct stat status;
    return session_collector(&found->mapping) == 0 || fstat(found->mapping.fd, &status) ||
           status.st_nlink == 0;
}

static enum session_asked fail(struct exchange *exchange, const struct session_found *found,
                               enum session_asked how, int wait_ms)
{
    char *text = exchange->answer->text;
    size_t size = sizeof(exchange->answer->text);
    int pid = (int)found->pid;
    exchange->answer->done = false;
    if (how == ASKED_ENDED)
        snprintf(text, size, "the ulma that followed PID %d has ended meanwhile", pid);
    else if (how == ASKED_SILENT)
        snprintf(text, size,
                 "the ulma that follows PID %d did not answer within %d s: it is stopped, or its "
                 "terminal is",
                 pid, wait_ms / 1000);
    else
        snprintf(text, size,
                 "the session of PID %d was cut off by somebody: end the ulma that follows it, "
                 "and begin anew",
                 pid);
    return how;
}

enum session_asked session_ask(const struct session_found *found, const char *text, size_t size,
                               int wait_ms, struct session_answer *answer)
{
    struct exchange exchange = {
        .header = mapping_header(&found->mapping), .text = text, .size = size, .answer = answer};
    uint64_t give_up = clock_monotonic_ns() + (uint64_t)wait_ms * MS_NS;
    *answer = (struct session_answer){0};
    if (guard_run(write_text, &exchange))
        return fail(&exchange, found, ASKED_CUT, wait_ms);
    for (;;) {
        if (guard_run(read_answer, &exchange))
            return fail(&exchange, found, ASKED_CUT, wait_ms);
        if (exchange.answered)
            return ASKED_ANSWERED;
        if (has_ended(found))
            return fail(&exchange, found, ASKED_ENDED, wait_ms);
        if (clock_monotonic_ns() >= give_up)
            return fail(&exchange, found, ASKED_SILENT, wait_ms);
        usleep(LOOK_US);
    }
}
