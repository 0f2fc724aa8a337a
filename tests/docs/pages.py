# SPDX-License-Identifier: MIT
"""The Markdown pages, and the commands in them.

A block fenced as `console` is a session: lines after `$ ` are typed, what follows is what was seen,
`…` is what was cut. Blocks fenced otherwise are not run.
"""

import dataclasses
import pathlib
import re
import shlex
from collections.abc import Iterator

import harness

# Folders that builds and tools make.
MADE = re.compile(r"^(\.|build|dist|node_modules)")


def all_pages() -> "list[pathlib.Path]":
    found = harness.ROOT.rglob("*.md")
    return sorted(p for p in found if not any(map(MADE.match, p.relative_to(harness.ROOT).parts)))


def name_of(page: pathlib.Path) -> str:
    return str(page.relative_to(harness.ROOT))


@dataclasses.dataclass(frozen=True)
class Typed:
    """A command line, and the lines that the page shows below it."""

    page: str
    command: str
    shown: "tuple[str, ...]"


def blocks(text: str, kind: str) -> "Iterator[list[str]]":
    """The lines of each block of KIND, without the indent of the list that it stands in."""
    inside = None
    for line in text.splitlines():
        fence = re.match(r"( *)```(\w*)", line)
        if inside is None and fence and fence[2] == kind:
            inside, indent = [], len(fence[1])
        elif inside is not None and fence:
            yield inside
            inside = None
        elif inside is not None:
            inside.append(line[indent:])


def is_whole(command: str) -> bool:
    try:
        shlex.split(command)
    except ValueError:  # a quotation goes on in the next line
        return False
    return True


def sessions(page: pathlib.Path) -> "list[Typed]":
    found = []
    for lines in blocks(page.read_text(encoding="utf-8"), "console"):
        command, shown = "", []
        for line in [*lines, "$ "]:
            if command and not is_whole(command):
                command += f"\n{line}"
            elif line.startswith("$ "):
                if command:
                    found.append(Typed(name_of(page), command, tuple(shown)))
                command, shown = line[2:], []
            else:
                shown.append(line)
    return found
