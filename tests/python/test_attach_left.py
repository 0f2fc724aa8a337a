# SPDX-License-Identifier: MIT
"""However a look at a process ends, the process is left as it was found: armed, or detached."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import time

import pytest
from harness import LIMIT_S, ULMA, environment, run
from test_attach import open_files, settled_files
from test_attach_inject import NEWEST, RUNNING, Target, status_of, wait_until

WAYS = {
    "ctrl-c": b"\x03",
    "q": b"q",
    "hang-up": None,  # the terminal goes: what a dropped ssh does
    "duration": b"",
    "SIGHUP": signal.SIGHUP,
    "SIGTERM": signal.SIGTERM,
}


class Top:
    """`ulma top PID` on a terminal of its own, which it is the session leader of."""

    def __init__(self, target, env, *words):
        pid, self.terminal = pty.fork()
        if pid == 0:
            os.execve(ULMA, [str(ULMA), "top", *words, str(target.pid)], {**env, "TERM": "xterm"})
        self.pid, self.text = pid, b""

    def read(self, seconds=0.05):
        if select.select([self.terminal], [], [], seconds)[0]:
            with contextlib.suppress(OSError):  # EIO: it has ended
                self.text += os.read(self.terminal, 65536)
        return self.text

    def wait_for(self, text):
        end = time.monotonic() + LIMIT_S
        while text not in self.read():
            assert time.monotonic() < end, self.text[-2000:]

    def end(self, way):
        if way is None:
            os.close(self.terminal)
        elif isinstance(way, bytes):
            os.write(self.terminal, way)
        else:
            os.kill(self.pid, way)
        end = time.monotonic() + LIMIT_S
        while True:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                break
            assert time.monotonic() < end, self.text[-2000:]
            if way is not None:
                self.read()
            else:
                time.sleep(0.01)
        if way is not None:
            for _ in range(3):
                self.read()
            os.close(self.terminal)
        return os.waitstatus_to_exitcode(status)


def handles_urgent(pid):
    return int(status_of(pid, "SigCgt"), 16) >> (signal.SIGURG - 1) & 1 == 1


@pytest.mark.parametrize("was_armed", [False, True], ids=["found plain", "found armed"])
@pytest.mark.parametrize("way", WAYS)
def test_left_as_found(way, was_armed, session_dir, tmp_path):
    env = environment(session_dir)
    with Target(NEWEST, "compute", tmp_path, ULMA_DIR=str(session_dir)) as target:
        if was_armed:
            assert run([ULMA, "attach", "--timeout", "60", target.pid], env=env).status == 0
        files, names = settled_files(target.pid), sorted(session_dir.iterdir())
        words = ["--timeout", "60", *(["-d", "0.5"] if way == "duration" else [])]
        top = Top(target, env, *words)
        # Looked for at once: with -d it may be gone again before the screen has been read.
        wait_until(lambda: handles_urgent(target.pid), "no handler of SIGURG")
        top.wait_for(b"stdin_is_ready")
        status = top.end(WAYS[way])
        assert status == 0 or (way == "hang-up" and status == 1)  # nowhere to write to
        left = "armed and off" if was_armed else "detached, as it was found"
        if way != "hang-up":
            assert f"PID {target.pid} runs on, {left}".encode() in top.text
        wait_until(lambda: sorted(session_dir.iterdir()) == names, names)
        assert handles_urgent(target.pid) == was_armed
        assert open_files(target.pid) == files
        target.goes_on(RUNNING["compute"])
        assert target.told() == ""


def test_collector_killed(session_dir, tmp_path):
    """It cannot put anything back: the probe goes off by itself, and detach takes the rest."""
    env = environment(session_dir)
    with Target(NEWEST, "nine_threads", tmp_path, ULMA_DIR=str(session_dir)) as target:
        files = settled_files(target.pid)
        one = subprocess.Popen(
            [ULMA, "report", "-q", "--timeout", "60", str(target.pid)],
            stdout=subprocess.DEVNULL,
            env=env,
        )

        def told():
            return run([ULMA, "ps", "--dir", session_dir], env=env).out.decode()

        wait_until(lambda: re.search(rf"^ *{target.pid}  on ", told(), re.M))
        one.kill()
        one.wait(LIMIT_S)
        wait_until(lambda: re.search(rf"^ *{target.pid}  armed ", told(), re.M))
        assert run([ULMA, "detach", target.pid], env=env).status == 0
        assert not any(session_dir.iterdir())
        assert open_files(target.pid) == files
        target.goes_on(RUNNING["nine_threads"])
