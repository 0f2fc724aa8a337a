/* SPDX-License-Identifier: MIT */
/* Host, Origin, token.
 * Why: see access.h.
 * Rules: as there. */
#include "web/access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/* The name without its port. False: it is of no known form. */
static bool cut_port(const char *host, char *name, size_t size)
{
    const char *end = host[0] == '[' ? strchr(host, ']') : NULL;
    const char *port = end ? end + 1 : host + strcspn(host, ":");
    if (*port) {
        size_t digits = *port == ':' ? strspn(port + 1, "0123456789") : 0;
        if (digits == 0 || digits > 5 || port[1 + digits])
            return false;
    }
    size_t length = (size_t)(port - host);
    if (length > 1 && name && host[length - 1] == '.')
        length--; /* the same name, written in full */
    if (length == 0 || length >= size)
        return false;
    memcpy(name, host, length);
    name[length] = '\0';
    return true;
}

static bool is_named(const struct access *access, const char *name)
{
    for (size_t i = 0; i < access->host_count; i++)
        if (strcasecmp(access->hosts[i], name) == 0)
            return true;
    return false;
}

static bool host_is_ours(const struct access *access, const char *host)
{
    static const char *const ours[] = {"127.0.0.1", "localhost", "[::1]"};
    char name[HTTP_TEXT_SIZE];
    if (!cut_port(host, name, sizeof(name)))
        return false;
    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
        if (strcasecmp(ours[i], name) == 0)
            return true;
    return strcasecmp(access->address, name) == 0 || is_named(access, name);
}

/* The page's own: the same name and port as Host says; or a name that was allowed, since a proxy may
 * have put its own into Host. */
static bool origin_is_ours(const struct access *access, const struct http_request *request)
{
    const char *host = strstr(request->origin, "://");
    char name[HTTP_TEXT_SIZE];
    if (!host || (strncmp(request->origin, "http://", 7) != 0 &&
                  strncmp(request->origin, "https://", 8) != 0))
        return false;
    host += 3;
    return strcasecmp(host, request->host) == 0 ||
           (cut_port(host, name, sizeof(name)) && is_named(access, name));
}

static bool token_is(const char *right, const char *given)
{
    size_t size = strlen(right), length = strlen(given);
    unsigned differs = size != length || size == 0;
    for (size_t i = 0; i < length && size; i++)
        differs |= (unsigned char)given[i] ^ (unsigned char)right[i % size];
    return !differs;
}

static bool has_token(const struct access *access, const struct http_request *request,
                      bool is_metrics)
{
    char given[HTTP_TEXT_SIZE];
    const char *token = request->bearer;
    if (!token[0] && http_query(request, "token", given, sizeof(given)))
        token = given;
    bool right = token_is(access->token, token);
    return (is_metrics && token_is(access->metrics_token, token)) || right;
}

int access_check(const struct access *access, const struct http_request *request, bool is_metrics,
                 const char **ret_reason)
{
    if (!request->host[0]) {
        *ret_reason = "the request names no host";
        return request->is_old ? 403 : 400;
    }
    if (!host_is_ours(access, request->host)) {
        *ret_reason = "this host name is not allowed: start ulma web with --allow-host NAME";
        return 403;
    }
    if (request->origin[0] && !origin_is_ours(access, request)) {
        *ret_reason = "this comes from the page of another site";
        return 403;
    }
    if (!has_token(access, request, is_metrics)) {
        *ret_reason = "the token is missing or wrong: open the address that ulma web has printed";
        return 401;
    }
    return 0;
}

bool access_token_is_usable(const char *token)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";
    size_t size = strlen(token);
    return size >= 16 && size < WEB_TOKEN_SIZE && strspn(token, letters) == size;
}

int access_make_token(char token[WEB_TOKEN_SIZE])
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    enum { LETTERS = 32 };
    unsigned char bytes[LETTERS];
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t got = read(fd, bytes, sizeof(bytes));
    close(fd);
    if (got != (ssize_t)sizeof(bytes))
        return -EIO;
    for (int i = 0; i < LETTERS; i++)
        token[i] = letters[bytes[i] & 63];
    token[LETTERS] = '\0';
    return 0;
}
