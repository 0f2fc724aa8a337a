/* SPDX-License-Identifier: MIT */
/* SHA-1, which the WebSocket's handshake is made with.
 * Why: the standard asks for it, as a sign that both sides speak the same protocol: no secret rests on it.
 * Rules: for that only. */
#ifndef ULMA_WEB_SHA1_H
#define ULMA_WEB_SHA1_H

#include <stddef.h>
#include <stdint.h>

enum { SHA1_SIZE = 20 };

/* Of at most 119 bytes, which is two blocks. */
void sha1(const void *bytes, size_t size, uint8_t ret[SHA1_SIZE]);

#endif
