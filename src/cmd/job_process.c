/* SPDX-License-Identifier: MIT */
/* Finding, joining, leaving.
 * Why: see job_process.h.
 * Rules: as there. What can be refused without touching the process is refused first. */
#include "cmd/job_process.h"

#include "base/command.h"
#include "cmd/arming.h"
#include "cmd/job_others.h"
#include "cmd/job_session.h"
#include "cmd/job_strays.h"
#include "cmd/job_trace.h"
#include "cmd/message.h"
#include "cmd/session_find.h"
#include "cmd/verbs.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- the word ------------------------------------------------------------------------------- */

static bool is_number(const char *word)
{
    return *word && strspn(word, "0123456789") == strlen(word);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* PID-RANDOM: a session; PID-RANDOM.armed: a control page. */
bool job_process_is_session_name(const char *name)
{
    size_t digits = strspn(name, "0123456789");
    return digits > 0 && name[digits] == '-' &&
           strspn(name + digits + 1, "0123456789abcdef") == 16 &&
           (!name[digits + 17] || armed_is_name(name));
}

/* How many pages lie in a directory; `*ret_pid` gets the PID of one whose process lives. */
static int look_into(const char *path, pid_t *ret_pid)
{
    DIR *directory = opendir(path);
    struct dirent *entry;
    int found = 0;
    *ret_pid = 0;
    while (directory && (entry = readdir(directory))) {
        char name[PATH_MAX];
        struct armed armed;
        if (!armed_is_name(entry->d_name) ||
            (size_t)snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) >= sizeof(name))
            continue;
        if (armed_open(&armed, name) == 0) {
            *ret_pid = armed.pid;
            found++;
        }
        armed_close(&armed);
    }
    if (directory)
        closedir(directory);
    return found;
}

bool job_process_is(const char *word)
{
    struct stat status;
    pid_t pid;
    if (is_number(word))
        return true; /* whatever a file here is called */
    if (stat(word, &status))
        return false;
    if (S_ISDIR(status.st_mode))
        return look_into(word, &pid) > 0;
    return S_ISREG(status.st_mode) && job_process_is_session_name(base_name(word));
}

/* --- finding -------------------------------------------------------------------------------- */

static const char *user_name(uid_t uid)
{
    const struct passwd *user = getpwuid(uid);
    return user ? user->pw_name : "another";
}

static void read_command(pid_t pid, char *text, size_t size)
{
    char path[64], words[PATH_MAX];
    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    FILE *file = fopen(path, "re");
    size_t got = file ? fread(words, 1, sizeof(words), file) : 0;
    if (file)
        fclose(file);
    command_write(text, size, words, got);
}

void job_process_say_not_found(const char *word, pid_t pid, int result)
{
    struct stat status;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    if (result == -ESRCH)
        message_error("no process %s: `ulma ps` lists those that are armed", word);
    else if (result == -EACCES && stat(path, &status) == 0)
        message_error("PID %d belongs to the user %s: run ulma as that user, `sudo -u %s ulma …`",
                      (int)pid, user_name(status.st_uid), user_name(status.st_uid));
    else
        message_error(
            "PID %d is not armed, so that there is nothing to switch (`ulma ps` lists what "
            "is armed; `ulma attach %d` arms it)",
            (int)pid, (int)pid);
}

/* As armed_find; -EINVAL: said on stderr. *ret_pid is 0 when the word names none. */
int job_process_look(struct armed *armed, const char *word, pid_t *ret_pid)
{
    char directory[PATH_MAX];
    job_session_directory(directory, sizeof(directory));
    long number = strtol(base_name(word), NULL, 10);
    pid_t pid = number > 0 && number <= INT32_MAX ? (pid_t)number : 0;
    struct stat status;
    if (!is_number(word) && stat(word, &status) == 0) {
        const char *slash = strrchr(word, '/');
        if (S_ISDIR(status.st_mode)) {
            snprintf(directory, sizeof(directory), "%s", word);
            int found = look_into(word, &pid);
            if (found != 1) {
                message_error("%s holds %s: name one by its PID (`ulma ps --dir %s` lists them)",
                              word, found ? "several armed processes" : "no armed process", word);
                return -EINVAL;
            }
        } else {
            snprintf(directory, sizeof(directory), "%.*s", slash ? (int)(slash - word) : 1,
                     slash ? word : ".");
        }
    }
    *ret_pid = pid;
    /* A page whose process has no PID here: the directory is all that is shared with it. */
    if (!is_number(word) && armed_find_in(armed, pid, directory) == 0) {
        if (!armed->here)
            return 0;
        armed_close(armed);
    }
    return armed_find(armed, pid, directory, JOB_PROCESS_WAIT_MS);
}

bool job_process_find(struct armed *armed, const char *word)
{
    pid_t pid;
    int result = job_process_look(armed, word, &pid);
    if (result && result != -EINVAL)
        job_process_say_not_found(word, pid, result);
    return result == 0;
}

bool job_process_find_or_arm(struct armed *armed, const char *word, int64_t timeout_ns,
                             bool *ret_attached)
{
    pid_t pid;
    int result = job_process_look(armed, word, &pid);
    *ret_attached = false;
    if (result == -ENOENT && is_number(word)) {
        enum arming arming = arm_process(armed, pid, timeout_ns);
        *ret_attached = arming == ARMING_NOW;
        return arming != ARMING_FAILED;
    }
    if (result && result != -EINVAL)
        job_process_say_not_found(word, pid, result);
    return result == 0;
}

static void describe(pid_t pid, const char *python, const char *command, char *text, size_t size)
{
    snprintf(text, size, "%d (python %s, %s)", (int)pid, python, command);
}

void job_process_describe_as(pid_t pid, const char *python, char *text, size_t size)
{
    char command[200];
    read_command(pid, command, sizeof(command));
    describe(pid, python, command, text, size);
}

void job_process_describe(const struct armed *armed, char *text, size_t size)
{
    if (armed->here)
        job_process_describe_as(armed->pid, armed->page.python, text, size);
    else
        describe(armed->pid, armed->page.python, "of another PID namespace", text, size);
}

bool job_process_say_who(pid_t pid, char *text, size_t size)
{
    char path[64], command[200];
    struct stat status;
    snprintf(path, sizeof(path), "/proc/%d", (int)pid);
    if (pid <= 0 || stat(path, &status))
        return false;
    read_command(pid, command, sizeof(command));
    snprintf(text, size, "PID %d of the user %s (`%s`)", (int)pid, user_name(status.st_uid),
             command);
    return true;
}

static void say_followed(pid_t pid, pid_t other)
{
    char who[SESSION_WHO_SIZE];
    session_describe_collector(other, who, sizeof(who));
    message_error("PID %d is followed already, by %s: end that one first", (int)pid, who);
}

bool job_process_follow(struct armed *armed)
{
    if (armed_follow(armed) == 0)
        return true;
    say_followed(armed->pid, armed_follower(armed));
    return false;
}

/* By a session that no control page names: its program was started by an ulma. */
static bool is_followed(const char *word)
{
    struct session_found found;
    if (!session_find_started(word, &found))
        return false;
    say_followed(found.pid, found.collector);
    mapping_close(&found.mapping);
    return true;
}

bool job_process_ask(struct armed *armed, enum armed_wish wish, const char *session)
{
    int pid = (int)armed->pid;
    int result = armed_ask(armed, wish, session, JOB_PROCESS_WAIT_MS);
    if (result && result != -ESRCH && result != -ECONNREFUSED && armed_is_removed(armed)) {
        message_error("PID %d was detached by somebody else just now, and runs on without the "
                      "probe: try again",
                      pid);
        return false;
    }
    switch (-result) {
    case 0:
        return true;
    case ECONNREFUSED:
        message_error("PID %d cannot be switched on: %s", pid, armed->page.reason);
        break;
    case ESRCH:
        message_error("PID %d has ended", pid);
        break;
    case EAGAIN:
        message_error("PID %d takes no SIGURG: it was armed in a thread, and its main thread has "
                      "run no Python code since; try again when it has",
                      pid);
        break;
    case ETIMEDOUT:
        message_error("PID %d did not answer within %d s: its main thread is stopped, or in a call "
                      "that lets no signal handler run; try again",
                      pid, JOB_PROCESS_WAIT_MS / 1000);
        break;
    default:
        message_error("cannot reach PID %d: %s", pid, strerror(-result));
        break;
    }
    return false;
}

/* --- the job -------------------------------------------------------------------------------- */

static bool collect(struct job *job)
{
    if (!job_trace_begin(job))
        return false;
    struct collector_options wanted = job_collector_options(job);
    /* No switch records: those of threads that exist already are not to be had through one of them. */
    wanted.no_perf = true;
    wanted.target = job->first.armed.here ? job->first.armed.pid : 0;
    wanted.no_pids = !job->first.armed.here;
    wanted.follow_children = job_is_family(job);
    job->collector = collector_new(&job->mapping, &wanted);
    int result = job->collector ? collector_start(job->collector) : -ENOMEM;
    if (result)
        message_error("cannot start the collector: %s", strerror(-result));
    return result == 0;
}

/* From now on they wait until supervise reads them: one that ended ulma between arming a process and
 * following it would leave it armed. */
static void hold_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* How the report names it. */
static bool name_target(struct job *job)
{
    char command[PATH_MAX] = "python", text[PATH_MAX + 64];
    if (job->first.armed.here)
        read_command(job->first.armed.pid, command, sizeof(command));
    snprintf(text, sizeof(text), "%s", command);
    if (job->other_count > 0)
        snprintf(text, sizeof(text), "%s (and %zu more process%s)", command, job->other_count,
                 job->other_count == 1 ? "" : "es");
    bool named = target_of_process(&job->target, text);
    if (!named)
        message_error("out of memory");
    return named;
}

static void take_wishes(struct job *job)
{
    const struct armed *armed = &job->first.armed;
    if (!armed->here || !wishes_read(armed->pid, job->options, &job->wishes))
        return;
    job->options = &job->wishes.options;
    job->sites = job->options->sites;
}

static bool watch(struct job *job)
{
    const struct armed *armed = &job->first.armed;
    int fds[JOB_OTHERS_MOST];
    for (size_t i = 0; i < job->other_count; i++)
        fds[i] = job->others[i].armed.pid_fd;
    int result = supervise_open_process(&job->supervise, armed, clock_choose());
    if (result == 0)
        result = supervise_add(&job->supervise, fds, job->other_count);
    if (result)
        message_error("cannot watch PID %d: %s", (int)armed->pid, strerror(-result));
    return result == 0;
}

static bool start(struct job *job, char **words, int word_count)
{
    char name[32];
    struct armed *armed = &job->first.armed;
    hold_signals();
    if (is_followed(words[0]) ||
        !job_process_find_or_arm(armed, words[0], job->options->timeout_ns, &job->first.attached) ||
        !job_others_find(job, words + 1, word_count - 1) || !job_process_follow(armed) ||
        !name_target(job))
        return false;
    take_wishes(job);
    snprintf(job->directory, sizeof(job->directory), "%s", armed->directory);
    job_session_name(name, sizeof(name));
    if (!watch(job))
        return false;
    signal(SIGPIPE, SIG_IGN);
    if (!job_open_file(job, armed->pid) || !job_session_make(job, armed->pid, name) ||
        !collect(job))
        return false;
    if (!job_process_ask(armed, ARMED_JOIN, base_name(job->mapping.path)))
        return false;
    job->first.joined = true;
    message_step("PID %d joined the session", (int)armed->pid);
    if (!job_others_join(job))
        return false;
    job->started_ns = clock_monotonic_ns();
    if (job->other_count > 0 && !job->options->start_off && !job->delayed)
        job_switch(job, true);
    return true;
}

int job_process_start(struct job *job, const struct options *options, char **words, int word_count,
                      const struct job_setting *setting)
{
    *job = (struct job){
        .options = options,
        .clock = setting->clock,
        .is_recorded = setting->record,
        .watch = setting->watch,
        .is_process = true,
        .keeps_calls = setting->keeps_calls,
        .first.armed = ARMED_NONE,
        .output = {.fd = -1},
        .mapping = {.fd = -1},
        .supervise = {.signal_fd = -1},
        .delayed = options->delay_ns > 0,
        .sites = options->sites,
    };
    if (start(job, words, word_count)) {
        job_strays_begin(job);
        return EXIT_FINE;
    }
    job_process_leave(job);
    output_abandon(&job->output);
    return EXIT_FAILED;
}

void job_process_leave_one(struct followed *process)
{
    if (!process->joined && !process->attached)
        return;
    enum armed_wish wish = process->attached ? ARMED_DISARM : ARMED_LEAVE;
    process->left = armed_ask(&process->armed, wish, NULL, JOB_PROCESS_WAIT_MS) == 0;
    process->joined = process->attached = false;
    process->detached = wish == ARMED_DISARM;
}

void job_process_leave(struct job *job)
{
    if (job->supervise.ended)
        return;
    job_process_leave_one(&job->first);
    for (size_t i = 0; i < job->other_count; i++)
        job_process_leave_one(&job->others[i]);
}

/* --- the last line -------------------------------------------------------------------------- */

enum left { LEFT_ENDED, LEFT_DETACHED, LEFT_ARMED, LEFT_FLYING, LEFT_UNANSWERED };

static enum left how_left(const struct followed *process)
{
    const struct armed *armed = &process->armed;
    struct pollfd look = {.fd = armed->pid_fd, .events = POLLIN};
    if (armed->here ? look.fd >= 0 && poll(&look, 1, 0) > 0 : !armed_lives(armed))
        return LEFT_ENDED;
    if (!process->left)
        return LEFT_UNANSWERED;
    if (process->detached)
        return LEFT_DETACHED;
    return atomic_load(&armed->page.flight) ? LEFT_FLYING : LEFT_ARMED;
}

static void say_one(const struct followed *process)
{
    int pid = (int)process->armed.pid;
    switch (how_left(process)) {
    case LEFT_ENDED:
        message_note("PID %d has ended", pid);
        break;
    case LEFT_DETACHED:
        message_note(
            "PID %d runs on, detached, as it was found; next: ulma top %d | ulma attach %d "
            "(arms it for good)",
            pid, pid, pid);
        break;
    case LEFT_ARMED:
        message_note("PID %d runs on, armed and off; next: ulma top %d | ulma report %d -d 2 | "
                     "ulma detach %d",
                     pid, pid, pid, pid);
        break;
    case LEFT_FLYING:
        message_note("PID %d runs on, and its flight recorder has begun anew; next: ulma top %d | "
                     "ulma rescue %d | ulma detach %d",
                     pid, pid, pid, pid);
        break;
    case LEFT_UNANSWERED:
        message_note("PID %d runs on; its main thread has not answered yet (it is stopped, or in a "
                     "call that lets no signal handler run), so the probe goes off at one of its "
                     "next calls; `ulma %s %d` makes sure",
                     pid, process->detached ? "detach" : "off", pid);
        break;
    }
}

void job_process_say_end(const struct job *job)
{
    static const char *const plural[] = {
        [LEFT_ENDED] = "have ended",
        [LEFT_DETACHED] = "run on, detached, as they were found",
        [LEFT_ARMED] = "run on, armed and off; `ulma detach PID` detaches one",
        [LEFT_FLYING] = "run on, and their flight recorders have begun anew",
    };
    char list[5][2048] = {""};
    size_t count[5] = {0};
    const struct followed *last[5];
    for (size_t i = 0; i <= job->other_count; i++) {
        const struct followed *process = i == 0 ? &job->first : &job->others[i - 1];
        enum left how = how_left(process);
        size_t used = strlen(list[how]);
        snprintf(list[how] + used, sizeof(list[how]) - used, "%s%d", used ? ", " : "",
                 (int)process->armed.pid);
        last[how] = process;
        if (how == LEFT_UNANSWERED || (count[how]++ == 0 && job->other_count == 0))
            say_one(process);
    }
    for (int how = LEFT_ENDED; how <= LEFT_FLYING && job->other_count > 0; how++) {
        if (count[how] == 1)
            say_one(last[how]);
        else if (count[how] > 1)
            message_note("PIDs %s %s", list[how], plural[how]);
    }
}
