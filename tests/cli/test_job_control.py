# SPDX-License-Identifier: MIT
"""A terminal: Ctrl-C, Ctrl-Z and fg see one job, as without ulma."""

import contextlib
import os
import pty
import select
import signal
import termios

import harness
import pytest

PROGRAM = """
import os, signal, sys, time
def tell(number, frame):
    os.write(1, b'<%s>' % signal.Signals(number).name.encode())
for name in ('INT', 'QUIT', 'CONT'):
    signal.signal(getattr(signal, 'SIG' + name), tell)
signal.signal(signal.SIGHUP, lambda *_: sys.exit(11))
os.write(1, b'<ready %d>' % os.getpid())
while True:
    line = sys.stdin.readline()
    if line.startswith('exit'): sys.exit(int(line.split()[1]))
    os.write(1, b'<line %s>' % line.strip().encode())
"""


class Terminal:
    """A pty whose session leader (this class's child) starts jobs as a shell does."""

    def __init__(self, ulma, words):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(ulma.folder)
            job = os.fork()
            if job == 0:
                os.setpgid(0, 0)
                signal.signal(signal.SIGTTOU, signal.SIG_IGN)
                os.tcsetpgrp(0, os.getpid())
                signal.signal(signal.SIGTTOU, signal.SIG_DFL)
                os.execve(words[0], words, ulma.env)
            os._exit(self.lead(job))
        self.seen = b""

    @staticmethod
    def lead(job):
        """What a shell does: tells a stop, and continues the job in the foreground."""
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        with contextlib.suppress(OSError):
            os.setpgid(job, job)
        while True:
            _, status = os.waitpid(job, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
                os.write(1, b"<ended %d>" % code)
                return 0
            os.tcsetpgrp(0, os.getpgrp())
            os.write(1, b"<stopped %d>" % os.WSTOPSIG(status))
            os.read(0, 100)  # a line of the user's: fg
            os.tcsetpgrp(0, job)
            os.killpg(job, signal.SIGCONT)

    def expect(self, text):
        while text not in self.seen:
            assert select.select([self.master], [], [], 30)[0], (text, self.seen)
            try:
                got = os.read(self.master, 4096)
            except OSError:
                got = b""
            assert got, (text, self.seen)
            self.seen += got
        before, self.seen = self.seen.split(text, 1)
        return before

    def type(self, text):
        os.write(self.master, text)

    def close(self):
        os.close(self.master)
        os.waitpid(self.pid, 0)


@pytest.fixture
def terminal(ulma):
    script = ulma.script(PROGRAM)
    started = []

    def start(profiled, *options):
        words = [ulma.python, script]
        if profiled:
            words = [str(harness.ULMA), "run", "--python", ulma.python, *options, script]
        started.append(Terminal(ulma, words))
        return started[-1]

    yield start
    for one in started:
        os.close(one.master)
        os.waitpid(one.pid, 0)


BOTH = pytest.mark.parametrize("profiled", [False, True], ids=["alone", "ulma"])


@BOTH
def test_lines_and_exit_status(terminal, profiled):
    one = terminal(profiled, "-q")
    one.expect(b"<ready")
    one.type(b"hello\n")
    one.expect(b"<line hello>")
    one.type(b"exit 7\n")
    one.expect(b"<ended 7>")


@BOTH
@pytest.mark.parametrize("key, name", [(b"\x03", b"INT"), (b"\x1c", b"QUIT")])
def test_keys_reach_the_target_once(terminal, profiled, key, name):
    one = terminal(profiled, "-q")
    one.expect(b"<ready")
    one.type(key)
    one.expect(b"<SIG" + name + b">")
    one.type(b"on\n")
    assert b"SIG" not in one.expect(b"<line on>")
    one.type(b"exit 3\n")
    one.expect(b"<ended 3>")


@BOTH
@pytest.mark.parametrize("times", (1, 3))
def test_stop_and_continue(terminal, profiled, times):
    one = terminal(profiled, "-q")
    one.expect(b"<ready")
    for _ in range(times):
        one.type(b"\x1a")
        one.expect(b"<stopped %d>" % signal.SIGTSTP)
        one.type(b"fg\n")
        one.expect(b"<SIGCONT>")
        one.type(b"again\n")
        one.expect(b"<line again>")
    one.type(b"exit 0\n")
    one.expect(b"<ended 0>")


@BOTH
def test_stop_of_the_target_alone_stops_the_job(terminal, profiled):
    one = terminal(profiled, "-q")
    one.expect(b"<ready ")
    pid = int(one.expect(b">"))
    os.kill(pid, signal.SIGSTOP)
    one.expect(b"<stopped %d>" % signal.SIGSTOP)
    one.type(b"fg\n")
    one.expect(b"<SIGCONT>")
    one.type(b"exit 5\n")
    one.expect(b"<ended 5>")


def test_report_after_ctrl_c(ulma, terminal):
    one = terminal(True)
    one.expect(b"<ready")
    one.type(b"\x03")
    one.expect(b"<SIGINT>")
    one.type(b"exit 2\n")
    one.expect(b"ncalls")
    one.expect(b"<ended 2>")
    assert ulma.left_behind() == []


def test_second_ctrl_c_ends_ulma_alone(ulma, terminal):
    one = terminal(True)
    one.expect(b"<ready ")
    pid = int(one.expect(b">"))
    try:
        one.type(b"\x03")
        one.expect(b"<SIGINT>")
        one.type(b"\x03")
        one.expect(b"goes on without ulma")
        one.expect(b"<ended 130>")
        os.kill(pid, 0)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_terminal_modes_are_left_alone(ulma, terminal):
    one = terminal(True, "-q")
    before = termios.tcgetattr(one.master)
    one.expect(b"<ready")
    assert termios.tcgetattr(one.master) == before
    one.type(b"exit 0\n")
    one.expect(b"<ended 0>")
    assert termios.tcgetattr(one.master) == before


def test_hang_up_ends_both(ulma, wait):
    script = ulma.script(PROGRAM)
    words = [str(harness.ULMA), "run", "--python", ulma.python, "-o", "r.txt", script]
    one = Terminal(ulma, words)
    one.expect(b"<ready ")
    pid = int(one.expect(b">"))
    one.close()
    wait(lambda: not os.path.exists(f"/proc/{pid}"), "the target's end")
    wait(lambda: "ncalls" in (ulma.folder / "r.txt").read_text(), "the report")
    wait(lambda: ulma.left_behind() == [], "the session to go")
