# SPDX-License-Identifier: MIT
"""The source `memory`: what Python's allocators gave out, by line, against programs that count for themselves."""

import json

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
    """Of several threads, some of which allocate without the GIL: zlib does. tracemalloc lies over the hooks, or
    was there BEFORE them, and so knows of the interpreter's start, too."""
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
    assert "\nMemory: " in text and "\nby allocator\n" in text and "\nby size of the block\n" in text
