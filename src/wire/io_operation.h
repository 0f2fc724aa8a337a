/* SPDX-License-Identifier: MIT */
/* What the source `io` says in its events (wire/event.h has their kinds).
 *
 *   IO_BEGIN    id = operation, with IO_SLEEPS where a select looks at nothing; frame = the descriptor; IO_NO_FD: it is of none. Which line runs a PLACE has said
 *   IO_NAME, IO_ADDRESS
 *               7 bytes each, the first in the low bits (of id three, of frame four): the path that was opened, ended by
 *               a zero byte or not; or the sockaddr of a peer (connect, accept) or of the socket itself (bind, getsockname). Between
 *               the begin and the end of the operation
 *               With IO_RULED it has a rule (wire/session.h), for whose sake it is told
 *   ESCALATED   ... and its parts: a predicate of that rule held, between the begin and the end
 *   IO_END      amount: the result (bytes moved, the new descriptor, two new ones of 24 bits each); with bit IO_FAILED
 *               errno instead
 * Rules: one operation is open in a thread; an end without a begin, and a begin after a begin, end nothing. */
#ifndef ULMA_WIRE_IO_OPERATION_H
#define ULMA_WIRE_IO_OPERATION_H

#include <stdint.h>

enum io_operation {
#define IO_OPERATION(name, text, result, sort) IO_##name,
#include "wire/io_operations.def"
    IO_OPERATION_COUNT
};

enum io_result {
    IO_RESULT_STATUS, /* -1 and errno, or nothing of interest */
    IO_RESULT_BYTES,
    IO_RESULT_NEW_FD,
    IO_RESULT_FD_PAIR,
    IO_RESULT_ERROR, /* the error's number itself */
};

/* What a thread does meanwhile. OF_FD: what the descriptor is of says it. */
enum io_sort { IO_SORT_FILE, IO_SORT_SOCKET, IO_SORT_IDLE, IO_SORT_OF_FD };

#define IO_NO_FD  UINT32_MAX
#define IO_SLEEPS 0x100u
#define IO_RULED  0x200u
#define IO_FAILED (UINT64_C(1) << 55)

/* The name of an operation's definition, which its rule goes by: `io:write`. */
#define IO_DEFINITION_PREFIX "io:"

enum { IO_NAME_MOST = 511 }; /* bytes of a path that are told: its last ones */

static inline uint64_t io_pair(uint32_t one, uint32_t other)
{
    return (one & 0xffffffu) | (uint64_t)(other & 0xffffffu) << 24;
}

#endif
