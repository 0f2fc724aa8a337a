# SPDX-License-Identifier: MIT
"""For how long an attach stops the main thread, beside an empty stop.

Why: it is all that a process feels of an attach, and how long a stop takes at all is the machine's.
Rules: the injector alone (tests/attach/attach_tool) on a process that computes; an empty stop is
made by the same program, in a thread of the same priority, from wherever it runs, as any tracer
would: seize, interrupt, wait, detach. Both in turn, the ratio is of the medians and of the 99th
percentiles of one run.
"""

import re
import statistics
import subprocess

import places
import tables
from places import BenchError, say

ROUNDS = 400
COMPUTES = "while True: sum(range(100))"
TOOL = places.ROOT / "build" / "tests" / "attach" / "attach_tool"


def stop_ns(pid: int, *code: str) -> tuple[int, int]:
    """How often, how long in all."""
    done = subprocess.run([TOOL, str(pid), *code], capture_output=True, text=True)
    found = re.search(r"(\d+) stops, (\d+) ns", done.stdout)
    if done.returncode or not found:
        raise BenchError(f"attach_tool: {done.stderr.strip()}")
    return int(found[1]), int(found[2])


def percentile(values: list[int], share: float) -> int:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def measure(version: str, python: str) -> "list[str]":
    """A line of the table."""
    say(f"stops: CPython {version}")
    target = subprocess.Popen([python, "-c", COMPUTES])
    try:
        attaches, empties = [], []
        for _ in range(ROUNDS):
            empties.append(stop_ns(target.pid)[1])
            attaches.append(stop_ns(target.pid, "pass"))
    finally:
        target.kill()
        target.wait()
    ns = [spent for _, spent in attaches]
    cells = [version, str(len(ns))]
    for of in (statistics.median, lambda values: percentile(values, 0.99)):
        cells += [f"{of(empties) / 1e3:.1f}", f"{of(ns) / 1e3:.1f}", f"{of(ns) / of(empties):.2f}"]
    return [*cells, f"{statistics.mean(count for count, _ in attaches):.2f}"]


HEAD = [
    "Python",
    "attaches",
    "empty, median µs",
    "attach",
    "ratio",
    "empty, p99 µs",
    "attach",
    "ratio",
    "stops",
]
BOUNDS = (3, 2)


def show(minors: "list[str]") -> None:
    print("\n## Stops\n")
    if not TOOL.exists():
        print("Not measured: build/tests/attach/attach_tool is not there; run make test once.\n")
        return
    body, met = [], True
    for minor in minors:
        version, python = places.pythons()[minor]
        cells = measure(version, str(python))
        met = met and float(cells[4]) <= BOUNDS[0] and float(cells[7]) <= BOUNDS[1]
        body.append(cells)
    print(
        "How long the main thread is stopped by an attach, all its stops together, and by an empty "
        f"stop.\n\n{tables.markdown(HEAD, body)}\nBounds: {BOUNDS[0]} of the median, "
        f"{BOUNDS[1]} of the 99th percentile: {'met' if met else '**missed**'}.\n",
        flush=True,
    )
