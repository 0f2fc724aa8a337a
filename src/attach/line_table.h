/* SPDX-License-Identifier: MIT */
/* Which source line an instruction belongs to.
 * Why: a frame holds an instruction's place; the line is told by the code object's table, whose form
 * is co_lnotab in 3.9, PEP 626's pairs in 3.10, and locations of variable length from 3.11 on.
 * Rules: the table is any bytes; nothing beyond them is read. */
#ifndef ULMA_ATTACH_LINE_TABLE_H
#define ULMA_ATTACH_LINE_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* The line of the instruction `offset` bytes into the bytecode of Python 3.`minor`, or 0 when it has
 * none. A negative offset is a frame that has not begun: the first line. */
int line_table_find(int minor, const unsigned char *table, size_t size, int first_line,
                    int64_t offset);

#endif
