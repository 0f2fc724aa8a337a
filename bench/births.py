# SPDX-License-Identifier: MIT
"""What a birth and a death of an object cost, beside a bare counting tracer and tracemalloc.

Why: an object is made and freed in some ten nanoseconds; a whole program's run would drown that.
Rules: as bursts.py: of 400 bursts of one process the first percentile, of several processes in turn
the least. The loop's own ints are objects, too: they are in the figures of all.
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

ROUNDS = 4
BOUND = 2.0
VARIANTS = ("plain", "bare", "ulma", "tracemalloc")
TELLS = (3, 14)


def words(python: pathlib.Path, variant: str, result: pathlib.Path) -> "list[str]":
    what = "plain" if variant == "ulma" else variant
    target = [str(places.HERE / "births_run.py"), str(result), what]
    if variant != "ulma":
        return [str(python), *target]
    report = ["-q", "--force", "-e", "objects", "-f", "json", "-o", os.devnull]
    return [str(places.ULMA), "run", *report, "--python", str(python), *target]


def build(folder: pathlib.Path) -> pathlib.Path:
    output = folder / "bare_tracer.so"
    source = places.HERE / "bare_tracer.c"
    places.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(output), str(source)], "bare_tracer.c")
    return output


def nanoseconds(python: pathlib.Path) -> "dict[str, dict[str, float]]":
    """By variant and kind, what an object takes."""
    least: dict[str, dict[str, float]] = {variant: {} for variant in VARIANTS}
    with tempfile.TemporaryDirectory(dir=places.HOME) as name:
        folder = pathlib.Path(name)
        environment = dict(os.environ, BENCH_TRACER=str(build(folder)))
        for _ in range(ROUNDS):
            for variant in VARIANTS:
                command = words(python, variant, folder / "result")
                places.run(
                    command, f"{variant} on {python}", env=environment, stdin=subprocess.DEVNULL
                )
                for kind, took in json.loads((folder / "result").read_text()).items():
                    least[variant][kind] = min(least[variant].get(kind, took), took)
    return least


def lines(
    version: str, took: "dict[str, dict[str, float]]", variants: "tuple[str, ...]", bound: float
) -> "list[list[str]]":
    """What each kind takes by variant, ulma beside the bare one, and whether the median is met."""
    body, ratios = [], []
    for kind in took["plain"]:
        figures = [f"{took[variant][kind]:.1f}" for variant in variants]
        ratios.append(took["ulma"][kind] / took["bare"][kind])
        body.append([version, kind, *figures, f"{ratios[-1]:.2f}"])
    median = statistics.median(ratios)
    word = "met" if median <= bound else "**missed**"
    body.append([version, f"median, {word}", "-", "-", "-", "-", f"{median:.2f}"])
    return body


def show(minors: "list[str]") -> None:
    print("\n## An object's birth and death\n")
    if not places.ULMA.exists():
        print("Not measured: build/ulma is not there; run make build.\n")
        return
    body = []
    for minor in minors:
        version, python = places.pythons()[minor]
        if tuple(map(int, minor.split("."))) < TELLS:
            continue
        say(f"births and deaths, {version}")
        try:
            body += lines(version, nanoseconds(python), VARIANTS, BOUND)
        except BenchError as error:
            body.append([version, str(error).split("\n")[0][:80], "-", "-", "-", "-", "-"])
    print(f"Objects in bursts; ns an object; bound {BOUND} of a program with a bare tracer.\n")
    head = ["CPython", "objects", "plain", "bare", "ulma", "tracemalloc", "ulma/bare"]
    print(tables.markdown(head, body), flush=True)
