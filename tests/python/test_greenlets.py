# SPDX-License-Identifier: MIT
"""Greenlets: a switch makes no event, and yet each one's stack is kept apart.

The program counts its calls, and who called, for itself (tests/targets/greenlets.py). greenlet is
installed for each CPython from the package index, below build/, once.
"""

import collections
import json
import subprocess
import sys

import pytest
from harness import ROOT, TARGETS, environment, report_of, run_ulma

# The newest that has a wheel for each; 3.9 has been left behind.
VERSIONS = {(3, 9): "3.2.5"}
NEWEST = "3.5.6"


@pytest.fixture
def with_greenlet(python):
    """An environment in which this CPython finds greenlet."""
    version = VERSIONS.get(python.minor, NEWEST)
    short = "{}.{}".format(*python.minor)
    folder = ROOT / "build" / "greenlet" / f"{short}-{version}"
    if not (folder / "greenlet").is_dir():
        words = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps"]
        words += ["--disable-pip-version-check", "--only-binary=:all:", "--upgrade"]
        words += ["--python-version", short, "--target", folder, f"greenlet=={version}"]
        subprocess.run([str(word) for word in words], check=True, timeout=100)
    return environment(PYTHONPATH=str(folder))


def read(done):
    assert done.status == 0, done.told()
    own = json.loads(done.out)
    report = report_of(done)
    functions = {function["id"]: function for function in report["functions"]}
    edges = collections.Counter()
    for row in report["callers"]:
        names = [functions[row[end]]["name"] if row[end] else None for end in ("caller", "callee")]
        edges[f"{names[0]} {names[1]}"] += row["calls"]
    return own, report, edges


def check(own, report, edges):
    seen = {f["name"]: f["calls"] for f in report["functions"] if f["name"] in own["calls"]}
    assert seen == own["calls"]
    assert {edge: edges[edge] for edge in own["edges"]} == own["edges"]
    leaves = {edge for edge in edges if edge.endswith((" leaf", " down"))}
    assert leaves <= set(own["edges"]), "a caller that never called"
    assert report["events"]["lost"] == 0


def test_greenlets_keep_their_stacks_apart(python, with_greenlet, session_dir):
    done = run_ulma(python, TARGETS / "greenlets.py", env=with_greenlet, session_dir=session_dir)
    check(*read(done))
    assert len(read(done)[0]["calls"]) == 6


@pytest.mark.some_pythons
def test_greenlets_while_functions_are_left_out(python, with_greenlet, session_dir):
    """The caller may be one that the collector does not have: then the whole stack is told."""
    done = run_ulma(
        python,
        TARGETS / "greenlets.py",
        options=["--skip", "__main__:count"],
        env=with_greenlet,
        session_dir=session_dir,
    )
    check(*read(done))
