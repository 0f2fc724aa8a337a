# SPDX-License-Identifier: MIT
"""The source `lines`: hits and self time of each line of the functions that were chosen."""

import inspect
import json
import os
import random
import re

import harness
import pytest
from harness import TARGETS, ULMA, environment, report_of, run, run_ulma
from test_set import await_true, followed

PROGRAM = TARGETS / "many_lines.py"
ORDERS = TARGETS / "line_orders.py"
SINCE = (3, 12)


def chosen(pythons, wanted):
    """One of each minor version, or all; those that have line events, or those that have not."""
    one = {python.minor: python for python in reversed(pythons)}.values()
    kept = pythons if os.environ.get("ULMA_TORTURE") == "1" else list(one)[::-1]
    return [python for python in kept if (python.minor >= SINCE) == wanted]


with_lines = pytest.mark.parametrize("new", chosen(harness.pythons(), True), ids=str)
newest = pytest.mark.parametrize("new", chosen(harness.pythons(), True)[-1:], ids=str)
oldest_and_newest = pytest.mark.parametrize(
    "new", [chosen(harness.pythons(), True)[i] for i in (0, -1)], ids=str
)
without_lines = pytest.mark.parametrize("old", chosen(harness.pythons(), False), ids=str)


def hits_of(report):
    return {(row["function"], row["line"]): row["hits"] for row in report["lines"]}


def line_of(program, text, number=0):
    lines = program.read_text().splitlines()
    return [i for i, line in enumerate(lines, 1) if line.strip() == text][number]


def truth_of(python, program, folder):
    file = folder / "truth.json"
    done = run([python.path, TARGETS / "lines_truth.py", file, program])
    assert done.status == 0, done.told()
    return {(name, line): hits for name, line, hits in json.loads(file.read_text())}


# --- counts ---------------------------------------------------------------------------------------


@with_lines
def test_hits_are_those_of_settrace(new, tmp_path):
    """Of every function, from its first call on; threads, generators, exceptions and all."""
    truth = truth_of(new, PROGRAM, tmp_path)
    report = report_of(run_ulma(new, PROGRAM, options=["-e", "lines", "--only", "__main__"]))
    assert hits_of(report) == truth
    assert len(truth) > 100 and max(truth.values()) > 100
    sources = {row["name"]: row["complete"] for row in report["sources"]}
    assert sources == {"calls": True, "lines": True}
    assert {row["file"] for row in report["lines"]} == {str(PROGRAM)}


@oldest_and_newest
def test_a_loop_on_one_line_is_one_hit(new):
    script = (
        "def f(n):\n    for i in range(n): i + 1\n"
        "    return sum(i for i in [j for j in range(n)])\nf(50)\n"
    )
    options = ["-e", "lines", "--only", "__main__:f"]
    report = report_of(run_ulma(new, "-c", script, options=options))
    assert hits_of(report) == {("f", 2): 1, ("f", 3): 1, ("f.<locals>.<genexpr>", 3): 1}


def test_compiled_traces_tell_their_lines():
    """3.15's JIT compiles what it has seen often."""
    newest = [python for python in harness.pythons() if python.minor >= (3, 15)]
    assert newest, "no 3.15 is there"
    env, words = environment(PYTHON_JIT="1"), ["-e", "lines", "--only", "__main__:counted"]
    script = "def counted(n):\n    for _ in range(n):\n        n -= 1\n\ncounted(90000)\n"
    report = report_of(run_ulma(newest[-1], "-c", script, options=words, env=env))
    assert hits_of(report) == {("counted", 2): 90001, ("counted", 3): 90000}


@with_lines
def test_lines_add_up_to_their_function(new):
    """But for the little before the first line; nothing that it calls is in them."""
    report = report_of(run_ulma(new, PROGRAM, options=["-e", "lines", "--only", "__main__"]))
    sums = {}
    for row in report["lines"]:
        assert row["self_ns"] >= 0
        sums[row["function"]] = sums.get(row["function"], 0) + row["self_ns"]
    for row in report["functions"]:
        name = row["qualname"]
        if row["file"] == str(PROGRAM) and row["self_ns"]:
            assert sums[name] <= row["self_ns"] + len(sums) * 2, name
    whole = sum(row["self_ns"] for row in report["functions"] if row["qualname"] in sums)
    assert sum(sums.values()) > whole / 2


@oldest_and_newest
def test_time_goes_to_the_line_that_took_it(new, tmp_path):
    script = tmp_path / "slow.py"
    script.write_text(
        "import time\n"
        "def inner():\n"
        "    time.sleep(0.2)\n"
        "def steps():\n"
        "    yield 1\n"
        "    time.sleep(0.1)\n"
        "def outer():\n"
        "    for step in steps():\n"
        "        inner()\n"
        "    time.sleep(0.4)\n"
        "outer()\n"
    )
    options = ["-e", "lines", "--only", "__main__"]
    report = report_of(run_ulma(new, script, options=options))
    took = {(row["function"], row["line"]): row["self_ns"] for row in report["lines"]}
    # A line that calls does not have its callee's time, nor a generator's line that of its pause.
    longest = sorted(took, key=took.get, reverse=True)[:3]
    assert longest == [("outer", 10), ("inner", 3), ("steps", 6)], took
    assert took["outer", 10] > 390e6 and took["inner", 3] > 190e6 and took["steps", 6] > 90e6


@oldest_and_newest
def test_no_others_are_told(new):
    """Lines of the functions that are named, and events of nothing else once that is known."""
    report = report_of(run_ulma(new, PROGRAM, options=["-e", "lines", "--only", "__main__:loops"]))
    assert {row["function"] for row in report["lines"]} == {"loops"}
    source = TARGETS.joinpath("many_lines.py").read_text()
    assert source.count("def loops(") == 1
    both = report_of(
        run_ulma(
            new,
            PROGRAM,
            options=["-e", "lines", "--only", "__main__", "--skip", "__main__:Manager"],
        )
    )
    names = {row["function"] for row in both["lines"]}
    assert "loops" in names and not any(name.startswith("Manager") for name in names)


@newest
def test_a_forks_child_has_lines_too(new, tmp_path):
    script = tmp_path / "forks.py"
    script.write_text(
        "import os\n"
        "def work(n):\n"
        "    for _ in range(n):\n"
        "        n -= 1\n"
        "work(10)\n"
        "child = os.fork()\n"
        "work(20 if child else 400)\n"
        "if child:\n"
        "    os.waitpid(child, 0)\n"
    )
    report = report_of(run_ulma(new, script, options=["-e", "lines", "--only", "__main__:work"]))
    assert hits_of(report) == {("work", 3): 433, ("work", 4): 430}


# --- while it runs --------------------------------------------------------------------------------


@with_lines
def test_chosen_live(new, session_dir, tmp_path):
    """Each hit counts that came while its line was chosen; no instruction stays instrumented."""
    body = line_of(ORDERS, "done += 1"), line_of(ORDERS, "done += 1", 1)
    with followed(new, session_dir, tmp_path, program=ORDERS) as program:
        program.ask("counted 1000")
        assert program.ask("instrumented") == "[]"
        told = program.set("lines=__main__:counted")
        assert "events=calls,lines " in told and " lines=__main__:counted " in told
        program.ask("counted 20")
        program.ask("other 5000")
        await_true(
            lambda: program.ask("other 1") and "other" not in program.ask("instrumented"), "told"
        )
        assert program.ask("instrumented") == "['counted']"
        program.set("lines+=__main__:other")
        program.ask("counted 300")
        program.ask("other 70")
        assert program.ask("instrumented") == "['counted', 'other']"
        program.set("lines=__main__:other")
        program.ask("counted 9000")
        program.ask("other 1")
        told = program.set("lines=")
        assert " events=calls " in told and " lines=" not in told
        program.ask("counted 9000")
        program.ask("other 9000")
        assert program.ask("instrumented") == "[]"
        report = program.end()
    assert hits_of(report)["counted", body[0]] == 320
    assert hits_of(report)["other", body[1]] == 71
    assert {name for name, _ in hits_of(report)} == {"counted", "other"}
    calls = {row["qualname"]: row["calls"] for row in report["functions"]}
    assert calls["counted"] == 5


@with_lines
def test_a_loop_that_runs_already(new, session_dir, tmp_path):
    """It makes no call, so the events must come to the code that runs, and go from it."""
    loop, body = line_of(ORDERS, "while state[0]:"), line_of(ORDERS, "state[1] += 1")
    with followed(new, session_dir, tmp_path, program=ORDERS) as program:
        program.ask("begin")
        before = int(program.ask("turns"))
        program.set("lines=__main__:turning")
        first = int(program.ask("turns"))
        last = int(program.ask("turns"))
        program.set("lines=")
        after = int(program.ask("turns"))
        assert program.ask("instrumented") == "[]"
        end = int(program.ask("end"))
        report = program.end()
    hits = hits_of(report)
    assert last - first <= hits["turning", body] <= after - before < end
    assert abs(hits["turning", loop] - hits["turning", body]) <= 1


@with_lines
def test_random_switches_under_load(new, session_dir, tmp_path):
    """Nothing of it shows in the program, and the rest of the figures stay sound."""
    chance = random.Random(new.version)
    functions = ["loops", "steps", "depth", "raising", "made", "work", "short"]
    with followed(new, session_dir, tmp_path, program=TARGETS / "line_load.py") as program:
        for _ in range(150 if os.environ.get("ULMA_TORTURE") == "1" else 50):
            names = chance.sample(functions, chance.randint(0, 4))
            lines = "lines=" + ",".join(f"__main__:{name}" for name in names)
            only = chance.choice(["only=", "only=__main__", "skip=__main__:loops", "skip="])
            more = chance.choice([[], [only], ["budget=2"], ["budget=exact"]])
            if chance.random() < 0.2:
                more.append(chance.choice(["events+=c-calls", "events+=gc"]))
            program.set(*more, lines)
        program.set("budget=exact", "only=", "skip=", "lines=")
        assert program.ask("over") == "[] True"
        report = program.end()
    assert report["events"]["lost"] == 0 and report["lines"]
    for row in (*report["functions"], *report["lines"]):
        assert row["self_ns"] >= 0, row


@oldest_and_newest
def test_the_budget_mutes_lines_too(new, session_dir, tmp_path):
    """A muted function costs nothing, and the report says that its lines are not all there."""
    with followed(new, session_dir, tmp_path, "--budget", "1", program=ORDERS) as program:
        program.set("lines=__main__:counted")
        program.ask("counted 20000000")
        report = program.end()
    source = next(row for row in report["sources"] if row["name"] == "lines")
    told = sum(row["hits"] for row in report["lines"])
    assert 0 < told < 2 * 20000000
    assert report["events"]["read"] < 20000000
    assert source["complete"] is False and source["reason"]


# --- words ----------------------------------------------------------------------------------------


@without_lines
def test_refused_below_3_12(old, tmp_path):
    script = tmp_path / "ran.py"
    script.write_text("print('ran')\n")
    done = run_ulma(old, script, options=["-e", "lines", "--only", "__main__"])
    assert done.status == 125 and done.out == b"", done.told()
    version = "{}.{}".format(*old.minor)
    assert f"from 3.12 on; this one is {version}" in done.err.decode()


def test_refused_live_below_3_12(session_dir, tmp_path):
    """The reason is the answer, and all goes on as before."""
    old = chosen(harness.pythons(), False)[-1]
    with followed(old, session_dir, tmp_path) as program:
        program.ask("calls 10")
        assert "from 3.12 on" in program.set("lines=__main__:kept_leaf", status=1)
        program.ask("calls 10")
        report = program.end()
    assert harness.function_named(report, "kept_leaf")["calls"] == 80
    assert report.get("lines", []) == []


def test_without_functions_it_is_refused(session_dir, tmp_path):
    new = chosen(harness.pythons(), True)[-1]
    for options in (["-e", "lines"], ["-e", "lines", "--only", "dict.get"]):
        done = run_ulma(new, PROGRAM, options=options)
        assert done.status == 125 and "--only pkg:function" in done.err.decode(), done.told()
    with followed(new, session_dir, tmp_path, program=ORDERS) as program:
        assert "lines=pkg:function" in program.set("events+=lines", status=1)
        program.set("only=__main__:counted", "events+=lines")
        assert "lines=pkg:function" in program.set("only=", status=1)
        program.ask("counted 7")
        report = program.end()
    assert {name for name, _ in hits_of(report)} == {"counted"}


def test_all_is_without_lines():
    new = chosen(harness.pythons(), True)[-1]
    report = report_of(run_ulma(new, TARGETS / "lambdas.py", options=["-e", "all"]))
    assert "lines" not in report and "gc" in report


# --- what is shown --------------------------------------------------------------------------------


def text_report(python, *words, program=PROGRAM, **more):
    done = run([ULMA, *words, "--python", python.path, program], **more)
    assert done.status == 0, done.told()
    return done


def section(text):
    return text[text.index("\nLines\n") :]


@newest
def test_the_report_shows_the_source(new, tmp_path, session_dir):
    script = tmp_path / "shown.py"
    script.write_text("def f(n):\n    for _ in range(n):\n        n -= 1  # less\n\nf(9)\n")
    output, env = tmp_path / "report.txt", environment(session_dir)
    words = ["-e", "lines", "--only", "__main__:f"]
    text_report(new, "run", "-q", *words, "-o", output, program=script, env=env)
    shown = section(output.read_text())
    assert re.search(r" 9 .* f .*shown\.py:3 +n -= 1  # less\n", shown), shown
    assert re.search(r" 10 .* f .*shown\.py:2 +for _ in range\(n\):\n", shown), shown
    # A recording: the file as it was, or, where it does not keep it, one that has not changed.
    for kept in ([], ["--with-source"]):
        recording = tmp_path / f"a{len(kept)}.ulma"
        text_report(new, "record", "-q", *words, *kept, "-o", recording, program=script, env=env)
        report = json.loads(run([ULMA, "report", "-f", "json", recording]).out)
        assert hits_of(report) == {("f", 2): 10, ("f", 3): 9}
        assert "n -= 1  # less" in section(run([ULMA, "report", recording]).out.decode())
    script.write_text("# another\n" * 5)
    texts = [section(run([ULMA, "report", tmp_path / f"a{i}.ulma"]).out.decode()) for i in (0, 1)]
    assert "n -= 1" not in texts[0] and "another" not in texts[0]
    assert "n -= 1  # less" in texts[1]


@newest
def test_a_trace_plays_to_the_same_lines(new, tmp_path, session_dir):
    file, env = tmp_path / "a.ulma", environment(session_dir)
    words = ["--trace", "-e", "lines", "--only", "__main__"]
    text_report(new, "record", "-q", *words, "-o", file, env=env)
    recorded = json.loads(run([ULMA, "report", "-f", "json", file]).out)
    words = [ULMA, "replay", "--speed", "1000", "--clock", "wall", "-b", "-f", "json", file]
    played = [json.loads(line) for line in run(words).out.splitlines()]
    assert played[-1]["lines"] == recorded["lines"] != []


@newest
def test_top_shows_them(new, session_dir):
    words = ["top", "-b", "--once", "-f", "json", "-e", "lines", "--only", "__main__:loops"]
    done = text_report(new, *words, env=environment(session_dir))
    assert inspect.cleandoc(done.out.decode())
    frames = [json.loads(line) for line in done.out.splitlines() if line.startswith(b"{")]
    assert {row["function"] for row in frames[-1]["lines"]} == {"loops"}
