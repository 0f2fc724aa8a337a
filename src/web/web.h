/* SPDX-License-Identifier: MIT */
/* The live page's server: HTTP, WebSocket and a stream of events, on one socket of its own.
 * Why in the collector: what it shows is there already, and nothing else has to be installed or trusted.
 * Rules: one thread, that of web_run: it never waits for a client, so a browser that is slow or stopped costs
 * nothing. Whoever connects is hostile until he has shown the token. Knows snapshots and views; what it wants
 * of the target goes through struct web_host, which cmd fills in. */
#ifndef ULMA_WEB_WEB_H
#define ULMA_WEB_WEB_H

#include "model/shape.h"
#include "model/snapshot.h"
#include "model/timeline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WEB_PORT = 8562, WEB_TOKEN_SIZE = 128, WEB_HOSTS_MOST = 32, WEB_URL_SIZE = 512 };

enum web_state {
    WEB_ON,
    WEB_OFF,
    WEB_ENDED, /* the target has */
    WEB_LOST,  /* whoever counts does not answer, or has ended */
};

struct web_host {
    void *context;
    /* A new snapshot over the last window_s seconds (0: all), up to `to_ns` after the start (0: now; of a
     * recording only); the server frees it. NULL: none now. */
    struct snapshot *(*snapshot)(void *context, int window_s, int64_t to_ns,
                                 enum snapshot_clock clock);
    /* When things were; the server frees it. NULL: cannot. It returns NULL where nothing is kept. */
    struct timeline *(*timeline)(void *context, const struct timeline_query *query);
    /* The shape lines (model/shape.h), a copy for shape_done; false: there are none to be had. NULL: never are. */
    bool (*shape)(void *context, struct shape *ret_shape);
    /* Sets one, or takes it away. 0 or negative errno. NULL: cannot. */
    int (*set_shape)(void *context, enum shape_axis axis, uint32_t thread, uint32_t most, bool on);
    const char *no_timeline; /* why it cannot; NULL: it can */
    /* The text of a file of the program's, which the server frees. NULL: not to be had. */
    char *(*source)(void *context, const char *file);
    /* Words of `ulma set`. True: done, and `message` says what is in force; else why not. NULL: cannot. */
    bool (*set)(void *context, char *const *words, size_t count, char *message, size_t size);
    int (*switch_on)(void *context, bool on); /* 0 or negative errno. NULL: cannot */
    enum web_state (*state)(void *context);
    int64_t (*rss_bytes)(void *context); /* of the target; -1: not known. NULL: never is */
    bool (*finished)(void *context); /* true: serve no longer. Asked at least ten times a second */
    const char *read_only;           /* why nothing can be changed; NULL: it can */
    enum snapshot_clock clock;       /* unless a client wants the other one */
    bool is_recording;               /* nothing changes by itself */
    bool is_replay;                  /* of a trace, which is played as if its program ran now */
};

struct web_options {
    const char *address;               /* NULL: 127.0.0.1 */
    int port;                          /* 0: WEB_PORT, or the next free one */
    const char *token;                 /* NULL: a random one */
    const char *metrics_token;         /* for /metrics and /debug/pprof alone; NULL: none */
    const char *hosts[WEB_HOSTS_MOST]; /* more names of this machine than its own */
    size_t host_count;
    const unsigned char *page, *page_end; /* the packed page (web/files.h) */
};

struct web;

/* Bound and listening; who connects waits for web_run. NULL: `error` says why, one sentence. */
struct web *web_open(const struct web_options *options, char *error, size_t size);

/* `http://127.0.0.1:8562/?token=…` */
const char *web_url(const struct web *web);
int web_port(const struct web *web);

/* Serves until host->finished(). 0 or negative errno. */
int web_run(struct web *web, const struct web_host *host);

void web_close(struct web *web); /* NULL is allowed */

#endif
