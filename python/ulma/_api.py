# SPDX-License-Identifier: MIT
"""Recording this very process: ``ulma.start()``, ``ulma.stop()``, ``ulma.profile``.

A collector of its own is started beside the process and follows it as ``ulma record PID`` would:
the process is armed, and the two share the session's memory, so that no right to trace is needed.
Options are those of ``ulma record``, with ``_`` for ``-``.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, TypeVar, cast

from ulma import Error, _program, _start, arm

__all__ = ["Report", "profile", "start", "stop"]

READY_S = 20.0  # until the collector has the process recorded; it says itself why it has not
LOOK_S = 0.002

Function = TypeVar("Function", bound=Callable[..., Any])


def program() -> str:
    path = _program.executable()
    if path is None:
        raise Error(_program.not_found())
    return path


def run(*words: str) -> bytes:
    """What the program writes to stdout; what it says is wrong is an Error."""
    done = subprocess.run(
        [program(), *words],
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    if done.returncode:
        raise Error(done.stderr.decode(errors="replace").strip().removeprefix("ulma: "))
    return done.stdout


def probe() -> Any:
    """Of the process, which is armed."""
    return _start.loaded[0]


def words_of(options: dict[str, Any]) -> list[str]:
    """``events="calls,io", skip=["a", "b"], exact=True`` as a command line has them."""
    words = []
    for name, value in options.items():
        word = "--" + name.replace("_", "-")
        if value is True:
            words.append(word)
        elif isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
            for one in value:
                words += [word, str(one)]
        elif value is not None and value is not False:
            words += [word, str(value)]
    return words


def remove(folder: pathlib.Path, pid: int) -> None:
    """A fork's child has the same objects; the folder is its parent's."""
    if pid == os.getpid():
        shutil.rmtree(folder, ignore_errors=True)


class Report:
    """What was recorded. Its file lives as long as this object; ``save`` keeps it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._file = str(folder / "recording.ulma")
        self._clean = weakref.finalize(self, remove, folder, os.getpid())

    def json(self, **options: Any) -> dict[str, Any]:
        """As ``ulma report -f json`` writes it; ``functions``, ``tree``, ``requests`` and so on."""
        found = json.loads(self._report("json", options))
        return cast("dict[str, Any]", found)

    def table(self, **options: Any) -> str:
        """As ``ulma report`` prints it, with its options: ``sort="cumtime", limit=10``."""
        return self._report("table", options).decode("utf-8", "replace")

    def html(self) -> str:
        """A page that needs nothing else."""
        return run("export", "-q", self._file, "-f", "html", "-o", "-").decode("utf-8", "replace")

    def save(self, path: str | os.PathLike[str], **options: Any) -> None:
        """In the format of its extension: .ulma, .json, .pstats, .svg, .html, .md, .txt, …"""
        target = os.fspath(path)
        if target.endswith(".ulma"):
            shutil.copyfile(self._file, target)
        else:
            run("export", "-q", "--force", self._file, "-o", target, *words_of(options))

    def _report(self, kind: str, options: dict[str, Any]) -> bytes:
        return run("report", "-q", self._file, "-f", kind, "-o", "-", *words_of(options))

    def __str__(self) -> str:
        return self.table()


class SessionReport(Report):
    """What the ulma that started this program has recorded of it, up to the moment it is asked."""

    def __init__(self) -> None:
        self._file = str(os.getpid())

    def html(self) -> str:
        return self._report("html", {}).decode("utf-8", "replace")

    def save(self, path: str | os.PathLike[str], **options: Any) -> None:
        run("report", "-q", "--force", self._file, "-o", os.fspath(path), *words_of(options))


def leave(collector: subprocess.Popen[bytes], folder: pathlib.Path, pid: int) -> None:
    """At the program's end, where nobody has called stop()."""
    if pid == os.getpid():
        probe().turn(False)
        collector.terminate()
        collector.communicate()
        remove(folder, pid)


class Recording:
    """One that goes on: the collector, and where it writes."""

    def __init__(self, options: dict[str, Any]) -> None:
        given = {"exact": "budget" not in options, "on_full": "wait", **options}
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ulma-"))
        words = ["record", "-q", str(os.getpid()), "-o", str(self.folder / "recording.ulma")]
        words.append("--start-off")  # what is done here until it is there is nobody's to see
        try:
            self.collector = subprocess.Popen(
                [program(), *words, *words_of(given)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,  # a Ctrl-C is the program's
            )
            self.turn_on()
        except BaseException:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise
        # Of a program that ends without a stop() nothing is left.
        self.left = weakref.finalize(self, leave, self.collector, self.folder, os.getpid())

    def turn_on(self) -> None:
        end = time.monotonic() + READY_S
        turn = probe().turn
        while not turn(True):
            if self.collector.poll() is not None:
                self.refuse()
            if time.monotonic() > end:
                self.collector.kill()
                self.refuse()
            time.sleep(LOOK_S)

    def refuse(self) -> None:
        _, said = self.collector.communicate()
        text = said.decode(errors="replace").strip().removeprefix("ulma: ")
        raise Error(text or f"the collector did not begin within {READY_S:.0f} s")

    def end(self) -> Report:
        probe().turn(False)  # before all else, as above
        self.left.detach()
        if self.collector.poll() is None:
            self.collector.terminate()
        _, said = self.collector.communicate()
        if not (self.folder / "recording.ulma").exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            text = said.decode(errors="replace").strip().removeprefix("ulma: ")
            raise Error(text or "the collector ended without a recording")
        return Report(self.folder)


class Within:
    """Of a program that ulma has started: its own session, on from here until end()."""

    def __init__(self) -> None:
        self.was_on: bool = probe().is_on()
        if not probe().turn(True):
            raise Error(
                "the ulma that started this program does not follow it any more, and no other can"
            )

    def end(self) -> Report:
        if not self.was_on:
            probe().turn(False)
        return SessionReport()


def begin(options: dict[str, Any]) -> Recording | Within:
    arm()
    return Within() if probe().is_followed() else Recording(options)


class Present:
    """What is being recorded now."""

    lock = threading.Lock()
    recording: Recording | Within | None = None

    @classmethod
    def forget(cls) -> None:
        """In a fork's child: it is its parent's that is recorded."""
        cls.lock = threading.Lock()
        if isinstance(cls.recording, Recording):
            cls.recording = None


os.register_at_fork(after_in_child=Present.forget)


def start(**options: Any) -> None:
    """Record this process from here on, until ``ulma.stop()``.

    In a program that ulma has started this switches what it records on, as it was asked to; the
    options are that ulma's.
    """
    with Present.lock:
        if Present.recording is not None:
            raise Error("this process is being recorded already: ulma.stop() ends that")
        Present.recording = begin(options)


def stop() -> Report:
    """What was recorded since ``ulma.start()``."""
    with Present.lock:
        if Present.recording is None:
            raise Error("nothing is being recorded: ulma.start() begins it")
        recording, Present.recording = Present.recording, None
        return recording.end()


class profile:  # noqa: N801 - a word that is used like a statement
    """``with ulma.profile() as p:``, and then ``p.table()``; or ``@ulma.profile``.

    A function that is decorated is recorded each time it is called (not again while it is), and its
    table goes to stderr, or to ``save=``, a file in the format of its extension.
    """

    report: Report

    def __new__(cls, function: Any = None, **options: Any) -> Any:
        made = super().__new__(cls)
        if function is None:
            return made
        made.__init__(**options)  # type: ignore[misc]
        return made(function)

    def __init__(self, *, save: str | os.PathLike[str] | None = None, **options: Any) -> None:
        self.options = options
        self.path = save

    def __enter__(self) -> profile:
        start(**self.options)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.report = stop()
        if self.path is not None:
            self.report.save(self.path)

    def json(self, **options: Any) -> dict[str, Any]:
        return self.report.json(**options)

    def table(self, **options: Any) -> str:
        return self.report.table(**options)

    def html(self) -> str:
        return self.report.html()

    def save(self, path: str | os.PathLike[str], **options: Any) -> None:
        self.report.save(path, **options)

    @contextlib.contextmanager
    def _each(self) -> Any:
        if not Present.lock.acquire(blocking=False):  # another thread begins or ends one just now
            yield
            return
        try:
            is_free = Present.recording is None
            if is_free:
                Present.recording = begin(self.options)
        finally:
            Present.lock.release()
        if not is_free:
            yield
            return
        try:
            yield
        finally:
            report = stop()
            if self.path is not None:
                report.save(self.path)
        if self.path is None:
            print(report.table(), file=sys.stderr)

    def __call__(self, function: Function) -> Function:
        from ulma import _spans

        _spans.refuse_generators(function, "record whoever uses it")
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def waits(*args: Any, **kwargs: Any) -> Any:
                with self._each():
                    return await function(*args, **kwargs)

            return waits  # type: ignore[return-value]

        @functools.wraps(function)
        def runs(*args: Any, **kwargs: Any) -> Any:
            with self._each():
                return function(*args, **kwargs)

        return runs  # type: ignore[return-value]
