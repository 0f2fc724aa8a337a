# SPDX-License-Identifier: MIT
"""What costs more than it has to: each planted use is named, with its place and its count, and the
same program without it is let be. (What mending gains is a matter of time: docs/verdicts.md.)"""

import pytest
from harness import TARGETS, ULMA, environment, report_of, run, run_ulma

pytestmark = pytest.mark.newest_python

PLANTED = TARGETS / "planted.py"
EVENTS = ("-e", "calls,io,methods")
EVENTS_OF = {
    "membership": ("-e", "calls,operators"),
    "concatenation": ("-e", "calls,memory"),
    "convoy": ("-e", "waits"),
    "conversions": ("-e", "c-calls"),
}
CASES = {
    "writes": ("many small writes", "small_writes", 200_000),
    "exceptions": ("exceptions as control flow", "find", 400_000),
    "queue": ("list used as a queue", "drain", 150_000),
    "search": ("list searched as a set", "look_up", 3000),
    "membership": ("list searched as a set", "look_into", 4000),
    "generators": ("generators abandoned", "values", 200_000),
    "loop": ("blocked event loop", "blocking", None),
    "conversions": ("futile conversions", "copy_rows", 40_000),
    "concatenation": ("growing concatenation", "Page.add", None),
    "convoy": ("lock convoy", "stand_in_line", None),
}


def verdicts_of(python, tmp_path, case, how, *options):
    events = EVENTS_OF.get(case, EVENTS)
    done = run_ulma(python, PLANTED, case, how, options=[*events, *options], cwd=tmp_path)
    return report_of(done).get("verdicts")


@pytest.mark.parametrize("case", CASES)
def test_planted_and_mended(python, tmp_path, case):
    name, function, count = CASES[case]
    found = verdicts_of(python, tmp_path, case, "bad")
    named = [verdict for verdict in found if verdict["verdict"] == name]
    assert [verdict["function"] for verdict in named] == [function], found
    assert named[0]["file"] == str(PLANTED) and named[0]["line"] > 0
    assert count is None or named[0]["count"] == count
    assert named[0]["cost_ns"] >= 1_000_000 and named[0]["evidence"]
    mended = verdicts_of(python, tmp_path, case, "mended")
    assert [verdict for verdict in mended if verdict["verdict"] == name] == []


def test_of_a_recording_and_in_the_table(python, tmp_path, session_dir):
    env = environment(session_dir)
    options = [*EVENTS, "-q", "-o", tmp_path / "kept.ulma"]
    words = [ULMA, "record", "--python", python.path, *options, PLANTED, "writes", "bad"]
    assert run(words, env=env, cwd=tmp_path).status == 0
    told = run([ULMA, "report", "kept.ulma"], env=env, cwd=tmp_path).out.decode()
    _, _, section = told.partition("\nVerdicts\n")
    assert "many small writes" in section and "small_writes (" in section
    assert "200,000 calls of write with 20 bytes each" in section
    silent = run([ULMA, "report", "--verdicts", "off", "kept.ulma"], env=env, cwd=tmp_path)
    assert silent.status == 0 and "\nVerdicts\n" not in silent.out.decode()


def test_off_and_a_clean_program(python, tmp_path):
    assert verdicts_of(python, tmp_path, "writes", "bad", "--verdicts", "off") is None
    assert report_of(run_ulma(python, TARGETS / "stdlib_work.py", options=EVENTS))["verdicts"] == []
