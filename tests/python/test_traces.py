# SPDX-License-Identifier: MIT
"""Traces: what is played comes to what was reported, and timelines add up to it.

The readers of the timelines are json, and protoc with Perfetto's published field numbers
(perfetto.proto). Replays are with --speed max: the final numbers, whatever the speed.
"""

import collections
import json
import pathlib
import re
import sqlite3
import subprocess

import pytest
from harness import (
    TARGETS,
    ULMA,
    environment,
    function_named,
    private_session_dir,
    pythons,
    run,
    run_with_peak,
)

HERE = pathlib.Path(__file__).resolve().parent
BYTES_AN_EVENT = 2.5

FORKS = """
import os
def leaf(n):
    return n if n < 2 else leaf(n - 1) + leaf(n - 2)
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        leaf(12)
        os._exit(0)
    os.waitpid(pid, 0)
leaf(10)
"""


@pytest.fixture(scope="module")
def newest():
    return pythons()[-1]


def record(python, folder, *target, options=("--trace",)):
    path = folder / "run.ulma"
    with private_session_dir() as sessions:
        words = [ULMA, "record", "-q", "--force", "-o", path, "--python", python.path]
        done = run([*words, *options, *target], env=environment(sessions))
    assert path.exists(), done.told()
    return path, done


def report(path, *options):
    done = run([ULMA, "report", "-q", "-f", "json", "-n", "0", *options, path])
    assert done.status == 0, done.told()
    return json.loads(done.out)


def replayed(path, *options):
    words = [ULMA, "replay", "-b", "-f", "json", "-n", "0", "--clock", "wall", "--speed", "max"]
    done = run([*words, *options, path])
    assert done.status == 0, done.told()
    lines = done.out.splitlines()
    assert len(lines) == 1
    return json.loads(lines[0])


def differences(left, right, where=""):
    """Paths of what differs, field by field."""
    if isinstance(left, dict) and isinstance(right, dict):
        for key in left.keys() | right.keys():
            yield from differences(
                left.get(key, "absent"), right.get(key, "absent"), f"{where}/{key}"
            )
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for i, (one, other) in enumerate(zip(left, right)):
            yield from differences(one, other, f"{where}[{i}]")
    elif left != right:
        yield where, left, right


@pytest.mark.parametrize(
    "target", ["eight_threads.py", "asyncio_tasks.py", "exceptions.py", "yield_from.py"]
)
@pytest.mark.some_pythons
def test_a_replay_ends_as_the_report(python, tmp_path, target):
    path, _done = record(python, tmp_path, TARGETS / target)
    assert list(differences(report(path), replayed(path))) == []


@pytest.mark.some_pythons
def test_so_it_does_with_c_calls_patterns_and_children(python, tmp_path):
    options = ("--trace", "--events", "calls,c-calls", "--skip", "@stdlib")
    target = tmp_path / "forks.py"
    target.write_text(FORKS, encoding="utf-8")
    path, _done = record(python, tmp_path, target, options=options)
    was, now = report(path, "--by", "process"), replayed(path, "--by", "process")
    for each in (was, now):
        each["processes"].sort(key=lambda row: row["pid"])
    assert list(differences(was, now)) == []
    assert len({row["pid"] for row in now["functions"]}) > 1
    summed = {row["qualname"]: row["calls"] for row in replayed(path)["functions"]}
    assert summed == {row["qualname"]: row["calls"] for row in report(path)["functions"]}


@pytest.mark.some_pythons
def test_a_trace_is_small_and_has_an_index(python, tmp_path):
    path, _done = record(python, tmp_path, TARGETS / "call_heavy.py")
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        chunks = database.execute(
            "SELECT sum(events), sum(length(bytes)), max(lost) FROM trace_chunks"
        ).fetchone()
        (of_threads,) = database.execute("SELECT sum(events) FROM trace_threads").fetchone()
        late = database.execute(
            "SELECT count(*) FROM trace_threads t JOIN trace_chunks c USING(chunk) "
            "WHERE t.from_ns < c.from_ns OR t.to_ns > c.to_ns"
        ).fetchone()
    events, size, lost = chunks
    assert events > 10000 and lost == 0 and of_threads == events and late == (0,)
    assert size <= BYTES_AN_EVENT * events
    assert report(path)["events"]["read"] >= events  # the control ring's are beside them


def totals_of(edges):
    """Name -> [begins, nanoseconds outermost to end], and what stayed open."""
    totals = collections.defaultdict(lambda: [0, 0])
    stacks = collections.defaultdict(list)
    for thread, name, at_ns in edges:
        stack = stacks[thread]
        if name is not None:
            stack.append((name, at_ns))
            continue
        ended, begun_ns = stack.pop()
        totals[ended][0] += 1
        if all(ended != below for below, _at in stack):  # recursion counts once, as in the report
            totals[ended][1] += at_ns - begun_ns
    assert not any(stacks.values())
    return totals


def chrome_edges(path):
    for event in json.loads(path.read_text(encoding="utf-8"))["traceEvents"]:
        if event["ph"] in "BE":
            thread = event["pid"], event["tid"]
            yield thread, event.get("name"), round(event["ts"] * 1000)


def perfetto_edges(path):
    words = ["protoc", "--decode=perfetto.protos.Trace", f"-I{HERE}", "perfetto.proto"]
    with path.open("rb") as stream:
        text = subprocess.run(
            words, stdin=stream, capture_output=True, text=True, check=True
        ).stdout
    assert not re.search(r"^ +\d+[:] ", text, re.M), "protoc met a field that it does not know"
    names, cleared = {}, False
    for packet in text.split("\npacket {"):
        cleared |= "sequence_flags: 1" in packet
        for iid, name in re.findall(
            r"event_names \{\s+iid: (\d+)\s+name: \"((?:[^\"\\]|\\.)*)\"", packet
        ):
            names[iid] = name
        kind = re.search(r"type: TYPE_SLICE_(\w+)", packet)
        if not kind:
            continue
        assert cleared and "sequence_flags: 2" in packet
        at_ns = int(re.search(r"timestamp: (\d+)", packet)[1])
        track = re.search(r"track_uuid: (\d+)", packet)[1]
        name = names[re.search(r"name_iid: (\d+)", packet)[1]] if kind[1] == "BEGIN" else None
        yield track, name, at_ns


@pytest.mark.parametrize(
    ("name", "edges"), [("chrome", chrome_edges), ("perfetto", perfetto_edges)]
)
@pytest.mark.some_pythons
def test_a_timeline_adds_up_to_the_report(python, tmp_path, name, edges):
    """Times are the clock's, so the report is uncorrected; each edge is whole nanoseconds."""
    options = ("--trace", "--uncorrected")
    path, _done = record(python, tmp_path, TARGETS / "recursion.py", options=options)
    output = tmp_path / f"out.{name}"
    done = run([ULMA, "report", "-q", "-f", name, "-o", output, path])
    assert done.status == 0, done.told()
    totals = totals_of(edges(output))
    checked = 0
    told = report(path)
    names = collections.Counter(
        f"{row['qualname']} ({row['file']}:{row['line']})" for row in told["functions"]
    )
    for row in told["functions"]:
        label = f"{row['qualname']} ({row['file']}:{row['line']})"
        if names[label] > 1 or '"' in label or row["file"] is None:
            continue
        begins, total_ns = totals[label]
        assert begins == row["calls"] + row["resumes"], label
        waited = told["waited_ns"]
        assert abs(total_ns - row["total_ns"]) <= begins + 1 + waited, label
        checked += 1
    assert checked > 5


PHASES = """
import threading, time

def leaf(n):
    return n

def slow():
    time.sleep(0.002)

def work():
    for number in range(150):
        for i in range(30):
            leaf(i)
        slow()

threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def summed_by_name(told):
    """Names of this program's functions -> what adds up; and the longest call."""
    names = collections.defaultdict(lambda: [0] * 6)
    fields = ("calls", "primitive_calls", "resumes", "self_ns", "total_ns", "wait_ns")
    for row in told["functions"]:
        key = row["qualname"], row["file"], row["line"]
        names[key] = [a + row[field] for a, field in zip(names[key], fields)]
    return names


THREADS = """
import threading, time

def leaf(wait):
    if wait:
        time.sleep(wait)

def work(wait):
    for _ in range(40):
        leaf(wait)

for name, wait in (("still", 0.004), ("quick", 0)):
    thread = threading.Thread(target=work, args=(wait,), name=name)
    thread.start()
    thread.join()
"""


@pytest.mark.newest_python
def test_a_threads_slice_has_its_own_percentiles(python, tmp_path):
    """Of a function that other threads call, too: a histogram in a recording is the function's."""
    script = tmp_path / "threads.py"
    script.write_text(THREADS)
    path, _done = record(python, tmp_path, script, options=("--trace",))
    whole = report(path)
    middle = whole["window"]["to"] / 2
    for options in ((), ("--to", f"{middle:.6f}"), ("--from", f"{middle:.6f}")):
        told = report(path, "--thread", "still", *options)
        (leaf,) = (row for row in told["functions"] if row["name"] == "leaf")
        assert leaf["p50_ns"] >= 3_800_000 and leaf["min_ns"] >= 4_000_000
        assert leaf["calls"] == 40 if not options else 0 < leaf["calls"] < 40
    (leaf,) = (
        row for row in report(path, "--thread", "quick")["functions"] if row["name"] == "leaf"
    )
    assert leaf["calls"] == 40 and leaf["p50_ns"] < 3_800_000
    of_all = summed_by_name(whole)
    of_each = collections.defaultdict(lambda: [0] * 6)
    for thread in {row["tid"]: row for row in whole["threads"]}:
        for key, numbers in summed_by_name(report(path, "--thread", str(thread))).items():
            of_each[key] = [a + b for a, b in zip(of_each[key], numbers)]
    assert of_each == of_all


@pytest.mark.some_pythons
def test_a_slice_of_a_trace_is_exact(python, tmp_path):
    """Not whole windows, of a second each: to the nanosecond, as the timeline has the calls."""
    script = tmp_path / "phases.py"
    script.write_text(PHASES)
    path, _done = record(python, tmp_path, script, options=("--trace", "--uncorrected"))
    whole = report(path)
    middle = whole["window"]["to"] / 2
    cuts = [middle * share for share in (0.5, 0.9, 1.3)]
    parts = [report(path, "--to", f"{cuts[0]:.6f}")]
    for begin, end in zip(cuts, cuts[1:]):
        parts.append(report(path, "--from", f"{begin:.6f}", "--to", f"{end:.6f}"))
    parts.append(report(path, "--from", f"{cuts[-1]:.6f}"))
    sums = collections.defaultdict(lambda: [0] * 6)
    for part in parts:
        assert part["target"]["python"] == whole["target"]["python"]
        assert part["sources"] and all(source["complete"] for source in part["sources"])
        for key, numbers in summed_by_name(part).items():
            sums[key] = [a + b for a, b in zip(sums[key], numbers)]
    assert sums == summed_by_name(whole)
    assert sum(part["events"]["read"] for part in parts) == whole["events"]["read"]
    ends = [part["window"]["to"] for part in parts]
    assert ends[:-1] == [round(cut, 6) for cut in cuts] and ends[-1] == whole["window"]["to"]
    assert [part["target"]["exit_status"] for part in parts] == [None, None, None, 0]

    timeline = tmp_path / "whole.json"
    done = run([ULMA, "report", "-q", "-f", "chrome", "-o", timeline, path])
    assert done.status == 0, done.told()
    begins, longest = collections.Counter(), collections.defaultdict(int)
    stacks = collections.defaultdict(list)
    low, high = (round(cut, 6) * 1e9 for cut in cuts[:2])
    for thread, name, at_ns in chrome_edges(timeline):
        if name is not None:
            stacks[thread].append((name, at_ns))
            begins[name] += low < at_ns <= high
        else:
            ended, begun_ns = stacks[thread].pop()
            if low < at_ns <= high:
                longest[ended] = max(longest[ended], at_ns - begun_ns)
    for name in ("leaf", "slow"):
        row = function_named(parts[1], name, script)
        label = f"{name} ({script}:{row['line']})"
        assert row["calls"] == begins[label] > 20
        assert abs(row["max_ns"] - longest[label]) <= 1
        assert row["min_ns"] <= row["p50_ns"] <= row["p99_ns"] <= row["max_ns"]


@pytest.mark.parametrize("target", ["asyncio_tasks.py", "exceptions.py"])
def test_slices_add_up(newest, tmp_path, target):
    options = ("--trace", "--events", "calls,c-calls")
    path, _done = record(newest, tmp_path, TARGETS / target, options=options)
    whole = report(path)
    sums = collections.defaultdict(lambda: [0] * 6)
    cuts = [f"{whole['window']['to'] * share:.6f}" for share in (0.2, 0.5, 0.8)]
    for begin, end in zip(["0", *cuts], [*cuts, "1h"]):
        part = report(path, "--from", begin, "--to", end)
        for key, numbers in summed_by_name(part).items():
            sums[key] = [a + b for a, b in zip(sums[key], numbers)]
    assert {key: row for key, row in sums.items() if any(row)} == {
        key: row for key, row in summed_by_name(whole).items() if any(row)
    }


def test_a_replay_of_a_slice(newest, tmp_path):
    """It ends where it is told to, with what the report has until there."""
    script = tmp_path / "phases.py"
    script.write_text(PHASES)
    path, _done = record(newest, tmp_path, script)
    cut = f"{report(path)['window']['to'] / 2:.6f}"
    reported = {row["name"]: row["calls"] for row in report(path, "--to", cut)["functions"]}
    assert reported["leaf"] > 0
    for words in (("--to", cut), ("--from", "0.01", "--to", cut)):
        played = replayed(path, *words)
        assert {row["name"]: row["calls"] for row in played["functions"]} == reported
        assert played["target"]["exit_status"] is None
    # By the clock, which hardly moves here: the first frame holds what was read up to there.
    words = [ULMA, "replay", "-b", "-f", "json", "-n", "0", "--speed", "0.001", "-i", "0.1"]
    done = run([*words, "--from", cut, "--count", "1", path])
    (row,) = [row for row in json.loads(done.out)["functions"] if row["name"] == "leaf"]
    assert row["calls"] > reported["leaf"] / 2
    done = run([ULMA, "replay", "--from", "2", "--to", "1", path])
    assert done.status == 2 and b"--to lies before --from" in done.err


def test_a_slice_of_a_trace_that_lacks_events_is_of_whole_windows(newest, tmp_path):
    script = tmp_path / "phases.py"
    script.write_text(PHASES)
    path, _done = record(newest, tmp_path, script)
    cut = f"{report(path)['window']['to'] / 2:.6f}"
    assert report(path, "--to", cut)["window"]["to"] == float(cut)
    with sqlite3.connect(path) as database:
        (end_ns,) = database.execute(
            "SELECT min(to_ns) FROM windows WHERE level=0 AND to_ns >= ?", (float(cut) * 1e9,)
        ).fetchone()
        database.execute("UPDATE trace_chunks SET lost=7")
    database.close()
    assert report(path, "--to", cut)["window"]["to"] == end_ns / 1e9


@pytest.mark.some_pythons
def test_run_writes_a_timeline_by_itself(python, tmp_path):
    output = tmp_path / "run.json"
    with private_session_dir() as sessions:
        words = [ULMA, "run", "-f", "chrome", "-o", output, "--python", python.path]
        done = run([*words, TARGETS / "asyncio_tasks.py"], env=environment(sessions))
    assert done.status == 0, done.told()
    events = json.loads(output.read_text(encoding="utf-8"))["traceEvents"]
    kinds = collections.Counter(event["ph"] for event in events)
    assert kinds["B"] == kinds["E"] > 100
    steps = [event for event in events if event["ph"] == "b"]
    assert kinds["b"] == kinds["e"] == len(steps) > 10
    assert len({event["id"] for event in steps}) > 5
    names = {event["args"]["name"] for event in events if event.get("name") == "process_name"}
    assert any("asyncio_tasks.py" in name for name in names)


def test_without_a_trace_it_says_what_to_do(newest, tmp_path):
    path, _done = record(newest, tmp_path, TARGETS / "classes.py", options=())
    for words in (["replay"], ["report", "-f", "perfetto", "-o", tmp_path / "x.pftrace"]):
        done = run([ULMA, *words, path])
        assert done.status == 1
        assert b"holds no trace: `ulma record --trace` keeps every event" in done.err


def test_what_a_trace_cannot_be_with_is_refused(newest, tmp_path):
    for options, why in (
        (["--budget", "5"], b"leave out --budget"),
        (["--keep", "10m"], b"leave out one of them"),
    ):
        path = tmp_path / "no.ulma"
        words = [ULMA, "record", "--trace", *options, "-o", path, "--python", newest.path]
        with private_session_dir() as sessions:
            done = run([*words, TARGETS / "classes.py"], env=environment(sessions))
        assert done.status == 125, done.told()
        assert why in done.err
        assert not path.exists()


def peak_of(*words):
    done, peak = run_with_peak([ULMA, *words])
    assert done.status == 0, done.told()
    return peak


def test_memory_is_flat_however_long_the_trace(newest, tmp_path):
    """Four times the chunks, the same program: what is held is one of them, and the model."""
    peaks = []
    for loops in ("10", "40"):
        code = "def leaf(n): return n if n < 2 else leaf(n - 1) + leaf(n - 2)\n"
        code += f"for _ in range({loops}): leaf(19)"
        path, _done = record(newest, tmp_path, "-c", code)
        with sqlite3.connect(path) as database:
            (chunks,) = database.execute("SELECT count(*) FROM trace_chunks").fetchone()
        database.close()
        replay = peak_of("replay", "-b", "--speed", "max", path)
        timeline = peak_of("report", "-q", "-f", "perfetto", "-o", "/dev/null", path)
        peaks.append((chunks, replay, timeline))
    (few, first, drawn), (many, later, drawn_later) = peaks
    assert many > 2 * few
    assert later < 1.25 * first and drawn_later < 1.25 * drawn


def test_a_damaged_trace_is_played_up_to_there(newest, tmp_path):
    path, _done = record(newest, tmp_path, TARGETS / "call_heavy.py")
    whole = function_named(report(path), "<module>", str(TARGETS / "call_heavy.py"))
    with sqlite3.connect(path) as database:
        rows = database.execute("SELECT chunk, bytes FROM trace_chunks ORDER BY chunk").fetchall()
        chunk, blob = rows[-1]
        torn = blob[: len(blob) // 2]
        database.execute("UPDATE trace_chunks SET bytes=? WHERE chunk=?", (torn, chunk))
    database.close()
    done = run([ULMA, "replay", "-b", "-f", "json", "--speed", "max", path])
    assert done.status == 1 and b"the trace cannot be played further" in done.err
    assert function_named(report(path), "<module>", str(TARGETS / "call_heavy.py")) == whole


def test_a_trace_keeps_no_more_of_command_lines_than_the_recording(newest, tmp_path):
    """Processes that begin later are told with theirs in the trace, too."""
    script = tmp_path / "forks.py"
    script.write_text(FORKS)
    for options, target in (((), ("--token", "hunter2")), (("--no-command",), ("hunter2",))):
        path, done = record(newest, tmp_path, script, *target, options=("--trace", *options))
        assert done.status == 0, done.told()
        out = tmp_path / "out.json"
        assert run([ULMA, "export", "--force", "-f", "chrome", "-o", out, path]).status == 0
        held = out.read_bytes()
        assert b"leaf" in held and b"hunter2" not in held
        assert b"hunter2" not in json.dumps(replayed(path, "--by", "process")).encode()


def test_names_are_not_redacted_in_a_trace_so_it_is_refused(tmp_path):
    words = ["--redact", "--trace", "-o", tmp_path / "a.ulma", "-c", "pass"]
    done = run([ULMA, "record", *words])
    assert done.status == 125 and b"--redact hides names, and a trace is played by them" in done.err
    assert not (tmp_path / "a.ulma").exists()
