# SPDX-License-Identifier: MIT
"""No trace left: the memory of a process that was attached to, switched on, off, and detached."""

import json
import os
import pathlib
import re
import subprocess
import time

import memory
import pytest
from harness import LIMIT_S, TARGETS, ULMA, environment, function_named, run

pytestmark = pytest.mark.some_pythons

# What detach cannot take back (docs/arming.md), besides the mapped probe: what points into that.
STAYS = {
    "interpreter": ["on_code_end"],  # one place for data beside code objects
    "libc": ["on_fork_child", "on_fork_parent", "on_thread_end"],
}

SLACK_KB = 1024  # what a malloc asks for at once


class Innards:
    """tests/targets/innards.py, and its memory."""

    def __init__(self, python, session_dir, folder):
        self.session_dir, self.temporary = session_dir, folder / "temporary"
        self.temporary.mkdir()
        self.process = subprocess.Popen(
            [python.path, TARGETS / "innards.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self.environment(),
        )
        self.pid = self.process.pid
        self.ask("look")  # imports what it needs
        self.places = self.ask("places")

    def environment(self):
        return environment(self.session_dir, TMPDIR=str(self.temporary))

    def ask(self, order):
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def ulma(self, *words):
        done = run([ULMA, *words, self.pid], env=self.environment())
        assert done.status == 0, done.told()
        return done

    def cycle(self):
        """Attached, on for a moment, off, detached. True if it was heard while it was on."""
        self.ulma("attach", "--timeout", "20")
        done = self.ulma("report", "-q", "-f", "json", "-d", "0.1")
        self.ulma("detach")
        report = json.loads(done.out)
        names = {row["name"] for row in report["functions"] if row["calls"]}
        return "leaf" in names and function_named(report, "leaf")["calls"] > 0

    def words(self):
        return memory.words(self.pid, memory.static_data(self.pid) + self.places)

    def status(self, key):
        text = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return re.search(rf"^{key}:\s*(.*)$", text, re.M)[1]

    def shape(self):
        folder = pathlib.Path(f"/proc/{self.pid}")
        return {
            "maps": [part.path for part in memory.parts(self.pid) if memory.is_ours(part)],
            "descriptors": sorted(os.listdir(folder / "fd")),
            "threads": sorted(os.listdir(folder / "task")),
            "signals": [self.status(key) for key in ("SigBlk", "SigIgn", "SigCgt", "TracerPid")],
            "files": sorted([*self.temporary.iterdir(), *self.session_dir.rglob("*")]),
        }

    def end(self):
        assert self.ask("end") == "ended"
        self.process.communicate(timeout=LIMIT_S)
        assert self.process.returncode == 7


@pytest.fixture
def innards(python, session_dir, tmp_path):
    one = Innards(python, session_dir, tmp_path)
    yield one
    one.process.kill()
    one.process.communicate()


def symbols():
    """Name -> address of the functions of the probe's file."""
    listed = subprocess.run(
        ["nm", ULMA.parent / "src" / "ulma_probe.so"], capture_output=True, text=True, check=True
    ).stdout
    found = (line.split() for line in listed.splitlines())
    return {int(words[0], 16): words[2] for words in found if len(words) == 3 and words[1] in "tT"}


def pointers_to_us(innards, words):
    """Who points into the mapped probe: (whose data, which of our functions)."""
    ours = [part for part in memory.parts(innards.pid) if memory.is_ours(part)]
    low, high = min(part.start for part in ours), max(part.end for part in ours)
    names, found = symbols(), {}
    named = [part for part in memory.parts(innards.pid) if part.is_file]
    for address, word in words.items():
        if low <= word < high:
            below = max(
                (part for part in named if part.start <= address), key=lambda part: part.start
            )
            libc = "/libc.so" in below.path or "/libc-" in below.path
            key = "libc" if libc else "interpreter"
            found.setdefault(key, []).append(names.get(word - low, hex(word - low)))
    return {key: sorted(value) for key, value in found.items()}


def changed_functions(innards, code, before, after):
    """Words that pointed to a function and now point to another, or to none. A call that the linker
    resolves when it is first made is no change, as long as it leads to none of ours."""
    changed = []
    for address, word in before.items():
        now = after.get(address)
        if now == word or not code.find(word):
            continue
        target = code.find(now) if now is not None else None
        if not (target and not memory.is_ours(target) and memory.is_lazy(innards.pid, word)):
            changed.append((hex(address), hex(word), now and hex(now)))
    return changed


def hooks(innards):
    """What is in the target while it is recorded, and not before."""
    found = pointers_to_us(innards, innards.words())
    if found != STAYS:
        return found["interpreter"]
    done = run([ULMA, "ps", "--dir", innards.session_dir], env=innards.environment())
    return re.findall(rf"^ *{innards.pid}  (on) ", done.out.decode(), re.M)


def test_memory_is_as_it_was(innards):
    look, shape = innards.ask("look"), innards.shape()
    code, constant, before = (
        memory.Code(innards.pid),
        memory.read_only(innards.pid),
        innards.words(),
    )
    assert memory.changed_code(innards.pid) == []
    assert len(before) > 10_000 and sum(code.find(word) is not None for word in before.values())
    heard = [innards.cycle() for _ in range(2)]
    assert any(heard)
    assert innards.ask("look") == look
    assert memory.changed_code(innards.pid) == []
    after = memory.read_only(innards.pid)
    assert [key for key in constant if after.get(key) != constant[key]] == []
    words = innards.words()
    assert changed_functions(innards, code, before, words) == []
    assert pointers_to_us(innards, words) == STAYS
    left = innards.shape()
    assert len(left.pop("maps")) > 0 and shape.pop("maps") == []  # the mapped probe
    assert left == shape
    innards.end()


def test_the_same_looks_see_what_is_on(python, innards):
    """None of them is blind: of a process that is recorded each finds what differs."""
    before = innards.ask("look")
    innards.ulma("attach", "--timeout", "20")
    armed = innards.ask("look")
    assert [key for key in before if armed[key] != before[key]] == ["handler"]
    report = subprocess.Popen(
        [ULMA, "report", "-q", "-d", "60", "--exact", str(innards.pid)],
        stdout=subprocess.DEVNULL,
        env=innards.environment(),
    )
    try:
        end = time.monotonic() + LIMIT_S
        while hooks(innards) == []:
            assert time.monotonic() < end
        expected = ["evaluator"] if python.minor < (3, 12) else ["monitoring", "instrumented"]
        now = innards.ask("look")  # takes the callbacks from sys.monitoring
        assert [key for key in armed if now[key] != armed[key]] == expected
        assert pointers_to_us(innards, innards.words()) != STAYS or python.minor >= (3, 12)
    finally:
        report.terminate()
        report.wait(LIMIT_S)
    innards.end()


def test_nothing_grows(innards):
    """Cycle after cycle: no map, descriptor, thread, file or memory more."""
    for _ in range(3):
        innards.cycle()
    shape, memory_before = innards.shape(), int(innards.status("VmData").split()[0])
    for _ in range(1000 if os.environ.get("ULMA_TORTURE") == "1" else 5):
        innards.cycle()
    assert innards.shape() == shape
    assert int(innards.status("VmData").split()[0]) - memory_before <= SLACK_KB
    innards.end()
