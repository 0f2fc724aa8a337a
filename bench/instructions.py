# SPDX-License-Identifier: MIT
"""What armed-and-off costs, in instructions: callgrind, the slope between two run lengths.

Why: the promise is a tenth of a percent, far below what a clock can tell on a shared machine.
Rules: PYTHONHASHSEED=0; the counted parts lie within one process (marks.c), so that starting,
arming and the report are in none of them. Whatever a process did before moves its heap, and that
alone changes the count a little: plain is counted after other imports, too, and where these
differ by more than the bound, their difference is the bound.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
from typing import NamedTuple

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


class Case(NamedTuple):
    name: str
    ulma: "list[str] | None" = None  # options of `ulma run`; None: without ulma
    spin_s: float = 0.0
    before: "str | None" = None  # what a sitecustomize does


CASES = [
    Case("plain"),
    Case("noise: after an empty sitecustomize", before="pass"),
    Case("noise: after one that imports", before="import tempfile"),
    Case("armed and off", ["--start-off"]),
    Case("off again after on", ["--duration", str(ON_S)], SPIN_S),
]


def count(python: pathlib.Path, case: Case) -> float:
    """Instructions of a unit of work."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="callgrind-", dir=places.HOME))
    command = [
        "valgrind",
        "--tool=callgrind",
        f"--callgrind-out-file={folder / 'callgrind.out'}",
        str(python),
        str(places.HERE / "workload.py"),
        str(UNITS),
        str(case.spin_s),
    ]
    if case.ulma is not None:
        report = ["-f", "json", "-o", str(folder / "report.json")]
        command = [str(places.ULMA), "run", "-q", *report, *case.ulma, "--", *command]
    environment = dict(os.environ, PYTHONHASHSEED="0", BENCH_LIB=str(places.LIB))
    if case.before is not None:
        (folder / "sitecustomize.py").write_text(case.before + "\n")
        environment["PYTHONPATH"] = str(folder)
    try:
        what = f"callgrind on {python}"
        places.run(command, what, env=environment, stdin=subprocess.DEVNULL, timeout=900)
        if case.ulma is not None:
            check(folder / "report.json", was_on=case.spin_s > 0)
        found = totals(folder)
        if set(found) != {"once", "twice"}:
            raise BenchError(f"{what} wrote counts for {sorted(found)} only.")
        return (found["twice"] - found["once"]) / UNITS
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def lines(version: str, python: pathlib.Path) -> "list[list[str]]":
    out = []
    plain, bound = 0.0, BOUND_PCT
    for case in CASES:
        if case.ulma is not None and not places.ULMA.exists():
            out.append([version, case.name, "-", "-", "-", "build/ulma is not there"])
            continue
        say(f"callgrind, {version}: {case.name}")
        try:
            each = count(python, case)
        except BenchError as error:
            out.append([version, case.name, "failed", "-", "-", str(error).split("\n")[0][:80]])
            continue
        plain = plain or each
        pct = 100 * (each - plain) / plain
        limit, word = "", ""
        if case.ulma is None:
            bound = max(bound, abs(pct))
        else:
            limit = f"{bound:.3f}"
            word = "met" if abs(pct) <= bound else "**missed**"
        out.append([version, case.name, f"{each:.0f}", f"{pct:+.3f}", limit, word])
    return out


def show(minors: "list[str]") -> None:
    print("\n## Off: instructions per unit of work\n")
    if not shutil.which("valgrind"):
        print("Not measured: valgrind is not here (Debian: apt-get install valgrind).\n")
        return
    places.extension("marks")
    known = places.pythons()
    body = [line for minor in minors for line in lines(*known[minor])]
    print(f"Bound: {BOUND_PCT} % either way, or the noise where that is more.\n")
    head = ["CPython", "case", "instructions", "to plain, %", "bound", ""]
    print(tables.markdown(head, body), flush=True)
