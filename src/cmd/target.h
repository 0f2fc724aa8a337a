/* SPDX-License-Identifier: MIT */
/* What is to be run: from the words of the command line to a path and an argument vector.
 * Why: TARGET := SCRIPT [ARG...] | -m MODULE [ARG...] | -c CODE [ARG...] | -- COMMAND [ARG...], and
 * the program must get exactly what `python SCRIPT ARG...` would give it.
 * Rules: prints nothing; what is wrong is one sentence and an exit status. */
#ifndef ULMA_CMD_TARGET_H
#define ULMA_CMD_TARGET_H

#include <limits.h>
#include <stdbool.h>

enum target_form { TARGET_SCRIPT, TARGET_MODULE, TARGET_CODE, TARGET_COMMAND };

enum { TARGET_ERROR_SIZE = 1024 };

struct target {
    enum target_form form;
    char path[PATH_MAX]; /* of what is executed: a Python, or the command */
    char **argv;         /* NULL-terminated; owned, its words are the caller's */
    char *command;       /* for people: as typed, quoted where needed; owned */
    char *name;          /* a short one for file names; owned */
    int status;          /* exit status when it cannot be run */
    char error[TARGET_ERROR_SIZE];
};

/* `words` are options_parse's; `python` is --python's word or NULL; `verb` is for messages. False:
 * error and status. */
bool target_init(struct target *target, char **words, int word_count, const char *python,
                 const char *verb);
/* Of a process that runs already, by its command line; only `command` and `name` mean anything. False:
 * out of memory. */
bool target_of_process(struct target *target, const char *command);

void target_done(struct target *target);

/* The module that runs as __main__, of the form -m; else NULL. */
const char *target_module(const struct target *target);

/* A Python is what runs it: refusals of the probe end it before the program starts. */
bool target_is_strict(const struct target *target);

/* Its command line says that it is a Python which looks at no sitecustomize (-I, -E, -S): arming would
 * do nothing but show (with -S, PYTHONPATH stays in sys.path). */
bool target_ignores_arming(const struct target *target);

/* The same of a Python's words, those after its own name. */
bool target_words_ignore_arming(char *const *words);

#endif
