# SPDX-License-Identifier: MIT
"""Monitors of one's own: what they are told, and what becomes of those that do not behave."""

import json
import os
import re
import subprocess
import sys

import harness
import pytest
from harness import report_of, run_ulma

MONITORS = harness.ROOT / "docs" / "examples" / "monitors"
SHOP = harness.ROOT / "docs" / "examples" / "storefront.py"

# Counts what each kind says, by qualname, and prints it as one line of JSON.
COUNTING = """
import collections, json, ulma

class Counting(ulma.Monitor):
    def __init__(self):
        self.found = collections.Counter()

    def count(self, event):
        name = event.function.qualname if event.function else "(none)"
        self.found[event.kind + " " + name] += 1

    on_call = on_resume = on_return = on_yield = on_raise = on_throw = count
    on_c_call = on_c_return = on_c_raise = on_gc = on_io = count

    def on_end(self):
        print(json.dumps([self.lost, self.found]))
"""

PROGRAM = """
import gc, os

def fails():
    raise ValueError

def generates():
    yield 1
    yield 2

def nests(depth):
    return nests(depth - 1) if depth else 0

def works():
    for _ in range(100):
        nests(3)
        list(generates())
        try:
            fails()
        except ValueError:
            pass

def collects():
    gc.collect()

def writes():
    os.write(2, b"written" + bytes([10]))

works()
collects()
writes()
"""

ENDLESS = """
import sys

def tick():
    return 0

print("ready", flush=True)
while True:
    tick()
"""


@pytest.fixture
def monitor(tmp_path, session_dir):
    """Runs `ulma monitor`, its monitors and the program written into files first."""

    def run(python, monitors, *what, program=PROGRAM, options=()):
        names = []
        for name, text in monitors.items():
            (tmp_path / f"{name}.py").write_text(text, encoding="utf-8")
            names.append(f"{name}.py")
        (tmp_path / "program.py").write_text(program, encoding="utf-8")
        words = [harness.ULMA, "monitor", "--python", python.path, *options, ",".join(names)]
        env = harness.environment(session_dir, PYTHONPATH=str(harness.ROOT / "python"))
        return harness.run([*words, *(what or ["program.py"])], env=env, cwd=tmp_path)

    return run


@pytest.mark.some_pythons
def test_a_monitor_is_told_what_the_report_counts(python, monitor, tmp_path):
    """Of the program's own functions; the kinds that come in pairs are as many."""
    done = monitor(python, {"counting": COUNTING})
    assert done.status == 0, done.told()
    lost, found = json.loads(done.out)
    assert lost == 0
    report = report_of(run_ulma(python, tmp_path / "program.py"))
    names = ("works", "nests", "fails", "generates", "collects", "writes")
    rows = {f["qualname"]: f for f in report["functions"] if f["name"] in names}
    assert len(rows) == len(names)
    for name, row in rows.items():
        assert found.get(f"call {name}", 0) == row["calls"]
        assert found.get(f"resume {name}", 0) == row["resumes"]
        assert found.get(f"raise {name}", 0) == row["raised"]
        ends = found.get(f"return {name}", 0) + found.get(f"raise {name}", 0)
        assert ends == row["calls"]
    assert found["yield generates"] == found["resume generates"] == 200
    assert found["gc collects"] == 1 and found["io writes"] == 1
    c_calls = sum(n for key, n in found.items() if key.startswith("c_call "))
    c_ends = sum(n for key, n in found.items() if re.match("c_(return|raise) ", key))
    assert c_calls == c_ends > 0


@pytest.mark.newest_python
def test_a_recording_tells_the_same(python, monitor, tmp_path):
    live = monitor(python, {"counting": COUNTING})
    program = tmp_path / "program.py"
    words = ["record", "--trace", "-e", "calls,c-calls,gc,io", "--python", python.path]
    done = harness.run([harness.ULMA, *words, "-o", tmp_path / "x.ulma", program])
    assert done.status == 0, done.told()
    played = monitor(python, {"counting": COUNTING}, "x.ulma")
    assert played.status == 0, played.told()
    lost, found = json.loads(played.out)
    of_program = ("works", "nests", "fails", "generates", "collects", "writes")
    expected = json.loads(live.out)[1]
    for key, count in expected.items():
        if key.split()[-1] in of_program:
            assert found[key] == count, key
    assert lost == 0


# What is told late, by what it is and whose; of that which is the same in each run.
LATE = """
import collections, json, ulma

class Late(ulma.Monitor):
    def __init__(self):
        self.found = collections.Counter()
        self.path = self.thread = None

    def note(self, event, *words):
        name = event.function.qualname if event.function else "(none)"
        self.found[" ".join([event.kind, name, *map(str, words)])] += 1

    def on_birth(self, event):
        if event.type == "__main__.Node":
            self.note(event, event.line)

    on_death = on_birth

    def on_allocation(self, event):
        if event.bytes > 100000:
            self.note(event, event.line, event.domain)

    on_free = on_allocation

    def on_wait(self, event):
        if event.function and event.function.name == "sleeps":
            self.note(event, event.line, event.reason, event.duration_ns > 5_000_000)
            self.path = [function.name for function in event.stack]
            self.thread = event.thread

    def on_gil_held(self, event):
        self.found["gil_held"] = 1

    def on_span(self, event):
        # Of a span that is told at once its waits may not be known yet: by schedstat.
        within = event.duration_ns >= event.cpu_ns > 0
        self.note(event, event.name, within, event.failed)

    def on_operator(self, event):
        if event.caller and event.caller.name == "operates" and "setitem" in event.function.name:
            self.found[event.kind] += 1

    on_operator_return = on_operator

    def on_end(self):
        print(json.dumps([self.lost, self.found, self.path, self.thread.pid]))
"""

LATE_PROGRAM = """
import os, threading, time, ulma

class Node:
    pass

def makes():
    return [Node() for _ in range(100)]

def allocates():
    return [bytearray(200_000) for _ in range(20)]

def operates(slots):
    for i in range(50):
        slots[i] = i

def sleeps():
    time.sleep(0.01)

def outer():
    sleeps()

def spans():
    for fails in (False, False, True):
        try:
            with ulma.span("work"):
                sum(range(1000))
                time.sleep(0.001)
                if fails:
                    raise ValueError
        except ValueError:
            pass

spans()
kept = makes(), allocates()
del kept
operates({})
outer()
print(os.getpid(), flush=True)
"""


def line_of(text, part):
    return next(n for n, line in enumerate(text.splitlines(), 1) if part in line)


@pytest.mark.some_pythons
def test_what_is_known_late_is_told_live_and_of_a_recording(python, monitor, tmp_path, session_dir):
    """Objects, memory, waits, spans and operators: as the program made them, in both."""
    has_objects = python.minor >= (3, 14)  # and 3.13 from .3 on
    text = (
        LATE
        if has_objects
        else LATE.replace("def on_birth", "def none").replace("on_death = on_birth", "")
    )
    live = monitor(python, {"late": text}, program=LATE_PROGRAM)
    assert live.status == 0, live.told()
    pid, told = live.out.decode().splitlines()
    lost, found, path, of_pid = json.loads(told)
    assert (lost, path, of_pid) == (0, ["<module>", "outer", "sleeps"], int(pid))
    node, block = (line_of(LATE_PROGRAM, part) for part in ("Node() for", "bytearray("))
    sleep = line_of(LATE_PROGRAM, "time.sleep(0.01)")
    inlined = python.minor >= (3, 12)
    maker, allocator = (
        (name if inlined else f"{name}.<locals>.<listcomp>") for name in ("makes", "allocates")
    )
    if python.minor < (3, 11):  # whose plain name is all that is known
        maker = allocator = "<listcomp>"
    expected = {
        f"allocation {allocator} {block} object": 20,
        f"free {allocator} {block} object": 20,
        f"wait sleeps {sleep} sleep True": 1,
        "span spans work True False": 2,
        "span spans work True True": 1,
        "gil_held": 1,
    }
    if has_objects:
        expected |= {f"birth {maker} {node}": 100, f"death {maker} {node}": 100}
    for key, count in expected.items():
        assert found.get(key) == count, (key, found)
    # An interpreter that specializes what is hot tells not all of them (docs/operators.md).
    assert 0 < found["operator"] == found["operator_return"] <= 50
    sources = "calls,memory,waits,spans,operators" + ",objects" * has_objects
    words = ["record", "--trace", "-e", sources, "--python", python.path, "-o", "x.ulma"]
    env = harness.environment(session_dir, PYTHONPATH=str(harness.ROOT / "python"))
    done = harness.run([harness.ULMA, *words, "program.py"], env=env, cwd=tmp_path)
    assert done.status == 0, done.told()
    played = monitor(python, {"late": text}, "x.ulma", program=LATE_PROGRAM)
    assert played.status == 0, played.told()
    lost, again, path, of_pid = json.loads(played.out)
    assert (lost, path) == (0, ["<module>", "outer", "sleeps"])
    assert {key: again.get(key) for key in expected} == expected


def test_python_and_c_name_the_same_events():
    header = (harness.ROOT / "src" / "monitor" / "ulma.h").read_text(encoding="utf-8")
    kinds = re.search(r"enum ulma_kind \{(.*?)\};", header, re.DOTALL)[1]
    numbers = {name.lower(): int(n) for name, n in re.findall(r"ULMA_(\w+)\s*=\s*(\d+)", kinds)}
    script = "from ulma import _monitors; print(*_monitors.KINDS[1:])"
    env = {**os.environ, "PYTHONPATH": str(harness.ROOT / "python")}
    done = harness.run([sys.executable, "-c", script], env=env)
    names = done.out.decode().split()
    assert numbers == {name: n for n, name in enumerate([*names, "kind_count"], 1)}


BAD = "import ulma\nclass Bad(ulma.Monitor):\n    def on_call(self, event):\n        1 / 0\n"
HANGING = """
import time, ulma
class Hanging(ulma.Monitor):
    def on_call(self, event):
        time.sleep(1000)
"""
PATIENT = """
import ulma
class Patient(ulma.Monitor):
    nests = 0
    def on_call(self, event):
        self.nests += event.function.name == "nests"
    def on_end(self):
        print(self.nests)
"""


@pytest.mark.newest_python
def test_one_that_raises_or_hangs_harms_itself_alone(python, monitor):
    monitors = {"bad": BAD, "hanging": HANGING, "patient": PATIENT}
    done = monitor(python, monitors)
    assert done.status == 0, done.told()
    assert done.out == b"400\n"
    said = [line for line in done.err.decode().splitlines() if line.startswith("ulma:")]
    taken_off = [line for line in said if "taken off" in line]
    assert len(taken_off) == 2, done.told()
    assert any("bad.py" in line and "ZeroDivisionError" in line for line in taken_off)
    assert any("hanging.py" in line and "busy with its events" in line for line in taken_off)


UNREADY = """
import ulma
class Unready(ulma.Monitor):
    def on_begin(self):
        raise ValueError
    def on_calls(self, event):
        pass
    def on_call(self, event):
        pass
"""


@pytest.mark.newest_python
def test_one_that_is_off_before_the_program_is_there_leaves_it_alone(python, monitor):
    program = "import sys; print('to its end'); sys.exit(7)"
    done = monitor(python, {"unready": UNREADY}, program=program)
    assert (done.status, done.out) == (7, b"to its end\n"), done.told()
    assert b"unready.py was taken off: ValueError" in done.err
    assert b"there is no event for on_calls, which is never called" in done.err


# The program leaves when its C calls have been listened for, and are not any more.
SWITCHED = """
import sys

def listened():
    return any(sys.monitoring.get_events(tool) & sys.monitoring.events.CALL for tool in range(6))

while not listened():
    len("")
while listened():
    len("")
print("off again")
"""
FEW = """
import ulma
class Few(ulma.Monitor):
    seen = 0
    def on_call(self, event):
        pass
    def on_c_call(self, event):
        self.seen += 1
        if self.seen == 10:
            self.on_c_call = None
    def on_end(self):
        print(self.seen)
"""


@pytest.mark.newest_python
def test_what_no_handler_wants_any_more_is_switched_off(python, monitor):
    done = monitor(python, {"few": FEW}, program=SWITCHED)
    assert done.status == 0, done.told()
    assert sorted(done.out.decode().splitlines()) == ["10", "off again"]


ALTERNATING = """
import ulma
class Alternating(ulma.Monitor):
    said = ""
    def on_begin(self):
        self.choose({"call"})
    def on_call(self, event):
        if event.function.name == "nests":
            self.said += "c"
            return {"return"}
    def on_return(self, event):
        self.said += "r"
        return {"call"}
    def on_end(self):
        print(self.said[:6], self.said.count("c"))
"""


@pytest.mark.newest_python
def test_the_mask_changes_from_one_event_to_the_next(python, monitor):
    """400 calls in nests of four: the return that comes next is of the innermost."""
    done = monitor(python, {"alternating": ALTERNATING})
    assert done.status == 0, done.told()
    # c of the outermost, r of the innermost; the other three returns are not listened to.
    assert done.out == b"crcrcr 100\n"


@pytest.mark.newest_python
def test_from_python_on_a_process_that_runs(python, tmp_path, session_dir):
    (tmp_path / "endless.py").write_text(ENDLESS, encoding="utf-8")
    (tmp_path / "use.py").write_text(
        "import sys\nimport ulma\n"
        "class Ticks(ulma.Monitor):\n"
        "    ticks = 0\n"
        "    def on_call(self, event):\n"
        "        self.ticks += event.function.name == 'tick'\n"
        "        if self.ticks == 1000:\n"
        "            self.stop()\n"
        "ticks = Ticks()\n"
        "print(ulma.run_monitors(ticks, int(sys.argv[1])), ticks.ticks)\n"
        "try:\n"
        "    ulma.run_monitors(ticks, 999999999)\n"
        "except ulma.Error as error:\n"
        "    print(error)\n",
        encoding="utf-8",
    )
    env = harness.environment(session_dir, PYTHONPATH=str(harness.ROOT / "python"))
    target = subprocess.Popen(
        [python.path, tmp_path / "endless.py"], stdout=subprocess.PIPE, env=env
    )
    try:
        assert target.stdout.readline() == b"ready\n"
        done = harness.run([python.path, tmp_path / "use.py", target.pid], env=env)
        assert target.poll() is None
    finally:
        target.kill()
        target.wait()
    assert done.status == 0, done.told()
    first, second = done.out.decode().splitlines()
    assert first == "0 1000"
    assert second.startswith("ulma: no process 999999999")


@pytest.mark.newest_python
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("slowest", r"20\.\d+ ms, until .*: __main__\.ship .*\n +<module> > main > ship"),
        ("escapes", r"  200  lookup: left 2, caught by offer\n"),
        ("deepest", r"     9  __main__\.categories "),
        ("whocalls", r'    "offer" -> "price" \[label="600"\]\n    "price" -> "lookup"'),
        ("garbage", r"\n +\d +\d+ .* Node\.__init__"),
    ],
)
def test_examples(python, name, expected, session_dir):
    """Each is short, and says what its page shows."""
    path = MONITORS / f"{name}.py"
    assert len(path.read_text(encoding="utf-8").splitlines()) < 60
    env = harness.environment(session_dir, WHILE="offer")
    words = [harness.ULMA, "monitor", "--python", python.path, path, SHOP]
    done = harness.run(words, env=env)
    assert done.status == 0, done.told()
    assert re.search(expected, done.out.decode()), done.told()


@pytest.mark.newest_python
def test_libulma_in_c(python, tmp_path, session_dir):
    """The page's C program is built against the header and the library alone."""
    library = harness.ROOT / "build" / "src"
    program = tmp_path / "slowest"
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-I", harness.ROOT / "src" / "monitor"]
    link = ["-L", library, "-lulma", f"-Wl,-rpath,{library}"]
    subprocess.run(["cc", *flags, MONITORS / "slowest.c", *link, "-o", program], check=True)
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    env = harness.environment(session_dir)
    done = harness.run([program, harness.ULMA, tmp_path / "program.py"], env=env)
    assert done.status == 0, done.told()
    assert re.search(r" +400 calls, slowest .*: __main__\.nests\n", done.out.decode())
    assert done.out.endswith(b"\n0 events were dropped\n")
    refused = harness.run([program, harness.ULMA, "nothing.py"], env=env, cwd=tmp_path)
    assert refused.status == 1 and b"slowest: `ulma monitor` ended" in refused.err


def test_libulma_exports_its_header_and_nothing_else():
    library = harness.ROOT / "build" / "src" / "libulma.so"
    listed = subprocess.run(
        ["nm", "-D", "--defined-only", library], stdout=subprocess.PIPE, text=True, check=True
    )
    exported = {line.split()[-1] for line in listed.stdout.splitlines()}
    header = (harness.ROOT / "src" / "monitor" / "ulma.h").read_text(encoding="utf-8")
    declared = set(re.findall(r"\b(ulma_\w+)\(", header))
    assert exported == declared


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import ulma\n", "must define one ulma.Monitor"),
        ("1 / 0\n", "ZeroDivisionError"),
    ],
)
def test_a_file_that_is_no_monitor_starts_nothing(text, expected, tmp_path):
    (tmp_path / "m.py").write_text(text, encoding="utf-8")
    script = tmp_path / "program.py"
    script.write_text("open('ran', 'w')\n", encoding="utf-8")
    words = [harness.ULMA, "monitor", "--python", sys.executable, "m.py", script]
    done = harness.run(words, cwd=tmp_path)
    assert done.status == 125
    assert expected in done.err.decode()
    assert "m.py could not be loaded: nothing was started" in done.err.decode()
    assert not (tmp_path / "ran").exists()
