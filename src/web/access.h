/* SPDX-License-Identifier: MIT */
/* Who may ask.
 * Why: a page of another site can make a browser send requests here, and by a name that it points at this
 * machine (DNS rebinding) it could read the answers. So the name in Host must be this machine's or one that
 * was allowed, an Origin must be the page's own, and each request carries the token.
 * Rules: pure. The token is compared in a time that does not depend on where it differs. */
#ifndef ULMA_WEB_ACCESS_H
#define ULMA_WEB_ACCESS_H

#include "web/http.h"
#include "web/web.h"

struct access {
    char token[WEB_TOKEN_SIZE];
    char metrics_token[WEB_TOKEN_SIZE]; /* "": none */
    char address[64]; /* that it listens on: an address is no name that could be pointed here */
    const char *hosts[WEB_HOSTS_MOST];
    size_t host_count;
};

/* 0, or the status to refuse with (400, 401, 403), and why. `is_metrics`: the other token does, too. */
int access_check(const struct access *access, const struct http_request *request, bool is_metrics,
                 const char **ret_reason);

/* 16 to 127 letters that need no escape in a URL. */
bool access_token_is_usable(const char *token);

/* 32 random letters. 0 or negative errno. */
int access_make_token(char token[WEB_TOKEN_SIZE]);

#endif
