# SPDX-License-Identifier: MIT
"""Counts: ulma against cProfile's engine, or against what the program counted itself.

The truth is `_lsprof` with nothing imported before (tests/targets/truth.py). It cannot tell threads
apart on 3.12+, and is wrong in the places that CPROFILE_IS_WRONG names: there the program's own
counter is the truth, and a test shows that it differs from cProfile's.
Rules: every function that the truth saw must agree; of the target's own files nothing may be extra.
"""

import functools
import json
import pathlib
import tempfile

import pytest
from harness import (
    TARGETS,
    counts_of,
    environment,
    function_named,
    key_of,
    report_of,
    run,
    run_ulma,
    without_address,
)

# The program counts for itself: threads, limits that no two runs reach alike, timed signals.
OWN = ("deep_limit", "foreign_threads", "signals", "threads")
CPROFILE = (
    "async_gather",
    "async_generators",
    "c_callbacks",
    "classes",
    "compiled_loop",
    "comprehensions",
    "contexts",
    "decorators",
    "exceptions",
    "executed",
    "finalisers",
    "generators",
    "imports",
    "lambdas",
    "mutual",
    "recursion",
    "schedulers",
    "stdlib_work",
    "yield_from",
)


def test_no_target_is_forgotten():
    there = {path.stem for path in TARGETS.glob("*.py")}
    assert set(OWN) | set(CPROFILE) <= there
    assert len(OWN) + len(CPROFILE) >= 15


# Sets of strings are walked in the same order in all runs.
ENVIRONMENT = environment(PYTHONHASHSEED="0")


@functools.cache
def warmed(python):
    """Import once what targets import: a first import that compiles calls other functions."""
    for target in ("stdlib_work", "imports", "async_gather", "classes", "c_callbacks", "contexts"):
        assert run([python.path, TARGETS / f"{target}.py"]).status == 0


@functools.cache
def cprofile_rows(python, target):
    """What _lsprof counted: (file, line, name) -> (calls, primitive calls)."""
    warmed(python)
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "truth.json"
        path = TARGETS / f"{target}.py"
        words = [python.path, TARGETS / "truth.py", out, "1", path, "/dev/null"]
        done = run(words, env=ENVIRONMENT)
        assert done.status == 0, done.told()
        return summed(json.loads(out.read_text()))


def summed(rows):
    found = {}
    for file, line, spelled, calls, primitive, *_ in rows:
        name = without_address(spelled)
        known = found.get((file, line, name), (0, 0))
        found[file, line, name] = (known[0] + calls, known[1] + primitive)
    return found


def differences(truth, seen, afterwards=None):
    """One line for each row of TRUTH that SEEN tells otherwise, but for what ran AFTERWARDS."""
    told = []
    for key in sorted(truth, key=repr):
        more = (afterwards or {}).get(key, 0)
        counts = seen.get(key, (0, 0))
        if not all(t <= s <= t + more for t, s in zip(truth[key], counts)):
            told.append("{}:{}({}): ".format(*key) + f"truth {truth[key]}, ulma {counts}, +{more}")
    return told


def extra(truth, seen, afterwards):
    """Rows of the targets' own files that the truth does not have."""
    return [
        key
        for key, (calls, _) in seen.items()
        if key[0] and key[0].startswith(str(TARGETS)) and key not in truth
        if calls > afterwards.get(key, 0)
    ]


def afterwards_of(report):
    """What ran when the main module had ended (atexit, threading._shutdown, a generator that is
    closed): the truth was written before. In the tree it stands beside `<module>`, not below."""
    keys = {row["id"]: key_of(row) for row in report["functions"]}
    below, found = set(), {}
    for node in report["tree"]:  # a parent stands before its children
        key = keys.get(node["function"])
        if node["parent"] in below or (key and key[2] == "<module>" and key[0]):
            below.add(node["id"])
        elif key:
            # A generator that is only closed then has a node, but no activation of its own.
            found[key] = found.get(key, 0) + max(1, node["calls"])
    return found


def profile_report(python, target, *options, words=()):
    path = TARGETS / f"{target}.py"
    return report_of(run_ulma(python, path, *words, options=options, env=ENVIRONMENT))


def profile(python, target, *options, words=()):
    return counts_of(profile_report(python, target, *options, words=words))


@pytest.mark.parametrize("target", CPROFILE)
def test_python_functions_as_cprofile(python, target):
    truth = {key: row for key, row in cprofile_rows(python, target).items() if key[0]}
    assert len(truth) >= 4
    report = profile_report(python, target)
    seen, afterwards = counts_of(report), afterwards_of(report)
    assert differences(truth, seen, afterwards) == []
    assert extra(truth, seen, afterwards) == []
    assert not [key for key in seen if key[0] is None], "C functions were not asked for"


@pytest.mark.parametrize("target", CPROFILE)
def test_c_functions_as_cprofile(python, target):
    truth = cprofile_rows(python, target)
    assert [key for key in truth if key[0] is None]
    report = profile_report(python, target, "-e", "calls,c-calls")
    seen, afterwards = counts_of(report), afterwards_of(report)
    assert differences(truth, seen, afterwards) == []
    assert extra(truth, seen, afterwards) == []


@pytest.mark.parametrize("events", ("calls", "calls,c-calls"))
@pytest.mark.parametrize("target", OWN)
def test_as_the_program_counts(python, target, events, tmp_path):
    out = tmp_path / "own.json"
    seen = profile(python, target, "-e", events, words=[out])
    assert differences(summed(json.loads(out.read_text())), seen) == []


def test_where_cprofile_is_wrong(python, tmp_path):
    """Threads: up to 3.11 cProfile misses them, from 3.12 on it takes them for one stack."""
    out, truth = tmp_path / "own.json", tmp_path / "truth.json"
    target = TARGETS / "threads.py"
    done = run([python.path, TARGETS / "truth.py", truth, "0", target, out])
    assert done.status == 0, done.told()
    own = summed(json.loads(out.read_text()))
    assert differences(own, summed(json.loads(truth.read_text()))) != []
    seen = profile(python, "threads", words=[out])
    assert differences(summed(json.loads(out.read_text())), seen) == []


def test_qualified_names_and_modules(python):
    """What cProfile does not tell: names as Python spells them, and where a function is at home."""
    report = report_of(run_ulma(python, TARGETS / "classes.py"))
    rows = {(row["file"], row["line"], row["name"]): row for row in report["functions"]}
    mine = [row for key, row in rows.items() if key[0] == str(TARGETS / "classes.py")]
    assert {row["module"] for row in mine} == {"__main__"}
    if python.minor >= (3, 11):  # before, code objects have no qualified name
        names = {row["qualname"] for row in mine}
        assert {"Vector.__add__", "Meta.__call__", "Base.<lambda>"} <= names
    kinds = {row["name"]: row["kind"] for row in mine}
    assert kinds["__add__"] == "python" and kinds["__iter__"] == "generator"


def test_kinds_resumes_yields_and_raises(python):
    """A generator counts once however often it is resumed; what it yields and raises is told."""
    report = report_of(run_ulma(python, TARGETS / "async_generators.py"))
    kinds = {row["name"]: row["kind"] for row in report["functions"] if row["module"] == "__main__"}
    assert kinds["ticker"] == "async_generator"
    assert kinds["by_hand"] == "coroutine"
    code = (
        # With `finally`: some 3.13 close a generator that has nothing to do then without a word.
        "def gen(n):\n    try:\n        for i in range(n):\n            yield i\n"
        "    finally:\n        n = 0\n"
        "def fails(): raise KeyError\n"
        "for _ in range(10): list(gen(7))\n"
        "for _ in range(5):\n    try: fails()\n    except KeyError: pass\n"
        "g = gen(2); next(g); g.close()\n"
    )
    report = report_of(run_ulma(python, "-c", code))
    rows = {row["name"]: row for row in report["functions"]}
    gen, fails = rows["gen"], rows["fails"]
    assert (gen["calls"], gen["yields"]) == (11, 71)
    assert (gen["resumes"], gen["raised"]) == (71, 1)
    assert (fails["calls"], fails["raised"]) == (5, 5)
    assert gen["primitive_calls"] == gen["calls"] + gen["resumes"]


SUSPENDED = """
import asyncio
def generator(): yield 1
for _ in range(100):
    list(generator())
async def inner():
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        return 1
async def outer():
    return await inner()
async def main():
    for _ in range(100):
        task = asyncio.ensure_future(outer())
        await asyncio.sleep(0)
        task.cancel()
        await task
asyncio.run(main())
"""


@pytest.mark.parametrize("events", ("calls", "calls,c-calls"))
def test_calls_and_resumes_apart(python, events, tmp_path):
    """Warm code starts as cold code does; a throw() that the awaited one swallows is a resume."""
    script = tmp_path / "program.py"
    script.write_text(SUSPENDED)
    report = report_of(run_ulma(python, script, options=["-e", events]))
    for name in ("generator", "inner", "outer"):
        row = function_named(report, name, script)
        assert (row["calls"], row["resumes"]) == (100, 100), (name, row)
