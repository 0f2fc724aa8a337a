# SPDX-License-Identifier: MIT
"""What the target executes while the page is open, beside what it does under `top`: callgrind.

Why: whoever looks must not be felt. That the server is another process does not prove it, since a
collector that lags behind would make the target wait for room.
Rules: both record the same (--exact), the target has a CPU of its own, and the page is followed as
fast as it is told (Timeline, the heaviest, by a client that reads all). `top` is counted twice, and
their difference is shown: what is below it is noise. A run that lost an event is none.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

import instructions
import places
import tables
from places import BenchError, say

sys.path.append(str(places.ROOT / "tests"))

from web_client import Live, Server

UNITS = 60
BOUND_PCT = 0.5
LIMIT_S = 900
CASES = ["top", "page", "top", "page"]


def follow(url: str, process: subprocess.Popen) -> int:
    """Reads until the target has ended; how many messages that were."""
    count = 0
    with Live(Server(process, url)) as live:
        live.wish(view="timeline", window="10", columns=1200, limit=4000)
        while live.message()["state"] != "ended":
            count += 1
    return count


def run_page(command: "list[str]", environment: "dict[str, str]") -> int:
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    late = threading.Timer(LIMIT_S, process.kill)
    late.start()
    try:
        count = follow(process.stdout.readline().strip(), process)
        process.send_signal(signal.SIGINT)  # it stays to be looked at
        if process.wait():
            raise BenchError(f"ulma web ended with {process.returncode}.")
    finally:
        late.cancel()
        process.kill()
        process.communicate()
    return count


def measure(python: pathlib.Path, case: str) -> "tuple[float, int]":
    """Instructions of a unit of work; messages that were read."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="page-", dir=places.HOME))
    report = folder / "report.json"
    target = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={folder / 'callgrind.out'}"]
    target += [str(python), str(places.HERE / "page_run.py"), str(UNITS)]
    options = ["--exact", "-q", "-o", str(report), "--collector-cpu", "0"]
    environment = dict(os.environ, PYTHONHASHSEED="0", BENCH_LIB=str(places.LIB), NO_COLOR="1")
    messages = 0
    try:
        if case == "page":
            command = [str(places.ULMA), "web", *options, "--", *target]
            messages = run_page(command, environment)
        else:
            command = [str(places.ULMA), "top", "-b", *options, "--", *target]
            places.run(
                command, "ulma top", env=environment, stdin=subprocess.DEVNULL, timeout=LIMIT_S
            )
        events = json.loads(report.read_text())["events"]
        if events["lost"] or not events["read"]:
            raise BenchError(f"{events['lost']} events were lost of {events['read']}.")
        found = instructions.totals(folder)
        if set(found) != {"once", "twice"}:
            raise BenchError(f"callgrind wrote counts for {sorted(found)} only.")
        return (found["twice"] - found["once"]) / UNITS, messages
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def lines(version: str, python: pathlib.Path) -> "list[list[str]]":
    out = []
    first = 0.0
    for case in CASES:
        say(f"page, {version}: {case}")
        each, messages = measure(python, case)
        first = first or each
        pct = 100 * (each - first) / first
        word = "" if case == "top" else "met" if abs(pct) <= BOUND_PCT else "**missed**"
        out.append([version, case, f"{each:.0f}", f"{pct:+.3f}", str(messages or ""), word])
    return out


def show(minors: "list[str]") -> None:
    print("\n## Page: instructions per unit of work\n")
    if not shutil.which("valgrind") or not places.ULMA.exists():
        print(
            "Not measured: valgrind (Debian: apt-get install valgrind) or build/ulma is not here.\n"
        )
        return
    places.extension("marks")
    known = places.pythons()
    body = [line for minor in minors for line in lines(*known[minor])]
    print(f"All calls recorded, none lost. Bound: {BOUND_PCT} % either way.\n")
    head = ["CPython", "who looks", "instructions", "to top, %", "messages", ""]
    print(tables.markdown(head, body), flush=True)
