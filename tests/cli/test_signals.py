# SPDX-License-Identifier: MIT
"""Signals: whom they reach, how the run ends, and that the report is written however it ends."""

import json
import os
import pathlib
import signal
import subprocess
import time

import harness
import pytest

# os.write, since a signal may come while it writes, and sys.stdout is not re-entrant.
READY = "import os, signal, sys, time\ndef ready(): os.write(1, b'%d\\n' % os.getpid())\n"
FOREVER = READY + (
    "def work():\n    for i in range(1000): pass\nwork()\nready()\nwhile True: work()\n"
)
# One line for each signal that arrives; ends at SIGTERM with a status of its own.
TELLING = (
    READY
    + """
def tell(number, frame):
    os.write(1, signal.Signals(number).name.encode() + b'\\n')
    if number == signal.SIGTERM: sys.exit(9)
for name in ('INT', 'QUIT', 'HUP', 'TERM', 'USR1', 'USR2'):
    signal.signal(getattr(signal, 'SIG' + name), tell)
ready()
while True: time.sleep(0.01)
"""
)


def start(ulma, code, *options, **more):
    """Starts ulma on the code; returns it and the PID that the target told."""
    script = ulma.script(code)
    words = ["run", "--python", ulma.python, "-f", "json", "-o", "r.json", *options, script]
    process = ulma.start(*words, **more)
    return process, int(process.stdout.readline())


def finish(ulma, process):
    out, err = process.communicate(timeout=60)
    status = process.returncode
    report = ulma.folder / "r.json"
    text = report.read_text() if report.exists() else ""
    return status, out.decode(), err.decode(), json.loads(text) if text else None


def calls(report, name):
    return sum(row["calls"] for row in report["functions"] if row["name"] == name)


def end_target(pid):
    os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGABRT, signal.SIGINT])
def test_target_ended_by_a_signal(ulma, number):
    # SIGINT at its default, as in a background job of a shell that restored it.
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL)\n" + FOREVER
    process, pid = start(ulma, code)
    os.kill(pid, number)
    status, _, err, report = finish(ulma, process)
    assert status == 128 + number, err
    assert report["target"]["signal"] == number
    assert report["target"]["exit_status"] is None
    assert calls(report, "work") > 0
    assert ulma.left_behind() == []


def test_sigterm_to_ulma_is_passed_on(ulma):
    process, _ = start(ulma, TELLING)
    process.send_signal(signal.SIGTERM)
    status, out, _, report = finish(ulma, process)
    assert (status, out) == (9, "SIGTERM\n")
    assert report["target"]["exit_status"] == 9


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGQUIT])
def test_other_signals_to_ulma_are_passed_on(ulma, number):
    process, pid = start(ulma, TELLING)
    process.send_signal(number)
    assert process.stdout.readline().decode().strip() == number.name
    os.kill(pid, signal.SIGTERM)
    status, out, _, report = finish(ulma, process)
    assert (status, out) == (9, "SIGTERM\n") and report is not None


def test_sigint_to_ulma_alone_is_passed_on(ulma):
    process, pid = start(ulma, TELLING)
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == b"SIGINT\n"
    os.kill(pid, signal.SIGTERM)
    assert finish(ulma, process)[0] == 9


def test_keyboard_interrupt_of_the_target(ulma):
    process, _ = start(ulma, FOREVER)
    process.send_signal(signal.SIGINT)
    status, _, err, report = finish(ulma, process)
    assert status == 130 and "KeyboardInterrupt" in err
    assert calls(report, "work") > 0


def test_two_sigints_end_ulma_alone(ulma, wait):
    process, pid = start(ulma, TELLING)
    try:
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == b"SIGINT\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        os.kill(pid, 0)  # it lives
        report = json.loads((ulma.folder / "r.json").read_text())
        assert calls(report, "ready") == 1
        assert report["target"]["exit_status"] is None and report["target"]["signal"] is None
        assert ulma.left_behind() == []
        # ... and runs on, unprofiled: it still answers.
        os.kill(pid, signal.SIGUSR1)
        assert process.stdout.readline() == b"SIGUSR1\n"
    finally:
        end_target(pid)


def test_sigints_further_apart_do_not_end_ulma(ulma):
    process, pid = start(ulma, TELLING)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == b"SIGINT\n"
        time.sleep(2.2)  # the contract's two seconds have to pass
    os.kill(pid, signal.SIGTERM)
    assert finish(ulma, process)[0] == 9


def test_dispositions_and_mask_are_as_they_were(ulma):
    code = (
        "import signal\n"
        "kept = set(range(1, 32)) - {9, 19, signal.SIGURG}  # SIGURG is the switch\n"
        "print([(n, signal.getsignal(n)) for n in sorted(kept)])\n"
        "print(signal.pthread_sigmask(signal.SIG_BLOCK, []))\n"
        "print([l for l in open('/proc/self/status') if l.startswith(('SigBlk', 'SigIgn'))])\n"
    )
    script = ulma.script(code)

    def odd_signals():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2, signal.SIGTERM])

    def outcome(*words):
        return subprocess.run(
            [str(word) for word in words],
            env=ulma.env,
            cwd=ulma.folder,
            stdout=subprocess.PIPE,
            preexec_fn=odd_signals,
            timeout=60,
        )

    alone = outcome(ulma.python, script)
    profiled = outcome(harness.ULMA, "run", "-q", "--python", ulma.python, script)
    assert alone.returncode == profiled.returncode == 0
    assert profiled.stdout == alone.stdout


def test_the_target_is_the_only_child_and_keeps_group_and_session(ulma):
    code = READY + "ready()\nprint(os.getpgrp(), os.getsid(0), os.getppid(), flush=True)\ninput()\n"
    process, pid = start(ulma, code, stdin=subprocess.PIPE)
    group, session, parent = map(int, process.stdout.readline().split())
    assert (group, session, parent) == (process.pid, process.pid, process.pid)
    tasks = pathlib.Path(f"/proc/{process.pid}/task").iterdir()
    children = "".join((task / "children").read_text() for task in tasks)
    assert children.split() == [str(pid)]
    process.stdin.write(b"\n")
    assert finish(ulma, process)[0] == 0


def test_duration_ends_the_profiling_not_the_target(ulma):
    code = READY + (
        "def work(): time.sleep(0.001)\n"
        "ready()\n"
        "while not os.path.exists('r.json') or not os.path.getsize('r.json'): work()\n"
        "def after(): pass\n"
        "after()\nprint('done', flush=True)\nsys.exit(6)\n"
    )
    process, _ = start(ulma, code, "-d", "0.2s")
    status, out, err, report = finish(ulma, process)
    assert (status, out) == (6, "done\n"), err
    assert calls(report, "work") > 0 and calls(report, "after") == 0
    assert report["target"]["duration_ns"] > 0.15e9
    assert ulma.left_behind() == []


def test_duration_with_kill_ends_the_target(ulma):
    process, _ = start(ulma, FOREVER, "-d", "0.2s", "--kill")
    status, _, err, report = finish(ulma, process)
    assert status == 128 + signal.SIGTERM, err
    assert calls(report, "work") > 0


def test_delay_begins_later(ulma, wait):
    before = time.monotonic()
    process, _ = start(ulma, FOREVER, "--delay", "1.5s")
    wait(lambda: b" on " in ulma("ps", "--dir", ulma.session_dir).out, "the switch")
    process.send_signal(signal.SIGTERM)
    status, _, err, report = finish(ulma, process)
    assert status == 128 + signal.SIGTERM, err
    assert calls(report, "work") > 0
    # However slow the machine is, the first 1.5 s cannot be in it.
    (source,) = report["sources"]
    assert 0 < source["on_ns"] <= (time.monotonic() - before - 1.5) * 1e9


def test_start_off_records_nothing(ulma):
    process, _ = start(ulma, READY + "ready()\n", "--start-off")
    status, _, err, report = finish(ulma, process)
    assert status == 0, err
    assert report["functions"] == []


def test_killed_ulma_leaves_the_target_alone(ulma, wait):
    process, pid = start(ulma, TELLING)
    try:
        process.kill()
        assert process.wait(30) == -signal.SIGKILL
        os.kill(pid, signal.SIGUSR1)
        assert process.stdout.readline() == b"SIGUSR1\n"
    finally:
        end_target(pid)
