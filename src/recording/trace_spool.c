/* SPDX-License-Identifier: MIT */
/* Sizes and chunks, one after the other.
 * Why: see trace_spool.h.
 * Rules: as there. */
#include "recording/trace_spool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct trace_spool {
    struct trace_source source; /* first: a source is its spool */
    FILE *file;
    long end, last; /* where what is written ends; where its last chunk begins, or -1 */
    void *bytes;
    size_t limit;
};

static int put(void *context, const struct trace_chunk *chunk)
{
    struct trace_spool *spool = context;
    uint64_t size = chunk->size;
    errno = 0;
    if (fwrite(&size, sizeof(size), 1, spool->file) != 1 ||
        fwrite(chunk->bytes, chunk->size, 1, spool->file) != 1)
        return errno ? -errno : -EIO;
    spool->last = spool->end;
    spool->end += (long)(sizeof(size) + chunk->size);
    return 0;
}

static int next(struct trace_source *source, const void **ret_bytes, size_t *ret_size)
{
    struct trace_spool *spool = (struct trace_spool *)source;
    uint64_t size;
    if (fread(&size, sizeof(size), 1, spool->file) != 1)
        return ferror(spool->file) ? -EIO : 0;
    if (size > spool->limit) {
        void *bytes = realloc(spool->bytes, size);
        if (!bytes)
            return -ENOMEM;
        spool->bytes = bytes;
        spool->limit = size;
    }
    if (fread(spool->bytes, size, 1, spool->file) != 1)
        return -EIO;
    *ret_bytes = spool->bytes;
    *ret_size = size;
    return 1;
}

static int last(struct trace_source *source, const void **ret_bytes, size_t *ret_size)
{
    struct trace_spool *spool = (struct trace_spool *)source;
    long here = ftell(spool->file);
    if (spool->last < 0)
        return 0;
    if (fflush(spool->file) || fseek(spool->file, spool->last, SEEK_SET))
        return -EIO;
    int result = next(source, ret_bytes, ret_size);
    return fseek(spool->file, here, SEEK_SET) ? -EIO : result;
}

static int back(struct trace_source *source)
{
    struct trace_spool *spool = (struct trace_spool *)source;
    errno = 0;
    if (fflush(spool->file) || fseek(spool->file, 0, SEEK_SET))
        return errno ? -errno : -EIO;
    return 0;
}

static void stay(struct trace_source *source)
{
    (void)source;
}

int trace_spool_new(struct trace_spool **ret_spool)
{
    char path[4096];
    const char *directory = getenv("TMPDIR");
    struct trace_spool *spool = calloc(1, sizeof(*spool));
    if (!spool)
        return -ENOMEM;
    snprintf(path, sizeof(path), "%s/ulma-trace-XXXXXX",
             directory && *directory ? directory : "/var/tmp");
    int fd = mkstemp(path);
    if (fd >= 0)
        unlink(path);
    spool->file = fd >= 0 ? fdopen(fd, "w+b") : NULL;
    if (!spool->file) {
        int result = -errno;
        if (fd >= 0)
            close(fd);
        free(spool);
        return result;
    }
    spool->source = (struct trace_source){next, last, back, stay};
    spool->last = -1;
    *ret_spool = spool;
    return 0;
}

struct trace_sink trace_spool_sink(struct trace_spool *spool)
{
    return (struct trace_sink){put, spool};
}

struct trace_source *trace_spool_source(struct trace_spool *spool)
{
    return &spool->source;
}

uint64_t trace_spool_bytes(const struct trace_spool *spool)
{
    return (uint64_t)spool->end;
}

void trace_spool_free(struct trace_spool *spool)
{
    if (!spool)
        return;
    fclose(spool->file);
    free(spool->bytes);
    free(spool);
}
