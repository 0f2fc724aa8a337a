/* SPDX-License-Identifier: MIT */
/* One client: what it has sent, what it is still to get.
 * Why buffers of its own: nobody waits for a client. What does not fit into the socket stays here, and a stream
 * gets its next message only when the last one is gone: the newest state, never a queue.
 * Rules: the server's thread. */
#ifndef ULMA_WEB_CONNECTION_H
#define ULMA_WEB_CONNECTION_H

#include "web/http.h"
#include "web/websocket.h"
#include "web/wish.h"

enum connection_kind {
    CONNECTION_REQUESTS, /* HTTP, one request after the other */
    CONNECTION_LIVE,     /* WebSocket */
    CONNECTION_EVENTS,   /* a stream of events */
    CONNECTION_PROFILE,  /* waits for its profile's end */
};

struct connection {
    int fd;
    enum connection_kind kind;
    char *in; /* owned */
    size_t in_size, in_room;
    char *out; /* owned */
    size_t out_size, out_at, out_room;
    bool closes; /* when all of `out` is written */
    bool dead;
    bool granted;         /* it has shown the token */
    bool is_busy;         /* a request is being read or answered: it may not wait for ever */
    uint64_t moved_ns;    /* when a byte went last, or a request began */
    uint64_t accepted_ns; /* when it came, or its last answer was complete */

    /* of streams */
    struct wish wish;
    uint64_t due_ns;  /* of the next message, at the earliest */
    uint64_t sent_ns; /* of the last one */
    unsigned pings, pongs;
    char *message; /* of several frames; owned */
    size_t message_size;
    bool in_message;
    struct snapshot *base; /* of a profile: its begin */
};

/* NULL: no memory; the descriptor stays the caller's. */
struct connection *connection_new(int fd, uint64_t now_ns);
void connection_free(struct connection *connection); /* closes */

/* Reads what is there. False: the other side has ended, or there is no room: `dead` is set. */
void connection_receive(struct connection *connection, uint64_t now_ns);

/* The first `size` bytes have been dealt with. */
void connection_consume(struct connection *connection, size_t size);

/* Writes what the socket takes. */
void connection_send(struct connection *connection, uint64_t now_ns);

/* Adds to what is to be sent. Without memory the connection is dead. */
void connection_add(struct connection *connection, const void *bytes, size_t size);

static inline bool connection_has_sent(const struct connection *connection)
{
    return connection->out_at == connection->out_size;
}

/* A frame of a WebSocket. */
void connection_add_frame(struct connection *connection, enum websocket_opcode opcode,
                          const void *bytes, size_t size);

#endif
