/* SPDX-License-Identifier: MIT */
/* WebSocket (RFC 6455): the answer to a handshake, and frames.
 * Why: see http.h. No extensions: what is sent is small and stays on the machine.
 * Rules: pure. A client's frames are masked, its control frames short; what is not so is an error with the code
 * that the connection is closed with. */
#ifndef ULMA_WEB_WEBSOCKET_H
#define ULMA_WEB_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WEBSOCKET_MESSAGE_MOST = 65536, /* that a client may send */
    WEBSOCKET_HEAD_MOST = 14,
    WEBSOCKET_ACCEPT_SIZE = 29,
};

enum websocket_opcode {
    WEBSOCKET_CONTINUATION = 0,
    WEBSOCKET_TEXT = 1,
    WEBSOCKET_BINARY = 2,
    WEBSOCKET_CLOSE = 8,
    WEBSOCKET_PING = 9,
    WEBSOCKET_PONG = 10,
};

enum websocket_code {
    WEBSOCKET_GOING = 1001,
    WEBSOCKET_WRONG = 1002,
    WEBSOCKET_NOT_TEXT = 1007,
    WEBSOCKET_TOO_LONG = 1009,
};

struct websocket_frame {
    bool final;
    enum websocket_opcode opcode;
    size_t size; /* of what follows the head */
    uint8_t mask[4];
};

/* The key is 16 bytes in base64. */
bool websocket_key_is_right(const char *key);
void websocket_accept(const char *key, char ret[WEBSOCKET_ACCEPT_SIZE]);

/* The bytes that the head takes; 0: not whole yet; negative: -enum websocket_code. */
int websocket_read_head(const uint8_t *bytes, size_t size, struct websocket_frame *ret);
void websocket_unmask(uint8_t *bytes, size_t size, const uint8_t mask[4]);

/* The head of a frame of ours; its bytes. */
size_t websocket_write_head(uint8_t head[WEBSOCKET_HEAD_MOST], enum websocket_opcode opcode,
                            size_t size);

#endif
