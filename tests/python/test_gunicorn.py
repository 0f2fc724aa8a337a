# SPDX-License-Identifier: MIT
"""gunicorn, as it is found in production: a master and its workers run, and ulma comes to them."""

import collections
import contextlib
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest
from harness import LIMIT_S, environment, from_index, session_files
from test_several import Look

pytestmark = pytest.mark.some_pythons

WORKERS, REQUESTS, TICKS = 3, 40, 50
APP = f"""
import os

def tick():
    return 1

def app(environ, start_response):
    total = sum([tick() for _ in range({TICKS})])
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d %d" % (os.getpid(), total)]
"""


class Connection(http.client.HTTPConnection):
    """Over a socket that has a name of this test's own."""

    def __init__(self, path):
        super().__init__("localhost", timeout=LIMIT_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Server:
    def __init__(self, python, folder, session_dir):
        (folder / "tiny_app.py").write_text(APP, encoding="utf-8")
        self.path = str(folder / "s")
        site = from_index(python, "gunicorn", "packaging")
        words = ["-m", "gunicorn", "-w", str(WORKERS), "-b", f"unix:{self.path}", "tiny_app:app"]
        self.process = subprocess.Popen(
            [python.path, *words],
            env=environment(session_dir, PYTHONPATH=str(site)),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=folder,
        )

    def ask(self):
        """The PID of the worker that has answered."""
        with contextlib.closing(Connection(self.path)) as connection:
            connection.request("GET", "/")
            pid, total = connection.getresponse().read().split()
            assert int(total) == TICKS
            return int(pid)

    def workers(self):
        pid = self.process.pid
        return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()

    def wait_for(self, count):
        """That so many workers have answered."""
        seen, end = set(), time.monotonic() + LIMIT_S
        while len(seen) < count or len(self.workers()) != count:
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end, (seen, self.workers())
            with contextlib.suppress(OSError):
                seen.add(self.ask())
        return seen


@pytest.fixture
def server(python, session_dir, tmp_path):
    one = Server(python, tmp_path, session_dir)
    yield one
    workers = one.workers() if one.process.poll() is None else []
    one.process.kill()
    for pid in workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    one.process.communicate()


def test_a_master_and_its_workers(server, session_dir, tmp_path):
    """Those that run and one that comes meanwhile: each one's calls, none lost, none twice."""
    server.wait_for(WORKERS)
    pid = server.process.pid
    words = ["--exact", "--children", "--by", "process", "--on-full", "wait", pid]
    look = Look(session_dir, tmp_path, *words, count=1 + WORKERS)
    answered = collections.Counter(server.ask() for _ in range(REQUESTS))
    server.process.send_signal(signal.SIGTTIN)  # one worker more
    end = time.monotonic() + LIMIT_S
    while len(answered) <= WORKERS:
        assert time.monotonic() < end, answered
        answered[server.ask()] += 1
    report, told = look.end()
    rows = {row["pid"]: row["calls"] for row in report["functions"] if row["name"] == "tick"}
    assert rows == {worker: TICKS * count for worker, count in answered.items()}, told
    assert {row["pid"] for row in report["processes"]} == {pid, *answered}
    assert report["events"]["lost"] == 0
    assert session_files(session_dir) == [], (told, pid, answered)
    assert server.wait_for(1 + WORKERS) == set(answered)
    server.process.terminate()
    assert server.process.wait(LIMIT_S) == 0
