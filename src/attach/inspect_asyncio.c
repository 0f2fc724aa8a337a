/* SPDX-License-Identifier: MIT */
/* Where each version keeps its tasks: a WeakSet of asyncio.tasks up to 3.13, and a set of those that
 * were started eagerly (3.12+); from 3.14 on lists that go through the tasks themselves, one in each
 * thread's state and one of ended threads' tasks in the interpreter's, beside that WeakSet, which then
 * has the tasks that are not of C.
 * Why: see inspect_asyncio.h.
 * Rules: as inspect_asyncio.h. */
#include "attach/inspect_asyncio.h"

#include "attach/memory.h"
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ATTEMPTS = 20, BASES_MOST = 64, TASKS_MOST = OBJECTS_ENTRIES_MOST };

static const struct objects *objects_of(const struct inspect_asyncio *asyncio)
{
    return asyncio->frames.objects;
}

/* By the class's bases. */
static enum inspect_asyncio_kind find_kind(const struct inspect_asyncio *asyncio, uint64_t type)
{
    const struct objects *objects = objects_of(asyncio);
    uint64_t base = type;
    for (int i = 0; i < BASES_MOST && base && base % 8 == 0; i++) {
        if (base == asyncio->task_type)
            return INSPECT_ASYNCIO_TASK;
        if (base == asyncio->future_type)
            return INSPECT_ASYNCIO_FUTURE;
        if (memory_read_u64(objects->pid, base + objects->layout.type_base, &base))
            break;
    }
    return INSPECT_ASYNCIO_OTHER;
}

enum inspect_asyncio_kind inspect_asyncio_kind_of(struct inspect_asyncio *asyncio, uint64_t object)
{
    return inspect_asyncio_kind_of_type(asyncio, objects_type(objects_of(asyncio), object));
}

enum inspect_asyncio_kind inspect_asyncio_kind_of_type(struct inspect_asyncio *asyncio,
                                                       uint64_t type)
{
    enum { COUNT = sizeof(asyncio->seen) / sizeof(*asyncio->seen) };
    size_t i = 0;
    if (!type || !asyncio->future_type || !asyncio->task_type)
        return INSPECT_ASYNCIO_OTHER;
    while (i < COUNT && asyncio->seen[i].type && asyncio->seen[i].type != type)
        i++;
    if (i < COUNT && asyncio->seen[i].type)
        return asyncio->seen[i].kind;
    enum inspect_asyncio_kind kind = find_kind(asyncio, type);
    if (i < COUNT) {
        asyncio->seen[i].type = type;
        asyncio->seen[i].kind = kind;
    }
    return kind;
}

static int compare_ids(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

bool inspect_asyncio_is_task(const struct inspect_asyncio *asyncio, uint64_t object)
{
    return asyncio->id_count &&
           bsearch(&object, asyncio->ids, asyncio->id_count, sizeof(*asyncio->ids), compare_ids);
}

struct ids {
    uint64_t *ids;
    size_t count, room;
    bool torn; /* some are missing */
    bool full; /* no memory */
};

static bool add(struct ids *ids, uint64_t id)
{
    if (ids->count == TASKS_MOST) {
        ids->torn = true;
        return false;
    }
    if (ids->count == ids->room) {
        size_t room = ids->room ? ids->room * 2 : 256;
        uint64_t *more = realloc(ids->ids, room * sizeof(*more));
        if (!more) {
            ids->full = true;
            return false;
        }
        ids->ids = more;
        ids->room = room;
    }
    ids->ids[ids->count++] = id;
    return true;
}

/* A list through the tasks, whose head is no task. False: it changed under us. */
static bool walk_list(const struct inspect_asyncio *asyncio, uint64_t head, struct ids *ids)
{
    const struct objects *objects = objects_of(asyncio);
    uint64_t link[2]; /* next, previous */
    uint64_t before = head;
    if (memory_read(objects->pid, head, link, sizeof(link)))
        return false;
    while (link[0] != head && link[0]) {
        uint64_t node = link[0];
        if (node % 8 || memory_read(objects->pid, node, link, sizeof(link)) || link[1] != before ||
            clock_monotonic_ns() > asyncio->deadline_ns)
            return false;
        if (!add(ids, node - objects->layout.task_node))
            return true;
        before = node;
    }
    return true;
}

/* Reads a list until it stands still; one that never does is told, and what it had at last is there. */
static void add_list(const struct inspect_asyncio *asyncio, uint64_t head, struct ids *ids)
{
    size_t before = ids->count;
    for (int attempt = 0; attempt < ATTEMPTS; attempt++) {
        ids->count = before;
        if (walk_list(asyncio, head, ids))
            return;
    }
    ids->torn = true;
}

static void add_items(const uint64_t *items, size_t count, struct ids *ids)
{
    if (!items)
        ids->torn = true;
    for (size_t i = 0; items && i < count && add(ids, items[i]); i++)
        ;
}

/* The sets of the module; those of weak references have None for what has gone. */
static void add_sets(const struct inspect_asyncio *asyncio, struct ids *ids)
{
    const struct objects *objects = objects_of(asyncio);
    bool old = objects->layout.minor < 12;
    size_t count = 0;
    uint64_t set =
        objects_dict_find(objects, asyncio->names, old ? "_all_tasks" : "_scheduled_tasks");
    const uint64_t *items = set ? objects_weak_set(objects, set, &count) : NULL;
    add_items(items, count, ids);
    set = old ? 0 : objects_dict_find(objects, asyncio->names, "_eager_tasks");
    if (old)
        return;
    items = set ? objects_set(objects, set, &count) : NULL;
    add_items(items, items ? count : 0, ids);
}

static int collect(struct inspect_asyncio *asyncio, struct inspect *inspect)
{
    const struct layout *layout = &objects_of(asyncio)->layout;
    struct ids ids = {0};
    if (layout->task_node) {
        add_list(asyncio, asyncio->interpreter + layout->interpreter_tasks, &ids);
        for (size_t i = 0; i < asyncio->thread_count; i++)
            add_list(asyncio, asyncio->threads[i].address + layout->thread_tasks, &ids);
    } else if (layout->minor >= 14 && asyncio->task_type) {
        ids.torn = true; /* the module has not told where it keeps them */
    }
    add_sets(asyncio, &ids);
    if (ids.count)
        qsort(ids.ids, ids.count, sizeof(*ids.ids), compare_ids);
    size_t used = 0;
    for (size_t i = 0; i < ids.count; i++)
        if (ids.ids[i] && (used == 0 || ids.ids[i] != ids.ids[used - 1]))
            ids.ids[used++] = ids.ids[i];
    asyncio->ids = ids.ids;
    asyncio->id_count = used;
    inspect->tasks_torn = inspect->tasks_torn || ids.torn;
    return ids.full ? -ENOMEM : 0;
}

/* The loop that runs in a thread, or 0. */
static uint64_t loop_of_thread(const struct inspect_asyncio *asyncio, uint64_t thread)
{
    enum { HELD_LOOP = 16 };
    const struct objects *objects = objects_of(asyncio);
    const struct layout *layout = &objects->layout;
    uint64_t word = 0;
    if (layout->thread_loop)
        return memory_read_u64(objects->pid, thread + layout->thread_loop, &word) ? 0 : word;
    if (!layout->thread_dict ||
        memory_read_u64(objects->pid, thread + layout->thread_dict, &word) || !word)
        return 0;
    uint64_t found = objects_dict_find(objects, word, "__asyncio_running_event_loop__");
    if (!found || layout->minor >= 12)
        return found;
    return memory_read_u64(objects->pid, found + HELD_LOOP, &word) ? 0 : word;
}

static bool knows_loop(const struct inspect *inspect, uint64_t id)
{
    for (size_t i = inspect->loop_count; i-- > 0;)
        if (inspect->loops[i].id == id)
            return true;
    return false;
}

static int add_loop(struct inspect *inspect, const struct inspect_loop *loop)
{
    if (knows_loop(inspect, loop->id))
        return 0;
    struct inspect_loop *more =
        realloc(inspect->loops, (inspect->loop_count + 1) * sizeof(*inspect->loops));
    if (!more)
        return -ENOMEM;
    inspect->loops = more;
    inspect->loops[inspect->loop_count++] = *loop;
    return 0;
}

static bool is_none(const struct objects *objects, uint64_t object)
{
    return !object || (objects->none && object == objects->none);
}

static int add_running_loops(const struct inspect_asyncio *asyncio, struct inspect *inspect)
{
    const struct objects *objects = objects_of(asyncio);
    int result = 0;
    for (size_t i = 0; result == 0 && i < asyncio->thread_count; i++) {
        const struct inspect_thread *thread = &asyncio->threads[i];
        uint64_t id = loop_of_thread(asyncio, thread->address);
        const char *type =
            is_none(objects, id) ? NULL : objects_type_name(objects, objects_type(objects, id));
        if (type)
            result = add_loop(inspect,
                              &(struct inspect_loop){id, type, thread->tid, thread->interpreter});
    }
    return result;
}

/* Loops that no thread runs are known by their tasks. */
static int add_loop_of_task(const struct inspect_asyncio *asyncio, struct inspect *inspect,
                            const struct inspect_task *task)
{
    const struct objects *objects = objects_of(asyncio);
    if (!task->loop || knows_loop(inspect, task->loop))
        return 0;
    const char *type = objects_type_name(objects, objects_type(objects, task->loop));
    int64_t interpreter = asyncio->thread_count ? asyncio->threads[0].interpreter : 0;
    return add_loop(inspect, &(struct inspect_loop){task->loop, type, 0, interpreter});
}

static int read_found(struct inspect_asyncio *asyncio, struct inspect *inspect)
{
    int result = 0;
    size_t first = inspect->task_count;
    struct inspect_task *more = realloc(
        inspect->tasks, (inspect->task_count + asyncio->id_count + 1) * sizeof(*inspect->tasks));
    if (!more)
        return -ENOMEM;
    inspect->tasks = more;
    for (size_t i = 0; result >= 0 && i < asyncio->id_count; i++) {
        struct inspect_task *task = &inspect->tasks[inspect->task_count];
        if (clock_monotonic_ns() > asyncio->deadline_ns) {
            inspect->tasks_torn = true;
            break;
        }
        result = inspect_task_read(asyncio, asyncio->ids[i], task);
        if (result > 0) {
            inspect->task_count++;
            result = add_loop_of_task(asyncio, inspect, task);
        }
        if (result == 0)
            result = inspect_awaiting_note(asyncio, asyncio->ids[i]);
    }
    if (result >= 0)
        result =
            inspect_awaiting_join(asyncio, inspect->tasks + first, inspect->task_count - first);
    return result < 0 ? result : 0;
}

/* The folder that asyncio.tasks was loaded from. */
static void find_folder(struct inspect_asyncio *asyncio)
{
    const struct objects *objects = objects_of(asyncio);
    uint64_t file = objects_dict_find(objects, asyncio->names, "__file__");
    char *path = file ? objects_text(objects, file, OBJECTS_TEXT_MOST, NULL) : NULL;
    char *slash = path ? strrchr(path, '/') : NULL;
    if (slash)
        slash[1] = '\0';
    asyncio->folder = slash ? path : NULL;
}

int inspect_asyncio_read(struct inspect_asyncio *asyncio, struct inspect *inspect)
{
    const struct objects *objects = objects_of(asyncio);
    uint64_t module = objects_dict_find(objects, asyncio->modules, "asyncio.tasks");
    asyncio->names = module ? objects_module_dict(objects, module) : 0;
    if (!asyncio->names)
        return 0;
    inspect->has_asyncio = true;
    module = objects_dict_find(objects, asyncio->modules, "_asyncio");
    uint64_t names = module ? objects_module_dict(objects, module) : 0;
    asyncio->future_type = names ? objects_dict_find(objects, names, "Future") : 0;
    asyncio->task_type = names ? objects_dict_find(objects, names, "Task") : 0;
    find_folder(asyncio);
    int result = collect(asyncio, inspect);
    if (result == 0)
        result = add_running_loops(asyncio, inspect);
    if (result == 0)
        result = read_found(asyncio, inspect);
    free(asyncio->ids);
    free(asyncio->edges);
    awaits_done(&asyncio->awaits);
    return result;
}

void inspect_asyncio_clear(struct inspect *inspect)
{
    inspect->has_asyncio = inspect->tasks_torn = false;
    inspect->loop_count = inspect->task_count = 0;
}

void inspect_asyncio_done(struct inspect *inspect)
{
    free(inspect->loops);
    free(inspect->tasks);
}

static int compare_tasks(const void *a, const void *b)
{
    const struct inspect_task *left = a;
    const struct inspect_task *right = b;
    if (left->loop != right->loop)
        return left->loop < right->loop ? -1 : 1;
    int order = strverscmp(left->name ? left->name : "", right->name ? right->name : "");
    return order ? order : compare_ids(&left->id, &right->id);
}

struct place {
    uint64_t id; /* first: compare_ids */
    size_t place;
};

static int compare_places(const void *a, const void *b)
{
    size_t left = *(const size_t *)a;
    size_t right = *(const size_t *)b;
    return left < right ? -1 : left > right;
}

/* Addresses become places, each once and in order. */
static void place_awaits(struct inspect_task *task, const struct place *places, size_t count)
{
    size_t found_count = 0;
    for (size_t i = 0; i < task->await_count; i++) {
        uint64_t id = task->awaits[i];
        const struct place *found = bsearch(&id, places, count, sizeof(*places), compare_ids);
        if (found)
            task->awaits[found_count++] = found->place;
    }
    if (found_count)
        qsort(task->awaits, found_count, sizeof(*task->awaits), compare_places);
    task->await_count = 0;
    for (size_t i = 0; i < found_count; i++)
        if (i == 0 || task->awaits[i] != task->awaits[i - 1])
            task->awaits[task->await_count++] = task->awaits[i];
}

int inspect_asyncio_put_in_order(struct inspect *inspect, struct arena *arena)
{
    size_t count = inspect->task_count;
    struct place *places = arena_array(arena, count + 1, sizeof(*places));
    if (!places)
        return -ENOMEM;
    if (count)
        qsort(inspect->tasks, count, sizeof(*inspect->tasks), compare_tasks);
    for (size_t i = 0; i < count; i++)
        places[i] = (struct place){inspect->tasks[i].id, i};
    if (count)
        qsort(places, count, sizeof(*places), compare_ids);
    for (size_t i = 0; i < count; i++)
        place_awaits(&inspect->tasks[i], places, count);
    return 0;
}
