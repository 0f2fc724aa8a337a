# SPDX-License-Identifier: MIT
"""`ulma top` on a real program in a real terminal: what people do with it, end to end."""

import os
import signal

import harness
import pytest
from tmux import terminal

WORK = """
import os, sys, threading
def 价格(): return sum(range(200))
def busy():
    for _ in range(2000): 价格()
def waits(): threading.Event().wait()
threading.Thread(target=waits, name="sleeper", daemon=True).start()
print("the program's first line, columns told:", "COLUMNS" in os.environ, flush=True)
while not os.path.exists(sys.argv[1]): busy()
print("the program's last line")
sys.exit(7)
"""


@pytest.fixture
def top(tmp_path, session_dir):
    """A terminal in which `ulma top` runs; `top.stop()` lets the program end."""
    script = tmp_path / "work.py"
    script.write_text(WORK)
    stop = tmp_path / "stop"
    # A shell that exports its size, as some start-up files do: the screen follows the terminal.
    told = {"COLUMNS": "120", "LINES": "60"}
    env = {"ULMA_DIR": str(session_dir), "TMPDIR": str(tmp_path), **told}
    with terminal(tmp_path, 120, 60, env) as tmux:
        words = [
            harness.ULMA,
            "top",
            "--python",
            harness.pythons()[-1].path,
            "-i",
            "0.2",
            "-n",
            "3",
        ]

        def start():
            tmux.run([*words, script, stop], after="; echo status=$?")
            # Until the program itself outweighs what it imported.
            tmux.wait(lambda screen: "价格" in first_row(screen), "the busiest function on top")

        tmux.start = start
        tmux.stop = stop.touch
        try:
            yield tmux
        finally:
            stop.touch()


def is_given_back(tmux):
    return tmux.flag("alternate_on") == "0" and tmux.flag("cursor_flag") == "1"


def first_row(screen):
    """The row below the titles; "" while there is none."""
    titles = [i for i, line in enumerate(screen) if line.startswith("%self")]
    return screen[titles[0] + 1] if titles else ""


def test_the_busiest_function_is_the_first_row(top):
    top.start()  # waits for just that
    top.wait_match(r"exact: yes")
    top.wait_match(r"lost 0 ")
    top.wait_match(r"MainThread \d+%")
    top.wait_match(r"work\.py")


def test_every_view_of_it(top):
    top.start()
    top.key("Enter")
    top.wait_for("[Function: 价格")
    top.wait_match(r"called by\n.*busy")
    top.key("Escape", "Tab")
    top.wait_match(r"▾ busy")
    top.key("t")
    top.wait_match(r"sleeper")
    top.key("v")
    top.wait_for("the program's first line, columns told: True")
    top.key("h")
    top.wait_for("this help")


def test_resized_while_it_runs(top):
    top.start()
    for columns, rows in ((60, 12), (200, 50), (80, 24)):
        top.resize(columns, rows)
        top.wait(
            lambda screen, rows=rows: (
                len(screen) == rows
                and screen[-1].startswith("q quit")
                and "价格" in first_row(screen)
            ),
            f"the table in {rows} rows of {columns}",
        )


def test_off_and_on_again(top):
    top.start()
    top.key("o")
    top.wait_for("○ off")
    top.key("o")
    top.wait_for("● on")


def in_force(screen):
    return next((line for line in screen if line.startswith("exact: ")), "")


def test_what_is_followed_changes_by_keys(top):
    top.start()
    top.key("x")
    top.wait(lambda screen: screen[-1].startswith("skip="), "the line for patterns")
    top.type("__main__:busy")
    top.key("Enter")
    top.wait(
        lambda screen: "left out by --skip __main__:busy" in in_force(screen),
        "the pattern in the header",
    )
    top.wait_for("skip=__main__:busy")
    top.key("x")
    top.type(",@nonsense")
    top.key("Enter")
    top.wait_for("no set `@nonsense`")
    top.key("x", "C-u", "Enter")
    top.wait(lambda screen: "--skip" not in in_force(screen), "no pattern in the header")
    top.key("e")
    top.wait_for("● on: calls, c-calls")
    top.wait_match(r"built-in method builtins\.sum")
    top.key("e")
    top.wait(lambda screen: screen[1].endswith("● on: calls"), "calls alone in the header")


def test_what_is_followed_changes_from_another_terminal(top, session_dir):
    top.start()
    (session,) = session_dir.iterdir()
    env = harness.environment(session_dir)
    done = harness.run([harness.ULMA, "set", session, "only=__main__", "events+=c-calls"], env=env)
    assert done.status == 0, done.told()
    top.wait(
        lambda screen: "left out by --only __main__" in in_force(screen),
        "the pattern in the header",
    )
    top.wait_for("● on: calls, c-calls")


def test_keys_of_one_that_looks_on(top, session_dir, tmp_path):
    """Those that would change what is recorded say whose it is, and change nothing."""
    top.start()
    (session,) = session_dir.iterdir()
    folder = tmp_path / "second"
    folder.mkdir()
    with terminal(folder, 160, 40, {"ULMA_DIR": str(session_dir)}) as second:
        second.run([harness.ULMA, "top", "-i", "0.2", session], after="; echo status=$?")
        second.wait(lambda screen: "价格" in first_row(screen), "the same table")
        for key in ("o", "r", "e"):
            second.key(key)
            second.wait_for("read-only: this is the owner's to change, PID")
            second.key("?")
            second.key("?")
        second.key("q")
        second.wait_for("status=0")
    top.wait_for("● on: calls")


def test_left_by_q_the_program_goes_on(top):
    top.start()
    top.key("q")
    top.wait_for("status=0")
    assert is_given_back(top)
    pid = int(top.wait_match(r"PID (\d+) goes on without ulma").group(1))
    os.kill(pid, 0)


def test_the_end_of_the_program_is_shown(top):
    top.start()
    top.stop()
    top.wait_for("the program has ended with status 7")
    top.key("v")
    top.wait_for("the program's last line")
    top.key("q")
    top.wait_for("status=7")
    assert is_given_back(top)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_gives_the_terminal_back(top, number):
    top.start()
    os.kill(top.foreground_pid("ulma"), number)
    top.wait_match(r"status=\d+")
    assert is_given_back(top)
    top.run(["echo", "typed", "again"])
    top.wait(lambda screen: "typed again" in screen, "what is typed after the end")


def test_interrupted_the_terminal_is_given_back(top):
    top.start()
    top.key("C-c")
    top.wait_for("ended by signal 2")
    top.key("q")
    top.wait_match(r"status=\d+")
    assert is_given_back(top)


def test_stopped_and_continued(top):
    top.start()
    top.key("C-z")
    top.wait_for("Stopped")
    assert is_given_back(top)
    top.run(["fg"])
    top.wait_for("[Functions]")
    top.key("q")
    top.wait_match(r"PID \d+ goes on without ulma")
    assert is_given_back(top)


GIVEN = """
import os, sys, time
def given(rows): pass
for count, name in ((100, "large"), (50, "small")):
    while not os.path.exists(os.path.join(sys.argv[1], name)): time.sleep(0.01)
    given([0] * count)
    print(f"given {count}", flush=True)
"""


def test_after_a_reset_the_first_call_that_holds_is_told(tmp_path, session_dir):
    """Though the one before the reset was worse."""
    script, rules = tmp_path / "given.py", tmp_path / "rules"
    script.write_text(GIVEN)
    rules.write_text("__main__:given escalate larger 10\n")
    options = ["--rules", rules, "-i", "0.2", "-n", "0", "--python", harness.pythons()[-1].path]
    env = {"ULMA_DIR": str(session_dir), "TMPDIR": str(tmp_path)}
    with terminal(tmp_path, 160, 50, env) as tmux:
        try:
            tmux.run([harness.ULMA, "top", *options, script, tmp_path], after="; echo end=$?")
            (tmp_path / "large").touch()
            tmux.wait_for("● on")
            tmux.key("v")
            tmux.wait_for("given 100")
            tmux.key("v", "r")
            tmux.wait_for("counting starts anew")
        finally:
            (tmp_path / "large").touch()
            (tmp_path / "small").touch()
        tmux.wait_for("q leaves")
        tmux.key("q")
        told = tmux.wait_match(r"(\d+) +1 +larger 10 +only +(\d+) +\S+ +given +\(list\[50\]\)")
        assert told.groups() == ("1", "50")
