/* SPDX-License-Identifier: MIT */
/* A loop of C over calls of the C library, through this object's own table of addresses: the interpreter's part of
 * os.write would drown what a wrapper costs. */
#include <unistd.h>

enum {
    SIZE = 2
}; /* one byte is how a signal handler wakes whoever waits, which ulma looks at more closely */

static char bytes[SIZE];
static volatile long moved;

void io_loop_write(int fd, int calls)
{
    for (int i = 0; i < calls; i++)
        moved += write(fd, bytes, SIZE);
}

void io_loop_read(int fd, int calls)
{
    for (int i = 0; i < calls; i++)
        moved += read(fd, bytes, SIZE);
}

void io_loop_pread(int fd, int calls)
{
    for (int i = 0; i < calls; i++)
        moved += pread(fd, bytes, SIZE, 0);
}
