/* SPDX-License-Identifier: MIT */
/* Which executable: a command on PATH, the Python of a target, and what kind of file it is.
 * Why: --python, else the running interpreter's (`python -m ulma` passes it as --python), else
 * $VIRTUAL_ENV's, else python3: the order of the contract, in one place.
 * Rules: prints nothing. Paths are what execve gets, argv[0] what a shell would have passed. */
#ifndef ULMA_CMD_PYTHON_FIND_H
#define ULMA_CMD_PYTHON_FIND_H

#include <stdbool.h>
#include <stddef.h>

/* As a shell finds a command. 0, -ENOENT, -EACCES (found, but not executable). */
int command_find(const char *name, char *path, size_t size);

/* Finds the Python; `word` is --python's or NULL. *ret_argv0 is the word that it should be started
 * by: `word`, `path` or "python3". 0, -ENOENT, -EACCES. */
int python_find(const char *word, char *path, size_t size, const char **ret_argv0);

enum file_kind { FILE_OTHER, FILE_ELF, FILE_ELF_MUSL };

/* What execve would see: an ELF program, and whether musl's loader starts it. */
enum file_kind file_kind_of(const char *path);

#endif
