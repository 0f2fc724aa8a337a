/* SPDX-License-Identifier: MIT */
/* What a client wishes to see: a view, its window, order, filter, limit.
 * Why: a query of /api/views/ID and a message on /live say the same in two ways.
 * Rules: pure. What is not understood is refused with a sentence, and the wish stays as it was. */
#ifndef ULMA_WEB_WISH_H
#define ULMA_WEB_WISH_H

#include "model/snapshot.h"
#include "web/http.h"

enum { WISH_LIMIT = 200, WISH_LIMIT_MOST = 100000, WISH_ERROR_SIZE = 256 };

struct wish {
    const char *view; /* id, of the catalogue */
    int window_s;     /* 0: all */
    int64_t to_ns;    /* the window's end in a recording, or a timeline's; 0: its own end, or now */
    int64_t from_ns;  /* a timeline's; counts where to_ns is more */
    size_t columns;   /* of a timeline's picture; 0: as the server thinks fit */
    size_t calls;     /* of the function, to be listed with its timeline */
    enum snapshot_clock clock;
    char *sort;   /* owned; NULL: the view's own */
    char *filter; /* owned; NULL: none */
    bool ascending;
    bool
        is_binary; /* of a message on /live: where there are thousands of tiles, they stand behind the JSON */
    size_t limit;         /* 0: all */
    uint64_t function;    /* id as in the report; 0: none */
    uint64_t births_seen; /* so many samples of births have been told to who wishes */
};

/* The functions of the last ten seconds. */
void wish_init(struct wish *wish, enum snapshot_clock clock);
void wish_done(struct wish *wish);

/* What the query says besides the view. False: `error` says what is wrong; the wish is as it was. */
bool wish_read_query(struct wish *wish, const struct http_request *request,
                     char error[WISH_ERROR_SIZE]);

/* What a JSON object says; what it leaves out is as wish_init has it. */
bool wish_read_json(struct wish *wish, const char *text, size_t size, enum snapshot_clock clock,
                    char error[WISH_ERROR_SIZE]);

/* "1", "10", "60", "all" */
const char *wish_window_name(int window_s);

#endif
