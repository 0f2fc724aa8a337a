/* SPDX-License-Identifier: MIT */
/* ulma set: other patterns, sources, budget, in what somebody follows.
 * Why: the first table says what the second question is, and the program is not to be started anew for it.
 * Rules: the words are read here first, so that what makes no sense changes nothing; the collector, which owns
 * the session, reads them again (wire/session.h has the words' place and their order). */
#include "base/clock.h"
#include "cmd/job_process.h"
#include "cmd/message.h"
#include "cmd/session_find.h"
#include "cmd/set_words.h"
#include "cmd/verbs.h"
#include "wire/guard.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MS_NS UINT64_C(1000000)

enum { LOOK_US = 2000, WAIT_MS = 10000, LOCK_MS = 15000 };

struct exchange {
    struct session_header *header;
    char text[SESSION_SET_SIZE];
    size_t size;
    uint32_t serial;
    bool answered, done;
    char answer[SESSION_ANSWER_SIZE + 1];
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
    exchange->answered = atomic_load_explicit(&header->set_done, memory_order_acquire) ==
                         exchange->serial;
    if (!exchange->answered)
        return 0;
    memcpy(exchange->answer, header->set_answer, SESSION_ANSWER_SIZE);
    exchange->done = header->set_result == SET_DONE;
    for (char *at = exchange->answer; *at; at++)
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            *at = '?';
    return 0;
}

/* One setter at a time; the kernel drops the lock of one that dies. */
static bool take_turn(int fd)
{
    struct flock lock = {
        .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = SESSION_SETTER_LOCK, .l_len = 1};
    for (int looks = LOCK_MS * 1000 / LOOK_US; looks > 0; looks--) {
        if (fcntl(fd, F_SETLK, &lock) == 0)
            return true;
        usleep(LOOK_US);
    }
    return false;
}

static bool make_text(struct exchange *exchange, char *const *words, int count)
{
    char here[PATH_MAX];
    if (!getcwd(here, sizeof(here)) || strchr(here, '\n'))
        snprintf(here, sizeof(here), "/");
    int used = snprintf(exchange->text, sizeof(exchange->text), "%s\n", here);
    for (int i = 0; i < count && used < (int)sizeof(exchange->text); i++)
        used += snprintf(exchange->text + used, sizeof(exchange->text) - (size_t)used, "%s\n",
                         words[i]);
    exchange->size = (size_t)used + 1;
    return used < (int)sizeof(exchange->text);
}

static void say_cut_off(int pid)
{
    message_error(
        "the session of PID %d was cut off by somebody: end the ulma that follows it, and "
        "begin anew",
        pid);
}

static bool wait_for_answer(struct exchange *exchange, const struct session_found *found)
{
    int pid = (int)found->pid;
    uint64_t give_up = clock_monotonic_ns() + WAIT_MS * MS_NS;
    while (guard_run(read_answer, exchange) == 0 && !exchange->answered) {
        if (session_collector(&found->mapping) == 0) {
            message_error("the ulma that followed PID %d has ended meanwhile", pid);
            return false;
        }
        if (clock_monotonic_ns() >= give_up) {
            message_error(
                "the ulma that follows PID %d did not answer within %d s: it is stopped, or "
                "its terminal is; it will obey when it goes on",
                pid, WAIT_MS / 1000);
            return false;
        }
        usleep(LOOK_US);
    }
    if (!exchange->answered)
        say_cut_off(pid);
    return exchange->answered;
}

static bool set_one(const char *word, char *const *words, int count)
{
    struct session_found found;
    struct exchange exchange = {0};
    if (!session_find(word, &found))
        return false;
    bool good = false;
    exchange.header = mapping_header(&found.mapping);
    if (!make_text(&exchange, words, count))
        message_error(
            "these are more words than the session of PID %d has room for (%d bytes): say "
            "them in several turns",
            (int)found.pid, SESSION_SET_SIZE);
    else if (!take_turn(found.mapping.fd))
        message_error("another `ulma set` speaks to PID %d: try again", (int)found.pid);
    else if (guard_run(write_text, &exchange) == 0)
        good = wait_for_answer(&exchange, &found);
    else
        say_cut_off((int)found.pid);
    if (good && exchange.done && found.collector > 0)
        printf("%s: %s, followed by PID %d\n", found.about, exchange.answer, (int)found.collector);
    else if (good && exchange.done)
        printf("%s: %s\n", found.about, exchange.answer);
    else if (good)
        message_error("PID %d: %s", (int)found.pid, exchange.answer);
    mapping_close(&found.mapping);
    return good && exchange.done;
}

/* All words but the PIDs, which come first, make sense. */
static bool check(char *const *words, int count)
{
    char error[OPTIONS_ERROR_SIZE] = "";
    struct set_words read;
    bool good = set_words_begin(&read, NULL, 0);
    read.directory = "/";
    for (int i = 0; i < count && good; i++) {
        good = set_words_read(&read, words[i], error);
        if (good && strpbrk(words[i], "\n\r\t\033")) {
            snprintf(error, sizeof(error), "`%.40s…` holds a control character", words[i]);
            good = false;
        }
    }
    set_words_done(&read);
    if (!good)
        message_error("%s", error);
    return good;
}

static bool is_setting(const char *word)
{
    return set_words_is_one(word) && !job_process_is(word);
}

int verb_set(const struct options *options, char **words, int word_count)
{
    int names = 0;
    while (names < word_count && !is_setting(words[names]))
        names++;
    bool all = true;
    if (names == 0 && !options->pid)
        message_error("`ulma set` needs a PID before its settings; see `ulma set --help`");
    else if (names == word_count)
        message_error(
            "`ulma set` needs a setting after the PID, such as only+=pkg, events=c-calls or "
            "budget=5; see `ulma set --help`");
    else if (check(words + names, word_count - names)) {
        if (options->pid)
            all = set_one(options->pid, words + names, word_count - names);
        for (int i = 0; i < names; i++)
            all &= set_one(words[i], words + names, word_count - names);
        return all ? EXIT_FINE : EXIT_FAILED;
    }
    return EXIT_WRONG_WORDS;
}
