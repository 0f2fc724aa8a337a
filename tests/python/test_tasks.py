# SPDX-License-Identifier: MIT
"""asyncio's tasks: against what the loops themselves ran, and what each task is known to wait for.

The truth of tests/targets/asyncio_tasks.py is counted at the loop's handles, which knows nothing of
frames: steps and tasks of each coroutine, whatever ended them.
"""

import collections
import json
import re
import subprocess

import pytest
from harness import LIMIT_S, TARGETS, ULMA, environment, report_of, run, run_ulma


def sums_of(report):
    """Coroutine -> [tasks, steps]."""
    sums = collections.defaultdict(lambda: [0, 0])
    for row in report["tasks"]:
        sums[row["coroutine"].split(".")[-1]][0] += row["tasks"]
        sums[row["coroutine"].split(".")[-1]][1] += row["steps"]
    return dict(sums)


def task_named(report, name):
    rows = [row for row in report["tasks"] if row["name"] == name]
    assert len(rows) == 1, (name, report["tasks"])
    return rows[0]


def test_steps_are_those_that_the_loops_ran(python):
    done = run_ulma(python, TARGETS / "asyncio_tasks.py")
    report = report_of(done)
    truth = json.loads(done.out)
    assert len(truth) >= 17 and truth["short"][0] > 4000
    assert sums_of(report) == truth
    assert all(row["state"] == "ended" and row["steps_exact"] for row in report["tasks"])
    raised = {row["coroutine"]: row["raised"] for row in report["tasks"]}
    assert raised["raises"] == 1 and raised["stubborn"] == 0 and raised["main"] == 0


@pytest.mark.some_pythons
def test_steps_are_the_same_where_functions_are_left_out(python):
    options = ["--only", "__main__", "--only", "asyncio"]
    done = run_ulma(python, TARGETS / "asyncio_tasks.py", options=options)
    assert sums_of(report_of(done)) == json.loads(done.out)


def test_what_lives(python):
    """The program is gone in the midst of all: what it waited for stands in the report."""
    report = report_of(run_ulma(python, TARGETS / "asyncio_waiting.py"))
    innermost = {
        "gets": ("getter", "get"),
        "locks": ("locked", "acquire"),
        "direct": ("direct", "direct"),
        "loops": ("loops_over", "loops_over"),
        "joins": ("joins", "joins"),
        "schläft": ("sleep", "sleep"),
        "hog": ("hog", "wait"),
    }
    for name, (coroutine, awaiting) in innermost.items():
        row = task_named(report, name)
        assert (row["coroutine"], row["state"]) == (coroutine, "suspended"), row
        assert row["awaiting"].split(".")[-1] == awaiting, row
        assert (row["tasks"], row["steps"], row["raised"]) == (1, 1, 0), row
        assert row["created_by"] == ("main" if name in ("joins", "schläft") else "task_of"), row
        assert row["suspended_ns"] > 0 and row["pid"] == row["loop"] == report["target"]["pid"], row
    assert task_named(report, "hog")["longest_ns"] > 190_000_000
    pending = [row for row in report["tasks"] if row["coroutine"] == "never"]
    assert [(row["state"], row["steps"]) for row in pending] == [("pending", 0)]
    assert pending[0]["created_by"] == "main" and pending[0]["awaiting"] is None
    main = task_named(report, "Task-1")
    assert (main["coroutine"], main["created_by"], main["steps"]) == ("main", "<module>", 5)
    assert len(report["tasks"]) == 9


@pytest.mark.some_pythons
def test_a_coroutine_that_is_left_out_has_no_task(python):
    done = run_ulma(python, TARGETS / "asyncio_waiting.py", options=["--skip", "__main__:direct"])
    report = report_of(done)
    assert "direct" not in [row["name"] for row in report["tasks"]]
    assert task_named(report, "locks")["steps"] == 1


MANY = """
import asyncio, os
async def waits(event):
    await event.wait()
async def main():
    event = asyncio.Event()
    kept = [asyncio.ensure_future(waits(event)) for _ in range(5000)]
    await asyncio.sleep(0)
    os._exit(0)
asyncio.run(main())
"""


@pytest.mark.some_pythons
def test_beyond_a_thousand_the_living_are_summed(python):
    report = report_of(run_ulma(python, "-c", MANY))
    rows = [row for row in report["tasks"] if row["coroutine"] == "waits"]
    assert len(rows) == 1000 and rows[-1]["tasks"] == 4001, len(rows)
    assert all(row["tasks"] == 1 and row["name"] for row in rows[:-1])
    assert (rows[-1]["name"], rows[-1]["id"], rows[-1]["loop"]) == (None, None, None)
    assert sums_of(report) == {"main": [1, 2], "waits": [5000, 5000]}


@pytest.mark.some_pythons
def test_the_report_tells_tasks_and_the_longest_step(python, tmp_path):
    output = tmp_path / "report.txt"
    words = [ULMA, "run", "--python", python.path, "-o", output, TARGETS / "asyncio_waiting.py"]
    done = run(words)
    assert done.status == 0, done.told()
    text = output.read_text()
    start = text.index("asyncio's tasks")
    lines = text[start:].splitlines()
    hog = next(line for line in lines if "hog: hog (" in line)
    assert re.search(r", suspended in \S*wait \(asyncio/locks\.py:\d+\)$", hog), hog
    assert any(line.startswith("longest step of an event loop: ") for line in lines)
    assert re.search(r"blocked event loop +hog \(", text)


@pytest.mark.some_pythons
def test_tasks_of_a_process_that_was_running(python, session_dir, tmp_path):
    words = [python.path, TARGETS / "asyncio_waiting.py", "1000000"]
    target = subprocess.Popen(
        [str(word) for word in words], stdout=subprocess.PIPE, env=environment(session_dir)
    )
    try:
        assert target.stdout.readline() == b"ticking\n"
        output = tmp_path / "report.json"
        options = ["-q", "-f", "json", "-o", output, "-d", "0.5", "--timeout", "20", "--exact"]
        done = run([ULMA, "report", *options, target.pid], env=environment(session_dir))
        assert done.status == 0, done.told()
        report = json.loads(output.read_text())
        for name in ("ticker 0", "ticker 1"):
            row = task_named(report, name)
            assert (row["coroutine"], row["created_by"]) == ("ticker", None)
            assert row["steps"] > 0 and row["loop"] == target.pid
        assert sums_of(report).keys() == {"ticker"}
        assert target.poll() is None
    finally:
        target.kill()
        target.communicate(timeout=LIMIT_S)
