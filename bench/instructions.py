# SPDX-License-Identifier: MIT
"""What armed-and-off costs, in instructions: callgrind, the slope between two run lengths.

Why: the promise is a tenth of a percent, far below what a clock can tell on a shared machine.
Rules: PYTHONHASHSEED=0; the counted parts lie within one process (marks.c), so that starting,
arming and the report are in none of them. Plain is counted twice: the difference is the noise.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import places
import tables
from places import BenchError, say

UNITS = 15
BOUND_PCT = 0.1
# Under callgrind a Python needs seconds to start; profiling lasts ON_S from its first code on, and
# the counted part begins when it is surely over.
ON_S = 3
SPIN_S = 8


def totals(folder: pathlib.Path) -> "dict[str, int]":
    """Mark -> instructions, of callgrind's dumps."""
    found = {}
    for path in folder.glob("callgrind.out*"):
        text = path.read_text(errors="replace")
        mark = re.search(r"^desc: Trigger: Client Request: (\w+)", text, re.MULTILINE)
        count = re.search(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)
        if mark and count:
            found[mark[1]] = int(count[1])
    return found


def check(report: pathlib.Path, was_on: bool) -> None:
    """That the case was what its name says: armed, and heard or not."""
    told = json.loads(report.read_text())
    read = told["events"]["read"]
    if not told["target"]["python"]:
        raise BenchError("the target was not armed under valgrind.")
    if (read > 0) != was_on:
        raise BenchError(f"{read} events were recorded where that should not be.")


def count(python: pathlib.Path, ulma: "list[str] | None", spin_s: float) -> float:
    """Instructions of a unit of work."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="callgrind-", dir=places.HOME))
    command = [
        "valgrind",
        "--tool=callgrind",
        f"--callgrind-out-file={folder / 'callgrind.out'}",
        str(python),
        str(places.HERE / "workload.py"),
        str(UNITS),
        str(spin_s),
    ]
    if ulma is not None:
        report = ["-f", "json", "-o", str(folder / "report.json")]
        command = [str(places.ULMA), "run", "-q", *report, *ulma, "--", *command]
    environment = dict(os.environ, PYTHONHASHSEED="0", BENCH_LIB=str(places.LIB))
    try:
        what = f"callgrind on {python}"
        places.run(command, what, env=environment, stdin=subprocess.DEVNULL, timeout=900)
        if ulma is not None:
            check(folder / "report.json", was_on=spin_s > 0)
        found = totals(folder)
        if set(found) != {"once", "twice"}:
            raise BenchError(f"{what} wrote counts for {sorted(found)} only.")
        return (found["twice"] - found["once"]) / UNITS
    finally:
        shutil.rmtree(folder, ignore_errors=True)


CASES = [
    ("plain", None, 0.0),
    ("noise: plain again", None, 0.0),
    ("armed and off", ["--start-off"], 0.0),
    ("off again after on", ["--duration", str(ON_S)], SPIN_S),
]


def lines(version: str, python: pathlib.Path) -> "list[list[str]]":
    out = []
    plain = 0.0
    for name, options, spin_s in CASES:
        if options is not None and not places.ULMA.exists():
            out.append([version, name, "-", "-", "build/ulma is not there"])
            continue
        say(f"callgrind, {version}: {name}")
        try:
            each = count(python, options, spin_s)
        except BenchError as error:
            out.append([version, name, "failed", "-", str(error).replace("\n", " ")[:80]])
            continue
        plain = plain or each
        pct = 100 * (each - plain) / plain
        word = "" if options is None else "met" if abs(pct) <= BOUND_PCT else "**missed**"
        out.append([version, name, f"{each:.0f}", f"{pct:+.3f}", word])
    return out


def show(minors: "list[str]") -> None:
    print("\n## Off: instructions per unit of work\n")
    if not shutil.which("valgrind"):
        print("Not measured: valgrind is not here (Debian: apt-get install valgrind).\n")
        return
    places.extension("marks")
    known = places.pythons()
    body = [line for minor in minors for line in lines(*known[minor])]
    print(f"Bound: {BOUND_PCT} % either way.\n")
    print(tables.markdown(["CPython", "case", "instructions", "to plain, %", ""], body), flush=True)
