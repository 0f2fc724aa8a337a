# SPDX-License-Identifier: MIT
"""ulma attach: a Python that was started without ulma is armed, followed, detached, and runs on."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import time

import pytest
from harness import LIMIT_S, ULMA, environment, function_named, run
from test_attach_inject import NEWEST, RUNNING, Target, status_of

pytestmark = pytest.mark.some_pythons


def ulma(session_dir, *words):
    return run([ULMA, *words], env=environment(session_dir))


def attach(session_dir, target):
    done = ulma(session_dir, "attach", "--timeout", "20", target.pid)
    assert done.status == 0, (done.told(), target.told())
    return done.out.decode()


def detach(session_dir, target):
    done = ulma(session_dir, "detach", target.pid)
    assert done.status == 0, done.told()


def mapped(pid):
    """Lines of maps that are ours."""
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    return [line for line in maps if "ulma" in line]


def open_files(pid):
    files = []
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile: an import
            files.append(os.readlink(f"/proc/{pid}/fd/{name}"))
    return sorted(files)


def settled_files(pid):
    """When no import is under way any more: no file of Python's is open, in ten looks."""
    end = time.monotonic() + LIMIT_S
    quiet = 0
    while quiet < 10:
        assert time.monotonic() < end, open_files(pid)
        files = open_files(pid)
        importing = any("/python3" in file or "/targets" in file for file in files)
        quiet = 0 if importing else quiet + 1
        time.sleep(0.02)
    return files


def report(session_dir, target, folder):
    output = folder / "report.json"
    options = ["-q", "-f", "json", "--force", "-o", output, "-d", "0.3"]
    done = ulma(session_dir, "report", *options, target.pid)
    assert done.status == 0, done.told()
    return json.loads(output.read_text())


@pytest.mark.parametrize("state", ["compute", "pending_calls", "nine_threads", "poll_limit"])
def test_attach_report_detach(python, state, session_dir, tmp_path):
    with Target(python, state, tmp_path, ULMA_DIR=str(session_dir)) as target:
        files = settled_files(target.pid)
        told = attach(session_dir, target)
        assert told.startswith(f"{target.pid} (python {python.version}")
        assert f": armed, nothing recorded. Next: ulma top {target.pid} | " in told
        assert ": armed already. Next: " in attach(session_dir, target)
        found = report(session_dir, target, tmp_path)
        assert found["ulma"] == 1
        if state == "compute":
            assert found["events"]["lost"] == 0
            assert function_named(found, "stdin_is_ready")["calls"] > 0
        detach(session_dir, target)
        assert open_files(target.pid) == files
        assert status_of(target.pid, "TracerPid") == "0"
        target.goes_on({**RUNNING, "poll_limit": "'0 go on\\n' 1"}[state])
        assert target.told() == ""


@pytest.mark.newest_python
def test_dump_of_a_session(python, session_dir, tmp_path):
    """Its page, its session, the directory that holds one: each stands for its PID."""
    with Target(python, "compute", tmp_path, ULMA_DIR=str(session_dir)) as target:
        done = ulma(session_dir, "dump", session_dir)
        assert done.status == 2 and b"is no PID" in done.err
        attach(session_dir, target)
        (page,) = session_dir.glob("*.armed")
        for word in (session_dir, page):
            done = ulma(session_dir, "dump", word)
            assert done.status == 0, done.told()
            assert done.out.startswith(f"Process {target.pid}: ".encode())
        detach(session_dir, target)


def test_several_at_once(python, session_dir, tmp_path):
    """In turns: else one stops the thread where another has just put it."""
    words = [ULMA, "attach", "--timeout", "20"]
    env = environment(session_dir)
    with Target(python, "compute", tmp_path, ULMA_DIR=str(session_dir)) as target:
        for _ in range(3):
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            started = [
                subprocess.Popen([*words, str(target.pid)], env=env, **pipes) for _ in range(4)
            ]
            told = [process.communicate(timeout=LIMIT_S) for process in started]
            assert [process.returncode for process in started] == [0] * 4, told
            assert sum(b": armed, nothing recorded." in out for out, _ in told) == 1, told
            detach(session_dir, target)
        target.goes_on(RUNNING["compute"])


def test_again_and_again(python, session_dir, tmp_path):
    """The second attach finds the first one's probe: nothing more is mapped, opened or started."""
    with Target(python, "nine_threads", tmp_path, ULMA_DIR=str(session_dir)) as target:
        attach(session_dir, target)
        detach(session_dir, target)
        before = mapped(target.pid), settled_files(target.pid)
        for _ in range(100 if os.environ.get("ULMA_TORTURE") == "1" else 5):
            attach(session_dir, target)
            assert report(session_dir, target, tmp_path)["ulma"] == 1
            detach(session_dir, target)
        assert (mapped(target.pid), open_files(target.pid)) == before
        target.goes_on(RUNNING["nine_threads"])
        assert target.told() == ""


@pytest.mark.parametrize("verb", ["report", "top"])
def test_attached_to_for_one_look(python, verb, session_dir, tmp_path):
    """What is not armed is attached to, and detached again."""
    with Target(python, "nine_threads", tmp_path, ULMA_DIR=str(session_dir)) as target:
        files = settled_files(target.pid)
        options = {"report": ["-d", "0.3"], "top": ["-b", "--count", "2", "-i", "0.2"]}[verb]
        done = ulma(session_dir, verb, "--timeout", "20", *options, target.pid)
        assert done.status == 0, (done.told(), target.told())
        assert "is_set" in done.out.decode()
        assert f"PID {target.pid} runs on, detached" in done.err.decode()
        assert open_files(target.pid) == files
        assert not any(session_dir.iterdir())
        assert not int(status_of(target.pid, "SigCgt"), 16) >> (signal.SIGURG - 1) & 1
        target.goes_on(RUNNING["nine_threads"])
        assert target.told() == ""


def test_a_refused_report_leaves_nothing(python, session_dir, tmp_path):
    """What fails after the process was armed for it takes the arming back."""
    (tmp_path / "there").write_text("kept")
    with Target(python, "compute", tmp_path, ULMA_DIR=str(session_dir)) as target:
        done = ulma(session_dir, "report", "-o", tmp_path / "there", "-d", "9", target.pid)
        assert done.status == 1 and b"exists" in done.err, done.told()
        assert not any(session_dir.iterdir())
        target.goes_on(RUNNING["compute"])


def test_while_it_waits_the_stacks_are_shown(session_dir, tmp_path):
    """A call that holds the GIL: the wait has a reason on the screen, and Ctrl-C ends it."""
    with Target(NEWEST, "held_by_other", tmp_path, ULMA_DIR=str(session_dir)) as target:
        process = subprocess.Popen(
            [ULMA, "report", "--timeout", "60", str(target.pid)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(session_dir),
        )
        lines = []
        while not any(b"held_by_other" in line for line in lines):
            lines.append(process.stderr.readline())
            assert lines[-1], lines
        assert b"in nothing that can be interrupted yet" in lines[0]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 1
        assert b"was given up, as asked; nothing is left in it" in err
        assert status_of(target.pid, "TracerPid") == "0"


def test_patterns_of_another_look_do_not_stay(python, session_dir, tmp_path):
    """What was left out once, and answered DISABLE from 3.12 on, is heard when it is wanted."""
    with Target(python, "compute", tmp_path, ULMA_DIR=str(session_dir)) as target:
        attach(session_dir, target)
        output = tmp_path / "without.json"
        options = ["--skip", "__main__:stdin_is_ready", "-q", "-o", output, "-d", "0.3"]
        done = ulma(session_dir, "report", *options, target.pid)
        assert done.status == 0, done.told()
        names = [f["name"] for f in json.loads(output.read_text())["functions"] if f["calls"]]
        assert "stdin_is_ready" not in names
        found = report(session_dir, target, tmp_path)
        assert function_named(found, "stdin_is_ready")["calls"] > 0
        detach(session_dir, target)
        target.goes_on(RUNNING["compute"])


def test_refusals_are_one_line(session_dir):
    other = subprocess.Popen(["sleep", "100"])
    try:
        done = ulma(session_dir, "attach", other.pid)
        assert done.status == 1
        assert done.err.decode().startswith(f"ulma: process {other.pid} is not a Python")
        assert done.err.count(b"\n") == 1
    finally:
        other.kill()
        other.wait(LIMIT_S)
    for words, told in (((), "needs a PID"), (("here",), "`here` is no PID")):
        done = ulma(session_dir, "attach", *words)
        assert done.status == 2
        assert told in done.err.decode()
