# SPDX-License-Identifier: MIT
"""A process that is followed: others look on, read-only; only a second recording is refused."""

import json
import mmap
import os
import pathlib
import signal
import struct
import subprocess

import pytest
from armed_process import Report, calls_of, check_exact, states, ulma, wait_for
from harness import LIMIT_S, ULMA, session_files

pytestmark = pytest.mark.some_pythons


def look(process, *words, status=0):
    """A report of a second ulma: as JSON, and what it said."""
    done = ulma(process, "report", process.pid, "-f", "json", *words)
    assert done.status == status, done.told()
    return json.loads(done.out) if status == 0 else None, done.err.decode()


def has_counted(process, count, look=look):
    """Each thread's calls come through a ring of its own."""
    told = look(process)
    told = told[0] if isinstance(told, tuple) else told
    return calls_of(told, "in_main") == calls_of(told, "in_thread") == count


def batch_top(process):
    words = [ULMA, "top", str(process.pid), "-b", "-i", "0.1"]
    return subprocess.Popen(words, env=process.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def views(process):
    return [name for name in session_files(process.env["ULMA_DIR"]) if name.startswith("view-")]


def test_the_table_now(armed, tmp_path):
    """The same calls as the owner tells, whose own report is as if nobody had looked."""
    owner = Report(armed, tmp_path)
    assert armed.ask("calls 500") == "done"
    switches = armed.ask("hooks")
    wait_for(lambda: has_counted(armed, 500), "all calls are counted")
    told, said = look(armed)
    check_exact(told, 500)
    assert f"is followed by PID {owner.ulma.pid} of the user" in said
    assert "joined, read-only" in said and "runs on" not in said
    for _ in range(5):
        look(armed)
    assert armed.ask("hooks") == switches != "[]"
    assert armed.ask("calls 250") == "done"
    whole = owner.finish()
    check_exact(whole, 750)
    for row in told["functions"]:
        (same,) = [one for one in whole["functions"] if one["id"] == row["id"]]
        assert (same["name"], same["file"], same["line"]) == (row["name"], row["file"], row["line"])
        assert same["calls"] >= row["calls"] and same["self_ns"] >= row["self_ns"]
    assert told["target"]["pid"] == whole["target"]["pid"] == armed.pid
    assert told["target"]["command"] == whole["target"]["command"]
    assert views(armed) == []
    armed.end()
    assert session_files(armed.env["ULMA_DIR"]) == []


COUNTS = ("calls", "primitive_calls", "resumes")


def summed_of(rows):
    """(name, file, line) -> counts of rows by process, added up."""
    sums = {}
    for row in rows:
        key = row["qualname"], row["file"], row["line"]
        sums[key] = [a + row[name] for a, name in zip(sums.get(key, [0, 0, 0]), COUNTS)]
    return sums


def check_whole(report):
    """What names a function names one that is there, and nothing stands twice."""
    ids = [row["id"] for row in report["functions"]]
    assert len(ids) == len(set(ids)) and None not in ids
    assert {node["function"] for node in report["tree"]} - {None} <= set(ids)
    assert {edge["callee"] for edge in report["callers"]} <= set(ids)
    paths = [(node["parent"], node["function"]) for node in report["tree"]]
    assert len(paths) == len(set(paths))
    edges = [(edge["caller"], edge["callee"]) for edge in report["callers"]]
    assert len(edges) == len(set(edges))


@pytest.mark.newest_python
def test_rows_are_summed_though_the_owner_keeps_processes_apart(armed, start, tmp_path):
    other = start(ULMA="1")
    words = [ULMA, "record", str(armed.pid), str(other.pid), "-o", str(tmp_path / "a.ulma")]
    with subprocess.Popen(words, env=armed.env, stderr=subprocess.PIPE) as owner:
        try:
            on = dict.fromkeys((armed.pid, other.pid), ("on", str(owner.pid)))
            wait_for(lambda: states(armed) == on, "both are on")
            assert [armed.ask("calls 30"), other.ask("calls 12")] == ["done", "done"]
            wait_for(lambda: has_counted(armed, 42), "all calls are counted")
            apart, summed = look(armed, "--by", "process")[0], look(armed)[0]
            # Several words of one owner are one table.
            done = ulma(armed, "report", armed.pid, other.pid, "-f", "json")
            assert done.status == 0 and done.err.count(b"joined, read-only") == 1, done.told()
            assert calls_of(json.loads(done.out), "in_main") == 42
        finally:
            owner.send_signal(signal.SIGINT)
            owner.communicate(timeout=LIMIT_S)
    assert {row["pid"] for row in apart["functions"]} == {armed.pid, other.pid}
    in_main = [row["calls"] for row in apart["functions"] if row["name"] == "in_main"]
    assert sorted(in_main) == [12, 30]
    assert len(summed["functions"]) < len(apart["functions"])
    assert summed_of(summed["functions"]) == summed_of(apart["functions"])
    (row,) = [row for row in summed["functions"] if row["name"] == "in_main"]
    assert row["p50_ns"] == 0 <= row["min_ns"] <= row["max_ns"]
    check_whole(summed)


@pytest.mark.newest_python
def test_several_owners_are_looked_on_at_together(armed, start, tmp_path):
    other, folder = start(ULMA="1"), tmp_path / "other"
    folder.mkdir()
    owners = Report(armed, tmp_path), Report(other, folder)
    assert [armed.ask("calls 30"), other.ask("calls 12")] == ["done", "done"]

    def report(*words):
        done = ulma(armed, "report", armed.pid, other.pid, "-f", "json", *words)
        assert done.status == 0 and done.err.count(b"joined, read-only") == 2, done.told()
        return json.loads(done.out)

    wait_for(lambda: has_counted(armed, 42, lambda _: report()), "all calls are counted")
    told, apart = report(), report("--by", "process")
    check_exact(told, 42)
    assert {process["pid"] for process in told["processes"]} == {armed.pid, other.pid}
    assert {thread["pid"] for thread in told["threads"]} == {armed.pid, other.pid}
    in_main = [row for row in apart["functions"] if row["name"] == "in_main"]
    assert {row["pid"]: row["calls"] for row in in_main} == {armed.pid: 30, other.pid: 12}
    check_whole(told)
    check_whole(apart)
    # One that ends is told of; the other goes on.
    pids = [str(armed.pid), str(other.pid)]
    words = [ULMA, "top", *pids, "-b", "-f", "json", "-i", "0.1", "-n", "0"]
    with subprocess.Popen(
        words, env=armed.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as top:

        def frame():
            return calls_of(json.loads(top.stdout.readline()), "in_main")

        try:
            assert frame() == 42
            check_exact(owners[0].finish(), 30)
            wait_for(lambda: frame() == 12, "the frame of one of them")
            check_exact(owners[1].finish(), 12)
            _, err = top.communicate(timeout=LIMIT_S)
            assert top.returncode == 0 and err.count("has ended") == 2, err
        finally:
            top.kill()
    # Where nobody follows one of them there is nothing to look on at.
    owner = Report(armed, tmp_path)
    done = ulma(armed, "report", armed.pid, other.pid, "-d", "1")
    assert done.status == 1 and b"is followed already" in done.err, done.told()
    check_exact(owner.finish(), 0)


@pytest.mark.newest_python
def test_formats(armed, tmp_path):
    owner = Report(armed, tmp_path)
    assert armed.ask("calls 100") == "done"
    wait_for(lambda: has_counted(armed, 100), "all calls are counted")
    for name in ("table", "pstats", "collapsed", "flamegraph", "html"):
        file = tmp_path / name
        done = ulma(armed, "report", armed.pid, "-f", name, "-o", file)
        assert done.status == 0, done.told()
        assert b"serve" in file.read_bytes()
    check_exact(owner.finish(), 100)


@pytest.mark.newest_python
def test_two_at_once_and_top(armed, tmp_path):
    owner = Report(armed, tmp_path)
    assert armed.ask("calls 300") == "done"
    words = ["top", str(armed.pid), "-b", "-f", "json", "-i", "0.1", "--count", "10", "-n", "0"]
    tops = [
        subprocess.Popen([ULMA, *words], env=armed.env, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for top in tops:
        out, _ = top.communicate(timeout=LIMIT_S)
        frames = [json.loads(line) for line in out.splitlines()]
        assert top.returncode == 0 and len(frames) == 10
        counts = [calls_of(frame, "in_main") for frame in frames]
        assert counts == sorted(counts) and counts[-1] == 300
    done = ulma(armed, "top", armed.pid, "--once")
    assert done.status == 0 and b"%self" in done.out and b"in_main" in done.out, done.told()
    check_exact(owner.finish(), 300)
    armed.end()


def test_a_program_of_top_is_joined(armed, tmp_path):
    """Whoever owns it: `top` hands over its numbers, too, and `-d` ends the looking on."""
    words = [ULMA, "top", str(armed.pid), "-b", "-i", "0.1"]
    with subprocess.Popen(
        words, env=armed.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as top:
        top.stdout.readline()
        assert armed.ask("calls 40") == "done"
        told, said = look(armed, "-d", "0.3")
        assert calls_of(told, "in_main") == 40 and f"PID {top.pid} of the user" in said
        top.send_signal(signal.SIGINT)
        _, err = top.communicate(timeout=LIMIT_S)
        assert b"runs on, armed and off" in err
    armed.end()


def test_record_is_refused(armed, tmp_path):
    owner = Report(armed, tmp_path)
    done = ulma(armed, "record", armed.pid, "-o", tmp_path / "second.ulma")
    assert done.status == 1 and not (tmp_path / "second.ulma").exists()
    assert f"followed already, by PID {owner.ulma.pid} of the user" in done.err.decode()
    assert b"ulma report" in done.err
    done = ulma(armed, "report", armed.pid, "-f", "chrome", "-o", tmp_path / "a.json")
    assert done.status == 1 and b"a timeline begins when its recording does" in done.err
    assert armed.ask("calls 5") == "done"
    check_exact(owner.finish(), 5)


def test_of_a_recording(armed, tmp_path):
    file = tmp_path / "a.ulma"
    words = [ULMA, "record", str(armed.pid), "-o", str(file)]
    with subprocess.Popen(words, env=armed.env, stderr=subprocess.PIPE) as owner:
        wait_for(lambda: armed.ask("hooks") != "[]", "the recording is on")
        assert armed.ask("calls 60") == "done"
        wait_for(lambda: calls_of(look(armed)[0], "in_main") == 60, "all calls are counted")
        assert {row["pid"] for row in look(armed)[0]["functions"]} == {armed.pid}
        done = ulma(armed, "record", armed.pid, "-o", tmp_path / "b.ulma")
        assert done.status == 1 and f"followed already, by PID {owner.pid}".encode() in done.err
        owner.send_signal(signal.SIGINT)
        owner.communicate(timeout=LIMIT_S)
    done = ulma(armed, "report", file, "-f", "json")
    assert calls_of(json.loads(done.out), "in_main") == 60
    armed.end()


@pytest.mark.parametrize("number", (signal.SIGKILL, signal.SIGINT))
def test_the_owner_ends(armed, tmp_path, number):
    owner = Report(armed, tmp_path)
    words = [ULMA, "top", str(armed.pid), "-b", "-i", "0.1"]
    with subprocess.Popen(
        words, env=armed.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as top:
        assert top.stdout.readline()
        owner.ulma.send_signal(number)
        owner.ulma.communicate(timeout=LIMIT_S)
        _, err = top.communicate(timeout=LIMIT_S)
        assert top.returncode == 0
        assert f"PID {owner.ulma.pid} of the user".encode() in err and b"has ended" in err
    wait_for(lambda: armed.ask("hooks") == "[]", "off")
    assert ulma(armed, "ps", "--dir", armed.env["ULMA_DIR"]).status == 0
    assert views(armed) == []
    armed.end()


@pytest.mark.newest_python
def test_a_stopped_owner_is_told(armed, tmp_path):
    owner = Report(armed, tmp_path)
    owner.ulma.send_signal(signal.SIGSTOP)
    try:
        _, said = look(armed, status=1)
        assert "has not answered for 10 s" in said and "was not touched" in said
    finally:
        owner.ulma.send_signal(signal.SIGCONT)
    assert armed.ask("alone 7") == "done"
    assert calls_of(owner.finish(), "in_main") == 7


DAMAGED = "is damaged, and nothing of it is shown"


def answer_in_its_place(armed, page, text, content):
    """Plays the owner, which is stopped: hands CONTENT over, None: nothing."""
    (number,) = struct.unpack_from("I", page, text - 4)
    words = [ULMA, "report", str(armed.pid), "-f", "json"]
    joiner = subprocess.Popen(
        words, env=armed.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: struct.unpack_from("I", page, text - 4)[0] != number, "the question")
    (session,) = pathlib.Path(armed.env["ULMA_DIR"]).glob(f"{armed.pid}-{16 * '[0-9a-f]'}")
    if content is not None:
        view = session.with_name(f"view-{session.name}")
        view.write_bytes(content)
    done = text - 4 + 3136  # the next multiple of 64 after the text
    struct.pack_into("I", page, done + 4, 1)
    page[done : done + 4] = struct.pack("I", number + 1)
    out, err = joiner.communicate(timeout=LIMIT_S)
    assert joiner.returncode == 1 and out == "", (out, err)
    return err


@pytest.mark.newest_python
def test_what_a_hostile_owner_hands_over(armed, tmp_path):
    owner = Report(armed, tmp_path)
    look(armed)
    (session,) = pathlib.Path(armed.env["ULMA_DIR"]).glob(f"{armed.pid}-{16 * '[0-9a-f]'}")
    with open(session, "r+b") as file, mmap.mmap(file.fileno(), 8192) as page:
        text = page.find(b"/\nview=0,wall\n")
        assert text % 64 == 4
        owner.ulma.send_signal(signal.SIGSTOP)
        try:
            for content in (b"", b"\0" * 5000, os.urandom(100000)):
                assert DAMAGED in answer_in_its_place(armed, page, text, content)
            other = b"ulmashot" + b"\xff" * 5000
            assert "of another version" in answer_in_its_place(armed, page, text, other)
            assert "No such file" in answer_in_its_place(armed, page, text, None)
        finally:
            owner.ulma.send_signal(signal.SIGCONT)
    assert views(armed) == []
    assert armed.ask("calls 11") == "done"
    check_exact(owner.finish(), 11)


@pytest.mark.newest_python
def test_one_that_dies_while_it_looks_on_leaves_nothing(armed, tmp_path):
    owner = Report(armed, tmp_path)
    for _ in range(10):
        with batch_top(armed) as top:
            assert top.stdout.readline()
            top.kill()
    look(armed)
    assert views(armed) == []
    assert armed.ask("calls 9") == "done"
    check_exact(owner.finish(), 9)
    armed.end()
    assert session_files(armed.env["ULMA_DIR"]) == []
