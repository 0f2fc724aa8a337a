#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Print src/base/text_tables.h: which code points are wide, and which take no column.

Why: libc's wcwidth follows the locale and the libc; screens and goldens must not.
Rules: run with the newest CPython at hand (its unicodedata is the source) and commit the output.
Usage: tools/text_tables.py > src/base/text_tables.h
"""

import sys
import unicodedata
from collections.abc import Iterator
from typing import Callable


def width_zero(point: int) -> bool:
    """Marks and joiners: drawn on the character before, or not at all."""
    if point == 0xAD:  # a soft hyphen: terminals draw it
        return False
    if 0x1160 <= point <= 0x11FF:  # Hangul vowels and finals join the consonant before
        return True
    return unicodedata.category(chr(point)) in ("Mn", "Me", "Cf")


def width_two(point: int) -> bool:
    """East Asian wide and full-width; unassigned ideographs of their planes included."""
    return not width_zero(point) and (
        unicodedata.east_asian_width(chr(point)) in ("W", "F") or 0x20000 <= point <= 0x3FFFD
    )


def unsafe(point: int) -> bool:
    """What may not reach a terminal or a page: controls, and what turns text around or hides it."""
    if point & 0xFFFE == 0xFFFE or 0xFDD0 <= point <= 0xFDEF:  # never characters; XML forbids some
        return True
    return unicodedata.category(chr(point)) in ("Cc", "Cs", "Zl", "Zp") or (
        unicodedata.category(chr(point)) == "Cf" and point not in (0xAD, 0x200C, 0x200D)
    )


def ranges(chosen: Callable[[int], bool]) -> Iterator[tuple[int, int]]:
    """The code points chosen, as inclusive ranges."""
    first = -1
    for point in range(0x110001):
        inside = point < 0x110000 and chosen(point)
        if inside and first < 0:
            first = point
        elif not inside and first >= 0:
            yield first, point - 1
            first = -1


def table(name: str, chosen: Callable[[int], bool]) -> str:
    """One C array."""
    lines = [f"static const struct text_range {name}[] = {{"]
    row = "   "
    for first, last in ranges(chosen):
        item = f" {{0x{first:04X}, 0x{last:04X}}},"
        if len(row) + len(item) > 100:
            lines.append(row)
            row = "   "
        row += item
    return "\n".join([*lines, row, "};"])


def main() -> None:
    """Print the header."""
    print(f"""/* SPDX-License-Identifier: MIT */
/* Code points that take two columns, none, or may not be shown. Made by tools/text_tables.py from
 * Unicode {unicodedata.unidata_version}; do not edit.
 * Why: libc's wcwidth follows the locale and the libc; screens and goldens must not.
 * Rules: inclusive ranges in ascending order, for a binary search. Included by text.c only. */
#ifndef ULMA_BASE_TEXT_TABLES_H
#define ULMA_BASE_TEXT_TABLES_H

#include <stdint.h>

struct text_range {{
    uint32_t first, last;
}};

/* clang-format off */
""")
    print(
        "\n\n".join(
            [
                table("text_zero", width_zero),
                table("text_wide", width_two),
                table("text_unsafe", unsafe),
            ]
        )
    )
    print("\n/* clang-format on */\n\n#endif")


if __name__ == "__main__":
    sys.exit(main())
