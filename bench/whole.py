# SPDX-License-Identifier: MIT
"""Whole programs: what ulma says that they took, beside the time that they take without it.

Why: call_dense.py's programs do one thing over and over, and a processor learns them; others run
through many functions and libraries, where the same event costs up to twice as much.
Rules: CPU time. Each exact run stands between two plain ones, and is judged by these alone.
"""

import statistics
from typing import NamedTuple

import places
import tables
from measure import Bench, Run, Variant
from places import BenchError, say
from programs import PROGRAMS, Program

LEAST_CALLS_PCT = 2.0  # of a program's time that recording its calls may cost: less tells nothing
PRICE_NS = 55  # ... of a call, about
EXACTLY = Variant("ulma", ulma=("--exact", "--clock", "cpu"))


class Judged(NamedTuple):
    name: str
    plain_s: float
    gap_ns: float  # of the program's own time, for each call
    corrected_pct: float  # how much too long the times are, of the time without ulma
    uncorrected_pct: float


def judge(bench: Bench, program: Program, repeat: int, start: Run) -> "Judged | str":
    """Or why it could not be. START: a process without a loop, since what is timed is the loops
    alone, and what is corrected the whole process."""
    bench.warm(program)
    found: list[Judged] = []
    before = bench.run(program, Variant("plain"))
    for _ in range(repeat):
        exact, after = bench.run(program, EXACTLY), bench.run(program, Variant("plain"))
        for run in (before, exact, after):
            if run.failure:
                return f"{program.name}: {run.failure}"
        plain_s = (before.cpu_seconds + after.cpu_seconds) / 2
        more_s = exact.cpu_seconds - plain_s
        taken_s = (exact.report["corrected_ns"] - start.report["corrected_ns"]) / 1e9
        gap_ns = plain_s / max(exact.report["calls"] - start.report["calls"], 1) * 1e9
        found.append(
            Judged(
                program.name,
                plain_s,
                gap_ns,
                100 * (more_s - taken_s) / plain_s,
                100 * more_s / plain_s,
            )
        )
        before = after
    return Judged(program.name, *(statistics.median(r[i] for r in found) for i in range(1, 5)))


def show(minors: "list[str]", repeat: int, timeout: float) -> None:
    print("\n## Whole programs\n")
    if not places.ULMA.exists():
        print("Not measured: build/ulma is not there; run make build.\n")
        return
    print(
        "How much longer than without ulma a program's corrected times are, all together, in "
        f"percent; medians of {repeat} runs. Programs that make few calls are left out.\n"
    )
    for minor in minors:
        version, python = places.pythons()[minor]
        bench = Bench(places.venv(minor, version, python), timeout)
        judged: list[Judged | str] = []
        try:
            # Not each program's own: some cannot do without a loop.
            start = bench.run(PROGRAMS[0]._replace(loops=0), EXACTLY)
            if start.failure:
                raise BenchError(f"{PROGRAMS[0].name}, without a loop: {start.failure}")
            for program in PROGRAMS:
                say(f"whole programs: {version}, {program.name}")
                judged.append(judge(bench, program, repeat, start))
        finally:
            bench.close()
        show_rows(
            version,
            [
                row
                for row in judged
                if isinstance(row, Judged) and 100 * PRICE_NS / row.gap_ns >= LEAST_CALLS_PCT
            ],
        )
        print("".join(f"Failed: {row}.\n" for row in judged if isinstance(row, str)), flush=True)


def show_rows(version: str, rows: "list[Judged]") -> None:
    head = ["program", "plain, s", "ns between calls", "corrected", "uncorrected"]
    body = [
        [
            r.name,
            f"{r.plain_s:.2f}",
            f"{r.gap_ns:.0f}",
            f"{r.corrected_pct:+.1f}",
            f"{r.uncorrected_pct:+.1f}",
        ]
        for r in rows
    ]
    print(f"### CPython {version}\n\n{tables.markdown(head, body)}")
    for what, at in (("corrected", 3), ("uncorrected", 4)) if rows else ():
        off = [abs(row[at]) for row in rows]
        print(
            f"{what}: off by {statistics.median(off):.1f} % in the median, "
            f"{max(off):.1f} % at most; {sum(o <= 5 for o in off)} of {len(off)} within 5 %."
        )
    print(flush=True)
