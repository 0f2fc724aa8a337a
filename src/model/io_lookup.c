/* SPDX-License-Identifier: MIT */
/* /proc/PID/fd and /proc/PID/net.
 * Why: see io_lookup.h.
 * How a socket gets its name: the link says its inode, the tables of the process's network namespace say the addresses
 * of that. One that is connected from a port that somebody listens on there was accepted: it is called by that
 * address, so that a server's connections are one row and not as many as it has clients. */
#include "model/io_lookup.h"
#include "model/collector_parts.h"
#include "wire/guard.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    AGAIN_NS = 100 * 1000 * 1000,
    AT_ONCE = 64,
    SOCKETS_MOST = 1 << 16,
    LISTENING = 0x0A,
    LINE_SIZE = 512
};

/* --- sockets of a network namespace ---------------------------------------------------------- */

struct socket_line {
    unsigned long inode;
    unsigned local_port;
    bool listens, has_peer;
    char local[64], peer[64];
    char path[112]; /* of a unix socket; "": it has none */
};

struct sockets {
    struct socket_line *lines;
    size_t count;
};

/* `0100007F:1F90`, or sixteen bytes of hexadecimal words in the machine's order. */
static bool read_endpoint(const char *text, char *address, size_t size, unsigned *ret_port)
{
    unsigned words[4] = {0}, port;
    char whole[IO_TEXT_SIZE];
    unsigned char bytes[IO_ADDRESS_SIX];
    int count = sscanf(text, "%8x%8x%8x%8x:%4x", &words[0], &words[1], &words[2], &words[3], &port);
    bool is_six = count == 5;
    if (!is_six && sscanf(text, "%8x:%4x", &words[0], &port) != 2)
        return false;
    memcpy(bytes, words, sizeof(bytes));
    io_files_host(bytes, is_six ? IO_ADDRESS_SIX : IO_ADDRESS_FOUR, port, whole);
    snprintf(address, size, "%.*s", (int)size - 1, whole);
    *ret_port = port;
    return true;
}

static bool read_internet_line(const char *text, struct socket_line *line)
{
    char local[64], peer[64];
    unsigned state, peer_port;
    if (sscanf(text, " %*d: %63s %63s %x %*s %*s %*s %*u %*u %lu", local, peer, &state,
               &line->inode) != 4 ||
        !read_endpoint(local, line->local, sizeof(line->local), &line->local_port) ||
        !read_endpoint(peer, line->peer, sizeof(line->peer), &peer_port))
        return false;
    line->listens = state == LISTENING;
    line->has_peer = peer_port != 0;
    return true;
}

static bool read_unix_line(const char *text, struct socket_line *line)
{
    return sscanf(text, "%*x: %*x %*x %*x %*x %*x %lu %111s", &line->inode, line->path) >= 1;
}

static void read_table(struct sockets *sockets, uint32_t pid, const char *name,
                       bool (*read_line)(const char *text, struct socket_line *line))
{
    char path[64], text[LINE_SIZE];
    snprintf(path, sizeof(path), "/proc/%u/net/%s", pid, name);
    FILE *file = fopen(path, "re");
    while (file && fgets(text, sizeof(text), file) && sockets->count < SOCKETS_MOST) {
        struct socket_line line = {0};
        if (!read_line(text, &line) || !line.inode)
            continue;
        if ((sockets->count & (sockets->count - 1)) == 0) {
            size_t limit = sockets->count ? 2 * sockets->count : 1;
            struct socket_line *grown = realloc(sockets->lines, limit * sizeof(*grown));
            if (!grown)
                break;
            sockets->lines = grown;
        }
        sockets->lines[sockets->count++] = line;
    }
    if (file)
        fclose(file);
}

static void read_sockets(struct sockets *sockets, uint32_t pid)
{
    read_table(sockets, pid, "tcp", read_internet_line);
    read_table(sockets, pid, "tcp6", read_internet_line);
    read_table(sockets, pid, "udp", read_internet_line);
    read_table(sockets, pid, "udp6", read_internet_line);
    read_table(sockets, pid, "unix", read_unix_line);
}

static const struct socket_line *find_socket(const struct sockets *sockets, unsigned long inode)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->lines[i].inode == inode)
            return &sockets->lines[i];
    return NULL;
}

static const struct socket_line *find_listener(const struct sockets *sockets, unsigned port)
{
    for (size_t i = 0; i < sockets->count; i++)
        if (sockets->lines[i].listens && sockets->lines[i].local_port == port)
            return &sockets->lines[i];
    return NULL;
}

/* False: it stands in no table, as one does that is bound and does not listen yet. */
static bool name_socket(const struct sockets *sockets, unsigned long inode, char *text)
{
    const struct socket_line *line = find_socket(sockets, inode);
    if (!line)
        snprintf(text, IO_TEXT_SIZE, "socket");
    else if (line->path[0])
        snprintf(text, IO_TEXT_SIZE, "unix:%s", line->path);
    else if (!line->local[0])
        snprintf(text, IO_TEXT_SIZE, "socketpair");
    else if (!line->has_peer)
        snprintf(text, IO_TEXT_SIZE, "%s", line->local);
    else if (find_listener(sockets, line->local_port))
        snprintf(text, IO_TEXT_SIZE, "%s", find_listener(sockets, line->local_port)->local);
    else
        snprintf(text, IO_TEXT_SIZE, "%s", line->peer);
    return line != NULL;
}

/* --- a descriptor ---------------------------------------------------------------------------- */

struct found {
    uint32_t fd, resource;
    enum io_sort sort;
    char *text;      /* owned; NULL: it is gone */
    bool is_nowhere; /* a socket that stands in no table */
};

/* `pipe:[7]`, `anon_inode:[eventpoll]` are called what new ones are called. */
static void name_other(const char *link, char *text)
{
    static const struct {
        const char *beginning, *name;
    } names[] = {{"pipe:", "pipe"},
                 {"anon_inode:[eventpoll]", "epoll"},
                 {"anon_inode:[eventfd]", "eventfd"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strncmp(link, names[i].beginning, strlen(names[i].beginning)) == 0)
            link = names[i].name;
    snprintf(text, IO_TEXT_SIZE, "%s", link);
}

static void look_at(uint32_t pid, struct sockets *sockets, bool *has_sockets, struct found *found)
{
    char path[64], link[IO_TEXT_SIZE], text[IO_TEXT_SIZE];
    unsigned long inode;
    snprintf(path, sizeof(path), "/proc/%u/fd/%u", pid, found->fd);
    ssize_t size = readlink(path, link, sizeof(link) - 1);
    found->sort = IO_SORT_FILE;
    if (size < 0)
        return;
    link[size] = '\0';
    if (sscanf(link, "socket:[%lu]", &inode) == 1) {
        found->sort = IO_SORT_SOCKET;
        if (!*has_sockets)
            read_sockets(sockets, pid);
        *has_sockets = true;
        found->is_nowhere = !name_socket(sockets, inode, text);
    } else {
        name_other(link, text);
    }
    found->text = strdup(text);
}

/* --- all of a process ------------------------------------------------------------------------ */

static size_t list_all(uint32_t pid, struct found **ret_list)
{
    char path[64];
    size_t count = 0, limit = 0;
    snprintf(path, sizeof(path), "/proc/%u/fd", pid);
    DIR *directory = opendir(path);
    *ret_list = NULL;
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        char *end;
        unsigned long fd = strtoul(entry->d_name, &end, 10);
        if (*end || fd >= IO_FDS_LIMIT)
            continue;
        if (count == limit) {
            limit = limit ? 2 * limit : 64;
            struct found *grown = realloc(*ret_list, limit * sizeof(*grown));
            if (!grown)
                break;
            *ret_list = grown;
        }
        (*ret_list)[count++] = (struct found){.fd = (uint32_t)fd};
    }
    if (directory)
        closedir(directory);
    return count;
}

static char *read_directory(uint32_t pid)
{
    char path[64], link[480];
    snprintf(path, sizeof(path), "/proc/%u/cwd", pid);
    ssize_t size = readlink(path, link, sizeof(link) - 1);
    link[size > 0 ? size : 0] = '\0';
    return size > 0 ? strdup(link) : NULL;
}

/* As /proc here knows it; 0: it does not. */
static uint32_t pid_here(const struct collector *collector, const struct process *process)
{
    if (collector->options.no_pids)
        return 0;
    return process == &collector->model.first && collector->options.target > 0
               ? (uint32_t)collector->options.target
               : process->pid;
}

struct answer {
    struct drain *drain;
    uint32_t asked;
};

static int read_asked(void *context)
{
    struct answer *answer = context;
    /* Acquire: pairs with the probe's release. */
    answer->asked = atomic_load_explicit(&mapping_header(answer->drain->mapping)->files_asked,
                                         memory_order_acquire);
    return 0;
}

static int write_known(void *context)
{
    struct answer *answer = context;
    struct session_header *header = mapping_header(answer->drain->mapping);
    atomic_store_explicit(&header->files_known, answer->asked, memory_order_release);
    return 0;
}

static void take_all(struct collector *collector, struct process *process, struct found *list,
                     size_t count, char *directory)
{
    struct io_files *files = &collector->model.io.files;
    collector_enter(collector);
    io_fds_forget(&process->fds);
    free(process->fds.directory);
    process->fds.directory = directory;
    for (size_t i = 0; i < count; i++)
        if (list[i].text)
            io_fds_set(&process->fds, list[i].fd,
                       io_files_named(files, list[i].text, list[i].sort));
    collector_leave(collector);
}

static void free_list(struct found *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i].text);
    free(list);
}

static void answer_all(struct collector *collector, struct drain *drain)
{
    struct answer answer = {.drain = drain};
    struct sockets sockets = {0};
    struct found *list = NULL;
    bool has_sockets = false;
    if (guard_run(read_asked, &answer) || answer.asked == drain->files_known)
        return;
    uint32_t pid = pid_here(collector, drain->process);
    size_t count = pid ? list_all(pid, &list) : 0;
    for (size_t i = 0; i < count; i++)
        look_at(pid, &sockets, &has_sockets, &list[i]);
    take_all(collector, drain->process, list, count, pid ? read_directory(pid) : NULL);
    free_list(list, count);
    free(sockets.lines);
    drain->files_known = answer.asked;
    guard_run(write_known, &answer);
}

/* --- descriptors that turned up --------------------------------------------------------------- */

static size_t list_wanted(struct collector *collector, struct found *list, uint32_t *ret_pid)
{
    struct io_files *files = &collector->model.io.files;
    size_t count = 0;
    uint64_t now_ns = clock_monotonic_ns();
    collector_enter(collector);
    for (uint32_t i = files->resource_count; files->wanted && i-- > 2 && count < AT_ONCE;) {
        const struct io_resource *resource = &files->resources[i];
        if (!resource->is_wanted || resource->again_ns > now_ns ||
            (count && resource->pid != *ret_pid))
            continue;
        *ret_pid = resource->pid;
        list[count++] = (struct found){.fd = resource->fd, .resource = i};
    }
    collector_leave(collector);
    return count;
}

static const struct process *process_of(struct collector *collector, uint32_t pid)
{
    for (struct drain *drain = &collector->drain; drain; drain = drain->next)
        if (drain->process->pid == pid)
            return drain->process;
    return NULL;
}

static bool is_still(struct collector *collector, uint32_t pid, const struct found *found)
{
    const struct process *process = process_of(collector, pid);
    return process && found->fd < process->fds.limit &&
           process->fds.resources[found->fd] == found->resource;
}

/* What its program asks about it meanwhile, or its place in a table, says more than that it is a socket. */
static bool is_put_off(struct io_files *files, const struct found *found)
{
    struct io_resource *resource = &files->resources[found->resource];
    if (!found->is_nowhere || resource->again_ns)
        return false;
    resource->sort = IO_SORT_SOCKET;
    resource->again_ns = clock_monotonic_ns() + AGAIN_NS;
    return true;
}

static void answer_wanted(struct collector *collector)
{
    struct found list[AT_ONCE];
    struct sockets sockets = {0};
    bool has_sockets = false;
    uint32_t pid = 0;
    size_t count = list_wanted(collector, list, &pid);
    const struct process *process = count ? process_of(collector, pid) : NULL;
    for (size_t i = 0; i < count && process; i++)
        look_at(pid_here(collector, process), &sockets, &has_sockets, &list[i]);
    if (count) {
        struct io_files *files = &collector->model.io.files;
        collector_enter(collector);
        for (size_t i = 0; i < count; i++) {
            bool still = is_still(collector, pid, &list[i]);
            if (!still || !is_put_off(files, &list[i]))
                io_files_found(files, list[i].resource, still ? list[i].text : NULL, list[i].sort);
        }
        io_calls_settle(&collector->model.io);
        collector_leave(collector);
    }
    for (size_t i = 0; i < count; i++)
        free(list[i].text);
    free(sockets.lines);
}

void io_lookup(struct collector *collector)
{
    answer_all(collector, &collector->drain);
    for (struct drain *drain = collector->drain.next; drain; drain = drain->next)
        answer_all(collector, drain);
    if (!collector->options.no_pids)
        answer_wanted(collector);
}

bool io_lookup_is_wanted(const struct collector *collector)
{
    bool wanted = collector->model.io.files.wanted > 0 && !collector->options.no_pids;
    for (const struct drain *drain = &collector->drain; drain; drain = drain->next)
        wanted |= drain->words.files_asked != drain->files_known;
    return wanted;
}
