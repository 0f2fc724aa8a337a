# SPDX-License-Identifier: MIT
"""The flight recorder: what a process did last that nobody watched, by what it wrote itself."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest
from harness import LIMIT_S, ROOT, ULMA, environment, run, session_files

pytestmark = pytest.mark.some_pythons

# Its functions write their own numbers, in the order in which they are called, into a file that is
# mapped: what the kernel has of it after a SIGKILL is the truth.
PROGRAM = """
import ctypes, mmap, os, random, signal, sys, threading, time

def open_log(name):
    with open(name, 'wb') as file:
        file.write(bytes(1 << 20))
    with open(name, 'r+b') as file:
        return mmap.mmap(file.fileno(), 0)

class Steps:
    def __init__(self, name, seed):
        self.log, self.at, self.random = open_log(name), 8, random.Random(seed)
        self.choose = self.random.random

    def note(self, number):
        at = self.at
        self.log[at] = 65 + number
        self.at = 8 + (at - 7) % ((1 << 20) - 8)
        self.log[0:8] = self.at.to_bytes(8, 'little')

for number in range(8):
    exec(f'''
def step_{number}(steps):
    log, at = steps.log, steps.at
    log[at] = 65 + {number}
    steps.at = at = 8 + (at - 7) % ((1 << 20) - 8)
    log[0:8] = at.to_bytes(8, 'little')
''')
ALL = [globals()[f'step_{number}'] for number in range(8)]

def walk(steps, count):
    choose = steps.choose
    for _ in range(count):
        ALL[int(choose() * 8)](steps)

def tiny():
    pass

def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        outer()

def outer():
    for _ in range(1000):
        tiny()

def end(way):
    if way == 'segv':
        ctypes.string_at(0)
    if way == 'kill':
        os.kill(os.getpid(), signal.SIGKILL)
    if way == 'abort':
        os.abort()
    if way == 'exit':
        os._exit(3)
    if way == 'eat':
        eaten = []
        while True:
            eaten.append(bytearray(1 << 20))

def wait():
    print(os.getpid(), flush=True)
    sys.stdin.readline()

def waiting_thread(steps, count, done):
    walk(steps, count)
    done.append(steps)
    time.sleep(3600)

def in_threads(count):
    done = []
    for number in range(2):
        steps = Steps(f'log-{number}', number)
        threading.Thread(target=waiting_thread, args=(steps, count, done),
                         name=f'walker-{number}', daemon=True).start()
    while len(done) < 2:
        time.sleep(0.001)

def in_child(count, way):
    pid = os.fork()
    if pid == 0:
        walk(Steps('log', 5), count)
        end(way)
    os.waitpid(pid, 0)
    print(pid, flush=True)

def for_ever():
    steps = Steps('log', 9)
    print(os.getpid(), flush=True)
    while True:
        walk(steps, 1000)

def serve(requests):
    often = [(lambda: None) for _ in range(40)]
    for number, one in enumerate(often):  # functions of their own
        one.__code__ = one.__code__.replace(co_name=f'often_{number}')
    def request():
        for one in often:
            for _ in range(50):
                one()
        sum(range(10000))
    for _ in range(requests):
        request()

def main():
    what, *words = sys.argv[1:]
    if what == 'walk':
        walk(Steps('log', 1), int(words[0]))
        end(words[1])
    elif what == 'stay':
        wait()
        walk(Steps('log', 1), int(words[0]))
        wait()
        walk(Steps('log', 1), int(words[0]))
        wait()
    elif what == 'threads':
        in_threads(int(words[0]))
        end(words[1])
    elif what == 'child':
        in_child(int(words[0]), words[1])
        wait()
    elif what == 'spin':
        spin(float(words[0]))
        end(words[1])
    elif what == 'serve':
        serve(int(words[0]))
        end(words[1])
    elif what == 'ever':
        for_ever()

main()
"""

CALL = re.compile(r"^ +-\S+ +call step_(\d) ", re.M)


@pytest.fixture(scope="session")
def installed(python, tmp_path_factory):
    """A user's site-packages with what pip puts there: the package, its .pth file, the probe."""
    base = tmp_path_factory.mktemp("user")
    site = base / "lib" / "python{}.{}".format(*python.minor) / "site-packages"
    shutil.copytree(ROOT / "python" / "ulma", site / "ulma")
    shutil.copy(ROOT / "python" / "ulma.pth", site)
    shutil.copy(ROOT / "build" / "src" / "ulma_probe.so", site / "ulma")
    return base


class Pilot:
    """PROGRAM under ULMA=flight in a folder of its own, and what is kept of it."""

    def __init__(self, python, installed, session_dir, folder):
        self.python, self.folder, self.dir = python, folder, session_dir
        self.base = environment(session_dir, PYTHONUSERBASE=str(installed))
        self.started = []
        (folder / "program.py").write_text(PROGRAM)

    def words(self, *words):
        return [self.python.path, "-W", "ignore", "program.py", *map(str, words)]

    def run(self, *words, ulma="flight", **changes):
        env = {**self.base, "ULMA": ulma, **changes}
        return run(self.words(*words), env=env, cwd=self.folder)

    def start(self, *words, ulma="flight", before=(), **changes):
        process = subprocess.Popen(
            [*before, *self.words(*words)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**self.base, "ULMA": ulma, **changes},
            cwd=self.folder,
            text=True,
        )
        self.started.append(process)
        return process

    def log(self, name="log"):
        """The numbers that the program wrote, oldest first."""
        text = (self.folder / name).read_bytes()
        at = int.from_bytes(text[:8], "little")
        return [byte - 65 for byte in (text[at:] + text[8:at]).lstrip(b"\0")]

    def rescue(self, word=None, *words, before=()):
        done = run(
            [*before, ULMA, "rescue", word or self.dir, *words], env=self.base, cwd=self.folder
        )
        assert done.status == 0, done.told()
        return done.out.decode()

    def files(self):
        return [name for name in session_files(self.dir) if name.endswith(".flight")]


@pytest.fixture
def pilot(python, installed, session_dir, tmp_path):
    one = Pilot(python, installed, session_dir, tmp_path)
    yield one
    for process in one.started:
        process.kill()
        process.communicate()


def thread_part(text, name):
    """What a rescue prints of one thread."""
    parts = [part for part in text.split("\nThread ")[1:] if f'"{name}"' in part.split("\n")[0]]
    assert len(parts) == 1, text
    return parts[0]


def check_last(text, log):
    """The last calls that were kept are the last that the program made; it may have been killed
    between a call and its own writing of it."""
    calls = [int(number) for number in CALL.findall(text)]
    assert len(calls) >= 6, text
    assert calls == log[-len(calls) :] or calls[:-1] == log[1 - len(calls) :], (text, log[-20:])


@pytest.mark.parametrize("way", ["segv", "kill", "abort", "exit"])
def test_the_last_calls_before_an_end(pilot, way):
    pilot.run("walk", 500, way)
    (file,) = pilot.files()
    text = pilot.rescue(file)
    assert "it has ended" in text.split("\n")[0]
    check_last(text, pilot.log())
    (recording,) = pilot.folder.glob("ulma-*.ulma")
    report = run([ULMA, "report", "-f", "json", recording], env=pilot.base)
    assert report.status == 0, report.told()
    rows = json.loads(report.out)["functions"]
    assert sum(row["calls"] for row in rows if row["name"].startswith("step_")) == 500
    if way != "exit":  # os._exit's own frames have no Python function
        stack = thread_part(text, "MainThread").split("last calls")[0]
        assert "end (" in stack and "main (" in stack and "<module> (" in stack, text
    assert "\nexact: yes\n" in text
    assert "\nseen: " not in text, text


def test_nothing_is_left_by_a_plain_end(pilot):
    done = pilot.run("walk", 500, "plainly")
    assert (done.status, done.err) == (0, b"")
    assert session_files(pilot.dir) == []


def test_a_process_that_hangs(pilot):
    process = pilot.start("stay", 300)
    pid = process.stdout.readline().strip()
    process.stdin.write("\n")
    process.stdin.flush()
    process.stdout.readline()
    os.kill(process.pid, signal.SIGSTOP)
    text = pilot.rescue(pid)
    os.kill(process.pid, signal.SIGCONT)
    assert "it runs, read at" in text.split("\n")[0]
    log = pilot.log()
    calls = [int(n) for n in CALL.findall(text)]
    assert calls == log[-len(calls) :]
    assert "    wait (" in thread_part(text, "MainThread"), text


def test_each_thread_has_its_own(pilot):
    pilot.run("threads", 3000, "kill")
    text = pilot.rescue()
    for number in range(2):
        part = thread_part(text, f"walker-{number}")
        check_last(part, pilot.log(f"log-{number}"))
        assert "    waiting_thread (" in part.split("last calls")[0], part


def test_a_ring_that_went_round_many_times(pilot):
    pilot.run("walk", 150_000, "kill", ulma="flight,keep=10ms,budget=0")
    text = pilot.rescue()
    check_last(text, pilot.log())
    assert "its beginning" not in thread_part(text, "MainThread")
    assert "walk (" in text and "\nseen: " not in text, text


def test_rescued_while_it_runs_at_full_speed(pilot):
    process = pilot.start("ever", ulma="flight,keep=10ms,budget=0")
    pid = process.stdout.readline().strip()
    while len(CALL.findall(pilot.rescue(pid))) < 6:  # it has told its PID before it begins
        assert process.poll() is None
    for _ in range(15):
        text = pilot.rescue(pid)
        assert len(CALL.findall(text)) >= 6, text
        assert "\nseen: " not in text, text
        # What is torn would be a call that does not follow from the one before.
        lines = [line.split() for line in text.split("last calls")[1].splitlines()[1:25]]
        steps = [line[1:3] for line in lines if len(line) > 2 and line[2].startswith("step_")]
        for (verb, name), (following, next_name) in zip(steps, steps[1:]):
            assert following == ("return" if verb == "call" else "call"), text
            assert verb == "return" or name == next_name, text


def test_a_forks_child_has_its_own(pilot):
    process = pilot.start("child", 400, "kill")
    child = process.stdout.readline().strip()
    assert len(pilot.files()) == 2
    text = pilot.rescue()
    assert f"PID {child} " in text.split("\n")[0]
    check_last(text, pilot.log())
    text = pilot.rescue(process.pid)
    assert "it runs" in text.split("\n")[0] and "step_" not in text
    process.communicate("\n", timeout=LIMIT_S)
    assert len(pilot.files()) == 1  # the parent ended plainly


def test_the_budget_silences_what_is_called_most(pilot):
    pilot.run("spin", 1.5, "kill")
    text = pilot.rescue()
    head = text.split("\ncommand:")[0]
    assert "    tiny (" in head, text
    assert "(budget 2%," in head
    assert "main (" in thread_part(text, "MainThread").split("last calls")[0]
    assert "\nexact: no" in text


def test_the_budget_silences_no_more_than_it_must(pilot):
    """Of a server that makes many calls for each request, the requests are heard to the end."""
    if pilot.python.minor < (3, 12):
        pytest.skip("up to 3.11 a function falls silent at once: there is nothing to wait for")
    pilot.run("serve", 2500, "kill")
    text = pilot.rescue()
    silent = text.split("\ncommand:")[0]
    assert "Silent at the end" in silent, text
    assert "request (" not in silent, text
    last = thread_part(text, "MainThread").split("last calls")[1]
    assert re.search(r" call \S*request \(", last), text


def test_files_of_crashes_are_capped(pilot):
    living = pilot.start("stay", 1)
    living.stdout.readline()
    (lives,) = pilot.files()
    for _ in range(18):
        pilot.run("walk", 10, "kill", ulma="flight,keep=10ms")
    files = pilot.files()
    assert lives in files
    assert len(files) == 17  # 16 dead ones, and that
    assert "older recording made room" in pilot.rescue()
    foreign = pathlib.Path(pilot.dir, "1-0123456789abcdef.flight")
    foreign.write_bytes(b"somebody's own")
    pilot.run("walk", 10, "kill", ulma="flight,keep=10ms")
    assert foreign.read_bytes() == b"somebody's own"
    done = run([ULMA, "ps", "--dir", pilot.dir], env=pilot.base)
    rows = [line.split()[:2] for line in done.out.decode().splitlines()[1:]]
    assert rows.count([str(living.pid), "flight"]) == 1, done.told()
    assert [state for _, state in rows].count("crashed") == 16, done.told()


def test_a_collector_takes_over_and_leaves(pilot):
    process = pilot.start("stay", 300)
    pid = process.stdout.readline().strip()
    done = run([ULMA, "report", pid, "-d", "0.3", "-f", "json"], env=pilot.base)
    assert done.status == 0, done.told()
    assert b"flight recorder has begun anew" in done.err
    process.stdin.write("\n")
    process.stdin.flush()
    process.stdout.readline()
    assert len(pilot.files()) == 1
    text = pilot.rescue(pid)
    calls = [int(n) for n in CALL.findall(text)]
    log = pilot.log()
    assert calls == log[-len(calls) :], text


def test_a_collector_that_is_killed_leaves_it_on(pilot):
    process = pilot.start("ever", ulma="flight,budget=0")
    pid = process.stdout.readline().strip()
    (first,) = pilot.files()
    top = subprocess.Popen(
        [ULMA, "top", "-b", "-i", "0.2", pid], env=pilot.base, stdout=subprocess.PIPE
    )
    top.stdout.readline()
    top.kill()
    top.communicate()
    end = time.monotonic() + LIMIT_S
    while first in pilot.files() or len(CALL.findall(pilot.rescue(pid))) < 6:
        assert time.monotonic() < end, session_files(pilot.dir)
    process.kill()
    process.communicate()
    assert len(CALL.findall(pilot.rescue(pid))) >= 6


def test_attached(pilot):
    process = pilot.start("stay", 400, ulma="0")
    pid = process.stdout.readline().strip()
    done = run([ULMA, "attach", "--flight", "--budget", "5", "--keep", "2s", pid], env=pilot.base)
    assert done.status == 0, done.told()
    assert f"ulma rescue {pid}".encode() in done.out
    process.stdin.write("\n")
    process.stdin.flush()
    process.stdout.readline()
    process.kill()
    process.communicate()
    text = pilot.rescue(pid)
    assert "(budget 5%," in text
    calls = [int(n) for n in CALL.findall(text)]
    log = pilot.log()
    assert calls == log[-len(calls) :], text


def test_detached(pilot):
    process = pilot.start("stay", 400)
    pid = process.stdout.readline().strip()
    done = run([ULMA, "detach", pid], env=pilot.base)
    assert done.status == 0, done.told()
    assert session_files(pilot.dir) == []


@pytest.mark.parametrize(
    "ulma, said",
    [
        ("flight,only=x", "does not know `only=x`"),
        ("flight,keep=0", "does not know `keep=0`"),
        ("flight,budget=1e9", "does not know `budget=1e9`"),
    ],
)
def test_words_that_mean_nothing(pilot, ulma, said):
    done = pilot.run("walk", 10, "plainly", ulma=ulma)
    assert done.status == 0
    assert done.err.decode().count("\n") == 1 and said in done.err.decode()
    assert session_files(pilot.dir) == []


def test_the_formats_of_a_rescue(pilot, tmp_path):
    pilot.run("walk", 500, "kill")
    told = json.loads(pilot.rescue(pilot.dir, "-f", "json", "-o", tmp_path / "%p.ulma"))
    assert told["target"]["pid"] and told["events"]["lost"] == 0
    assert (tmp_path / f"{told['target']['pid']}.ulma").exists()
    flight = told["flight"]
    assert not flight["lives"] and flight["silent"] == []
    (thread,) = [one for one in flight["threads"] if one["name"] == "MainThread"]
    assert thread["kept_whole"] and not thread["ended"]
    stack = [frame["name"] for frame in thread["stack"]]
    assert stack[-2:] == ["main", "<module>"] and stack[0] == "end", stack
    assert all(frame["begun"] and frame["file"] and frame["line"] for frame in thread["stack"])
    opens = [frame["open_ns"] for frame in thread["stack"]]
    assert opens == sorted(opens) and opens[-1] > 0
    steps = [call for call in thread["last_calls"] if call["name"].startswith("step_")]
    called = [int(call["name"].split("_")[1]) for call in steps if call["what"] == "call"]
    assert len(called) >= 6 and called == pilot.log()[-len(called) :]
    assert all(call["took_ns"] >= 0 for call in steps if call["what"] == "return")
    again = run([ULMA, "rescue", pilot.dir, "-o", tmp_path / "%p.ulma"], env=pilot.base)
    assert again.status == 1 and b"exists" in again.err and b"step_0" in again.out


def test_files_that_are_none(pilot, tmp_path):
    (tmp_path / "text").write_text("no session")
    pilot.run("walk", 100, "kill")
    (file,) = pilot.files()
    cut = tmp_path / "cut.flight"
    cut.write_bytes(pathlib.Path(file).read_bytes()[:100_000])
    for word in ("text", "cut.flight", "absent", "7"):
        done = run([ULMA, "rescue", word], env=pilot.base, cwd=tmp_path)
        assert done.status == 1 and done.err.startswith(b"ulma: "), done.told()
        assert done.err.count(b"\n") == 1


class MemoryGroup:
    """A control group whose memory is limited; None where none can be made."""

    def __init__(self, limit_bytes):
        self.path = None
        for root, name in (
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            ("/sys/fs/cgroup", "memory.max"),
        ):
            path = pathlib.Path(root, f"ulma-test-{os.getpid()}")
            try:
                path.mkdir()
            except OSError:
                continue
            try:
                (path / name).write_text(str(limit_bytes))
                self.path = path
                if (path / "memory.swap.max").exists():
                    (path / "memory.swap.max").write_text("0")
                return
            except OSError:
                path.rmdir()

    def remove(self):
        end = time.monotonic() + LIMIT_S
        while self.path:
            try:
                self.path.rmdir()
                return
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.02)


def test_killed_for_its_memory_and_rescued_from_a_fresh_pid_namespace(pilot):
    group = MemoryGroup(96 << 20)
    before = []
    if group.path:
        enter = f'echo $$ > {group.path}/cgroup.procs && exec "$@"'
        before = ["sh", "-c", enter, "sh"]
    # Where no group can be made, the kill that the kernel would send comes from here.
    process = pilot.start("walk", 400, "eat" if group.path else "kill", before=before)
    assert process.wait(LIMIT_S) == -signal.SIGKILL
    (file,) = pilot.files()
    fresh = ["unshare", "--pid", "--fork", "--mount-proc"]
    if run([*fresh, "true"]).status != 0:
        fresh = ["unshare", "--map-root-user", "--pid", "--fork", "--mount-proc"]
    text = pilot.rescue(pilot.dir, before=fresh)
    check_last(text, pilot.log())
    if group.path:
        assert "    end (" in thread_part(text, "MainThread").split("last calls")[0]
    group.remove()
    assert pathlib.Path(file).exists()
