# SPDX-License-Identifier: MIT
"""Recordings: what a program did, written as it went, and read where it never ran."""

import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

import harness
import pytest
from harness import LIMIT_S, TARGETS, ULMA, environment, run

NAMES = """
def call(name):
    scope = {}
    exec(compile("def f(): pass", "names.py", "exec"), scope)
    f = scope["f"]
    f.__code__ = f.__code__.replace(co_name=name)
    f()

for name in ('it\\'s "quoted"', "new\\nline", "nul\\0byte", "</script>", "\\udc80", "caf\\xe9"):
    call(name)
for letter in ("x", "\\U0001f40d", "\\udc80", "\\0"):
    call(letter * 10000)
"""

# Phases of a second and a half, and two threads by name.
PHASES = """
import sys, threading, time

def first():
    pass

def second():
    pass

def shared():
    pass

def phase(work, until):
    while time.monotonic() < until:
        work()
        shared()

start = time.monotonic()
threads = [threading.Thread(target=phase, args=(first, start + 2.2), name="one"),
           threading.Thread(target=phase, args=(second, start + 4.4), name="two")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def record(folder, *target, python=None, options=(), env=None, status=0):
    """A recording of TARGET, and what was said."""
    file = folder / "a.ulma"
    chosen = ["--python", python.path] if python else []
    done = run([ULMA, "record", "-o", file, "--force", *chosen, *options, *target], env=env)
    assert done.status == status, done.told()
    return file, done


def report(file, *options, status=0):
    done = run([ULMA, "report", file, "-f", "json", *options])
    assert done.status == status, done.told()
    return json.loads(done.out) if status == 0 else done


def calls_of(rows):
    """Calls by name, of the functions of a target's own file."""
    return {row["name"]: row["calls"] + row["resumes"] for row in rows["functions"]}


def window_ns(rows):
    return round(rows["window"]["from"] * 1e9), round(rows["window"]["to"] * 1e9)


def add_columns(sums, rows):
    """By file, line and name, which several rows may have."""
    for row in rows["functions"]:
        total = sums.setdefault(harness.key_of(row), [0, 0, 0, 0])
        for i, column in enumerate(("calls", "primitive_calls", "self_ns", "total_ns")):
            total[i] += row[column]


def names_left(folder):
    return sorted(path.name for path in folder.iterdir())


def is_sound(file):
    with contextlib.closing(sqlite3.connect(file)) as database:
        return database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


@pytest.fixture
def env(session_dir):
    return environment(session_dir)


def test_counts_are_the_programs_own(python, env, tmp_path):
    own = tmp_path / "own.json"
    file, done = record(tmp_path, TARGETS / "threads.py", own, python=python, env=env)
    assert b"read it with: ulma report" in done.err
    told = harness.counts_of(report(file))
    for name, line, function, calls, primitive in json.loads(own.read_text()):
        assert told[(name, line, function)] == (calls, primitive)
    assert names_left(tmp_path) == ["a.ulma", "own.json"]
    assert is_sound(file)


@pytest.mark.some_pythons
def test_slices_of_time_and_threads(python, env, tmp_path):
    file, _ = record(tmp_path, "-c", PHASES, python=python, env=env)
    whole = report(file)
    duration_ns = whole["target"]["duration_ns"]
    assert window_ns(whole) == (0, duration_ns)
    sums: dict[harness.Key, list[int]] = {}
    at = 0
    while at < duration_ns:
        # Slices are widened to whole windows: the next begins where this one ended.
        part = report(file, "--from", f"{at / 1e9:.9f}", "--to", f"{(at + 1.5e9) / 1e9:.9f}")
        begin, at_next = window_ns(part)
        assert begin == at
        at = at_next
        add_columns(sums, part)
    expected: dict[harness.Key, list[int]] = {}
    add_columns(expected, whole)
    assert sums == expected
    late = calls_of(report(file, "--from", "3.2"))
    assert "first" not in late and late["second"] > 0
    one, two = (report(file, "--thread", name) for name in ("one", "two"))
    assert "second" not in calls_of(one) and "first" not in calls_of(two)
    assert calls_of(one)["shared"] + calls_of(two)["shared"] == calls_of(whole)["shared"]
    assert [row["name"] for row in one["threads"]] == ["one"]
    (first,) = (row for row in one["functions"] if row["name"] == "first")
    (same,) = (row for row in whole["functions"] if row["name"] == "first")
    assert first == same  # nobody else called it: percentiles and all
    assert b"no thread `three` in it" in report(file, "--thread", "three", status=1).err


def test_processes_are_told_apart_when_it_is_read(env, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    python = harness.pythons()[-1]
    target = [TARGETS / "family.py", folder, "fork", "3"]
    file, _ = record(tmp_path, *target, python=python, env=env)
    told = [list(map(int, path.read_text().split())) for path in folder.iterdir()]
    summed, apart = report(file), report(file, "--by", "process")
    (work,) = (row for row in summed["functions"] if row["name"] == "work")
    works = [row for row in apart["functions"] if row["name"] == "work"]
    assert work["calls"] == sum(row["calls"] for row in works) == sum(pair[0] for pair in told)
    assert len({row["pid"] for row in works}) == len(works) > 1
    assert work["self_ns"] == sum(row["self_ns"] for row in works)


def test_any_name_survives(env, tmp_path):
    newest = harness.pythons()[-1]
    file, _ = record(tmp_path, "-c", NAMES, options=["--trace"], python=newest, env=env)
    names = {row["name"] for row in report(file)["functions"]}
    played = run([ULMA, "replay", "-b", "-f", "json", "-n", "0", "--speed", "max", file])
    assert names == {row["name"] for row in json.loads(played.out)["functions"]}, played.err
    live = harness.run_ulma(harness.pythons()[-1], "-c", NAMES).report
    assert names == {row["name"] for row in live["functions"]}
    assert {"x" * 10000, "\N{SNAKE}" * 10000, "\\x00" * 10000} < names
    assert any(name.count("udc80") == 10000 for name in names)
    assert "</script>" in names and "new\nline" in names


MANY_NAMES = """
kept = []
for number in range(600):
    scope = {}
    exec(compile("def f(): pass", "names.py", "exec"), scope)
    f = scope["f"]
    f.__code__ = f.__code__.replace(co_name=("%03d" % number) + "x" * 9997)
    kept.append(f)
    f()
"""


def test_long_names_do_not_take_the_room_of_functions(env, tmp_path):
    live = harness.run_ulma(harness.pythons()[-1], "-c", MANY_NAMES, env=env).report
    sizes = [len(row["name"]) for row in sorted(live["functions"], key=lambda row: row["name"])]
    sizes = [size for size in sizes if size > 1000]
    assert len(sizes) == 600 and sizes[0] == 10000 and min(sizes) == 2048
    assert "(other)" not in {row["name"] for row in live["functions"]}
    assert all(source["complete"] for source in live["sources"])


def test_every_format_of_a_recording_is_made(env, tmp_path):
    target = [TARGETS / "in_phases.py", "a=3"]
    file, _ = record(tmp_path, *target, options=["--trace"], env=env, status=0)
    for line in run([ULMA, "export", "--list"]).out.decode().splitlines():
        out = tmp_path / f"out.{line.split()[0]}"
        done = run([ULMA, "report", file, "-f", line.split()[0], "-o", out])
        if b"holds no trace" in done.err:  # timelines are of single events: test_traces.py
            continue
        assert done.status == 0, done.told()
        assert out.stat().st_size > 0


def test_without_a_trace_no_timeline_and_no_file(env, tmp_path):
    file, _ = record(tmp_path, "-c", "pass", env=env)
    out = tmp_path / "out.json"
    done = run([ULMA, "export", file, "-f", "chrome", "-o", out])
    assert done.status == 1 and b"holds no trace: `ulma record --trace`" in done.err
    assert not out.exists()


def test_it_travels(env, tmp_path):
    """Opened elsewhere, read-only, without the program, by somebody who knows nothing of it."""
    script = tmp_path / "shop.py"
    script.write_text("def price():\n    return 3\nprice()\n")
    file, _ = record(tmp_path, script, "--token", "hunter2", options=["--with-source"], env=env)
    script.unlink()
    away = tmp_path / "away"
    away.mkdir()
    shutil.move(file, away / "b.ulma")
    (away / "b.ulma").chmod(0o444)
    whole = report(away / "b.ulma")
    assert whole["target"]["command"].endswith("shop.py --token ***")
    assert calls_of(whole)["price"] == 1
    with contextlib.closing(sqlite3.connect(away / "b.ulma")) as database:
        ((text,),) = database.execute("SELECT text FROM files WHERE name=?", [str(script)])
        assert text.startswith("def price()")
    mapped = report(away / "b.ulma", "--map", f"{tmp_path}=/elsewhere")
    assert "/elsewhere/shop.py" in {row["file"] for row in mapped["functions"]}
    assert names_left(away) == ["b.ulma"]


def test_what_is_redacted_is_in_no_byte_of_it(env, tmp_path):
    folder = tmp_path / "acmecorp"
    folder.mkdir()
    script = folder / "shopfront.py"
    script.write_text("def pricing():\n    return 3\nfor _ in range(7): pricing()\n")
    file, _ = record(tmp_path, script, "customer", options=["--redact"], env=env)
    held = file.read_bytes()
    for word in (b"acmecorp", b"shopfront", b"pricing", b"customer"):
        assert word not in held
    assert 7 in {row["calls"] for row in report(file)["functions"]}
    file, _ = record(tmp_path, script, "customer", options=["--no-command"], env=env)
    held = file.read_bytes()
    assert b"customer" not in held and b"pricing" in held


def test_secrets_of_a_process_that_runs(env, session_dir, tmp_path):
    """The kernel parts its words by zero bytes: a secret of two words ends where its word does."""
    script = tmp_path / "waits.py"
    script.write_text("input('ready\\n')")
    words = [sys.executable, script, "--pass", "two words", "--name=it's me"]
    pipe = subprocess.PIPE
    target = subprocess.Popen(words, stdin=pipe, stdout=pipe, env=env)
    try:
        assert target.stdout.readline() == b"ready\n"
        file = tmp_path / "process.ulma"
        done = run([ULMA, "record", "-q", "-d", "0.1", "-o", file, str(target.pid)], env=env)
        assert done.status == 0, done.told()
    finally:
        target.kill()
        target.communicate()
    assert b"two words" not in file.read_bytes() and b"words'" not in file.read_bytes()
    command = report(file)["target"]["command"]
    assert command.endswith("waits.py --pass '***' '--name=it'\\''s me'"), command


def test_stdout_is_no_file_that_grows(env, tmp_path):
    done = run([ULMA, "record", "-o", "-", "-c", "pass"], env=env, cwd=tmp_path)
    assert done.status == 125 and b"name a file with -o" in done.err, done.told()
    assert not list(tmp_path.iterdir())


def test_default_name(env, tmp_path):
    done = run([ULMA, "record", "-c", "pass"], env=env, cwd=tmp_path)
    assert done.status == 0
    (name,) = names_left(tmp_path)
    words = name.split("-")
    assert (words[0], words[1]) == ("ulma", "code") and words[2].isdigit()
    assert len(words[3]) == len("YYYYMMDDTHHMMSS.ulma")
    again = run([ULMA, "record", "-o", name, "-c", "pass"], env=env, cwd=tmp_path)
    assert again.status == 125 and b"exists: --force overwrites it" in again.err


@contextlib.contextmanager
def started(words, **more):
    process = subprocess.Popen(
        [str(word) for word in words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        **more,
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


ENDLESS = "def f(): pass\nwhile True: f()"


def windows_of(file):
    """How many windows are in it; 0 while it is being made."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            ((count,),) = database.execute("SELECT count(*) FROM windows WHERE level=0")
            return count
    except sqlite3.OperationalError:
        return 0


def wait_for_windows(file, count):
    end = time.monotonic() + LIMIT_S
    while windows_of(file) < count:
        assert time.monotonic() < end, f"waited for {count} windows of {file}"
        time.sleep(0.02)


def child_of(pid):
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if children:
            return int(children[0])
        time.sleep(0.001)
    raise AssertionError("ulma started no target")


def test_it_is_read_while_it_is_written(env, tmp_path):
    file = tmp_path / "a.ulma"
    with started([ULMA, "record", "-o", file, "-c", ENDLESS], env=env) as ulma:
        wait_for_windows(file, 1)
        early = calls_of(report(file))["f"]
        wait_for_windows(file, 3)
        assert calls_of(report(file))["f"] > early > 0
        target = child_of(ulma.pid)
        os.kill(target, signal.SIGKILL)
        ulma.communicate(timeout=LIMIT_S)
    assert report(file)["target"]["signal"] == signal.SIGKILL
    assert names_left(tmp_path) == ["a.ulma"]


def test_interrupt_ends_it_whole(env, tmp_path):
    file = tmp_path / "a.ulma"
    with started([ULMA, "record", "-o", file, "-c", ENDLESS], env=env) as ulma:
        wait_for_windows(file, 1)
        os.killpg(ulma.pid, signal.SIGINT)
        _, err = ulma.communicate(timeout=LIMIT_S)
    assert b"wrote" in err, err
    assert is_sound(file) and names_left(tmp_path) == ["a.ulma"]


def test_duration_ends_the_recording_and_not_the_program(env, tmp_path):
    file = tmp_path / "a.ulma"
    code = (
        "import time\nend = time.monotonic() + 3\nwhile time.monotonic() < end: pass\nprint('done')"
    )
    done = run([ULMA, "record", "-o", file, "-d", "1", "-c", code], env=env)
    assert done.status == 0 and done.out == b"done\n"
    assert 0.9e9 < report(file)["target"]["duration_ns"] < 2.5e9


def kill_and_read(env, folder, delay_s, *options):
    file = folder / "a.ulma"
    for left in folder.glob("a.ulma*"):
        left.unlink()
    with started([ULMA, "record", *options, "-o", file, "-c", ENDLESS], env=env) as ulma:
        wait_for_windows(file, 1)
        target = child_of(ulma.pid)
        began = time.monotonic()
        windows = windows_of(file)
        time.sleep(delay_s)  # the moment of the kill is the input of this test
        lived_s = time.monotonic() - began
        os.kill(ulma.pid, signal.SIGKILL)
        ulma.wait(timeout=LIMIT_S)
        os.kill(target, signal.SIGKILL)
    assert is_sound(file)  # plays back a journal where the kill came within a write
    whole = report(file)
    assert calls_of(whole)["f"] > 0
    # All but the last second, and what a busy machine takes to write one down.
    assert windows_of(file) >= windows + int(lived_s - 2), (windows, lived_s)
    left = names_left(folder)
    # A trace mostly leaves a journal that says nothing, with zeros first (docs/recordings.md).
    if options and "a.ulma-journal" in left:
        assert not any((folder / "a.ulma-journal").read_bytes()[:8])
        left.remove("a.ulma-journal")
    assert left == ["a.ulma"]
    return lived_s


def test_killed_recording_holds_all_up_to_the_last_second(env, tmp_path):
    chosen = random.Random()
    for _ in range(3):
        kill_and_read(env, tmp_path, chosen.random() * 1.5)


@pytest.mark.torture
def test_a_hundred_kills(env, tmp_path):
    chosen = random.Random()
    for _ in range(100):
        kill_and_read(env, tmp_path, chosen.random() * 2.5)


@pytest.mark.torture
def test_a_hundred_kills_of_a_trace(env, tmp_path):
    chosen = random.Random()
    for _ in range(100):
        lived_s = kill_and_read(env, tmp_path, chosen.random() * 2.5, "--trace")
        done = run([ULMA, "replay", "-b", "-f", "json", "--speed", "max", tmp_path / "a.ulma"])
        assert done.status == 0, done.told()
        told = json.loads(done.out)
        assert calls_of(told)["f"] > 0
        assert told["target"]["duration_ns"] >= (lived_s - 2) * 1e9


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_full_disk_ends_the_recording_and_not_the_program(env, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", small], check=True)
    try:
        code = (
            "import time\n"
            "def make(n):\n"
            "    scope = {}\n"
            "    exec('def f%d(x): return x' % n, scope)\n"
            "    return scope['f%d' % n]\n"
            "end = time.monotonic() + 5\n"
            "n = 0\n"
            "while time.monotonic() < end:\n"
            "    n += 1\n"
            "    make(n)(n)\n"
            "    time.sleep(0.0002)\n"
            "print('done')"
        )
        file = small / "a.ulma"
        done = run([ULMA, "record", "-o", file, "-c", code], env=env)
        assert done.status == 0 and done.out == b"done\n"
        assert b"the disk is full; what it held until then is in it" in done.err, done.err
        assert is_sound(file)
        assert report(file)["target"]["duration_ns"] > 0
        assert names_left(small) == ["a.ulma"]
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_process_is_recorded_once(session_dir, tmp_path):
    env = environment(session_dir, PYTHONPATH=str(harness.ROOT / "python"))
    first, second = tmp_path / "a.ulma", tmp_path / "b.ulma"
    words = [harness.pythons()[-1].path, "-c", ENDLESS]
    with started(words, env=env) as program:
        recording = [ULMA, "record", program.pid, "-o"]
        with started([*recording, first], env=env) as ulma:
            wait_for_windows(first, 1)
            done = run([*recording, second], env=env)
            assert done.status == 1
            told = done.err.decode()
            assert f"PID {program.pid} is followed already, by PID {ulma.pid} of the user" in told
            assert "ulma record" in told and "end that one" in told
            assert not second.exists()
            os.kill(ulma.pid, signal.SIGINT)
            _, err = ulma.communicate(timeout=LIMIT_S)
        assert b"runs on" in err and b"wrote" in err, err
        assert program.poll() is None
    assert calls_of(report(first))["f"] > 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"x" * 5000, "no recording of ulma (no SQLite database)"),
        (b"SQLite format 3\0" + b"x" * 80, "no recording of ulma"),
        (b"SQLite format 3\0" + b"x" * 5000, "but no recording of ulma"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path, content, told):
    file = tmp_path / "a.ulma"
    file.write_bytes(content)
    for verb in ("report", "top"):
        done = run([ULMA, verb, file])
        assert done.status == 1
        assert told in done.err.decode() and done.err.count(b"\n") == 1


def test_truncated_anywhere(env, tmp_path):
    file, _ = record(tmp_path, TARGETS / "in_phases.py", "a=3", env=env)
    whole = file.read_bytes()
    cut = tmp_path / "cut.ulma"
    for size in range(0, len(whole), len(whole) // 23):
        cut.write_bytes(whole[:size])
        done = run([ULMA, "report", cut, "-f", "json"])
        assert done.status == 1 and done.err.count(b"\n") == 1, (size, done.told())
    missing = run([ULMA, "report", tmp_path / "none.ulma"])
    assert missing.status == 1 and b"No such file" in missing.err


def test_frames_of_a_recording(env, tmp_path):
    file, _ = record(tmp_path, "-c", PHASES, env=env)
    done = run([ULMA, "top", file, "--once"])
    assert done.status == 0 and b"shared" in done.out, done.told()
    done = run([ULMA, "top", file, "-b", "-f", "json", "--from", "1", "--to", "2"])
    assert done.status == 0
    assert len(done.out.splitlines()) == 1
    assert json.loads(done.out)["functions"]


def report_with_memory(file, *options):
    """The report's rows, and how much memory it took at most, in bytes."""
    done, peak = harness.run_with_peak([ULMA, "report", file, "-f", "json", *options])
    assert done.status == 0, done.told()
    return json.loads(done.out), peak


def made(folder, seconds, *sizes):
    """A recording of so many seconds that nobody waited for."""
    file = folder / "made.ulma"
    done = run([harness.ROOT / "build" / "tests" / "unit" / "make_hour", file, seconds, *sizes])
    assert done.status == 0, done.told()
    return file


def check_made(file, seconds):
    """Its slices, over windows of each length, sum to the whole; in bounded memory."""
    whole, most = report_with_memory(file)
    sums: dict[harness.Key, list[int]] = {}
    cuts = [0, 1, seconds // 2, seconds - 1, seconds]
    for begin, end in zip(cuts, cuts[1:]):
        part, used = report_with_memory(file, "--from", begin, "--to", end)
        assert window_ns(part) == (begin * 10**9, end * 10**9)
        add_columns(sums, part)
        most = max(most, used)
    expected: dict[harness.Key, list[int]] = {}
    add_columns(expected, whole)
    assert sums == expected
    assert most < 300e6


def test_windows_of_minutes_and_seconds_agree(tmp_path):
    check_made(made(tmp_path, 190, 100, 400), 190)


@pytest.mark.torture
def test_an_hour_is_reported_in_little_memory(tmp_path):
    check_made(made(tmp_path, 3600), 3600)
