# SPDX-License-Identifier: MIT
"""The source `memory`: what Python's allocators gave out, beside programs that count it."""

import json
import os
import pathlib
import random
import subprocess

import harness
import pytest
from harness import report_of, run_ulma

ALLOCATIONS = harness.TARGETS / "allocations.py"
TRACED = harness.TARGETS / "traced_memory.py"


def by_line(report, file, mark=None):
    """The rows of a file's lines, or of the one that ends with a comment."""
    rows = {
        row["line"]: row for row in report["memory"] if row["file"] == str(file) and row["line"]
    }
    if mark is None:
        return rows
    lines = file.read_text().splitlines()
    return rows[next(i for i, line in enumerate(lines, 1) if line.endswith("# " + mark))]


def check_allocations(report, told):
    size = told["head"] + told["bytes"]
    keep = by_line(report, ALLOCATIONS, "keep")
    kept = told["kept"]
    assert keep["function"] == "keep"
    # Beside the objects it is the list's array, which grows now and then.
    assert 0 <= keep["allocations"] - 2 * kept < 60
    assert keep["live_blocks"] == kept and keep["live_bytes"] == kept * size
    assert 0 <= keep["peak_bytes"] - 2 * kept * size < 30000
    drop = by_line(report, ALLOCATIONS, "drop")
    assert drop["allocations"] >= told["dropped"] and drop["live_bytes"] == 0
    assert drop["peak_bytes"] >= size + 1000
    dropped = told["dropped"] * (size + 1000)
    assert dropped <= drop["bytes"] == drop["freed_bytes"] < 1.01 * dropped
    peak = by_line(report, ALLOCATIONS, "peak")
    assert peak["live_bytes"] == 0
    # What was alive when all was at its peak: what peak() had, and what keep() keeps.
    assert peak["at_peak_bytes"] == peak["peak_bytes"] > 4 * kept * told["bytes"]
    assert keep["at_peak_bytes"] >= 2 * kept * size
    assert drop["at_peak_bytes"] == 0


def check_sums(report):
    """What the lines have, the allocators and the sizes have."""
    total = report["memory_total"]
    for key in ("allocations", "bytes", "frees", "freed_bytes", "live_blocks", "live_bytes"):
        for rows in ("memory", "memory_domains", "memory_sizes"):
            assert sum(row[key] for row in report[rows]) == total[key], (key, rows)
    assert sum(row["at_peak_bytes"] for row in report["memory"]) == total["peak_bytes"]
    assert total["bytes"] - total["freed_bytes"] == total["live_bytes"] <= total["peak_bytes"]
    assert [row["domain"] for row in report["memory_domains"]] == ["raw", "mem", "obj"]
    assert total["exact"] and not total["untracked"]
    sizes = [row["up_to_bytes"] for row in report["memory_sizes"]]
    assert sizes == sorted(sizes) and sizes[0] == 16


@pytest.mark.parametrize("sources", ["memory", "calls,memory"])
def test_lines_have_what_the_program_counts(python, sources):
    done = run_ulma(python, ALLOCATIONS, options=["-e", sources])
    report = report_of(done)
    assert [row["name"] for row in report["sources"]] == sources.split(",")
    check_allocations(report, json.loads(done.out))
    check_sums(report)


@pytest.mark.parametrize("before", [False, True])
def test_live_and_peak_are_tracemallocs(python, before):
    """Of several threads, some of which allocate without the GIL: zlib does. tracemalloc lies over
    the hooks, or was there BEFORE them, and so knows of the interpreter's start, too."""
    env = harness.environment(**({"PYTHONTRACEMALLOC": "1"} if before else {}))
    done = run_ulma(python, TRACED, "3", "total", options=["-e", "memory"], env=env)
    report, told = report_of(done), json.loads(done.out)
    total = report["memory_total"]
    assert total["live_bytes"] == pytest.approx(told["live"], rel=0.01)
    assert total["peak_bytes"] == pytest.approx(told["peak"], rel=0.01)
    check_sums(report)


def test_lines_are_tracemallocs(python):
    done = run_ulma(python, TRACED, "2", "lines", options=["-e", "memory"])
    rows, told = by_line(report_of(done), TRACED), json.loads(done.out)
    large = {line: size for line, (size, _) in told["lines"].items() if size > 100_000}
    assert len(large) >= 4
    for line, size in large.items():
        # A block out of a free list is told of by tracemalloc under a new line.
        assert rows[int(line)]["live_bytes"] == pytest.approx(size, rel=0.03), line


def record(python, file, target, *options):
    words = [harness.ULMA, "record", "-q", "-e", "calls,memory", "-o", file, *options]
    with harness.private_session_dir() as directory:
        env = harness.environment(directory)
        done = harness.run([*words, "--python", python.path, target], env=env)
        assert done.status == 0, done.told()
        shown = harness.run([harness.ULMA, "report", "-f", "json", file], env=env)
        assert shown.status == 0, shown.told()
        return json.loads(shown.out), json.loads(done.out)


@pytest.mark.some_pythons
@pytest.mark.parametrize("options", [[], ["--trace"]])
def test_a_recording_keeps_it(python, tmp_path, options):
    report, told = record(python, tmp_path / "a.ulma", ALLOCATIONS, *options)
    check_allocations(report, told)
    check_sums(report)


@pytest.mark.some_pythons
def test_a_recording_without_it_has_none(python, tmp_path):
    file = tmp_path / "plain.ulma"
    words = [harness.ULMA, "record", "-q", "-o", file, "--python", python.path, ALLOCATIONS]
    assert harness.run(words).status == 0
    assert "memory" not in json.loads(harness.run([harness.ULMA, "report", "-f", "json", file]).out)


@pytest.mark.some_pythons
def test_the_report_shows_lines_allocators_and_sizes(python, tmp_path):
    output = tmp_path / "report.txt"
    words = harness.ulma_words(python, ["-q", "-e", "memory", "-o", output], [ALLOCATIONS])
    assert harness.run(words).status == 0
    text = output.read_text()
    line = next(line for line in text.splitlines() if " keep (" in line)
    assert line.split()[0] == "4.78M" and "allocations.py:17)" in line
    assert (
        "\nMemory: " in text and "\nby allocator\n" in text and "\nby size of the block\n" in text
    )


WITHOUT_GIL = """
import os

def where(count):
    for _ in range(count):
        os.getcwd()

where(1000)
"""


@pytest.mark.some_pythons
def test_blocks_without_the_gil_are_told(python):
    """os.getcwd lets the GIL go before it asks for 1,024 bytes."""
    report = report_of(run_ulma(python, "-c", WITHOUT_GIL, options=["-e", "memory"]))
    (source,) = report["sources"]
    assert source["complete"], source["reason"]
    rows = [row for row in report["memory"] if row["function"] == "where"]
    assert sum(row["bytes"] for row in rows) > 1000 * 1024
    assert sum(row["freed_bytes"] for row in rows) > 1000 * 1024


LOAD = harness.TARGETS / "memory_load.py"
ROUNDS = 300 if os.environ.get("ULMA_TORTURE") == "1" else 12
EVENTS = ["memory", "calls", "calls,memory", "gc", "memory,gc", "c-calls,memory"]


@pytest.mark.some_pythons
def test_random_switches_under_load(python, session_dir, tmp_path):
    """Threads, zlib without the GIL, deep lists, tracemalloc on and off: nothing breaks."""
    file = tmp_path / "report.json"
    options = ["-q", "-e", "memory", "--no-children", "--on-full", "wait", "-f", "json", "-o", file]
    env = harness.environment(session_dir)
    choose = random.Random(python.version)
    with subprocess.Popen(
        harness.ulma_words(python, options, [LOAD]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        pid = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().strip()
        for _ in range(ROUNDS):
            words = [harness.ULMA, "set", pid, f"events={choose.choice(EVENTS)}"]
            done = harness.run(words, env=env)
            assert done.status == 0, done.told()
        done = harness.run([harness.ULMA, "set", pid, "events=memory"], env=env)
        assert done.status == 0, done.told()
        out, _ = process.communicate("\n", timeout=harness.LIMIT_S)
    assert process.returncode == 0 and out == "done 0 []\n"
    report = json.loads(file.read_text())
    assert report["events"]["lost"] == 0
    live = report["memory_total"]["live_bytes"]
    # What it keeps is little, and what went while the source was off is not believed to be there.
    assert live < 60_000_000
    assert live == sum(row["live_bytes"] for row in report["memory"])


def check_rss(done):
    """Of a process that runs: what it has in memory, of which Python gave out a part."""
    assert done.status == 0, done.told()
    total = json.loads(done.out)["memory_total"]
    assert 100_000 < total["before_bytes"] < total["rss_bytes"] < 1_000_000_000
    assert total["live_bytes"] < total["rss_bytes"]


@pytest.mark.some_pythons
def test_what_was_alive_before_an_off_is_not_believed(python, session_dir, tmp_path):
    script, file = tmp_path / "program.py", tmp_path / "report.json"
    script.write_text(
        "import sys\nkept = [bytes(100000) for _ in range(100)]\nprint('ready', flush=True)\n"
        "sys.stdin.readline()\nkept = None\nprint('gone', flush=True)\n"
        "sys.stdin.readline()\nlate = [bytes(1000) for _ in range(100)]\n"
    )
    options = ["-q", "-e", "memory", "--no-children", "-f", "json", "-o", file]
    env = harness.environment(session_dir)
    with subprocess.Popen(
        harness.ulma_words(python, options, [script]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=env,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        pid = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().strip()
        set_words = [harness.ULMA, "set", pid]
        assert harness.run([*set_words, "events=gc"], env=env).status == 0
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "gone\n"
        assert harness.run([*set_words, "events=memory"], env=env).status == 0
        check_rss(harness.run([harness.ULMA, "report", "-q", "-f", "json", pid], env=env))
        process.communicate("\n", timeout=harness.LIMIT_S)
    assert process.returncode == 0
    report = json.loads(file.read_text())
    rows = by_line(report, script)
    assert rows[2]["bytes"] > 10_000_000 and rows[2]["live_bytes"] == 0
    assert rows[2]["freed_bytes"] < 1_000_000
    assert rows[8]["live_blocks"] >= 100 and rows[8]["live_bytes"] > 100_000
    assert report["sources"][-1]["complete"] is False


@pytest.mark.some_pythons
def test_children_have_their_own(python):
    done = run_ulma(python, "-c", FORKING, options=["-e", "memory"])
    assert done.out.split() == [b"[0,", b"0]"]
    report = report_of(done)
    assert len(report["processes"]) == 3
    (row,) = (row for row in report["memory"] if row["line"] == 7 and row["function"] == "work")
    # A child's memory ends with it.
    assert 1100 <= row["allocations"] < 3400 and row["bytes"] > 11_000_000
    assert 100 <= row["live_blocks"] <= 201 and row["live_bytes"] < 1_100_000
    assert row["peak_bytes"] > 5_000_000


FORKING = """
import os, sys
kept = []

def work(count):
    for i in range(count):
        kept.append(bytes(10000))

children = []
work(100)
for _ in range(2):
    child = os.fork()
    if child == 0:
        work(500)
        sys.exit(0)
    children.append(child)
print([os.waitpid(child, 0)[1] for child in children])
"""


@pytest.mark.some_pythons
def test_the_interpreters_end_frees_nothing(python):
    """What is alive at the end is what the program left, not what finalization leaves."""
    program = "kept = [bytes(10000) for _ in range(500)]\n"
    report = report_of(run_ulma(python, "-c", program, options=["-e", "memory"]))
    assert report["memory_total"]["live_bytes"] > 5_000_000
