# SPDX-License-Identifier: MIT
"""Write an assembler file that puts a file's bytes into the program as read-only data.

usage: embed.py SYMBOL INPUT OUTPUT
C sees `extern const unsigned char SYMBOL[], SYMBOL_end[];`, and `extern const char
SYMBOL_sha256[];`: the hash by which a page's policy names a script (base64). Assembler, because
.incbin takes megabytes in no time where a C array takes the compiler seconds.
"""

import base64
import hashlib
import pathlib
import sys

TEMPLATE = """\
#if defined(__APPLE__)
    .const
    .balign 16
    .globl _{symbol}
    .private_extern _{symbol}
_{symbol}:
    .incbin "{path}"
    .globl _{symbol}_end
    .private_extern _{symbol}_end
_{symbol}_end:
    .byte 0
    .globl _{symbol}_sha256
    .private_extern _{symbol}_sha256
_{symbol}_sha256:
    .asciz "{sha256}"
#else
    .section .rodata.{symbol}, "a"
    .balign 16
    .globl {symbol}
    .hidden {symbol}
    .type {symbol}, %object
{symbol}:
    .incbin "{path}"
    .globl {symbol}_end
    .hidden {symbol}_end
{symbol}_end:
    .byte 0
    .size {symbol}, . - {symbol}
    .globl {symbol}_sha256
    .hidden {symbol}_sha256
{symbol}_sha256:
    .asciz "{sha256}"
    .section .note.GNU-stack, "", %progbits
#endif
"""


def main() -> None:
    symbol, source, output = sys.argv[1:]
    path = str(pathlib.Path(source).resolve()).replace("\\", "\\\\").replace('"', '\\"')
    sha256 = base64.b64encode(hashlib.sha256(pathlib.Path(source).read_bytes()).digest()).decode()
    pathlib.Path(output).write_text(TEMPLATE.format(symbol=symbol, path=path, sha256=sha256))


if __name__ == "__main__":
    main()
