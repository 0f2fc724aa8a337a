# SPDX-License-Identifier: MIT
"""--budget: what costs most for what it tells is muted, and what is said of it is near the truth.

The truth is the program's own count. How much time is saved, bench/ measures; here it is how few
of the calls were written.
"""

import json
import os
import re

import pytest
from harness import (
    TARGETS,
    environment,
    function_named,
    private_session_dir,
    report_of,
    run,
    run_ulma,
    ulma_words,
)

pytestmark = pytest.mark.some_pythons

PROGRAM = TARGETS / "tiny_calls.py"


@pytest.fixture
def silencing(python):
    """A CPython whose interpreter can be asked to tell of a function no more."""
    if python.minor < (3, 12):
        pytest.skip(f"{python}: the frame evaluation function hears all or none")
    return python


def counted(python, tmp_path, *phases, seconds=1.5, options=("--budget", "5")):
    """The report, and what the program counted itself."""
    out = tmp_path / "counts.json"
    report = report_of(run_ulma(python, PROGRAM, out, seconds, *phases, options=options))
    return report, json.loads(out.read_text())


def called(row):
    return row["calls"] + row["resumes"]


def near(row, truth, share=0.1):
    assert abs(called(row) - truth) <= share * truth, (row["name"], called(row), truth)


def muted(report):
    return {row["name"] for row in report["functions"] if not row["calls_exact"]}


def check_sums(report):
    """What is estimated was taken from somewhere: nothing is negative, the whole was measured."""
    for row in report["functions"]:
        assert row["self_ns"] >= 0 and row["total_ns"] >= row["self_ns"] * 0.98, row
    self_ns = sum(row["self_ns"] for row in report["functions"])
    profiled = sum(thread["cpu_ns"] + thread["wait_ns"] for thread in report["threads"])
    assert self_ns <= profiled


# --- estimates ------------------------------------------------------------------------------------


@pytest.mark.parametrize("phase", ["steady", "recursive", "generators"])
def test_a_steady_program(python, tmp_path, phase):
    report, truth = counted(python, tmp_path, phase)
    names = {
        "steady": {"middle", "leaf"},
        "recursive": {"fib"},
        "generators": {"numbers"},
    }[phase]
    # On a slow machine the cheaper of two may be let be.
    assert muted(report) and muted(report) <= names
    for name in names:
        row = function_named(report, name, PROGRAM)
        near(row, truth[name])
        assert not row["times_exact"] or name not in muted(report)
    # Who calls them is heard, and its count is exact; its own time is what the estimates left.
    caller = function_named(report, f"{phase}_round", PROGRAM)
    assert called(caller) == truth[f"{phase}_round"]
    assert caller["calls_exact"] and not caller["times_exact"]
    assert report["probe"]["budget_pct"] == 5
    assert report["probe"]["muted_functions"] == len(muted(report))
    check_sums(report)
    # Few of the calls were written, though all are in the report.
    every = sum(called(row) for row in report["functions"])
    assert every > 0.9 * sum(truth.values())
    assert report["events"]["read"] < every


def test_its_callers_and_its_place_in_the_tree(silencing, tmp_path):
    report, truth = counted(silencing, tmp_path, "steady")
    ids = {row["name"]: row["id"] for row in report["functions"] if row["file"] == str(PROGRAM)}
    edges = {(edge["caller"], edge["callee"]): edge for edge in report["callers"]}
    for caller, callee in (("steady_round", "middle"), ("middle", "leaf")):
        edge = edges[ids[caller], ids[callee]]
        assert abs(edge["calls"] - truth[callee]) <= 0.1 * truth[callee]
    assert (ids["steady_round"], ids["leaf"]) not in edges


def test_a_second_phase_is_seen_and_the_first_is_let_be(silencing, tmp_path):
    report, truth = counted(silencing, tmp_path, "steady", "recursive", "generators")
    assert muted(report) >= {"middle", "fib", "numbers"}
    for name in ("middle", "leaf", "fib", "numbers"):
        near(function_named(report, name, PROGRAM), truth[name], 0.2)
    check_sums(report)


def test_threads(silencing, tmp_path):
    report, truth = counted(silencing, tmp_path, "threads")
    for name in ("middle", "leaf", "fib", "numbers"):
        near(function_named(report, name, PROGRAM), truth[name], 0.2)
    assert muted(report)


def test_exceptions_of_muted_functions(silencing, tmp_path):
    """PY_UNWIND cannot be silenced; it is looked at and passed over, and no return is in doubt."""
    out, text = tmp_path / "counts.json", tmp_path / "report.txt"
    with private_session_dir() as session_dir:
        words = ulma_words(
            silencing, ["-q", "--budget", "2", "-o", text], [PROGRAM, out, 1.5, "raising"]
        )
        done = run(words, env=environment(session_dir))
    assert done.status == 0, done.told()
    assert re.search(r"exact: no, [12] muted", text.read_text())
    assert "seen:" not in text.read_text()


def test_another_tool_is_not_disturbed(silencing, tmp_path):
    """What coverage asked not to be told again is not told again when ulma listens anew."""
    out, program = tmp_path / "heard.json", TARGETS / "other_tool.py"
    report = report_of(run_ulma(silencing, program, out, 2.5, options=("--budget", "5")))
    assert muted(report) == {"leaf"}
    assert json.loads(out.read_text()) == {"leaf": 1, "turn": 1}
    turns = function_named(report, "turn", program)["calls"]
    near(function_named(report, "leaf", program), 100 * turns)


# --- what is not muted ----------------------------------------------------------------------------


def test_a_program_that_costs_little_stays_exact(python, tmp_path):
    report, truth = counted(python, tmp_path, "quiet")
    assert muted(report) == set()
    assert report["probe"]["budget_pct"] == 5
    assert report["probe"]["muted_functions"] == 0
    row = function_named(report, "quiet_round", PROGRAM)
    assert row["calls"] == truth["quiet_round"] and row["times_exact"]
    assert all(source["complete"] for source in report["sources"])


@pytest.mark.parametrize("options", [(), ("--exact",)], ids=["unasked", "exact"])
def test_a_target_is_exact(python, tmp_path, options):
    report, truth = counted(python, tmp_path, "steady", seconds=0.3, options=options)
    for name, times in truth.items():
        assert called(function_named(report, name, PROGRAM)) == times
    assert muted(report) == set()
    assert report["probe"]["budget_pct"] is None


# --- what is said ---------------------------------------------------------------------------------


def test_the_report_says_so(python, tmp_path):
    out, text = tmp_path / "counts.json", tmp_path / "report.txt"
    with private_session_dir() as session_dir:
        words = ulma_words(
            python, ["-q", "--budget", "5", "-o", text], [PROGRAM, out, 1, "recursive"]
        )
        done = run(words, env=environment(session_dir))
    assert done.status == 0, done.told()
    lines = text.read_text().splitlines()
    assert "exact: no, 1 muted" in lines
    budget = next(line for line in lines if line.startswith("budget: 5%"))
    assert ("not held" in budget) == (python.minor < (3, 12)), budget
    assert "muted: 1 function" in budget
    row = next(line for line in lines if line.endswith("(fib)"))
    assert row.lstrip().startswith("~"), row
    caller = next(line for line in lines if line.endswith("(recursive_round)"))
    calls, time = caller.split()[:2]
    assert not calls.startswith("~") and time.startswith("~"), caller


@pytest.mark.parametrize("word", ["0", "-1", "101", "much", ""])
def test_a_budget_that_is_none(word):
    done = run(
        [os.fspath(TARGETS.parent.parent / "build" / "ulma"), "run", f"--budget={word}", "x.py"]
    )
    assert done.status == 125
    assert b"--budget needs a percentage above 0 and up to 100" in done.err, done.told()
