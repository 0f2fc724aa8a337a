# SPDX-License-Identifier: MIT
"""What ulma knows it cannot see is said: the header and JSON do not claim to be exact."""

import pytest
from harness import report_of, run_ulma

pytestmark = pytest.mark.some_pythons

INTERPRETER = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
one = interpreters.create()
interpreters.run_string(one, "x = 1")
interpreters.destroy(one)
"""

PROFILE = """
import sys
def f(): pass
f()
sys.setprofile(lambda *args: None)
f()
sys.setprofile(None)
f()
"""


MONITORING = """
import sys
def f(): pass
f()
monitoring = sys.monitoring
ours = next(number for number in range(6) if monitoring.get_tool(number) == "ulma")
{}
f()
"""

# Below 3.14 freeing an id leaves its events on: the next case takes them with it.
TAKEN = {
    "events": "monitoring.set_events(ours, 0)",
    "callback": "monitoring.register_callback(ours, monitoring.events.PY_START, None)",
    "id": "monitoring.free_tool_id(ours); monitoring.use_tool_id(ours, 'other');"
    "monitoring.set_events(ours, 0)",
}


def calls_source(python, tmp_path, program, *options):
    script = tmp_path / "program.py"
    script.write_text(program)
    report = report_of(run_ulma(python, script, options=options))
    calls = [row["calls"] for row in report["functions"] if row["name"] == "f"]
    return report["sources"][0], sum(calls)


def test_a_sub_interpreter_is_told(python, tmp_path):
    source, _ = calls_source(python, tmp_path, INTERPRETER)
    assert not source["complete"]
    assert source["reason"] == "sub-interpreters are not followed"


def test_a_profile_function_in_our_place_is_told(python, tmp_path):
    source, calls = calls_source(python, tmp_path, PROFILE, "-e", "calls,c-calls")
    if python.minor >= (3, 12):
        assert source["complete"] and calls == 3
    else:
        assert not source["complete"] and calls < 3
        assert "profile function" in source["reason"]


@pytest.mark.parametrize("how", TAKEN)
def test_hooks_that_the_program_takes_away_are_told(python, tmp_path, how):
    if python.minor < (3, 12):
        pytest.skip("sys.monitoring came with 3.12")
    source, calls = calls_source(python, tmp_path, MONITORING.format(TAKEN[how]))
    assert calls == 1
    assert not source["complete"] and "sys.monitoring" in source["reason"]


def test_a_plain_program_is_complete(python, tmp_path):
    source, calls = calls_source(python, tmp_path, "def f(): pass\nf()\n")
    assert source["complete"] and source["reason"] is None and calls == 1


def function_of(report, name):
    return next(row for row in report["functions"] if row["name"] == name)


def test_time_ends_with_an_exec(python, tmp_path):
    """What another program does in the same process is no function's time."""
    script = tmp_path / "program.py"
    script.write_text("import os\ndef f(): os.execv('/bin/sleep', ['sleep', '1'])\nf()\n")
    report = report_of(run_ulma(python, script))
    assert report["target"]["duration_ns"] > 1e9
    assert function_of(report, "f")["total_ns"] < 0.5e9


def test_time_ends_with_the_python_of_a_command(python):
    code = "import os\ndef f(): os._exit(0)\nf()"
    command = f"{python.path} -c '{code}'; sleep 1"
    report = report_of(run_ulma(python, "--", "sh", "-c", command))
    assert report["target"]["duration_ns"] > 1e9
    assert function_of(report, "f")["total_ns"] < 0.5e9
