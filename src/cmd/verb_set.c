/* SPDX-License-Identifier: MIT */
/* ulma set: other patterns, sources, budget, in what somebody follows.
 * Why: the first table says what the second question is, and the program is not to be started anew for it.
 * Rules: the words are read here first, so that what makes no sense changes nothing; the collector, which owns
 * the session, reads them again (wire/session.h has the words' place and their order). */
#include "cmd/job_process.h"
#include "cmd/message.h"
#include "cmd/session_ask.h"
#include "cmd/set_words.h"
#include "cmd/verbs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 10000, LOCK_MS = 15000 };

/* Its size with the zero byte; 0: there is no room. */
static size_t make_text(char text[SESSION_SET_SIZE], char *const *words, int count)
{
    char here[PATH_MAX];
    if (!getcwd(here, sizeof(here)) || strchr(here, '\n'))
        snprintf(here, sizeof(here), "/");
    int used = snprintf(text, SESSION_SET_SIZE, "%s\n", here);
    for (int i = 0; i < count && used < SESSION_SET_SIZE; i++)
        used += snprintf(text + used, SESSION_SET_SIZE - (size_t)used, "%s\n", words[i]);
    return used < SESSION_SET_SIZE ? (size_t)used + 1 : 0;
}

static bool ask(const struct session_found *found, char *const *words, int count,
                struct session_answer *answer)
{
    char text[SESSION_SET_SIZE];
    size_t size = make_text(text, words, count);
    if (size == 0) {
        message_error(
            "these are more words than the session of PID %d has room for (%d bytes): say "
            "them in several turns",
            (int)found->pid, SESSION_SET_SIZE);
        return false;
    }
    if (!session_take_turn(found, LOCK_MS)) {
        message_error("another `ulma set` speaks to PID %d: try again", (int)found->pid);
        return false;
    }
    enum session_asked asked = session_ask(found, text, size, WAIT_MS, answer);
    session_leave_turn(found);
    if (asked != ASKED_ANSWERED)
        message_error("%s%s", answer->text,
                      asked == ASKED_SILENT ? "; it will obey when it goes on" : "");
    return asked == ASKED_ANSWERED;
}

static bool set_one(const char *word, char *const *words, int count)
{
    struct session_found found;
    struct session_answer answer = {0};
    if (!session_find(word, &found))
        return false;
    bool good = ask(&found, words, count, &answer);
    if (good && answer.done && found.collector > 0)
        printf("%s: %s, followed by PID %d\n", found.about, answer.text, (int)found.collector);
    else if (good && answer.done)
        printf("%s: %s\n", found.about, answer.text);
    else if (good)
        message_error("PID %d: %s", (int)found.pid, answer.text);
    mapping_close(&found.mapping);
    return good && answer.done;
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
