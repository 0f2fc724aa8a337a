/* SPDX-License-Identifier: MIT */
/* gzip, by zlib.
 * Why: see gzip_writer.h.
 * Rules: 0 or a negative errno; the caller looks at the stream (ferror) as well. */
#include "export/gzip_writer.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    OUT_BYTES = 1 << 15,
    WINDOW_BITS = 15 + 16, /* + 16: gzip's head and end, not zlib's */
    MEMORY_LEVEL = 8,      /* zlib's default */
};

struct gzip_writer {
    FILE *stream;
    z_stream deflating;
    unsigned char out[OUT_BYTES];
};

struct gzip_writer *gzip_writer_new(FILE *stream)
{
    struct gzip_writer *writer = calloc(1, sizeof(*writer));
    if (!writer)
        return NULL;
    writer->stream = stream;
    if (deflateInit2(&writer->deflating, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS,
                     MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(writer);
        return NULL;
    }
    return writer;
}

static int run(struct gzip_writer *writer, int flush)
{
    z_stream *deflating = &writer->deflating;
    do {
        deflating->next_out = writer->out;
        deflating->avail_out = sizeof(writer->out);
        int status = deflate(deflating, flush);
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            return -EIO;
        fwrite(writer->out, 1, sizeof(writer->out) - deflating->avail_out, writer->stream);
        if (ferror(writer->stream))
            return errno ? -errno : -EIO;
    } while (deflating->avail_out == 0);
    return 0;
}

int gzip_writer_put(struct gzip_writer *writer, const void *bytes, size_t size)
{
    enum { MOST_AT_ONCE = 1 << 30 };
    for (const unsigned char *at = bytes; size > 0;) {
        size_t part = size < MOST_AT_ONCE ? size : MOST_AT_ONCE;
        /* zlib asks for a pointer to what it will not change. */
        writer->deflating.next_in = (z_const Bytef *)(uintptr_t)at;
        writer->deflating.avail_in = (uInt)part;
        int result = run(writer, Z_NO_FLUSH);
        if (result < 0)
            return result;
        at += part;
        size -= part;
    }
    return 0;
}

int gzip_writer_finish(struct gzip_writer *writer)
{
    writer->deflating.avail_in = 0;
    return run(writer, Z_FINISH);
}

void gzip_writer_free(struct gzip_writer *writer)
{
    if (writer)
        deflateEnd(&writer->deflating);
    free(writer);
}
