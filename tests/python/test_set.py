# SPDX-License-Identifier: MIT
"""`ulma set`: other patterns, sources, budget, while the program runs."""

import collections
import json
import mmap
import os
import random
import re
import shutil
import signal
import struct
import subprocess
import time

import pytest
from followed_program import followed
from harness import LIMIT_S, ROOT, TARGETS, ULMA, environment, function_named, run

pytestmark = pytest.mark.some_pythons

PROGRAM = TARGETS / "orders.py"
SKIP = "skip=__main__:left_*"


def await_true(condition, what):
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def edges_of(report):
    names = {row["id"]: row["name"] for row in report["functions"]}
    edges = collections.Counter()
    for edge in report["callers"]:
        edges[names.get(edge["caller"]), names[edge["callee"]]] += edge["calls"]
    return edges


def calls_of(report, *names):
    return [function_named(report, name, PROGRAM)["calls"] for name in names]


def check_sound(report):
    assert report["events"]["lost"] == 0
    for row in (*report["functions"], *report["callers"], *report["tree"]):
        assert row["self_ns"] >= 0 and row["total_ns"] >= 0, row
    assert not any(row["name"] == "(resync)" for row in report["functions"])


# --- sites ----------------------------------------------------------------------------------------


def test_left_out_and_taken_in_again(python, session_dir, tmp_path):
    """Each call counts that was made while its function was kept, and no other."""
    with followed(python, session_dir, tmp_path) as program:
        program.ask("calls 100")
        told = program.set(SKIP)
        assert f"skip={SKIP[5:]} " in told and "only= " in told
        program.ask("calls 20000")
        assert " skip= " in program.set("skip=")
        program.ask("calls 10")
        report = program.end()
    check_sound(report)
    assert calls_of(report, "kept_top", "kept_leaf") == [2 * 20110, 4 * 20110]
    assert calls_of(report, "left_mid", "left_leaf") == [2 * 110, 2 * 110]
    edges = edges_of(report)
    assert edges["left_mid", "kept_leaf"] == 2 * 110
    assert edges["kept_top", "kept_leaf"] == 2 * (20110 + 20000)
    assert edges["left_mid", "left_leaf"] == edges["kept_top", "left_mid"] == 2 * 110
    assert function_named(report, "kept_top", PROGRAM)["holds_left_out"]
    # It was the probe that left them out, as soon as the collector had met the first calls, which
    # on a busy machine comes late.
    counted = 2 * sum(row["calls"] + row["resumes"] for row in report["functions"])
    assert report["events"]["read"] < counted + 8 * 20000 * 7 / 8
    assert "sites" not in report


def test_only_replaces_adds_and_empties(python, session_dir, tmp_path):
    with followed(python, session_dir, tmp_path, "--only", "nothing_of_this_name") as program:
        program.ask("calls 1000")
        assert " only=__main__:kept_leaf " in program.set("only=__main__:kept_leaf")
        program.ask("calls 10")
        told = program.set("only+=__main__:left_leaf,__main__:left_mid")
        assert " only=__main__:kept_leaf,__main__:left_leaf,__main__:left_mid " in told
        program.ask("calls 20")
        program.set("only=", "skip=__main__:kept_top")
        program.ask("calls 40")
        report = program.end()
    check_sound(report)
    assert calls_of(report, "kept_leaf", "left_leaf", "left_mid") == [4 * 70, 2 * 60, 2 * 60]
    assert "kept_top" not in {row["name"] for row in report["functions"] if row["calls"]}
    edges = edges_of(report)
    assert edges["left_mid", "kept_leaf"] == 2 * 60 and edges["kept_top", "kept_leaf"] == 0
    assert edges["calls", "left_mid"] == edges["work", "left_mid"] == 40


@pytest.mark.parametrize("begin", ["kept", "left"])
def test_functions_that_are_open(python, session_dir, tmp_path, begin):
    """Left out while it is on the stack, and taken in while it is."""
    options = ["--skip", "__main__:left_hold"] if begin == "left" else []
    with followed(python, session_dir, tmp_path, *options) as program:
        assert program.ask("left_hold") == "held"
        program.ask("7")
        if begin == "kept":
            program.set("skip=__main__:left_hold")
            program.ask("20")
        program.set("skip=")
        program.ask("300")
        assert program.ask("leave") == "left"
        program.ask("calls 1")
        report = program.end()
    check_sound(report)
    edges = {key: calls for key, calls in edges_of(report).items() if key[1] == "kept_step"}
    if begin == "kept":
        assert edges == {("left_hold", "kept_step"): 307, ("serve", "kept_step"): 20}
    else:
        assert edges == {("left_hold", "kept_step"): 300, ("serve", "kept_step"): 7}
    assert function_named(report, "left_hold", PROGRAM)["calls"] == (begin == "kept")
    assert function_named(report, "serve", PROGRAM)["holds_left_out"]
    # What runs after it has ended is not its.
    assert edges_of(report)["serve", "calls"] == 1
    assert edges_of(report)["left_hold", "calls"] == 0


def test_generators_that_are_left_out_and_taken_in(python, session_dir, tmp_path):
    with followed(python, session_dir, tmp_path) as program:
        program.ask("steps 5")
        program.set(SKIP)
        program.ask("steps 1000")
        program.set("skip=")
        program.ask("steps 3")
        report = program.end()
    check_sound(report)
    row = function_named(report, "left_steps", PROGRAM)
    assert (row["calls"], row["resumes"], row["yields"]) == (2, 8, 8)
    edges = edges_of(report)
    assert edges["left_steps", "kept_leaf"] == 8 and edges["steps", "kept_leaf"] == 1000


def test_other_tools_are_not_disturbed(python, session_dir, tmp_path):
    if python.minor < (3, 12):
        pytest.skip("sys.monitoring came with 3.12")
    with followed(python, session_dir, tmp_path) as program:
        program.ask("other_tool")
        program.ask("calls 1000")
        program.set(SKIP)
        program.ask("calls 1000")
        before = program.ask("other_heard")
        program.set("skip=")
        program.ask("calls 1000")
        assert program.ask("other_heard") == before
        report = program.end()
    assert sorted(before.split(",")) == ["kept_leaf", "kept_top", "left_leaf", "left_mid"]
    assert calls_of(report, "left_leaf") == [2 * 2000]


# --- sources --------------------------------------------------------------------------------------


def test_sources_come_and_go(python, session_dir, tmp_path):
    with followed(python, session_dir, tmp_path) as program:
        program.ask("calls 10")
        assert "events=calls,c-calls " in program.set("events+=c-calls")
        program.ask("calls 20")
        assert "events=calls " in program.set("events=calls")
        program.ask("calls 400")
        report = program.end()
    check_sound(report)
    assert calls_of(report, "kept_top", "left_leaf") == [2 * 430, 2 * 430]
    edges = edges_of(report)
    assert [edges[key] for key in edges if key[0] == "kept_top" and "len" in key[1]] == [2 * 20]
    assert edges["kept_top", "left_mid"] == edges["left_mid", "left_leaf"] == 2 * 430
    sources = {row["name"]: row for row in report["sources"]}
    assert sources["calls"]["complete"] and not sources["c-calls"]["complete"]
    assert sources["c-calls"]["reason"] == "it was on for a part of the time"
    assert 0 < sources["c-calls"]["on_ns"] < sources["calls"]["on_ns"]


def test_sources_that_the_program_refuses(python, session_dir, tmp_path):
    if python.minor >= (3, 12):
        pytest.skip("from 3.12 on C calls need no one's place")
    with followed(python, session_dir, tmp_path) as program:
        program.ask("profile")
        told = program.set("events+=c-calls", status=1)
        assert "c-calls need sys.setprofile's place" in told
        program.ask("calls 10")
        assert "events=calls " in program.set("on-full=wait")
        report = program.end()
    assert calls_of(report, "kept_top") == [20]
    # What was never on is not said to have been on for a part of the time.
    assert [row["name"] for row in report["sources"]] == ["calls"]


# --- the budget, and full rings -------------------------------------------------------------------

BUSY = """
import time
def tiny(): pass
def busy():
    for _ in range(1000): tiny()
end = time.monotonic() + 60
while time.monotonic() < end: busy()
"""


def test_the_budget(python, session_dir, tmp_path):
    script, frames = tmp_path / "busy.py", tmp_path / "frames"
    script.write_text(BUSY)
    words = [ULMA, "top", "--python", python.path, "-b", "-f", "json", "-i", "0.1", "--kill"]
    with open(frames, "wb") as out:
        top = subprocess.Popen(
            [str(word) for word in [*words, "-q", "--no-children", script]],
            stdout=out,
            stderr=subprocess.DEVNULL,
            env=environment(session_dir),
        )

    def probe():
        lines = frames.read_bytes().split(b"\n")[:-1]
        return json.loads(lines[-1])["probe"] if lines else {}

    def set_budget(value):
        (session,) = session_dir.iterdir()
        done = run([ULMA, "set", session, f"budget={value}"], env=environment(session_dir))
        assert done.status == 0, done.told()
        return done.out.decode()

    try:
        await_true(lambda: probe().get("ns_per_call"), "no frame came")
        assert probe()["budget_pct"] is None and not probe()["muted_functions"]
        assert " budget=1 " in set_budget(1)
        await_true(lambda: probe()["budget_pct"] == 1, "the budget is not in the frames")
        await_true(lambda: probe()["muted_functions"] > 0, "nothing was muted")
        assert " budget=exact " in set_budget("exact")
        await_true(lambda: probe()["budget_pct"] is None, "the budget stays in the frames")
        before = json.loads(frames.read_bytes().split(b"\n")[-2])
        heard = before["events"]["read"]
        await_true(
            lambda: (
                json.loads(frames.read_bytes().split(b"\n")[-2])["events"]["read"]
                > heard + 1_000_000
            ),
            "it is not heard again",
        )
    finally:
        top.send_signal(signal.SIGTERM)
        top.wait(timeout=LIMIT_S)


def test_full_rings(python, session_dir, tmp_path):
    """A collector that stands still: with `drop` the program does not wait for it."""
    with followed(python, session_dir, tmp_path, "--buffer", "1M") as program:
        assert " on-full=drop" in program.set("on-full=drop")
        os.kill(program.process.pid, signal.SIGSTOP)
        try:
            program.ask("calls 30000")
        finally:
            os.kill(program.process.pid, signal.SIGCONT)
        report = program.end()
    assert report["events"]["lost"] > 0
    assert report["waited_ns"] == 0


# --- who is spoken to -----------------------------------------------------------------------------

FAMILY = """
import os, sys
def in_child(): pass
def left_in_child(): pass
def calls(count):
    for _ in range(count):
        in_child()
        left_in_child()
reads, writes = os.pipe()
answers, says = os.pipe()
child = os.fork()
if child == 0:
    calls(1)
    while True:
        count = os.read(reads, 100)
        if count == b"end":
            os._exit(0)
        calls(int(count))
        os.write(says, b"x")
print("ready", flush=True)
for line in sys.stdin:
    os.write(writes, line.strip().encode())
    os.read(answers, 1)
    print("done", flush=True)
os.write(writes, b"end")
os.waitpid(child, 0)
"""


def test_children_too(python, session_dir, tmp_path):
    script = tmp_path / "family.py"
    script.write_text(FAMILY)
    with followed(python, session_dir, tmp_path, program=script) as program:
        program.ask("50")
        program.set("skip=__main__:left_in_child")
        program.ask("3000")
        program.set("skip=")
        program.ask("10")
        assert " budget=2.5 " in program.set("budget=2.5")  # the family's
        assert " budget=exact " in program.set("budget=")
        report = program.end()
    assert function_named(report, "in_child", script)["calls"] == 3061
    assert function_named(report, "left_in_child", script)["calls"] == 61


@pytest.fixture(scope="session")
def armed_site(tmp_path_factory):
    """What pip puts into a user's site-packages: the package, its .pth file, the probe."""

    def make(python):
        base = tmp_path_factory.mktemp("user")
        site = base / "lib" / "python{}.{}".format(*python.minor) / "site-packages"
        shutil.copytree(ROOT / "python" / "ulma", site / "ulma")
        shutil.copy(ROOT / "python" / "ulma.pth", site)
        shutil.copy(ROOT / "build" / "src" / "ulma_probe.so", site / "ulma")
        return base

    return make


def test_an_armed_process(python, session_dir, tmp_path, armed_site):
    env = environment(session_dir, ULMA="1", PYTHONUSERBASE=str(armed_site(python)))
    process = subprocess.Popen(
        [python.path, str(PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=env,
        text=True,
    )

    def ask(line):
        process.stdin.write(line + "\n")
        process.stdin.flush()
        return process.stdout.readline().strip()

    try:
        assert process.stdout.readline() == "ready\n"
        done = run([ULMA, "set", process.pid, "only=x"], env=env)
        assert done.status == 1 and b"nobody collects from PID" in done.err, done.told()
        report_file = tmp_path / "report.json"
        options = ["-q", "-f", "json", "-o", report_file, "--exact"]
        report = subprocess.Popen(
            [str(word) for word in [ULMA, "report", *options, process.pid]], env=env
        )
        listed = [ULMA, "ps", "--dir", session_dir]
        await_true(lambda: b" on " in run(listed, env=env).out, "it is not switched on")
        ask("calls 10")
        done = run([ULMA, "set", process.pid, SKIP], env=env)
        assert done.status == 0 and f"followed by PID {report.pid}".encode() in done.out
        ask("calls 1000")
        # The directory stands for it, too, and all of several are spoken to.
        done = run([ULMA, "set", session_dir, process.pid, "skip="], env=env)
        assert done.status == 0 and done.out.count(b" skip= ") == 2, done.told()
        ask("calls 3")
        report.send_signal(signal.SIGINT)
        report.wait(timeout=LIMIT_S)
        seen = json.loads(report_file.read_text())
        assert calls_of(seen, "left_leaf", "kept_top") == [2 * 13, 2 * 1013]
    finally:
        process.communicate("", timeout=LIMIT_S)


# --- refusals -------------------------------------------------------------------------------------

WRONG = [
    (["onyl=x"], "no key `onyl`: did you mean `only`?"),
    (["lines=dict.get"], "lines cannot use `dict.get`"),
    (["rules=/nowhere/rules"], "/nowhere/rules: No such file"),
    (["only=bad pattern!"], "cannot use `bad pattern!`"),
    (["skip=@nothing"], "no set `@nothing`"),
    (["events="], "`ulma off PID`"),
    (["budget=0"], "budget needs a percentage"),
    (["budget+=3"], "budget is one value: write budget=3"),
    (["on-full=sometimes"], "on-full needs wait or drop"),
    (["only=a", "plainly"], "`plainly` is no KEY=VALUE"),
    (["only=a\nb"], "cannot use"),
    ([], "needs a setting after the PID"),
]


@pytest.mark.parametrize("words, sentence", WRONG, ids=lambda value: " ".join(value) or "none")
def test_words_that_make_no_sense(words, sentence, session_dir):
    done = run([ULMA, "set", os.getpid(), *words], env=environment(session_dir))
    assert done.status == 2 and sentence in done.err.decode(), done.told()


def test_nobody_to_speak_to(session_dir):
    env = environment(session_dir)
    done = run([ULMA, "set", "only=x"], env=env)
    assert done.status == 2 and b"needs a PID" in done.err
    done = run([ULMA, "set", os.getpid(), "only=x"], env=env)
    assert done.status == 1 and b"there is nothing to set" in done.err, done.told()
    done = run([ULMA, "set", "4194304", "only=x"], env=env)
    assert done.status == 1 and b"no process 4194304" in done.err, done.told()


def test_all_words_act_or_none(python, session_dir, tmp_path):
    with followed(python, session_dir, tmp_path) as program:
        many = ",".join(f"a{i}" for i in range(60))
        program.set(f"only={many}")
        told = program.set("events=c-calls", "only+=b1,b2,b3,b4,b5", status=1)
        assert "more than 64 patterns" in told
        told = program.set("on-full=wait")
        assert "events=calls " in told and "b1" not in told
        program.end()


def test_a_text_that_is_no_words(python, session_dir, tmp_path):
    """Whatever stands in the session: a sentence, nothing changed, and the next words are heard."""
    with followed(python, session_dir, tmp_path) as program:
        program.set("skip=findable_in_the_file")
        with open(program.session, "r+b") as file, mmap.mmap(file.fileno(), 8192) as page:
            at = page.find(b"skip=findable_in_the_file\n")
            text = page.rfind(b"/", 0, at)
            while page[text - 1 : text] not in (b"\0", b"\x01"):
                text = page.rfind(b"/", 0, text)
            serial = text - 4
            (number,) = struct.unpack_from("I", page, serial)
            assert number == 1
            garbage = [
                os.urandom(3072),
                b"\xff" * 3072,
                b"/\nonly=" + b"x" * 3000,
                b"\0",
                b"relative\nonly=x\n\0",
                b"/\nonly=a\x1b[2J\n\0",
                b"/\nonyl=3\n\0",
                b"/\n" + b"only+=a\n" * 300 + b"\0",
                b"/\nonly=x",
            ]
            for content in garbage:
                number += 1
                page[text : text + 3072] = content.ljust(3072, b"\0" if b"\0" in content else b"z")
                struct.pack_into("I", page, serial, number)
                mark = struct.pack("I", number)
                end = time.monotonic() + LIMIT_S
                while mark not in page[text + 3072 : text + 3200]:
                    assert time.monotonic() < end, content[:40]
                    time.sleep(0.01)
                (result,) = struct.unpack_from("I", page, page.find(mark, text + 3072) + 4)
                assert result == 2, content[:40]
        told = program.set("on-full=wait")
        assert " only= skip=findable_in_the_file " in told
        program.ask("calls 5")
        report = program.end()
    assert calls_of(report, "kept_top") == [10]


# --- at random ------------------------------------------------------------------------------------

# Each function of a branch is called by the one above it alone: whoever is left out, no stack has
# two branches in it, or one upside down.
BRANCHES = """
import sys, threading

BRANCHES, DEPTH = 4, 6
text = "def top(): pass\\n"
for b in range(BRANCHES):
    for d in range(DEPTH):
        below = f"f{b}_{d + 1}" if d + 1 < DEPTH else "top"
        if d == 2:
            text += f"def f{b}_{d}():\\n    for _ in {below}(): pass\\n"
        elif d == 3:
            text += f"def f{b}_{d}():\\n    yield\\n    {below}(0)\\n    yield\\n    {below}(1)\\n"
        elif d == 4:
            text += (
                f"def f{b}_{d}(x):\\n    try: return sorted([2, 1], key={below})\\n"
                "    except ValueError: pass\\n"
            )
        elif d == 5:
            text += f"def f{b}_{d}(x):\\n    if x == {b}: raise ValueError\\n    return x\\n"
        else:
            text += f"def f{b}_{d}():\\n    for _ in range(3): {below}()\\n"
exec(compile(text, "<branches>", "exec"))
end = threading.Event()

def spin(first):
    while not end.is_set():
        for b in range(BRANCHES):
            globals()[f"f{(b + first) % BRANCHES}_0"]()

def last_leaf(): pass
def last():
    for _ in range(1000): last_leaf()

threads = [threading.Thread(target=spin, args=(i,)) for i in range(2)]
for thread in threads: thread.start()
print("ready", flush=True)
sys.stdin.readline()
last()
print("done", flush=True)
sys.stdin.readline()
end.set()
for thread in threads: thread.join()
"""

ROUNDS = 3400 if os.environ.get("ULMA_TORTURE") == "1" else 60  # of three switches each


def random_words(choose):
    names = [f"__main__:f{b}_{d}" for b in range(4) for d in range(6)] + ["__main__:spin"]
    words = [f"events={choose.choice(['calls', 'calls', 'c-calls'])}"]
    for key in ("only", "skip"):
        sign = choose.choice(["=", "=", "+="])
        count = choose.choice([0, 0, 1, 3, 8])
        words.append(f"{key}{sign}{','.join(choose.sample(names, count))}")
    choose.shuffle(words)
    return words


def check_paths(report):
    names = {row["id"]: row["name"] for row in report["functions"]}
    rows = {row["id"]: row for row in report["tree"]}
    place = re.compile(r"f(\d)_(\d)$")
    checked = 0
    for leaf in report["tree"]:
        row, own = leaf, place.match(names.get(leaf["function"], ""))
        while own and row["parent"] in rows:
            row = rows[row["parent"]]
            above = place.match(names.get(row["function"], ""))
            if above:
                assert above[1] == own[1] and above[2] < own[2], (above[0], own[0])
                checked += 1
                own = above
    assert checked > 100


def test_random_switches_under_load(python, session_dir, tmp_path):
    script = tmp_path / "branches.py"
    script.write_text(BRANCHES)
    choose = random.Random(python.version)
    with followed(
        python, session_dir, tmp_path, "--no-children", "--on-full", "wait", program=script
    ) as program:
        for _ in range(ROUNDS):
            program.set(*random_words(choose))
        program.set("events=calls", "only=", "skip=")
        assert program.ask("last") == "done"
        program.process.stdin.close()
        program.process.stdin = None
        report = program.end()
    check_sound(report)
    check_paths(report)
    assert function_named(report, "last_leaf", script)["calls"] == 1000
    assert edges_of(report)["last", "last_leaf"] == 1000
