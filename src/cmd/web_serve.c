/* SPDX-License-Identifier: MIT */
/* Tokens, the announcement, the browser.
 * Why: see web_serve.h.
 * Rules: as there. The token is in no command line: whoever can list processes would have it. */
#include "cmd/web_serve.h"

#include "cmd/embedded.h"
#include "cmd/message.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __APPLE__
#define BROWSER "open"
#else
#define BROWSER "xdg-open"
#endif

extern char **environ;

enum { TOKEN_FILE_MOST = 4096 };

static struct {
    char text[TOKEN_FILE_MOST + 1];
    char page[256]; /* the file that leads a browser to the page; "": none */
} serve;

static char *line_of(char **rest)
{
    char *line = *rest + strspn(*rest, " \t\r");
    size_t size = strcspn(line, "\n");
    *rest = line + size + (line[size] == '\n');
    line[size] = '\0';
    while (size > 0 && strchr(" \t\r", line[size - 1]))
        line[--size] = '\0';
    return size ? line : NULL;
}

static bool read_tokens(const char *path, struct web_options *wanted)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, serve.text, TOKEN_FILE_MOST);
    int error = errno;
    bool open_to_others = fd >= 0 && fstat(fd, &status) == 0 && (status.st_mode & 077);
    if (fd >= 0)
        close(fd);
    if (got < 0) {
        message_error("cannot read the token from %s: %s", path, strerror(error));
        return false;
    }
    serve.text[got] = '\0';
    char *rest = serve.text;
    wanted->token = line_of(&rest);
    wanted->metrics_token = line_of(&rest);
    if (!wanted->token) {
        message_error("%s holds no token in its first line", path);
        return false;
    }
    if (open_to_others)
        message_note("%s can be read by others: chmod 600 %s", path, path);
    return true;
}

static bool is_loopback(const char *address)
{
    return !address || strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

struct web *web_serve_open(const struct options *options)
{
    char error[512];
    const char *token = getenv("ULMA_TOKEN");
    struct web_options wanted = {
        .address = options->listen,
        .port = options->port == OPTIONS_UNSET ? 0 : (int)options->port,
        .token = token && *token ? token : NULL,
        .host_count = options->allowed_hosts.count,
        .page = page_image,
        .page_end = page_image_end,
    };
    for (size_t i = 0; i < options->allowed_hosts.count; i++)
        wanted.hosts[i] = options->allowed_hosts.words[i];
    if (options->token_file && !read_tokens(options->token_file, &wanted))
        return NULL;
    struct web *web = web_open(&wanted, error, sizeof(error));
    if (!web)
        message_error("%s", error);
    else if (!is_loopback(options->listen))
        message_note(
            "whoever reaches %s and has the token sees everything here: what is sent is not "
            "encrypted",
            options->listen);
    return web;
}

/* What the user types at home to see it there. */
static void announce_tunnel(const struct web *web)
{
    char server[128], port[16];
    const char *connection = getenv("SSH_CONNECTION");
    const struct passwd *user = getpwuid(geteuid());
    if (!connection || sscanf(connection, "%*s %*s %127s %15s", server, port) != 2)
        return;
    char option[32] = "";
    if (strcmp(port, "22") != 0)
        snprintf(option, sizeof(option), "-p %s ", port);
    printf("ssh -L %d:127.0.0.1:%d %s%s%s%s\n", web_port(web), web_port(web), option,
           user ? user->pw_name : "", user ? "@" : "", server);
}

/* A file of our own, since a browser's command line can be seen by others. */
static bool write_page(const struct web *web)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");
    if (!folder || !*folder)
        folder = getenv("TMPDIR");
    snprintf(serve.page, sizeof(serve.page), "%.200s/ulma-open-XXXXXX.html",
             folder && *folder ? folder : "/tmp");
    int fd = mkostemps(serve.page, 5, O_CLOEXEC);
    if (fd < 0) {
        serve.page[0] = '\0';
        return false;
    }
    bool written = dprintf(fd,
                           "<!doctype html><meta charset=\"utf-8\"><title>ulma</title>"
                           "<meta http-equiv=\"refresh\" content=\"0; url=%s\">\n",
                           web_url(web)) > 0;
    return close(fd) == 0 && written;
}

/* Not our child for longer than a moment: supervision expects the target alone. */
static bool start_browser(void)
{
    pid_t child = fork();
    if (child == 0) {
        char *words[] = {(char *)BROWSER, serve.page, NULL};
        posix_spawn_file_actions_t actions;
        pid_t browser;
        posix_spawn_file_actions_init(&actions);
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
            posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
        setsid();
        _exit(posix_spawnp(&browser, words[0], &actions, NULL, words, environ) ? 1 : 0);
    }
    int status = 1;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

void web_serve_announce(struct web *web, const struct options *options)
{
    printf("%s\n", web_url(web));
    announce_tunnel(web);
    fflush(stdout);
    if (options->open_page && (!write_page(web) || !start_browser()))
        message_note("no browser can be started here (" BROWSER "): open the address above");
}

void web_serve_close(struct web *web)
{
    if (serve.page[0])
        unlink(serve.page);
    web_close(web);
}

static void stops(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGHUP);
}

void web_serve_hold_signals(void)
{
    sigset_t set;
    stops(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool web_serve_signalled(void)
{
    sigset_t set, pending;
    int number;
    stops(&set);
    /* Not sigtimedwait: a Mac has none. */
    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
            sigismember(&pending, SIGHUP) == 1) &&
           sigwait(&set, &number) == 0;
}
