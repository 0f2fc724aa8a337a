# SPDX-License-Identifier: MIT
"""How near corrected times are to the truth, on ten call-dense programs (call_dense.py).

Why: a profiler that takes its own cost out of the times claims to know it. The truth is measured
without any profiler: a function's self time is the slope of the program's time over how often that
function's work stands there. From none to once, not from once to more often: a processor does some
work beside what calls and returns, and more work has less of that beside it. What the second time
costs, to the first, stands beside it: so well can a truth be known at all.
How: all is wall time. Each measurement is a process with many rounds of the program, of some 0.3 ms
each, so that most meet nothing; a report has a path for each. This machine's cores have neighbours
(a profiler's own second process is one), and are slower by a few percent or by half for some time.
So a piece of work before and after each round tells the processor's pace, whoever profiles: where
it is not near the best of all processes, the round does not count. Of the others the lower quartile
is taken. Processes of all kinds follow each other in turns, many short ones: where things lie in
memory is a process's own, and makes it faster or slower by some percent. How far a truth can be
trusted is told by how much it changes with the turns that are taken for it; where that is too much,
there are more turns without a profiler.
Rules: every function of the list stands in the table, also where fewer than FEW rounds were left.
"""

import collections
import json
import math
import os
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import tempfile
from typing import Any, NamedTuple

import call_dense
import call_dense_held
import places
import tables
from places import BenchError, say

ROUNDS = 100  # of a process
FEW = 40
CLEAN = 1.06  # to the best pace: not disturbed
BOUND_PCT = 3.0
UNCERTAIN_PCT = 1.5  # of a truth: there are more turns, up to twice as many
DRAWS = 30
SETS = ("calls", "calls,c-calls")  # of events, that ulma is judged with
HOWS = ("corrected", "uncorrected", "cProfile")
WHOLE = "(the whole)"  # of the program: all its functions, the driver's too
SHAPE_BURSTS, SHAPE_STARTS = 2000, 3


class Sample(NamedTuple):
    ns: float
    pace_ns: float  # the slower of those before and after
    turn: int = 0


class Times:
    """Samples of one program: its whole time with each knob, each function under each profiler.

    A profiler is one of HOWS and, of ulma's, one of SETS."""

    def __init__(self) -> None:
        self.plain: dict[str, list[Sample]] = collections.defaultdict(list)
        self.own: dict[tuple[str, str, str], list[Sample]] = collections.defaultdict(list)
        self.calls: dict[str, float] = {}
        self.pace_ns = 0.0

    def best_pace_ns(self) -> float:
        """Of all: a kind whose processes all met a neighbour must not look undisturbed."""
        if self.pace_ns:
            return self.pace_ns
        of_all = [*self.plain.values(), *self.own.values()]
        paces = sorted(sample.pace_ns for samples in of_all for sample in samples)
        return paces[len(paces) // 100]

    def clean(self, samples: "list[Sample]") -> "list[float]":
        most = CLEAN * self.best_pace_ns()
        return sorted(sample.ns for sample in samples if sample.pace_ns <= most)

    def draw(self, turns: int) -> "Times":
        """As many turns of plain processes, drawn anew: one may come twice, another not."""
        drawn = Times()
        drawn.pace_ns = self.best_pace_ns()
        times = collections.Counter(random.choices(range(turns), k=turns))
        for knob, samples in self.plain.items():
            drawn.plain[knob] = [one for one in samples for _ in range(times[one.turn])]
        return drawn

    def low(self, samples: "list[Sample]") -> float:
        """The lower quartile of those that were not disturbed."""
        kept = self.clean(samples)
        return kept[len(kept) // 4] if kept else math.nan

    def slope(self, knob: str) -> float:
        """What the knob is of the program."""
        return abs(self.low(self.plain[knob]) - self.low(self.plain[""]))


def short(name: str) -> str:
    """`sum` of `<built-in method builtins.sum>`, `count` of `<method 'count' of 'list' ...>`."""
    quoted = re.search(r"'(\w+)'", name)
    return quoted.group(1) if quoted else name.rstrip(">").split(".")[-1]


class Runner:
    def __init__(self, python: pathlib.Path, program: call_dense.Program) -> None:
        self.python, self.program = python, program
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="corrected-", dir=places.HOME))
        self.times = Times()
        self.plain_turns = 0

    def run(self, how: str, events: str, *words: str) -> "tuple[list, dict]":
        return self.run_script(how, events, "call_dense_run.py", self.program.name, *words)

    def run_script(self, how: str, events: str, script: str, *words: str) -> "tuple[Any, dict]":
        result, report = self.folder / "result.json", self.folder / "report.json"
        command = [str(places.HERE / script), str(result), *words]
        if how in ("corrected", "uncorrected"):
            ours = ["run", "-q", "--force", "-f", "json", "-n", "0", "-o", str(report)]
            options = ["-e", events, "--python", str(self.python)]
            options += ["--uncorrected"] if how == "uncorrected" else []
            command = [str(places.ULMA), *ours, *options, *command]
        else:
            command = [str(self.python), *command]
        environment = dict(os.environ, PYTHONHASHSEED="0")
        places.run(command, " ".join(command), env=environment, stdin=subprocess.DEVNULL)
        told = json.loads(report.read_text()) if command[0] == str(places.ULMA) else {}
        return json.loads(result.read_text()), told

    def add_plain(self) -> None:
        times, _ = self.run("plain", "", "plain", str(ROUNDS))
        for knob, samples in times.items():
            self.times.plain[knob] += [Sample(*sample, self.plain_turns) for sample in samples]
        self.plain_turns += 1

    def uncertain_pct(self, c_calls: bool) -> "dict[str, float]":
        """Of each truth: its standard error."""
        draws = [
            truths(self.program, self.times.draw(self.plain_turns), c_calls) for _ in range(DRAWS)
        ]
        return {name: spread_pct([drawn[name] for drawn in draws]) for name in draws[0]}

    def has_few_rounds(self) -> bool:
        of_wholes = [samples for key, samples in self.times.own.items() if key[2] == WHOLE]
        return any(len(self.times.clean(samples)) < FEW for samples in of_wholes)

    def is_uncertain(self) -> bool:
        return not all(pct <= UNCERTAIN_PCT for pct in self.uncertain_pct(True).values())

    def add_ulma(self, how: str, events: str) -> None:
        rounds, report = self.run(how, events, "once", str(ROUNDS))
        for (name, number), (calls, self_ns) in self.by_round(report).items():
            self.times.calls[name] = calls
            self.times.own[how, events, name].append(Sample(self_ns, rounds[number][1]))

    def by_round(self, report: dict) -> "dict[tuple[str, int], list[float]]":
        """Calls and self time of each function in each round: its file's, for C its caller's."""
        functions = {row["id"]: row for row in report["functions"]}
        rounds: list[int | None] = []
        sums: dict[tuple[str, int], list[float]] = collections.defaultdict(lambda: [0, 0])
        for node in report["tree"]:
            row = functions.get(node["function"])
            file = (row or {}).get("file") or ""
            number = rounds[node["parent"]] if node["parent"] is not None else None
            if file.startswith("<burst "):
                number = int(file.split()[1][:-1])
                if row["name"] == "burst":
                    sums[WHOLE, number] = [1, node["total_ns"]]
            elif row and row["kind"] != "c" and file != f"<{self.program.name}>":
                number = None
            rounds.append(number)
            if row and number is not None:
                sum_ = sums[short(row["name"]), number]
                sum_[0] += node["calls"]
                sum_[1] += node["self_ns"]
        return sums

    def add_cprofile(self) -> None:
        rounds, _ = self.run("cProfile", "", "cprofile", str(ROUNDS))
        for rows, pace_ns in rounds:
            for name, (_, self_ns) in rows.items():
                self.times.own["cProfile", "", short(name)].append(Sample(self_ns, pace_ns))
            whole_ns = sum(self_ns for _, self_ns in rows.values())
            self.times.own["cProfile", "", WHOLE].append(Sample(whole_ns, pace_ns))

    def turn(self) -> None:
        self.add_plain()
        for events in SETS:
            self.add_ulma("corrected", events)
            self.add_ulma("uncorrected", events)
        self.add_cprofile()

    def close(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def spread_pct(values: "list[float]") -> float:
    known = [value for value in values if not math.isnan(value)]
    return 100 * statistics.stdev(known) / statistics.mean(known) if len(known) > 1 else math.nan


class Judged(NamedTuple):
    program: str
    function: str
    truth_ns: float  # of a round
    calls: float
    of_program_pct: float  # a hundred of it are the program's time
    times_ns: "dict[str, float]"
    rounds: int
    more_pct: float  # what the same work costs once more, to what it costs once
    uncertain_pct: float  # the truth's standard error

    def error_pct(self, how: str) -> float:
        return 100 * (self.times_ns[how] / self.truth_ns - 1)

    def error_of_program_pct(self, how: str) -> float:
        return (self.times_ns[how] / self.truth_ns - 1) * self.of_program_pct


def truths(program: call_dense.Program, times: Times, c_calls: bool) -> "dict[str, float]":
    knobs = call_dense.knobs(program)
    found = {}
    for names in program.functions:
        found[names] = 0.0
        for name in names.split("+"):
            found[names] += times.slope(f"work {name}")
            if f"call {name}" in knobs:
                found[names] += times.slope(f"call {name}") * knobs[f"call {name}"]
    for name, caller in program.c_functions:
        call = times.slope(f"call {name}")
        found[caller] += call if c_calls else times.slope(f"work {name}")
        if c_calls:
            found[name] = times.slope(f"work {name}") - call
    found[WHOLE] = times.low(times.plain[""])
    return found


def more_pct(names: str, times: Times) -> float:
    """How well a truth can be known at all: the same statements' second price."""
    parts = [name for name in names.split("+") if f"work {name}" in times.plain]
    first = sum(times.slope(f"work {name}") for name in parts)
    second = sum(times.slope(f"more {name}") for name in parts)
    return 100 * (second / first - 1) if first else math.nan


def judge(runner: Runner, events: str) -> "list[Judged]":
    program, times = runner.program, runner.times
    uncertain = runner.uncertain_pct("c-calls" in events)
    whole = times.low(times.plain[""])
    out = []
    for name, truth in truths(program, times, "c-calls" in events).items():
        parts = name.split("+")
        by = {
            how: [(how, events if how in HOWS[:2] else "", part) for part in parts] for how in HOWS
        }
        own = {how: sum(times.low(times.own[each]) for each in by[how]) for how in HOWS}
        rounds = min(len(times.clean(times.own[by[how][0]])) for how in HOWS[:2])
        calls = times.calls.get(parts[0], 0)
        of_program, more = 100 * truth / whole, more_pct(name, times)
        judged = (program.name, name, truth, calls, of_program, own, rounds, more)
        out.append(Judged(*judged, uncertain[name]))
    return out


def line(judged: Judged) -> "list[str]":
    each = judged.calls or 1
    cells = [judged.program, judged.function, f"{judged.truth_ns / each:.0f}"]
    cells += [f"{judged.uncertain_pct:.1f}"]
    cells += [f"{judged.of_program_pct:.0f}"]
    cells += [f"{judged.error_pct(how):+.1f}" for how in HOWS]
    cells += [f"{judged.error_of_program_pct('corrected'):+.1f}"]
    cells += ["" if judged.function == WHOLE else f"{judged.more_pct:+.1f}"]
    few = "few rounds" if judged.rounds < FEW else "**missed**"
    return [*cells, "met" if is_met(judged) else few]


def is_met(judged: Judged) -> bool:
    return judged.rounds >= FEW and abs(judged.error_pct("corrected")) <= BOUND_PCT


HEAD = ["program", "function", "truth, ns a call", "± %", "% of the program", "corrected"]
HEAD += ["uncorrected", "cProfile", "corrected, of the program", "work once more", ""]


def measure(minor: str, turns: int, names: "list[str] | None" = None) -> "dict[str, list[Judged]]":
    """Of each of SETS: every function."""
    version, python = places.pythons()[minor]
    out: dict[str, list[Judged]] = {events: [] for events in SETS}
    for program in [*call_dense.PROGRAMS, *call_dense_held.PROGRAMS]:
        if names and program.name not in names:
            continue
        say(f"corrected, {version}: {program.name}")
        runner = Runner(python, program)
        try:
            for _ in range(turns):
                runner.turn()
            while runner.plain_turns < 2 * turns and runner.has_few_rounds():
                runner.turn()
            while runner.plain_turns < 2 * turns and runner.is_uncertain():
                runner.add_plain()
        finally:
            runner.close()
        for events in SETS:
            out[events] += judge(runner, events)
    return out


def shapes(minor: str) -> str:
    """What the hooks add to each shape of call."""
    version, python = places.pythons()[minor]
    say(f"corrected, {version}: shapes of calls")
    runner = Runner(python, call_dense.PROGRAMS[0])
    kinds = [("plain", ""), *(("corrected", events) for events in SETS)]
    least: dict[tuple[str, str], float] = collections.defaultdict(lambda: math.inf)
    try:
        for _ in range(SHAPE_STARTS):
            for how, events in kinds:
                found, _ = runner.run_script(how, events, "call_shapes.py", str(SHAPE_BURSTS))
                for shape, ns in found.items():
                    least[shape, events] = min(least[shape, events], ns)
    finally:
        runner.close()
    head = ["a call of", "ns", *(f"more with `-e {events}`" for events in SETS)]
    body = [
        [shape, f"{ns:.1f}", *(f"{least[shape, events] - ns:+.1f}" for events in SETS)]
        for (shape, kind), ns in least.items()
        if not kind
    ]
    return f"\n## What a call costs in all, CPython {version}\n\n{tables.markdown(head, body)}"


def show(minors: "list[str]", turns: int) -> None:
    if not places.ULMA.exists():
        raise BenchError("build/ulma is not there: run make build.")
    for minor in minors:
        print(shapes(minor), flush=True)
        for events, judged in measure(minor, turns).items():
            print(f"\n## Corrected times, CPython {places.pythons()[minor][0]}, `-e {events}`\n")
            print("Errors in percent of the function's true self time.\n")
            print(tables.markdown(HEAD, [line(one) for one in judged]))
            for what in ("functions", "programs"):
                of = [one for one in judged if (one.function == WHOLE) == (what == "programs")]
                met = sum(is_met(one) for one in of)
                print(f"Within {BOUND_PCT:.0f} %: {met} of {len(of)} {what}.\n", flush=True)
