/* SPDX-License-Identifier: MIT */
/* SHA-1 (FIPS 180-4).
 * Why: see sha1.h.
 * Rules: as there. */
#include "web/sha1.h"

#include <assert.h>
#include <string.h>

static uint32_t rotate(uint32_t word, int by)
{
    return word << by | word >> (32 - by);
}

static void add_block(uint32_t state[5], const uint8_t *block)
{
    uint32_t words[80];
    for (int i = 0; i < 16; i++)
        words[i] = (uint32_t)block[i * 4] << 24 | (uint32_t)block[i * 4 + 1] << 16 |
                   (uint32_t)block[i * 4 + 2] << 8 | block[i * 4 + 3];
    for (int i = 16; i < 80; i++)
        words[i] = rotate(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 80; i++) {
        uint32_t mixed = i < 20   ? ((b & c) | (~b & d)) + 0x5a827999
                         : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                         : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8f1bbcdc
                                  : (b ^ c ^ d) + 0xca62c1d6;
        uint32_t next = rotate(a, 5) + mixed + e + words[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

void sha1(const void *bytes, size_t size, uint8_t ret[SHA1_SIZE])
{
    enum { BLOCK = 64, MOST = 2 * BLOCK };
    uint8_t padded[MOST] = {0};
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    assert(size + 9 <= MOST);
    size_t blocks = (size + 9 + BLOCK - 1) / BLOCK;
    memcpy(padded, bytes, size);
    padded[size] = 0x80;
    for (int i = 0; i < 8; i++)
        padded[blocks * BLOCK - 1 - (size_t)i] = (uint8_t)((uint64_t)size * 8 >> (8 * i));
    for (size_t i = 0; i < blocks; i++)
        add_block(state, padded + i * BLOCK);
    for (int i = 0; i < SHA1_SIZE; i++)
        ret[i] = (uint8_t)(state[i / 4] >> (24 - 8 * (i % 4)));
}
