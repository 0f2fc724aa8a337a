# SPDX-License-Identifier: MIT
"""The fold beside the fastest producer: events a second, both on one core, in one run.

Why: a collector that folds less than twice what one thread can write would fall behind somewhere.
Rules: the stream is a real program's: what its ring held when the program was stopped for a moment.
A rate is events by CPU seconds, so that a busy machine does not count.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import time

import places
import tables
from measure import VARIANTS, Bench, Variant
from places import BenchError, say
from programs import PROGRAMS, Program

# The most call-dense of the list: the worst that one thread can do to the collector.
WORST = ("fib", "generators", "coroutines", "deltablue")
RECORDED = "deltablue"
MILLIONS = 30
ROUNDS = 3
BOUND = 2.0


def named(name: str) -> Program:
    return next(program for program in PROGRAMS if program.name == name)


def variant(name: str) -> Variant:
    return next(variant for variant in VARIANTS if variant.name == name)


def rate(bench: Bench, program: Program) -> float:
    """Events a second that the program writes under ulma, in its thread's own time."""
    floor = bench.run(program, variant("floor"))
    ulma = bench.run(program, variant("ulma"))
    for run in (floor, ulma):
        if run.failure:
            raise BenchError(f"{program.name} failed: {run.failure}.")
    return floor.events / ulma.cpu_seconds


def child_of(pid: int) -> int:
    text = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(text[0]) if text else 0


def wait_for(what, seconds: float = 30.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(0.01)
    raise BenchError("a session to record did not appear; run `build/ulma run` to see why.")


def record(bench: Bench, program: Program) -> pathlib.Path:
    """A copy of a running session, taken while its target stands still."""
    sessions = bench.scratch / "sessions"
    sessions.mkdir(mode=0o700)
    recording = bench.scratch / "recording"
    laps = bench.scratch / "laps"
    laps.write_bytes(bytes(8))
    environment = dict(bench.environment, ULMA_DIR=str(sessions), BENCH_LAPS=str(laps))
    process = subprocess.Popen(
        bench.command(program, variant("ulma"), 1_000_000),
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    target = 0
    try:
        wait_for(lambda: int.from_bytes(laps.read_bytes(), "little") >= 20)
        target = child_of(process.pid)
        os.kill(target, signal.SIGSTOP)
        time.sleep(0.1)
        shutil.copyfile(next(sessions.iterdir()), recording)
    finally:
        for pid in (target, process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid or process.pid, signal.SIGKILL)
        process.wait()
    return recording


def fold_rate(program: pathlib.Path, stream: str, session: "list[str]") -> float:
    """Million events a second, median of some runs."""
    command = [str(program), stream, str(MILLIONS), *session]
    rates = []
    for _ in range(ROUNDS):
        words = places.run(command, "fold_bench").split()
        rates.append(float(words[1]))
    return statistics.median(rates)


def compiled() -> pathlib.Path:
    libraries = [
        places.ROOT / "build" / "src" / f"lib{name}.a" for name in ("model", "wire", "base")
    ]
    if not all(library.exists() for library in libraries):
        raise BenchError("the collector's libraries are not built: run make build.")
    # Thin archives do not tell that their objects changed: compiled afresh each time.
    (places.LIB / "fold_bench").unlink(missing_ok=True)
    flags = [*map(str, libraries), "-pthread", "-lm"]
    return places.compiled("fold_bench", [places.HERE / "fold_bench.c"], flags)


def show(minor: str) -> None:
    print("\n## Fold\n")
    if not places.ULMA.exists():
        print("Not measured: build/ulma is not there; run make build.\n")
        return
    version, python = places.pythons()[minor]
    say(f"fold, {version}")
    bench = Bench(places.venv(minor, version, python), 600)
    try:
        program = compiled()
        rates = {name: rate(bench, named(name)) / 1e6 for name in WORST}
        fastest = max(rates, key=lambda name: rates[name])
        recording = record(bench, named(RECORDED))
        streams = [(RECORDED + " (recorded)", [RECORDED, [str(recording)]])]
        streams += [
            (name + " (made)", [name, []])
            for name in ("fib", "program", "mixed", "wide", "generators")
        ]
        body = []
        for label, (name, session) in streams:
            each = fold_rate(program, name, session)
            factor = each / rates[fastest]
            word = ("met" if factor >= BOUND else "**missed**") if session else ""
            body.append([label, f"{each:.0f}", f"{factor:.1f}", word])
    except BenchError as error:
        print(f"Failed: {error}\n")
        return
    finally:
        bench.close()
    told = ", ".join(f"{name} {value:.1f}" for name, value in rates.items())
    print(f"Written by one thread under ulma, CPython {version}, million events/s: {told}.\n")
    print(f"Bound: {BOUND:g} times the highest ({fastest}).\n")
    print(tables.markdown(["stream", "M events/s folded", "times", ""], body), flush=True)
