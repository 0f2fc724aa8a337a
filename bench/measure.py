# SPDX-License-Identifier: MIT
"""One measurement is one process; a round is every profiler once, in order; then the next round.

Why: the machine is shared and its speed wanders. What is compared ran within the same seconds, and
a ratio is taken of each round's pair before the median of the rounds.
Rules: a run that fails is a bad row with its reason, never a missing one.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Optional

import places
from programs import Program


@dataclass(frozen=True)
class Variant:
    name: str
    profiler: str = "none"  # inside the process, see drive.py
    ulma: "Optional[tuple[str, ...]]" = None  # options of `ulma run`

    def usable(self) -> bool:
        return self.ulma is None or places.ULMA.exists()


VARIANTS = [
    Variant("plain"),
    Variant("noise"),  # plain again
    Variant("off", ulma=("--start-off",)),
    Variant("ulma", ulma=()),
    Variant("ulma+c", ulma=("--events", "calls,c-calls")),
    Variant("floor", "floor"),
    Variant("floor+c", "floor-c"),
    Variant("cProfile", "cprofile"),
    Variant("yappi", "yappi"),
    Variant("viztracer", "viztracer"),
]


@dataclass
class Run:
    """What came out of one process."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    events: int = 0  # floor only
    report: "dict" = field(default_factory=dict)  # ulma only
    failure: str = ""


@dataclass
class Row:
    """All rounds of one program on one Python."""

    program: str
    runs: "dict[str, list[Run]]" = field(default_factory=dict)
    cpu: bool = False

    def failure(self, variant: str) -> str:
        runs = self.runs.get(variant)
        if not runs:
            return "not run"
        return next((run.failure for run in runs if run.failure), "")

    def seconds(self, variant: str) -> "list[float]":
        return [r.cpu_seconds if self.cpu else r.seconds for r in self.runs[variant]]

    def ratios(self, variant: str) -> "list[float]":
        """To plain, pair by pair; empty where either failed."""
        if self.failure("plain") or self.failure(variant):
            return []
        pairs = zip(self.seconds(variant), self.seconds("plain"))
        return [mine / plain for mine, plain in pairs]

    def extras(self, variant: str) -> "list[float]":
        """Seconds on top of plain, pair by pair."""
        if self.failure("plain") or self.failure(variant):
            return []
        pairs = zip(self.seconds(variant), self.seconds("plain"))
        return [mine - plain for mine, plain in pairs]

    def events(self, variant: str = "floor") -> int:
        return 0 if self.failure(variant) else self.runs[variant][0].events

    def noise_seconds(self) -> float:
        """How far two plain runs of a round are apart: what a difference must exceed to be one."""
        extras = [abs(extra) for extra in self.extras("noise")]
        return statistics.median(extras) if extras else 0.0


def summary(report: dict) -> dict:
    """What the tables need of a JSON report."""
    duration = report["target"]["duration_ns"] or 1
    return {
        "corrected_ns": report["corrected_ns"],
        "waited_pct": 100.0 * report["waited_ns"] / duration,
        "lost": report["events"]["lost"],
        "gaps": report["events"]["gaps"],
        "read": report["events"]["read"],
        "calls": sum(row["calls"] + row["resumes"] for row in report.get("functions", [])),
    }


class Bench:
    def __init__(self, python: pathlib.Path, timeout: float) -> None:
        self.python = python
        self.timeout = timeout
        self.programs = places.pyperformance()
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=places.HOME))
        self.warmed: set[Program] = set()
        self.environment = dict(os.environ, PYTHONHASHSEED="0", BENCH_LIB=str(places.LIB))

    def close(self) -> None:
        shutil.rmtree(self.scratch, ignore_errors=True)

    def command(self, program: Program, variant: Variant, loops: int) -> "list[str]":
        words = [
            str(places.HERE / "drive.py"),
            str(self.scratch / "result.json"),
            variant.profiler,
            str(loops),
            program.benchmark,
            str(program.file(self.programs)),
            *program.arguments,
        ]
        if variant.ulma is None:
            return [str(self.python), *words]
        ours = [str(places.ULMA), "run", "-q", "--force", "-f", "json", "--limit", "0"]
        output = ["-o", str(self.scratch / "report.json"), "--python", str(self.python)]
        return [*ours, *output, *variant.ulma, *words]

    def run(self, program: Program, variant: Variant) -> Run:
        for name in ("result.json", "report.json"):
            (self.scratch / name).unlink(missing_ok=True)
        try:
            done = subprocess.run(
                self.command(program, variant, program.loops),
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                timeout=self.timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Run(failure=f"took more than {self.timeout:.0f} s")
        except OSError as error:
            return Run(failure=str(error))
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["nothing on stderr"])[-1]
            return Run(failure=f"status {done.returncode}: {last[:80]}")
        try:
            result = json.loads((self.scratch / "result.json").read_text())
            out = Run(result["seconds"], result["cpu_seconds"], result.get("events", 0))
            if variant.ulma is not None:
                out.report = summary(json.loads((self.scratch / "report.json").read_text()))
        except (OSError, ValueError, KeyError) as error:
            return Run(failure=f"{type(error).__name__}: {error}")
        return out

    def round(self, program: Program, variants: "Sequence[Variant]") -> "dict[str, Run]":
        return {variant.name: self.run(program, variant) for variant in variants}

    def warm(self, program: Program) -> None:
        """Files into the page cache, bytecode onto the disk; once."""
        if program not in self.warmed:
            self.run(program, VARIANTS[0])
        self.warmed.add(program)


def row_of(
    program: Program, names: "Sequence[str]", rounds: "Sequence[dict[str, Run]]", cpu: bool
) -> Row:
    return Row(program.name, {name: [runs[name] for runs in rounds] for name in names}, cpu)
