# SPDX-License-Identifier: MIT
"""The pytest plug-in: limits on what a test does, by exact counts. docs/pytest.md.

How: a collector (`ulma report` of this very process) is started beside the test and ended after
it, so that what it counts is what lies between. Nothing is started for a test without a limit.
Rules: what counts is the test function and what it calls, in every thread; the frames of this file
are left out. A count that is not exact fails the test.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any, Callable, NamedTuple

import pytest

MARKERS = (
    'ulma_max_calls(what, limit): the test calls "pkg:function" (or all of "pkg") at most so often',
    'ulma_max_objects(type, limit): the test makes at most so many objects of a type ("dict")',
    'ulma_max_bytes(limit): the test allocates at most so many bytes ("1M")',
    'ulma_max_io(operation, limit): the test calls the C library\'s operation ("write") so often',
    "ulma(max_calls=, max_objects=, max_bytes=, max_io=): limits on all that the test does",
)
SOURCES = {"calls": "calls", "objects": "objects", "bytes": "memory", "io": "io"}
NAMES = {"calls": "calls", "objects": "objects", "bytes": "bytes", "io": "I/O calls"}
UNITS = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
ROWS = 5
WAIT_S = 30.0


class Limit(NamedTuple):
    """At most `most` of `kind`; `what` narrows it: a function, a type, an operation."""

    kind: str  # calls, objects, bytes, io
    what: str  # "": all
    most: int


class Row(NamedTuple):
    times: int
    text: str


class Refusal(Exception):  # noqa: N818 - it is no fault of the test's
    """What cannot be counted here, and why."""


# --- limits --------------------------------------------------------------------------------------


def number(value: object) -> int:
    """100, "1M", "64K"."""
    if isinstance(value, int):
        return value
    if not isinstance(value, str):
        raise Refusal(f"`{value}` is no number: write 1000, or 64K, 1M, 1G")
    digits, unit = (value[:-1], value[-1].upper()) if value[-1:].upper() in UNITS else (value, "")
    if not digits.isdigit():
        raise Refusal(f"`{value}` is no number: write 1000, or 64K, 1M, 1G")
    return int(digits) * UNITS.get(unit, 1)


def limits_of(item: pytest.Item) -> list[Limit]:
    found = []
    for kind in SOURCES:
        for mark in item.iter_markers(f"ulma_max_{kind}"):
            arguments = list(mark.args) + list(mark.kwargs.values())
            if len(arguments) != (1 if kind == "bytes" else 2):
                raise Refusal(f"the marker ulma_max_{kind} takes other words: `pytest --markers`")
            what = "" if kind == "bytes" else str(arguments[0])
            found.append(Limit(kind, what, number(arguments[-1])))
    for mark in item.iter_markers("ulma"):
        if mark.args:
            raise Refusal("the marker ulma takes names: ulma(max_calls=1000)")
        for name, value in mark.kwargs.items():
            kind = name[len("max_") :]
            if not name.startswith("max_") or kind not in SOURCES:
                raise Refusal(f"the marker ulma knows no `{name}`: `pytest --markers` lists them")
            found.append(Limit(kind, "", number(value)))
    return found


def check_version(limits: list[Limit]) -> None:
    if any(limit.kind == "objects" for limit in limits) and sys.version_info < (3, 13, 3):
        version = "{}.{}.{}".format(*sys.version_info[:3])
        raise Refusal(
            f"Python {version} does not tell of objects' births: a limit on objects needs 3.13.3 "
            "or newer"
        )


# --- the collector beside the test ---------------------------------------------------------------


class Collector:
    """`ulma report` of this process, from begin() to end()."""

    def __init__(self, sources: set[str]) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="ulma-pytest-")
        self.file = os.path.join(self.folder.name, "report.json")
        self.sources = sorted({"calls"} | sources)
        self.process: subprocess.Popen[bytes] | None = None
        self.said = b""

    def begin(self) -> None:
        """From when this returns on, all is counted."""
        import ulma
        from ulma import _program

        ulma.arm()
        words = [_program.executable() or "ulma", "report", "-v", "--exact", "--on-full", "wait"]
        words += ["--duration", "1000h", "-e", ",".join(self.sources), "-n", "0"]
        words += ["-f", "json", "-o", self.file, str(os.getpid())]
        self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        until = time.monotonic() + WAIT_S
        while b" is on\n" not in self.said:
            if not self.read_more() or time.monotonic() > until:
                self.process.kill()
                raise Refusal(self.sentence(self.process.wait()))

    def read_more(self) -> bool:
        """What it says; a signal of the probe's is obeyed meanwhile. False: it has ended."""
        assert self.process is not None and self.process.stderr is not None
        if not select.select([self.process.stderr], [], [], 0.001)[0]:
            return True
        piece = os.read(self.process.stderr.fileno(), 65536)
        self.said += piece
        return piece != b""

    def sentence(self, status: int) -> str:
        """Why it cannot be counted, given how the collector ended."""
        if status == 0:
            return "another ulma follows this process already, so that limits cannot be watched"
        lines = [line for line in self.said.decode(errors="replace").splitlines() if line]
        return lines[-1] if lines else "ulma did not begin in time"

    def end(self) -> dict[str, Any]:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGINT)
        until = time.monotonic() + WAIT_S
        while self.read_more() and time.monotonic() < until:
            pass
        status = self.process.wait(WAIT_S)
        if status or not os.path.exists(self.file):
            raise Refusal(self.sentence(status or 1))
        with open(self.file, encoding="utf-8") as file:
            report: dict[str, Any] = json.load(file)
        self.folder.cleanup()
        return report


# --- what was counted ----------------------------------------------------------------------------


def is_own(file: str | None) -> bool:
    """This file, whose frames are there while it waits."""
    return file is not None and os.path.basename(file) == "_pytest.py" and same(file)


def same(file: str) -> bool:
    return os.path.realpath(file) == os.path.realpath(__file__)


def name_of(row: dict[str, Any]) -> str:
    qualname = row.get("qualname") or row.get("function") or "(no Python function)"
    place = f" ({row['file']}:{row['line']})" if row.get("file") else ""
    return f"{qualname}{place}"


def matches(row: dict[str, Any], what: str) -> bool:
    """pkg, pkg.module, pkg:function or pkg:Class.method."""
    package, colon, name = what.partition(":")
    module = row["module"] or ""
    if colon:
        return bool(module == package and row["qualname"] == name)
    return bool(module == package or module.startswith(package + "."))


def below_the_test(report: dict[str, Any]) -> dict[int, int]:
    """Calls by function, without this file's and those that it makes to begin and to end."""
    functions = {row["id"]: row for row in report["functions"]}
    calls: dict[int, int] = {}
    left: set[int] = set()  # nodes that are this file's, where the test is not below them
    tests = {
        row["id"] for row in report["functions"] if row["name"] == "call" and is_own(row["file"])
    }
    for node in report["tree"]:
        row = functions.get(node["function"])
        own = row is not None and is_own(row["file"])
        if (own and node["function"] not in tests) or (node["parent"] in left and not own):
            left.add(node["id"])
        elif not own and row is not None:
            calls[node["function"]] = calls.get(node["function"], 0) + node["calls"]
    return calls


def count_calls(report: dict[str, Any], what: str) -> list[Row]:
    functions = {row["id"]: row for row in report["functions"]}
    return [
        Row(count, name_of(functions[number]))
        for number, count in below_the_test(report).items()
        if count and (not what or matches(functions[number], what))
    ]


def count_rows(report: dict[str, Any], limit: Limit) -> list[Row]:
    """Of the report's list for that source."""
    source, column, key = {
        "objects": ("objects", "births", "type"),
        "bytes": ("memory", "bytes", ""),
        "io": ("io", "calls", "operation"),
    }[limit.kind]
    rows = []
    for row in report.get(source, ()):
        if is_own(row["file"]) or not row[column] or (limit.what and row[key] != limit.what):
            continue
        told = f"{row[key]} in {name_of(row)}" if key else name_of(row)
        rows.append(Row(row[column], told))
    return rows


def check_exact(report: dict[str, Any], limits: list[Limit]) -> None:
    if report["events"]["lost"]:
        raise Refusal(
            f"{report['events']['lost']} events were lost, so the counts of this test are not exact"
        )
    for source in report["sources"]:
        if source.get("reason") and any(SOURCES[one.kind] == source["name"] for one in limits):
            raise Refusal(f"the source {source['name']} was not on: {source['reason']}")


def rows_of(report: dict[str, Any], limit: Limit) -> list[Row]:
    if limit.kind == "calls":
        return count_calls(report, limit.what)
    return count_rows(report, limit)


def check_names(report: dict[str, Any], limits: list[Limit]) -> None:
    """A slip in a name would be a limit that is always kept."""
    for limit in limits:
        package, colon, name = limit.what.partition(":")
        place: object = sys.modules.get(package)
        if limit.kind != "calls" or not colon or place is None or rows_of(report, limit):
            continue
        for word in name.split("."):
            try:
                place = inspect.getattr_static(place, word)
            except AttributeError:
                raise Refusal(f"`{limit.what}` names nothing: {package} has no {name}") from None


def exceeded(report: dict[str, Any], limits: list[Limit]) -> str:
    """What a test did too much of, with the rows that did most; "": nothing."""
    told = []
    for limit in limits:
        rows = rows_of(report, limit)
        total = sum(row.times for row in rows)
        if total <= limit.most:
            continue
        of = f" of {limit.what}" if limit.what else ""
        told.append(f"{total:,} {NAMES[limit.kind]}{of}, and at most {limit.most:,} are allowed:")
        for row in sorted(rows, reverse=True)[:ROWS]:
            told.append(f"{row.times:>14,}  {row.text}")
        if len(rows) > ROWS:
            told.append(f"{'':14}  and {len(rows) - ROWS} more")
    return "\n".join(told)


# --- pytest's side -------------------------------------------------------------------------------


class Counted:
    """A test function in its collector."""

    def __init__(self, function: Callable[..., Any], limits: list[Limit]) -> None:
        self.function, self.limits = function, limits
        self.report: dict[str, Any] | None = None
        functools.update_wrapper(self, function)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        collector = Collector({SOURCES[limit.kind] for limit in self.limits})
        collector.begin()
        try:
            return self.call(arguments, named)
        finally:
            self.report = collector.end()

    def call(self, arguments: Any, named: Any) -> Any:
        return self.function(*arguments, **named)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ulma")
    group.addoption(
        "--ulma", action="store_true", help="count each test's calls, and list the most (ulma)"
    )
    parser.addini("ulma", "as --ulma: count each test's calls", type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


COUNTED = "ulma_calls"  # a property of the test's report, which pytest-xdist's workers hand on


def counts_all(config: pytest.Config) -> bool:
    return bool(config.getoption("--ulma") or config.getini("ulma"))


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """A test that nobody limits is not touched."""
    try:
        limits = limits_of(item)
        if not limits and not counts_all(item.config):
            yield
            return
        check_version(limits)
        test = prepare(item, limits)
    except Refusal as refusal:
        yield from refused(item, f"ulma: {refusal}")
        return
    outcome = yield
    item.obj = test.function  # type: ignore[attr-defined]
    try:
        outcome.get_result()
    except Refusal as refusal:
        outcome.force_exception(pytest.fail.Exception(f"ulma: {refusal}", pytrace=False))
        return
    except BaseException:
        return  # the test's own failure is what is told
    judge(item, test, outcome)


def prepare(item: pytest.Item, limits: list[Limit]) -> Counted:
    function = getattr(item, "obj", None)
    if function is None:
        raise Refusal("limits are for tests that are functions")
    if inspect.iscoroutinefunction(function):
        raise Refusal("a test that is a coroutine function is run by another plug-in, unseen")
    test = Counted(function, limits)
    item.obj = test  # type: ignore[attr-defined]
    return test


def refused(item: pytest.Item, text: str) -> Any:
    """The test is not run: a limit that is not watched is not kept."""
    function = getattr(item, "obj", None)

    def fail(*arguments: Any, **named: Any) -> None:
        pytest.fail(text, pytrace=False)

    item.obj = fail  # type: ignore[attr-defined]
    yield
    item.obj = function  # type: ignore[attr-defined]


def judge(item: pytest.Item, test: Counted, outcome: Any) -> None:
    if test.report is None:
        return
    try:
        check_exact(test.report, test.limits)
        check_names(test.report, test.limits)
    except Refusal as refusal:
        outcome.force_exception(pytest.fail.Exception(f"ulma: {refusal}", pytrace=False))
        return
    if counts_all(item.config):
        total = sum(row.times for row in count_calls(test.report, ""))
        item.user_properties.append((COUNTED, total))
    text = exceeded(test.report, test.limits)
    if text:
        outcome.force_exception(pytest.fail.Exception(f"ulma: {text}", pytrace=False))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    counted = [
        (properties[COUNTED], report.nodeid)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        and COUNTED in (properties := dict(report.user_properties))
    ]
    if not counted:
        return
    counted.sort(reverse=True)
    terminalreporter.section("ulma: calls of Python functions, by test")
    for count, name in counted[:10]:
        terminalreporter.write_line(f"{count:>14,}  {name}")
    if len(counted) > 10:
        terminalreporter.write_line(f"{'':14}  and {len(counted) - 10} tests with fewer")
