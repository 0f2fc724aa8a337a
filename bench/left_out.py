# SPDX-License-Identifier: MIT
"""What a call costs of a function that --skip leaves out, in instructions (callgrind).

Why: from 3.12 on it should cost nothing, before that no more than a frame evaluation function that
does nothing; both are a few instructions, which no clock can tell.
Rules: those of instructions.py. The function has been left out for long when counting begins.
"""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
from typing import NamedTuple

import instructions
import places
import tables
from places import BenchError, say

CALLS = 20000
SPIN_S = 3  # until the collector has said it, and the interpreter has warmed up again


class Case(NamedTuple):
    name: str
    ulma: "list[str] | None" = None  # options of `ulma run`; None: without ulma
    how: str = "alone"
    before_3_12: bool = False  # only there
    rule: str = ""  # what a rule says of the function
    rules: int = 1  # so many, of which the last one names it


CASES = [
    Case("plain"),
    Case("a bare wrapper", how="wrap", before_3_12=True),
    Case("left out", ["--skip", "__main__:left"]),
    Case("kept, others left out", ["--skip", "elsewhere"]),
    Case("counted by a rule", [], rule="count"),
    Case("watched: raised", [], rule="escalate raised"),
    Case("watched: slower 1s", [], rule="escalate slower 1s"),
    Case("watched: slower 1s, the last of 1,000 rules", [], rule="escalate slower 1s", rules=1000),
    Case("recorded, no patterns", []),
]


def rules_file(folder: pathlib.Path, case: Case) -> "list[str]":
    if not case.rule:
        return []
    path = folder / "rules"
    others = [f"elsewhere:f{number} count" for number in range(case.rules - 1)]
    path.write_text("\n".join([*others, f"__main__:left {case.rule}"]) + "\n")
    return ["--rules", str(path)]


def count(python: pathlib.Path, case: Case) -> float:
    """Instructions of a call and its turn of the loop."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="callgrind-", dir=places.HOME))
    out = f"--callgrind-out-file={folder / 'callgrind.out'}"
    script = [str(places.HERE / "left_workload.py"), str(CALLS), str(SPIN_S), case.how]
    command = ["valgrind", "--tool=callgrind", out, str(python), *script]
    report = folder / "report.json"
    if case.ulma is not None:
        words = ["-q", "-f", "json", "-o", str(report), *case.ulma, *rules_file(folder, case), "--"]
        command = [str(places.ULMA), "run", *words, *command]
    environment = dict(os.environ, PYTHONHASHSEED="0", BENCH_LIB=str(places.LIB))
    try:
        what = f"callgrind on {python}"
        places.run(command, what, env=environment, stdin=subprocess.DEVNULL, timeout=900)
        if case.ulma is not None:
            check(report, case)
        found = instructions.totals(folder)
        if set(found) != {"once", "twice"}:
            raise BenchError(f"{what} wrote counts for {sorted(found)} only.")
        return (found["twice"] - found["once"]) / CALLS
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check(report: pathlib.Path, case: Case) -> None:
    """That the function was left out where that is the case, and only there."""
    told = json.loads(report.read_text())
    calls = sum(row["calls"] for row in told["functions"] if row["name"] == "left")
    if (calls == 0) != (case.name == "left out" or bool(case.rule)):
        raise BenchError(f"`{case.name}`: {calls} calls of `left` in the report.")


def lines(version: str, python: pathlib.Path) -> "list[list[str]]":
    out = []
    plain = 0.0
    old = tuple(map(int, version.split(".")[:2])) < (3, 12)
    for case in CASES:
        if case.before_3_12 and not old:
            continue
        say(f"callgrind, {version}: {case.name}")
        try:
            each = count(python, case)
        except BenchError as error:
            out.append([version, case.name, "failed", "-", str(error).split("\n")[0][:80]])
            continue
        plain = plain or each
        out.append(
            [version, case.name, f"{each:.1f}", f"{each - plain:+.1f}", f"{each / plain:.3f}"]
        )
    return out


def show(minors: "list[str]") -> None:
    print("\n## Left out: instructions of a call and its turn of the loop\n")
    if not shutil.which("valgrind"):
        print("Not measured: valgrind is not here (Debian: apt-get install valgrind).\n")
        return
    places.extension("marks")
    places.extension("floor")
    known = places.pythons()
    body = [line for minor in minors for line in lines(*known[minor])]
    print(
        tables.markdown(["CPython", "case", "instructions", "more", "to plain"], body), flush=True
    )
