/* SPDX-License-Identifier: MIT */
/* The Python text that carries the caller's code into the process.
 * Why wrapped: PyRun_SimpleString runs in `__main__`, ends the process on SystemExit and prints what
 * was raised. The caller's code gets a namespace of its own, and what it raises is written into the
 * page that we share, by way of /proc/self/mem: the one door that Python has to an address.
 * Rules: no name appears in `__main__`, no module is imported that was not there. */
#include "attach/inject_parts.h"

#include <stdio.h>
#include <string.h>

static const char carrier[] =
    "try:\n"
    "    exec(code, {'__name__': 'ulma', 'blob': blob})\n"
    "except BaseException as error:\n"
    "    try:\n"
    "        import posix\n"
    "        text = '%s: %s' % (type(error).__name__, error)\n"
    "        memory = posix.open('/proc/self/mem', posix.O_WRONLY | posix.O_CLOEXEC)\n"
    "        try:\n"
    "            posix.pwrite(memory, text.encode('utf-8', 'backslashreplace')[:room], at)\n"
    "        finally:\n"
    "            posix.close(memory)\n"
    "    except BaseException:\n"
    "        raise error from None\n";

enum { BYTES_PER_BYTE = 4, BYTES_BESIDES = 256 };

size_t inject_code_bytes(const char *code)
{
    return BYTES_PER_BYTE * (sizeof(carrier) + strlen(code)) + BYTES_BESIDES;
}

/* As a literal: what is not plain becomes \xNN. Returns its end. */
static char *write_literal(char *to, const char *bytes)
{
    for (; *bytes; bytes++) {
        unsigned char byte = (unsigned char)*bytes;
        if (byte >= 0x20 && byte < 0x7f && byte != '\'' && byte != '\\')
            *to++ = (char)byte;
        else
            to += sprintf(to, "\\x%02x", byte);
    }
    return to;
}

void inject_write_code(char *text, const char *code, uint64_t message, uint64_t blob,
                       size_t blob_bytes)
{
    char *end = text + sprintf(text, "exec(b'");
    end = write_literal(end, carrier);
    end += sprintf(end, "',{'code':b'");
    end = write_literal(end, code);
    sprintf(end, "','at':%llu,'room':%d,'blob':(%llu,%zu)})\n", (unsigned long long)message,
            INJECT_MESSAGE_BYTES - 1, (unsigned long long)blob, blob_bytes);
}
