# SPDX-License-Identifier: MIT
"""Whether --budget 5 shows the functions that an exact run shows, with the same figures.

Why: who is muted is estimated; a table whose first rows are others, or of other sizes, is no use.
Rules: each program does the same work in every run, so that calls can be compared. Its exact run
beside another exact one tells what the machine does to times by itself, and is judged the same way.
Where its speed wanders by more than the bound, shares of the program's whole time are what can be
compared; they stand beside the times.
"""

import collections
import json
from typing import NamedTuple

import places
import tables
from measure import Bench, Variant
from places import BenchError, say
from programs import PROGRAMS, Program

FIRST, AMONG = 20, 25  # of an exact run; of the one with the budget
LEAST = 18
TIME_PCT, CALLS_PCT = 20.0, 10.0
PHASE_SECONDS = 5
LOOPS = 8  # times as many as elsewhere: a program of some four seconds, many bursts
RANKED = [
    Program("tiny", "", "tiny", 12000),  # the worst for a budget
    *(
        program._replace(loops=program.loops * LOOPS)
        for program in PROGRAMS
        if program.name in ("deltablue", "raytrace", "regex_compile")
    ),
    Program("shop", "", "shop", 250),
    Program("phases", "", "phases", 1),
]
PHASES = {
    "word_phase": ("count_words", "weight", "vowels", "is_vowel", "stem"),
    "matrix_phase": ("cell", "product", "multiply"),
    "maze_phase": ("Maze.visit", "Maze.neighbours", "Maze.is_inside", "Maze.is_wall"),
}


class Figures(NamedTuple):
    self_ns: int
    total_ns: int
    calls: int


Report = dict[tuple[str, int, str], Figures]


def functions_of(report: dict) -> Report:
    """A function that was made several times is one."""
    sums: dict[tuple[str, int, str], list[int]] = collections.defaultdict(lambda: [0, 0, 0])
    for row in report["functions"]:
        mine = sums[row["file"], row["line"], row["qualname"]]
        for at, key in enumerate(("self_ns", "total_ns", "calls")):
            mine[at] += row[key]
    return {key: Figures(*values) for key, values in sums.items()}


class Rank(NamedTuple):
    """Of the functions first in the exact run."""

    asked: int
    there: int
    good: int
    worst: str


def off_pct(mine: int, exact: int) -> float:
    return 100 * (mine / exact - 1) if exact else 0.0 if not mine else float("inf")


def by(report: Report, field: str) -> "list[tuple[str, int, str]]":
    return sorted(report, key=lambda key: -getattr(report[key], field))


def in_shares(report: Report) -> Report:
    """Times as parts of a billion of all self time."""
    whole = sum(figures.self_ns for figures in report.values())
    return {
        key: Figures(row.self_ns * 10**9 // whole, row.total_ns * 10**9 // whole, row.calls)
        for key, row in report.items()
    }


def rank(exact: Report, other: Report, field: str) -> Rank:
    first, among = by(exact, field)[:FIRST], set(by(other, field)[:AMONG])
    good, worst = 0, (0.0, "")
    for key in first:
        if key not in among:
            continue
        time = off_pct(getattr(other[key], field), getattr(exact[key], field))
        calls = off_pct(other[key].calls, exact[key].calls)
        good += abs(time) <= TIME_PCT and abs(calls) <= CALLS_PCT
        name = key[2].rpartition(".")[2]
        worst = max(worst, (abs(time), f"{name} {time:+.0f} %, calls {calls:+.1f} %"))
    return Rank(len(first), sum(key in among for key in first), good, worst[1])


def needed(asked: int) -> int:
    return LEAST if asked == FIRST else asked


def cell(found: Rank) -> str:
    return f"{found.good} of {found.asked}, {found.there} there"


def phases_there(report: Report) -> "dict[str, list[str]]":
    """Which functions of each phase are not among the first by self time."""
    among = {key[2] for key in by(report, "self_ns")[:AMONG]}
    return {phase: [name for name in names if name not in among] for phase, names in PHASES.items()}


def measure(bench: Bench, program: Program, *options: str) -> dict:
    variant = Variant("", ulma=options)
    run = bench.run(program, variant)
    if run.failure:
        raise BenchError(f"{program.name} {options}: {run.failure}")
    return json.loads((bench.scratch / "report.json").read_text())


def measured(bench: Bench, program: Program, clock: str) -> "tuple[list[list[str]], str, bool]":
    """Rows of the table, what it says of phases, whether the bounds are met."""
    options = ("--clock", clock)
    exact = functions_of(measure(bench, program, "--exact", *options))
    report = measure(bench, program, "--budget", "5", *options)
    budget, again = functions_of(report), None
    # The phases are long, and what the machine does is seen with the others.
    if program.name != "phases":
        again = functions_of(measure(bench, program, "--exact", *options))
    met, rows = True, []
    for field in ("self_ns", "total_ns"):
        found = rank(exact, budget, field)
        met = met and found.good >= needed(found.asked)
        row = [program.name, field[: -len("_ns")]]
        for other in (budget, again):
            row += [cell(rank(exact, other, field)) if other else ""]
            row += [cell(rank(in_shares(exact), in_shares(other), field)) if other else ""]
        rows.append([*row, found.worst])
    rows[0] += [str(report["probe"]["muted_functions"]), f"{report['probe']['cost_pct']:.1f}"]
    rows[1] += ["", ""]
    told = ""
    if program.name == "phases":
        missing = phases_there(budget)
        met = met and not any(missing.values())
        told = "; ".join(
            f"{phase}: {'missing ' + ', '.join(names) if names else 'all there'}"
            for phase, names in missing.items()
        )
    return rows, told, met


HEAD = [
    "program",
    "by",
    "--budget 5",
    "its shares",
    "exact again",
    "its shares",
    "farthest off",
    "muted",
    "cost %",
]


def show(minors: "list[str]", timeout: float, clock: str) -> None:
    print("\n## Rank\n")
    if not places.ULMA.exists():
        print("Not measured: build/ulma is not there; run make build.\n")
        return
    print(
        f"Of the {FIRST} functions first in an exact run, those that are among the first {AMONG} "
        f"with --budget 5, within {TIME_PCT:.0f} % of its time and {CALLS_PCT:.0f} % of its calls; "
        f"the bound is {LEAST}. `there`: without regard to their figures.\n"
    )
    for minor in minors:
        version, python = places.pythons()[minor]
        bench = Bench(python, timeout)
        rows, phases, met = [], "", True
        try:
            for program in RANKED:
                say(f"rank: {version}, {program.name}")
                found, told, good = measured(bench, program, clock)
                rows += found
                phases += told
                met = met and good
        finally:
            bench.close()
        print(f"### CPython {version}\n\n{tables.markdown(HEAD, rows)}")
        print(f"Phases of some {PHASE_SECONDS} s, by self time: {phases}.\n")
        print(f"Bounds: {'met' if met else '**missed**'}.\n", flush=True)
