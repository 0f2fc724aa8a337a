/* SPDX-License-Identifier: MIT */
/* Functions of the standard library in which one waits.
 * Why: see wait_rooms.h. */
#include "model/wait_rooms.h"

#include <string.h>

static const struct room {
    const char *module, *qualname;
    enum wait_kind kind;
} rooms[] = {
    {"threading", "Condition.wait", WAIT_FOR_CONDITION},
    {"threading", "Event.wait", WAIT_FOR_EVENT},
    {"threading", "Semaphore.acquire", WAIT_FOR_SEMAPHORE},
    {"threading", "Barrier.wait", WAIT_FOR_BARRIER},
    {"threading", "Barrier._wait", WAIT_FOR_BARRIER},
    {"threading", "Thread.join", WAIT_FOR_JOIN},
    {"threading", "Thread.start", WAIT_FOR_START},
    {"threading", "_shutdown", WAIT_FOR_JOIN},
    {"queue", "Queue.get", WAIT_FOR_QUEUE},
    {"queue", "Queue.put", WAIT_FOR_QUEUE},
    {"queue", "Queue.join", WAIT_FOR_QUEUE},
    {"queue", "_PySimpleQueue.get", WAIT_FOR_QUEUE},
    {"multiprocessing.queues", "Queue.get", WAIT_FOR_QUEUE},
    {"multiprocessing.queues", "SimpleQueue.get", WAIT_FOR_QUEUE},
    {"multiprocessing.queues", "JoinableQueue.join", WAIT_FOR_QUEUE},
    {"multiprocessing.process", "BaseProcess.join", WAIT_FOR_JOIN},
    {"multiprocessing.pool", "ApplyResult.wait", WAIT_FOR_FUTURE},
    {"concurrent.futures._base", "Future.result", WAIT_FOR_FUTURE},
    {"concurrent.futures._base", "Future.exception", WAIT_FOR_FUTURE},
    {"concurrent.futures._base", "wait", WAIT_FOR_FUTURE},
    {"concurrent.futures._base", "as_completed", WAIT_FOR_FUTURE},
    {"concurrent.futures.thread", "_worker", WAIT_FOR_QUEUE},
    {"concurrent.futures.thread", "ThreadPoolExecutor.shutdown", WAIT_FOR_JOIN},
    {"subprocess", "Popen.wait", WAIT_FOR_PROCESS},
    {"subprocess", "Popen.communicate", WAIT_FOR_PROCESS},
    {"selectors", "SelectSelector.select", WAIT_FOR_POLL},
    {"selectors", "_PollLikeSelector.select", WAIT_FOR_POLL},
    {"selectors", "EpollSelector.select", WAIT_FOR_POLL},
    {"asyncio.base_events", "BaseEventLoop._run_once", WAIT_FOR_LOOP},
};
enum { ROOMS = sizeof(rooms) / sizeof(rooms[0]) };

/* What is kept of a symbol: not looked at yet, the program's own, the standard library's, or so many above it. */
enum { ROOM_UNKNOWN, ROOM_OWN, ROOM_STDLIB, ROOM_FIRST };
static_assert(ROOM_FIRST + ROOMS < 256, "it is kept in a byte");

static bool is_stdlib(const char *file)
{
    const char *at = file ? strstr(file, "/lib/python3.") : NULL;
    if (!file || strncmp(file, "<frozen ", 8) == 0)
        return file != NULL;
    return at && !strstr(at, "/site-packages/") && !strstr(at, "/dist-packages/");
}

static bool is_text(const char *text, const char *wanted)
{
    return text && strcmp(text, wanted) == 0;
}

/* Where the interpreter knows no qualname it is the plain name (below 3.11). */
static bool is_named(const struct symbol *symbol, const struct room *room)
{
    const char *dot = strrchr(room->qualname, '.');
    return is_text(symbol->module, room->module) &&
           (is_text(symbol->qualname, room->qualname) ||
            is_text(symbol->qualname, dot ? dot + 1 : room->qualname));
}

static unsigned room_of(struct symbol *symbol)
{
    if (symbol->wait_room != ROOM_UNKNOWN)
        return symbol->wait_room;
    symbol->wait_room = ROOM_OWN;
    if (symbol->kind == KIND_PSEUDO)
        return ROOM_OWN;
    if (is_stdlib(symbol->file))
        symbol->wait_room = ROOM_STDLIB;
    for (unsigned char i = 0; symbol->wait_room == ROOM_STDLIB && i < ROOMS; i++)
        if (is_named(symbol, &rooms[i]))
            symbol->wait_room = ROOM_FIRST + i;
    return symbol->wait_room;
}

uint32_t wait_rooms_line(const struct track *track, const struct entry *entry)
{
    for (uint32_t i = 0; i < track->place_count; i++)
        if (track->places[i].frame == (uint32_t)entry->key)
            return track->places[i].line;
    return 0;
}

/* `inner`: what it is by what this one called. Where only the plain name `wait` is known, one that waits in a condition is
 * an event's. */
static enum wait_kind kind_in(const struct symbol *symbol, const struct room *room,
                              enum wait_kind inner)
{
    bool is_plain = is_text(symbol->qualname, "wait") && strchr(room->qualname, '.');
    if (!is_plain || inner == WAIT_FOR_LOCK || room->kind != WAIT_FOR_CONDITION)
        return room->kind;
    return inner == WAIT_FOR_CONDITION ? WAIT_FOR_EVENT : inner;
}

/* A method that is monitored, or a C function that is called, has an entry of its own. */
static bool is_simple_queue(const struct symbol *symbol)
{
    return symbol->name && strstr(symbol->name, "SimpleQueue.get");
}

static bool is_in_task(const struct fold_cursor *cursor, const struct entry *entry)
{
    enum { LOOKED_AT_MOST = 256 };
    for (int i = 0; entry > cursor->entries && i < LOOKED_AT_MOST; entry--, i++)
        if (entry->task)
            return true;
    return false;
}

struct wait_site wait_rooms_site(struct model *model, const struct track *track,
                                 const struct fold_cursor *cursor, enum wait_kind kind)
{
    struct symbol *symbols = model->symbols.symbols;
    const struct entry *waiter = NULL, *own = NULL;
    struct wait_site site = {.kind = kind};
    for (const struct entry *entry = cursor->top; entry > cursor->entries && !own; entry--) {
        struct symbol *row = &symbols[symbols[entry->symbol].row];
        unsigned room = entry->key < TRACK_C_CALL ? room_of(row) : ROOM_UNKNOWN;
        if (entry->key >= TRACK_C_CALL && !waiter && kind == WAIT_FOR_LOCK && is_simple_queue(row))
            site.kind = WAIT_FOR_QUEUE;
        if (room >= ROOM_FIRST && kind != WAIT_FOR_GIL)
            site.kind = kind_in(row, &rooms[room - ROOM_FIRST], site.kind);
        if (room >= ROOM_FIRST || (room != ROOM_UNKNOWN && !waiter))
            waiter = entry;
        if (room == ROOM_OWN)
            own = entry;
    }
    if (own)
        waiter = own;
    site.in_task = kind != WAIT_FOR_GIL && is_in_task(cursor, cursor->top);
    if (waiter) {
        site.symbol = symbols[waiter->symbol].row;
        site.line = wait_rooms_line(track, waiter);
        site.node = waiter->node;
    }
    return site;
}

static const char *const kind_names[WAIT_KIND_COUNT] = {
#define WAIT_KIND(name, text, share) text,
#include "wire/wait_kinds.def"
};

void wait_rooms_tell(const struct model *model, const struct wait_site *site, uint32_t thread,
                     uint64_t counter, int64_t ticks)
{
    enum watch_late what = site->kind == WAIT_FOR_HELD ? WATCH_GIL_HELD : WATCH_WAIT;
    if (!model_watch_wants_late(model->watch, what))
        return;
    struct watch_told told = {.what = what,
                              .counter = counter,
                              .ticks = ticks,
                              .symbol = site->symbol,
                              .node = site->node,
                              .line = site->line,
                              .thread = thread,
                              .number = (uint32_t)site->kind,
                              .name = kind_names[site->kind]};
    model->watch->told(model->watch, model, &told);
}
