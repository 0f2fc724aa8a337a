# SPDX-License-Identifier: MIT
"""`ulma dump`: stacks read from outside are those that the program itself tells.

The programs stand still where they are compared: each of their threads waits for something. What
they say of themselves comes from sys._current_frames().
"""

import contextlib
import hashlib
import json
import os
import pathlib
import re
import select
import shutil
import signal
import subprocess
import time

import harness
import pytest

LIMIT_S = 60

# Tells the stacks of all threads but its own, then waits for its stdin to end.
TELL = """
import json, os, sys, threading, time

def name_of(code):
    return getattr(code, "co_qualname", code.co_name)

def tell():
    stacks = {}
    for thread in threading.enumerate():
        if thread is threading.current_thread():
            continue
        frame = sys._current_frames()[thread.ident]
        stack = []
        while frame:
            stack.append([name_of(frame.f_code), frame.f_code.co_filename, frame.f_lineno])
            frame = frame.f_back
        stacks[thread.native_id] = {"name": thread.name, "frames": stack}
    print(json.dumps(stacks), flush=True)

def tell_and_wait():
    tell()
    sys.stdin.read()
"""

# Everything that waits does so on a lock that is never released.
SHAPES = (
    TELL
    + """
never = threading.Lock()
never.acquire()
arrived = threading.Semaphore(0)

def wait():
    arrived.release()
    never.acquire()

def nested():
    def inner(depth):
        if depth:
            return inner(
                depth - 1
            )
        wait()
    inner(5)

def generators():
    def numbers():
        yield 1
        wait()
        yield 2
    def more():
        yield from numbers()
    return sum(
        number
        for number in more()
    )

class Shop:
    @classmethod
    def open(cls):
        return cls().sell()

    @property
    def price(self):
        wait()

    def sell(self):
        return (
            1
            + self.price
        )

    def __init__(self):
        self.stock = [0]

class Made:
    def __init__(self):
        wait()

def handled():
    try:
        raise ValueError
    except ValueError:
        with threading.Lock():
            list(map(lambda _: wait(), [1]))

def sorted_by():
    def key(item):
        wait()
    sorted([1], key=key)

async def leaf():
    wait()

async def middle():
    await leaf()

async def top():
    async for _ in stream():
        pass

async def stream():
    yield await middle()

def coroutine():
    import asyncio
    asyncio.run(top())

\u00e4\u00f6 = lambda: wait()

def far_line():
    pass
"""
    + "\n" * 300
    + """
    wait()

def make():
    Made()

works = [nested, generators, Shop.open, make, handled, sorted_by, coroutine, \u00e4\u00f6, far_line]
for number, work in enumerate(works):
    threading.Thread(target=work, name=f"thread {number} \u20ac", daemon=True).start()
for _ in works:
    arrived.acquire()
time.sleep(0.2)  # they are past release and within acquire
tell_and_wait()
"""
)


class Target:
    """A Python program that runs, and what it said first."""

    def __init__(self, python, folder, source, *arguments, **environment):
        self.file = folder / "program.py"
        self.file.write_text(source, encoding="utf-8")
        self.process = subprocess.Popen(
            [python.path, "-X", "utf8", str(self.file), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=harness.environment(**environment),
        )
        self.pid = self.process.pid
        self.lines = source.splitlines()

    def told(self):
        """Its next line, as JSON."""
        ready, _, _ = select.select([self.process.stdout], [], [], LIMIT_S)
        assert ready, "the program said nothing"
        return json.loads(self.process.stdout.readline())

    def line_of(self, mark):
        (number,) = (i for i, line in enumerate(self.lines, 1) if line.endswith("# " + mark))
        return number

    def states(self):
        return {
            int(path.name): (path / "stat").read_text().rpartition(")")[2].split()[0]
            for path in pathlib.Path(f"/proc/{self.pid}/task").iterdir()
        }

    def wait_for_states(self, allowed):
        wait_until(lambda: set(self.states().values()) <= set(allowed))

    def stop(self):
        os.kill(self.pid, signal.SIGSTOP)
        self.wait_for_states("T")

    def end(self):
        self.process.kill()
        self.process.communicate()


def wait_until(holds):
    end = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


@pytest.fixture
def start(tmp_path):
    with contextlib.ExitStack() as stack:

        def starting(python, source, *arguments, **environment):
            target = Target(python, tmp_path, source, *arguments, **environment)
            stack.callback(target.end)
            return target

        yield starting


def ulma_dump(*words, **more):
    return harness.run([harness.ULMA, "dump", *words], limit_s=LIMIT_S, **more)


def dump(target, *options):
    done = ulma_dump("-f", "json", *options, target.pid)
    assert done.status == 0 and done.err == b"", done.told()
    report = json.loads(done.out)
    assert report["ulma"] == 1 and report["pid"] == target.pid
    return report


def thread_named(report, name):
    (thread,) = (thread for thread in report["threads"] if thread["name"] == name)
    return thread


def rows(thread):
    return [[frame["name"], frame["file"], frame["line"]] for frame in thread["frames"]]


def compare(report, told, target):
    """Every thread that the program told of, and its main thread."""
    seen = {thread["tid"]: thread for thread in report["threads"]}
    assert set(seen) == {int(tid) for tid in told} | {target.pid}
    for tid, thread in told.items():
        assert rows(seen[int(tid)]) == thread["frames"], thread["name"]
        assert seen[int(tid)]["name"] == thread["name"]
        assert not seen[int(tid)]["main"]
    main = seen[target.pid]
    assert main["main"] and main["name"] == "MainThread"
    names = [frame["name"] for frame in main["frames"]]
    assert names[-2:] == ["tell_and_wait", "<module>"]
    assert all(thread["complete"] for thread in report["threads"])


def test_stacks_are_those_that_the_program_tells(python, start):
    target = start(python, SHAPES)
    told = target.told()
    assert len(told) == 9
    target.wait_for_states("S")
    report = dump(target)
    compare(report, told, target)
    assert report["python"] == python.version
    assert {thread["state"] for thread in report["threads"]} == {"sleeping"}
    assert not any(thread["gil"] for thread in report["threads"])
    assert report["threads"][0]["main"]


def test_a_stopped_process_is_read_and_nothing_of_it_changes(python, start):
    target = start(python, SHAPES)
    told = target.told()
    target.wait_for_states("S")
    target.stop()
    before = picture(target.pid)
    report = dump(target, "--locals")
    assert picture(target.pid) == before
    compare(report, told, target)
    assert {thread["state"] for thread in report["threads"]} == {"stopped"}
    assert set(target.states().values()) == {"T"}


def test_nothing_of_the_target_runs(python, start):
    """A thread that runs, however shortly, is switched to and from."""
    target = start(python, SHAPES)
    target.told()
    target.wait_for_states("S")
    before = switches(target.pid)
    for _ in range(20):
        dump(target)
    assert switches(target.pid) == before


def switches(pid):
    """How often each thread was put on and off a CPU."""
    counts = {}
    for path in pathlib.Path(f"/proc/{pid}/task").iterdir():
        text = (path / "status").read_text()
        counts[path.name] = re.findall(r"ctxt_switches:\s*(\d+)", text)
    return counts


def read_block(memory, size):
    """A newer glibc guards a thread's stack with pages within the mapping that nobody can read."""
    page = os.sysconf("SC_PAGE_SIZE")
    place = memory.tell()
    with contextlib.suppress(OSError):
        return memory.read(size)
    with contextlib.suppress(OSError):
        return memory.read(page)
    memory.seek(place + page)
    return b"\0" * page


def picture(pid):
    """Mappings, descriptors, signals, and what all writable memory holds."""
    process = pathlib.Path(f"/proc/{pid}")
    digest = hashlib.sha256()
    maps = (process / "maps").read_text()
    with (process / "mem").open("rb", buffering=0) as memory:
        for line in maps.splitlines():
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if line.split()[1][:2] != "rw":
                continue
            memory.seek(start)
            left = end - start
            while left:
                block = read_block(memory, min(left, 1 << 20))
                digest.update(block)
                left -= len(block)
    links = {path.name: os.readlink(path) for path in (process / "fd").iterdir()}
    status = (process / "status").read_text()
    signals = re.findall(r"^((?:Sig|Shd)(?:Pnd|Blk|Ign|Cgt)):\s*(\S+)", status, re.MULTILINE)
    tracer = re.search(r"TracerPid:\s*(\d+)", status)[1]
    return maps, links, signals, tracer, digest.hexdigest()


DEADLOCK = (
    TELL
    + """
first, second = threading.Lock(), threading.Lock()
both = threading.Barrier(3)

def one():
    with first:
        both.wait()
        with second:  # one waits
            pass

def other():
    with second:
        both.wait()
        with first:  # other waits
            pass

threads = [threading.Thread(target=one, name="one"), threading.Thread(target=other, name="other")]
for thread in threads:
    thread.start()
both.wait()
time.sleep(0.2)
print("{}", flush=True)
for thread in threads:
    thread.join()  # main waits
"""
)


def test_a_deadlock(python, start):
    target = start(python, DEADLOCK)
    target.told()
    target.wait_for_states("S")
    report = dump(target)
    for name in ("one", "other"):
        innermost = thread_named(report, name)["frames"][0]
        assert (innermost["name"], innermost["line"]) == (name, target.line_of(f"{name} waits"))
    main = thread_named(report, "MainThread")
    assert main["frames"][-1]["name"] == "<module>"
    assert main["frames"][-1]["line"] == target.line_of("main waits")
    assert "join" in main["frames"][-2]["name"]


LONG_CALLS = {
    "sum": "sum(range(10 ** 14))",
    "pattern": 're.match(r"(a|aa)+$", "a" * 200 + "b")',
}


@pytest.mark.parametrize("call", LONG_CALLS)
def test_a_c_call_that_holds_the_gil(python, start, call):
    source = f"""
import re, threading, time

def other():
    time.sleep(1000)  # other waits

def work():
    print("{{}}", flush=True)
    {LONG_CALLS[call]}  # works

threading.Thread(target=other, name="other", daemon=True).start()
time.sleep(0.1)
work()
"""
    target = start(python, source)
    target.told()

    def is_in_the_call():
        main = thread_named(dump(target), "MainThread")
        lines = [frame["line"] for frame in main["frames"] if frame["name"] == "work"]
        return lines == [target.line_of("works")]

    wait_until(is_in_the_call)
    report = dump(target)
    main, other = thread_named(report, "MainThread"), thread_named(report, "other")
    assert main["gil"] and main["main"] and not other["gil"]
    assert other["frames"][0]["name"] == "other"
    assert other["frames"][0]["line"] == target.line_of("other waits")


def main_line(report):
    frames = report["threads"][0]["frames"]
    return frames[-1]["line"] if frames else None


# Each function calls the next one only, from one line.
CHAIN = """
import threading
def f0():
    while True:
        f1()  # f0 calls
def f1():
    for _ in range(3):
        f2()  # f1 calls
def f2():
    sum(f3())  # f2 calls
def f3():
    for number in range(2):
        yield f4()  # f3 calls
def f4():
    return 1
threads = [threading.Thread(target=f0, name=str(n), daemon=True) for n in range(3)]
for thread in threads:
    thread.start()
print("{}", flush=True)
f0()  # main calls
"""


def test_a_busy_program_has_only_stacks_that_can_be(python, start):
    """What was torn is left out and told: no frame stands above one that cannot have called it."""
    target = start(python, CHAIN)
    target.told()
    wait_until(lambda: main_line(dump(target)) == target.line_of("main calls"))
    deepest = 0
    for _ in range(50):
        for thread in dump(target)["threads"]:
            chain = [
                (frame["name"], frame["line"])
                for frame in reversed(thread["frames"])
                if frame["file"] == str(target.file)
            ]
            if not chain:
                assert not thread["complete"]
                continue
            if thread["main"]:
                assert chain[0] == ("<module>", target.line_of("main calls"))
                chain = chain[1:]
            names = [name for name, _ in chain]
            assert names == [f"f{depth}" for depth in range(len(names))], chain
            for name, line in chain[:-1]:
                assert line == target.line_of(f"{name} calls"), (chain, thread["complete"])
            deepest = max(deepest, len(chain))
    assert deepest >= 3


def test_a_deep_stack(python, start):
    target = start(
        python,
        TELL
        + """
sys.setrecursionlimit(100000)
threading.stack_size(512 << 20)
never = threading.Lock()
never.acquire()
def down(depth):
    if depth:
        down(depth - 1)
    else:
        never.acquire()
threading.Thread(target=down, args=(20000,), name="deep", daemon=True).start()
time.sleep(0.5)
tell_and_wait()
""",
    )
    told = target.told()
    report = dump(target)
    compare(report, told, target)
    assert len(thread_named(report, "deep")["frames"]) > 20000


@pytest.mark.newest_python
def test_thousands_of_threads(python, start):
    """Each is asked for its name once, not once for each other: dump gives up after ten seconds."""
    target = start(
        python,
        TELL
        + """
threading.stack_size(64 << 10)
never = threading.Lock()
never.acquire()
for number in range(2000):
    threading.Thread(target=never.acquire, name=f"thread {number}", daemon=True).start()
tell_and_wait()
""",
    )
    target.told()
    found = {thread["name"] for thread in dump(target)["threads"]}
    assert found == {"MainThread"} | {f"thread {number}" for number in range(2000)}


def test_locals(python, start):
    source = """
import sys

class Thing:
    pass

def work(number, text, /, *rest, flag=True):
    negative, big, real, whole, tiny = -7, 2 ** 61, 0.1, 3.0, 1e-7
    huge = 2 ** 100
    nothing, raw, thing, items = None, b"a\\xff'", Thing(), [1]
    quoted, wide, long = 'it\\'s "so"\\n', "\u20ac\U0001f600", "x" * 500
    print("{}", flush=True)
    sys.stdin.read()

work(12, "h\u00e9", 1, 2)
"""
    target = start(python, source)
    target.told()
    target.wait_for_states("S")
    (main,) = dump(target, "--locals")["threads"]  # without a name: threading is not imported
    frames = main["frames"]
    (frame,) = (frame for frame in frames if frame["name"] == "work")
    values = {local["name"]: local["value"] for local in frame["locals"]}
    expected = {"number": 12, "text": "h\u00e9", "flag": True, "negative": -7, "big": 2**61}
    expected.update(real=0.1, whole=3.0, tiny=1e-7, nothing=None, raw=b"a\xff'")
    expected.update(quoted='it\'s "so"\n', wide="\u20ac\U0001f600")
    assert {name: values[name] for name in expected} == {
        name: repr(value) for name, value in expected.items()
    }
    assert values["rest"] == "<tuple>" and values["items"] == "<list>"
    assert values["thing"] == "<Thing>" and values["huge"] == "<int>"
    assert values["long"].startswith("'xxx") and values["long"].endswith("x'...")
    (plain,) = dump(target)["threads"]
    assert "locals" not in plain["frames"][0]


def test_text_for_people(python, start):
    target = start(python, DEADLOCK)
    target.told()
    target.wait_for_states("S")
    done = ulma_dump(target.pid)
    assert done.status == 0 and done.err == b""
    text = done.out.decode()
    head = text.splitlines()
    assert head[0] == f"Process {target.pid}: {python.path} -X utf8 {target.file}"
    assert head[1].startswith(f"Python {python.version} (")
    assert f'Thread {target.pid} (sleeping, main): "MainThread"\n' in text
    match = re.search(r'Thread \d+ \(sleeping\): "one"\n    (.*)\n', text)
    assert match and match[1] == f"one ({target.file}:{target.line_of('one waits')})"
    assert ulma_dump("-p", target.pid).out == done.out


def test_a_forked_child(python, start):
    target = start(
        python,
        TELL
        + """
thread = threading.Thread(target=time.sleep, args=(1000,), daemon=True)
thread.start()
child = os.fork()
if child == 0:
    def in_child():
        time.sleep(1000)  # child waits
    in_child()
print(json.dumps(child), flush=True)
sys.stdin.read()
""",
    )
    child = target.told()
    try:

        def sleeps():
            report = json.loads(ulma_dump("-f", "json", child).out)
            threads = report["threads"]
            frames = threads[0]["frames"]
            return len(threads) == 1 and frames and frames[0]["name"] == "in_child" and threads

        wait_until(sleeps)
        (thread,) = sleeps()
        assert thread["tid"] == child and thread["main"] and thread["name"] == "MainThread"
        assert thread["frames"][0]["line"] == target.line_of("child waits")
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_python_whose_files_are_deleted(python, start, tmp_path):
    """What is mapped counts, not what its path leads to now."""
    target = start(python, "import json, sys; print(json.dumps(sys.base_prefix), flush=True)")
    prefix = target.told()
    copies = tmp_path / "copies"
    copies.mkdir()
    executable = copies / "python3"
    shutil.copy(os.path.realpath(python.path), executable)
    for library in pathlib.Path(prefix, "lib").glob("libpython3*.so*"):
        shutil.copy(library, copies)
    more = {"PYTHONHOME": prefix, "LD_LIBRARY_PATH": str(copies)}
    target = start(harness.Python(python.version, str(executable)), SHAPES, **more)
    told = target.told()
    for path in copies.iterdir():
        path.unlink()
        path.write_bytes(b"something else")
    target.wait_for_states("S")
    maps = pathlib.Path(f"/proc/{target.pid}/maps").read_text()
    assert re.search(r"/copies/\S*python3\S* \(deleted\)", maps)
    compare(dump(target), told, target)
