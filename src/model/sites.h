/* SPDX-License-Identifier: MIT */
/* Sites: which functions are kept and which are left out, by the patterns of --only and --skip.
 * Why here: the probe knows no patterns, it reads one byte for each id (enum site_mode of
 * wire/session.h). Who meets a definition for the first time, the fold (symbols.c), asks here and says
 * which byte it is to be.
 *
 * The forms, and what each is held against:
 *   pkg               the module: the package and all below
 *   pkg:Class.method  module as above, and the qualname: what is named and all within it; `*` stands
 *                     for any part of a name between two dots. Where the interpreter knows no qualname
 *                     (below 3.11) the last name alone is held against the plain name
 *   a path            what has a slash or ends in .py: the file, what is named and all below; `*` within
 *                     a name, `**` across folders; relative to the folder that ulma was started in,
 *                     but for what begins with `**`
 *   @stdlib           files below the target's lib/pythonX.Y, and @frozen
 *   @site             files below a site-packages or dist-packages
 *   @frozen           modules frozen into the interpreter
 *   Type.method       of a built-in or extension type, or module.function of a builtin one; `*` as above. Limits
 *                     what the source `methods` monitors, and no function. `dict.get` says by itself that it is one;
 *                     `zlib.compress` could be a module: see sites_take_methods
 *   type:dict         a type, by its whole name (`collections.deque`) or without its module; `*` as above. Limits what
 *                     the source `objects` counts, and no function
 * A function is kept when there is no --only or one of them matches it, and no --skip does.
 * Lines are wanted of the functions that a pattern of their own names (`ulma set PID lines=P`), and where there is none,
 * of those that --only names: of what is kept, in both cases, and never of all.
 *
 * Rules: C functions are always kept. Texts are borrowed: patterns from the command line, what is
 * matched from the caller. What a definition says is hostile; nothing here recurses over it. One owner
 * at a time. */
#ifndef ULMA_MODEL_SITES_H
#define ULMA_MODEL_SITES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct rules;

enum { SITES_LIMIT = 64, SITES_ERROR_SIZE = 320, SITES_STDLIB_SIZE = 512 };

enum site_form {
    SITE_MODULE,
    SITE_QUALNAME,
    SITE_PATH,
    SITE_STDLIB,
    SITE_PACKAGES,
    SITE_FROZEN,
    SITE_METHOD,
    SITE_TYPE
};

struct site_pattern {
    const char *text; /* as typed */
    enum site_form form;
    bool skip;             /* of --skip, else of --only */
    bool lines;            /* neither: it names functions whose lines are wanted */
    bool matched;          /* some function, or method */
    bool is_method;        /* it limits methods alone */
    const char *path;      /* SITE_PATH: text without its leading ./ and ../ */
    size_t directory_size; /* ... and how much of sites.directory stands before it */
};

struct sites {
    struct site_pattern patterns[SITES_LIMIT];
    size_t count;
    bool has_only;
    char directory[PATH_MAX];       /* that relative paths begin in, without a last slash */
    char stdlib[SITES_STDLIB_SIZE]; /* the target's lib/pythonX.Y; "": not known yet */
    const char *main_module;        /* what __main__ is really called (-m), or NULL */
    struct rules *rules; /* what single functions do otherwise; NULL: nothing (rules.h) */
};

/* A function as its definition tells it; "" for what is not known. */
struct site {
    const char *module, *name, *qualname, *file;
};

/* One more pattern. False: it makes no sense, and `error` (SITES_ERROR_SIZE) says so in a sentence. */
bool sites_add(struct sites *sites, const char *text, bool skip, char *error);

/* The same, of a pattern that says whose lines are wanted. */
bool sites_add_lines(struct sites *sites, const char *text, char *error);

/* A pattern of neither, for who matches by himself. False, with a sentence: it names neither functions nor methods. */
bool sites_read_pattern(const struct sites *sites, const char *text,
                        struct site_pattern *ret_pattern, char *error);

/* Whether it names that function of the C library: `io:write`, `io:*`. */
bool sites_names_operation(const struct sites *sites, const struct site_pattern *pattern,
                           const char *name);

/* Whether it names the function. */
bool sites_names(const struct sites *sites, const struct site_pattern *pattern,
                 const struct site *site);

/* Some pattern says whose lines could be wanted. */
bool sites_name_lines(const struct sites *sites);

/* Whether the lines of a function that is kept are wanted; notes which patterns matched. */
bool sites_want_lines(struct sites *sites, const struct site *site);

/* `text` as a collector that was started in another folder understands it: a relative path becomes one below
 * `directory`. False: longer than `size`. */
bool sites_place(const char *directory, const char *text, char *placed, size_t size);

/* Whether it names the method, `dict.get`, as it stands: `zlib.compress` may be a module or a method. */
bool sites_names_method(const struct site_pattern *pattern, const char *name);

/* The source `methods` is on: what could name a method or a module names methods, until a function's module is
 * of that name. */
void sites_take_methods(struct sites *sites);

/* Notes which patterns name the method. */
void sites_note_method(struct sites *sites, const char *name);

/* Whether the method, `dict.get`, is monitored. Without a pattern, all of the builtin types and functions are.
 * `sites` may be NULL. */
bool sites_keep_method(struct sites *sites, const char *name);

/* Whether objects of the type are counted; notes which patterns name it. `sites` may be NULL. */
bool sites_keep_type(struct sites *sites, const char *name);

/* Whether a Python function is kept; notes which patterns matched. */
bool sites_keep(struct sites *sites, const struct site *site);

#endif
