# SPDX-License-Identifier: MIT
"""Several processes that run already, in one look: PIDs, and the children of a PID."""

import contextlib
import json
import os
import signal
import subprocess
import time

import pytest
from harness import LIMIT_S, ULMA, environment, report_of, run, run_ulma, session_files
from test_attach_left import handles_urgent

pytestmark = pytest.mark.some_pythons

# Obeys lines: `calls N`, `fork` (its child, which obeys, too, prints its PID), `end`.
PROGRAM = """
import os, sys

def counted(): pass

children = []

def fork():
    orders, answers = os.pipe(), os.pipe()
    if os.fork() == 0:
        os.dup2(orders[0], 0)
        os.dup2(answers[1], 1)
        for fd in orders + answers:
            os.close(fd)
        serve()
        os._exit(0)
    os.close(orders[0])
    os.close(answers[1])
    children.append((os.fdopen(orders[1], "w"), os.fdopen(answers[0])))
    return children[-1][1].readline().strip()

def child(number, *words):
    orders, answers = children[int(number)]
    print(*words, file=orders, flush=True)
    return answers.readline().strip()

def calls(count):
    for _ in range(int(count)):
        counted()
    return "done"

def thousand():
    for _ in range(1000):
        counted()

def thousands(count):
    for _ in range(int(count)):
        thousand()
    return "done"

def serve():
    print(os.getpid(), flush=True)
    for verb, *words in iter(lambda: sys.stdin.readline().split() or ["end"], ["end"]):
        print(globals()[verb](*words), flush=True)

serve()
"""


class Target:
    def __init__(self, python, folder, session_dir):
        self.script = folder / "obeys.py"
        self.script.write_text(PROGRAM)
        env = environment(session_dir, PYTHONWARNINGS="ignore::DeprecationWarning")
        pipe = subprocess.PIPE
        words = [python.path, self.script]
        self.process = subprocess.Popen(words, stdin=pipe, stdout=pipe, env=env, text=True)
        self.pid = int(self.process.stdout.readline())

    def tell(self, order):
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()

    def answer(self):
        return self.process.stdout.readline().strip()

    def ask(self, order):
        self.tell(order)
        return self.answer()

    def end(self):
        self.tell("end")
        assert self.process.wait(LIMIT_S) == 0


@pytest.fixture
def target(python, tmp_path, session_dir):
    with contextlib.ExitStack() as stack:

        def start():
            made = Target(python, tmp_path, session_dir)
            stack.callback(made.process.kill)
            return made

        yield start


class Look:
    """`ulma report` of PIDs, from the moment when all of them record."""

    def __init__(self, session_dir, folder, *words, count):
        self.env = environment(session_dir)
        self.output = folder / "report.json"
        command = [ULMA, "report", "--timeout", "20", "-f", "json", "-o", self.output, *words]
        self.process = subprocess.Popen(
            [str(word) for word in command], stderr=subprocess.PIPE, env=self.env, text=True
        )
        self.wait_until_on(count)

    def wait_until_on(self, count):
        end = time.monotonic() + LIMIT_S
        while True:
            lines = (
                run([ULMA, "ps", "--dir", self.env["ULMA_DIR"]], env=self.env)
                .out.decode()
                .splitlines()
            )
            if sum(line.split()[1] == "on" for line in lines[1:]) == count:
                return
            assert self.process.poll() is None, self.process.stderr.read()
            assert time.monotonic() < end, lines

    def end(self, interrupt=True):
        if interrupt:
            self.process.send_signal(signal.SIGINT)
        _, told = self.process.communicate(timeout=LIMIT_S)
        assert self.process.returncode == 0, told
        return json.loads(self.output.read_text()), told


def counted(report):
    return sum(row["calls"] for row in report["functions"] if row["name"] == "counted")


def test_their_calls_are_summed(target, session_dir, tmp_path):
    targets = [target(), target(), target()]
    pids = [one.pid for one in targets]
    look = Look(session_dir, tmp_path, "--exact", *pids, pids[0], count=3)
    for number, one in enumerate(targets, 1):
        one.ask(f"calls {number * 1000}")
    report, told = look.end()
    assert counted(report) == 6000
    assert sorted(row["pid"] for row in report["processes"]) == sorted(pids)
    assert report["target"]["pid"] == pids[0]
    assert report["target"]["command"].endswith(" (and 2 more processes)")
    assert report["events"]["lost"] == 0
    assert all(source["complete"] for source in report["sources"]), report["sources"]
    assert f"PIDs {pids[0]}, {pids[1]}, {pids[2]} run on, detached, as they were found" in told
    assert session_files(session_dir) == []
    for one in targets:
        assert one.ask("calls 10") == "done"
        one.end()


def test_a_row_for_each(target, session_dir, tmp_path):
    one, other = target(), target()
    words = ["--exact", "--by", "process", one.pid, other.pid]
    look = Look(session_dir, tmp_path, *words, count=2)
    one.ask("calls 100")
    other.ask("calls 200")
    report, _ = look.end()
    rows = [row for row in report["functions"] if row["name"] == "counted"]
    assert {row["pid"]: row["calls"] for row in rows} == {one.pid: 100, other.pid: 200}


@pytest.mark.parametrize("first", [True, False], ids=["the first ends", "another ends"])
def test_when_one_ends_the_others_go_on(first, target, session_dir, tmp_path):
    ends, stays = target(), target()
    pids = [ends.pid, stays.pid] if first else [stays.pid, ends.pid]
    look = Look(session_dir, tmp_path, "--exact", *pids, count=2)
    ends.ask("calls 1000")
    ends.end()
    stays.ask("calls 500")
    report, told = look.end()
    assert counted(report) == 1500
    assert f"PID {ends.pid} has ended" in told
    assert f"PID {stays.pid} runs on, detached, as it was found" in told


def test_when_all_have_ended_so_has_the_look(target, session_dir, tmp_path):
    one, other = target(), target()
    look = Look(session_dir, tmp_path, "--exact", one.pid, other.pid, count=2)
    one.ask("calls 10")
    other.ask("calls 20")
    one.end()
    other.end()
    report, told = look.end(interrupt=False)
    assert counted(report) == 30
    assert f"PIDs {one.pid}, {other.pid} have ended" in told
    assert session_files(session_dir) == []


def test_children_that_run_already_and_those_to_come(target, session_dir, tmp_path):
    parent = target()
    before = int(parent.ask("fork"))
    look = Look(session_dir, tmp_path, "--exact", "--children", parent.pid, count=2)
    parent.ask("calls 100")
    parent.ask("child 0 calls 1000")
    after = int(parent.ask("fork"))
    parent.ask("child 1 calls 10000")
    report, told = look.end()
    assert counted(report) == 11100
    assert {row["pid"] for row in report["processes"]} == {parent.pid, before, after}
    assert f"PIDs {parent.pid}, {before} run on, detached, as they were found" in told
    assert parent.ask("child 1 calls 5") == "done"
    assert parent.ask("calls 5") == "done"


def test_a_child_that_does_not_answer_is_left_out(target, session_dir, tmp_path):
    """As one that ends meanwhile: the others are not for it."""
    parent = target()
    child = int(parent.ask("fork"))
    env = environment(session_dir)
    assert run([ULMA, "attach", str(child)], env=env).status == 0
    os.kill(child, signal.SIGSTOP)
    try:
        look = Look(session_dir, tmp_path, "--exact", "--children", parent.pid, count=1)
        parent.ask("calls 100")
        report, told = look.end()
    finally:
        os.kill(child, signal.SIGCONT)
    assert counted(report) == 100
    assert f"ulma: PID {child}, a child, is left out\n" in told
    assert parent.ask("child 0 calls 5") == "done"
    assert run([ULMA, "detach", str(child)], env=env).status == 0


def test_without_children_forks_are_told_and_left_out(target, session_dir, tmp_path):
    parent, other = target(), target()
    look = Look(session_dir, tmp_path, "--exact", parent.pid, other.pid, count=2)
    parent.ask("fork")
    parent.ask("child 0 calls 1000")
    parent.ask("calls 10")
    report, _ = look.end()
    assert counted(report) == 10
    assert len(report["processes"]) == 2


@pytest.mark.parametrize("children", [True, False], ids=["children", "no children"])
def test_a_child_that_was_made_meanwhile_is_left_without_the_probe(
    children, target, session_dir, tmp_path
):
    """Its parent is left as it was found, and so is what the parent has handed on."""
    parent = target()
    words = ["--exact", *["--children"] * children, parent.pid]
    look = Look(session_dir, tmp_path, *words, count=1)
    child = int(parent.ask("fork"))
    parent.ask("child 0 calls 100")
    assert handles_urgent(child)
    report, _ = look.end()
    assert counted(report) == 100 * children
    assert not handles_urgent(child) and not handles_urgent(parent.pid)
    assert session_files(session_dir) == []
    assert parent.ask("child 0 calls 5") == "done"
    assert parent.ask("calls 5") == "done"


def test_one_of_them_is_switched_off_alone(target, session_dir, tmp_path):
    one, other = target(), target()
    look = Look(session_dir, tmp_path, "--exact", one.pid, other.pid, count=2)
    one.ask("calls 1")
    other.ask("calls 10")
    done = run([ULMA, "off", str(other.pid)], env=environment(session_dir))
    assert done.status == 0, done.told()
    one.ask("calls 100")
    other.ask("calls 1000")
    assert run([ULMA, "on", str(other.pid)], env=environment(session_dir)).status == 0
    other.ask("calls 10000")
    report, _ = look.end()
    assert counted(report) == 10111


def test_one_budget_for_all(python, target, session_dir, tmp_path):
    """Functions that cost too much are muted in each of them, and their calls estimated."""
    if python.minor < (3, 12):
        pytest.skip(f"{python.version}: the frame evaluation function hears all or none")
    one, other = target(), target()
    look = Look(session_dir, tmp_path, "--by", "process", one.pid, other.pid, count=2)
    one.tell("thousands 20000")
    other.tell("thousands 30000")
    assert one.answer() == other.answer() == "done"
    report, _ = look.end()
    assert report["probe"]["muted_functions"] > 0
    rows = {row["pid"]: row for row in report["functions"] if row["name"] == "counted"}
    assert not any(row["calls_exact"] for row in rows.values())
    assert 0.7 * 20e6 < rows[one.pid]["calls"] < 1.3 * 20e6
    assert 0.7 * 30e6 < rows[other.pid]["calls"] < 1.3 * 30e6


def test_a_budget_holds_children_of_a_target(python, tmp_path):
    """Some are just beginning when it is chosen who is muted: their version is not known yet."""
    if python.minor < (3, 12):
        pytest.skip(f"{python.version}: the frame evaluation function hears all or none")
    source = """
import os
def counted(): pass
def thousand():
    for _ in range(1000):
        counted()
def count(n):
    for _ in range(n):
        thousand()
for _ in range(5):
    if os.fork() == 0:
        count(8000)
        os._exit(0)
count(8000)
for _ in range(5):
    os.wait()
"""
    script = tmp_path / "forks.py"
    script.write_text(source)
    options = ["--budget", "5"]
    env = environment(PYTHONWARNINGS="ignore::DeprecationWarning")
    report = report_of(run_ulma(python, script, options=options, env=env))
    assert len(report["processes"]) == 6
    assert report["probe"]["muted_functions"] > 0
    assert 0.7 * 48e6 < counted(report) < 1.3 * 48e6


def test_one_that_cannot_be_had_leaves_all_as_they_were(python, target, session_dir, tmp_path):
    one = target()
    env = environment(session_dir)
    done = run([ULMA, "report", "--timeout", "20", str(one.pid), "999999999"], env=env)
    assert done.status == 1
    assert b"no process 999999999" in done.err
    other = Target(python, tmp_path, tmp_path / "elsewhere")
    try:
        done = run([ULMA, "report", "--timeout", "20", str(one.pid), str(other.pid)], env=env)
        assert done.status == 1, done.told()
        assert b"has its session directory at" in done.err
        assert other.ask("calls 10") == "done"
    finally:
        other.process.kill()
    assert session_files(session_dir) == []
    assert one.ask("calls 10") == "done"
    one.end()
