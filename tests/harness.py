# SPDX-License-Identifier: MIT
"""What the tests share: the CPythons, the built `ulma`, and how to run things with and without it.

Rules: everything that is started here is waited for, with a limit; a session directory is private
to its test and lies in shared memory, as a user's does; the environment of what is run holds
nothing of the Python that runs the tests.
"""

import contextlib
import dataclasses
import functools
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from typing import Any, Optional

ROOT = pathlib.Path(__file__).resolve().parent.parent
TARGETS = ROOT / "tests" / "targets"
ULMA = ROOT / "build" / "ulma"
LIMIT_S = 120


@dataclasses.dataclass(frozen=True)
class Python:
    """One CPython to test on."""

    version: str
    path: str

    @property
    def minor(self) -> tuple[int, int]:
        major, minor = self.version.split(".")[:2]
        return int(major), int(minor)

    def __str__(self) -> str:
        return self.version


def from_index(python: Python, package: str, *more: str) -> pathlib.Path:
    """A folder for PYTHONPATH with a package, for this CPython; made once, below build/. pip goes
    by its own Python what a package needs on older ones only: `more` says that."""
    short = "{}.{}".format(*python.minor)
    folder = ROOT / "build" / "from-index" / f"{package}-{short}"
    if not folder.is_dir():
        folder.parent.mkdir(exist_ok=True)
        made = tempfile.mkdtemp(dir=folder.parent)
        words = [sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:"]
        words += ["--disable-pip-version-check", "--python-version", short, "--target", made]
        subprocess.run([*words, package, *more], check=True, timeout=100)
        with contextlib.suppress(OSError):  # another worker of the tests was quicker
            pathlib.Path(made).rename(folder)
    return folder


@functools.cache
def pythons() -> list[Python]:
    """Every CPython that tools/pythons knows of."""
    listed = subprocess.run(
        [str(ROOT / "tools" / "pythons"), "--list"], stdout=subprocess.PIPE, text=True, check=True
    )
    return [Python(*line.split(" ", 1)) for line in listed.stdout.splitlines()]


@dataclasses.dataclass
class Done:
    """A process that has ended. `status` is as a shell shows it: 128+N after a signal."""

    status: int
    out: bytes
    err: bytes
    report: Optional[dict[str, Any]] = None

    def told(self) -> str:
        return f"status {self.status}\n{self.out.decode()}\n{self.err.decode()}"


def environment(session_dir: Optional[os.PathLike] = None, **changes: str) -> dict[str, str]:
    strange = ("PYTHON", "ULMA", "VIRTUAL_ENV", "COV_", "COVERAGE", "PYTEST", "PYENV_VERSION")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(strange)}
    if session_dir is not None:
        kept["ULMA_DIR"] = str(session_dir)
    kept.update(changes)
    return kept


@contextlib.contextmanager
def private_session_dir() -> Iterator[pathlib.Path]:
    """An ULMA_DIR of the test's own, in shared memory."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="ulma-test-", dir="/dev/shm"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def run(
    words: Sequence[Any],
    *,
    env: Optional[dict[str, str]] = None,
    stdin: bytes = b"",
    cwd: Optional[os.PathLike] = None,
    limit_s: float = LIMIT_S,
) -> Done:
    """Run WORDS to its end. The whole process group is killed when the limit passes."""
    process = subprocess.Popen(
        [str(word) for word in words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment() if env is None else env,
        cwd=cwd,
        start_new_session=True,
    )
    try:
        out, err = process.communicate(stdin, timeout=limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise AssertionError(
            f"{[str(w) for w in words]} did not end in {limit_s} s\n{out!r}\n{err!r}"
        ) from None
    status = process.returncode if process.returncode >= 0 else 128 - process.returncode
    return Done(status, out, err)


# Until it calls exec, a process's peak includes its parent's memory: pytest's, if that started it.
MEASURE = """
import os, sys
child = os.fork()
if not child:
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(child, 0)
with open(sys.argv[1], "w") as file:
    print(usage.ru_maxrss * 1024, file=file)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run_with_peak(words: Sequence[Any]) -> tuple[Done, int]:
    """Run WORDS to its end, and the most memory it took, in bytes (no less than a Python's ten
    million)."""
    with tempfile.NamedTemporaryFile("r") as peak:
        done = run([sys.executable, "-I", "-S", "-c", MEASURE, peak.name, *words])
        return done, int(peak.read())


def ulma_words(
    python: Optional[Python], options: Sequence[Any], target: Sequence[Any]
) -> list[str]:
    chosen = ["--python", python.path] if python is not None else []
    return [str(word) for word in [ULMA, "run", *chosen, *options, *target]]


def run_ulma(
    python: Optional[Python],
    *target: Any,
    options: Sequence[Any] = (),
    env: Optional[dict[str, str]] = None,
    session_dir: Optional[os.PathLike] = None,
    **more: Any,
) -> Done:
    """`ulma run` TARGET with its report as JSON, read. What it left in the session directory, or
    beside the report, fails the test."""
    with contextlib.ExitStack() as stack:
        if session_dir is None:
            session_dir = stack.enter_context(private_session_dir())
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        asked = environment() if env is None else dict(env)
        asked["ULMA_DIR"] = str(session_dir)
        output = folder / "report.json"
        given = ["-q", "-f", "json", "-o", output, *options]
        done = run(ulma_words(python, given, target), env=asked, **more)
        if output.exists() and output.stat().st_size:
            done.report = json.loads(output.read_text(encoding="utf-8"))
        left = [p.name for p in folder.iterdir() if p != output]
        assert not left, f"ulma left {left} beside its report\n{done.told()}"
        sessions = session_files(session_dir)
        assert not sessions, f"ulma left {sessions} in its session directory\n{done.told()}"
        return done


def session_files(session_dir: os.PathLike) -> list[str]:
    return sorted(str(p) for p in pathlib.Path(session_dir).rglob("*") if not p.is_dir())


def report_of(done: Done, status: int = 0) -> dict[str, Any]:
    """The report of a run that was to end with STATUS and lose nothing."""
    assert done.status == status, done.told()
    assert done.report is not None, done.told()
    assert done.report["ulma"] == 1
    assert done.report["events"]["lost"] == 0, done.report["events"]
    return done.report


Key = tuple[Optional[str], int, str]
Counts = tuple[int, int]


def without_address(name: str) -> str:
    """Names of C functions may hold an address, which differs from run to run."""
    return re.sub(r" at 0x[0-9a-f]+", " at 0x", name)


def key_of(row: dict[str, Any]) -> Key:
    return row["file"], row["line"] or 0, without_address(row["name"])


def counts_of(report: dict[str, Any]) -> dict[Key, Counts]:
    """(file, line, name) -> (calls + resumes, primitive calls), rows of one key summed."""
    found: dict[Key, Counts] = {}
    for row in report["functions"]:
        key = key_of(row)
        calls, primitive = found.get(key, (0, 0))
        found[key] = (
            calls + row["calls"] + row["resumes"],
            primitive + row["primitive_calls"],
        )
    return found


def function_named(report: dict[str, Any], name: str, file: Any = None) -> dict[str, Any]:
    """The one function of this name; of FILE, where other modules may have one of that name."""
    rows = [row for row in report["functions"] if row["name"] == name]
    if file is not None:
        rows = [row for row in rows if row["file"] == str(file)]
    assert len(rows) == 1, (name, rows, [row["name"] for row in report["functions"]][:50])
    return rows[0]
