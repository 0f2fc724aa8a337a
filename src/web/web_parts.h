/* SPDX-License-Identifier: MIT */
/* The server's parts, seen by its own files.
 * Why: the loop, the requests and the streams are files of their own, and share one state.
 * Rules: one thread. */
#ifndef ULMA_WEB_WEB_PARTS_H
#define ULMA_WEB_WEB_PARTS_H

#include "web/access.h"
#include "web/connection.h"
#include "web/strip.h"
#include "web/web.h"

#include <stdio.h>

enum {
    WEB_CONNECTIONS_MOST = 512,
    WEB_STREAMS_MOST = 64,
    WEB_SNAPSHOTS = 8,
    WEB_FRAME_MS = 100,     /* no message sooner after the last */
    WEB_REQUEST_MS = 10000, /* for a request to be whole */
    WEB_STALL_MS = 30000,   /* for an answer to move */
    WEB_IDLE_MS = 60000,    /* for the next request */
};

#define WEB_MS_NS         UINT64_C(1000000)
#define WEB_BYTES_PER_S   250000.0            /* of one stream */
#define WEB_WAITING_BYTES ((size_t)256 << 20) /* of answers that clients have not taken */

/* A snapshot that several look at. */
struct web_snapshot {
    struct snapshot *snapshot;
    int window_s;
    int64_t to_ns;
    enum snapshot_clock clock;
    uint64_t made_ns, cost_ns;
};

struct web {
    int fd;
    int port;
    char url[WEB_URL_SIZE];
    struct access access;
    const unsigned char *page, *page_end;
    const struct web_host *host; /* while it runs */
    struct connection *connections[WEB_CONNECTIONS_MOST];
    size_t count;
    struct web_snapshot snapshots[WEB_SNAPSHOTS];
    struct strip strip;
    uint64_t timeline_cost_ns; /* of the last one */
    enum web_state state;
};

/* --- moments.c --------------------------------------------------------------------------------- */

/* What the target has done by now, or at least by `oldest_ms` ago: the server's, until the next call. NULL:
 * nothing yet. */
const struct snapshot *web_snapshot(struct web *web, const struct wish *wish, unsigned oldest_ms,
                                    uint64_t now_ns);
void web_forget_snapshots(struct web *web);

/* The shape lines, where they are wished; as host->shape. */
bool web_shape(struct web *web, const struct wish *wish, struct shape *ret_shape);

/* What the wish is about, of that snapshot's time; the caller frees it. NULL: nothing is kept, or it is about none. */
struct timeline *web_timeline(struct web *web, const struct wish *wish,
                              const struct snapshot *snapshot);

/* --- replies.c --------------------------------------------------------------------------------- */

/* An answer whose body is whole. `size` may be 0. */
void reply(struct connection *connection, const struct http_request *request, int status,
           const char *type, const char *body, size_t size);

/* {"error": text} */
void reply_error(struct connection *connection, const struct http_request *request, int status,
                 const char *text);

/* The head of a stream: what follows has no length. */
void reply_stream(struct connection *connection, const char *type);

/* --- routes.c ---------------------------------------------------------------------------------- */

/* Deals with what has come: requests that are whole are answered. */
void routes_read(struct web *web, struct connection *connection, uint64_t now_ns);

/* --- streams.c --------------------------------------------------------------------------------- */

void streams_begin_live(struct web *web, struct connection *connection,
                        const struct http_request *request);
void streams_begin_events(struct web *web, struct connection *connection,
                          const struct http_request *request, uint64_t now_ns);

/* Frames that a client of /live has sent. */
void streams_read(struct web *web, struct connection *connection);

/* Sends what is due. */
void streams_send(struct web *web, struct connection *connection, uint64_t now_ns);

/* --- source.c ---------------------------------------------------------------------------------- */

void source_answer(struct web *web, struct connection *connection,
                   const struct http_request *request, uint64_t now_ns);

/* --- switching.c ------------------------------------------------------------------------------- */

void switching_answer(struct web *web, struct connection *connection,
                      const struct http_request *request, const char *body, size_t size);

/* POST /api/shape. */
void switching_answer_shape(struct web *web, struct connection *connection,
                            const struct http_request *request, const char *body, size_t size);

/* --- profiles.c -------------------------------------------------------------------------------- */

void metrics_answer(struct web *web, struct connection *connection,
                    const struct http_request *request, uint64_t now_ns);
void profiles_begin(struct web *web, struct connection *connection,
                    const struct http_request *request, uint64_t now_ns);
void profiles_step(struct web *web, struct connection *connection, uint64_t now_ns);

#endif
