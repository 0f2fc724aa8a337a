# SPDX-License-Identifier: MIT
"""What a trace costs and how large it is, and viztracer's file and time of the same run beside it.

Why: `record --trace` may add a tenth to the target's time over `record`, and 2.5 bytes an event.
Rules: record, record --trace and viztracer in turn, round by round; the ratio is the median of the
pairs'. The time is the program's own loop (drive.py), without the end: viztracer saves its file
after it. Its buffer is made large enough to keep all, where it can; it notes C calls, too, which
ulma does not unless asked.
"""

import json
import os
import pathlib
import sqlite3
import statistics
import subprocess

import places
import tables
from measure import Bench
from places import BenchError, say
from programs import PROGRAMS, QUICK

ROUNDS = 7
MOST_ADDED, MOST_BYTES = 1.10, 2.5
ENTRIES = 10_000_000


def words_of(bench: Bench, program, profiler: str, prefix: "list[str]") -> "list[str]":
    drive = [str(places.HERE / "drive.py"), str(bench.scratch / "result.json"), profiler]
    tail = [str(program.loops), program.benchmark, str(program.file(bench.programs))]
    return [*prefix, *drive, *tail, *program.arguments]


def seconds_of(bench: Bench, words: "list[str]", **changes: str) -> float:
    result = bench.scratch / "result.json"
    result.unlink(missing_ok=True)
    done = subprocess.run(
        words,
        env=dict(bench.environment, **changes),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        timeout=bench.timeout,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing on stderr"])[-1]
        raise BenchError(f"{words[0]} ended with {done.returncode}: {last[:120]}.")
    return float(json.loads(result.read_text())["seconds"])


def size_of(path: pathlib.Path) -> "tuple[int, int]":
    """Events of the trace, and its bytes."""
    database = sqlite3.connect(path)
    try:
        query = "SELECT sum(events), sum(length(bytes)) FROM trace_chunks"
        events, size = database.execute(query).fetchone()
    finally:
        database.close()
    return events, size


def measure(bench: Bench, program, rounds: int) -> "list[str]":
    path, viz = bench.scratch / "run.ulma", bench.scratch / "viz.json"
    record = [str(places.ULMA), "record", "-q", "--force", "-o", str(path)]
    record += ["--python", str(bench.python)]
    added, against = [], []
    for turn in range(rounds):
        ways = ([], ["--trace"]) if turn % 2 == 0 else (["--trace"], [])  # neither is always first
        seconds = {
            bool(way): seconds_of(bench, words_of(bench, program, "none", [*record, *way]))
            for way in ways
        }
        plain, traced = seconds[False], seconds[True]
        kept = {"BENCH_TRACE": str(viz), "BENCH_TRACE_ENTRIES": str(ENTRIES)}
        words = words_of(bench, program, "viztracer", [str(bench.python)])
        peer = seconds_of(bench, words, **kept)
        added.append(traced / plain)
        against.append(peer / traced)
    events, size = size_of(path)
    median = statistics.median(added)
    return [
        program.name,
        f"{events:,}",
        f"{size / events:.2f}",
        "met" if size <= MOST_BYTES * events else "**missed**",
        f"{median:.3f} ({min(added):.2f}-{max(added):.2f})",
        "met" if median <= MOST_ADDED else "**missed**",
        f"{size / 1e6:.1f}",
        f"{viz.stat().st_size / 1e6:.1f}",
        f"{statistics.median(against):.2f}",
    ]


def show(minor: str, quick: bool) -> None:
    print("\n## Traces\n")
    if not places.ULMA.exists():
        print("Not measured: build/ulma is not there; run make build.\n")
        return
    version, python = places.pythons()[minor]
    bench = Bench(places.venv(minor, version, python), 600)
    named = os.environ.get("BENCH_PROGRAMS", "").split()
    chosen = [p for p in PROGRAMS if p.name in named] if named else PROGRAMS
    body = []
    try:
        for program in chosen:
            if quick and not named and program.name not in QUICK:
                continue
            say(f"trace of {program.name}, {version}")
            try:
                body.append(measure(bench, program, ROUNDS if not quick else 3))
            except (BenchError, OSError, subprocess.TimeoutExpired) as error:
                body.append([program.name, f"failed: {error}", *[""] * 7])
    finally:
        bench.close()
    print(
        f"`ulma record --trace` over `ulma record`, CPython {version}: the program's time, pairs; "
        f"bounds {MOST_ADDED} and {MOST_BYTES} bytes an event. viztracer's time is to "
        "`record --trace`.\n"
    )
    head = [
        "program",
        "events",
        "bytes each",
        "",
        "added (range)",
        "",
        "MB",
        "viztracer MB",
        "its time",
    ]
    print(tables.markdown(head, body), flush=True)
