# SPDX-License-Identifier: MIT
"""A server in a container of one CPU and 256 MB, and ulma's collector in it, too.

Why: where the quota is shared, what the collector costs is taken from the server.
Rules: the control group is made here, of whichever kind the machine has (version 2, or cpu and
memory of version 1), as root; the load comes from outside of it. Blocks with and without ulma
alternate on one server.
"""

import contextlib
import os
import pathlib
import statistics
from collections.abc import Iterator

import places
import server
import tables
from places import say
from server import Live

PAIRS = 5
BOUND = 0.90
QUOTA_US, PERIOD_US, MEMORY = 100_000, 100_000, 256 << 20
GROUPS = pathlib.Path("/sys/fs/cgroup")


def make_group() -> "list[pathlib.Path]":
    """Its folders, in each hierarchy that is needed."""
    name = f"ulma-bench-{os.getpid()}"
    if (GROUPS / "cgroup.controllers").exists():
        folder = GROUPS / name
        folder.mkdir()
        (folder / "cpu.max").write_text(f"{QUOTA_US} {PERIOD_US}")
        (folder / "memory.max").write_text(str(MEMORY))
        return [folder]
    cpu, memory = GROUPS / "cpu" / name, GROUPS / "memory" / name
    cpu.mkdir()
    memory.mkdir()
    (cpu / "cpu.cfs_period_us").write_text(str(PERIOD_US))
    (cpu / "cpu.cfs_quota_us").write_text(str(QUOTA_US))
    (memory / "memory.limit_in_bytes").write_text(str(MEMORY))
    return [cpu, memory]


@contextlib.contextmanager
def group() -> "Iterator[list[pathlib.Path]]":
    folders = make_group()
    try:
        yield folders
    finally:
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.rmdir()


def put_in(folders: "list[pathlib.Path]", pid: int) -> None:
    for folder in folders:
        (folder / "cgroup.procs").write_text(str(pid))


@contextlib.contextmanager
def top_within(folders: "list[pathlib.Path]", live: Live) -> "Iterator[None]":
    """The collector in the group from its first instruction on."""
    join = "".join(f"echo $$ > {folder}/cgroup.procs; " for folder in folders)
    command = f"{join}exec {places.ULMA} top -b --budget 5 {live.pid()}"
    with server.beside(["sh", "-c", command]):
        yield


def peak_bytes(folders: "list[pathlib.Path]") -> int:
    for folder in folders:
        for name in ("memory.peak", "memory.max_usage_in_bytes"):
            with contextlib.suppress(OSError):
                return int((folder / name).read_text())
    return 0


def measure(python: str, which: server.Server) -> None:
    with group() as folders, server.serving(python, which) as live:
        for pid in {live.process.pid, live.pid()}:
            put_in(folders, pid)
        ratios, p50s, failures = [], [], 0
        for pair in range(PAIRS):
            say(f"{which.name} in one CPU: pair {pair + 1} of {PAIRS}")
            plain, plain_p50, _ = server.full_load(live)
            with top_within(folders, live):
                rate, p50, failed = server.full_load(live)
            ratios.append(rate / plain)
            p50s.append(p50 / plain_p50)
            failures += failed
        peak = peak_bytes(folders)
    middle = statistics.median(ratios)
    met = "met" if middle >= BOUND else "**missed**"
    body = [
        [
            which.name,
            f"{middle:.3f} [{min(ratios):.2f}-{max(ratios):.2f}]",
            f"{statistics.median(p50s):.3f} [{min(p50s):.2f}-{max(p50s):.2f}]",
            str(failures),
            f"{peak / 1e6:.0f} MB",
            f"{BOUND} {met}",
        ]
    ]
    head = ["with `top --budget 5` to without", "throughput", "p50", "failed", "memory", "bound"]
    print(tables.markdown(head, body), flush=True)


def show(minors: "list[str]") -> None:
    print("\n## Container of one CPU\n")
    try:
        with group():
            pass
    except OSError as error:
        print(f"Not measured: no control group can be made here ({error}).\n")
        return
    for minor in minors:
        python = server.python_with_servers(minor)
        for which in server.SERVERS:
            if minor not in server.WITHOUT_FASTAPI or "FastAPI" not in which.name:
                measure(python, which)
