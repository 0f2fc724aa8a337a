/* SPDX-License-Identifier: MIT */
/* The addresses in the process that an injection needs.
 * Why before the stop: reading symbols takes milliseconds, and the process shall be stopped for
 * microseconds.
 * Rules: reads only. An address is used only if the process maps it with the rights that its use
 * needs. */
#include "attach/elf_symbols.h"
#include "attach/inject_parts.h"
#include "attach/maps.h"
#include "attach/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { CHUNK_BYTES = 64 << 10, PATTERN_MOST = 16, STACK_GUARD_BYTES = 1 << 20 };

static const char *const names[INJECT_FUNCTIONS] = {
    [INJECT_IS_INITIALIZED] = "Py_IsInitialized", [INJECT_GIL_CHECK] = "PyGILState_Check",
    [INJECT_GIL_ENSURE] = "PyGILState_Ensure",    [INJECT_GIL_RELEASE] = "PyGILState_Release",
    [INJECT_ERROR_OCCURRED] = "PyErr_Occurred",   [INJECT_RUN_STRING] = "PyRun_SimpleString",
    [INJECT_ADD_PENDING] = "Py_AddPendingCall",   [INJECT_ERRNO] = "__errno_location",
    [INJECT_IS_FINALIZING] = "Py_IsFinalizing",
};

static uint64_t find_code(const struct maps *maps, const struct elf_symbols *symbols,
                          const char *name)
{
    uint64_t address = elf_symbols_find(symbols, name);
    const struct maps_entry *entry = address ? maps_find(maps, address) : NULL;
    return entry && entry->execute ? address : 0;
}

static struct inject_range section(const struct elf_symbols *symbols, const char *name)
{
    uint64_t size = 0;
    uint64_t start = elf_symbols_section(symbols, name, &size);
    return (struct inject_range){start, start ? start + size : 0};
}

static bool holds(const struct inject_range *ranges, size_t count, uint64_t address)
{
    for (size_t i = 0; i < count; i++) {
        if (address >= ranges[i].start && address < ranges[i].end)
            return true;
    }
    return false;
}

bool inject_is_python_word(const struct inject_place *place, uint64_t address)
{
    return holds(place->python_words, sizeof(place->python_words) / sizeof(place->python_words[0]),
                 address);
}

bool inject_is_libc_word(const struct inject_place *place, uint64_t address)
{
    return holds(place->libc_words, sizeof(place->libc_words) / sizeof(place->libc_words[0]),
                 address);
}

static bool is_libc(const struct maps_entry *entry)
{
    const char *name = maps_base_name(entry);
    return entry->inode && (!strncmp(name, "libc.so.", 8) || !strncmp(name, "libc-", 5));
}

static const struct maps_entry *find_libc(const struct maps *maps)
{
    for (size_t i = 0; i < maps->count; i++) {
        if (is_libc(&maps->entries[i]))
            return &maps->entries[i];
    }
    return NULL;
}

/* Where these bytes stand in one mapping, or 0. */
static uint64_t find_bytes(pid_t pid, const struct maps_entry *entry, const unsigned char *bytes,
                           size_t size)
{
    unsigned char chunk[PATTERN_MOST + CHUNK_BYTES];
    uint64_t address = entry->start;
    while (address < entry->end) {
        uint64_t left = entry->end - address;
        ssize_t got =
            memory_read_some(pid, address, chunk, left < sizeof(chunk) ? left : sizeof(chunk));
        if (got < (ssize_t)size)
            return 0;
        const unsigned char *found = memmem(chunk, (size_t)got, bytes, size);
        if (found)
            return address + (uint64_t)(found - chunk);
        address += CHUNK_BYTES;
    }
    return 0;
}

/* Any code that the process has mapped from a file will do; its C library is looked at first. */
static uint64_t find_instructions(const struct maps *maps, const unsigned char *bytes, size_t size)
{
    for (int turn = 0; turn < 2; turn++) {
        for (size_t i = 0; i < maps->count; i++) {
            const struct maps_entry *entry = &maps->entries[i];
            if (!entry->execute || !entry->read || entry->write || !entry->inode ||
                is_libc(entry) == (turn > 0))
                continue;
            uint64_t address = find_bytes(maps->pid, entry, bytes, size);
            if (address)
                return address;
        }
    }
    return 0;
}

/* How far down the first thread's stack may grow. */
static void find_stack(const struct maps *maps, struct inject_place *place)
{
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    for (size_t i = 1; i < maps->count; i++) {
        if (strcmp(maps->entries[i].path, "[stack]") != 0)
            continue;
        place->stack_high = maps->entries[i].end;
        place->stack_low = maps->entries[i - 1].end + STACK_GUARD_BYTES;
        if (prlimit(maps->pid, RLIMIT_STACK, NULL, &limit) == 0 &&
            limit.rlim_cur < place->stack_high - place->stack_low)
            place->stack_low = place->stack_high - limit.rlim_cur;
    }
}

static int check_version(const struct elf_symbols *python, pid_t pid,
                         struct attach_outcome *outcome)
{
    uint64_t version = 0;
    uint64_t address = elf_symbols_find(python, "Py_Version"); /* since 3.11 */
    if (address && memory_read_u64(pid, address, &version))
        version = 0;
    if (address ? version >> 16 < 0x030b || version >> 16 > 0x030f
                : !elf_symbols_find(python, "PyFrame_GetCode"))
        return inject_tell(
            outcome, -ENOEXEC,
            "process %d runs a Python that is not supported; ulma attaches to CPython "
            "3.9 to 3.15: run it with one of those",
            (int)pid);
    if (elf_symbols_find(python, "_Py_MergeZeroLocalRefcount"))
        return inject_tell(
            outcome, -ENOEXEC,
            "process %d runs a Python without the GIL (a free-threaded build), which "
            "ulma does not support yet; run it with one that has the GIL",
            (int)pid);
    return 0;
}

static int find_python(const struct maps *maps, const struct elf_symbols *python,
                       struct inject_place *place, struct attach_outcome *outcome)
{
    int error = check_version(python, maps->pid, outcome);
    if (error)
        return error;
    for (int i = 0; i < INJECT_FUNCTIONS; i++)
        place->functions[i] = find_code(maps, python, names[i]);
    if (!place->functions[INJECT_IS_FINALIZING]) /* before 3.13 */
        place->functions[INJECT_IS_FINALIZING] = find_code(maps, python, "_Py_IsFinalizing");
    place->make_pending = find_code(maps, python, "make_pending_calls");
    place->python_words[0] = section(python, ".PyRuntime");
    place->python_words[1] = section(python, ".data");
    place->python_words[2] = section(python, ".bss");
    uint64_t runtime = elf_symbols_find(python, "_PyRuntime");
    if (!runtime ||
        memory_read(maps->pid, runtime, place->runtime_words, sizeof(place->runtime_words)))
        return inject_tell(outcome, -ENOEXEC, "process %d: the state of its Python cannot be read",
                           (int)maps->pid);
    return 0;
}

static int find_libc_parts(const struct maps *maps, struct inject_place *place,
                           struct attach_outcome *outcome)
{
    struct elf_symbols *libc = NULL;
    if (maps_has_musl(maps))
        return inject_tell(outcome, -ENOEXEC,
                           "process %d runs on musl, which ulma does not support; run it with a "
                           "Python that is built for glibc",
                           (int)maps->pid);
    const struct maps_entry *entry = find_libc(maps);
    int error = entry ? elf_symbols_open(maps, entry, &libc) : -ENOENT;
    if (error)
        return inject_tell(
            outcome, -ENOEXEC,
            "process %d does not use glibc (or its file cannot be read: %s), and ulma "
            "attaches to no other; start it with ULMA=1 in its environment instead",
            (int)maps->pid, strerror(-error));
    place->functions[INJECT_ERRNO] = find_code(maps, libc, names[INJECT_ERRNO]);
    place->libc_words[0] = section(libc, ".data");
    place->libc_words[1] = section(libc, ".bss");
    elf_symbols_close(libc);
    place->syscall_return =
        find_instructions(maps, inject_syscall_return_bytes, inject_syscall_return_size);
    place->sigreturn = find_instructions(maps, inject_sigreturn_bytes, inject_sigreturn_size);
    find_stack(maps, place);
    return 0;
}

static int check_complete(const struct inject_place *place, struct attach_outcome *outcome)
{
    for (int i = 0; i < INJECT_OPTIONAL; i++) {
        if (!place->functions[i])
            return inject_tell(outcome, -ENOEXEC,
                               "process %d: its Python does not export %s, which attaching needs; "
                               "start it with ULMA=1 in its environment instead",
                               (int)place->pid, names[i]);
    }
    if (!place->syscall_return || !place->sigreturn || !place->stack_high)
        return inject_tell(outcome, -ENOEXEC,
                           "process %d: its C library is built in a way that ulma does not know; "
                           "start it with ULMA=1 in its environment instead",
                           (int)place->pid);
    return 0;
}

int inject_find_place(pid_t pid, struct inject_place *ret_place, struct attach_outcome *outcome)
{
    struct maps maps = {0};
    struct elf_symbols *python = NULL;
    struct inject_place place = {.pid = pid, .tid = pid};
    int error = maps_read(pid, &maps);
    if (error)
        return inject_refused(pid, error, outcome);
    error = elf_symbols_open_python(&maps, &python, NULL);
    if (error == -ENOENT)
        inject_tell(outcome, error = -ENOEXEC,
                    "process %d is not a Python; `ulma ps` lists those that are", (int)pid);
    else if (error)
        inject_refused(pid, error, outcome);
    if (!error)
        error = find_python(&maps, python, &place, outcome);
    if (!error)
        error = find_libc_parts(&maps, &place, outcome);
    if (!error)
        error = check_complete(&place, outcome);
    elf_symbols_close(python);
    maps_done(&maps);
    inject_prepare(&place);
    if (!error)
        *ret_place = place;
    return error;
}
