# SPDX-License-Identifier: MIT
"""ulma census: every object counted once, in a process that is left as it was."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess

import harness
import pytest
from harness import TARGETS, ULMA, environment, run


class Heap:
    """tests/targets/heap.py, running."""

    def __init__(self, python, session_dir):
        self.env = environment(session_dir)
        self.process = subprocess.Popen(
            [python.path, str(TARGETS / "heap.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self.env,
            text=True,
        )

    def grow(self, number):
        self.process.stdin.write(f"grow {number}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def census(self, *words):
        done = run(
            [ULMA, "census", "-f", "json", "-n", "0", *words, self.process.pid], env=self.env
        )
        assert done.status == 0, done.told()
        return [json.loads(text) for text in split(done.out.decode())]

    def end(self):
        out, _ = self.process.communicate("end\n", timeout=harness.LIMIT_S)
        assert self.process.returncode == 0, out


def split(text):
    """One object, or one a line."""
    return [text] if text.startswith("{\n") else text.splitlines()


@contextlib.contextmanager
def heap(python, session_dir, armed=False):
    program = Heap(python, session_dir)
    try:
        if armed:
            program.grow(1)
            done = run([ULMA, "attach", program.process.pid], env=program.env)
            assert done.status == 0, done.told()
        yield program
        program.end()
    finally:
        program.process.kill()
        program.process.wait()


def types_of(walk):
    return {row["type"]: row for row in walk["census"]}


def check_exact(walk, told):
    found = types_of(walk)
    for name, (objects, size) in told["types"].items():
        row = found[f"__main__.{name}"]
        assert row["objects"] == objects, name
        if name != "Asked":
            assert row["bytes"] == size, name
    assert walk["objects"] == sum(row["objects"] for row in walk["census"])
    assert walk["bytes"] == sum(row["bytes"] for row in walk["census"])
    assert walk["complete"] and walk["pause_ns"] > 0


def test_each_object_is_counted_once(python, session_dir):
    with heap(python, session_dir) as program:
        told = program.grow(500)
        (walk,) = program.census()
        check_exact(walk, told)
        # No code of the program's was asked, neither for a size nor for a name.
        assert walk["unsized"] == 500
        assert program.grow(1)["asked"] == 0
        assert (
            types_of(walk)["__main__.Odd" if "__main__.Odd" in types_of(walk) else "Odd"]["objects"]
            == 1
        )
        # What no list of the collector's has: numbers and text that only containers hold.
        assert types_of(walk)["str"]["objects"] > 1000


@pytest.mark.some_pythons
def test_growth_is_what_was_made(python, session_dir):
    with heap(python, session_dir) as program:
        program.grow(100)
        words = [ULMA, "census", "-f", "json", "-n", "0", "--every", "0.05", "--count", "2"]
        before = program.census()[0]
        told = program.grow(300)
        after = program.census()[0]
        check_exact(after, told)
        for name in told["types"]:
            key = f"__main__.{name}"
            assert types_of(after)[key]["objects"] - types_of(before)[key]["objects"] == 300
        done = run([*words, program.process.pid], env=program.env)
        first, second = (json.loads(line) for line in done.out.splitlines())
        assert [first["walk"], second["walk"]] == [1, 2]
        assert types_of(second)["__main__.Plain"]["more_objects"] == 0
        assert "more_objects" not in types_of(first)["__main__.Plain"]


@pytest.mark.some_pythons
def test_who_refers_is_told(python, session_dir):
    with heap(python, session_dir) as program:
        program.grow(200)
        (walk,) = program.census("--referrers", "__main__.Stack")
        assert walk["referrers_found"]
        assert walk["census"][0]["type"] == "collections.deque"
        assert walk["census"][0]["referring"] == 200
        (walk,) = program.census("--referrers", "__main__.Nothing")
        assert not walk["referrers_found"]
        assert not any(row["referring"] for row in walk["census"])


@pytest.mark.some_pythons
@pytest.mark.parametrize("armed", [True, False])
def test_the_process_is_left_as_it_was(python, session_dir, armed):
    with heap(python, session_dir, armed) as program:
        program.grow(50)
        program.census()
        pid = program.process.pid
        files = sorted(os.listdir(f"/proc/{pid}/fd"))
        for _ in range(5):
            program.census()
        assert sorted(os.listdir(f"/proc/{pid}/fd")) == files
        assert ".census" not in pathlib.Path(f"/proc/{pid}/maps").read_text()
        names = os.listdir(session_dir)
        assert not [name for name in names if name.endswith(".census")]
        assert bool([name for name in names if name.endswith(".armed")]) == armed


@pytest.mark.some_pythons
def test_what_cannot_be_done_is_said(python, session_dir):
    with heap(python, session_dir, armed=True) as program:
        program.grow(1)
        pid = program.process.pid
        os.kill(pid, signal.SIGSTOP)
        done = run([ULMA, "census", "-q", "--timeout", "0.3", pid], env=program.env)
        os.kill(pid, signal.SIGCONT)
        assert done.status == 1
        assert done.err.decode().startswith(f"ulma: PID {pid} did not answer: ")
        assert len(done.err.splitlines()) == 1
        # It was given up: nothing of it fires later, and the next one works.
        assert not [name for name in os.listdir(session_dir) if name.endswith(".census")]
        assert program.census()[0]["objects"] > 1000
    done = run([ULMA, "census", "-f", "pstats", pid], env=program.env)
    assert done.status == 2 and b"a census comes as text or, with `-f json`" in done.err
    done = run([ULMA, "census", "--count", "2", pid], env=program.env)
    assert done.status == 2 and b"--every" in done.err


@pytest.mark.some_pythons
def test_the_table_says_how_long_it_stood_still(python, session_dir):
    with heap(python, session_dir) as program:
        program.grow(2000)
        done = run([ULMA, "census", "-n", "3", program.process.pid], env=program.env)
        lines = done.out.decode().splitlines()
        assert done.status == 0
        assert lines[0].startswith(f"{program.process.pid} (python {python.version}")
        assert "its Python stood still for " in lines[0]
        assert lines[2].split() == ["objects", "bytes", "type"]
        assert len(lines) == 7 and lines[-1].startswith("... and ")
