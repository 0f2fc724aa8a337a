/* SPDX-License-Identifier: MIT */
/* Looking a file up in the pack.
 * Why: see files.h.
 * Rules: as there. */
#include "web/files.h"

#include <stdlib.h>
#include <string.h>

static const char *type_of(const char *name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
        {".json", "application/json"},
        {".txt", "text/plain; charset=utf-8"},
    };
    size_t size = strlen(name);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        size_t ending = strlen(types[i].ending);
        if (size > ending && strcmp(name + size - ending, types[i].ending) == 0)
            return types[i].type;
    }
    return "application/octet-stream";
}

bool files_find(const unsigned char *pack, const unsigned char *pack_end, const char *path,
                struct file *ret)
{
    const char *wanted = strcmp(path, "/") == 0 ? "index.html" : path + 1;
    const char *at = (const char *)pack, *end = (const char *)pack_end;
    while (at < end) {
        const char *name = at, *number = name + strlen(name) + 1;
        size_t size = strtoul(number, NULL, 10);
        const char *bytes = number + strlen(number) + 1;
        if (strcmp(name, wanted) == 0) {
            *ret = (struct file){.bytes = bytes, .size = size, .type = type_of(name)};
            ret->is_page = strncmp(ret->type, "text/html", 9) == 0;
            return true;
        }
        at = bytes + size;
    }
    return false;
}
