# SPDX-License-Identifier: MIT
"""The collector's memory over time: its resident set while one program makes event after event.

Why: what it keeps must follow from what the program is, not from how long it runs.
Rules: the program says how many loops it has done; events a loop are counted once, by the floor.
ULMA_TORTURE=1 goes on to 10^9 events, without it 10^8.
"""

import mmap
import os
import pathlib
import struct
import subprocess
import time

import places
import tables
from measure import VARIANTS, Bench
from places import BenchError, say
from programs import PROGRAMS

FIRST = 10**7
SOON, TORTURE = 10**8, 10**9
BOUND = 1.1
PROGRAM = "richards"
FIELDS = ("VmRSS", "RssAnon", "RssShmem")


def resident_kib(pid: int) -> "dict[str, int]":
    found = {}
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        key, _, value = line.partition(":")
        if key in FIELDS:
            found[key] = int(value.split()[0])
    return found


def events_per_loop(bench: Bench, program) -> int:
    floor = next(variant for variant in VARIANTS if variant.name == "floor")
    done = bench.run(program, floor)
    if done.failure:
        raise BenchError(f"the floor under {program.name} failed: {done.failure}.")
    return done.events // program.loops


def follow(process: "subprocess.Popen", laps: mmap.mmap, each: int, marks: "list[int]"):
    """(events, kiB) at each mark, as soon as it was passed."""
    samples = []
    while process.poll() is None and len(samples) < len(marks):
        events = struct.unpack("Q", laps[:8])[0] * each
        if events >= marks[len(samples)]:
            samples.append((events, resident_kib(process.pid)))
        time.sleep(0.005)
    return samples


def measure(bench: Bench, most: int):
    program = next(program for program in PROGRAMS if program.name == PROGRAM)
    each = events_per_loop(bench, program)
    marks = [FIRST]
    while marks[-1] < most:
        marks.append(min(marks[-1] * 10, most))
    lap_file = bench.scratch / "laps"
    lap_file.write_bytes(bytes(8))
    ulma = next(variant for variant in VARIANTS if variant.name == "ulma")
    # Some more than the last mark needs: the collector must still be there to be looked at.
    loops = most // each + most // each // 50 + 20
    environment = dict(bench.environment, BENCH_LAPS=str(lap_file))
    with open(lap_file, "r+b") as stream, mmap.mmap(stream.fileno(), 8) as laps:
        process = subprocess.Popen(
            bench.command(program, ulma, loops),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            samples = follow(process, laps, each, marks)
            process.wait(timeout=bench.timeout)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
    if len(samples) < len(marks):
        raise BenchError(f"ulma ended before {marks[-1]:.0e} events, with {process.returncode}.")
    return samples


def show(minor: str, quick: bool) -> None:
    torture = bool(os.environ.get("ULMA_TORTURE"))
    most = TORTURE if torture else SOON
    print("\n## The collector's memory\n")
    if not places.ULMA.exists():
        print("Not measured: build/ulma is not there; run make build.\n")
        return
    version, python = places.pythons()[minor]
    say(f"memory over {most:.0e} events of {PROGRAM}, {version}")
    bench = Bench(places.venv(minor, version, python), 1800)
    try:
        samples = measure(bench, most)
    except BenchError as error:
        print(f"Failed: {error}\n")
        return
    finally:
        bench.close()
    first = samples[0][1]["VmRSS"]
    body = []
    for events, kib in samples:
        ratio = kib["VmRSS"] / first
        word = "" if events == samples[0][0] else "met" if ratio <= BOUND else "**missed**"
        sizes = [f"{kib[field] / 1024:.1f}" for field in FIELDS]
        body.append([f"{events:.2e}", *sizes, f"{ratio:.3f}", word])
    print(f"`ulma run` over {PROGRAM}, CPython {version}; MiB; bound {BOUND} of the first.\n")
    head = ["events", "resident", "private", "shared (rings)", "to the first", ""]
    print(tables.markdown(head, body), flush=True)
    if not torture:
        print("ULMA_TORTURE=1 goes on to 10^9 events.\n")
