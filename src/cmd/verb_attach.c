/* SPDX-License-Identifier: MIT */
/* ulma attach: arms a Python that was started without ulma.
 * Why the probe travels as bytes: the process may see another file system, or none that it may execute
 * from; it makes a memfd of them, loads that, and closes it.
 * Why the descriptor's number stands in the memfd's name: the C library knows a loaded object by the
 * path that it was loaded by, and only so can a second attach find the first one's probe instead of
 * mapping another.
 * Rules: what is armed already is left alone. One line for each process. */
#include "attach/inject.h"
#include "cmd/embedded.h"
#include "cmd/job_process.h"
#include "cmd/message.h"
#include "cmd/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs in the process. `%s` is what tells this probe from those of other versions. */
static const char loader[] =
    "import posix, _imp\n"
    "from _frozen_importlib import ModuleSpec\n"
    "from _frozen_importlib_external import ExtensionFileLoader\n"
    "def mapped():\n"
    "    with_number = b'/memfd:ulma_probe.%s.'\n"
    "    with_maps = posix.open('/proc/self/maps', posix.O_RDONLY | posix.O_CLOEXEC)\n"
    "    try:\n"
    "        text = b''\n"
    "        while True:\n"
    "            more = posix.read(with_maps, 65536)\n"
    "            if not more:\n"
    "                break\n"
    "            text += more\n"
    "    finally:\n"
    "        posix.close(with_maps)\n"
    "    at = text.find(with_number)\n"
    "    return int(text[at + len(with_number):].split(None, 1)[0]) if at >= 0 else None\n"
    "def make():\n"
    "    memory = posix.open('/proc/self/mem', posix.O_RDONLY | posix.O_CLOEXEC)\n"
    "    try:\n"
    "        image = posix.pread(memory, blob[1], blob[0])\n"
    "    finally:\n"
    "        posix.close(memory)\n"
    "    number, file = memory, None\n" /* the lowest free one, unless a thread takes it */
    "    while file != number:\n"
    "        if file is not None:\n"
    "            posix.close(file)\n"
    "            number = file\n"
    "        file = posix.memfd_create('ulma_probe.%s.' + str(number), posix.MFD_CLOEXEC)\n"
    "    while image:\n"
    "        image = image[posix.write(file, image):]\n"
    "    return file\n"
    "number = mapped()\n"
    "file = make() if number is None else -1\n"
    "path = '/proc/self/fd/%%d' %% (file if number is None else number)\n"
    "try:\n"
    "    spec = ModuleSpec('ulma_probe', ExtensionFileLoader('ulma_probe', path), origin=path)\n"
    "    probe = _imp.create_dynamic(spec)\n"
    "    _imp.exec_dynamic(probe)\n"
    "    refusal = probe.arm_process('')\n"
    "finally:\n"
    "    if file >= 0:\n"
    "        posix.close(file)\n"
    "if refusal:\n"
    "    raise RuntimeError(refusal)\n";

/* FNV-1a: enough to tell builds apart. */
static uint64_t hash_of(const unsigned char *bytes, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static bool is_armed(struct armed *armed, pid_t pid)
{
    if (armed_find(armed, pid, NULL, JOB_PROCESS_WAIT_MS))
        return false;
    return true;
}

static void say_armed(struct armed *armed, const char *how)
{
    char about[PATH_MAX];
    int pid = (int)armed->pid;
    job_process_describe(armed, about, sizeof(about));
    printf("%s: %s. Next: ulma top %d | ulma report %d | ulma detach %d\n", about, how, pid, pid,
           pid);
    armed_close(armed);
}

static bool attach_one(pid_t pid, int64_t timeout_ns)
{
    char code[sizeof(loader) + 64];
    char build[32];
    struct armed armed;
    struct attach_outcome outcome;
    size_t bytes = (size_t)(probe_image_end - probe_image);
    struct attach_options options = {.timeout_ns = timeout_ns > 0 ? (uint64_t)timeout_ns : 0,
                                     .blob = probe_image,
                                     .blob_bytes = bytes};
    if (is_armed(&armed, pid)) {
        say_armed(&armed, "armed already");
        return true;
    }
    snprintf(build, sizeof(build), "%016llx", (unsigned long long)hash_of(probe_image, bytes));
    snprintf(code, sizeof(code), loader, build, build);
    int error = attach_run_python(pid, code, &options, &outcome);
    if (error) {
        message_error("%s", outcome.text);
        return false;
    }
    message_step("its main thread was stopped for %.0f us, the last of %u times",
                 (double)outcome.stopped_ns / 1e3, outcome.stops);
    if (!is_armed(&armed, pid)) {
        message_error(
            "process %d has loaded the probe, but its control page is not to be found: has "
            "it another /dev/shm, or an ULMA_DIR of its own?",
            (int)pid);
        return false;
    }
    say_armed(&armed, "armed, nothing recorded");
    return true;
}

int verb_attach(const struct options *options, char **words, int word_count)
{
    bool all = true;
    if (word_count == 0) {
        message_error("`ulma attach` needs a PID; `ulma ps` lists processes, and see `ulma attach "
                      "--help`");
        return EXIT_WRONG_WORDS;
    }
    for (int i = 0; i < word_count; i++) {
        char *end;
        long pid = strtol(words[i], &end, 10);
        if (*end || end == words[i] || pid <= 0 || pid != (pid_t)pid) {
            message_error("`%s` is no PID: `ulma attach` takes the numbers of processes", words[i]);
            return EXIT_WRONG_WORDS;
        }
        all &= attach_one((pid_t)pid, options->timeout_ns);
    }
    return all ? EXIT_FINE : EXIT_FAILED;
}
