# SPDX-License-Identifier: MIT
"""Killed and stopped, target and collector, at moments that no one chose."""

import ctypes
import json
import os
import pathlib
import random
import select
import signal
import struct
import subprocess
import time

import pytest
from harness import (
    LIMIT_S,
    TARGETS,
    environment,
    function_named,
    run,
    session_files,
    ulma_words,
)

pytestmark = pytest.mark.some_pythons

PR_SET_CHILD_SUBREAPER = 36


def child_of(pid):
    """The one child of PID, awaited: ulma's target."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if children:
            assert len(children) == 1, children
            return int(children[0])
        time.sleep(0.001)
    raise AssertionError("ulma started no target")


class Victim:
    """progress.py under ulma."""

    def __init__(self, python, session_dir, folder):
        self.counters = folder / "counters"
        self.counters.write_bytes(bytes(4096))
        self.output = folder / "report.json"
        words = ["-q", "-f", "json", "-o", self.output, "--force"]
        self.ulma = subprocess.Popen(
            ulma_words(python, words, [TARGETS / "progress.py", self.counters]),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(session_dir),
            start_new_session=True,
        )
        self.target = child_of(self.ulma.pid)

    def kill_target(self):
        os.kill(self.target, signal.SIGKILL)

    def end(self):
        _, err = self.ulma.communicate(timeout=LIMIT_S)
        assert self.ulma.returncode == 128 + signal.SIGKILL, err
        report = json.loads(self.output.read_text())
        # One that was killed before its Python could arm itself is said to have shown nothing.
        assert err == b"" or (b"nothing was seen" in err and report["functions"] == [])
        return report

    def progress(self):
        return struct.unpack("4Q", self.counters.read_bytes()[:32])


def calls_of(report, name):
    rows = [row for row in report["functions"] if row["name"] == name]
    return sum(row["calls"] for row in rows)


def kill_once(python, session_dir, folder, delay_s, started):
    victim = Victim(python, session_dir, folder)
    if started:
        assert victim.ulma.stdout.readline() == b"go\n"
    time.sleep(delay_s)
    victim.kill_target()
    report = victim.end()
    first, second, in_thread, _ = victim.progress()
    assert report["events"]["lost"] == 0
    assert report["target"]["signal"] == signal.SIGKILL
    # The event is written before the function's first line runs: one call more may be seen.
    for name, counted in (("first", first), ("second", second), ("in_thread", in_thread)):
        assert counted <= calls_of(report, name) <= counted + 1, name
    if started and delay_s > 0.05:
        assert first > 100
    assert session_files(session_dir) == []


@pytest.mark.parametrize("number", range(4))
def test_target_killed_in_full_flight(python, number, session_dir, tmp_path):
    delay_s = random.Random(f"{python} {number}").uniform(0, 0.3)
    kill_once(python, session_dir, tmp_path, delay_s, started=True)


@pytest.mark.parametrize("number", range(2))
def test_target_killed_while_it_starts(python, number, session_dir, tmp_path):
    delay_s = random.Random(f"start {python} {number}").uniform(0, 0.08)
    kill_once(python, session_dir, tmp_path, delay_s, started=False)


@pytest.mark.torture
def test_target_killed_at_200_moments(python, session_dir, tmp_path):
    moments = random.Random(str(python))
    for number in range(200):
        started = number % 4 != 0
        kill_once(python, session_dir, tmp_path, moments.uniform(0, 0.2), started=started)


ORPHAN = """
import ctypes, sys, time
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)

def hooks():
    if sys.version_info >= (3, 12):
        monitoring = sys.monitoring
        return [monitoring.get_tool(n) for n in range(6)
                if monitoring.get_tool(n) and monitoring.get_events(n)]
    api = ctypes.pythonapi
    api.PyInterpreterState_Get.restype = ctypes.c_void_p
    get = api._PyInterpreterState_GetEvalFrameFunc
    get.argtypes, get.restype = [ctypes.c_void_p], ctypes.c_void_p
    default = ctypes.cast(api._PyEval_EvalFrameDefault, ctypes.c_void_p).value
    return [] if get(api.PyInterpreterState_Get()) == default else ['ulma']

print('on', hooks(), flush=True)
sys.stdin.readline()
end = time.monotonic() + 30
while hooks() and time.monotonic() < end:
    fib(15)
print('off', hooks())
print(fib(20))
sys.exit(6)
"""


@pytest.fixture
def reaper():
    """This process inherits what a killed ulma leaves behind, to wait for it."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    yield
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def orphan(python, session_dir, tmp_path):
    (tmp_path / "program.py").write_text(ORPHAN)
    words = ["-q", "-f", "json", "-o", tmp_path / "report.json"]
    return subprocess.Popen(
        ulma_words(python, words, [tmp_path / "program.py"]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(session_dir),
        start_new_session=True,
    )


def read_until_closed(file):
    parts, end = [], time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        if select.select([file], [], [], 1)[0]:
            part = os.read(file.fileno(), 65536)
            if not part:
                return b"".join(parts)
            parts.append(part)
    raise AssertionError(f"the target did not end: {parts}")


def test_collector_killed(python, session_dir, tmp_path, reaper):
    ulma = orphan(python, session_dir, tmp_path)
    target = child_of(ulma.pid)
    assert ulma.stdout.readline() == b"on ['ulma']\n"
    ulma.kill()
    ulma.wait()
    ulma.stdin.write(b"\n")
    ulma.stdin.close()
    out, err = read_until_closed(ulma.stdout), read_until_closed(ulma.stderr)
    _, status = os.waitpid(target, 0)
    ulma.stdout.close()
    ulma.stderr.close()
    assert os.waitstatus_to_exitcode(status) == 6
    assert err == b""
    assert out == b"off []\n6765\n"


@pytest.mark.parametrize("on_full", ("wait", "drop"))
def test_collector_stopped_to_the_end(python, on_full, session_dir, tmp_path):
    """The target ends as without ulma; ulma, when it may run again, still reports."""
    output = tmp_path / "report.json"
    code = (
        "import sys\n"
        "def f(): pass\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "for _ in range(300_000): f()\n"
        "print('over'); sys.exit(6)\n"
    )
    options = ["-q", "-f", "json", "-o", output, "--on-full", on_full, "--buffer", "1M"]
    ulma = subprocess.Popen(
        ulma_words(python, options, ["-c", code]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(session_dir),
        start_new_session=True,
    )
    target = child_of(ulma.pid)
    assert ulma.stdout.readline() == b"ready\n"
    os.kill(ulma.pid, signal.SIGSTOP)
    ulma.stdin.write(b"\n")
    ulma.stdin.flush()
    assert ulma.stdout.readline() == b"over\n"
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end and "Z" not in state_of(target):
        time.sleep(0.01)
    assert "Z" in state_of(target), "the target waits for its collector"
    os.kill(ulma.pid, signal.SIGCONT)
    _, err = ulma.communicate(timeout=LIMIT_S)
    assert ulma.returncode == 6
    assert err == b""
    report = json.loads(output.read_text())
    assert report["events"]["lost"] > 0
    assert 0 < function_named(report, "f")["calls"] < 300_000
    assert session_files(session_dir) == []


def state_of(pid):
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return text.rpartition(")")[2].split()[0]


def test_without_ulma_it_is_the_same(python, tmp_path):
    """The program of above without ulma: no hook to begin with."""
    (tmp_path / "program.py").write_text(ORPHAN)
    done = run([python.path, tmp_path / "program.py"], stdin=b"\n")
    assert done.status == 6
    assert done.out.splitlines() == [b"on []", b"off []", b"6765"]
