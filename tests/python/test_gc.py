# SPDX-License-Identifier: MIT
"""The source `gc`: every collection, its generation, what it freed, and who triggered it."""

import json

import harness
import pytest
from harness import report_of, run_ulma

SOURCES = ["gc", "calls,gc"]


def by_generation(report):
    found = [[0, 0, 0] for _ in range(3)]
    for row in report["gc"]:
        found[row["generation"]] = [row["runs"], row["collected"], row["uncollectable"]]
    return found


@pytest.mark.parametrize("sources", SOURCES)
def test_collections_are_those_the_program_counts(python, sources):
    done = run_ulma(python, harness.TARGETS / "garbage.py", options=["-e", sources])
    report = report_of(done)
    told = json.loads(done.out)
    assert by_generation(report) == told["runs"]
    assert told["runs"][2][0] >= 2 and told["runs"][0][0] > 1
    assert [row["name"] for row in report["sources"]] == sources.split(",")
    for row in report["gc"]:
        assert 0 < row["max_ns"] <= row["total_ns"]
        assert sum(trigger["runs"] for trigger in row["triggers"]) == row["runs"]
        assert sum(trigger["total_ns"] for trigger in row["triggers"]) == row["total_ns"]


def test_who_triggers_them_is_told(python):
    report = report_of(run_ulma(python, harness.TARGETS / "garbage.py", options=["-e", "calls,gc"]))
    triggers = {trigger["function"]: trigger for row in report["gc"] for trigger in row["triggers"]}
    assert set(triggers) <= {"make_cycles", "ask_for", "main"}
    asked = [
        (row["generation"], trigger["runs"])
        for row in report["gc"]
        for trigger in row["triggers"]
        if trigger["function"] == "ask_for"
    ]
    assert asked == [(0, 1), (1, 1), (2, 2)]
    assert triggers["make_cycles"]["file"] == str(harness.TARGETS / "garbage.py")


@pytest.mark.some_pythons
def test_off_nothing_is_in_the_list(python, tmp_path):
    """Without the source, and after it was switched off, gc.callbacks is as it was."""
    script = tmp_path / "plain.py"
    script.write_text("import gc\nprint(gc.callbacks)\n")
    assert run_ulma(python, script).out == b"[]\n"
    script.write_text("import sys\nprint('gc' in sys.modules)\n")
    plain = harness.run([python.path, script]).out
    assert run_ulma(python, script, options=["-e", "gc"]).out == plain


@pytest.mark.some_pythons
def test_without_the_source_the_list_is_absent(python):
    report = report_of(run_ulma(python, harness.TARGETS / "garbage.py"))
    assert "gc" not in report


@pytest.mark.some_pythons
def test_the_report_shows_the_pauses(python, tmp_path):
    output = tmp_path / "report.txt"
    words = harness.ulma_words(
        python, ["-q", "-e", "gc", "-o", output], [harness.TARGETS / "garbage.py"]
    )
    assert harness.run(words).status == 0
    text = output.read_text()
    assert "\nGC: " in text and "triggered by" in text


@pytest.mark.some_pythons
def test_a_recording_keeps_them(python, tmp_path):
    file = tmp_path / "a.ulma"
    words = [harness.ULMA, "record", "-q", "-e", "calls,gc", "-o", file, "--python", python.path]
    with harness.private_session_dir() as directory:
        env = harness.environment(directory)
        done = harness.run([*words, harness.TARGETS / "garbage.py"], env=env)
        assert done.status == 0, done.told()
        report = json.loads(harness.run([harness.ULMA, "report", "-f", "json", file]).out)
    assert by_generation(report) == json.loads(done.out)["runs"]
    triggers = {row["function"] for kind in report["gc"] for row in kind["triggers"]}
    assert "make_cycles" in triggers
