# SPDX-License-Identifier: MIT
"""Under a budget sources come on one after the other, and one that tells too much is held back.

When each comes depends on the machine; in which order, how far apart at least, and which is too
dear does not.
"""

import contextlib
import json
import subprocess

import pytest
from harness import LIMIT_S, ULMA, environment, pythons, report_of, run, run_ulma
from test_attach_inject import Target

GENTLE = """
import time
def work():
    return sum(map(abs, range(10)))
while True:
    work()
    time.sleep(0.001)
"""

DENSE = """
def work():
    for i in range(1000):
        abs(i)
while True:
    work()
"""

REFUSING = """
import sys, time
sys.setprofile(lambda *words: None)
end = time.monotonic() + 1.5
while time.monotonic() < end:
    time.sleep(0.001)
"""


@contextlib.contextmanager
def running(python, folder, session_dir, program):
    script = folder / "program.py"
    script.write_text(program)
    process = subprocess.Popen([python.path, script], env=environment(session_dir))
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def frames(process, session_dir, *options):
    """top's JSON, a line a frame."""
    words = [ULMA, "top", "-q", "-b", "-f", "json", "-i", "0.1", "--timeout", "60", *options]
    top = subprocess.Popen(
        [str(word) for word in [*words, process.pid]],
        stdout=subprocess.PIPE,
        env=environment(session_dir),
        text=True,
    )
    try:
        yield (json.loads(line) for line in top.stdout)
    finally:
        top.terminate()
        top.communicate(timeout=LIMIT_S)


def sources_of(report):
    return {row["name"]: row for row in report["sources"]}


def await_sources(seen, condition):
    for count, frame in enumerate(seen):
        sources = sources_of(frame)
        if condition(sources):
            return sources
        assert count < 10 * LIMIT_S, sources
    raise AssertionError("top has ended")


@pytest.mark.newest_python
def test_one_after_the_other(python, session_dir, tmp_path):
    with (
        running(python, tmp_path, session_dir, GENTLE) as process,
        frames(process, session_dir, "-e", "c-calls,gc,io") as seen,
    ):
        sources = await_sources(seen, lambda sources: sources["calls"]["on_ns"] > 0)
        if not sources["c-calls"]["on_ns"]:
            assert not sources["c-calls"]["complete"]
            assert "still to come" in sources["c-calls"]["reason"]
        sources = await_sources(seen, lambda sources: sources["c-calls"]["on_ns"] > 0)
    on = [sources[name]["on_ns"] for name in ("calls", "gc", "io", "c-calls")]
    # A tenth of a second at least from each to the next.
    assert all(one - next_one > 90e6 for one, next_one in zip(on, on[1:])), on
    assert not any("still to come" in (row["reason"] or "") for row in sources.values())


@pytest.mark.newest_python
def test_held_back(python, session_dir, tmp_path):
    with running(python, tmp_path, session_dir, DENSE) as process:
        with frames(process, session_dir, "-e", "c-calls") as seen:
            sources = await_sources(
                seen, lambda sources: "holds it back" in (sources["c-calls"]["reason"] or "")
            )
        # It was on for a moment, and its rows stay; the calls are followed on.
        assert 0 < sources["c-calls"]["on_ns"] < sources["calls"]["on_ns"]
        # Asked for with another budget, it comes.
        words = ["report", "-e", "c-calls", "--exact", "-f", "json", "-o", "-", "-d", "0.1"]
        done = run([ULMA, *words, "-q", process.pid], env=environment(session_dir))
        sources = sources_of(json.loads(done.out))
        assert sources["c-calls"]["on_ns"] == sources["calls"]["on_ns"] > 0


@pytest.fixture
def old_python():
    """One without line events, whose C calls need the profile function."""
    return next(python for python in pythons() if python.minor == (3, 11))


def test_what_a_python_cannot_is_refused_before(old_python, session_dir, tmp_path):
    """Not in the middle, when its turn would come."""
    words = ["-e", "calls,lines", "--only", "__main__"]
    done = run_ulma(old_python, "-c", "pass", options=["--budget", "5", *words])
    assert done.status == 125 and b"3.12" in done.err, done.told()
    with Target(old_python, "loop", tmp_path, ULMA_DIR=str(session_dir)) as target:
        words = [ULMA, "report", "-q", "-d", "0.1", "--timeout", "60", *words, target.pid]
        done = run(words, env=environment(session_dir))
        assert done.status == 1 and b"3.12" in done.err, done.told()


def test_refused_when_its_turn_comes(old_python, tmp_path):
    script = tmp_path / "refusing.py"
    script.write_text(REFUSING)
    options = ["--budget", "5", "-e", "c-calls"]
    sources = sources_of(report_of(run_ulma(old_python, script, options=options)))
    assert sources["calls"]["on_ns"] > 0 and sources["c-calls"]["on_ns"] == 0
    assert "another tool has it" in sources["c-calls"]["reason"], sources
