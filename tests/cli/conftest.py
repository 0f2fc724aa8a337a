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


LIKE_PYTHON = """
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

char _PyRuntime[1 << 20] __attribute__((aligned(4096))) = {1};
char PyCode_Type[512] __attribute__((aligned(16))) = {1};
#ifdef FREE_THREADED
void _Py_MergeZeroLocalRefcount(void) {}
#endif
#ifdef VERSION
unsigned long Py_Version = VERSION;
#endif
int main(int count, char **words)
{
    int state = open(words[1], O_RDONLY);
    if (state < 0 || read(state, _PyRuntime, sizeof(_PyRuntime)) < 0)
        return 1;
    int library = count > 2 ? open(words[2], O_RDONLY) : -1;
    if (library >= 0 && mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, library, 0) == MAP_FAILED)
        return 1;
    printf("%p %p\\n", (void *)_PyRuntime, (void *)PyCode_Type);
    fflush(stdout);
    for (;;)
        pause();
}
"""


@pytest.fixture
def running():
    """Starts what is killed in the end."""
    started = []

    def start(*words, **more):
        process = subprocess.Popen([str(word) for word in words], **more)
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()


@pytest.fixture
def like_python(tmp_path, running):
    """A program that has CPython's symbols and whatever state the test gives it."""

    def start(state, *more_words, version=None, options=()):
        source = tmp_path / "like_python.c"
        source.write_text(LIKE_PYTHON)
        program = tmp_path / "likepython"
        define = [] if version is None else [f"-DVERSION={version:#x}"]
        subprocess.run(
            ["cc", *define, *options, "-no-pie", "-rdynamic", "-o", program, source], check=True
        )
        file = tmp_path / "state"
        file.write_bytes(state)
        process = running(program, file, *more_words, stdout=subprocess.PIPE)
        addresses = process.stdout.readline().split()
        assert len(addresses) == 2
        return process.pid, *(int(address, 16) for address in addresses)

    return start
