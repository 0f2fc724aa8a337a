# SPDX-License-Identifier: MIT
"""Processes that were armed before anybody asked: switched on from outside, and left as found."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest
from armed_process import PROGRAM, Report, calls_of, check_exact, states, ulma, wait_for
from harness import LIMIT_S, ROOT, ULMA, environment, function_named, run, session_files

pytestmark = pytest.mark.some_pythons


def test_off_nothing_shows(python, start):
    plain, armed = start(), start(ULMA="1")
    assert states(armed) == {armed.pid: ("armed", "-")}
    for question in ("hooks", "modules"):
        assert armed.ask(question) == plain.ask(question) == "[]"
    armed.end()
    assert session_files(armed.env["ULMA_DIR"]) == []


def test_by_code(start, tmp_path):
    process = start()
    assert states(process) == {}
    assert [process.ask("arm"), process.ask("arm")] == ["armed", "armed"]
    assert states(process) == {process.pid: ("armed", "-")}
    report = Report(process, tmp_path)
    assert process.ask("calls 500") == "done"
    check_exact(report.finish(), 500)
    process.end()


def test_on_and_off_with_three_collectors(armed, tmp_path):
    for count in (1000, 2000, 3000):
        assert armed.ask("calls 77") == "done"
        report = Report(armed, tmp_path)
        assert armed.ask("hooks") != "[]"
        assert armed.ask(f"calls {count}") == "done"
        told = report.finish()
        check_exact(told, count)
        assert f"PID {armed.pid} runs on, armed and off" in report.err
        assert {"MainThread", "worker"} <= {thread["name"] for thread in told["threads"]}
        assert armed.ask("hooks") == "[]"
        assert states(armed) == {armed.pid: ("armed", "-")}
    armed.end()
    assert session_files(armed.env["ULMA_DIR"]) == []


def test_stacks_that_were_there(armed, tmp_path):
    """The frames below what is called are known though nobody saw them called."""
    report = Report(armed, tmp_path)
    assert armed.ask("calls 10") == "done"
    told = report.finish()
    names = {None: None, **{row["id"]: row["name"] for row in told["functions"]}}
    callers = {(names[row["caller"]], names[row["callee"]]) for row in told["callers"]}
    assert ("work", "in_thread") in callers and ("serve", "calls") in callers
    assert function_named(told, "serve")["calls"] == function_named(told, "work")["calls"] == 0


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGHUP))
def test_signals_end_the_collecting_alone(armed, tmp_path, number):
    report = Report(armed, tmp_path)
    assert armed.ask("calls 10") == "done"
    check_exact(report.finish(number), 10)
    assert armed.ask("hooks") == "[]"
    armed.end()


def test_duration_and_table(armed):
    done = ulma(armed, "report", "-p", armed.pid, "-d", "0.2")
    assert done.status == 0
    assert b"ncalls" in done.out
    assert re.search(rb"PID \d+ runs on, armed and off", done.err.splitlines()[-1])
    armed.end()


def test_top(armed):
    done = ulma(armed, "top", armed.pid, "-b", "--count", "2", "-i", "0.2")
    assert done.status == 0
    assert done.out.count(b"%self") >= 2 and f"pid {armed.pid}".encode() in done.out
    assert b"runs on, armed and off" in done.err
    assert armed.ask("hooks") == "[]"
    armed.end()


def test_ends_while_followed(armed, tmp_path):
    report = Report(armed, tmp_path)
    assert armed.ask("calls 300") == "done"
    armed.end()
    told = report.finish(None)
    check_exact(told, 300)
    assert told["target"]["exit_status"] is None
    assert f"PID {armed.pid} has ended" in report.err
    assert session_files(armed.env["ULMA_DIR"]) == []


def test_killed_its_page_is_cleared(armed):
    armed.process.kill()
    armed.process.wait()
    assert len(session_files(armed.env["ULMA_DIR"])) == 2  # the page and its bell
    done = ulma(armed, "ps", "--dir", armed.env["ULMA_DIR"])
    assert b"removed 1 control page" in done.err
    assert session_files(armed.env["ULMA_DIR"]) == []


def test_collector_killed(armed, tmp_path):
    """The probe goes off by itself, and a new collector has the process at once."""
    report = Report(armed, tmp_path)
    report.ulma.kill()
    report.ulma.communicate()

    def is_off():
        armed.ask("calls 20")
        return armed.ask("hooks") == "[]"

    wait_for(is_off, "off")
    maps = pathlib.Path(f"/proc/{armed.pid}/maps").read_text()
    assert maps.count(armed.env["ULMA_DIR"]) == 1, "the dead collector's session is still mapped"
    report = Report(armed, tmp_path)
    assert armed.ask("calls 400") == "done"
    check_exact(report.finish(), 400)
    armed.end()


def test_collector_killed_and_followed_at_once(armed, tmp_path):
    for count in (10, 20, 30):
        report = Report(armed, tmp_path)
        report.ulma.kill()
        report.ulma.communicate()
        report = Report(armed, tmp_path)
        assert armed.ask(f"calls {count}") == "done"
        check_exact(report.finish(), count)
    assert ulma(armed, "ps", "--dir", armed.env["ULMA_DIR"]).status == 0
    armed.end()
    assert session_files(armed.env["ULMA_DIR"]) == []


def test_second_collector_is_refused(armed, tmp_path):
    """One that looks on is not: test_join.py."""
    report = Report(armed, tmp_path)
    done = ulma(armed, "record", armed.pid, "-o", tmp_path / "a.ulma", "-d", "1")
    assert done.status == 1
    assert f"followed already, by PID {report.ulma.pid} of the user" in done.err.decode()
    assert b"report" in done.err
    done = ulma(armed, "detach", armed.pid)
    assert done.status == 1 and b"followed already" in done.err
    assert armed.ask("calls 5") == "done"
    check_exact(report.finish(), 5)
    armed.end()


def test_on_and_off_from_a_second_terminal(armed, tmp_path):
    done = ulma(armed, "on", armed.pid)
    assert done.status == 1 and f"`ulma top {armed.pid}`".encode() in done.err
    report = Report(armed, tmp_path)
    assert ulma(armed, "off", armed.pid).status == 0
    assert armed.ask("hooks") == "[]" or states(armed)[armed.pid][0] == "off"
    assert armed.ask("calls 1000") == "done"
    assert ulma(armed, "on", armed.pid).status == 0
    assert armed.ask("calls 20") == "done"
    check_exact(report.finish(), 20)
    done = ulma(armed, "off", armed.pid)
    assert done.status == 0 and b"armed and off, nobody collects" in done.out
    armed.end()


def test_detach(armed):
    done = ulma(armed, "detach", armed.pid)
    assert done.status == 0, done.told()
    assert session_files(armed.env["ULMA_DIR"]) == []
    caught = re.search(
        r"^SigCgt:\s*(\w+)", pathlib.Path(f"/proc/{armed.pid}/status").read_text(), re.MULTILINE
    )
    assert not int(caught[1], 16) >> (signal.SIGURG - 1) & 1
    done = ulma(armed, "off", armed.pid)
    assert done.status == 1 and b"is not armed" in done.err
    assert [armed.ask("hooks"), armed.ask("arm")] == ["[]", "armed"]
    assert states(armed) == {armed.pid: ("armed", "-")}
    armed.end()


@pytest.mark.parametrize("followed", (False, True))
def test_fork(armed, tmp_path, followed):
    """A child makes a page when it is first asked; its parent's counts and page are not touched."""
    report = Report(armed, tmp_path) if followed else None
    files = session_files(armed.env["ULMA_DIR"])
    child = int(armed.ask("fork"))  # from here on the child reads what is told
    assert session_files(armed.env["ULMA_DIR"]) == files
    other = tmp_path / "child"
    other.mkdir()
    for count in (40, 50):
        of_child = Report(armed, other, pid=child)
        assert armed.ask("hooks") != "[]"
        assert armed.ask(f"alone {count}") == "done"
        assert calls_of(of_child.finish(), "in_main") == count
        assert armed.ask("hooks") == "[]"
    armed.tell("end")
    assert armed.process.stdout.readline().strip() == str(child)
    if report:
        assert armed.ask("calls 30") == "done"
        check_exact(report.finish(), 30)
    armed.end()


@pytest.mark.parametrize(
    ("value", "told"),
    (
        ("0", b""),
        ("on", b""),
        ("on,keep=3,events=calls,c-calls", b""),
        ("on,speed=3", b"ULMA=on,speed=3: speed= means nothing"),
        ("yes", b"ULMA=yes means nothing"),
    ),
)
def test_values_of_ulma(python, installed, session_dir, value, told):
    env = environment(session_dir, PYTHONUSERBASE=str(installed), ULMA=value)
    done = run([python.path, "-c", "print(1)"], env=env)
    assert (done.status, done.out) == (0, b"1\n")
    assert told in done.err and done.err.count(b"\n") == bool(told)


@pytest.mark.newest_python
def test_what_a_process_wishes_to_be_collected(start, tmp_path):
    """The command line goes before it, and what makes no sense is told."""
    process = start(ULMA="on,events=calls,c-calls,skip=@stdlib,__main__:in_thread,budget=x,keep=1m")
    report = Report(process, tmp_path)
    assert process.ask("calls 50") == "done"
    told = report.finish()
    assert calls_of(told, "in_main") == 50 and calls_of(told, "in_thread") == 0
    assert {source["name"] for source in told["sources"]} == {"calls", "c-calls"}
    for words in ("ULMA=on,events=calls,c-calls: so", "skip=@stdlib,__main__:in_thread: so"):
        assert words in report.err
    assert "ULMA=on,budget=x, which is left out: budget needs a percentage" in report.err
    # With a budget, the rule for a PID, sources come one after the other; without one at once.
    report = Report(process, tmp_path, "--exact")
    assert process.ask("calls 30") == "done"
    told = report.finish()
    assert calls_of(told, "in_main") == 30
    assert any(row["kind"] == "c" for row in told["functions"])
    report = Report(process, tmp_path, "--only", "__main__:in_thread", "--budget", "7")
    assert process.ask("calls 20") == "done"
    told = report.finish()
    assert calls_of(told, "in_main") == 0 and calls_of(told, "in_thread") == 20
    assert told["probe"]["budget_pct"] == 7 and "skip=" not in report.err
    process.end()


def test_a_handler_of_the_programs_own_is_left_alone(python, installed, session_dir):
    code = (
        "import signal, ulma\n"
        "def mine(*args): pass\n"
        "signal.signal(signal.SIGURG, mine)\n"
        "try: ulma.arm()\n"
        "except ulma.Error as error: print(error)\n"
        "print(signal.getsignal(signal.SIGURG) is mine)\n"
    )
    env = environment(session_dir, PYTHONUSERBASE=str(installed))
    done = run([python.path, "-c", code], env=env)
    assert done.status == 0, done.told()
    assert b"a handler of its own for SIGURG" in done.out and done.out.endswith(b"\nTrue\n")
    assert session_files(session_dir) == []


def test_armed_in_a_thread(python, installed, session_dir, tmp_path):
    """The main thread takes the signal as soon as it runs Python code."""
    code = (
        "import os, sys, threading, ulma\n"
        "def f(): pass\n"
        "thread = threading.Thread(target=ulma.arm)\n"
        "thread.start(); thread.join()\n"
        "print(os.getpid(), flush=True)\n"
        "sys.stdin.readline()\n"
        "for _ in range(250): f()\n"
        "print('done', flush=True); sys.stdin.readline()\n"
    )
    env = environment(session_dir, PYTHONUSERBASE=str(installed))
    (tmp_path / "program.py").write_text(PROGRAM)
    process = subprocess.Popen(
        [python.path, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=env,
        text=True,
    )
    try:
        process.pid_told, process.env = int(process.stdout.readline()), env
        report = Report(process, tmp_path)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"
        assert calls_of(report.finish(), "f") == 250
    finally:
        process.communicate("\n", timeout=LIMIT_S)


def test_run_of_an_armed_program_is_as_before(python, installed, session_dir, tmp_path):
    """ULMA=1 does not arm what `ulma run` itself starts."""
    (tmp_path / "program.py").write_text("def f(): pass\nfor _ in range(9): f()\n")
    env = environment(session_dir, PYTHONUSERBASE=str(installed), ULMA="1")
    output = tmp_path / "report.json"
    words = ["run", "--python", python.path, "-q", "-o", output, tmp_path / "program.py"]
    done = run([ULMA, *words], env=env)
    assert done.status == 0 and done.err == b"", done.told()
    assert calls_of(json.loads(output.read_text()), "f") == 9
    assert session_files(session_dir) == []


def test_not_armed(start, tmp_path):
    process = start()
    for verb in ("on", "off", "detach"):
        done = ulma(process, verb, process.pid)
        assert done.status == 1 and b"is not armed, so that there is nothing" in done.err
    process.end()
    done = ulma(process, "report", process.pid)
    assert done.status == 1 and b"no process" in done.err


def test_a_session_stands_for_a_pid(armed, tmp_path):
    directory = armed.env["ULMA_DIR"]
    (page,) = (file for file in session_files(directory) if file.endswith(".armed"))
    for word in (directory, page):
        done = run([ULMA, "report", word, "-d", "0.1"], env=environment())
        assert done.status == 0, done.told()
        assert f"PID {armed.pid} runs on".encode() in done.err
    armed.end()


def test_descriptors_closed_by_the_program(python, armed, tmp_path):
    """Daemons close what they do not know: the lock goes, the page stays, and no descriptor of the
    program's own is taken for ours."""
    numbers = armed.ask("reopen").split()
    assert states(armed) == {armed.pid: ("armed", "-")}
    report = Report(armed, tmp_path)
    assert armed.ask("calls 60") == "done"
    check_exact(report.finish(), 60)
    assert ulma(armed, "detach", armed.pid).status == 0
    assert armed.ask("still " + " ".join(numbers)) == "True"
    armed.end()


def test_stopped_process_is_given_up(armed):
    os.kill(armed.pid, signal.SIGSTOP)
    done = ulma(armed, "report", armed.pid, "-d", "1")
    assert done.status == 1 and b"did not answer within 2 s" in done.err
    os.kill(armed.pid, signal.SIGCONT)
    # Nothing of it happens later.
    assert armed.ask("calls 10") == "done"
    assert armed.ask("hooks") == "[]"
    assert len(session_files(armed.env["ULMA_DIR"])) == 2
    armed.end()


def test_stopped_while_followed(armed, tmp_path):
    """It is not said to be off before it is; when it goes on, it is."""
    report = Report(armed, tmp_path)
    assert armed.ask("calls 70") == "done"
    os.kill(armed.pid, signal.SIGSTOP)
    check_exact(report.finish(), 70)
    assert "has not answered yet" in report.err and "armed and off" not in report.err
    os.kill(armed.pid, signal.SIGCONT)
    assert armed.ask("calls 1") == "done"
    assert armed.ask("hooks") == "[]"
    assert states(armed) == {armed.pid: ("armed", "-")}
    armed.end()


def test_tool_ids_taken_meanwhile(python, armed):
    if python.minor < (3, 12):
        assert armed.ask("take_tools") == "none"
        return
    assert armed.ask("take_tools") == "taken"
    done = ulma(armed, "report", armed.pid, "-d", "1")
    assert done.status == 1
    assert b"tool ids 4 and 3 are taken by other and other" in done.err, done.told()
    assert armed.ask("hooks") == "[3, 4]"
    armed.end()


def test_sub_interpreters_are_quiet(python, installed, session_dir):
    code = (
        "import sys\n"
        "if sys.version_info >= (3, 13): import _interpreters as i\n"
        "else: import _xxsubinterpreters as i\n"
        "one = i.create()\n"
        "i.run_string(one, 'print(\"in it\", flush=True)')\n"
        "i.destroy(one)\n"
    )
    env = environment(session_dir, PYTHONUSERBASE=str(installed), ULMA="1")
    done = run([python.path, "-c", code], env=env)
    assert (done.status, done.out, done.err) == (0, b"in it\n", b""), done.told()


def test_exec_of_an_armed_process(armed):
    """The page of before is stale though the PID lives; its environment arms the new program."""
    assert armed.ask("again") == str(armed.pid)
    done = ulma(armed, "ps", "--dir", armed.env["ULMA_DIR"])
    assert b"removed 1 control page" in done.err, done.told()
    assert states(armed) == {armed.pid: ("armed", "-")}
    armed.end()


def test_memory_maps_and_descriptors_do_not_grow(armed, tmp_path):
    def of_process():
        folder = pathlib.Path(f"/proc/{armed.pid}")
        maps = (folder / "maps").read_text()
        return len(list((folder / "fd").iterdir())), maps.count(armed.env["ULMA_DIR"])

    assert ulma(armed, "report", armed.pid, "-d", "0.01").status == 0
    before = of_process()
    for _ in range(10):
        assert ulma(armed, "report", armed.pid, "-d", "0.01").status == 0
        assert armed.ask("calls 100") == "done"
    assert of_process() == before
    armed.end()


BUSY = """
import os, sys, threading
def leaf(n): return n
def middle(n): return sum(leaf(i) for i in range(n))
def work():
    while not over: middle(20)
over = False
threads = [threading.Thread(target=work) for _ in range(8)]
for t in threads: t.start()
print(os.getpid(), flush=True)
sys.stdin.readline()
over = True
for t in threads: t.join()
print('fine')
"""


def switch_often(python, installed, session_dir, times):
    env = environment(session_dir, PYTHONUSERBASE=str(installed), ULMA="1")
    process = subprocess.Popen(
        [python.path, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
    )
    pid = process.stdout.readline().decode().strip()
    seen = 0
    for number in range(times):
        words = [ULMA, "report", pid, "-f", "json", "-d", "0.2", "--on-full", "wait"]
        if number % 5 == 4:
            one = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env)
            time.sleep(0.005 * (number % 7))  # any moment of its life
            one.kill()
            one.communicate()
            continue
        done = run(words, env=env)
        assert done.status == 0, done.told()
        seen += calls_of(json.loads(done.out), "leaf") > 0
    assert seen > times / 4  # on a busy machine a process may not run at all for a while
    out, _ = process.communicate(b"\n", timeout=LIMIT_S)
    assert (process.returncode, out) == (0, b"fine\n")


def test_switched_often_under_load(python, installed, session_dir):
    switch_often(python, installed, session_dir, 10)


@pytest.mark.torture
def test_switched_300_times_under_load(python, installed, session_dir):
    switch_often(python, installed, session_dir, 300)


def test_another_users_process(python, session_dir, tmp_path):
    """Root follows it, in its own directory; another user is told whose it is."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a process of another user")
    other, directory = 65534, pathlib.Path(f"{session_dir}-other")
    directory.mkdir(mode=0o700)
    os.chown(directory, other, other)
    os.chmod(session_dir, 0o700)
    # Python code and probe come through this process: the other user may not read our folders.
    probe = pathlib.Path("/dev/shm") / f"{session_dir.name}-probe.so"
    shutil.copy(ROOT / "build" / "src" / "ulma_probe.so", probe)
    probe.chmod(0o755)
    code = (
        "import _imp, os, sys\n"
        "from _frozen_importlib import ModuleSpec\n"
        "from _frozen_importlib_external import ExtensionFileLoader\n"
        f"path = {str(probe)!r}\n"
        "spec = ModuleSpec('ulma_probe', ExtensionFileLoader('ulma_probe', path), origin=path)\n"
        "probe = _imp.create_dynamic(spec)\n"
        "_imp.exec_dynamic(probe)\n"
        f"os.setgroups([]); os.setgid({other}); os.setuid({other})\n"
        f"print(probe.arm_process({str(directory)!r}), os.getpid(), flush=True)\n"
        "def f(): pass\n"
        "sys.stdin.readline()\n"
        "for _ in range(120): f()\n"
        "print('done', flush=True); sys.stdin.readline()\n"
    )
    env = environment(directory)
    process = subprocess.Popen(
        [python.path, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=env,
        text=True,
    )
    try:
        answer, pid = process.stdout.readline().split()
        assert answer == "None"
        process.pid, process.env = int(pid), env
        report = Report(process, tmp_path)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"
        assert calls_of(report.finish(), "f") == 120
    finally:
        process.communicate("\n", timeout=LIMIT_S)
        left = session_files(directory)
        shutil.rmtree(directory)
        probe.unlink()
    assert left == []


def test_a_process_has_a_budget(armed, tmp_path):
    """A PID is asked about by people who do not want to slow it; --exact is theirs to say."""
    report = Report(armed, tmp_path, "--on-full", "wait")
    made = []

    def call():
        assert armed.ask("alone 1000000") == "done"
        made.append(1_000_000)

    def is_muted():
        """After so many calls as it takes: on a busy machine the governor may look late."""
        call()
        done = ulma(armed, "report", armed.pid, "-f", "json")
        assert done.status == 0, done.told()
        return json.loads(done.out)["probe"]["muted_functions"] == 1

    wait_for(is_muted, "in_main is muted")
    call()
    told = report.finish()
    assert told["probe"]["budget_pct"] == 5
    assert told["probe"]["muted_functions"] == 1
    assert [row["name"] for row in told["functions"] if not row["calls_exact"]] == ["in_main"]
    # Heard, each has two events.
    assert told["events"]["read"] < 1.5 * sum(made)
    report = Report(armed, tmp_path, "--exact", "--on-full", "wait")
    assert armed.ask("alone 500000") == "done"
    told = report.finish()
    assert told["probe"]["budget_pct"] is None
    assert calls_of(told, "in_main") == 500_000
    assert all(row["calls_exact"] for row in told["functions"])
    armed.end()


SLOW_MKNOD = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/syscall.h>
int access(const char *, int), usleep(unsigned);
long syscall(long number, long a, long b, long c, long d, long e, long f)
{
    static long (*real)(long, ...);
    if (!real)
        real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
    while (number == SYS_mknodat && access(GO_ON, 0))
        usleep(1000);
    return real(number, a, b, c, d, e, f);
}
"""


def test_nobody_who_looks_takes_the_page_away(start, session_dir, tmp_path):
    """`ulma ps` clears the pages of killed processes; one that is being made is not yet locked."""
    library, go_on = tmp_path / "slow.so", tmp_path / "go_on"
    (tmp_path / "slow.c").write_text(SLOW_MKNOD)
    words = ["-shared", "-fPIC", f'-DGO_ON="{go_on}"', "-o", library, tmp_path / "slow.c", "-ldl"]
    subprocess.run(["cc", *words], check=True)
    process = start(LD_PRELOAD=str(library))
    process.tell("arm")
    wait_for(lambda: list(session_dir.glob("*.armed")), "the page")
    assert process.pid not in states(process)
    go_on.touch()
    assert process.process.stdout.readline() == "armed\n"
    assert states(process)[process.pid] == ("armed", "-")
    process.end()
