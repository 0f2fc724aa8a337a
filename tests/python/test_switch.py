# SPDX-License-Identifier: MIT
"""On and off while functions are on the stack: what was open is known, what ran off is not."""

import json

from harness import TARGETS, function_named, report_of, run_ulma

LOOP = TARGETS / "long_loop.py"


def switched(python, tmp_path, *options, seconds="0.9"):
    out = tmp_path / "own.json"
    report = report_of(run_ulma(python, LOOP, out, seconds, options=options))
    names = {row["id"]: row["name"] for row in report["functions"]}
    edges = {}
    for edge in report["callers"]:
        key = (names.get(edge["caller"]), names[edge["callee"]])
        edges[key] = edges.get(key, 0) + edge["calls"]
    return report, json.loads(out.read_text()), edges


def check_stacks(report, edges):
    """Every call was made by whom it was made by, those that were open at the switch included."""
    for caller, callee in (("middle", "inner"), ("outer", "middle"), ("consumer", "steps")):
        row = function_named(report, callee, LOOP)
        callers = {key: calls for key, calls in edges.items() if key[1] == callee}
        assert callers == {(caller, callee): row["calls"] + row["resumes"]}
    assert all("(resync)" not in key for key in edges)
    assert report["sources"][0]["complete"], report["sources"]


def test_switched_on_in_the_middle(python, tmp_path):
    # Late enough that a busy machine has begun the loop, and it goes on long after.
    report, own, edges = switched(python, tmp_path, "--delay", "0.7", seconds="1.3")
    check_stacks(report, edges)
    # Open since before: no call of theirs was seen, but they are there, with their time.
    for name in ("outer", "consumer"):
        row = function_named(report, name, LOOP)
        assert row["calls"] == 0 and row["total_ns"] > 0
    for name in ("inner", "in_thread"):
        assert 0 < function_named(report, name, LOOP)["calls"] < own[name]


def test_switched_off_before_the_end(python, tmp_path):
    report, own, edges = switched(python, tmp_path, "--duration", "0.3")
    check_stacks(report, edges)
    for name in ("inner", "in_thread"):
        assert 0 < function_named(report, name, LOOP)["calls"] < own[name]
    for name in ("outer", "consumer"):
        row = function_named(report, name, LOOP)
        assert row["calls"] == 1 and row["total_ns"] <= report["target"]["duration_ns"]


def test_started_off_counts_nothing(python, tmp_path):
    report, own, _ = switched(python, tmp_path, "--start-off")
    assert own["inner"] > 0
    assert report["functions"] == []
    assert report["events"]["read"] == 0
