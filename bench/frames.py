# SPDX-License-Identifier: MIT
"""Frames on time: `ulma top` in plain frames while its target calls at full rate.

Why: a screen that stutters when it gets interesting is no live view.
Rules: a slot every interval, counted from the first frame. A frame is late when it comes more than
half an interval after its slot, and a slot without one is missed. Once with both CPUs free, once
with collector and target pinned to one.
"""

import os
import subprocess
import time

import places
import tables
from places import say

INTERVAL_S = 0.1
FRAMES = 300
EARLY = 0.2  # intervals: the first frame was itself a little late
BOUND = 0.99
PROGRAM = """
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
while True: fib(20)
"""


def times_of_frames(python: str, cpus: "set[int]") -> "list[float]":
    words = [str(places.ULMA), "top", "-q", "-b", "-f", "json", "-i", str(INTERVAL_S)]
    words += ["--count", str(FRAMES), "--kill", "--python", python, "-c", PROGRAM]
    times = []
    process = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, cpus),  # noqa: PLW1509 - one thread here
    )
    with process:
        for _ in process.stdout:
            times.append(time.monotonic())
    return times


def on_time(times: list[float]) -> "tuple[float, float]":
    """The share of the slots that had a frame on time, and by how much of an interval the worst was
    late. A slot that no frame came in was missed."""
    places = [(at - times[0]) / INTERVAL_S for at in times]
    late = [(int(place + EARLY), place - int(place + EARLY)) for place in places]
    met = {slot for slot, behind in late if behind <= 0.5}
    return len(met) / (late[-1][0] + 1), max(behind for _, behind in late)


def show(minor: str) -> None:
    print("\n## Frames on time\n")
    if not places.ULMA.exists():
        print("Not measured: build/ulma is not there; run make build.\n")
        return
    version, python = places.pythons()[minor]
    body = []
    every = os.sched_getaffinity(0)
    for label, cpus in (("free", every), ("both on one CPU", {min(every)})):
        say(f"{FRAMES} frames, {label}")
        times = times_of_frames(str(python), cpus)
        if len(times) < FRAMES:
            body.append([label, f"only {len(times)} of {FRAMES} frames came", "", "**missed**"])
            continue
        share, worst = on_time(times)
        bounded = label == "free"
        verdict = "" if not bounded else "met" if share >= BOUND else "**missed**"
        body.append([label, f"{100 * share:.1f} %", f"{worst:.2f}", verdict])
    print(
        f"`ulma top -b -i {INTERVAL_S}` over fib at full rate, CPython {version}, {FRAMES} frames; "
        f"bound {100 * BOUND:.0f} % within half an interval.\n"
    )
    head = ["CPUs", "on time", "worst, in intervals", ""]
    print(tables.markdown(head, body), flush=True)
