# SPDX-License-Identifier: MIT
"""Children that find no way to ulma in their environment: they are attached to, and join."""

import contextlib
import subprocess
import time

import pytest
from harness import LIMIT_S, TARGETS, ULMA, environment, report_of, run, run_ulma, session_files
from test_several import Look

STRAY = TARGETS / "stray.py"


def steps(report):
    """Each process's, where the report has a row for each."""
    rows = [row for row in report["functions"] if row["name"] == "step"]
    assert all(row["file"] == str(STRAY) for row in rows)
    return {row["pid"]: row["calls"] for row in rows}


@pytest.mark.some_pythons
def test_each_way_is_followed(python, session_dir):
    env = environment(session_dir, PYTHONWARNINGS="ignore::DeprecationWarning")
    options = ["--by", "process"]
    done = run_ulma(python, TARGETS / "strays.py", 1, options=options, env=env)
    report = report_of(done)
    counts = steps(report)
    assert sorted(counts.values()) == [1, 10, 100, 1000, 10_000, 100_000]
    assert sum(counts.values()) == int(done.out)
    assert set(counts) < {process["pid"] for process in report["processes"]}
    (calls,) = (source for source in report["sources"] if source["name"] == "calls")
    assert not calls["complete"]
    assert "6 children with an environment of their own were attached to" in calls["reason"]
    assert session_files(session_dir) == []


@pytest.mark.newest_python
def test_a_child_that_arms_itself_is_not_attached_to(python, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os, subprocess, sys\n"
        "for _ in range(5):\n"
        f"    subprocess.run([sys.executable, {str(STRAY)!r}, '10'], check=True)\n"
        "    if os.fork() == 0: os._exit(0)\n"
        "    os.wait()\n"
    )
    report = report_of(run_ulma(python, program, options=["--by", "process"]))
    assert list(steps(report).values()) == [10] * 5
    assert all(source["complete"] for source in report["sources"]), report["sources"]


PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, *sys.argv[1:]], env={}, stdin=subprocess.PIPE)
print(child.pid, flush=True)
sys.stdin.readline()
child.communicate(b"end")
sys.exit(child.returncode)
"""
# Fails when it has the probe in the end.
ASKED = "import sys; sys.stdin.readline(); sys.exit('ulma_probe' in open('/proc/self/maps').read())"


@pytest.fixture
def parent(python, tmp_path, session_dir):
    """`ulma run OPTIONS` of a program with one child in an empty environment; a line ends both."""
    program = tmp_path / "parent.py"
    program.write_text(PARENT)
    with contextlib.ExitStack() as stack:

        def start(*options, interpreter=()):
            pipe = subprocess.PIPE
            words = [ULMA, "run", "--python", python.path, *options, "--", python.path]
            process = stack.enter_context(
                subprocess.Popen(
                    [str(word) for word in [*words, program, *interpreter, "-c", ASKED]],
                    stdin=pipe,
                    stdout=pipe,
                    stderr=pipe,
                    env=environment(session_dir),
                    text=True,
                )
            )
            stack.callback(process.kill)
            return process, int(process.stdout.readline())

        yield start


@pytest.mark.newest_python
def test_no_children_are_left_alone(parent):
    process, _ = parent("--no-children")
    _, told = process.communicate("\n", timeout=LIMIT_S)
    assert process.returncode == 0, told
    assert "not followed" not in told and "environment of its own" not in told


@pytest.mark.newest_python
def test_a_refused_child_is_told_once_and_runs_on(parent):
    process, pid = parent(interpreter=["-X", "disable-remote-debug"])
    lines = []
    while not lines or "is not followed" not in lines[-1]:
        lines.append(process.stderr.readline())
        assert lines[-1], lines
    assert f"PID {pid}, a child, is not followed: process {pid} was started with" in lines[-1]
    _, told = process.communicate("\n", timeout=LIMIT_S)
    assert process.returncode == 0, told
    assert "is not followed" not in told
    assert "exact: no, 0 children with an environment of their own were attached to" in told


@pytest.mark.newest_python
def test_of_a_process_that_runs_already(python, tmp_path, session_dir):
    program = tmp_path / "parent.py"
    program.write_text("import sys\nsys.stdin.readline()\n" + PARENT)
    words = [python.path, program, STRAY, "50"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        [str(word) for word in words],
        stdin=pipe,
        stdout=pipe,
        env=environment(session_dir),
        text=True,
    )
    try:
        look = Look(session_dir, tmp_path, "--exact", "--children", process.pid, count=1)
        process.stdin.write("\n")
        process.stdin.flush()
        child = int(process.stdout.readline())
        process.communicate("\n", timeout=LIMIT_S)
        assert process.returncode == 0
        report, _ = look.end(interrupt=False)
        assert {row["pid"] for row in report["processes"]} == {process.pid, child}
        assert [row["calls"] for row in report["functions"] if row["name"] == "step"] == [50]
        assert session_files(session_dir) == []
    finally:
        process.kill()
        process.wait()


@pytest.mark.newest_python
def test_a_detach_by_somebody_else_is_said_so(python, tmp_path, session_dir):
    """Wherever it falls between the arming and the end of a look."""
    program = tmp_path / "program.py"
    program.write_text("import sys\nprint(flush=True)\nsys.stdin.readline()\n")
    env = environment(session_dir)
    pipe = subprocess.PIPE
    with subprocess.Popen([python.path, program], stdin=pipe, stdout=pipe, env=env) as process:
        try:
            process.stdout.readline()
            pid, output = str(process.pid), str(tmp_path / "report.json")
            for _ in range(8):
                words = [str(ULMA), "report", "-q", "-d", "0.01", "--force", "-o", output, pid]
                look = subprocess.Popen(words, stderr=pipe, env=env, text=True)
                end = time.monotonic() + LIMIT_S
                while look.poll() is None:
                    run([ULMA, "detach", pid], env=env)
                    assert time.monotonic() < end
                _, told = look.communicate()
                lines = [line for line in told.splitlines() if line.startswith("ulma: ")]
                assert not any("SIGURG" in line or "ULMA_DIR" in line for line in lines), told
                clear = ("was detached by somebody else", "is followed already, by PID")
                assert look.returncode == 0 or any(
                    text in line for text in clear for line in lines
                ), told
            assert process.poll() is None
        finally:
            process.communicate(b"\n", timeout=LIMIT_S)
    assert process.returncode == 0
