# SPDX-License-Identifier: MIT
"""A live HTTP server under load, with and without ulma: Flask on gunicorn, FastAPI on uvicorn.

Why: a server in production is what attach and the budget are for, and its users feel pauses, not
means. At a fixed rate ulma comes, looks for a second and leaves again, every few seconds; at full
load each tool stays for the block.
Rules: blocks with and without are interleaved on one process of the server; the requests' times
count from the moment when each was due (bench/steady.c). Full load is wrk's. A failed request is
shown.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import places
import tables
from places import BenchError, say

PAIRS = 5
RATE_BLOCK_S = 30
LOAD_BLOCK_S = 10
EVERY_S = 5  # ulma comes in a block at a fixed rate
RATE_SHARE = 0.4  # of what the server can serve
CONNECTIONS = 4
P99_BOUND, THROUGHPUT_BOUND, P50_BOUND = 1.25, 0.95, 1.06


@dataclass
class Server:
    name: str
    words: str  # after python; {port} is replaced


SERVERS = (
    Server(
        "Flask on gunicorn",
        "-m gunicorn -w 1 -k gthread --threads 1 --keep-alive 75 --log-level error "
        "-b 127.0.0.1:{port} served_flask:app",
    ),
    Server(
        "FastAPI on uvicorn",
        "-m uvicorn --no-access-log --log-level error --timeout-keep-alive 75 --port {port} "
        "served_fastapi:app",
    ),
)
WITHOUT_FASTAPI = ("3.15",)  # pydantic-core has no wheel for it yet


@dataclass
class Live:
    process: subprocess.Popen
    port: int

    def ask(self, path: str) -> dict:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return json.loads(answer.read())

    def pid(self) -> int:
        return int(self.ask("/status")["pid"])


def python_with_servers(minor: str) -> str:
    version, python = places.pythons()[minor]
    home = places.HOME / f"servers-{version}"
    inside = home / "bin" / "python"
    wanted = "\n".join(
        line
        for line in (places.HERE / "servers.txt").read_text().splitlines()
        if minor not in WITHOUT_FASTAPI or not line.startswith(("fastapi", "uvicorn"))
    )
    ready = home / "ready"
    if not ready.exists() or ready.read_text() != wanted:
        say(f"installing the servers for CPython {version}")
        places.run([str(python), "-m", "venv", "--without-pip", str(home)], f"venv on {python}")
        listing = home / "servers.txt"
        listing.write_text(wanted)
        install = [*places.pip(), "--python", str(inside), "install", "--quiet", "-r", str(listing)]
        what = f"installing the servers for CPython {version}"
        places.run(install, what, env=places.compiler_environment(python, minor))
        ready.write_text(wanted)
    return str(inside)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def serving(
    python: str, server: Server, profile: str = "", extra: "dict[str, str] | None" = None
) -> "Iterator[Live]":
    port = free_port()
    words = server.words.format(port=port).split()
    environment = {**os.environ, "BENCH_PROFILE": profile, **(extra or {})}
    process = subprocess.Popen(
        [python, *words], cwd=places.HERE / "own", env=environment, stdin=subprocess.DEVNULL
    )
    live = Live(process, port)
    try:
        end = time.monotonic() + 30
        while True:
            try:
                live.ask("/")
                break
            except OSError as error:
                if time.monotonic() > end or process.poll() is not None:
                    raise BenchError(f"{server.name} did not start: {error}") from error
                time.sleep(0.05)
        yield live
    finally:
        process.terminate()
        process.wait(30)


# --- what stands beside the server during a block ----------------------------------------------


@contextlib.contextmanager
def alone(live: Live) -> "Iterator[None]":
    yield


@contextlib.contextmanager
def beside(command: "list[str]") -> "Iterator[None]":
    """A tool that stays for the block and ends by SIGINT."""
    with tempfile.TemporaryFile() as output:
        tool = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        time.sleep(1)
        early = tool.poll()
        yield
        tool.send_signal(signal.SIGINT)
        tool.wait(60)
        if early is not None:
            output.seek(0)
            raise BenchError(f"{command[:3]} ended before its block: {output.read()!r}")


def top(live: Live, *options: str) -> "contextlib.AbstractContextManager[None]":
    return beside([str(places.ULMA), "top", "-b", *options, str(live.pid())])


def py_spy(live: Live, python: str) -> "contextlib.AbstractContextManager[None]":
    tool = pathlib.Path(python).parent / "py-spy"
    words = ["record", "-d", "600", "-f", "raw", "-o", os.devnull, "--pid", str(live.pid())]
    return beside([str(tool), *words])


def sampling(live: Live, python: str) -> "contextlib.AbstractContextManager[None]":
    words = ["-m", "profiling.sampling", "attach", "-d", "600", "--collapsed", "-o", os.devnull]
    return beside([python, *words, str(live.pid())])


# --- at a fixed rate ---------------------------------------------------------------------------


def numbers(text: str) -> "dict[str, float]":
    return {key: float(value) for key, value in (line.split() for line in text.splitlines())}


def rate_block(live: Live, rate: float, with_ulma: bool) -> "dict[str, float]":
    program = places.compiled("steady", [places.HERE / "steady.c"], [])
    pid = live.pid()
    words = [str(program), str(live.port), "/", f"{rate:.1f}", str(RATE_BLOCK_S), str(CONNECTIONS)]
    load = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    begin = time.monotonic()
    looks = 0
    while load.poll() is None:
        due = begin + 1 + looks * EVERY_S
        if not with_ulma or due > begin + RATE_BLOCK_S - 3 or time.monotonic() < due:
            time.sleep(0.05)
            continue
        looks += 1
        report = [str(places.ULMA), "report", "-q", "-d", "1", "-f", "json", str(pid)]
        told = json.loads(places.run(report, "ulma report PID"))
        if not any(row["name"] == "as_row" for row in told["functions"]):
            raise BenchError("ulma report PID did not see the server's functions.")
    assert load.stdout
    found = numbers(load.stdout.read())
    found["gap"] = live.ask("/status")["gap"] * 1e6
    found["looks"] = looks
    return found


def at_fixed_rate(live: Live, name: str, rate: float) -> str:
    blocks: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    for pair in range(PAIRS):
        say(f"{name}: pair {pair + 1} of {PAIRS} at {rate:.0f} requests/s")
        for with_ulma in (False, True) if pair % 2 == 0 else (True, False):
            blocks[with_ulma].append(rate_block(live, rate, with_ulma))
    body = []
    for label, key in (
        ("p50 µs", "p50"),
        ("p99 µs", "p99"),
        ("longest µs", "max"),
        ("heartbeat's longest gap µs", "gap"),
        ("failed", "failed"),
    ):
        cells = [label]
        for with_ulma in (False, True):
            values = [block[key] for block in blocks[with_ulma]]
            cells.append(f"{statistics.median(values):.0f} [{min(values):.0f}-{max(values):.0f}]")
        body.append(cells)
    ratios = [w["p99"] / p["p99"] for p, w in zip(blocks[False], blocks[True])]
    middle = statistics.median(ratios)
    met = "met" if middle <= P99_BOUND else "**missed**"
    looks = sum(block["looks"] for block in blocks[True])
    return (
        f"At {rate:.0f} requests/s, {PAIRS} pairs of {RATE_BLOCK_S} s, {looks:.0f} times attached, "
        f"switched on for a second and left; median [least-most] of the blocks:\n\n"
        + tables.markdown(["", "alone", "with ulma coming and going"], body)
        + f"\np99 with to without: {middle:.2f} [{min(ratios):.2f}-{max(ratios):.2f}], "
        f"bound {P99_BOUND}: {met}.\n"
    )


# --- at full load ------------------------------------------------------------------------------


@dataclass
class Full:
    throughput: "list[float]" = field(default_factory=list)
    p50: "list[float]" = field(default_factory=list)
    failed: int = 0


def microseconds(text: str) -> float:
    for unit, factor in (("us", 1), ("ms", 1e3), ("s", 1e6)):
        if text.endswith(unit):
            return float(text[: -len(unit)]) * factor
    raise BenchError(f"wrk printed a time that is none: {text}")


def full_load(live: Live) -> "tuple[float, float, int]":
    """Requests a second, p50 in microseconds, requests that failed."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{LOAD_BLOCK_S}s", "--latency"]
    text = places.run([*command, f"http://127.0.0.1:{live.port}/"], "wrk")
    lines = [line.split() for line in text.splitlines() if line.strip()]
    rate = next(float(line[1]) for line in lines if line[0] == "Requests/sec:")
    p50 = next(microseconds(line[1]) for line in lines if line[0] == "50%")
    failed = 0
    for line in lines:
        if line[0] == "Non-2xx":
            failed += int(line[-1])
        elif line[:2] == ["Socket", "errors:"]:
            failed += sum(int(word.rstrip(",")) for word in line[3::2])
    return rate, p50, failed


def at_full_load(python: str, server: Server, minor: str) -> str:
    with serving(python, server) as live, serving(python, server, "cProfile") as profiled:
        tools: dict[str, Callable[[], contextlib.AbstractContextManager[None]]] = {
            "alone again": lambda: alone(live),
            "ulma --budget 5": lambda: top(live, "--budget", "5"),
            "ulma --exact": lambda: top(live, "--exact"),
            "cProfile": lambda: alone(profiled),
            "py-spy": lambda: py_spy(live, python),
        }
        if minor == "3.15":
            tools["profiling.sampling"] = lambda: sampling(live, python)
        found = {name: Full() for name in tools}
        failures = {}
        for pair in range(PAIRS):
            say(f"{server.name}: pair {pair + 1} of {PAIRS} at full load")
            for name, tool in tools.items():
                if name in failures:
                    continue
                plain, plain_p50, _ = full_load(live)
                try:
                    with tool():
                        rate, p50, failed = full_load(profiled if name == "cProfile" else live)
                except (BenchError, subprocess.SubprocessError) as error:
                    failures[name] = str(error)
                    continue
                found[name].throughput.append(rate / plain)
                found[name].p50.append(p50 / plain_p50)
                found[name].failed += failed
    return full_table(found, failures)


def full_table(found: "dict[str, Full]", failures: "dict[str, str]") -> str:
    body = []
    for name, full in found.items():
        if not full.throughput:
            body.append([name, "failed", "failed", "-"])
            continue
        cells = [name]
        for values in (full.throughput, full.p50):
            middle = statistics.median(values)
            cells.append(f"{middle:.3f} [{min(values):.2f}-{max(values):.2f}]")
        body.append([*cells, str(full.failed)])
    budget = found["ulma --budget 5"]
    verdict = ""
    if budget.throughput:
        met = (
            statistics.median(budget.throughput) >= THROUGHPUT_BOUND
            and statistics.median(budget.p50) <= P50_BOUND
        )
        verdict = (
            f"Bounds of --budget 5: throughput {THROUGHPUT_BOUND}, p50 {P50_BOUND}: "
            f"{'met' if met else '**missed**'}.\n"
        )
    told = "".join(f"{name}: {error}\n" for name, error in failures.items())
    return (
        f"At full load (wrk, {CONNECTIONS} connections, blocks of {LOAD_BLOCK_S} s), to the block "
        f"alone before it, median of {PAIRS} [least-most]:\n\n"
        + tables.markdown(["beside it", "throughput", "p50", "failed"], body)
        + f"\n{verdict}{told}"
    )


def show(minors: "list[str]") -> None:
    print("\n## Server\n")
    if not places.ULMA.exists():
        print("Not measured: build/ulma is not there; run make build.\n")
        return
    if not shutil.which("wrk"):
        print("Not measured: wrk is not here (Debian: apt-get install wrk).\n")
        return
    for minor in minors:
        python = python_with_servers(minor)
        for server in SERVERS:
            if minor in WITHOUT_FASTAPI and "FastAPI" in server.name:
                print(
                    f"### {server.name}, CPython {minor}\n\nNot measured: no wheels for it yet.\n"
                )
                continue
            print(f"### {server.name}, CPython {places.pythons()[minor][0]}\n")
            with serving(python, server) as live:
                rate = RATE_SHARE * statistics.median(full_load(live)[0] for _ in range(3))
                print(at_fixed_rate(live, server.name, rate))
            print(at_full_load(python, server, minor), flush=True)
