# SPDX-License-Identifier: MIT
"""What `io` adds to a call of the C library, beside a bare recording wrapper.

Why: a call that does next to nothing is some 150 ns in the kernel, which a whole program's other
work drowns.
Rules: those of births.py for nanoseconds: variants in turn, several rounds, the first percentile of
bursts, the least of the processes. Those of instructions.py for instructions, of write alone.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import instructions
import places
import tables
from places import BenchError, say

ROUNDS = 5
VARIANTS = ("plain", "bare", "ulma")
BOUND = 1.5
CALLS = 20000


def build(name: str, folder: pathlib.Path) -> str:
    output = folder / f"{name}.so"
    words = ["cc", "-O2", "-shared", "-fPIC", "-I", str(places.ROOT / "src"), "-o", str(output)]
    places.run([*words, str(places.HERE / f"{name}.c")], f"{name}.c")
    return str(output)


def command(variant: str, words: "list[str]") -> "list[str]":
    if variant != "ulma":
        return words
    report = ["-q", "--force", "-e", "io", "-f", "json", "-o", os.devnull, "--"]
    return [str(places.ULMA), "run", *report, *words]


def environments(folder: pathlib.Path) -> "dict[str, dict[str, str]]":
    given = dict(os.environ, PYTHONHASHSEED="0", BENCH_LIB=str(places.LIB))
    given["BENCH_IO_LOOP"] = build("io_loop", folder)
    bare = dict(given, LD_PRELOAD=build("bare_io", folder))
    return {variant: bare if variant == "bare" else given for variant in VARIANTS}


SCRIPT = str(places.HERE / "io_run.py")


def nanoseconds(python: pathlib.Path) -> "dict[str, dict[str, float]]":
    """By variant and function, what a call takes."""
    least: dict[str, dict[str, float]] = {variant: {} for variant in VARIANTS}
    with tempfile.TemporaryDirectory(dir=places.HOME) as name:
        folder = pathlib.Path(name)
        result, given = folder / "result", environments(folder)
        for _ in range(ROUNDS):
            for variant in VARIANTS:
                words = command(variant, [str(python), SCRIPT, str(result)])
                what = f"{variant} on {python}"
                places.run(words, what, env=given[variant], stdin=subprocess.DEVNULL)
                for kind, took in json.loads(result.read_text()).items():
                    least[variant][kind] = min(least[variant].get(kind, took), took)
    return least


def count(python: pathlib.Path, variant: str) -> float:
    """Instructions of a call and its turn of the loop."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="callgrind-", dir=places.HOME))
    out = f"--callgrind-out-file={folder / 'callgrind.out'}"
    script = [str(python), SCRIPT, "--count", str(CALLS)]
    words = command(variant, ["valgrind", "--tool=callgrind", out, *script])
    try:
        what = f"callgrind on {python}"
        given = environments(folder)[variant]
        places.run(words, what, env=given, stdin=subprocess.DEVNULL, timeout=900)
        found = instructions.totals(folder)
        if set(found) != {"once", "twice"}:
            raise BenchError(f"{what} wrote counts for {sorted(found)} only.")
        return (found["twice"] - found["once"]) / CALLS
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def row(version: str, kind: str, figures: "list[float]") -> "list[str]":
    plain, bare, ulma = figures
    added = (ulma - plain) / (bare - plain)
    return [version, kind, *(f"{one:.1f}" for one in figures), f"{ulma / bare:.2f}", f"{added:.2f}"]


def lines(version: str, python: pathlib.Path) -> "list[list[str]]":
    say(f"calls of the C library, {version}")
    took = nanoseconds(python)
    body = [
        row(version, f"{kind}, ns", [took[v][kind] for v in VARIANTS]) for kind in took["plain"]
    ]
    if shutil.which("valgrind"):
        counted = [count(python, variant) for variant in VARIANTS]
        body.append(row(version, "write, instructions", counted))
    return body


def show(minors: "list[str]") -> None:
    print("\n## Calls of the C library\n")
    if not places.ULMA.exists():
        print("Not measured: build/ulma is not there; run make build.\n")
        return
    places.extension("marks")
    body = []
    for minor in minors:
        version, python = places.pythons()[minor]
        try:
            body += lines(version, python)
        except BenchError as error:
            body.append([version, str(error).split("\n")[0][:80], *["-"] * (2 + len(VARIANTS))])
    print(f"In bursts from a loop of C; bound {BOUND} of a call with a bare recording wrapper.\n")
    head = ["CPython", "call", *VARIANTS, "ulma/bare", "what it adds, to bare"]
    print(tables.markdown(head, body), flush=True)
