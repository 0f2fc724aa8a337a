/* SPDX-License-Identifier: MIT */
/* A hostile client: whatever bytes come, each parser of the live page's server refuses them or reads them.
 * The first byte chooses: a head of HTTP and what is read of its query, frames of a WebSocket, a wish, JSON, and
 * who may ask.
 * Rules: one thread, no socket. Each input lies in memory of exactly its size, so that one byte too far is seen. */
#include "base/arena.h"
#include "web/access.h"
#include "web/json_reader.h"
#include "web/websocket.h"
#include "web/wish.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool held)
{
    if (!held)
        abort();
}

static const struct access only_token = {.token = "0123456789abcdef", .address = "127.0.0.1"};

static void head(const char *bytes, size_t size)
{
    static const char *const keys[] = {"token", "window", "filter", ""};
    struct http_request request;
    char value[64], error[WISH_ERROR_SIZE];
    const char *reason;
    int taken = http_read_head(bytes, size, &request);
    need(taken < 0 || (size_t)taken <= size);
    if (taken <= 0)
        return;
    need(request.path[0] == '/' && request.body_size <= HTTP_BODY_MOST);
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        if (http_query(&request, keys[i], value, sizeof(value)))
            need(strlen(value) < sizeof(value));
    if (access_check(&only_token, &request, true, &reason) == 0)
        need(strstr(bytes, "0123456789abcdef") || strchr(request.query, '%'));
    struct wish wish;
    wish_init(&wish, CLOCK_CPU);
    wish_read_query(&wish, &request, error);
    need(wish.view != NULL);
    wish_done(&wish);
    if (websocket_key_is_right(request.websocket_key)) {
        char accept[WEBSOCKET_ACCEPT_SIZE];
        websocket_accept(request.websocket_key, accept);
        need(strlen(accept) == WEBSOCKET_ACCEPT_SIZE - 1);
    }
}

static void frames(char *bytes, size_t size)
{
    struct websocket_frame frame;
    for (size_t at = 0; at < size;) {
        int taken = websocket_read_head((const uint8_t *)bytes + at, size - at, &frame);
        if (taken <= 0 || size - at - (size_t)taken < frame.size)
            return;
        need(frame.size <= WEBSOCKET_MESSAGE_MOST);
        websocket_unmask((uint8_t *)bytes + at + taken, frame.size, frame.mask);
        at += (size_t)taken + frame.size;
    }
}

static void wish(const char *bytes, size_t size)
{
    struct wish wish;
    char error[WISH_ERROR_SIZE] = "";
    wish_init(&wish, CLOCK_WALL);
    bool read = wish_read_json(&wish, bytes, size, CLOCK_CPU, error);
    need(read || error[0]);
    need(wish.limit <= WISH_LIMIT_MOST);
    wish_done(&wish);
}

static void json(const char *bytes, size_t size)
{
    struct arena *arena = arena_new();
    const struct json_value *value = json_read(arena, bytes, size);
    if (value && value->kind == JSON_OBJECT)
        for (const struct json_value *item = value->first; item; item = item->next)
            need(json_member(value, item->key) != NULL);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    /* A zero byte behind it for strstr alone: in a copy of its own. */
    char *bytes = malloc(size);
    need(bytes != NULL);
    memcpy(bytes, data + 1, size - 1);
    bytes[size - 1] = '\0';
    char *exact = malloc(size > 1 ? size - 1 : 1);
    need(exact != NULL);
    memcpy(exact, bytes, size - 1);
    switch (data[0] % 4) {
    case 0:
        head(bytes, size - 1);
        break;
    case 1:
        frames(exact, size - 1);
        break;
    case 2:
        wish(exact, size - 1);
        break;
    default:
        json(exact, size - 1);
        break;
    }
    free(exact);
    free(bytes);
    return 0;
}
