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

/* The same for a script of its own (inject_script.c), which begins only if `claim` is locked, by an
 * ulma that lives, and it can take that away. */
static const char script_carrier[] =
    "import posix\n"
    "def read(path):\n"
    "    file, text = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC), b''\n"
    "    try:\n"
    "        while True:\n"
    "            more = posix.read(file, 1 << 20)\n"
    "            if not more:\n"
    "                return text\n"
    "            text += more\n"
    "    finally:\n"
    "        posix.close(file)\n"
    "def take():\n"
    "    try:\n"
    "        file = posix.open(folder + '/claim', posix.O_RDWR | posix.O_CLOEXEC)\n"
    "    except OSError:\n"
    "        return False\n"
    "    try:\n"
    "        posix.lockf(file, posix.F_TEST, 0)\n"
    "        for name in 'script.py', 'claim', 'result', 'blob':\n" /* a killed ulma's */
    "            posix.unlink(folder + '/' + name)\n"
    "        posix.rmdir(folder)\n"
    "        return False\n"
    "    except OSError:\n"
    "        pass\n"
    "    finally:\n"
    "        posix.close(file)\n"
    "    try:\n"
    "        posix.unlink(folder + '/claim')\n"
    "        return True\n"
    "    except OSError:\n"
    "        return False\n"
    "if take():\n"
    "    result = posix.open(folder + '/result', posix.O_WRONLY | posix.O_CLOEXEC)\n"
    "    try:\n"
    "        exec(code, {'__name__': 'ulma', 'blob': read(folder + '/blob')})\n"
    "        text = 'ran'\n"
    "    except BaseException as error:\n"
    "        text = '%s: %s' % (type(error).__name__, error)\n"
    "    posix.write(result, text.encode('utf-8', 'backslashreplace')[:room])\n"
    "    posix.close(result)\n";

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

size_t inject_script_bytes(const char *code)
{
    return BYTES_PER_BYTE * (sizeof(script_carrier) + strlen(code)) + BYTES_BESIDES;
}

void inject_write_script(char *text, const char *code, const char *folder)
{
    char *end = text + sprintf(text, "exec(b'");
    end = write_literal(end, script_carrier);
    end += sprintf(end, "',{'code':b'");
    end = write_literal(end, code);
    sprintf(end, "','folder':'%s','room':%d})\n", folder, INJECT_MESSAGE_BYTES - 1);
}
