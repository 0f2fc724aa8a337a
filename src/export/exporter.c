/* SPDX-License-Identifier: MIT */
/* The list of formats and how a word or a file finds its own.
 * Why: see exporter.h. Help, checks and tests follow from this list.
 * Rules: names are matched exactly (never by prefix: a new format must not change what a script
 * means); extensions without regard to case, the longest that fits (`.speedscope.json` is not
 * `.json`). */
#include "export/exporter.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

#define FORMAT(name) extern const struct exporter name;
#include "export/formats.def"
#undef FORMAT

const struct exporter *const exporter_list[] = {
#define FORMAT(name) &name,
#include "export/formats.def"
#undef FORMAT
    NULL,
};

/* Takes the next of the words parted by blanks; 0: no more. */
static size_t next_word(const char **words)
{
    *words += strspn(*words, " ");
    return strcspn(*words, " ");
}

static bool has_word(const char *words, const char *word)
{
    if (!words || !*word)
        return false;
    for (size_t length; (length = next_word(&words)) > 0; words += length)
        if (length == strlen(word) && strncmp(words, word, length) == 0)
            return true;
    return false;
}

/* The length of the longest of the words that the name ends with; 0: none. */
static size_t longest_end(const char *words, const char *name)
{
    size_t size = strlen(name), longest = 0;
    if (!words)
        return 0;
    for (size_t length; (length = next_word(&words)) > 0; words += length)
        if (length <= size && length > longest &&
            strncasecmp(words, name + size - length, length) == 0)
            longest = length;
    return longest;
}

const struct exporter *exporter_find(const char *name)
{
    for (size_t i = 0; exporter_list[i]; i++)
        if (strcmp(exporter_list[i]->name, name) == 0 || has_word(exporter_list[i]->aliases, name))
            return exporter_list[i];
    return NULL;
}

const struct exporter *exporter_for_file(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const struct exporter *found = NULL;
    size_t longest = 0;
    for (size_t i = 0; exporter_list[i]; i++) {
        size_t length = longest_end(exporter_list[i]->extensions, name);
        if (length > longest) {
            longest = length;
            found = exporter_list[i];
        }
    }
    return found;
}

const char *exporter_nearest(const char *name)
{
    const char *nearest = NULL;
    unsigned least = 1 + (unsigned)strlen(name) / 3 + 1; /* further is another word */
    for (size_t i = 0; exporter_list[i]; i++) {
        const struct exporter *exporter = exporter_list[i];
        unsigned distance = text_distance(name, exporter->name);
        if (distance < least) {
            least = distance;
            nearest = exporter->name;
        }
        for (const char *alias = exporter->aliases ? exporter->aliases : "";;) {
            char word[64];
            size_t length = next_word(&alias);
            if (length == 0 || length >= sizeof(word))
                break;
            memcpy(word, alias, length);
            word[length] = '\0';
            alias += length;
            distance = text_distance(name, word);
            if (distance < least) {
                least = distance;
                nearest = exporter->name;
            }
        }
    }
    return nearest;
}
