# SPDX-License-Identifier: MIT
"""What --budget 5 leaves of a program that does nothing but tiny calls, second by second.

Why: the worst program for any tracer is what a budget is for, and its first second is the hardest.
Rules: the program counts its own work in each second of its CPU time, which a busy machine disturbs
less than the clock; runs with and without are interleaved. Beside them plain against plain, which
is the machine's noise, and all of it recorded.
"""

import json
import os
import pathlib
import statistics
import subprocess
import tempfile

import places
import tables
from places import BenchError, say

SECONDS = 5
PAIRS = 5
BOUNDS = {1: 1.15, 2: 1.15}  # of a second since the start; 1.08 from the third on
PROGRAM = """
import sys, time
def leaf(x):
    return x
def middle(x):
    return leaf(x) + leaf(x)
def rounds():
    for i in range(100):
        middle(i)
done = []
begin = time.process_time()
for second in range(int(sys.argv[2])):
    count = 0
    while time.process_time() < begin + second + 1:
        rounds()
        count += 1
    done.append(count)
with open(sys.argv[1], "w") as out:
    out.write(str(done))
"""
VARIANTS = {"plain again": None, "--budget 5": ["--budget", "5"], "--exact": ["--exact"]}


def work(python: str, options: "list[str] | None") -> "tuple[list[int], dict]":
    """Rounds done in each second, and ulma's report."""
    with tempfile.TemporaryDirectory(dir=places.HOME) as name:
        folder = pathlib.Path(name)
        script, out, report = folder / "tiny.py", folder / "out", folder / "report.json"
        script.write_text(PROGRAM)
        words = [str(script), str(out), str(SECONDS)]
        command = [python, *words]
        if options is not None:
            head = [str(places.ULMA), "run", "-q", "-f", "json", "-o", str(report)]
            command = [*head, *options, "--python", python, *words]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if done.returncode:
            raise BenchError(f"{command[:4]} ended with {done.returncode}: {done.stderr!r}")
        told = json.loads(report.read_text()) if options is not None else {}
        return json.loads(out.read_text()), told


def estimate_error(report: dict, rounds: int) -> float:
    """Of the leaf's calls, in percent."""
    row = next(row for row in report["functions"] if row["name"] == "leaf")
    return 100 * (row["calls"] / (200 * rounds) - 1)


def measure(python: str) -> "tuple[dict[str, list[list[float]]], list[float], float]":
    ratios = {name: [[] for _ in range(SECONDS)] for name in VARIANTS}
    errors, cost = [], []
    for pair in range(PAIRS):
        say(f"budget: {os.path.basename(python)}, pair {pair + 1} of {PAIRS}")
        for name, options in VARIANTS.items():
            plain, _ = work(python, None)
            other, report = work(python, options)
            for second in range(SECONDS):
                ratios[name][second].append(plain[second] / other[second])
            if name == "--budget 5":
                errors.append(estimate_error(report, sum(other)))
                cost.append(report["probe"]["cost_pct"])
    return ratios, errors, statistics.median(cost)


def show(minors: "list[str]") -> None:
    print("\n## Budget\n")
    if not places.ULMA.exists():
        print("Not measured: build/ulma is not there; run make build.\n")
        return
    print(
        "Nothing but tiny calls: CPU time of the target to plain in each of its seconds since the "
        f"start, median of {PAIRS} interleaved pairs [least-most].\n"
    )
    for minor in minors:
        version, python = places.pythons()[minor]
        ratios, errors, cost = measure(str(python))
        body = []
        for second in range(1, SECONDS + 1):
            row = [str(second)]
            for name in VARIANTS:
                found = ratios[name][second - 1]
                middle = statistics.median(found)
                row.append(f"{middle:.3f} [{min(found):.2f}-{max(found):.2f}]")
            bound = BOUNDS.get(second, 1.08)
            met = statistics.median(ratios["--budget 5"][second - 1]) <= bound
            row.append(f"{bound:.2f} {'met' if met else '**missed**'}")
            body.append(row)
        print(f"### CPython {version}\n")
        print(tables.markdown(["second", *VARIANTS, "bound of --budget 5"], body))
        worst = max(errors, key=abs)
        print(
            f"With the budget: cost as ulma estimates it {cost:.1f} %; calls of the leaf as "
            f"estimated, error {statistics.median(errors):+.2f} % (worst {worst:+.2f} %).\n",
            flush=True,
        )
