/* SPDX-License-Identifier: MIT */
/* Applying calls in the order in which they happened.
 * Why: see io_apply.h. */
#include "model/io_apply.h"

#include "model/wait_rooms.h"

#include <stdlib.h>
#include <string.h>

/* AT_FDCWD and EBADF of Linux, whatever machine reads this. */
enum { IO_AT_DIRECTORY = -100, IO_NO_SUCH_FD = 9 };

static const unsigned char results[IO_OPERATION_COUNT] = {
#define IO_OPERATION(name, text, result, sort) IO_RESULT_##result,
#include "wire/io_operations.def"
};

static const unsigned char sorts[IO_OPERATION_COUNT] = {
#define IO_OPERATION(name, text, result, sort) IO_SORT_##sort,
#include "wire/io_operations.def"
};

/* --- what descriptors are of ---------------------------------------------------------------- */

struct ended {
    struct model *model;
    struct process *process;
    struct io_fds *fds;
    const struct io_done *done;
};

static const unsigned char *name_of(const struct ended *ended)
{
    return (const unsigned char *)ended->done->name;
}

static uint32_t resource_of(const struct ended *ended, uint32_t fd)
{
    return io_files_of(&ended->model->io.files, ended->fds, ended->process->pid, fd);
}

static uint32_t opened(const struct ended *ended)
{
    struct io_files *files = &ended->model->io.files;
    bool relative = name_of(ended)[0] != '/' && ended->done->operation == IO_OPENAT &&
                    (int)ended->done->fd != IO_AT_DIRECTORY;
    char text[IO_TEXT_SIZE];
    if (!ended->done->name_size || ended->done->is_address)
        return IO_RESOURCE_OTHER;
    io_files_path(files, ended->fds, relative ? resource_of(ended, ended->done->fd) : 0,
                  (const char *)name_of(ended), text);
    return io_files_named(files, text, IO_SORT_FILE);
}

/* connect and bind say what their socket is of. A port that the kernel chooses is looked up. */
static uint32_t addressed(const struct ended *ended)
{
    char text[IO_TEXT_SIZE];
    if (!ended->done->name_size || !ended->done->is_address)
        return resource_of(ended, ended->done->fd);
    if (io_files_address(name_of(ended), ended->done->name_size, text))
        io_fds_set(ended->fds, ended->done->fd,
                   io_files_named(&ended->model->io.files, text, IO_SORT_SOCKET));
    else
        io_fds_set(ended->fds, ended->done->fd, 0);
    uint32_t resource = resource_of(ended, ended->done->fd);
    ended->model->io.files.resources[resource].sort = IO_SORT_SOCKET;
    return resource;
}

/* Whoever leaves the port to the kernel asks for it next. It waits for nobody, and no row is made of it. A socket that was
 * gone when it was looked up has no name yet either. */
static void learn_name(const struct ended *ended)
{
    struct io_calls *io = &ended->model->io;
    uint32_t resource = resource_of(ended, ended->done->fd);
    char text[IO_TEXT_SIZE];
    if (ended->done->error || !ended->done->is_address || io->files.resources[resource].text ||
        !io_files_address(name_of(ended), ended->done->name_size, text))
        return;
    io_files_found(&io->files, resource, text, IO_SORT_SOCKET);
    io_calls_settle(io);
}

static uint32_t anonymous(const struct ended *ended)
{
    struct io_files *files = &ended->model->io.files;
    switch (ended->done->operation) {
    case IO_SOCKET:
        return io_files_named(files, "socket", IO_SORT_SOCKET);
    case IO_SOCKETPAIR:
        return io_files_named(files, "socketpair", IO_SORT_SOCKET);
    case IO_PIPE:
    case IO_PIPE2:
        return io_files_named(files, "pipe", IO_SORT_FILE);
    case IO_EVENTFD:
        return io_files_named(files, "eventfd", IO_SORT_FILE);
    default:
        return io_files_named(files, "epoll", IO_SORT_FILE);
    }
}

/* Whose call it was, before its result has changed anything. */
static uint32_t subject(const struct ended *ended)
{
    switch (ended->done->operation) {
    case IO_OPEN:
    case IO_OPENAT:
    case IO_CREAT:
        return opened(ended);
    case IO_CONNECT:
    case IO_BIND:
        return addressed(ended);
    case IO_SOCKET:
    case IO_SOCKETPAIR:
    case IO_PIPE:
    case IO_PIPE2:
    case IO_EVENTFD:
    case IO_EPOLL_CREATE:
    case IO_EPOLL_CREATE1:
        return anonymous(ended);
    default:
        return resource_of(ended, ended->done->fd);
    }
}

static void obey(const struct ended *ended, uint32_t resource)
{
    enum io_result kind = (enum io_result)results[ended->done->operation];
    if (ended->done->operation == IO_CLOSE && ended->done->error != IO_NO_SUCH_FD)
        io_fds_set(ended->fds, ended->done->fd, 0);
    if (ended->done->error)
        return;
    if (kind == IO_RESULT_NEW_FD || kind == IO_RESULT_FD_PAIR)
        io_fds_set(ended->fds, (uint32_t)ended->done->result & 0xffffffu, resource);
    if (kind == IO_RESULT_FD_PAIR)
        io_fds_set(ended->fds, (uint32_t)(ended->done->result >> 24) & 0xffffffu, resource);
}

/* What waits for a descriptor is called by what that is of, unless the stack said better. */
static void add_wait(struct model *model, const struct io_done *done, uint32_t resource)
{
    struct wait_site site = {.symbol = done->wait_symbol,
                             .line = done->wait_line,
                             .kind = (enum wait_kind)done->wait_kind,
                             .in_task = done->in_task,
                             .node = done->wait_node};
    int64_t ticks = (int64_t)(done->end - done->begin);
    if (site.kind == WAIT_FOR_FILE && sorts[done->operation] == IO_SORT_OF_FD &&
        model->io.files.resources[resource].sort == IO_SORT_SOCKET)
        site.kind = WAIT_FOR_SOCKET;
    wait_sums_add(&model->waits, wait_sums_row(&model->waits, &site), ticks);
    wait_rooms_tell(model, &site, done->thread, done->end, ticks);
    wait_sums_share(&model->waits, done->thread, wait_sums_share_of(site.kind), ticks);
}

static void add_row(struct model *model, struct process *process, const struct io_done *done,
                    uint32_t resource)
{
    bool moved = results[done->operation] == IO_RESULT_BYTES && !done->error;
    struct io_key key = {done->symbol, done->line, done->operation, resource};
    io_calls_add(&model->io, io_calls_row(&model->io, key), (int64_t)(done->end - done->begin),
                 moved ? done->result : 0, done->error != 0);
    if (done->is_wait)
        add_wait(model, done, resource);
    enum io_sort sort = (enum io_sort)sorts[done->operation];
    if (done->span)
        spans_add_io(model, process, done->span,
                     sort == IO_SORT_OF_FD ? (enum io_sort)model->io.files.resources[resource].sort
                                           : sort,
                     (int64_t)(done->end - done->begin));
}

static void apply(struct model *model, struct process *process, const struct io_done *done)
{
    struct ended ended = {model, process, &process->fds, done};
    if (done->operation == IO_GETSOCKNAME) {
        learn_name(&ended);
        escalations_keep(model, done->told, resource_of(&ended, done->fd));
        return;
    }
    uint32_t resource = subject(&ended);
    escalations_keep(model, done->told, resource);
    if (!done->is_ruled)
        add_row(model, process, done, resource);
    obey(&ended, resource);
}

/* --- the queue ------------------------------------------------------------------------------- */

/* A descriptor's number is free, and may be given out again, before close returns. */
static uint64_t moment_of(const struct io_done *done)
{
    return done->operation == IO_CLOSE ? done->begin : done->end;
}

static int by_moment(const void *a, const void *b)
{
    uint64_t one = moment_of(a), other = moment_of(b);
    return one < other ? -1 : one > other;
}

void io_apply_later(struct model *model, const struct io_done *done, const unsigned char *name)
{
    struct io_fds *fds = &model->process->fds;
    struct io_done copy = *done;
    if (done->name_size && (copy.name = malloc(done->name_size + 1U))) {
        memcpy(copy.name, name, done->name_size);
        copy.name[done->name_size] = '\0';
    }
    if (!copy.name)
        copy.name_size = 0;
    if (fds->done_count == fds->done_limit) {
        uint32_t limit = fds->done_limit ? 2 * fds->done_limit : 1024;
        struct io_done *grown = realloc(fds->done, limit * sizeof(*grown));
        if (!grown) { /* then in no order */
            apply(model, model->process, &copy);
            free(copy.name);
            return;
        }
        fds->done = grown;
        fds->done_limit = limit;
    }
    fds->done[fds->done_count++] = copy;
}

static uint64_t oldest_wait_for_gil(const struct model *model, const struct process *process)
{
    uint64_t since = UINT64_MAX;
    for (const struct track *track = model->tracks; track; track = track->next)
        if (track->process == process && track->waiting.is_open &&
            track->waiting.kind == WAIT_FOR_GIL && track->waiting.since < since)
            since = track->waiting.since;
    return since;
}

void io_apply(struct model *model, struct process *process, uint64_t counter)
{
    struct io_fds *fds = &process->fds;
    uint32_t count = 0;
    if (process->waits.done_count || process->waits.hold_count)
        wait_sums_apply(&model->waits, &process->waits, counter,
                        oldest_wait_for_gil(model, process));
    if (!fds->done_count)
        return;
    qsort(fds->done, fds->done_count, sizeof(*fds->done), by_moment);
    for (; count < fds->done_count && moment_of(&fds->done[count]) <= counter; count++) {
        apply(model, process, &fds->done[count]);
        free(fds->done[count].name);
    }
    fds->done_count -= count;
    memmove(fds->done, fds->done + count, fds->done_count * sizeof(*fds->done));
}
