/* SPDX-License-Identifier: MIT */
/* Armed processes, seen from outside: finding one's control page (wire/armed_page.h), following it alone,
 * telling it what to do.
 * Why: an armed process is switched on by whoever may read its user's session directory and signal it;
 * no right to ptrace is needed.
 * Rules: the page is the process's word: read by copy, checked, never mapped. One descriptor of a page
 * at a time in this process: closing any other would drop the lock that keeps other collectors away. */
#ifndef ULMA_ATTACH_ARMED_H
#define ULMA_ATTACH_ARMED_H

#include "wire/armed_page.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct armed {
    int fd;      /* of the page; -1: not open */
    int pid_fd;  /* -1: the kernel has none, or the process has no PID here */
    int root_fd; /* of the directory, where it lies below another root; -1 */
    pid_t pid;   /* as it is called here, or, if it has no PID here, there */
    uid_t uid;
    bool here; /* it has a PID here */
    char directory[PATH_MAX], path[PATH_MAX];
    struct armed_page page; /* as last read */
};

/* A page's file name. */
bool armed_is_name(const char *name);

/* The page at `path`. 0, -ENOENT, -EINVAL (no page), -EPERM, -ESTALE: its process is not there any
 * more (`armed` is open all the same, for who wants to clear it up). */
int armed_open(struct armed *armed, const char *path);

/* Closed, as it begins. */
#define ARMED_NONE                            \
    {                                         \
        .fd = -1, .pid_fd = -1, .root_fd = -1 \
    }

/* The one page in `directory` of a living process whose own PID is `pid`. 0 or -ENOENT. */
int armed_find_in(struct armed *armed, pid_t pid, const char *directory);

/* The page of a process: in `directory` (NULL: none given), the process's own $ULMA_DIR, and its user's
 * usual one, both below the root that the process has. A fork's child of an armed process is asked to make its page, within `timeout_ms` (0: is not).
 * 0, -ESRCH: no such process, -ENOENT: it is not armed, -EACCES: another user's. */
int armed_find(struct armed *armed, pid_t pid, const char *directory, int timeout_ms);

/* Whether its process lives: the lock says it, where there is no PID to ask for. */
bool armed_lives(const struct armed *armed);

/* Whether the page that is open here was taken away: its process was detached. */
bool armed_is_removed(const struct armed *armed);

/* Removes page and bell. */
int armed_unlink(const struct armed *armed);

/* Who follows it: the PID that holds the collector's lock, 0: nobody, -1: somebody in another PID
 * namespace. */
pid_t armed_follower(const struct armed *armed);

/* Takes the collector's lock. 0, or -EBUSY: somebody has it. */
int armed_follow(struct armed *armed);

/* Writes a wish, signals, and waits for the answer. 0, or -ECONNREFUSED (page.reason says why), -ESRCH:
 * it ended, -EAGAIN: it takes no SIGURG (yet), -ETIMEDOUT: no answer; then the wish is taken back. */
int armed_ask(struct armed *armed, enum armed_wish wish, const char *session, int timeout_ms);

/* The same, of what takes long: no time-out while `goes_on` says that the process is at it. */
int armed_ask_long(struct armed *armed, enum armed_wish wish, const char *session, int timeout_ms,
                   bool (*goes_on)(void *context), void *context);

/* SIGURG, if the process catches it, by its bell where it has no PID. 0, -ESRCH, -EAGAIN, -EPERM. */
int armed_signal(const struct armed *armed);

/* Whether the probe is mapped in it. */
bool armed_has_probe(pid_t pid);

/* Whether a process that is no page's may be a fork's child of an armed one: it has the probe and takes
 * SIGURG. */
bool armed_may_be(pid_t pid);

void armed_close(struct armed *armed);

#endif
