/* SPDX-License-Identifier: MIT */
/* --with-source: the text of the files that recorded functions are of.
 * Why as they are met: at the end the program may have changed them.
 * Rules: regular files below SCHEMA_SOURCE_BYTES, SOURCES_BYTES together. One that cannot be read is left
 * out: it may be of another container, or of nothing (`<string>`). */
#include "recording/writer_parts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SOURCES_BYTES = 256 << 20 };

struct text_set {
    char **texts; /* open addressing; owned */
    size_t count, mask;
};

static uint64_t hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(0x100000001b3);
    return hash;
}

static char **place_of(char **texts, size_t mask, const char *text)
{
    size_t at = (size_t)hash_of(text) & mask;
    while (texts[at] && strcmp(texts[at], text) != 0)
        at = (at + 1) & mask;
    return &texts[at];
}

static int grow(struct text_set *set)
{
    size_t mask = set->mask ? set->mask * 2 + 1 : 255;
    char **texts = calloc(mask + 1, sizeof(*texts));
    if (!texts)
        return -ENOMEM;
    for (size_t i = 0; set->texts && i <= set->mask; i++)
        if (set->texts[i])
            *place_of(texts, mask, set->texts[i]) = set->texts[i];
    free(set->texts);
    set->texts = texts;
    set->mask = mask;
    return 0;
}

/* 1: it was not there and is now. 0, -ENOMEM. */
static int add(struct text_set *set, const char *text)
{
    if ((!set->texts || set->count > set->mask / 2) && grow(set))
        return -ENOMEM;
    char **place = place_of(set->texts, set->mask, text);
    if (*place)
        return 0;
    *place = strdup(text);
    if (!*place)
        return -ENOMEM;
    set->count++;
    return 1;
}

/* NULL: not to be had. */
static char *read_file(const char *path, size_t *ret_size)
{
    struct stat status;
    if (stat(path, &status) || !S_ISREG(status.st_mode) || status.st_size > SCHEMA_SOURCE_BYTES)
        return NULL;
    size_t size = (size_t)status.st_size;
    FILE *file = fopen(path, "rbe");
    char *bytes = file ? malloc(size + 1) : NULL;
    if (bytes) {
        *ret_size = fread(bytes, 1, size, file);
        bytes[*ret_size] = '\0';
    }
    if (file)
        fclose(file);
    return bytes;
}

static int put_file(struct recording_writer *writer, const char *name)
{
    size_t size = 0;
    char *bytes = name[0] == '/' ? read_file(name, &size) : NULL;
    int result = 0;
    if (bytes && writer->source_bytes + (int64_t)size <= SOURCES_BYTES) {
        sqlite3_stmt *statement = writer->statements[PUT_FILE];
        database_bind_text(statement, 1, name);
        database_bind_text(statement, 2, bytes);
        result = database_step(statement);
        writer->source_bytes += (int64_t)size;
    }
    free(bytes);
    return result;
}

int writer_put_files(struct recording_writer *writer, const struct snapshot *snapshot)
{
    int result = 0;
    if (!writer->files)
        writer->files = calloc(1, sizeof(*writer->files));
    if (!writer->files)
        return -ENOMEM;
    for (size_t i = 0; result == 0 && i < snapshot->function_count; i++) {
        const char *name = snapshot->functions[i].file;
        int added = name ? add(writer->files, name) : 0;
        result = added > 0 ? put_file(writer, name) : added;
    }
    return result;
}

void writer_files_done(struct recording_writer *writer)
{
    for (size_t i = 0; writer->files && writer->files->texts && i <= writer->files->mask; i++)
        free(writer->files->texts[i]);
    if (writer->files)
        free(writer->files->texts);
    free(writer->files);
}
