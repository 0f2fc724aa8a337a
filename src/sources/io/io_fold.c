/* SPDX-License-Identifier: MIT */
/* Calls of the C library, in the collector.
 * Why the function on top: a call is written where it happens, so that the stack says whose it is. C functions between
 * are left out: of socket.recv it is known who called it.
 * Rules: those of fold_source.h. Descriptors, sizes and names are the target's word. */
#include "model/fold_source.h"

#include <sys/socket.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

static const unsigned char results[IO_OPERATION_COUNT] = {
#define IO_OPERATION(name, text, result, sort) IO_RESULT_##result,
#include "wire/io_operations.def"
};

static uint32_t python_on_top(const struct fold_cursor *cursor)
{
    const struct entry *entry = cursor->top;
    while (entry > cursor->entries && entry->key >= TRACK_C_CALL)
        entry--;
    return entry > cursor->entries ? entry->symbol : 0;
}

static void begin(struct io_open *open, const struct fold_cursor *cursor,
                  const struct event *event)
{
    uint32_t operation = io_begin_operation(event_id(event));
    if (open->depth == IO_OPEN_MOST || operation >= IO_OPERATION_COUNT)
        open->depth = 0; /* ends were not seen */
    open->name_size = 0;
    if (operation < IO_OPERATION_COUNT)
        open->calls[open->depth++] = (struct io_open_call){
            .since = event->counter,
            .operation = operation,
            .fd = event->frame,
            .symbol = python_on_top(cursor),
            .place = io_begin_place(event_id(event)),
        };
}

static void add_name(struct io_open *open, const struct event *event)
{
    uint32_t id = event_id(event);
    unsigned char piece[EVENT_NAME_BYTES] = {(unsigned char)id, (unsigned char)(id >> 8),
                                             (unsigned char)(id >> 16)};
    memcpy(piece + 3, &event->frame, sizeof(event->frame));
    open->is_address = event_kind(event) == EVENT_IO_ADDRESS;
    if (open->name_size + EVENT_NAME_BYTES > sizeof(open->name) - 1)
        return;
    memcpy(open->name + open->name_size, piece, EVENT_NAME_BYTES);
    open->name_size += EVENT_NAME_BYTES;
    open->name[open->name_size] = '\0';
}

/* --- what descriptors are of ---------------------------------------------------------------- */

struct ended {
    struct model *model;
    struct io_fds *fds;
    const struct io_open *open;
    const struct io_open_call *call;
    uint64_t result;
    int error;
};

static uint32_t resource_of(const struct ended *ended, uint32_t fd)
{
    return io_files_of(&ended->model->io.files, ended->fds, ended->model->process->pid, fd);
}

static uint32_t opened(const struct ended *ended)
{
    struct io_files *files = &ended->model->io.files;
    bool relative = ended->open->name[0] != '/' && ended->call->operation == IO_OPENAT &&
                    (int)ended->call->fd != AT_FDCWD;
    char text[IO_TEXT_SIZE];
    if (!ended->open->name_size || ended->open->is_address)
        return IO_RESOURCE_OTHER;
    io_files_path(files, ended->fds, relative ? resource_of(ended, ended->call->fd) : 0,
                  (const char *)ended->open->name, text);
    return io_files_named(files, text, IO_SORT_FILE);
}

/* connect and bind say what their socket is of. A port that the kernel chooses is looked up. */
static uint32_t addressed(const struct ended *ended)
{
    char text[IO_TEXT_SIZE];
    if (!ended->open->name_size || !ended->open->is_address)
        return resource_of(ended, ended->call->fd);
    if (io_files_address(ended->open->name, ended->open->name_size, text))
        io_fds_set(ended->fds, ended->call->fd,
                   io_files_named(&ended->model->io.files, text, IO_SORT_SOCKET));
    else
        io_fds_set(ended->fds, ended->call->fd, 0);
    return resource_of(ended, ended->call->fd);
}

static uint32_t anonymous(const struct ended *ended)
{
    struct io_files *files = &ended->model->io.files;
    switch (ended->call->operation) {
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
    switch (ended->call->operation) {
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
        return resource_of(ended, ended->call->fd);
    }
}

static void obey(const struct ended *ended, uint32_t resource)
{
    enum io_result kind = (enum io_result)results[ended->call->operation];
    if (ended->call->operation == IO_CLOSE && ended->error != EBADF)
        io_fds_set(ended->fds, ended->call->fd, 0);
    if (ended->error)
        return;
    if (kind == IO_RESULT_NEW_FD || kind == IO_RESULT_FD_PAIR)
        io_fds_set(ended->fds, (uint32_t)ended->result & 0xffffffu, resource);
    if (kind == IO_RESULT_FD_PAIR)
        io_fds_set(ended->fds, (uint32_t)(ended->result >> 24) & 0xffffffu, resource);
}

static void end(struct model *model, struct io_open *open, const struct event *event)
{
    if (!open->depth)
        return;
    const struct io_open_call *call = &open->calls[--open->depth];
    uint64_t amount = event_amount(event);
    struct ended ended = {
        .model = model,
        .fds = &model->process->fds,
        .open = open,
        .call = call,
        .result = amount & ~IO_FAILED,
        .error = amount & IO_FAILED ? (int)(amount & 0xffff) : 0,
    };
    uint64_t ticks = event->counter - call->since;
    if (ticks >= FOLD_INTERVAL_MOST)
        return;
    uint32_t resource = subject(&ended);
    uint32_t symbol = call->symbol ? model->symbols.symbols[call->symbol].row : 0;
    bool moved = results[call->operation] == IO_RESULT_BYTES && !ended.error;
    io_calls_add(&model->io, io_calls_row(&model->io, symbol, call->operation, resource),
                 (int64_t)ticks, moved ? ended.result : 0, ended.error != 0);
    obey(&ended, resource);
    open->name_size = 0;
}

static void fold_io(struct model *model, struct track *track, struct fold_cursor *cursor,
                    const struct event *event)
{
    uint32_t kind = event_kind(event);
    fold_cursor_pass(model, track, cursor, event->counter, kind);
    if (kind == EVENT_IO_BEGIN)
        begin(&track->io, cursor, event);
    else if (kind == EVENT_IO_END)
        end(model, &track->io, event);
    else
        add_name(&track->io, event);
}

const struct fold_source io_fold = {
    .name = "io",
    .bit = SOURCE_IO,
    .first_kind = EVENT_IO_BEGIN,
    .last_kind = EVENT_IO_ADDRESS,
    .fold = fold_io,
};
