/* SPDX-License-Identifier: MIT */
/* The head of an HTTP/1.1 request, read strictly.
 * Why our own: docs/decisions/0021-a-small-server-of-our-own.md. What is served is a page, some JSON and a
 * stream; what is not needed is refused: bodies in chunks, folded lines, other forms of target.
 * Rules: pure: no socket, no allocation. What comes is hostile; whatever is not plainly right is an error, so
 * that no proxy before us can understand a request in another way. */
#ifndef ULMA_WEB_HTTP_H
#define ULMA_WEB_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTP_HEAD_MOST = 16384, /* bytes of request line and headers */
    HTTP_HEADERS_MOST = 100,
    HTTP_BODY_MOST = 65536,
    HTTP_TEXT_SIZE = 256,
    HTTP_QUERY_SIZE = 2048,
};

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_OTHER };

struct http_request {
    enum http_method method;
    char path[HTTP_TEXT_SIZE];   /* decoded; begins with a slash */
    char query[HTTP_QUERY_SIZE]; /* as it came */
    char host[HTTP_TEXT_SIZE];   /* "": there is none */
    char origin[HTTP_TEXT_SIZE]; /* "": there is none */
    char bearer[HTTP_TEXT_SIZE]; /* of Authorization; "": none */
    char websocket_key[HTTP_TEXT_SIZE];
    int websocket_version;
    bool upgrades, upgrade_named; /* Upgrade: websocket; Connection: upgrade */
    bool is_old;                  /* HTTP/1.0 */
    bool closes;                  /* nothing more is wanted on this connection */
    bool has_length;
    size_t body_size;
};

/* The bytes that the head takes; 0: not whole yet; negative: the status to answer with (-400, -414, -431, -501,
 * -505, -413), after which the connection is of no more use. */
int http_read_head(const char *bytes, size_t size, struct http_request *ret);

/* A value of the query, decoded. False: it is not there, is too long, or is no text (NUL, bad escapes). */
bool http_query(const struct http_request *request, const char *key, char *value, size_t size);

/* Decodes %XX (and + where `plus`) of `size` bytes. False: as above. */
bool http_decode(const char *text, size_t size, bool plus, char *ret, size_t ret_size);

#endif
