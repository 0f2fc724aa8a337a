# SPDX-License-Identifier: MIT
"""ulma top: plain frames, the target's output, and what ends what. The screen itself has its
goldens in tests/screen; here it is only seen to come up on a terminal and to give it back."""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import signal
import struct
import termios
import threading

import harness
import pytest

BUSY = """
import os, sys, time
def work():
    for i in range(1000): pass
def main():
    print('first line', flush=True)
    end = time.time() + float(sys.argv[1])
    while time.time() < end: work()
    print('last line', file=sys.stderr)
    sys.exit(5)
main()
"""
FOREVER = BUSY.replace("time.time() < end", "True")


def top_words(ulma, *options, seconds="0.5", code=BUSY):
    return ["top", "--python", ulma.python, *options, ulma.script(code), seconds]


def frames_in(text):
    """Frames are told by their lines of column titles."""
    return sum("%self" in line and line.endswith("function") for line in text.splitlines())


def output_of(text):
    """What the target printed, in the file that ulma names."""
    path = re.search(r"what the target prints.* is in (\S+)", text).group(1)
    return pathlib.Path(path).read_text()


def test_frames_without_a_terminal(ulma):
    done = ulma(*top_words(ulma, "-i", "0.2"))
    text = done.out.decode()
    assert done.status == 5, done.told()
    assert "%self" in text and "work" in text and "first line" not in text
    assert "ncalls" in done.err.decode()
    assert output_of(done.err.decode()) == "first line\nlast line\n"
    assert ulma.left_behind() == []


def test_frames_of_json_are_one_line_each(ulma):
    done = ulma(*top_words(ulma, "-q", "-b", "-f", "json", "-i", "0.2", seconds="1"))
    lines = done.out.decode().splitlines()
    assert done.status == 5 and done.err == b"" and len(lines) >= 2
    for line in lines:
        frame = json.loads(line)
        assert frame["ulma"] == 1 and frame["clock"] == "cpu"
    last = json.loads(lines[-1])
    assert any(row["name"] == "work" for row in last["functions"])


def test_a_short_target_still_gets_a_frame(ulma):
    done = ulma("top", "--python", ulma.python, "--once", "-c", "def f(): pass\nf()")
    assert done.status == 0 and frames_in(done.out.decode()) == 1
    assert list(ulma.temporary.glob("*.out")) == []  # it printed nothing


@pytest.mark.parametrize("options, frames", [(["--once"], 1), (["--count", "2"], 2)])
def test_counted_frames_leave_the_target_running(ulma, wait, options, frames):
    done = ulma(*top_words(ulma, "-b", "-i", "0.2", *options, code=FOREVER))
    assert done.status == 0, done.told()
    pid = int(re.search(r"PID (\d+) goes on without ulma", done.err.decode()).group(1))
    try:
        assert frames_in(done.out.decode()) == frames
        os.kill(pid, 0)
        assert ulma.left_behind() == []
    finally:
        os.kill(pid, signal.SIGKILL)


def test_kill_ends_the_target(ulma):
    done = ulma(*top_words(ulma, "--once", "--kill", "-i", "0.2", code=FOREVER))
    assert done.status == 128 + signal.SIGTERM, done.told()


def test_duration(ulma):
    done = ulma(*top_words(ulma, "-b", "-d", "0.4", "--kill", "-i", "0.2", code=FOREVER))
    assert done.status == 128 + signal.SIGTERM, done.told()
    assert b"work" in done.out


def test_reader_that_goes_away(ulma):
    words = " ".join(map(str, top_words(ulma, "-b", "-i", "0.1", "--kill", code=FOREVER)))
    done = harness.run(
        ["bash", "-c", f"{harness.ULMA} {words} | head -n 3; echo ${{PIPESTATUS[0]}}"],
        env=ulma.env,
        cwd=ulma.folder,
    )
    assert done.out.decode().splitlines()[-1] == str(128 + signal.SIGTERM), done.told()


def test_report_in_its_own_format(ulma):
    done = ulma(*top_words(ulma, "-q", "-b", "-o", "r.json"))
    assert done.status == 5
    report = json.loads((ulma.folder / "r.json").read_text())
    assert report["target"]["exit_status"] == 5 and report["clock"] == "cpu"


def test_frames_come_as_table_or_json_only(ulma, sentence):
    done = ulma(*top_words(ulma, "-b", "-f", "pstats"))
    assert done.status == 125
    sentence(done, "frames come as table or json")


def test_a_recording_that_is_not_there(ulma, sentence):
    done = ulma("top", "recording.ulma")
    assert done.status == 1
    sentence(done, "recording.ulma", "No such file")
    done = ulma("top", "recording.ulma", "-d", "1")
    assert done.status == 2
    sentence(done, "--duration is for a process that runs, and recording.ulma is a recording")
    done = ulma("top", "--from", "1", "-c", "pass")
    assert done.status == 2
    sentence(done, "--from is for a recording")


def test_no_such_process(ulma, sentence):
    for words in (["99999999"], ["-p", "99999999"], ["99999999", "-b"]):
        done = ulma("top", *words)
        assert done.status == 1
        sentence(done, "no process 99999999", "ulma ps")


def test_a_process_named_twice(ulma, sentence):
    done = ulma("top", "-p", "1", "2")
    assert done.status == 125
    sentence(done, "-p names the process already", "`2`")


def test_rows_are_limited_and_the_rest_counted(ulma):
    code = "".join(f"def f{i}(): pass\nf{i}()\n" for i in range(50))
    short = ulma("top", "--python", ulma.python, "--once", "-n", "5", ulma.script(code))
    usual = ulma("top", "--python", ulma.python, "--once", ulma.script(code))
    assert "46 more" in short.out.decode() and "21 more" in usual.out.decode()


def test_interval_has_a_least(ulma, sentence):
    done = ulma(*top_words(ulma, "-i", "0.01"))
    assert done.status == 125
    sentence(done, "at least 0.1s")


class Screen:
    """ulma on a pty of 24 x 80, which a thread reads all the time, as a terminal does."""

    def __init__(self, ulma, words, term="xterm-256color"):
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(ulma.folder)
            env = dict(ulma.env, TERM=term, LC_ALL="C.UTF-8")
            os.execve(harness.ULMA, [str(harness.ULMA), *words], env)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.seen = b""
        self.closed = False
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        got = b"-"
        while got:
            try:
                got = os.read(self.master, 65536)
            except OSError:  # the other end is closed
                got = b""
            with self.changed:
                self.seen += got
                self.closed = not got
                self.changed.notify()

    def shows(self, text, limit_s):
        with self.changed:
            return self.changed.wait_for(lambda: text in self.seen, limit_s)

    def expect(self, text):
        with self.changed:
            found = self.changed.wait_for(lambda: text in self.seen or self.closed, 60)
            assert found and text in self.seen, (text, self.seen[-2000:])
            before, self.seen = self.seen.split(text, 1)
        return before

    def type(self, text):
        os.write(self.master, text)

    def status(self):
        self.reader.join(60)
        assert self.closed, self.seen[-2000:]
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)

    def close(self):
        if self.pid:
            os.kill(self.pid, signal.SIGTERM)
            os.waitpid(self.pid, 0)
        self.reader.join(60)
        os.close(self.master)


LEAVE_SCREEN = b"\x1b[?1049l"


@pytest.fixture
def screen(ulma):
    started = []

    def start(*options, term="xterm-256color", **more):
        words = [str(word) for word in top_words(ulma, *options, **more)]
        started.append(Screen(ulma, words, term))
        return started[-1]

    yield start
    for one in started:
        one.close()


def gone_on(one):
    return int(re.search(rb"PID (\d+) goes on without ulma", one.seen).group(1))


def test_q_leaves_the_screen_and_the_target_running(ulma, screen):
    one = screen("-i", "0.2", code=FOREVER)
    one.expect(b"work")
    one.type(b"q")
    one.expect(LEAVE_SCREEN)
    assert one.status() == 0
    pid = gone_on(one)
    try:
        assert b"ncalls" in one.seen
        os.kill(pid, 0)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_screen_stays_at_the_targets_end_until_a_key(ulma, screen):
    one = screen("-i", "0.2", seconds="1")
    one.expect(b"status 5")
    one.type(b"q")
    one.expect(LEAVE_SCREEN)
    assert one.status() == 5
    assert b"ncalls" in one.seen
    assert output_of(one.seen.decode(errors="replace")).startswith("first line")


def test_ctrl_c_at_the_stayed_screen_leaves_it(ulma, screen):
    one = screen("-i", "0.2", seconds="0.5")
    one.expect(b"status 5")
    one.type(b"\x03")
    one.expect(LEAVE_SCREEN)
    assert one.status() == 5


def test_sigterm_ends_target_and_screen(ulma, screen):
    one = screen("-i", "0.2", code=FOREVER)
    one.expect(b"work")
    os.kill(one.pid, signal.SIGTERM)
    one.expect(LEAVE_SCREEN)
    assert one.status() == 128 + signal.SIGTERM
    assert b"ncalls" in one.seen


def test_duration_ends_the_screen(ulma, screen):
    one = screen("-i", "0.2", "-d", "0.5", code=FOREVER)
    one.expect(LEAVE_SCREEN)
    assert one.status() == 0
    os.kill(gone_on(one), signal.SIGKILL)


def test_target_does_not_get_the_keys(ulma, screen):
    code = "import sys, time\nprint(repr(sys.stdin.read()), flush=True)\ntime.sleep(0.3)\n"
    one = screen("-i", "0.2", code=code)
    one.expect(b"status 0")
    one.type(b"q")
    assert one.status() == 0
    assert output_of(one.seen.decode(errors="replace")) == "''\n"


def state(ulma):
    """Of the one session that there is; curses sends differences, which tell less."""
    lines = ulma("ps", "--dir", ulma.session_dir).out.split(b"\n")
    return lines[1].split()[1] if len(lines) > 1 else None


def press_until(ulma, one, wait, wanted):
    """The key turns what the screen shows, which may be a frame old: a person presses again."""
    for _ in range(10):
        one.type(b"o")
        with contextlib.suppress(AssertionError):
            return wait(lambda: state(ulma) == wanted, f"the state {wanted!r}", limit_s=2)
    raise AssertionError(f"never {wanted!r}")


@pytest.mark.parametrize("options, first", [([], b"on"), (["--start-off"], b"off")])
def test_o_switches_the_recording_off_and_on(ulma, screen, wait, options, first):
    one = screen("-i", "0.2", *options, code=FOREVER)
    one.expect(b"program.py")
    wait(lambda: state(ulma) == first, f"the state {first!r}")
    for wanted in (b"off", b"on") if first == b"on" else (b"on", b"off"):
        press_until(ulma, one, wait, wanted)
    os.kill(one.pid, signal.SIGTERM)
    assert one.status() == 128 + signal.SIGTERM


def test_w_saves_a_report(ulma, screen):
    one = screen("-i", "0.2", code=FOREVER)
    one.expect(b"work")
    one.type(b"W")
    one.expect(b"saved ulma-program-")
    (saved,) = ulma.folder.glob("ulma-program-*.txt")
    assert "ncalls" in saved.read_text() and "work" in saved.read_text()
    os.kill(one.pid, signal.SIGTERM)
    assert one.status() == 128 + signal.SIGTERM


def test_two_ctrl_cs_leave_the_screen_and_the_target_running(ulma, screen, wait):
    code = (
        "import signal\n"
        "signal.signal(signal.SIGINT, lambda *_: open('interrupted', 'w'))\n" + FOREVER
    )
    one = screen("-i", "0.2", code=code)
    one.expect(b"work")
    one.type(b"\x03")
    wait((ulma.folder / "interrupted").exists, "the first Ctrl-C")
    # Two within two seconds are meant, and a busy machine may take longer for the first.
    one.type(b"\x03")
    while not one.shows(LEAVE_SCREEN, 1):
        one.type(b"\x03")
    assert one.status() == 130
    os.kill(gone_on(one), signal.SIGKILL)


def test_terminal_that_cannot_move_its_cursor_gets_frames(ulma, screen):
    one = screen("-i", "0.2", term="dumb")
    one.expect(b"%self")
    assert one.status() == 5
    assert b"\x1b[" not in one.seen and b"ncalls" in one.seen
