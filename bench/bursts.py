# SPDX-License-Identifier: MIT
"""What a call+return costs beside the bare floor, on a machine that has other work.

Why: a whole program's run meets whatever else the machine does, and a few nanoseconds drown in it.
A burst of a third of a millisecond mostly meets nothing.
Rules: of 1,500 bursts of one process the first percentile, of several processes in turn the least:
the same for plain, floor and ulma. The collector runs on the other CPU meanwhile, as always.
"""

import os
import pathlib
import subprocess
import tempfile

import places
import tables
from places import BenchError, say

ROUNDS = 6
BOUND = 1.3
KINDS = ("plain", "floor", "ulma")


def words(python: pathlib.Path, kind: str, result: pathlib.Path) -> "list[str]":
    target = [
        str(places.HERE / "burst_run.py"),
        str(result),
        "floor" if kind == "floor" else "plain",
    ]
    if kind != "ulma":
        return [str(python), *target]
    report = ["-q", "--force", "-f", "json", "-o", os.devnull]
    return [str(places.ULMA), "run", *report, "--python", str(python), *target]


def nanoseconds(python: pathlib.Path) -> "dict[str, float]":
    """What a call takes with each."""
    environment = dict(os.environ, BENCH_LIB=str(places.LIB))
    least = dict.fromkeys(KINDS, float("inf"))
    with tempfile.TemporaryDirectory(dir=places.HOME) as folder:
        result = pathlib.Path(folder) / "result"
        for _ in range(ROUNDS):
            for kind in KINDS:
                result.unlink(missing_ok=True)
                command = words(python, kind, result)
                places.run(
                    command, f"{kind} on {python}", env=environment, stdin=subprocess.DEVNULL
                )
                least[kind] = min(least[kind], float(result.read_text()))
    return least


def line(version: str, python: pathlib.Path) -> "list[str]":
    took = nanoseconds(python)
    floor, ulma = took["floor"] - took["plain"], took["ulma"] - took["plain"]
    word = "met" if ulma / floor <= BOUND else "**missed**"
    figures = [f"{value:.1f}" for value in (took["plain"], floor, ulma)]
    return [version, *figures, f"{ulma / floor:.2f}", word]


def show(minors: "list[str]") -> None:
    print("\n## A call beside the bare floor\n")
    if not places.ULMA.exists():
        print("Not measured: build/ulma is not there; run make build.\n")
        return
    places.extension("floor")
    body = []
    for minor in minors:
        version, python = places.pythons()[minor]
        say(f"bursts of calls, {version}")
        try:
            body.append(line(version, python))
        except BenchError as error:
            body.append([version, "failed", "-", "-", "-", str(error).split("\n")[0][:80]])
    print(f"fib in bursts; ns; bound {BOUND} of what the floor adds.\n")
    head = ["CPython", "a call", "floor adds", "ulma adds", "ulma/floor", ""]
    print(tables.markdown(head, body), flush=True)
