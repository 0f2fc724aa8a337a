# SPDX-License-Identifier: MIT
"""Where the native program stands that belongs to this package."""

from __future__ import annotations

import importlib.metadata
import os
import pathlib
import sys
import sysconfig
from collections.abc import Iterator


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
    # In a clone: python/ulma/_program.py and build/ulma.
    yield pathlib.Path(__file__).resolve().parents[2] / "build" / "ulma"


def executable() -> str | None:
    for path in candidates():
        if os.access(path, os.X_OK) and path.is_file():
            return os.path.realpath(path)
    return None


def not_found() -> str:
    return (
        "the program that belongs to this package was not found beside "
        f"{sys.executable}; install it again: "
        f"{sys.executable} -m pip install --force-reinstall ulma"
    )
