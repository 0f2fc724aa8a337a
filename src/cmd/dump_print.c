/* SPDX-License-Identifier: MIT */
/* Threads and frames on a page, and in JSON.
 * Why: see dump_print.h.
 * Rules: innermost frame first, as `py-spy dump` has it. */
#include "cmd/dump_print.h"

#include "base/text.h"
#include "cmd/dump_tasks.h"
#include "export/json_writer.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { INDENT = 4 };

static const char *state_word(char state)
{
    switch (state) {
    case 'R':
        return "running";
    case 'S':
        return "sleeping";
    case 'D':
        return "disk sleep";
    case 'T':
        return "stopped";
    case 't':
        return "traced";
    case 'Z':
    case 'X':
        return "dead";
    case 'I':
        return "idle";
    default:
        return "unknown";
    }
}

void dump_read_command(int pid, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    FILE *file = fopen(path, "re");
    size_t got = file ? fread(text, 1, size - 1, file) : 0;
    if (file)
        fclose(file);
    for (size_t i = 0; i < got; i++)
        if (!text[i])
            text[i] = ' ';
    while (got > 0 && text[got - 1] == ' ')
        got--;
    text[got] = '\0';
}

const char *dump_shown(struct arena *arena, const char *text)
{
    const char *clean = text ? text_clean(arena, text) : NULL;
    return clean ? clean : "?";
}

void dump_print_frame(struct arena *arena, const struct inspect_frame *frame, int indent,
                      FILE *stream)
{
    fprintf(stream, "%*s%s (%s", indent, "", dump_shown(arena, frame->name),
            dump_shown(arena, frame->file));
    if (frame->line > 0)
        fprintf(stream, ":%d", frame->line);
    fputs(")\n", stream);
    for (size_t i = 0; i < frame->local_count; i++)
        fprintf(stream, "%*s    %s: %s\n", indent, "", dump_shown(arena, frame->locals[i].name),
                dump_shown(arena, frame->locals[i].value));
}

static void print_thread(struct arena *arena, const struct inspect_thread *thread, FILE *stream)
{
    if (thread->tid)
        fprintf(stream, "\nThread %d (%s", (int)thread->tid, state_word(thread->state));
    else
        fprintf(stream, "\nThread ? (%s", state_word(thread->state));
    if (thread->main)
        fputs(", main", stream);
    if (thread->holds_gil)
        fputs(", holds the GIL", stream);
    if (thread->interpreter)
        fprintf(stream, ", interpreter %" PRId64, thread->interpreter);
    fputs(")", stream);
    if (thread->name)
        fprintf(stream, ": \"%s\"", dump_shown(arena, thread->name));
    fputc('\n', stream);
    if (thread->torn)
        fputs("    ... (the innermost frames changed while they were read)\n", stream);
    for (size_t i = 0; i < thread->frame_count; i++)
        dump_print_frame(arena, &thread->frames[i], INDENT, stream);
    if (thread->cut)
        fputs("    ... (more frames than are read)\n", stream);
    if (!thread->frame_count && !thread->torn)
        fputs("    (no Python frame)\n", stream);
}

int dump_print_text(const struct inspect *inspect, FILE *stream)
{
    char command[4096];
    struct arena *arena = arena_new();
    if (!arena)
        return -ENOMEM;
    dump_read_command((int)inspect->pid, command, sizeof(command));
    fprintf(stream, "Process %d: %s\n", (int)inspect->pid, dump_shown(arena, command));
    fprintf(stream, "Python %s (%s)\n", inspect->image.version,
            dump_shown(arena, inspect->image.path));
    for (size_t i = 0; i < inspect->thread_count; i++)
        print_thread(arena, &inspect->threads[i], stream);
    int result = dump_print_tasks(inspect, arena, stream);
    arena_free(arena);
    return result;
}

void dump_write_frame(struct json_writer *json, const struct inspect_frame *frame, bool with_locals)
{
    json_open(json, NULL, '{');
    json_string(json, "name", frame->name);
    json_string(json, "file", frame->file);
    if (frame->line > 0)
        json_integer(json, "line", frame->line);
    else
        json_null(json, "line");
    if (with_locals) {
        json_open(json, "locals", '[');
        for (size_t i = 0; i < frame->local_count; i++) {
            json_open(json, NULL, '{');
            json_string(json, "name", frame->locals[i].name);
            json_string(json, "value", frame->locals[i].value);
            json_close(json, '}');
        }
        json_close(json, ']');
    }
    json_close(json, '}');
}

static void write_thread(struct json_writer *json, const struct inspect_thread *thread,
                         bool with_locals)
{
    json_open(json, NULL, '{');
    if (thread->tid)
        json_integer(json, "tid", thread->tid);
    else
        json_null(json, "tid");
    json_string(json, "name", thread->name);
    json_bool(json, "main", thread->main);
    json_bool(json, "gil", thread->holds_gil);
    json_string(json, "state", state_word(thread->state));
    json_integer(json, "interpreter", thread->interpreter);
    json_bool(json, "complete", !thread->torn && !thread->cut);
    json_open(json, "frames", '[');
    for (size_t i = 0; i < thread->frame_count; i++)
        dump_write_frame(json, &thread->frames[i], with_locals);
    json_close(json, ']');
    json_close(json, '}');
}

void dump_print_json(const struct inspect *inspect, bool with_locals, FILE *stream)
{
    char command[4096];
    struct json_writer json = {.stream = stream};
    dump_read_command((int)inspect->pid, command, sizeof(command));
    json_open(&json, NULL, '{');
    json_integer(&json, "ulma", 1);
    json_string(&json, "ulma_version", ULMA_VERSION);
    json_integer(&json, "pid", inspect->pid);
    json_string(&json, "command", command);
    json_string(&json, "python", inspect->image.version);
    json_open(&json, "threads", '[');
    for (size_t i = 0; i < inspect->thread_count; i++)
        write_thread(&json, &inspect->threads[i], with_locals);
    json_close(&json, ']');
    dump_write_tasks(&json, inspect, with_locals);
    json_close(&json, '}');
    fputc('\n', stream);
}
