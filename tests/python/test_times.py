# SPDX-License-Identifier: MIT
"""Times: against programs whose functions measure themselves, and against the kernel's accounts.

Rules: only ratios are compared, of two measurements of one run. The machine is shared: a run that
was disturbed is repeated, and what must hold must hold in one of TRIES runs.
"""

import json
import re
import statistics

import harness
import pytest
from harness import TARGETS, environment, function_named, report_of, run, run_ulma

pytestmark = pytest.mark.alone

TRIES = 4
SPIN = TARGETS / "spin.py"


def once(python, target, tmp_path, *options):
    out = tmp_path / "own.json"
    report = report_of(run_ulma(python, TARGETS / f"{target}.py", out, options=options))
    return report, json.loads(out.read_text())


def holds_in_one_run(check, tries=TRIES):
    """Call CHECK up to TRIES times: it returns what is wrong, or nothing."""
    told = []
    for _ in range(tries):
        wrong = check()
        if not wrong:
            return
        told.append(wrong)
    pytest.fail("\n".join(map(str, told)))


def off_by(seen, truth):
    return abs(seen - truth) / truth


def test_self_and_total_of_known_times(python, tmp_path):
    def check():
        report, own = once(python, "spin", tmp_path)
        wrong = []
        for name, (self_ns, total_ns, _) in own["spent"].items():
            row = function_named(report, name, SPIN)
            for what, truth in (("self_ns", self_ns), ("total_ns", total_ns)):
                # Where a function's own share is all but nothing, a ratio says nothing.
                if truth and truth > 1_000_000 and off_by(row[what], truth) > 0.02:
                    wrong.append((name, what, truth, row[what]))
        return wrong

    holds_in_one_run(check)


def test_percentiles_and_extremes_of_known_times(python, tmp_path):
    def check():
        report, own = once(python, "spin", tmp_path)
        wrong = []
        for name, each in own["each"].items():
            row = function_named(report, name, SPIN)
            assert row["calls"] == len(each)
            each.sort()
            for what, truth in (("min_ns", each[0]), ("max_ns", each[-1])):
                if off_by(row[what], truth) > 0.02:
                    wrong.append((name, what, truth, row[what]))
            # Of a few calls a percentile lies between two of them.
            middle = each[(len(each) - 1) // 2], each[len(each) // 2]
            if not 0.94 * middle[0] <= row["p50_ns"] <= 1.06 * middle[1]:
                wrong.append((name, "p50_ns", middle, row["p50_ns"]))
            if not row["p50_ns"] <= row["p99_ns"] <= row["max_ns"]:
                wrong.append((name, "p99_ns", row))
        return wrong

    holds_in_one_run(check)


def test_waiting_is_told_apart_from_working(python, tmp_path):
    def check():
        report, own = once(python, "spin", tmp_path, "--clock", "cpu")
        assert report["clock"] == "cpu"
        sleeper = function_named(report, "sleeper", SPIN)
        raiser = function_named(report, "raiser", SPIN)
        slept_ns, (_, _, worked_ns) = own["spent"]["sleeper"][0], own["spent"]["raiser"]
        wrong = []
        if off_by(sleeper["wait_ns"], slept_ns) > 0.05:
            wrong.append(("sleeper waits", slept_ns, sleeper))
        if sleeper["self_ns"] > 0.05 * slept_ns:
            wrong.append(("sleeper works", slept_ns, sleeper))
        # What another machine steals from its processor the kernel counts as a thread's own.
        ran_ns = raiser["self_ns"] + min(raiser["wait_ns"], report["stolen_ns"])
        if raiser["self_ns"] > 1.05 * worked_ns or ran_ns < 0.95 * worked_ns:
            wrong.append(("raiser works", worked_ns, raiser))
        return wrong

    holds_in_one_run(check)


@pytest.mark.parametrize("uncorrected", (False, True))
def test_self_times_add_up_to_the_time_profiled(python, tmp_path, uncorrected):
    """The main thread is in measured() for all of the time that the program measures."""

    def check():
        options = ["--uncorrected"] if uncorrected else []
        report, own = once(python, "call_heavy", tmp_path, *options)
        assert report["corrected"] is not uncorrected
        assert uncorrected == (report["corrected_ns"] == 0)
        functions = sum(row["self_ns"] for row in report["functions"])
        taken_out = report["corrected_ns"] + report["waited_ns"]
        measured = function_named(report, "measured")
        wrong = []
        if off_by(measured["total_ns"] + taken_out, own["wall_ns"]) > 0.01:
            wrong.append(("total", measured["total_ns"], taken_out, own["wall_ns"]))
        if min(row["self_ns"] for row in report["functions"]) < 0:
            wrong.append("a time is below zero")
        tree = sum(node["self_ns"] for node in report["tree"])
        roots = [node["id"] for node in report["tree"] if node["parent"] is None]
        outermost = [n for n in report["tree"] if n["parent"] in roots or n["parent"] is None]
        total = sum(node["total_ns"] for node in outermost if node["id"] not in roots)
        for what, sums in (("tree", tree), ("outermost", total)):
            if off_by(sums, functions) > 0.001:
                wrong.append((what, sums, functions))
        return wrong

    holds_in_one_run(check)


@pytest.mark.parametrize("events", ("calls", "calls,c-calls"))
def test_corrected_is_nearer_to_the_time_without_ulma(python, tmp_path, events):
    """The program's rounds are files of their own: the quickest of all are compared, or, as a busy
    machine has few that are undisturbed, those in the middle. One run may have been slower than the
    next as a whole, so turns of the three are added up until they tell."""
    out = tmp_path / "own.json"
    words = [TARGETS / "call_rounds.py", out]
    plain, corrected, uncorrected = [], [], []

    def totals(*options):
        report = report_of(run_ulma(python, *words, options=["-n", "0", "-e", events, *options]))
        rows = [row for row in report["functions"] if row["name"] == "run"]
        assert len(rows) > 20
        # However fast the machine is at the moment: each call has its cost taken out, or none has.
        cost_ns = report["probe"]["ns_per_call"] * sum(r["calls"] for r in report["functions"])
        assert report["corrected_ns"] == 0 if options else report["corrected_ns"] > cost_ns / 3
        return [row["total_ns"] for row in rows]

    def check():
        # Where the stack lies is a matter of the environment's length, and so, by some percent,
        # is the speed.
        env = environment(tmp_path, PAD="-" * len(plain))
        done = run([python.path, *words], env=env)
        assert done.status == 0, done.told()
        plain.extend(json.loads(out.read_text()))
        corrected.extend(totals())
        uncorrected.extend(totals("--uncorrected"))
        wrong = []
        for typical in (min, statistics.median):
            truth, with_it, without = map(typical, (plain, corrected, uncorrected))
            if off_by(with_it, truth) >= off_by(without, truth) * 2 / 3:
                wrong.append((truth, with_it, without))
        return wrong if len(wrong) == 2 else []

    holds_in_one_run(check, tries=12)


def test_the_busy_one_is_first(python):
    def check():
        done = run_ulma(python, TARGETS / "busy_idle.py", options=["--clock", "cpu"])
        report = report_of(done)
        rows = sorted(report["functions"], key=lambda row: -row["self_ns"])
        wrong = [] if rows[0]["name"] == "busy" else [[(r["name"], r["self_ns"]) for r in rows[:4]]]
        for name in ("sleeps", "reads", "waits"):
            row = function_named(report, name, TARGETS / "busy_idle.py")
            if row["total_ns"] > 0.05 * rows[0]["self_ns"]:
                wrong.append((name, row))
            # Five at least of each; `waits` itself does not wait, threading.Condition.wait does.
            if name != "waits" and row["wait_ns"] < 4 * rows[0]["self_ns"]:
                wrong.append((name, "did not wait", row))
        return wrong

    holds_in_one_run(check)


def test_the_busy_one_is_first_in_top(python, session_dir):
    def check():
        words = [harness.ULMA, "top", "-b", "-i", "0.4", "--python", python.path]
        done = run([*words, TARGETS / "busy_idle.py"], env=environment(session_dir))
        assert done.status == 0, done.told()
        frames = done.out.decode().split("\nulma  ")
        lines = frames[-1].splitlines()
        heading = next(n for n, line in enumerate(lines) if line.startswith("%self"))
        return [] if re.search(r"\bbusy\b", lines[heading + 1]) else [frames[-1]]

    holds_in_one_run(check)


def test_cpu_times_add_up_to_the_processs(python, tmp_path):
    def check():
        report, own = once(python, "four_busy", tmp_path, "--clock", "cpu", "--uncorrected")
        total = sum(row["self_ns"] for row in report["functions"])
        return [(total, own)] if off_by(total, own["cpu_ns"]) > 0.05 else []

    holds_in_one_run(check)


@pytest.mark.parametrize("events", ["calls", "calls,c-calls"])
def test_who_calls_is_told_where_it_costs_something_else(python, tmp_path, events):
    """By the way of calling on 3.11, by asking at call instructions on 3.12 and newer."""
    out, sessions = tmp_path / "told.json", tmp_path / "sessions"
    sessions.mkdir(mode=0o700)
    done = run_ulma(
        python, TARGETS / "who_calls.py", out, options=["-e", events], session_dir=sessions
    )
    report_of(done)
    matters = python.minor == (3, 11) if events == "calls" else python.minor >= (3, 12)
    # The first call of a function is not looked at, and an id may have been another's before.
    told, asked = json.loads(out.read_text())
    told = sorted(told, key=sum)[-2:]
    by_c = [round(calls_by_c, -2) for _, calls_by_c in told]
    assert by_c == ([3000, 5000] if matters else [0, 0]), told
    assert [round(sum(both), -2) for both in told] == [3000, 12000], told
    assert asked >= 2000 if events != "calls" and python.minor >= (3, 12) else asked == 0


def test_what_costs_more_is_taken_out(python, tmp_path):
    """Where much else of the interpreter's runs between two events, they cost more than the
    calibration found in its loops. The probe sees that on its own code."""
    if python.minor < (3, 12):
        pytest.skip(f"{python}: only callbacks of sys.monitoring (3.12+) time themselves")

    def in_prices(how, rounds):
        report = report_of(run_ulma(python, TARGETS / "cold_calls.py", how, rounds))
        calls = sum(row["calls"] + row["resumes"] for row in report["functions"])
        return report["corrected_ns"] / calls / report["probe"]["ns_per_call"]

    def check():
        hot, cold = in_prices("hot", 1_000_000), in_prices("cold", 50_000)
        return [(hot, cold)] if cold < 1.1 * hot else []

    holds_in_one_run(check)
