/* SPDX-License-Identifier: MIT */
/* The loop: who may come, who is ready, who has had his time.
 * Why poll and one thread: a page, a few scripts and a scraper are not a crowd, and the worst that a crowd can do
 * is to be refused.
 * Rules: as web_parts.h. Nothing waits but poll. */
#include "web/web_parts.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ASK_MS = 50 }; /* host->finished */

static void drop(struct web *web, size_t at)
{
    connection_free(web->connections[at]);
    web->connections[at] = web->connections[--web->count];
}

/* The one that has been idle for longest, of those that may go: first who has shown no token. */
static size_t find_idle(const struct web *web)
{
    size_t found = web->count;
    for (size_t i = 0; i < web->count; i++) {
        const struct connection *one = web->connections[i];
        if (one->kind != CONNECTION_REQUESTS || !connection_has_sent(one))
            continue;
        const struct connection *best = found < web->count ? web->connections[found] : NULL;
        if (!best || (best->granted && !one->granted) ||
            (best->granted == one->granted && one->moved_ns < best->moved_ns))
            found = i;
    }
    return found;
}

static bool set_up(int fd)
{
    int flags = fcntl(fd, F_GETFL), one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0 &&
           fcntl(fd, F_SETFD, FD_CLOEXEC) == 0;
}

static void accept_clients(struct web *web, uint64_t now_ns)
{
    enum { AT_ONCE = 64 };
    for (int i = 0; i < AT_ONCE; i++) {
        if (web->count == WEB_CONNECTIONS_MOST) {
            size_t idle = find_idle(web);
            if (idle == web->count)
                return; /* they wait in the queue of the socket, which has an end */
            drop(web, idle);
        }
        int fd = accept(web->fd, NULL, NULL);
        if (fd < 0) {
            size_t idle = errno == EMFILE || errno == ENFILE ? find_idle(web) : web->count;
            if (idle == web->count)
                return;
            drop(web, idle);
            continue;
        }
        struct connection *connection = set_up(fd) ? connection_new(fd, now_ns) : NULL;
        if (connection)
            web->connections[web->count++] = connection;
        else
            close(fd);
    }
}

static size_t waiting_bytes(const struct web *web)
{
    size_t bytes = 0;
    for (size_t i = 0; i < web->count; i++)
        bytes += web->connections[i]->out_size;
    return bytes;
}

static void read_from(struct web *web, struct connection *connection, uint64_t now_ns)
{
    connection_receive(connection, now_ns);
    if (connection->kind == CONNECTION_LIVE)
        streams_read(web, connection);
    else if (connection->kind != CONNECTION_REQUESTS)
        connection_consume(connection, connection->in_size); /* nothing more is listened to */
}

static void step(struct web *web, struct connection *connection, uint64_t now_ns)
{
    if (connection->kind == CONNECTION_REQUESTS && waiting_bytes(web) < WEB_WAITING_BYTES)
        routes_read(web, connection, now_ns);
    if (connection->kind == CONNECTION_LIVE || connection->kind == CONNECTION_EVENTS)
        streams_send(web, connection, now_ns);
    else if (connection->kind == CONNECTION_PROFILE)
        profiles_step(web, connection, now_ns);
    connection_send(connection, now_ns);
    if (connection->closes && connection_has_sent(connection))
        connection->dead = true;
}

/* Nothing has moved for longer than it may. */
static bool is_over(const struct connection *connection, uint64_t now_ns)
{
    uint64_t still_ms = (now_ns - connection->moved_ns) / WEB_MS_NS;
    if (connection->kind == CONNECTION_PROFILE)
        return false;
    if (!connection_has_sent(connection))
        return connection->kind == CONNECTION_REQUESTS ? still_ms > WEB_STALL_MS
                                                       : still_ms > 10 * (uint64_t)WEB_STALL_MS;
    if (connection->kind != CONNECTION_REQUESTS)
        return false;
    return still_ms > (connection->is_busy || !connection->granted ? WEB_REQUEST_MS : WEB_IDLE_MS);
}

static void step_all(struct web *web, uint64_t now_ns)
{
    for (size_t i = web->count; i-- > 0;) {
        struct connection *connection = web->connections[i];
        if (!connection->dead)
            step(web, connection, now_ns);
        if (connection->dead || is_over(connection, now_ns))
            drop(web, i);
    }
}

static int poll_timeout(const struct web *web, uint64_t now_ns)
{
    uint64_t next_ns = now_ns + ASK_MS * WEB_MS_NS;
    for (size_t i = 0; i < web->count; i++) {
        const struct connection *one = web->connections[i];
        if (one->kind == CONNECTION_REQUESTS || !connection_has_sent(one))
            continue;
        uint64_t due_ns = one->due_ns;
        if (one->kind != CONNECTION_PROFILE && due_ns < one->sent_ns + WEB_FRAME_MS * WEB_MS_NS)
            due_ns = one->sent_ns + WEB_FRAME_MS * WEB_MS_NS;
        if (due_ns > now_ns && due_ns < next_ns)
            next_ns = due_ns;
    }
    return (int)((next_ns - now_ns + WEB_MS_NS - 1) / WEB_MS_NS);
}

static int wait_for_clients(struct web *web, struct pollfd *list)
{
    list[0] = (struct pollfd){.fd = web->fd, .events = POLLIN};
    for (size_t i = 0; i < web->count; i++) {
        const struct connection *one = web->connections[i];
        short events = connection_has_sent(one) ? POLLIN : POLLOUT;
        if (one->kind == CONNECTION_LIVE)
            events |= POLLIN;
        list[i + 1] = (struct pollfd){.fd = one->fd, .events = events};
    }
    int ready = poll(list, web->count + 1, poll_timeout(web, clock_monotonic_ns()));
    return ready < 0 && errno != EINTR ? -errno : 0;
}

int web_run(struct web *web, const struct web_host *host)
{
    static struct pollfd list[WEB_CONNECTIONS_MOST + 1];
    int result = 0;
    web->host = host;
    while (result == 0 && !host->finished(host->context)) {
        enum web_state state = host->state(host->context);
        if (state != web->state)
            web_forget_snapshots(web);
        web->state = state;
        size_t count = web->count;
        result = wait_for_clients(web, list);
        if (result < 0)
            break;
        uint64_t now_ns = clock_monotonic_ns();
        for (size_t i = 0; i < count; i++)
            if (list[i + 1].revents & (POLLIN | POLLHUP | POLLERR))
                read_from(web, web->connections[i], now_ns);
        step_all(web, now_ns);
        if (list[0].revents & POLLIN)
            accept_clients(web, now_ns);
    }
    web_forget_snapshots(web);
    return result;
}
