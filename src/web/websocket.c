/* SPDX-License-Identifier: MIT */
/* Handshake and frames.
 * Why: see websocket.h.
 * Rules: as there. */
#include "web/websocket.h"

#include "web/sha1.h"

#include <stdio.h>
#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool websocket_key_is_right(const char *key)
{
    return strlen(key) == 24 && strspn(key, letters) == 22 && strcmp(key + 22, "==") == 0;
}

void websocket_accept(const char *key, char ret[WEBSOCKET_ACCEPT_SIZE])
{
    char text[80];
    uint8_t hash[SHA1_SIZE + 1] = {0};
    int size = snprintf(text, sizeof(text), "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    sha1(text, (size_t)size, hash);
    for (int i = 0; i < 7; i++) {
        uint32_t three = (uint32_t)hash[i * 3] << 16 | (uint32_t)hash[i * 3 + 1] << 8 |
                         hash[i * 3 + 2];
        for (int j = 0; j < 4; j++)
            ret[i * 4 + j] = letters[three >> (18 - 6 * j) & 63];
    }
    ret[27] = '='; /* 20 bytes are six threes and two */
    ret[28] = '\0';
}

static bool is_known(unsigned opcode)
{
    return opcode <= WEBSOCKET_BINARY || (opcode >= WEBSOCKET_CLOSE && opcode <= WEBSOCKET_PONG);
}

int websocket_read_head(const uint8_t *bytes, size_t size, struct websocket_frame *ret)
{
    if (size < 2)
        return 0;
    unsigned opcode = bytes[0] & 0x0f, length = bytes[1] & 0x7f;
    bool is_final = bytes[0] & 0x80, is_control = opcode >= WEBSOCKET_CLOSE;
    if (bytes[0] & 0x70 || !is_known(opcode) || !(bytes[1] & 0x80) ||
        (is_control && (!is_final || length > 125)))
        return -WEBSOCKET_WRONG;
    size_t more = length == 126 ? 2 : length == 127 ? 8 : 0;
    if (size < 2 + more)
        return 0;
    uint64_t whole = more ? 0 : length;
    for (size_t i = 0; i < more; i++)
        whole = whole << 8 | bytes[2 + i];
    if (whole > WEBSOCKET_MESSAGE_MOST)
        return -WEBSOCKET_TOO_LONG;
    if ((more == 2 && whole < 126) || (more == 8 && whole < 65536))
        return -WEBSOCKET_WRONG;
    if (size < 2 + more + 4)
        return 0;
    ret->final = is_final;
    ret->opcode = (enum websocket_opcode)opcode;
    ret->size = (size_t)whole;
    memcpy(ret->mask, bytes + 2 + more, 4);
    return (int)(2 + more + 4);
}

void websocket_unmask(uint8_t *bytes, size_t size, const uint8_t mask[4])
{
    for (size_t i = 0; i < size; i++)
        bytes[i] ^= mask[i % 4];
}

size_t websocket_write_head(uint8_t head[WEBSOCKET_HEAD_MOST], enum websocket_opcode opcode,
                            size_t size)
{
    head[0] = (uint8_t)(0x80 | opcode);
    int more = size < 126 ? 0 : size < 65536 ? 2 : 8;
    head[1] = (uint8_t)(more == 0 ? size : more == 2 ? 126 : 127);
    for (int i = 0; i < more; i++)
        head[2 + i] = (uint8_t)((uint64_t)size >> (8 * (more - 1 - i)));
    return 2 + (size_t)more;
}
