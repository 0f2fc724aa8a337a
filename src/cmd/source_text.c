/* SPDX-License-Identifier: MIT */
/* Reading the files that lines are of.
 * Why: see source_text.h. The file that was read last is kept, since top asks for the same ones each second.
 * Rules: as there. Regular files of a sane size only. */
#include "cmd/source_text.h"

#include "base/arena.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_KEPT = 32, FILE_MOST = 4 << 20, LINE_MOST = 400 };

static struct kept {
    char *file, *text;
    int64_t changed_ns;
} kept[FILES_KEPT];
static unsigned next_place;
static pthread_mutex_t kept_lock = PTHREAD_MUTEX_INITIALIZER;

static int64_t ns_of(const struct timespec *time)
{
    return time->tv_sec * INT64_C(1000000000) + time->tv_nsec;
}

/* Its bytes, terminated; NULL: not to be had. */
static char *read_whole(int fd, size_t size)
{
    char *text = malloc(size + 1);
    size_t used = 0;
    while (text && used < size) {
        ssize_t got = read(fd, text + used, size - used);
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    if (text)
        text[used] = '\0';
    return text;
}

static const char *keep(const char *file, char *text, int64_t changed_ns)
{
    struct kept *place = &kept[next_place++ % FILES_KEPT];
    free(place->file);
    free(place->text);
    *place = (struct kept){.file = strdup(file), .text = text, .changed_ns = changed_ns};
    return text;
}

/* Of a file that has not changed since `before_ns`. */
static const char *read_disk(const char *file, int64_t before_ns)
{
    struct stat status;
    int fd = file[0] == '/' ? open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    const char *found = NULL;
    if (fd < 0)
        return NULL;
    bool good = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_size <= FILE_MOST &&
                ns_of(&status.st_mtim) <= before_ns;
    for (int i = 0; good && !found && i < FILES_KEPT; i++)
        if (kept[i].file && kept[i].changed_ns == ns_of(&status.st_mtim) &&
            strcmp(kept[i].file, file) == 0)
            found = kept[i].text;
    if (good && !found) {
        char *text = read_whole(fd, (size_t)status.st_size);
        found = text ? keep(file, text, ns_of(&status.st_mtim)) : NULL;
    }
    close(fd);
    return found;
}

/* A copy of line `number`, without its indent. */
static const char *copy_line(struct arena *arena, const char *text, uint32_t number)
{
    for (uint32_t line = 1; text && line < number; line++) {
        text = strchr(text, '\n');
        text = text ? text + 1 : NULL;
    }
    if (!text)
        return NULL;
    text += strspn(text, " \t\f");
    size_t size = strcspn(text, "\r\n");
    while (size && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        size--;
    if (size > LINE_MOST)
        for (size = LINE_MOST; size && ((unsigned char)text[size] & 0xc0) == 0x80;)
            size--;
    return arena_string_of(arena, text, size);
}

void source_text_fill(struct snapshot *snapshot, source_text_of *recorded, void *context,
                      bool from_disk)
{
    const char *text = NULL;
    int32_t function = SNAPSHOT_NONE;
    pthread_mutex_lock(&kept_lock);
    for (size_t i = 0; i < snapshot->line_count; i++) {
        struct snapshot_line *line = &snapshot->lines[i];
        const char *file = snapshot->functions[line->function].file;
        if (line->function != function) {
            function = line->function;
            text = recorded && file ? recorded(context, snapshot, file) : NULL;
            if (!text && file && from_disk)
                text = read_disk(file, snapshot->meta.start_time_ns);
        }
        if (text)
            line->text = copy_line(snapshot->arena, text, line->line);
    }
    pthread_mutex_unlock(&kept_lock);
}

char *source_text_whole(const char *file, int64_t before_ns)
{
    pthread_mutex_lock(&kept_lock);
    const char *text = read_disk(file, before_ns);
    char *copy = text ? strdup(text) : NULL;
    pthread_mutex_unlock(&kept_lock);
    return copy;
}
