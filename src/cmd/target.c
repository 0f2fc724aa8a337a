/* SPDX-License-Identifier: MIT */
/* Reading a TARGET.
 * Why: see target.h.
 * Rules: nothing of the target is changed: words are passed on as they came. */
#include "cmd/target.h"

#include "base/command.h"
#include "cmd/python_find.h"
#include "cmd/verbs.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

__attribute__((format(printf, 3, 4))) static bool refuse(struct target *target, int status,
                                                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(target->error, sizeof(target->error), format, arguments);
    va_end(arguments);
    target->status = status;
    return false;
}

static char *join_words(char **words, int count)
{
    size_t room = 1;
    for (int i = 0; i < count; i++)
        room += COMMAND_QUOTED_MOST(strlen(words[i]));
    char *text = calloc(1, room);
    struct command_line line = {text, room};
    for (int i = 0; i < count && text; i++) {
        if (i > 0)
            command_put(&line, " ");
        command_put_word(&line, words[i], strlen(words[i]));
    }
    return text;
}

/* The last part of a path without its .py, bytes that file names need not have left out. */
static char *short_name(const char *word)
{
    const char *slash = strrchr(word, '/');
    char *name = strdup(slash && slash[1] ? slash + 1 : word);
    if (!name)
        return NULL;
    size_t size = strlen(name);
    if (size > 3 && strcmp(name + size - 3, ".py") == 0)
        name[size - 3] = '\0';
    for (char *byte = name; *byte; byte++) {
        if ((unsigned char)*byte <= ' ' || *byte == '/' || *byte == 0x7f)
            *byte = '_';
    }
    return name;
}

static bool check_script(struct target *target, const char *script, const char *verb)
{
    if (strcmp(script, "-") == 0)
        return true; /* the program comes on stdin */
    if (access(script, F_OK)) {
        size_t size = strlen(script);
        bool program = strchr(script, '/') || (size > 3 && !strcmp(script + size - 3, ".py"));
        if (errno == EACCES)
            return refuse(target, EXIT_CANNOT_EXECUTE, "cannot read `%.200s`: %s", script,
                          strerror(errno));
        if (!*script)
            return refuse(target, EXIT_NOT_FOUND,
                          "the program's name is empty: give a script, -m MODULE or -c CODE");
        if (program)
            return refuse(target, EXIT_NOT_FOUND, "no file `%.200s` here: check its path", script);
        return refuse(target, EXIT_NOT_FOUND,
                      "no file `%.200s` here; to run a command write `ulma %s -- %.200s …`", script,
                      verb, script);
    }
    if (access(script, R_OK))
        return refuse(target, EXIT_CANNOT_EXECUTE,
                      "cannot read `%.200s`: %s; give yourself the right to read it", script,
                      strerror(errno));
    if (file_kind_of(script) != FILE_OTHER)
        return refuse(target, EXIT_CANNOT_EXECUTE,
                      "`%.200s` is not Python source; to run it as a command write "
                      "`ulma %s -- %.200s …`",
                      script, verb, script);
    return true;
}

static bool is_python(const struct target *target)
{
    const char *base = strrchr(target->path, '/');
    return target->form != TARGET_COMMAND ||
           strncmp(base ? base + 1 : target->path, "python", strlen("python")) == 0;
}

static bool check_musl(struct target *target)
{
    if (!is_python(target))
        return true;
    if (file_kind_of(target->path) != FILE_ELF_MUSL)
        return true;
    return refuse(target, EXIT_ULMA_FAILED,
                  "%.300s is linked with musl, which the probe does not support: use a Python "
                  "built for glibc (Debian's, Fedora's, python:3-slim)",
                  target->path);
}

static bool find_python(struct target *target, const char *python, const char **ret_argv0)
{
    int result = python_find(python, target->path, sizeof(target->path), ret_argv0);
    if (result == 0)
        return check_musl(target);
    if (result == -EACCES)
        return refuse(target, EXIT_CANNOT_EXECUTE,
                      "cannot execute the Python `%.200s`: it is not an executable file",
                      *ret_argv0);
    if (python)
        return refuse(target, EXIT_NOT_FOUND, "no Python `%.200s`: check --python", python);
    return refuse(target, EXIT_NOT_FOUND,
                  "no python3 on PATH: install one, or name one with --python EXE");
}

static bool find_command(struct target *target, char **words)
{
    int result = command_find(words[0], target->path, sizeof(target->path));
    if (result == -EACCES)
        return refuse(target, EXIT_CANNOT_EXECUTE,
                      "cannot execute `%.200s`: it is not an executable file", words[0]);
    if (result)
        return refuse(target, EXIT_NOT_FOUND, "no command `%.200s`: check its name and PATH",
                      words[0]);
    return check_musl(target);
}

/* argv: `first` (when there is one), then the words. */
static bool fill_words(struct target *target, const char *first, char **words, int count)
{
    int at = 0;
    target->argv = calloc((size_t)count + 2, sizeof(target->argv[0]));
    target->command = join_words(words, count);
    bool module = target->form == TARGET_MODULE;
    const char *named = target->form == TARGET_CODE  ? "code"
                        : module && words[0][2]      ? words[0] + 2
                        : module                     ? words[1]
                        : strcmp(words[0], "-") == 0 ? "stdin"
                                                     : words[0];
    target->name = short_name(named);
    if (!target->argv || !target->command || !target->name)
        return refuse(target, EXIT_ULMA_FAILED, "out of memory");
    if (first)
        target->argv[at++] = (char *)(uintptr_t)first;
    memcpy(target->argv + at, words, (size_t)count * sizeof(target->argv[0]));
    return true;
}

bool target_init(struct target *target, char **words, int word_count, const char *python,
                 const char *verb)
{
    *target = (struct target){.form = TARGET_SCRIPT};
    bool module = strncmp(words[0], "-m", 2) == 0, code = strncmp(words[0], "-c", 2) == 0;
    if (strcmp(words[0], "--") == 0) {
        target->form = TARGET_COMMAND;
        words++;
        word_count--;
        if (word_count == 0)
            return refuse(target, EXIT_WRONG_WORDS, "no command after `--`: name one");
        return find_command(target, words) && fill_words(target, NULL, words, word_count);
    }
    if ((module || code) && !words[0][2] && word_count < 2)
        return refuse(target, EXIT_WRONG_WORDS, "%s needs %s after it", words[0],
                      module ? "a module" : "code");
    target->form = module ? TARGET_MODULE : code ? TARGET_CODE : TARGET_SCRIPT;
    const char *argv0;
    if (target->form == TARGET_SCRIPT && !check_script(target, words[0], verb))
        return false;
    return find_python(target, python, &argv0) && fill_words(target, argv0, words, word_count);
}

bool target_of_process(struct target *target, const char *command)
{
    char first[256];
    bool quoted = command[0] == '\'';
    snprintf(first, sizeof(first), "%.*s", (int)strcspn(command + quoted, quoted ? "'" : " "),
             command + quoted);
    *target = (struct target){
        .form = TARGET_COMMAND, .command = strdup(command), .name = short_name(first)};
    return target->command && target->name;
}

const char *target_module(const struct target *target)
{
    if (target->form != TARGET_MODULE)
        return NULL;
    return target->argv[1][2] ? target->argv[1] + 2 : target->argv[2];
}

void target_done(struct target *target)
{
    free(target->argv);
    free(target->command);
    free(target->name);
    *target = (struct target){.form = TARGET_SCRIPT};
}

bool target_is_strict(const struct target *target)
{
    return target->form != TARGET_COMMAND;
}

bool target_ignores_arming(const struct target *target)
{
    if (target->form != TARGET_COMMAND || !is_python(target))
        return false;
    return target_words_ignore_arming(target->argv + 1);
}

bool target_words_ignore_arming(char *const *word)
{
    for (; *word && (*word)[0] == '-' && (*word)[1]; word++) {
        if ((*word)[1] == '-')
            continue; /* --check-hash-based-pycs=…, --help */
        /* c and m end the options, W and X take the rest or the next word. */
        size_t letters = strcspn(*word + 1, "cmWX");
        size_t deaf = strcspn(*word + 1, "IES");
        if (deaf < letters)
            return true;
        char last = (*word)[1 + letters];
        if (last == 'c' || last == 'm')
            return false;
        if (last && !(*word)[2 + letters] && word[1])
            word++;
    }
    return false;
}
