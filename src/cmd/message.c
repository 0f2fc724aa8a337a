/* SPDX-License-Identifier: MIT */
/* Lines on stderr.
 * Why: see message.h.
 * Rules: any thread; held lines are bounded (the oldest stay, they tell the cause). */
#include "cmd/message.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_SIZE = 4096, HELD_SIZE = 16384 };

static bool is_quiet, is_verbose, is_held;
static char held[HELD_SIZE];
static size_t held_size;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void message_settings(bool quiet, bool verbose)
{
    is_quiet = quiet;
    is_verbose = verbose;
}

bool message_is_quiet(void)
{
    return is_quiet;
}

static void write_all(const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(STDERR_FILENO, text, size);
        if (written <= 0)
            return; /* there is nowhere left to say it */
        text += written;
        size -= (size_t)written;
    }
}

static void say(const char *format, va_list arguments)
{
    char line[LINE_SIZE] = "ulma: ";
    size_t prefix = strlen(line);
    int length = vsnprintf(line + prefix, sizeof(line) - prefix - 1, format, arguments);
    size_t size = prefix + (length > 0 ? (size_t)length : 0);
    if (size > sizeof(line) - 2)
        size = sizeof(line) - 2;
    for (size_t i = prefix; i < size; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = '?';
    }
    line[size++] = '\n';
    pthread_mutex_lock(&lock);
    if (!is_held) {
        write_all(line, size);
    } else if (held_size + size <= sizeof(held)) {
        memcpy(held + held_size, line, size);
        held_size += size;
    }
    pthread_mutex_unlock(&lock);
}

void message_error(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void message_note(const char *format, ...)
{
    if (is_quiet)
        return;
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void message_step(const char *format, ...)
{
    if (!is_verbose)
        return;
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void message_hold(void)
{
    pthread_mutex_lock(&lock);
    is_held = true;
    pthread_mutex_unlock(&lock);
}

void message_release(void)
{
    pthread_mutex_lock(&lock);
    is_held = false;
    write_all(held, held_size);
    held_size = 0;
    pthread_mutex_unlock(&lock);
}
