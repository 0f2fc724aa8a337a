/* SPDX-License-Identifier: MIT */
/* The operators by number.
 * Why on the wire: the probe says by number which of them this Python does not tell in full, and the collector has
 * the names. */
#ifndef ULMA_WIRE_OPERATORS_H
#define ULMA_WIRE_OPERATORS_H

#include <assert.h>

#define OPERATOR(symbol, type, name) OPERATOR_##symbol,
enum operator_number {
#include "wire/operators.def"
    OPERATOR_COUNT
};
#undef OPERATOR
static_assert(OPERATOR_COUNT <= 32, "one bit each");

#endif
