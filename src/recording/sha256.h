/* SPDX-License-Identifier: MIT */
/* SHA-256 (FIPS 180-4), for names that are hashed.
 * Why our own: the reading half asks for libc and SQLite alone. */
#ifndef ULMA_RECORDING_SHA256_H
#define ULMA_RECORDING_SHA256_H

#include <stddef.h>
#include <stdint.h>

void sha256(const void *bytes, size_t size, uint8_t ret_digest[32]);

#endif
