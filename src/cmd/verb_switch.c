/* SPDX-License-Identifier: MIT */
/* ulma on, off, detach: what is said to an armed process without collecting from it.
 * Why: a script, or a second terminal, switches what the first one shows; and who is done takes the
 * probe's hooks out for good.
 * Rules: on and off speak through the session of the collector that follows the process; it keeps what
 * was collected. detach never takes a process away from its collector. */
#include "cmd/job_process.h"
#include "cmd/message.h"
#include "cmd/verbs.h"
#include "wire/guard.h"
#include "wire/mapping.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_US = 2000, SIGNAL_EVERY = 25 /* looks */ };

struct wish {
    struct mapping mapping;
    bool on;
};

static int write_wish(void *context)
{
    struct wish *wish = context;
    struct session_header *header = mapping_header(&wish->mapping);
    atomic_store_explicit(&header->wanted, wish->on ? WANTED_ON : WANTED_OFF, memory_order_relaxed);
    atomic_fetch_add_explicit(&header->switch_serial, 1, memory_order_release);
    return 0;
}

static int is_done(void *context)
{
    const struct wish *wish = context;
    struct session_header *header = mapping_header(&wish->mapping);
    return atomic_load(&header->switch_done) == atomic_load(&header->switch_serial) &&
           atomic_load(&header->state) == (wish->on ? STATE_ON : STATE_OFF);
}

static bool wait_done(struct wish *wish, const struct armed *armed)
{
    int looks = JOB_PROCESS_WAIT_MS * 1000 / LOOK_US;
    for (int look = 0; look < looks; look++) {
        if (look % SIGNAL_EVERY == 0 && armed_signal(armed) == -ESRCH)
            return false;
        if (guard_run(is_done, wish) == 1)
            return true;
        usleep(LOOK_US);
    }
    return false;
}

static bool switch_in_session(struct armed *armed, bool on, const char *about)
{
    char path[PATH_MAX + ARMED_NAME_SIZE];
    struct wish wish = {.on = on};
    const char *word = on ? "on" : "off";
    /* One of several that are followed together has its own session, of the same RANDOM. */
    const char *random = strchr(armed->page.session, '-');
    snprintf(path, sizeof(path), "%s/%d%s", armed->directory, (int)armed->pid,
             random ? random : "");
    if (!armed->page.session[0] || strchr(armed->page.session, '/') ||
        mapping_open(path, &wish.mapping)) {
        message_error("PID %d joins its collector just now: try again", (int)armed->pid);
        return false;
    }
    guard_run(write_wish, &wish);
    bool done = wait_done(&wish, armed);
    mapping_close(&wish.mapping);
    if (done)
        printf("%s: %s, followed by PID %d\n", about, word, (int)armed_follower(armed));
    else
        message_error("PID %d did not go %s within %d s: its main thread is stopped, or in a call "
                      "that lets no signal handler run; try again",
                      (int)armed->pid, word, JOB_PROCESS_WAIT_MS / 1000);
    return done;
}

static bool switch_one(const char *word, bool on)
{
    struct armed armed;
    char about[PATH_MAX];
    if (!job_process_find(&armed, word))
        return false;
    bool done = true;
    int pid = (int)armed.pid;
    job_process_describe(&armed, about, sizeof(about));
    if (armed_follower(&armed)) {
        done = switch_in_session(&armed, on, about);
    } else if (on) {
        message_error("nobody collects from PID %d, so that nothing would be seen: `ulma top %d` "
                      "or `ulma report %d -d 2` switches it on",
                      pid, pid, pid);
        done = false;
    } else {
        /* A collector that was killed may have left it on. */
        done = job_process_follow(&armed) && job_process_ask(&armed, ARMED_LEAVE, NULL);
        if (done)
            printf("%s: armed and off, nobody collects. Next: ulma top %d | ulma detach %d\n",
                   about, pid, pid);
    }
    armed_close(&armed);
    return done;
}

static bool detach_one(const char *word)
{
    struct armed armed;
    char about[PATH_MAX];
    if (!job_process_find(&armed, word))
        return false;
    job_process_describe(&armed, about, sizeof(about));
    bool done = job_process_follow(&armed) && job_process_ask(&armed, ARMED_DISARM, NULL);
    if (done)
        printf("%s: detached; its hooks, its SIGURG handler and its control page are gone\n",
               about);
    armed_close(&armed);
    return done;
}

static int each(const char *verb, char **words, int word_count, bool (*act)(const char *word))
{
    bool all = true;
    if (word_count == 0) {
        message_error("`ulma %s` needs a PID; see `ulma %s --help`", verb, verb);
        return EXIT_WRONG_WORDS;
    }
    for (int i = 0; i < word_count; i++)
        all &= act(words[i]);
    return all ? EXIT_FINE : EXIT_FAILED;
}

static bool on_one(const char *word)
{
    return switch_one(word, true);
}

static bool off_one(const char *word)
{
    return switch_one(word, false);
}

int verb_on(const struct options *options, char **words, int word_count)
{
    (void)options;
    return each("on", words, word_count, on_one);
}

int verb_off(const struct options *options, char **words, int word_count)
{
    (void)options;
    return each("off", words, word_count, off_one);
}

int verb_detach(const struct options *options, char **words, int word_count)
{
    (void)options;
    return each("detach", words, word_count, detach_one);
}
