# SPDX-License-Identifier: MIT
"""The source `spans`: each has its own time alone, whatever ran in between."""

import json

import harness
import pytest
from harness import ROOT, environment, report_of, run, run_ulma

TARGET = harness.TARGETS / "spans.py"
MS = 1_000_000
WITH_PACKAGE = {"PYTHONPATH": str(ROOT / "python")}


def run_target(python, *options):
    done = run_ulma(
        python, TARGET, options=["-e", "spans", *options], env=environment(**WITH_PACKAGE)
    )
    return report_of(done), json.loads(done.out)


def rows_of(report):
    rows = {row["name"]: row for row in report["requests"]}
    assert len(rows) == len(report["requests"]), rows
    return rows


@pytest.mark.alone
@pytest.mark.some_pythons
def test_spans_that_interleave_have_their_own_time(python):
    report, burned = run_target(python)
    rows = rows_of(report)
    counts = {name: (row["count"], row["errors"]) for name, row in rows.items()}
    assert counts == {
        "small": (6, 0),
        "large": (3, 0),
        "parent": (1, 0),
        "in thread": (1, 0),
        "decorated": (1, 0),
        "awaited": (1, 0),
        "fails": (3, 3),
        "outer": (1, 0),
        "inner": (2, 0),
        "thread": (4, 0),
    }
    # A span that had what ran between its steps would have several times what it burned.
    for name in (
        "small",
        "large",
        "parent",
        "in thread",
        "decorated",
        "awaited",
        "outer",
        "thread",
    ):
        row = rows[name]
        assert 0.9 * burned[name] <= row["cpu_ns"] <= 1.4 * burned[name] + 8 * MS, (
            name,
            row,
            burned,
        )
        parts = row["cpu_ns"] + row["wait_ns"] + row["suspended_ns"]
        assert 0.95 * row["wall_ns"] <= parts, row
        assert row["wall_ns"] >= 0.9 * burned[name] / row["count"], row
        assert 0 < row["p50_ns"] <= row["p99_ns"] <= row["max_ns"] <= row["wall_ns"], row
    # Of the work: who did it.
    assert rows["small"]["functions"][0]["function"] == "burn"
    named = [{f["function"] for f in rows[name]["functions"]} for name in ("small", "large")]
    assert "of_small" in named[0] - named[1] and "of_large" in named[1] - named[0]
    # What it waited for: others, or by itself.
    assert rows["awaited"]["suspended_ns"] >= 0.9 * 20 * MS
    assert rows["inner"]["wait_ns"] >= 0.9 * 20 * MS and rows["inner"]["suspended_ns"] < 10 * MS
    assert rows["outer"]["wait_ns"] >= rows["inner"]["wait_ns"]
    assert rows["small"]["suspended_ns"] > 0
    assert rows["decorated"]["slowest"]["labels"] == {"of": "a function"}
    assert rows["thread"]["slowest"]["labels"].keys() == {"number"}
    slowest = rows["large"]["slowest"]
    assert slowest["wall_ns"] == rows["large"]["max_ns"] and slowest["at_ns"] >= 0
    assert slowest["function"] == "burn"


SHARED = """
import asyncio, threading
import ulma

shared = ulma.span("shared")
odd = ulma.span(5, label=type("Label", (), {"__str__": lambda self: 1 / 0})())

def nested(depth):
    with shared:
        if depth:
            nested(depth - 1)

async def task():
    with shared:
        await asyncio.sleep(0.001)

async def tasks():
    await asyncio.gather(*(task() for _ in range(10)))

nested(4)
asyncio.run(tasks())
inside = threading.Barrier(5)

def thread():
    with shared:
        inside.wait()

threads = [threading.Thread(target=thread) for _ in range(5)]
for one in threads:
    one.start()
for one in threads:
    one.join()
with odd:
    pass
"""


@pytest.mark.some_pythons
def test_one_span_may_be_open_several_times(python):
    env = environment(**WITH_PACKAGE)
    report = report_of(run_ulma(python, "-c", SHARED, options=["-e", "spans"], env=env))
    assert {row["name"]: row["count"] for row in report["requests"]} == {"shared": 20, "5": 1}


@pytest.mark.newest_python
def test_nothing_is_told_without_the_source_and_all_of_it_by_all(python):
    done = run_ulma(python, TARGET, env=environment(**WITH_PACKAGE))
    assert "requests" not in report_of(done)
    done = run_ulma(python, TARGET, options=["-e", "all"], env=environment(**WITH_PACKAGE))
    assert {row["name"] for row in report_of(done)["requests"]} >= {"small", "outer"}


@pytest.mark.newest_python
def test_a_recording_and_a_trace_tell_what_the_report_does(python, session_dir, tmp_path):
    env = environment(session_dir, **WITH_PACKAGE)
    for kind in ([], ["--trace"]):
        file, report = tmp_path / f"it{len(kind)}.ulma", tmp_path / "it.json"
        words = ["record", *kind, "--python", python.path, "-e", "spans,io", "-o", file, TARGET]
        assert run([harness.ULMA, *words], env=env).status == 0
        done = run([harness.ULMA, "report", file, "--force", "-f", "json", "-o", report], env=env)
        assert done.status == 0, done.told()
        rows = rows_of(json.loads(report.read_text()))
        assert rows["small"]["count"] == 6 and rows["fails"]["errors"] == 3
        assert rows["large"]["functions"][0]["function"] == "burn"
        assert rows["decorated"]["slowest"]["labels"] == {"of": "a function"}
        table = run([harness.ULMA, "report", file, "--wide"], env=env).told()
        assert "Requests: 23, 3 failed, slowest" in table


def test_a_span_that_nobody_records_is_no_more_than_a_look(python):
    done = run([python.path, TARGET], env=environment(**WITH_PACKAGE))
    assert done.status == 0, done.told()
    program = """
import ulma
from ulma import _spans
@ulma.span("name")
def f(): return 1
assert f() == 1 and _spans.begin is None
try:
    @ulma.span("name")
    def g(): yield
except TypeError as error:
    print(error)
"""
    done = run([python.path, "-c", program], env=environment(**WITH_PACKAGE))
    assert done.status == 0 and b"g is a generator" in done.out, done.told()


@pytest.mark.some_pythons
def test_a_request_in_which_its_process_dies_is_told(python):
    program = """
import os, time, ulma, ulma.wsgi
def work():
    with ulma.span("inner"):
        time.sleep(0.05)
        os._exit(0)
def app(environ, start_response):
    work()
if os.fork() == 0:
    ulma.wsgi.Middleware(app)({"REQUEST_METHOD": "GET", "PATH_INFO": "/hangs/7"}, None)
os.wait()
with ulma.span("lives"):
    pass
"""
    options = ["-e", "spans", "--python", python.path]
    report = report_of(
        run_ulma(None, "-c", program, options=options, env=environment(**WITH_PACKAGE))
    )
    rows = rows_of(report)
    assert rows.keys() == {"(no route)", "lives"}
    row = rows["(no route)"]
    assert (row["method"], row["status"], row["count"], row["errors"]) == ("GET", "not ended", 1, 1)
    assert row["slowest"]["labels"] == {"path": "/hangs/7"} and row["wall_ns"] >= 50 * MS
    # What a span within had by then is the request's, too.
    assert row["cpu_ns"] + row["wait_ns"] >= 0.9 * 50 * MS
    assert "work" in {f["function"] for f in row["functions"]}
