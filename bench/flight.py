# SPDX-License-Identifier: MIT
"""What the flight recorder costs an HTTP server that it stays on in.

Why: it is meant to be left on for good, so its standing cost is its price.
Rules: two servers stand side by side, one under ULMA=flight, one without; each serves short slices
of the same requests in turn, and what counts is the CPU time that the kernel says its process used
for a slice, which neighbours on the machine disturb least. The ratio is of pairs of slices, next to
each other in time. Where a process's memory happens to lie makes it two hundredths faster or slower
for all of its life, so the servers are started several times, and what counts is the median of
the starts. The same with two plain servers tells the noise of it.
"""

import contextlib
import http.client
import os
import pathlib
import statistics
import sys
import tempfile
from collections.abc import Iterator

import places
import server
import tables
from places import say
from server import Live, Server

STARTS = 5
PAIRS = 50
REQUESTS = 60
WARM_UP = 1500
BOUND = 1.03


def cpu_ns(pid: int) -> int:
    """Of a process's threads that live: the kernel counts them to the nanosecond."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total


class Client:
    def __init__(self, live: Live) -> None:
        self.live, self.pid = live, live.pid()
        self.connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)

    def ask(self, count: int) -> None:
        for _ in range(count):
            self.connection.request("GET", "/")
            answer = self.connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise places.BenchError(f"the server answered {answer.status}")

    def slice_ns(self) -> float:
        before = cpu_ns(self.pid)
        self.ask(REQUESTS)
        return (cpu_ns(self.pid) - before) / REQUESTS


@contextlib.contextmanager
def arming() -> "Iterator[dict[str, str]]":
    """The environment that arms as an installed ulma does."""
    package = places.ROOT / "python"
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory(dir="/dev/shm") as kept,
    ):
        code = f"import sys\nsys.path.append({str(package)!r})\nfrom ulma import _start\n"
        pathlib.Path(folder, "sitecustomize.py").write_text(
            code + "_start.at_start()\nsys.path.pop()\n"
        )
        yield {"PYTHONPATH": folder, "ULMA_DIR": kept}


def ratios(python: str, kind: Server, ulma: str) -> "tuple[list[float], float]":
    """Slices under `ulma` to slices without, and the plain ones' time of a request."""
    with (
        arming() as environment,
        server.serving(python, kind, extra={**environment, "ULMA": "0"}) as plain,
        server.serving(python, kind, extra={**environment, "ULMA": ulma}) as other,
    ):
        clients = Client(plain), Client(other)
        kept = [name for name in os.listdir(environment["ULMA_DIR"]) if name.endswith(".flight")]
        if bool(kept) != ulma.startswith("flight"):
            raise places.BenchError(f"ULMA={ulma} made {kept}")
        for client in clients:
            client.ask(WARM_UP)
        found, base = [], []
        for pair in range(PAIRS):
            order = clients if pair % 2 == 0 else clients[::-1]
            times = {id(client): client.slice_ns() for client in order}
            found.append(times[id(clients[1])] / times[id(clients[0])])
            base.append(times[id(clients[0])])
        return found, statistics.median(base) / 1e3


def row(python: str, kind: Server, ulma: str) -> "list[str]":
    starts = [ratios(python, kind, ulma) for _ in range(STARTS)]
    medians = [statistics.median(found) for found, _ in starts]
    return [
        kind.name,
        f"`ULMA={ulma}`",
        f"{statistics.median(base for _, base in starts):.0f} µs",
        f"{statistics.median(medians):.3f}",
        f"{min(medians):.3f}-{max(medians):.3f}",
    ]


WAYS = ("0", "1", "flight", "flight,budget=0")


def show(minors: "list[str]", ways: "tuple[str, ...]" = WAYS) -> None:
    print("\n## Flight recorder\n")
    print(
        f"The CPU time of an HTTP server under the flight recorder to one without's: the median of "
        f"{PAIRS} pairs of {REQUESTS} requests, median, least and most of {STARTS} starts. "
        f"`ULMA=0` is no recorder: the noise. The bound of `ULMA=flight` is {BOUND}.\n"
    )
    for minor in minors:
        python = server.python_with_servers(minor)
        print(f"CPython {places.pythons()[minor][0]}:\n")
        body = []
        for kind in server.SERVERS:
            if minor in server.WITHOUT_FASTAPI and "FastAPI" in kind.name:
                continue
            for ulma in ways:
                say(f"{kind.name}, CPython {minor}: ULMA={ulma}")
                body.append(row(python, kind, ulma))
                say(" ".join(body[-1]))
        print(
            tables.markdown(["server", "", "a request", "ratio", "least-most"], body), flush=True
        )


if __name__ == "__main__":
    show(sys.argv[1:2] or ["3.12"], tuple(sys.argv[2:]) or WAYS)
