/* SPDX-License-Identifier: MIT */
/* Resources by text, descriptors by number.
 * Why: see io_files.h. */
#include "model/io_files.h"

#include "model/escalations.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 2 * IO_RESOURCES_LIMIT, FIRST_FDS = 64 };

int io_files_init(struct io_files *files)
{
    *files = (struct io_files){
        .resources = calloc(IO_RESOURCES_LIMIT, sizeof(*files->resources)),
        .buckets = calloc(BUCKETS, sizeof(*files->buckets)),
        .resource_count = 2,
    };
    if (!files->resources || !files->buckets)
        return -ENOMEM;
    files->resources[IO_RESOURCE_OTHER].text = strdup("(other)");
    return files->resources[IO_RESOURCE_OTHER].text ? 0 : -ENOMEM;
}

void io_files_done(struct io_files *files)
{
    for (uint32_t i = 0; files->resources && i < files->resource_count; i++)
        free((char *)files->resources[i].text);
    free(files->resources);
    free(files->buckets);
    *files = (struct io_files){0};
}

void io_fds_done(struct io_fds *fds)
{
    free(fds->resources);
    for (uint32_t i = 0; i < fds->done_count; i++) {
        free(fds->done[i].name);
        escalations_free(fds->done[i].told);
    }
    free(fds->done);
    free(fds->directory);
    *fds = (struct io_fds){0};
}

/* --- resources ------------------------------------------------------------------------------ */

static uint32_t *bucket_of(const struct io_files *files, const char *text)
{
    uint32_t hash = 2166136261U;
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * 16777619U;
    return &files->buckets[hash % BUCKETS];
}

static uint32_t find_named(const struct io_files *files, const char *text)
{
    for (uint32_t at = *bucket_of(files, text); at; at = files->resources[at].next)
        if (strcmp(files->resources[at].text, text) == 0)
            return at;
    return 0;
}

/* `text` becomes its own. */
static void give_text(struct io_files *files, uint32_t resource, char *text, enum io_sort sort)
{
    uint32_t *bucket = bucket_of(files, text);
    files->resources[resource].text = text;
    files->resources[resource].sort = (unsigned char)sort;
    files->resources[resource].next = *bucket;
    *bucket = resource;
}

uint32_t io_files_named(struct io_files *files, const char *text, enum io_sort sort)
{
    uint32_t found = find_named(files, text);
    char *own = !found && files->resource_count < IO_RESOURCES_LIMIT ? strdup(text) : NULL;
    if (found || !own)
        return found ? found : IO_RESOURCE_OTHER;
    give_text(files, files->resource_count, own, sort);
    return files->resource_count++;
}

void io_files_found(struct io_files *files, uint32_t resource, const char *text, enum io_sort sort)
{
    struct io_resource *of = &files->resources[resource];
    if (of->is_wanted)
        files->wanted--;
    of->is_wanted = false;
    if (of->text || !text)
        return;
    uint32_t known = find_named(files, text);
    char *own = known ? NULL : strdup(text);
    of->same_as = known;
    if (own)
        give_text(files, resource, own, sort);
}

/* --- descriptors ---------------------------------------------------------------------------- */

/* False: no room for such a number. */
static bool make_room(struct io_fds *fds, uint32_t fd)
{
    uint32_t limit = fds->limit ? fds->limit : FIRST_FDS;
    if (fd >= IO_FDS_LIMIT)
        return false;
    while (limit <= fd)
        limit *= 2;
    if (limit == fds->limit)
        return true;
    uint32_t *grown = realloc(fds->resources, limit * sizeof(*grown));
    if (!grown)
        return false;
    memset(grown + fds->limit, 0, (limit - fds->limit) * sizeof(*grown));
    fds->resources = grown;
    fds->limit = limit;
    return true;
}

void io_fds_set(struct io_fds *fds, uint32_t fd, uint32_t resource)
{
    if (fd < fds->limit || (resource && make_room(fds, fd)))
        fds->resources[fd] = resource;
}

void io_fds_forget(struct io_fds *fds)
{
    if (fds->limit)
        memset(fds->resources, 0, fds->limit * sizeof(*fds->resources));
}

uint32_t io_files_of(struct io_files *files, struct io_fds *fds, uint32_t pid, uint32_t fd)
{
    if (fd == IO_NO_FD)
        return IO_RESOURCE_NONE;
    if (!make_room(fds, fd))
        return IO_RESOURCE_OTHER;
    if (fds->resources[fd])
        return fds->resources[fd] = io_files_true(files, fds->resources[fd]);
    if (files->resource_count == IO_RESOURCES_LIMIT)
        return IO_RESOURCE_OTHER;
    files->resources[files->resource_count] =
        (struct io_resource){.fd = fd, .pid = pid, .is_wanted = true};
    files->wanted++;
    return fds->resources[fd] = files->resource_count++;
}

/* --- texts ---------------------------------------------------------------------------------- */

void io_files_path(const struct io_files *files, const struct io_fds *fds, uint32_t from,
                   const char *path, char *text)
{
    const char *directory = from ? files->resources[from].text : fds->directory;
    if (path[0] == '/' || !directory)
        snprintf(text, IO_TEXT_SIZE, "%s", path);
    else
        snprintf(text, IO_TEXT_SIZE, "%.480s/%.512s", directory, path);
}

/* The longest row of zeros is left out, as everywhere. */
static void format_six(const unsigned char *bytes, char *text, size_t size)
{
    unsigned words[8];
    int from = -1, most = 1, at = 0;
    for (int i = 0; i < 8; i++)
        words[i] = (unsigned)bytes[2 * i] << 8 | bytes[2 * i + 1];
    for (int i = 0; i < 8; i++) {
        int zeros = 0;
        while (i + zeros < 8 && !words[i + zeros])
            zeros++;
        if (zeros > most) {
            most = zeros;
            from = i;
        }
        i += zeros;
    }
    if (from == 0 && most == 5 && words[5] == 0xffff) {
        snprintf(text, size, "::ffff:%u.%u.%u.%u", bytes[12], bytes[13], bytes[14], bytes[15]);
        return;
    }
    text[0] = '\0';
    for (int i = 0; i < 8; i++) {
        if (i == from) {
            at += snprintf(text + at, size - (size_t)at, "::");
            i += most - 1;
            continue;
        }
        const char *colon = i == 0 || i == from + most ? "" : ":";
        at += snprintf(text + at, size - (size_t)at, "%s%x", from < 0 && i == 0 ? "" : colon,
                       words[i]);
    }
}

void io_files_host(const unsigned char *bytes, size_t size, unsigned port, char *text)
{
    char host[48];
    if (size == IO_ADDRESS_FOUR) {
        snprintf(text, IO_TEXT_SIZE, "%u.%u.%u.%u:%u", bytes[0], bytes[1], bytes[2], bytes[3],
                 port);
        return;
    }
    format_six(bytes, host, sizeof(host));
    snprintf(text, IO_TEXT_SIZE, "[%s]:%u", host, port);
}

/* A sockaddr as Linux has it: family 2 bytes, in the machine's order; of the internet then the port, in the network's. */
bool io_files_address(const unsigned char *bytes, size_t size, char *text)
{
    enum { UNIX = 1, INTERNET = 2, INTERNET_SIX = 10 };
    enum { FOUR_AT = 4, SIX_AT = 8, PATH_AT = 2, PATH_MOST = 108 };
    unsigned family = size >= 4 ? bytes[0] | (unsigned)bytes[1] << 8 : 0;
    unsigned port = size >= 4 ? (unsigned)bytes[2] << 8 | bytes[3] : 0;
    if (family == INTERNET && size >= FOUR_AT + IO_ADDRESS_FOUR) {
        io_files_host(bytes + FOUR_AT, IO_ADDRESS_FOUR, port, text);
        return port != 0;
    }
    if (family == INTERNET_SIX && size >= SIX_AT + IO_ADDRESS_SIX) {
        io_files_host(bytes + SIX_AT, IO_ADDRESS_SIX, port, text);
        return port != 0;
    }
    if (family != UNIX)
        return false;
    char path[PATH_MOST + 1] = {0};
    size_t length = size - PATH_AT < PATH_MOST ? size - PATH_AT : PATH_MOST;
    memcpy(path, bytes + PATH_AT, length);
    if (length > 1 && !path[0] && path[1])
        path[0] = '@'; /* an abstract name */
    snprintf(text, IO_TEXT_SIZE, "unix:%s", path);
    return path[0] != '\0';
}
