# SPDX-License-Identifier: MIT
"""Stacks survive: random programs, each with its own slow truth, on every CPython.

A seed makes the same program everywhere (tests/targets/random_stacks.py): calls, returns, raises,
yields, throw, close, generators that die, callbacks from C, code objects that die, signal handlers.
"""

import json
import random

import pytest
from harness import TARGETS, report_of, run_ulma

SEEDS = (1, 2, 3)
MANY_SEEDS = tuple(random.Random("torture").sample(range(10**6), 60))


def random_program(python, seed, mode, tmp_path):
    out = tmp_path / "own.json"
    done = run_ulma(python, TARGETS / "random_stacks.py", seed, mode, out)
    report = report_of(done)
    return report, json.loads(out.read_text())


def rows_by_name(report):
    found = {}
    for row in report["functions"]:
        if row["file"] in ("<random>", "<dying>"):
            calls, primitive = found.get(row["name"], (0, 0))
            calls += row["calls"] + row["resumes"]
            found[row["name"]] = (calls, primitive + row["primitive_calls"])
    return found


def check_counts(report, own, *, primitive=True):
    seen = rows_by_name(report)
    truth = dict(zip(own["names"], zip(own["calls"], own["primitive"])))
    if not primitive:
        truth = {name: (calls, 0) for name, (calls, _) in truth.items()}
        seen = {name: (calls, 0) for name, (calls, _) in seen.items()}
    # A second alarm may come between the first one's event and its note that it is open.
    for counts in (truth, seen):
        if "alarm" in counts:
            counts["alarm"] = (counts["alarm"][0], 0)
    wrong = {
        name: (counts, seen.get(name, (0, 0)))
        for name, counts in truth.items()
        if counts != seen.get(name, (0, 0))
    }
    assert wrong == {}, "name: (truth, ulma)"
    assert set(seen) <= {*own["names"], "<module>"}


def check_edges(report, own):
    """Who called whom how often: right only when every single stack was right."""
    names = {
        row["id"]: row["name"]
        for row in report["functions"]
        if row["file"] in ("<random>", "<dying>") and row["name"] != "<module>"
    }
    seen, truth = {}, {}
    for edge in report["callers"]:
        if edge["callee"] in names:
            key = (names.get(edge["caller"], "(outside)"), names[edge["callee"]])
            seen[key] = seen.get(key, 0) + edge["calls"]
    for caller, callee, calls in own["edges"]:
        outer = "(outside)" if caller < 0 else own["names"][caller]
        truth[outer, own["names"][callee]] = calls
    wrong = {
        key: (truth.get(key, 0), seen.get(key, 0))
        for key in {**truth, **seen}
        if truth.get(key, 0) != seen.get(key, 0)
    }
    assert wrong == {}, "(caller, callee): (truth, ulma)"


def check_times(report):
    for row in report["functions"]:
        assert row["self_ns"] >= 0, row
        assert row["self_ns"] <= row["total_ns"] * 1.001 + 1000, row
    whole = report["target"]["duration_ns"]
    assert sum(row["self_ns"] for row in report["functions"]) <= whole * 1.001


@pytest.mark.parametrize("seed", SEEDS)
def test_random_programs(python, seed, tmp_path):
    report, own = random_program(python, seed, "plain", tmp_path)
    check_counts(report, own)
    check_edges(report, own)
    check_times(report)


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_random_programs_with_signals_at_any_moment(python, seed, tmp_path):
    report, own = random_program(python, seed, "timer", tmp_path)
    check_counts(report, own)
    check_times(report)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_programs_with_tools_that_raise(python, seed, tmp_path):
    if python.minor < (3, 12):
        pytest.skip("sys.monitoring's tools came with 3.12")
    report, own = random_program(python, seed, "tools", tmp_path)
    check_counts(report, own, primitive=False)
    check_times(report)


@pytest.mark.torture
@pytest.mark.parametrize("seed", MANY_SEEDS)
def test_many_random_programs(python, seed, tmp_path):
    report, own = random_program(python, seed, "plain", tmp_path)
    check_counts(report, own)
    check_edges(report, own)
    report, own = random_program(python, seed, "timer", tmp_path)
    check_counts(report, own)
    if python.minor >= (3, 12):
        report, own = random_program(python, seed, "tools", tmp_path)
        check_counts(report, own, primitive=False)
