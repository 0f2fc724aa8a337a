/* SPDX-License-Identifier: MIT */
/* Patterns: read and matched.
 * Why: see sites.h.
 * Rules: matching goes over pattern and text once, and back only to the last `*` and the last `**`:
 * a longer memory would match nothing more. */
#include "model/sites.h"

#include "model/rules.h"

#include <stdio.h>
#include <string.h>

/* --- matching ------------------------------------------------------------------------------- */

/* Where a failed match goes on: the last `*` or `**` takes one character, or one component, more. */
struct star {
    const char *pattern, *text; /* pattern: what follows the star; NULL: none */
    bool components;            /* a `**` and the separator: only whole components */
};

static bool star_takes_more(struct star *star, char separator, bool within)
{
    if (!star->pattern || !*star->text || (within && *star->text == separator))
        return false;
    if (star->components) {
        const char *next = strchr(star->text, separator);
        if (!next)
            return false;
        star->text = next;
    }
    star->text++;
    return true;
}

/* Whether the pattern names the text or something that the text lies within. */
static bool covers(const char *pattern, const char *text, char separator)
{
    struct star star = {0}, stars = {0};
    const char *first = pattern;
    for (;;) {
        if (pattern[0] == '*' && pattern[1] == '*') {
            pattern += 2;
            bool components = *pattern == separator;
            pattern += components;
            stars = (struct star){pattern, text, components};
            star.pattern = NULL;
        } else if (*pattern == '*') {
            star = (struct star){++pattern, text, false};
        } else if (*pattern && *pattern == *text) {
            pattern++;
            text++;
        } else if (!*pattern && (!*text || *text == separator || pattern[-1] == separator ||
                                 (pattern - first >= 2 && strcmp(pattern - 2, "**") == 0))) {
            return true;
        } else if (star_takes_more(&star, separator, true)) {
            pattern = star.pattern;
            text = star.text;
        } else if (star_takes_more(&stars, separator, false)) {
            pattern = stars.pattern;
            text = stars.text;
            star.pattern = NULL;
        } else {
            return false;
        }
    }
}

static bool is_below(const char *folder, const char *file)
{
    size_t size = strlen(folder);
    return size && strncmp(file, folder, size) == 0 && file[size] == '/';
}

static bool is_packages(const char *file)
{
    return strstr(file, "/site-packages/") || strstr(file, "/dist-packages/");
}

static bool is_frozen(const char *file)
{
    return strncmp(file, "<frozen ", 8) == 0;
}

static bool matches_module(const struct sites *sites, const char *pattern, size_t size,
                           const char *module)
{
    if (strncmp(module, pattern, size) == 0 && (!module[size] || module[size] == '.'))
        return true;
    return sites->main_module && strcmp(module, "__main__") == 0 &&
           strncmp(sites->main_module, pattern, size) == 0 &&
           (!sites->main_module[size] || sites->main_module[size] == '.');
}

static bool matches_qualname(const struct sites *sites, const char *pattern,
                             const struct site *site)
{
    const char *colon = strchr(pattern, ':');
    if (!matches_module(sites, pattern, (size_t)(colon - pattern), site->module))
        return false;
    if (site->qualname[0])
        return covers(colon + 1, site->qualname, '.');
    const char *last = strrchr(colon, '.');
    return covers(last ? last + 1 : colon + 1, site->name, '.');
}

static bool matches_path(const struct sites *sites, const struct site_pattern *pattern,
                         const char *file)
{
    if (!file[0] || file[0] == '<')
        return false;
    if (pattern->path[0] == '/' || strncmp(pattern->path, "**", 2) == 0)
        return covers(pattern->path, file, '/');
    if (file[0] != '/')
        return covers(pattern->path, strncmp(file, "./", 2) == 0 ? file + 2 : file, '/');
    return strncmp(file, sites->directory, pattern->directory_size) == 0 &&
           file[pattern->directory_size] == '/' &&
           covers(pattern->path, file + pattern->directory_size + 1, '/');
}

static bool matches(const struct sites *sites, const struct site_pattern *pattern,
                    const struct site *site)
{
    const char *text = pattern->text;
    switch (pattern->form) {
    case SITE_MODULE:
        return matches_module(sites, text, strlen(text), site->module);
    case SITE_QUALNAME:
        return matches_qualname(sites, text, site);
    case SITE_PATH:
        return matches_path(sites, pattern, site->file);
    case SITE_STDLIB:
        return is_frozen(site->file) ||
               (is_below(sites->stdlib, site->file) && !is_packages(site->file));
    case SITE_PACKAGES:
        return is_packages(site->file);
    case SITE_FROZEN:
        return is_frozen(site->file);
    case SITE_METHOD:
    case SITE_TYPE:
        return false;
    }
    return false;
}

static bool names_functions(const struct site_pattern *pattern)
{
    return pattern->form != SITE_METHOD && pattern->form != SITE_TYPE;
}

bool sites_keep(struct sites *sites, const struct site *site)
{
    bool has_only = false, wanted = false, skipped = false;
    for (size_t i = 0; i < sites->count; i++) {
        struct site_pattern *pattern = &sites->patterns[i];
        if (!names_functions(pattern) || pattern->lines)
            continue;
        bool named = matches(sites, pattern, site);
        pattern->is_method &= !named;
        has_only |= !pattern->skip && !pattern->is_method;
        if (!named)
            continue;
        pattern->matched = true;
        if (pattern->skip)
            skipped = true;
        else
            wanted = true;
    }
    return (wanted || !has_only) && !skipped;
}

/* --- lines ---------------------------------------------------------------------------------- */

bool sites_name_lines(const struct sites *sites)
{
    for (size_t i = 0; i < sites->count; i++)
        if (!sites->patterns[i].skip && names_functions(&sites->patterns[i]))
            return true;
    return false;
}

bool sites_want_lines(struct sites *sites, const struct site *site)
{
    bool has_lines = false, wanted = false, kept = false;
    for (size_t i = 0; i < sites->count; i++) {
        struct site_pattern *pattern = &sites->patterns[i];
        has_lines |= pattern->lines;
        if (pattern->skip || !names_functions(pattern) || !matches(sites, pattern, site))
            continue;
        if (pattern->lines)
            pattern->matched = wanted = true;
        else
            kept = true;
    }
    return has_lines ? wanted : kept;
}

/* --- methods -------------------------------------------------------------------------------- */

static const char *const builtin_types[] = {
    "bool.", "bytearray.",  "bytes.",  "complex.", "dict.", "float.", "frozenset.", "int.",
    "list.", "memoryview.", "object.", "range.",   "set.",  "slice.", "str.",       "tuple."};

static bool is_of_builtin_type(const char *text)
{
    for (size_t i = 0; i < sizeof(builtin_types) / sizeof(builtin_types[0]); i++)
        if (strncmp(text, builtin_types[i], strlen(builtin_types[i])) == 0)
            return true;
    return false;
}

/* By its whole name, or without the module of its type: `deque.append` of `collections.deque.append`. */
static bool names_method(const char *pattern, const char *name)
{
    const char *dot = strchr(name, '.');
    if (covers(pattern, name, '.'))
        return true;
    return dot && strchr(dot + 1, '.') && covers(pattern, dot + 1, '.');
}

bool sites_names_method(const struct site_pattern *pattern, const char *name)
{
    bool may = pattern->is_method || (pattern->form == SITE_MODULE && strchr(pattern->text, '.'));
    return may && names_method(pattern->text, name);
}

void sites_take_methods(struct sites *sites)
{
    for (size_t i = 0; sites && i < sites->count; i++) {
        struct site_pattern *pattern = &sites->patterns[i];
        if (pattern->form == SITE_MODULE && strchr(pattern->text, '.') && !pattern->matched &&
            !pattern->lines)
            pattern->is_method = true;
    }
}

void sites_note_method(struct sites *sites, const char *name)
{
    for (size_t i = 0; sites && i < sites->count; i++)
        if (sites->patterns[i].is_method && names_method(sites->patterns[i].text, name))
            sites->patterns[i].matched = true;
}

bool sites_keep_method(struct sites *sites, const char *name)
{
    bool has_only = false, wanted = false;
    for (size_t i = 0; sites && i < sites->count; i++) {
        const struct site_pattern *pattern = &sites->patterns[i];
        if (!pattern->is_method)
            continue;
        bool named = names_method(pattern->text, name);
        if (named && pattern->skip)
            return false;
        has_only |= !pattern->skip;
        wanted |= named;
    }
    if (!has_only && sites && rules_name_methods(sites->rules))
        return false; /* by a rule that one has none of */
    return has_only ? wanted : is_of_builtin_type(name) || strncmp(name, "builtins.", 9) == 0;
}

/* --- types ---------------------------------------------------------------------------------- */

static const char type_prefix[] = "type:";

/* By its whole name, its module's, or its last part alone: `deque` of `collections.deque`. */
static bool names_type(const char *pattern, const char *name)
{
    const char *dot = strrchr(name, '.');
    return covers(pattern, name, '.') || (dot && covers(pattern, dot + 1, '.'));
}

bool sites_keep_type(struct sites *sites, const char *name)
{
    bool has_only = false, wanted = false, skipped = false;
    for (size_t i = 0; sites && i < sites->count; i++) {
        struct site_pattern *pattern = &sites->patterns[i];
        if (pattern->form != SITE_TYPE)
            continue;
        bool named = names_type(pattern->text + strlen(type_prefix), name);
        pattern->matched |= named;
        has_only |= !pattern->skip;
        wanted |= named && !pattern->skip;
        skipped |= named && pattern->skip;
    }
    return (wanted || !has_only) && !skipped;
}

/* --- reading -------------------------------------------------------------------------------- */

static bool is_name_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '-' ||
           (unsigned char)byte >= 0x80;
}

/* Names with dots between them; `more` are bytes that may stand in them too. */
static bool is_dotted(const char *text, size_t size, const char *more)
{
    bool begun = false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '.' && !begun)
            return false;
        if (text[i] != '.' && !is_name_byte(text[i]) && !(text[i] && strchr(more, text[i])))
            return false;
        begun = text[i] != '.';
    }
    return begun;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

/* `dict.get`, `_io.*.write`. */
static bool is_type_method(const char *text)
{
    if (strpbrk(text, "/:@") || !strchr(text, '.') || !is_dotted(text, strlen(text), "*"))
        return false;
    return is_of_builtin_type(text) || (strchr(text, '*') && !ends_with(text, ".py"));
}

static bool read_set(const char *text, enum site_form *ret_form)
{
    static const char *const names[] = {"@stdlib", "@site", "@frozen"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_form = (enum site_form)(SITE_STDLIB + i);
            return true;
        }
    }
    return false;
}

static bool read_form(const char *text, enum site_form *ret_form)
{
    const char *colon = strchr(text, ':');
    if (text[0] == '@')
        return read_set(text, ret_form);
    if (strchr(text, '/') || ends_with(text, ".py")) {
        *ret_form = SITE_PATH;
        return true;
    }
    if (strncmp(text, type_prefix, strlen(type_prefix)) == 0) {
        const char *name = text + strlen(type_prefix);
        *ret_form = SITE_TYPE;
        return is_dotted(name, strlen(name), "*<>");
    }
    if (is_type_method(text)) {
        *ret_form = SITE_METHOD;
        return true;
    }
    if (!colon) {
        *ret_form = SITE_MODULE;
        return is_dotted(text, strlen(text), "");
    }
    *ret_form = SITE_QUALNAME;
    return is_dotted(text, (size_t)(colon - text), "") &&
           is_dotted(colon + 1, strlen(colon + 1), "*<>");
}

static void say_wrong(const char *text, bool skip, char *error)
{
    if (text[0] == '@')
        snprintf(error, SITES_ERROR_SIZE, "no set `%.80s`: take @stdlib, @site or @frozen", text);
    else
        snprintf(
            error, SITES_ERROR_SIZE,
            "--%s cannot use `%.80s`: write pkg, pkg:Class.method, path/**, Type.method, type:Type, "
            "@stdlib, @site or @frozen",
            skip ? "skip" : "only", text);
}

/* Takes ./ and ../ off the front, and as many folders off the directory. */
static void place_path(const struct sites *sites, struct site_pattern *pattern)
{
    pattern->path = pattern->text;
    pattern->directory_size = strlen(sites->directory);
    for (;;) {
        if (strncmp(pattern->path, "./", 2) == 0) {
            pattern->path += 2;
        } else if (strncmp(pattern->path, "../", 3) == 0) {
            pattern->path += 3;
            while (pattern->directory_size && sites->directory[--pattern->directory_size] != '/')
                continue;
        } else {
            return;
        }
    }
}

bool sites_place(const char *directory, const char *text, char *placed, size_t size)
{
    enum site_form form;
    int length;
    if (!read_form(text, &form) || form != SITE_PATH || text[0] == '/' ||
        strncmp(text, "**", 2) == 0) {
        length = snprintf(placed, size, "%s", text);
        return length >= 0 && (size_t)length < size;
    }
    size_t kept = strcmp(directory, "/") == 0 ? 0 : strlen(directory);
    for (;;) {
        if (strncmp(text, "./", 2) == 0) {
            text += 2;
        } else if (strncmp(text, "../", 3) == 0) {
            text += 3;
            while (kept && directory[--kept] != '/')
                continue;
        } else {
            break;
        }
    }
    length = snprintf(placed, size, "%.*s/%s", (int)kept, directory, text);
    return length >= 0 && (size_t)length < size;
}

static bool add(struct sites *sites, struct site_pattern pattern, char *error)
{
    if (sites->count == SITES_LIMIT) {
        snprintf(error, SITES_ERROR_SIZE, "more than %d patterns of --only and --skip",
                 SITES_LIMIT);
        return false;
    }
    if (pattern.form == SITE_PATH)
        place_path(sites, &pattern);
    pattern.is_method = pattern.form == SITE_METHOD;
    sites->patterns[sites->count++] = pattern;
    sites->has_only |= !pattern.skip && !pattern.lines;
    return true;
}

bool sites_add(struct sites *sites, const char *text, bool skip, char *error)
{
    struct site_pattern pattern = {.text = text, .skip = skip};
    if (read_form(text, &pattern.form))
        return add(sites, pattern, error);
    say_wrong(text, skip, error);
    return false;
}

bool sites_add_lines(struct sites *sites, const char *text, char *error)
{
    struct site_pattern pattern = {.text = text, .lines = true};
    if (read_form(text, &pattern.form) && pattern.form <= SITE_PATH)
        return add(sites, pattern, error);
    snprintf(error, SITES_ERROR_SIZE,
             "lines cannot use `%.80s`: write pkg, pkg:Class.method or path/**", text);
    return false;
}

bool sites_read_pattern(const struct sites *sites, const char *text,
                        struct site_pattern *ret_pattern, char *error)
{
    *ret_pattern = (struct site_pattern){.text = text};
    if (!read_form(text, &ret_pattern->form) || ret_pattern->form == SITE_TYPE) {
        snprintf(error, SITES_ERROR_SIZE,
                 "`%.80s` names no functions: write pkg, pkg:Class.method, path/**, Type.method, "
                 "@stdlib, @site or @frozen",
                 text);
        return false;
    }
    if (ret_pattern->form == SITE_PATH)
        place_path(sites, ret_pattern);
    ret_pattern->is_method = ret_pattern->form == SITE_METHOD;
    return true;
}

bool sites_names_operation(const struct sites *sites, const struct site_pattern *pattern,
                           const char *name)
{
    struct site site = {.module = "io", .name = name, .qualname = name, .file = ""};
    return pattern->form == SITE_QUALNAME && matches(sites, pattern, &site);
}

bool sites_names(const struct sites *sites, const struct site_pattern *pattern,
                 const struct site *site)
{
    return matches(sites, pattern, site);
}
