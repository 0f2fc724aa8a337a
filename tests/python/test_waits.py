# SPDX-License-Identifier: MIT
"""The source `waits`: what threads wait for, where, who held it, and what their time goes into."""

import json

import harness
import pytest
from harness import report_of, run_ulma

TARGET = harness.TARGETS / "waiting.py"
SHARES = ("compute", "socket", "file", "lock", "gil", "gc", "idle")

pytestmark = pytest.mark.some_pythons


def rows_of(report, kind, function):
    return [row for row in report["waits"] if (row["kind"], row["function"]) == (kind, function)]


def check_named(report, told):
    """Each planted wait stands where the program says it is, under its name."""
    for kind, function, line in (
        ("lock", "convoy", "convoy"),
        ("sleep", "convoy", "inside"),
        ("sleep", "victim", "victim"),
        ("join", "run_threads", "join"),
        ("queue", "take_from", "queue"),
        ("event", "wait_for_event", "event"),
        ("sleep", "blocks", "blocks"),
        ("file", "read_file", "file"),
        ("socket", "read_socket", "socket"),
    ):
        found = rows_of(report, kind, function)
        assert [row["line"] for row in found] == [told[line]], (kind, function, report["waits"])
        assert found[0]["file"] == str(TARGET)
    for row in report["waits"]:
        assert row["count"] > 0 and 0 <= row["p99_ns"] <= row["max_ns"] <= row["total_ns"], row


def check_convoy(report, told):
    (slept,) = rows_of(report, "sleep", "convoy")
    assert slept["count"] == told["convoy_rounds"]
    assert slept["total_ns"] >= 0.95e9 * told["convoy_rounds"] * told["convoy_sleep"]
    (lock,) = rows_of(report, "lock", "convoy")
    assert 0 < lock["count"] < told["convoy_rounds"] * 4
    assert lock["holder"]["function"] == "convoy"
    assert lock["holder"]["line"] in (told["convoy"], told["inside"])


def check_hog(report, told):
    victim = max(rows_of(report, "GIL", "victim"), key=lambda row: row["total_ns"])
    assert (victim["line"], victim["blocks_event_loop"]) == (told["victim"], False)
    holder = victim["holder"]
    assert (holder["function"], holder["line"]) == ("hog", told["hog"])
    assert holder["tid"] == report["target"]["pid"]
    assert 0 < holder["held_ns"] <= victim["total_ns"] * 1.001
    (hold,) = (
        row for row in report["gil_holds"] if (row["function"], row["line"]) == ("hog", told["hog"])
    )
    # The longest hold of all: it was pure C.
    assert hold["total_ns"] == max(row["total_ns"] for row in report["gil_holds"])
    assert holder["held_ns"] <= hold["others_waited_ns"]


def check_splits(report, told):
    splits = {row["tid"]: row["split"] for row in report["threads"] if row["calls"]}
    for split in splits.values():
        total = sum(split[f"{share}_ns"] for share in SHARES)
        assert abs(total - split["wall_ns"]) <= 0.05 * split["wall_ns"] + 1000, split
        assert all(split[f"{share}_ns"] >= 0 for share in SHARES), split
    main = splits[report["target"]["pid"]]
    # By its own clock: what it was in, and what it asked for.
    assert main["wall_ns"] >= told["wall"] * 0.95e9
    assert main["idle_ns"] >= told["main_slept"] * 0.95e9
    assert main["gc_ns"] > 0 and main["lock_ns"] > 0
    waited = sum(row["total_ns"] for row in report["waits"])
    spent = sum(
        split[f"{share}_ns"] for split in splits.values() for share in SHARES[1:] if share != "gc"
    )
    assert abs(waited - spent) <= 0.05 * waited


def test_planted_waits_are_named_with_function_line_and_holder(python, session_dir, tmp_path):
    """Live, and from a recording of the same run."""
    file = tmp_path / "a.ulma"
    words = [harness.ULMA, "record", "-q", "-e", "waits", "-o", file, "--python", python.path]
    done = harness.run([*words, TARGET], env=harness.environment(session_dir))
    assert done.status == 0, done.told()
    told = json.loads(done.out)
    report = json.loads(harness.run([harness.ULMA, "report", "-f", "json", file]).out)
    assert [row["name"] for row in report["sources"]] == ["calls", "gc", "io", "waits"]
    assert report["events"]["lost"] == 0
    check_named(report, told)
    check_convoy(report, told)
    check_hog(report, told)
    (blocked,) = rows_of(report, "sleep", "blocks")
    assert blocked["blocks_event_loop"]
    idle = [row for row in report["waits"] if row["kind"] == "event loop"]
    assert idle and not any(row["blocks_event_loop"] for row in idle)


def test_a_threads_split_adds_up_to_its_wall_time(python):
    done = run_ulma(python, TARGET, options=["-e", "waits"])
    report, told = report_of(done), json.loads(done.out)
    assert report["events"]["lost"] == 0
    check_splits(report, told)


TABLE = ["-q", "-e", "waits", "-o"]


def test_the_table_has_waits_holds_and_threads(python, tmp_path):
    output = tmp_path / "report.txt"
    done = harness.run(harness.ulma_words(python, [*TABLE, output, "-n", "0"], [TARGET]))
    assert done.status == 0, done.told()
    told = json.loads(done.out)
    lines = output.read_text().splitlines()
    (at,) = (i for i, line in enumerate(lines) if line.startswith("Waits: "))
    assert lines[at + 1].split()[:3] == ["%time", "count", "waited"]
    table = lines[at:]
    assert any(" holds GIL " in line and f"hog (targets/waiting.py:{told['hog']})" in line
               for line in table)  # fmt: skip
    assert any(line.endswith(f"blocks (targets/waiting.py:{told['blocks']}), and its event loop")
               for line in table)  # fmt: skip
    (threads,) = (i for i, line in enumerate(table) if line.startswith("threads: "))
    main = next(line for line in table[threads:] if f"({told['pid']}):" in line)
    assert " compute " in main and " idle " in main and " lock " in main


def test_without_the_source_nothing_is_told(python):
    report = report_of(run_ulma(python, "-c", "print(1)", options=["-e", "io"]))
    assert "waits" not in report and "gil_holds" not in report
    assert not any("split" in thread for thread in report["threads"])


UNENDED = """
import os, socket, threading, time

server = socket.create_server(("127.0.0.1", 0))

def serve():
    server.accept()

def work():
    threading.Thread(target=serve, daemon=True).start()
    time.sleep(0.5)

child = os.fork()
work()
if child:
    os.waitpid(child, 0)
"""


def test_a_wait_that_the_processs_end_cuts_short_is_no_computing(python):
    report = report_of(run_ulma(python, "-c", UNENDED, options=["-e", "waits"]))
    threads = [row for row in report["threads"] if row["pid"] != row["tid"]]
    assert len(threads) == 2
    for row in threads:
        assert row["split"]["socket_ns"] >= 0.9 * row["split"]["wall_ns"] >= 0.4e9, row
    (waited,) = rows_of(report, "socket", "serve")
    assert waited["count"] == 2
