/* SPDX-License-Identifier: MIT */
/* The page's files, carried inside the program.
 * Why: one file is the whole of ulma, and page and server always match. tools/pack.py packs web/dist.
 * Rules: packed as, for each file, its name, a zero byte, its size in decimal, a zero byte, its bytes. Only
 * what is listed there can be served: no path is ever looked up on a disk. */
#ifndef ULMA_WEB_FILES_H
#define ULMA_WEB_FILES_H

#include <stdbool.h>
#include <stddef.h>

struct file {
    const char *bytes;
    size_t size;
    const char *type;
    bool is_page; /* HTML: addresses in it get the token */
};

/* `path` as in the request, `/` is index.html. False: there is none. */
bool files_find(const unsigned char *pack, const unsigned char *pack_end, const char *path,
                struct file *ret);

#endif
