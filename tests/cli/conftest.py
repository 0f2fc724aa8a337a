# SPDX-License-Identifier: MIT
"""`ulma` is called as people call it, in a session directory and a folder of the test's own."""

import contextlib
import os
import pathlib
import signal
import subprocess
import time

import harness
import pytest


class Caller:
    """Runs `ulma` in a folder and environment of one test."""

    def __init__(self, session_dir: pathlib.Path, folder: pathlib.Path) -> None:
        self.session_dir = session_dir
        self.folder = folder
        self.temporary = folder / "temporary"
        self.temporary.mkdir()
        self.home = folder / "home"
        self.home.mkdir()
        self.python = harness.pythons()[0].path
        self.env = harness.environment(
            session_dir,
            TMPDIR=str(self.temporary),
            HOME=str(self.home),
            XDG_RUNTIME_DIR=str(self.temporary),
        )

    def script(self, text: str, name: str = "program.py") -> str:
        (self.folder / name).write_text(text, encoding="utf-8")
        return name

    def __call__(self, *words, env=None, **more) -> harness.Done:
        more.setdefault("cwd", self.folder)
        return harness.run([harness.ULMA, *words], env={**self.env, **(env or {})}, **more)

    def verb(self, verb, *words, **more) -> harness.Done:
        """The verb with a Python that is surely there."""
        return self(verb, "--python", self.python, *words, **more)

    def start(self, *words, **more) -> subprocess.Popen:
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        more.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(
            [str(word) for word in [harness.ULMA, *words]],
            env=self.env,
            cwd=self.folder,
            start_new_session=True,
            **more,
        )

    def left_behind(self) -> list:
        """Sessions and private folders that are still there."""
        folders = [str(path) for path in self.temporary.glob("ulma-[0-9]*")]
        return harness.session_files(self.session_dir) + folders


@pytest.fixture
def ulma(session_dir, tmp_path):
    caller = Caller(session_dir, tmp_path)
    started = []
    start = caller.start

    def remembering(*words, **more):
        process = start(*words, **more)
        started.append(process)
        return process

    caller.start = remembering
    yield caller
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def wait_until(condition, what, limit_s=30):
    """Polls a condition that has no descriptor to wait on. Returns what made it true."""
    end = time.monotonic() + limit_s
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"waited {limit_s} s for {what}"
        time.sleep(0.01)


@pytest.fixture
def wait():
    return wait_until


def one_sentence(done: harness.Done, *parts: str) -> None:
    """stderr is one line of ulma's that holds the parts."""
    text = done.err.decode()
    assert text.startswith("ulma: "), text
    assert text.count("\n") == 1 and text.endswith("\n"), text
    for part in parts:
        assert part in text, (part, text)


@pytest.fixture
def sentence():
    return one_sentence
