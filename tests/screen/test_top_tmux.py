# SPDX-License-Identifier: MIT
"""The terminal on a real terminal: a tmux of the test's own, with sample numbers behind the screen.

What tests/unit compares in a grid of cells is compared here after ncurses and a terminal emulator
have had their say, with the same goldens.
"""

import os
import pathlib
import re
import signal
import subprocess
import time

import harness
import pytest
from tmux import LIMIT_S, Terminal, terminal

DEMO = harness.ULMA.parent / "tests" / "unit" / "tui_demo"
GOLDEN = harness.ROOT / "tests" / "golden" / "screens"


@pytest.fixture(scope="module", autouse=True)
def demo_is_built():
    assert DEMO.exists(), f"{DEMO} is not built; run `make test`"


def golden(name):
    return (GOLDEN / f"{name}.txt").read_text().split("\n")[:-1]


def wait_golden(tmux: Terminal, name: str) -> None:
    wanted = golden(name)
    tmux.wait(lambda screen: screen == wanted, f"the screen of {name}.txt:\n" + "\n".join(wanted))


@pytest.fixture
def tmux(tmp_path):
    with terminal(tmp_path, 80, 24) as opened:
        yield opened


def start(tmux, *words):
    tmux.run([DEMO, "--still", *words])
    tmux.wait_for("h help")


@pytest.mark.parametrize("columns, rows", [(60, 12), (80, 24), (250, 80)])
@pytest.mark.parametrize("view", ["functions", "tree", "threads", "processes", "tasks"])
def test_a_terminal_shows_what_the_grid_has(tmp_path, view, columns, rows):
    with terminal(tmp_path, columns, rows) as tmux:
        start(tmux, "--view", view)
        wait_golden(tmux, f"{view}-{columns}x{rows}")


def test_resized_while_running(tmux):
    start(tmux)
    wait_golden(tmux, "functions-80x24")
    for columns, rows in ((60, 12), (250, 80), (80, 24)):
        tmux.resize(columns, rows)
        wait_golden(tmux, f"functions-{columns}x{rows}")
    for columns, rows in ((1, 1), (5, 3), (20, 4), (300, 100)):
        tmux.resize(columns, rows)
    tmux.resize(60, 12)
    wait_golden(tmux, "functions-60x12")
    tmux.key("q")
    tmux.wait_for("returned 0")


def test_numbers_move_and_stand_still_when_paused(tmux):
    tmux.run([DEMO, "--interval", "0.1"])
    tmux.wait_for("pid 4242  0:25")
    tmux.key("p")
    tmux.wait_for("collecting goes on")
    before = tmux.screen()[0]
    tmux.key("t")
    tmux.wait_for("[Threads]")
    assert tmux.screen()[0] == before
    tmux.key("p")
    tmux.wait(lambda screen: screen[0] != before, "numbers that move again")


def is_given_back(tmux):
    return tmux.flag("alternate_on") == "0" and tmux.flag("cursor_flag") == "1"


def stty(tmux, mark):
    """The terminal's modes, as a shell that starts now finds them."""
    tmux.run(["echo", f"{mark}="], after="; stty -g")
    return tmux.wait_match(mark + r"=\n([0-9a-f:]{20,})\n").group(1)


def end_by_key(tmux):
    tmux.key("q")
    tmux.wait_for("returned 0")


def end_by_signal(tmux):
    os.kill(tmux.foreground_pid("tui_demo"), signal.SIGTERM)
    tmux.wait_prompt()


def end_by_interrupt(tmux):
    tmux.key("C-c")
    tmux.wait_prompt()


@pytest.mark.parametrize("end", [end_by_key, end_by_signal, end_by_interrupt])
def test_the_terminal_is_given_back(tmp_path, end):
    with terminal(tmp_path, 200, 24) as tmux:
        before = stty(tmux, "before")
        start(tmux)
        assert tmux.flag("alternate_on") == "1"
        assert tmux.flag("cursor_flag") == "0"
        end(tmux)
        tmux.wait(lambda _: is_given_back(tmux), "the terminal as it was")
        assert stty(tmux, "after") == before
        tmux.run(["echo", "typed again"])
        tmux.wait(lambda screen: "typed again" in screen, "what was typed after the end")


def test_stopped_and_continued_from_the_shell(tmux):
    start(tmux)
    tmux.key("C-z")
    tmux.wait_for("Stopped")
    assert is_given_back(tmux)
    tmux.run(["echo", "between"])
    tmux.wait(lambda screen: "between" in screen, "the shell in between")
    tmux.run(["fg"])
    wait_golden(tmux, "functions-80x24")
    tmux.key("Tab")
    wait_golden(tmux, "tree-80x24")
    tmux.key("q")
    tmux.wait_for("returned 0")
    assert is_given_back(tmux)


def test_a_terminal_that_is_gone_ends_it(tmp_path):
    with terminal(tmp_path, 80, 24) as tmux:
        tmux.type("trap '' HUP; ")
        start(tmux)
        pid = tmux.foreground_pid("tui_demo")
    end = time.monotonic() + LIMIT_S
    while pathlib.Path(f"/proc/{pid}").exists():
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        if state == "Z":
            break
        assert time.monotonic() < end, "it runs on without a terminal"
        time.sleep(0.02)


def test_keys_that_are_sequences(tmux):
    start(tmux)
    tmux.key("End")
    tmux.wait_for("Queue.get")
    tmux.key("Home", "Down", "Down", "Down", "Up", "Up", "Enter")
    tmux.wait_for("[Function: 商店.价格计算 (shop/価格.py:8)]")
    tmux.key("NPage", "PPage")
    tmux.key("Escape")
    tmux.wait_for("[Functions]")
    tmux.key("BTab")
    tmux.wait_for("[Tasks]")
    tmux.key("Tab", "Tab")
    tmux.wait_for("[Calling contexts")
    tmux.key("Left")
    tmux.wait_for("▸ <module>")
    tmux.key("Right")
    tmux.wait_for("▾ <module>")
    tmux.key("BSpace")
    tmux.key("q")
    tmux.wait_for("returned 0")


def test_wide_characters_are_typed_and_shown(tmux):
    start(tmux)
    tmux.type("/价格")
    screen = tmux.wait(lambda screen: screen[-1].startswith("/价格"), "the filter's line")
    rows = [line for line in screen if "商店.价格计算" in line]
    assert len(rows) == 1
    assert not any("fib" in line for line in screen)
    tmux.key("BSpace", "BSpace", "Escape")
    wait_golden(tmux, "functions-80x24")


def test_the_output_of_the_program_has_a_pane(tmux):
    start(tmux)
    tmux.key("v")
    wait_golden(tmux, "output-80x24")


def test_help_is_shown_and_goes(tmux):
    start(tmux)
    tmux.key("?")
    wait_golden(tmux, "help-80x24")
    tmux.key("Space")
    wait_golden(tmux, "functions-80x24")


def test_the_end_of_the_program_stays_on_screen(tmux):
    tmux.run([DEMO, "--interval", "0.1", "--end-after", "3"])
    tmux.wait_for("the program has ended with status 3")
    tmux.key("Tab")
    tmux.wait_for("[Calling contexts")
    tmux.key("q")
    tmux.wait_for("returned 0")


def has_color(screen):
    return re.search(r"\x1b\[(?:\d+;)*3[1-6]m", screen) is not None


def test_colors_and_none(tmux):
    start(tmux)
    assert has_color(tmux.colors())
    tmux.key("q")
    tmux.wait_prompt()
    tmux.run(["clear"])
    start(tmux, "--no-color")
    assert not has_color(tmux.colors())
    assert re.search(r"\x1b\[(?:\d+;)*7m", tmux.colors()), "no row is reversed"


def test_a_locale_without_unicode_gets_ascii(tmp_path):
    with terminal(tmp_path, 80, 24) as tmux:
        tmux.type("LC_ALL=C ")
        start(tmux, "--view", "tree")
        wait_golden(tmux, "tree-ascii-80x24")


def test_no_locale_at_all_gets_utf8(tmp_path):
    with terminal(tmp_path, 80, 24) as tmux:
        tmux.type("env -u LANG -u LC_ALL -u LC_CTYPE ")
        start(tmux)
        wait_golden(tmux, "functions-80x24")


def test_old_terminals(tmux):
    tmux.type("TERM=vt100 ")
    start(tmux)
    wait_golden(tmux, "functions-80x24")


@pytest.mark.parametrize("term", ["dumb", "no-such-terminal"])
def test_a_terminal_that_cannot_be_drawn_upon_is_refused(tmux, term):
    tmux.type(f"TERM={term} ")
    tmux.run([DEMO])
    tmux.wait_for("returned -25")
    assert is_given_back(tmux)


def test_keys_come_from_the_terminal_when_stdin_does_not(tmux):
    tmux.run([DEMO, "--still"], after="< /dev/null")
    tmux.wait_for("h help")
    tmux.key("Tab")
    wait_golden(tmux, "tree-80x24")
    tmux.key("q")
    tmux.wait_for("returned 0")


def test_no_terminal_is_said(tmp_path):
    done = subprocess.run(
        [str(DEMO)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=LIMIT_S
    )
    assert done.stdout == b"returned -25\n"
