/* SPDX-License-Identifier: MIT */
/* Buffers and the socket.
 * Why: see connection.h.
 * Rules: as there. */
#include "web/connection.h"

#include "model/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    IN_MOST = HTTP_HEAD_MOST + HTTP_BODY_MOST + WEBSOCKET_MESSAGE_MOST,
    IN_STEP = 4096,
};

struct connection *connection_new(int fd, uint64_t now_ns)
{
    struct connection *connection = calloc(1, sizeof(*connection));
    if (!connection)
        return NULL;
    connection->fd = fd;
    connection->moved_ns = connection->accepted_ns = now_ns;
    return connection;
}

void connection_free(struct connection *connection)
{
    if (!connection)
        return;
    close(connection->fd);
    free(connection->in);
    free(connection->out);
    free(connection->message);
    wish_done(&connection->wish);
    snapshot_free(connection->base);
    free(connection);
}

static bool make_room(char **buffer, size_t *room, size_t wanted)
{
    size_t size = *room ? *room : IN_STEP;
    while (size < wanted)
        size *= 2;
    if (size == *room)
        return true;
    char *larger = realloc(*buffer, size);
    if (!larger)
        return false;
    *buffer = larger;
    *room = size;
    return true;
}

void connection_receive(struct connection *connection, uint64_t now_ns)
{
    if (connection->in_size >= IN_MOST) {
        connection->dead = true; /* nothing that is allowed is so long */
        return;
    }
    if (!make_room(&connection->in, &connection->in_room, connection->in_size + IN_STEP)) {
        connection->dead = true;
        return;
    }
    ssize_t got = recv(connection->fd, connection->in + connection->in_size,
                       connection->in_room - connection->in_size, 0);
    if (got > 0) {
        if (!connection->is_busy)
            connection->moved_ns =
                now_ns; /* a request must be whole in its time, however it drips */
        connection->is_busy = true;
        connection->in_size += (size_t)got;
    } else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
        connection->dead = true;
    }
}

void connection_consume(struct connection *connection, size_t size)
{
    connection->in_size -= size;
    memmove(connection->in, connection->in + size, connection->in_size);
}

void connection_send(struct connection *connection, uint64_t now_ns)
{
    while (!connection_has_sent(connection) && !connection->dead) {
        ssize_t sent = send(connection->fd, connection->out + connection->out_at,
                            connection->out_size - connection->out_at, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return;
        if (sent < 0) {
            connection->dead = true;
            return;
        }
        connection->out_at += (size_t)sent;
        connection->moved_ns = now_ns;
    }
    connection->out_at = connection->out_size = 0;
    if (connection->out_room > (1 << 20)) { /* a report's: not kept for the next answer */
        free(connection->out);
        connection->out = NULL;
        connection->out_room = 0;
    }
}

void connection_add(struct connection *connection, const void *bytes, size_t size)
{
    if (!make_room(&connection->out, &connection->out_room, connection->out_size + size)) {
        connection->dead = true;
        return;
    }
    if (size > 0) /* else there need be no bytes */
        memcpy(connection->out + connection->out_size, bytes, size);
    connection->out_size += size;
}

void connection_add_frame(struct connection *connection, enum websocket_opcode opcode,
                          const void *bytes, size_t size)
{
    uint8_t head[WEBSOCKET_HEAD_MOST];
    size_t head_size = websocket_write_head(head, opcode, size);
    connection_add(connection, head, head_size);
    connection_add(connection, bytes, size);
}
