# SPDX-License-Identifier: MIT
"""``python -m ulma …``: the command ``ulma …``, its targets run by this very interpreter.

The process becomes the native program by exec, so that PID, terminal, signals and exit status are
its own, and no Python stays between it and what it profiles.
"""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import sys
import sysconfig
from collections.abc import Iterator

# The verbs that can start a target, and so take --python.
STARTING = ("run", "top", "web", "record", "monitor")


def candidates() -> Iterator[pathlib.Path]:
    """The places where the executable may stand, the most certain first."""
    try:
        files = importlib.metadata.files("ulma") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "ulma" and ".." in file.parts:
            yield pathlib.Path(str(file.locate()))
    yield pathlib.Path(sysconfig.get_path("scripts")) / "ulma"
    # In a clone: python/ulma/__main__.py and build/ulma.
    yield pathlib.Path(__file__).resolve().parents[2] / "build" / "ulma"


def executable() -> str:
    for path in candidates():
        if os.access(path, os.X_OK) and path.is_file():
            return os.path.realpath(path)
    sys.exit(
        "ulma: the program that belongs to this package was not found beside "
        f"{sys.executable}; install it again: "
        f"{sys.executable} -m pip install --force-reinstall ulma"
    )


def main() -> None:
    path = executable()
    words = sys.argv[1:]
    if words and words[0] in STARTING:
        words[1:1] = ["--python", sys.executable]
    os.execv(path, ["ulma", *words])


if __name__ == "__main__":
    main()
