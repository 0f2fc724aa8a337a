/* SPDX-License-Identifier: MIT */
/* Resources by text, descriptors by number.
 * Why: see io_files.h. */
#include "model/io_files.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

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
    for (uint32_t i = 0; i < fds->done_count; i++)
        free(fds->done[i].name);
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

static bool internet_address(const unsigned char *bytes, size_t size, char *text)
{
    char host[INET6_ADDRSTRLEN];
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    sa_family_t family;
    memcpy(&family, bytes, sizeof(family));
    if (family == AF_INET && size >= sizeof(four)) {
        memcpy(&four, bytes, sizeof(four));
        inet_ntop(AF_INET, &four.sin_addr, host, sizeof(host));
        snprintf(text, IO_TEXT_SIZE, "%s:%u", host, ntohs(four.sin_port));
        return four.sin_port != 0;
    }
    if (family == AF_INET6 && size >= 24) {
        memset(&six, 0, sizeof(six));
        memcpy(&six, bytes, size < sizeof(six) ? size : sizeof(six));
        inet_ntop(AF_INET6, &six.sin6_addr, host, sizeof(host));
        snprintf(text, IO_TEXT_SIZE, "[%s]:%u", host, ntohs(six.sin6_port));
        return six.sin6_port != 0;
    }
    return false;
}

bool io_files_address(const unsigned char *bytes, size_t size, char *text)
{
    sa_family_t family = AF_UNSPEC;
    if (size >= sizeof(family))
        memcpy(&family, bytes, sizeof(family));
    if (family != AF_UNIX)
        return internet_address(bytes, size, text);
    char path[sizeof(((struct sockaddr_un *)0)->sun_path) + 1] = {0};
    size_t length = size - sizeof(family);
    memcpy(path, bytes + sizeof(family), length < sizeof(path) - 1 ? length : sizeof(path) - 1);
    if (length > 1 && !path[0])
        path[0] = '@'; /* an abstract name */
    snprintf(text, IO_TEXT_SIZE, "unix:%s", path);
    return path[0] != '\0';
}
