# SPDX-License-Identifier: MIT
"""The source `io`: every call of the C library that moves bytes or waits."""

import collections
import contextlib
import http.server
import json
import os
import re
import shutil
import sqlite3
import subprocess
import threading

import harness
import pytest
from harness import report_of, run_ulma

TARGET = harness.TARGETS / "io_calls.py"
PROGRAMS = harness.TARGETS / "io_programs.py"


def sums(rows):
    found = collections.defaultdict(lambda: [0, 0, 0])
    for row in rows:
        for i, key in enumerate(("calls", "bytes", "errors")):
            found[row["operation"]][i] += row[key]
    return dict(found)


def of_program(report):
    """What was done to files in its folder and to its sockets, but for making and naming these."""
    return [
        row
        for row in report["io"]
        if row["file"] == str(TARGET)
        and row["operation"] not in ("socket", "bind", "poll", "connect")
    ]


def check_counts(report, told):
    found = sums(of_program(report))
    for operation in (
        "write",
        "read",
        "pread",
        "pwrite",
        "readv",
        "writev",
        "send",
        "recv",
        "fsync",
    ):
        expected = told["counted"][operation]
        assert found[operation] == expected, (operation, found[operation], expected)
    assert found["open"][0] == told["counted"]["open"][0]
    assert found["open"][2] == told["counted"]["open"][2] == 7


def test_calls_bytes_and_errors_are_those_the_program_counts(python, tmp_path):
    done = run_ulma(python, TARGET, str(tmp_path), options=["-e", "io"])
    report, told = report_of(done), json.loads(done.out)
    assert [row["name"] for row in report["sources"]] == ["calls", "io"]
    assert report["events"]["lost"] == 0
    check_counts(report, told)
    writes = [row for row in report["io"] if row["function"] == "write_small"]
    by_operation = {row["operation"]: row for row in writes}
    assert set(by_operation) == {"open", "write", "fsync", "close"}
    assert {row["resource"] for row in writes} == {told["path"]}
    assert by_operation["write"]["calls"] == 3000
    # The line is the one that runs, not the function's first one.
    lines = TARGET.read_text().splitlines()
    for operation, row in by_operation.items():
        assert f"os.{operation}(" in lines[row["line"] - 1], row
    (failed,) = (row for row in report["io"] if row["function"] == "fail")
    assert failed["resource"] == str(tmp_path / "missing") and failed["errors"] == 7
    for row in report["io"]:
        assert 0 <= row["p99_ns"] <= row["max_ns"] <= row["blocked_ns"], row
    # Both ends of a socket are called by where the server is.
    sockets = {row["resource"] for row in report["io"] if row["operation"] in ("send", "recv")}
    assert len(sockets) == 1 and re.fullmatch(r"127\.0\.0\.1:\d+", sockets.pop())
    # What it waited for is no more than it measured around the call, and no less than it asked for.
    (slept,) = (row for row in report["io"] if row["function"] == "pause")
    assert slept["resource"] is None
    assert 0.95 * 0.05e9 <= slept["blocked_ns"] <= told["measured"]["sleep"] * 1.01e9


# --- strace -------------------------------------------------------------------------------------

# What the kernel calls them.
KERNEL = {
    "open": "openat",
    "pread": "pread64",
    "pwrite": "pwrite64",
    "send": "sendto",
    "recv": "recvfrom",
}
COMPARED = [
    "openat",
    "read",
    "write",
    "pread64",
    "pwrite64",
    "sendto",
    "recvfrom",
    "close",
    "fdatasync",
    "fsync",
]
LINE = re.compile(r"(\w+)\((.*)\)\s+= (-?\d+)")


def strace_sums(folder, pid, wanted):
    """Of one process, {call: [calls, bytes, errors]}; `wanted` looks at the arguments, which name
    descriptors, and at the rest of the line."""
    found = collections.defaultdict(lambda: [0, 0, 0])
    for line in (folder / f"trace.{pid}").read_text(errors="replace").splitlines():
        match = LINE.match(line)
        if not match or not wanted(line) or match[1] not in COMPARED:
            continue
        row, result = found[match[1]], int(match[3])
        row[0] += 1
        row[2] += result < 0
        if result > 0 and match[1] not in ("openat", "close"):
            row[1] += result
    return dict(found)


def run_straced(python, folder, words):
    """The program under strace and ulma at once: both see the same calls."""
    output = folder / "report.json"
    options = ["-q", "-e", "io", "-f", "json", "-o", output]
    trace = ["strace", "-ff", "-y", "-qq", "-s", "0", "-e", "signal=none"]
    trace += ["-e", "trace=" + ",".join(COMPARED), "-o", folder / "trace"]
    done = harness.run([*trace, *harness.ulma_words(python, options, [PROGRAMS, *words])])
    assert done.status == 0, done.told()
    return json.loads(output.read_text())


def ulma_sums(rows):
    found = collections.defaultdict(lambda: [0, 0, 0])
    for operation, row in sums(rows).items():
        name = KERNEL.get(operation, operation)
        if name in COMPARED:
            found[name] = [a + b for a, b in zip(found[name], row)]
    return dict(found)


def needs_strace():
    assert shutil.which("strace"), "strace is not installed (tools/packages.txt)"


@pytest.mark.some_pythons
@pytest.mark.parametrize("program", ["database", "log", "archive"])
def test_files_are_what_strace_says(python, tmp_path, program):
    """SQLite calls the C library through a table of pointers of its own."""
    needs_strace()
    data, told = tmp_path / "data", tmp_path / "told"
    data.mkdir()
    told.mkdir()
    report = run_straced(python, told, [program, str(data)])
    rows = [row for row in report["io"] if (row["resource"] or "").startswith(f"{data}/")]
    seen = strace_sums(told, report["target"]["pid"], lambda line: f"{data}/" in line)
    assert ulma_sums(rows) == seen
    assert sum(row[1] for row in seen.values()) > 5000


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"0123456789" * 30000
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


@pytest.mark.some_pythons
def test_a_download_is_what_strace_says(python, tmp_path):
    needs_strace()
    data, told = tmp_path / "data", tmp_path / "told"
    data.mkdir()
    told.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        report = run_straced(python, told, ["download", str(data), f"http://{address}/file"])
        server.shutdown()
    rows = [row for row in report["io"] if row["resource"] in (address, f"{data}/got")]
    seen = strace_sums(
        told,
        report["target"]["pid"],
        lambda line: f"{data}/" in line or "<socket:" in line or "TCP" in line,
    )
    found = ulma_sums(rows)
    for call in ("sendto", "recvfrom", "write", "openat"):
        assert found[call] == seen[call], call
    assert found["recvfrom"][1] > 300000 and found["write"][1] == 300000


WAITING = """
import os, select, socket, threading, time

def feed(end, pipe):
    time.sleep(0.4)
    end.send(b'x')
    time.sleep(0.4)
    os.write(pipe, b'x')

one, other = socket.socketpair()
reading, writing = os.pipe()
thread = threading.Thread(target=feed, args=(one, writing))
thread.start()
other.recv(1)
os.read(reading, 1)
select.select([reading], [], [], 0.5)
poll = select.epoll()
poll.register(reading)
poll.poll(0.5)
thread.join()
"""
# By the kernel's names: an interpreter may wait in the one or the other.
LONG = {
    "recvfrom": {"recv"},
    "read": {"read"},
    "select": {"select"},
    "epoll_wait": {"epoll_wait"},
    "clock_nanosleep": {"clock_nanosleep"},
}


def strace_times(folder, threads):
    """{call: seconds} of the calls that took a tenth of one or more."""
    found = collections.defaultdict(float)
    for file in (folder / f"trace.{thread}" for thread in threads):
        for line in file.read_text(errors="replace").splitlines():
            match = re.match(r"(\w+)\(.*<([0-9.]+)>$", line)
            if match and float(match[2]) >= 0.1:
                found[match[1].replace("pselect6", "select")] += float(match[2])
    return found


@pytest.mark.torture
def test_times_are_what_strace_says(python, tmp_path):
    """Within 5 %; where a call waits long enough for strace's own stops not to count."""
    needs_strace()
    output = tmp_path / "report.json"
    options = ["-q", "-e", "io", "-f", "json", "-o", output]
    trace = ["strace", "-ff", "-T", "-qq", "-s", "0", "-e", "signal=none", "-o", tmp_path / "trace"]
    words = harness.ulma_words(python, options, ["-c", WAITING])
    done = harness.run([*trace, "-e", "trace=recvfrom,read,select,pselect6,epoll_wait", *words])
    assert done.status == 0, done.told()
    report = json.loads(output.read_text())
    seen = strace_times(tmp_path, [row["tid"] for row in report["threads"]])
    assert {"recvfrom", "read", "select", "epoll_wait"} <= set(seen)
    for call, seconds in seen.items():
        rows = [row for row in report["io"] if row["operation"] in LONG[call]]
        blocked = sum(row["max_ns"] for row in rows if row["max_ns"] >= 1e8) / 1e9
        assert abs(blocked - seconds) <= 0.05 * seconds, (call, blocked, seconds)


# --- where it does not belong -------------------------------------------------------------------

CHILDREN = """
import os, subprocess, sys

def work(folder, name, count):
    fd = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CREAT)
    for _ in range(count):
        os.write(fd, b'12345')
    os.close(fd)

folder = sys.argv[1]
for i in range(20):
    subprocess.run(['true'], close_fds=True, check=True)
    work(folder, 'parent', 10)
child = os.fork()
if child == 0:
    work(folder, 'child', 300)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
work(folder, 'after', 7)
"""


@pytest.mark.some_pythons
def test_children_are_told_apart(python, tmp_path):
    """A vfork's child runs in its parent's memory and is nobody's; a fork's has its own session."""
    report = report_of(run_ulma(python, "-c", CHILDREN, str(tmp_path), options=["-e", "io"]))
    writes = {
        os.path.basename(row["resource"]): (row["calls"], row["bytes"])
        for row in report["io"]
        if row["operation"] == "write" and row["function"] == "work"
    }
    assert writes == {"parent": (200, 1000), "child": (300, 1500), "after": (7, 35)}
    assert not [row for row in report["io"] if row["resource"] == "(other)"]
    opened = sums(row for row in report["io"] if row["function"] == "work")["open"]
    assert opened[0] == 22


# --- off ----------------------------------------------------------------------------------------

TABLES = """
import ctypes, json, os, sys, threading, zlib

class Header(ctypes.Structure):
    _fields_ = [('type', ctypes.c_uint32), ('flags', ctypes.c_uint32)] + [
        (name, ctypes.c_uint64)
        for name in ('offset', 'address', 'physical', 'file_size', 'size', 'align')]

class Info(ctypes.Structure):
    _fields_ = [('base', ctypes.c_uint64), ('name', ctypes.c_char_p),
                ('headers', ctypes.POINTER(Header)), ('count', ctypes.c_uint16)]

CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(Info), ctypes.c_size_t, ctypes.c_void_p)

def word(address):
    return ctypes.c_uint64.from_address(address).value

def words_of(info):
    sections = {}
    for i in range(info.count):
        if info.headers[i].type == 2:
            at = info.base + info.headers[i].address
            while word(at):
                sections[word(at)] = word(at + 8)
                at += 16
    found = []
    for table, size in ((7, 8), (23, 2)):
        if table not in sections:
            continue
        at = sections[table] if sections[table] >= info.base else info.base + sections[table]
        symbols = sections[6] if sections[6] >= info.base else info.base + sections[6]
        for entry in range(at, at + sections[size], 24):
            symbol = word(entry + 8) >> 32
            # Of other objects' symbols: what an object has of its own, it may change.
            if symbol and not word(symbols + 24 * symbol) >> 48:
                found.append(word(info.base + word(entry)))
    return found

def tables():
    seen = {}
    def look(info, size, context):
        name = (info.contents.name or b'').decode()
        if 'vdso' not in name and 'ulma' not in name:
            seen[name] = words_of(info.contents)
        return 0
    ctypes.CDLL(None).dl_iterate_phdr(CALLBACK(look), None)
    return seen

total = [0]
def work(folder):
    fd = os.open(os.path.join(folder, 'out'), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for _ in range(100):
        os.write(fd, b'x' * 10)
    os.close(fd)

def load(folder):
    while True:
        work(folder)

first = tables()
for _ in range(int(sys.argv[2])):
    threading.Thread(target=load, args=(sys.argv[1],), daemon=True).start()
print(json.dumps(first), flush=True)
for line in sys.stdin:
    if line == 'sqlite3\\n':
        import sqlite3
    print(json.dumps(tables()), flush=True)
os._exit(0)
"""


class Asked:
    """TABLES, which says what stands in its tables."""

    def __init__(self, python, folder, session_dir, threads):
        script = folder / "tables.py"
        script.write_text(TABLES)
        # All is bound at the start: what is bound later changes by itself.
        self.env = harness.environment(session_dir, LD_BIND_NOW="1")
        self.process = subprocess.Popen(
            [python.path, script, folder, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self.env,
        )
        self.first = json.loads(self.process.stdout.readline())

    def ask(self, word="now"):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def report(self, *options):
        words = [harness.ULMA, "report", "-q", "-f", "json", *options, str(self.process.pid)]
        return harness.run(words, env=self.env)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()


@pytest.mark.some_pythons
def test_off_every_table_is_as_it_was(python, session_dir, tmp_path):
    """While it is on an object that is loaded then is heard, too. `waits` has io's and its own."""
    with Asked(python, tmp_path, session_dir, 1) as asked:
        follower = subprocess.Popen(
            [
                harness.ULMA,
                "top",
                "-b",
                "-f",
                "json",
                "-i",
                "0.1",
                "-e",
                "waits",
                str(asked.process.pid),
            ],
            stdout=subprocess.PIPE,
            text=True,
            env=asked.env,
        )
        for line in follower.stdout:
            if any(row["calls"] for row in json.loads(line).get("io", [])):
                break
        during = asked.ask("sqlite3")
        follower.terminate()
        follower.communicate(timeout=harness.LIMIT_S)
        after = asked.ask()
        changed = {name for name in asked.first if asked.first[name] != during[name]}
        assert changed, "nothing was changed while it was on"
        assert any("sqlite3" in name and during[name] != after[name] for name in during)
        for name, words in asked.first.items():
            assert words == after[name], name


def switch(python, session_dir, tmp_path, times):
    """On and off while threads write without the GIL: none is lost in the session's end."""
    with Asked(python, tmp_path, session_dir, 3) as asked:
        calls = 0
        for _ in range(times):
            done = asked.report("-e", "waits", "--exact", "-d", "0.05")
            assert done.status == 0, done.told()
            for row in json.loads(done.out)["io"]:
                if row["operation"] == "write" and row["function"] == "work":
                    assert row["bytes"] == 10 * row["calls"] and not row["errors"], row
                    calls += row["calls"]
        assert calls > 0
        after = asked.ask()
        for name, words in asked.first.items():
            assert words == after[name], name
        assert asked.process.poll() is None


@pytest.mark.some_pythons
def test_it_goes_on_and_off_under_load(python, session_dir, tmp_path):
    switch(python, session_dir, tmp_path, 5)


@pytest.mark.torture
def test_it_goes_on_and_off_under_load_often(python, session_dir, tmp_path):
    switch(python, session_dir, tmp_path, 1000)


# --- shown and kept -----------------------------------------------------------------------------

SMALL = """
import os, sys

def compute(n):
    return sum(i * i for i in range(n))

def chatter(path):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    for i in range(100000):
        os.write(fd, b'a few bytes')
        if i % 1000 == 0:
            compute(1000)
    os.close(fd)

def other(path):
    with open(path, 'wb') as file:
        for _ in range(20):
            file.write(b'x' * 100000)

chatter(os.path.join(sys.argv[1], 'small'))
other(os.path.join(sys.argv[1], 'large'))
"""


@pytest.mark.some_pythons
def test_many_small_writes_stand_first(python, tmp_path):
    output = tmp_path / "report.txt"
    script = tmp_path / "small.py"
    script.write_text(SMALL)
    words = harness.ulma_words(python, ["-q", "-e", "io", "-o", output], [script, tmp_path])
    assert harness.run(words).status == 0
    lines = output.read_text().splitlines()
    (at,) = (i for i, line in enumerate(lines) if line.startswith("I/O: "))
    assert lines[at + 1].split()[:3] == ["%time", "calls", "bytes"]
    share, calls, moved, mean = lines[at + 2].split()[:4]
    assert (calls, moved, mean) == ("100,000", "1,100,000", "11") and float(share) > 5
    assert "chatter" in lines[at + 2] and "/small" in lines[at + 2] and " write " in lines[at + 2]


@pytest.mark.some_pythons
def test_a_recording_keeps_them(python, session_dir, tmp_path):
    file = tmp_path / "a.ulma"
    env = harness.environment(session_dir)
    words = [harness.ULMA, "record", "-q", "-e", "io", "-o", file, "--python", python.path]
    done = harness.run([*words, TARGET, tmp_path], env=env)
    assert done.status == 0, done.told()
    report = json.loads(harness.run([harness.ULMA, "report", "-f", "json", file]).out)
    check_counts(report, json.loads(done.out))
    redacted = tmp_path / "b.ulma"
    words = [harness.ULMA, "record", "-q", "-e", "io", "--redact", "-o", redacted]
    done = harness.run([*words, "--python", python.path, TARGET, tmp_path], env=env)
    assert done.status == 0, done.told()
    assert b"lines.txt" not in redacted.read_bytes()


BEFORE = """CREATE TABLE io(position INTEGER PRIMARY KEY, operation TEXT, resource TEXT, \
function INTEGER, calls INTEGER, bytes INTEGER, errors INTEGER, blocked_ns INTEGER, \
p99_ns INTEGER, max_ns INTEGER)"""


@pytest.mark.newest_python
def test_a_recording_of_before_lines_were_kept(python, session_dir, tmp_path):
    file = tmp_path / "a.ulma"
    env = harness.environment(session_dir)
    words = [harness.ULMA, "record", "-q", "-e", "io", "-o", file, "--python", python.path]
    done = harness.run([*words, TARGET, tmp_path], env=env)
    assert done.status == 0, done.told()
    report = [harness.ULMA, "report", "-f", "json", file]
    now = json.loads(harness.run(report).out)["io"]
    with contextlib.closing(sqlite3.connect(file)) as database:
        rows = database.execute("SELECT * FROM io").fetchall()
        database.execute("DROP TABLE io")
        database.execute(BEFORE)
        places = ", ".join("?" * 10)
        database.executemany(f"INSERT INTO io VALUES ({places})", [row[:10] for row in rows])
        database.commit()
    before = json.loads(harness.run(report).out)["io"]
    assert [row["line"] for row in before] != [row["line"] for row in now]  # functions' own now
    for row in [*now, *before]:
        del row["line"]
    assert before == now
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("DROP TABLE io")
        database.execute(BEFORE.replace("max_ns INTEGER", "max_ns INTEGER AS (calls)"))
        database.commit()
    refused = harness.run(report)
    assert refused.status == 1 and b"its table io is not ulma's" in refused.err


@pytest.mark.some_pythons
def test_without_the_source_the_list_is_absent(python):
    assert "io" not in report_of(run_ulma(python, "-c", "print(1)"))
