# SPDX-License-Identifier: MIT
"""Full rings: `wait` loses nothing, `drop` knows what it lost, and counts after a gap are right."""

import json
import os
import pathlib
import signal
import subprocess

import pytest
from harness import (
    LIMIT_S,
    TARGETS,
    environment,
    function_named,
    report_of,
    run_ulma,
    session_files,
    ulma_words,
)

pytestmark = pytest.mark.some_pythons


@pytest.mark.parametrize("buffer", ("default", "1M"))
def test_wait_loses_nothing_at_full_rate(python, buffer):
    calls = 40_000
    options = ["--on-full", "wait"] + (["--buffer", buffer] if buffer != "default" else [])
    report = report_of(run_ulma(python, TARGETS / "eight_threads.py", calls, options=options))
    assert report["events"]["gaps"] == 0
    row = function_named(report, "nothing")
    assert row["calls"] == row["primitive_calls"] == 8 * calls
    assert row["calls_exact"]
    work = function_named(report, "work")
    assert work["calls"] == 8
    assert sum(thread["calls"] for thread in report["threads"]) >= 8 * calls + 8
    # What was spent waiting for room is told, and is in no function's time.
    total = sum(row["self_ns"] for row in report["functions"])
    threads = len(report["threads"])
    assert total <= report["target"]["duration_ns"] * threads


MANY_THREADS = """
import threading
every = threading.Barrier(40)
def leaf(): pass
def work():
    every.wait(60)
    for _ in range(100): leaf()
    every.wait(60)
threads = [threading.Thread(target=work) for _ in range(40)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def test_events_of_threads_without_a_ring_are_counted(python, tmp_path):
    """More threads at once than rings: what those say is lost, and it is said how much."""
    (tmp_path / "program.py").write_text(MANY_THREADS)
    done = run_ulma(python, tmp_path / "program.py", options=["--buffer", "1M"])
    assert done.status == 0 and done.report, done.told()
    calls = function_named(done.report, "leaf")["calls"]
    assert 0 < calls < 4000
    assert done.report["events"]["lost"] >= 2 * (4000 - calls)


class Phases:
    """A run of in_phases.py that goes on when told, with the collector stopped where wanted."""

    def __init__(self, python, phases, options, session_dir, folder):
        self.output = folder / "report.json"
        words = ["-q", "-f", "json", "-o", self.output, *options]
        self.ulma = subprocess.Popen(
            ulma_words(python, words, [TARGETS / "in_phases.py", *phases]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(session_dir),
            start_new_session=True,
        )

    def reached(self, name):
        line = self.ulma.stdout.readline()
        assert line == name.encode() + b"\n", line

    def go(self):
        self.ulma.stdin.write(b".")
        self.ulma.stdin.flush()

    def stop_collector(self):
        os.kill(self.ulma.pid, signal.SIGSTOP)

    def let_collector_go(self):
        os.kill(self.ulma.pid, signal.SIGCONT)

    def end(self):
        self.ulma.communicate(timeout=LIMIT_S)
        assert self.ulma.returncode == 0
        return json.loads(self.output.read_text())


BEFORE, BURST, AFTER = 1_000, 400_000, 1_000
CALLS = f"before={BEFORE}", f"burst={BURST}"
# The ring is looked at again with each event, at most once in 10 ms: small phases give it the time.
PAUSES = [f"pause{n}=50" for n in range(30)]


def with_a_gap(python, session_dir, tmp_path, options):
    run = Phases(python, [*CALLS, *PAUSES, f"after={AFTER}"], options, session_dir, tmp_path)
    run.reached("before")
    run.go()
    run.reached("burst")
    run.stop_collector()
    run.go()
    run.reached("pause0")
    run.let_collector_go()
    for n in range(len(PAUSES)):
        if n:
            run.reached(f"pause{n}")
        # The collector's own turn: it has one CPU of two, and nothing else to do.
        for _ in range(3):
            os.sched_yield()
        subprocess.run(["sleep", "0.03"], check=True)
        run.go()
    run.reached("after")
    run.go()
    run.reached("over")
    return run.end()


def test_drop_with_a_stopped_collector_knows_what_it_lost(python, session_dir, tmp_path):
    report = with_a_gap(python, session_dir, tmp_path, ["--on-full", "drop", "--buffer", "4M"])
    lost = report["events"]["lost"]
    assert lost > BURST / 2
    assert report["events"]["gaps"] >= 1
    assert sum(thread["lost"] for thread in report["threads"]) == lost
    burst = function_named(report, "burst")
    assert burst["calls"] < BURST and not burst["calls_exact"]
    # A push and a pop for each call: what was not seen of them is what was lost.
    pauses = [
        function_named(report, f"pause{n}")["calls"]
        for n in range(len(PAUSES))
        if any(row["name"] == f"pause{n}" for row in report["functions"])
    ]
    missing = BURST - burst["calls"] + 50 * len(PAUSES) - sum(pauses)
    # At each edge of a gap a call may have one of its two events inside.
    assert abs(lost - 2 * missing) <= 2 * report["events"]["gaps"]
    for name, calls in (("before", BEFORE), ("after", AFTER)):
        assert function_named(report, name)["calls"] == calls


def test_wait_with_a_stopped_collector_goes_on(python, session_dir, tmp_path):
    """`wait` waits a second at most for a collector that is stopped, then drops, and says so."""
    report = with_a_gap(python, session_dir, tmp_path, ["--on-full", "wait", "--buffer", "4M"])
    assert report["waited_ns"] > 0
    assert report["events"]["lost"] > 0
    for name, calls in (("before", BEFORE), ("after", AFTER)):
        assert function_named(report, name)["calls"] == calls
    assert session_files(pathlib.Path(session_dir)) == []
