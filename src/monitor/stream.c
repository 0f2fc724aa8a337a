/* SPDX-License-Identifier: MIT */
/* A stream's file, as both ends know it.
 * Why: see stream.h.
 * Rules: as there. Nothing of ulma is used here: it is in libulma, too. */
#include "monitor/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int stream_make_file(void)
{
    const struct stream_header header = {
        .magic = STREAM_MAGIC,
        .version = ULMA_VERSION_API,
        .event_bytes = sizeof(struct ulma_event),
        .slots = STREAM_SLOTS,
    };
    int fd = memfd_create("ulma-monitor", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    /* Nobody can cut it off under the other one. */
    if (ftruncate(fd, (off_t)stream_file_bytes()) == 0 &&
        pwrite(fd, &header, sizeof(header), 0) == (ssize_t)sizeof(header) &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return fd;
    int error = errno;
    close(fd);
    return -error;
}

int stream_map(int fd, struct stream_header **ret_header)
{
    struct stat status;
    if (fstat(fd, &status))
        return -errno;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK) || (uint64_t)status.st_size != stream_file_bytes())
        return -EBADMSG;
    void *memory = mmap(NULL, stream_file_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED)
        return -errno;
    struct stream_header *header = memory;
    if (header->magic != STREAM_MAGIC || header->version != ULMA_VERSION_API ||
        header->event_bytes != sizeof(struct ulma_event) || header->slots != STREAM_SLOTS) {
        stream_unmap(header);
        return -EBADMSG;
    }
    *ret_header = header;
    return 0;
}

void stream_unmap(struct stream_header *header)
{
    if (header)
        munmap(header, stream_file_bytes());
}

void stream_lock(int fd, int byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_start = byte, .l_len = 1};
    fcntl(fd, F_SETLK, &lock);
}

bool stream_is_locked(int fd, int byte)
{
    struct flock lock = {.l_type = F_WRLCK, .l_start = byte, .l_len = 1};
    return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}
