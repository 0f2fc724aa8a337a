/* SPDX-License-Identifier: MIT */
/* Opening and closing the server.
 * Why: see web.h.
 * Rules: as there. */
#include "web/web_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TRIES = 100, BACKLOG = 128 };

static void set_port(struct sockaddr *address, int port)
{
    if (address->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)address)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)address)->sin_port = htons((uint16_t)port);
}

/* A descriptor or negative errno. */
static int listen_at(const struct addrinfo *at, int port)
{
    int one = 1;
    int fd = socket(at->ai_family, SOCK_STREAM, 0);
    if (fd < 0)
        return -errno;
    set_port(at->ai_addr, port);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (at->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
        bind(fd, at->ai_addr, at->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

static int listen_somewhere(struct web *web, const struct addrinfo *at, int wanted)
{
    if (wanted) {
        web->port = wanted;
        return listen_at(at, wanted);
    }
    int fd = -EADDRINUSE;
    for (int i = 0; i < TRIES && fd == -EADDRINUSE; i++) {
        web->port = WEB_PORT + i;
        fd = listen_at(at, web->port);
    }
    return fd;
}

static bool set_tokens(struct web *web, const struct web_options *options, char *error, size_t size)
{
    const char *wrong = NULL;
    if (options->token && !access_token_is_usable(options->token))
        wrong = options->token;
    if (options->metrics_token && !access_token_is_usable(options->metrics_token))
        wrong = options->metrics_token;
    if (wrong) {
        snprintf(error, size,
                 "a token has 16 to 127 letters, digits and -_.~, and this one has %zu or others",
                 strlen(wrong));
        return false;
    }
    int result = 0;
    if (options->token)
        snprintf(web->access.token, WEB_TOKEN_SIZE, "%s", options->token);
    else
        result = access_make_token(web->access.token);
    if (options->metrics_token)
        snprintf(web->access.metrics_token, WEB_TOKEN_SIZE, "%s", options->metrics_token);
    if (result < 0)
        snprintf(error, size, "cannot make a token: %s", strerror(-result));
    return result == 0;
}

static void set_url(struct web *web, const struct addrinfo *at)
{
    char name[64] = "";
    getnameinfo(at->ai_addr, at->ai_addrlen, name, sizeof(name), NULL, 0, NI_NUMERICHOST);
    bool six = at->ai_family == AF_INET6;
    snprintf(web->access.address, sizeof(web->access.address), six ? "[%s]" : "%s", name);
    /* Listening on all of them, this machine reaches it by its own. */
    bool all = strcmp(name, "0.0.0.0") == 0 || strcmp(name, "::") == 0;
    snprintf(web->url, sizeof(web->url), "http://%s:%d/?token=%s",
             all && six ? "[::1]"
             : all      ? "127.0.0.1"
                        : web->access.address,
             web->port, web->access.token);
}

struct web *web_open(const struct web_options *options, char *error, size_t size)
{
    const char *address = options->address ? options->address : "127.0.0.1";
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    struct addrinfo *at = NULL;
    struct web *web = calloc(1, sizeof(*web));
    if (!web) {
        snprintf(error, size, "out of memory");
        return NULL;
    }
    web->fd = -1;
    web->page = options->page;
    web->page_end = options->page_end;
    memcpy(web->access.hosts, options->hosts, sizeof(options->hosts));
    web->access.host_count = options->host_count;
    if (getaddrinfo(address, "0", &hints, &at)) {
        snprintf(error, size,
                 "--listen takes an address, as 127.0.0.1, 0.0.0.0 or ::, and not `%s`", address);
    } else if (set_tokens(web, options, error, size)) {
        web->fd = listen_somewhere(web, at, options->port);
        if (web->fd < 0)
            snprintf(error, size, "cannot listen on %s port %d: %s", address, web->port,
                     strerror(-web->fd));
        else
            set_url(web, at);
    }
    if (at)
        freeaddrinfo(at);
    if (web->fd >= 0)
        return web;
    free(web);
    return NULL;
}

const char *web_url(const struct web *web)
{
    return web->url;
}

int web_port(const struct web *web)
{
    return web->port;
}

void web_close(struct web *web)
{
    if (!web)
        return;
    for (size_t i = 0; i < web->count; i++)
        connection_free(web->connections[i]);
    web_forget_snapshots(web);
    close(web->fd);
    free(web);
}
