/* SPDX-License-Identifier: MIT */
/* Command lines as a shell reads them back: plain words, words in single quotes, or as $'...' where control bytes
 * are in them.
 * Why: the kernel parts a process's words by zero bytes. With blanks instead nobody could tell where a word ends,
 * and a secret of two words would be masked by half. In a header, since the probe writes command lines, too.
 * Rules: allocates nothing. What has no room is cut, perhaps within quotes. */
#ifndef ULMA_BASE_COMMAND_H
#define ULMA_BASE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Bytes that a word of `size` takes at most, with a blank. */
#define COMMAND_QUOTED_MOST(size) ((size)*4 + 5)

struct command_line {
    char *to;
    size_t left; /* with room for the zero byte */
};

static inline void command_put(struct command_line *line, const char *text)
{
    for (; *text && line->left > 1; line->left--)
        *line->to++ = *text++;
    *line->to = '\0';
}

static inline bool command_is_plain(const char *word, size_t size)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-./=:,@%+^";
    for (size_t i = 0; i < size; i++)
        if (!word[i] || !strchr(plain, word[i]))
            return false;
    return size > 0;
}

static inline bool command_is_control(char byte)
{
    return (unsigned char)byte < 0x20 || byte == 0x7f;
}

static inline void command_put_byte(struct command_line *line, char byte, bool control)
{
    static const char digits[] = "0123456789abcdef";
    char text[5] = {byte, '\0'};
    if (control && byte == '\n')
        memcpy(text, "\\n", 3);
    else if (command_is_control(byte))
        memcpy(text, (char[]){'\\', 'x', digits[(unsigned char)byte / 16], digits[byte % 16], '\0'},
               5);
    else if (control && (byte == '\'' || byte == '\\'))
        memcpy(text, (char[]){'\\', byte, '\0'}, 3);
    else if (byte == '\'')
        memcpy(text, "'\\''", 5);
    command_put(line, text);
}

static inline void command_put_word(struct command_line *line, const char *word, size_t size)
{
    bool plain = command_is_plain(word, size), control = false;
    for (size_t i = 0; i < size; i++)
        control |= command_is_control(word[i]);
    if (!plain)
        command_put(line, control ? "$'" : "'");
    for (size_t i = 0; i < size; i++) {
        if (plain)
            command_put(line, (char[]){word[i], '\0'});
        else
            command_put_byte(line, word[i], control);
    }
    if (!plain)
        command_put(line, "'");
}

/* The words of /proc/PID/cmdline. One alone may be a title that the process has given itself (`gunicorn: worker`): it
 * stands as it is. `to` is terminated. */
static inline void command_write(char *to, size_t to_size, const char *words, size_t size)
{
    struct command_line line = {to, to_size};
    *to = '\0';
    while (size > 0 && !words[size - 1])
        size--;
    if (memchr(words, '\0', size) == NULL) {
        for (size_t i = 0; i < size; i++)
            command_put(&line, (char[]){command_is_control(words[i]) ? ' ' : words[i], '\0'});
        return;
    }
    for (const char *word = words, *end = words + size; word <= end;) {
        const char *zero = memchr(word, '\0', (size_t)(end - word));
        size_t length = (size_t)((zero ? zero : end) - word);
        if (word > words)
            command_put(&line, " ");
        command_put_word(&line, word, length);
        word += length + 1;
    }
}

#endif
