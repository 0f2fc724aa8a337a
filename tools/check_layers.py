#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The law of the folders, read from the #include lines.

usage: check_layers.py [ROOT]
Why: the folders are the architecture only as long as nothing reaches around them. ARCHITECTURE.md
says the law in words; the tables here are the same law.
Rules: prints one line for each breach, `file:line: what; what would be right`, and fails.
"""

import pathlib
import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

# A layer may include its own headers and those of the layers named here.
LAW: dict[str, set[str]] = {
    "base": set(),
    "wire": {"base"},
    "probe": {"base", "wire"},
    "attach": {"base", "wire"},
    "model": {"base", "wire"},
    "views": {"base", "model"},
    "export": {"base", "model", "views"},
    "diff": {"base", "model", "export"},
    "recording": {"base", "model"},
    "monitor": {"base", "wire", "model"},
    "events": {"monitor"},
    "tui": {"base", "model", "views"},
    "web": {"base", "model", "views", "export"},
    "trace": {"base", "wire", "model", "recording"},
    "cmd": {
        "base",
        "wire",
        "attach",
        "model",
        "views",
        "export",
        "diff",
        "recording",
        "trace",
        "monitor",
        "tui",
        "web",
    },
}

# The probe may not allocate, so of base it sees what cannot.
PROBE_BASE = {"base/clock.h", "base/command.h"}

# Whoever only reads the model reads it as a snapshot; the model itself has one owner.
SNAPSHOT_ONLY = {"views", "export", "diff", "recording", "tui", "web"}
SNAPSHOT = {
    "model/shape.h",
    "model/slices.h",
    "model/snapshot.h",
    "model/timeline.h",
    "model/tree_order.h",
    "model/verdicts.h",
}

# A recording is made of what the model keeps, and comes to the same numbers by the same code.
RECORDING = {"model/histogram.h", "model/snapshot_paths.h"}

# Headers from outside that only some may see.
OUTSIDE = {
    "Python.h": ({"probe", "events"}, "the probe (and the events of monitors)"),
    "curses.h": ({"tui"}, "src/tui"),
    "ncursesw/curses.h": ({"tui"}, "src/tui"),
    "sqlite3.h": ({"recording"}, "src/recording"),
}

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
VERSION_TEST = re.compile(r"^\s*#\s*(?:el)?if.*\bPY_(?:VERSION_HEX|MAJOR_VERSION|MINOR_VERSION)\b")
LONGEST_FILE = 800


class Breach(NamedTuple):
    path: pathlib.Path
    line: int
    what: str


def layer_of(path: str) -> str:
    """The layer of a file named from src/; a source's halves belong to the probe and the model."""
    folder, _, rest = path.partition("/")
    stem = pathlib.PurePath(rest).stem
    if folder == "recording" and stem.startswith("trace_"):
        return "trace"  # it is told and told again to the model's owner, and so sees all of it
    if path.startswith("monitor/events_"):
        return "events"  # it is loaded by the monitors' Python
    if folder != "sources":
        return folder
    if stem.endswith("_probe"):
        return "probe"
    if stem.endswith("_fold"):
        return "model"
    # sources.def and <x>.def say which sources and kinds there are: data, of no layer.
    return "sources"


def breach_of(layer: str, quote: str, name: str, src: pathlib.Path) -> str:
    """What is wrong with this include in a file of this layer; "" when it is lawful."""
    if quote == "<":
        allowed, who = OUTSIDE.get(name, ({layer}, ""))
        return "" if layer in allowed else f"only {who} may include <{name}>"
    if "/" not in name or not (src / name).is_file():
        return f'"{name}" is not a path from src/; write it from there, as in "wire/ring.h"'
    other = layer_of(name)
    if other == layer or (other == "sources" and name.endswith(".def")):
        return ""
    if other not in LAW[layer]:
        return f"{layer} may not include {other} ({name}); it may use {words(LAW[layer])}"
    if layer == "probe" and other == "base" and name not in PROBE_BASE:
        return f"probe may not include {name}, which may allocate; it may use {words(PROBE_BASE)}"
    seen = SNAPSHOT | RECORDING if layer == "recording" else SNAPSHOT
    if layer in SNAPSHOT_ONLY and other == "model" and name not in seen:
        return f"{layer} may not include {name}; it reads {words(seen)}"
    return ""


def words(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "nothing of ours"


def breaches_in(path: pathlib.Path, src: pathlib.Path) -> Iterator[Breach]:
    name = path.relative_to(src).as_posix()
    layer = layer_of(name)
    if layer not in LAW and not (layer == "sources" and name.endswith(".def")):
        yield Breach(path, 1, f"{name} is in no layer; the folders are {words(set(LAW))}, sources")
        return
    lines = path.read_text(encoding="utf-8").splitlines()
    if len(lines) > LONGEST_FILE:
        yield Breach(path, LONGEST_FILE, f"{len(lines)} lines, more than {LONGEST_FILE}; split it")
    for number, line in enumerate(lines, 1):
        include = INCLUDE.match(line)
        if include and layer in LAW:
            what = breach_of(layer, include[1], include[2], src)
            if what:
                yield Breach(path, number, what)
        if VERSION_TEST.match(line) and not name.startswith("probe/py/"):
            yield Breach(path, number, "a test of Python's version; they live in src/probe/py only")


def breaches(root: pathlib.Path) -> list[Breach]:
    src = root / "src"
    found: list[Breach] = []
    seen: set[str] = set()
    for path in sorted(src.rglob("*")):
        if path.suffix not in (".c", ".h", ".def", ".S"):
            continue
        found.extend(breaches_in(path, src))
        if path.name in seen:
            found.append(Breach(path, 1, f"a second {path.name}; file names must be unique"))
        seen.add(path.name)
    return found


def main() -> int:
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parents[1])
    found = breaches(root)
    for breach in found:
        print(f"{breach.path}:{breach.line}: {breach.what}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
