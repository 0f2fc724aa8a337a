# SPDX-License-Identifier: MIT
"""The source `methods`: every call of a monitored method of a built-in or extension type."""

import json
import subprocess

import harness
import pytest
from harness import report_of, run_ulma

TARGET = harness.TARGETS / "method_calls.py"

# Called by nothing but the target's own loops, whatever the Python does beside.
ALONE = [
    "dict.setdefault",
    "dict.fromkeys",
    "list.sort",
    "list.index",
    "list.remove",
    "int.bit_length",
    "bytes.join",
    "set.discard",
    "builtins.abs",
    "collections.deque.append",
    "_io.StringIO.write",
    "zlib.crc32",
    "time.sleep",
]
# Of the functions of the target: what else calls them does not count.
SHARED = [
    "dict.get",
    "dict.pop",
    "list.append",
    "str.join",
    "str.split",
    "str.startswith",
    "set.add",
    "builtins.len",
    "builtins.isinstance",
    "builtins.sorted",
]


def only(names):
    return [word for name in names for word in ("--only", name)]


def methods_of(report):
    return {f"{row['type']}.{row['name']}": row for row in report["methods"]}


def calls_by_target(row):
    return sum(
        caller["calls"]
        for caller in row["callers"]
        if caller["file"] == str(TARGET) and caller["function"].startswith("of_")
    )


def check_counts(report, counts):
    found = methods_of(report)
    assert set(found) >= set(counts)
    for name, number in counts.items():
        assert calls_by_target(found[name]) == number, (name, found[name])
    for name in ALONE:
        if name != "int.bit_length":  # called by list.sort, in no function of the target's
            assert found[name]["calls"] >= counts[name], name


def counts_of(done):
    counts = json.loads(done.out)
    assert set(counts) == {*ALONE, *SHARED}
    # Its caller is list.sort.
    counts.pop("int.bit_length")
    return counts


def test_every_call_is_counted(python):
    options = ["-e", "methods", *only([*ALONE, *SHARED])]
    done = run_ulma(python, TARGET, options=options)
    report = report_of(done)
    check_counts(report, counts_of(done))
    found = methods_of(report)
    callers = {row["function"]: row["calls"] for row in found["int.bit_length"]["callers"]}
    assert callers["<method 'sort' of 'list' objects>"] == 500000
    assert found["list.remove"]["raised"] == 200
    assert set(found) == {*ALONE, *SHARED}
    source = report["sources"][1]
    assert source["name"] == "methods" and source["complete"], source
    for row in found.values():
        assert 0 <= row["max_ns"] <= row["total_ns"]


def test_a_key_function_is_called_by_sort(python):
    report = report_of(
        run_ulma(python, TARGET, options=["-e", "methods", *only(["list.sort", "int.bit_length"])])
    )
    names = {row["id"]: row["name"] for row in report["functions"]}
    edges = {(names.get(row["caller"]), names[row["callee"]]): row for row in report["callers"]}
    edge = edges["<method 'sort' of 'list' objects>", "<method 'bit_length' of 'int' objects>"]
    assert edge["calls"] == 500000


@pytest.mark.some_pythons
def test_with_c_calls_each_call_is_told_once(python):
    options = ["-e", "c-calls,methods", *only(["dict.get", "list.append", "builtins.len"])]
    done = run_ulma(python, TARGET, options=options)
    report = report_of(done)
    found = methods_of(report)
    counts = counts_of(done)
    for name in ("dict.get", "list.append", "builtins.len"):
        assert calls_by_target(found[name]) == counts[name], name
    rows = {row["name"]: row for row in report["functions"]}
    assert rows["<method 'setdefault' of 'dict' objects>"]["calls"] >= counts["dict.setdefault"]
    assert rows["<method 'get' of 'dict' objects>"]["calls"] == found["dict.get"]["calls"]


@pytest.mark.some_pythons
def test_without_patterns_the_builtin_types_are(python):
    done = run_ulma(python, TARGET, options=["-e", "methods"])
    report = report_of(done)
    found = methods_of(report)
    counts = counts_of(done)
    for name in ("dict.get", "set.add", "str.join", "builtins.len", "builtins.abs"):
        assert calls_by_target(found[name]) == counts[name], name
    assert "zlib.crc32" not in found and "time.sleep" not in found


@pytest.mark.some_pythons
def test_patterns_name_types_and_leave_out(python):
    options = ["-e", "methods", "--only", "dict.*", "--only", "deque.*", "--skip", "dict.get"]
    done = run_ulma(python, TARGET, options=options)
    report = report_of(done)
    found = methods_of(report)
    assert "dict.get" not in found and "list.append" not in found
    assert calls_by_target(found["dict.setdefault"]) == 6000
    assert found["collections.deque.append"]["calls"] == 1500
    # They limit no function.
    assert harness.function_named(report, "of_list", TARGET)["calls"] == 1


def test_compiled_traces_do_not_call_past_it():
    """3.15's JIT keeps the pointers that it saw."""
    newest = [python for python in harness.pythons() if python.minor >= (3, 15)]
    assert newest, "no 3.15 is there"
    env = harness.environment(PYTHON_JIT="1")
    done = run_ulma(
        newest[-1], TARGET, options=["-e", "methods", *only([*ALONE, *SHARED])], env=env
    )
    check_counts(report_of(done), counts_of(done))


POINTERS = """
import ctypes, json, os, signal, sys

class Method(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("function", ctypes.c_void_p)]

def pointer(method):
    at = ctypes.cast(id(method) + 40, ctypes.POINTER(ctypes.c_void_p))[0]
    return ctypes.cast(at, ctypes.POINTER(Method))[0].function

def work():
    for _ in range(3000):
        {}.get(1)
        [].append(2)
        len(())

def all_pointers():
    return [pointer(getattr(kind, name)) for kind in (dict, list, set, str, bytes)
            for name in sorted(vars(kind)) if type(vars(kind)[name]) is type(dict.get)]

print(json.dumps(all_pointers()), flush=True)
for line in sys.stdin:
    work()
    print(json.dumps(all_pointers()), flush=True)
"""


@pytest.mark.some_pythons
def test_off_every_pointer_is_as_it_was(python, session_dir, tmp_path):
    script = tmp_path / "pointers.py"
    script.write_text(POINTERS)
    env = harness.environment(session_dir)
    process = subprocess.Popen(
        [python.path, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    )
    try:
        before = json.loads(process.stdout.readline())
        during = []
        follower = subprocess.Popen(
            [
                harness.ULMA,
                "top",
                "-b",
                "-f",
                "json",
                "-i",
                "0.1",
                "-e",
                "methods",
                str(process.pid),
            ],
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )
        for line in follower.stdout:
            frame = json.loads(line)
            process.stdin.write("work\n")
            process.stdin.flush()
            during = json.loads(process.stdout.readline())
            if any(row["name"] == "get" for row in frame.get("methods", [])):
                break
        follower.terminate()
        follower.communicate(timeout=harness.LIMIT_S)
        process.stdin.write("work\n")
        process.stdin.flush()
        after = json.loads(process.stdout.readline())
        process.communicate(timeout=harness.LIMIT_S)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
    assert before != during and before == after


@pytest.mark.some_pythons
def test_a_recording_keeps_them(python, session_dir, tmp_path):
    file = tmp_path / "a.ulma"
    env = harness.environment(session_dir)
    words = [harness.ULMA, "record", "-q", "-e", "methods", *only([*ALONE, *SHARED]), "-o", file]
    done = harness.run([*words, "--python", python.path, TARGET], env=env)
    assert done.status == 0, done.told()
    report = json.loads(harness.run([harness.ULMA, "report", "-f", "json", file]).out)
    check_counts(report, counts_of(done))
