# SPDX-License-Identifier: MIT
"""A terminal of its own for each test: a tmux server that nobody else uses.

Rules: what is waited for is a condition with a limit, never a time. The server and all that runs in
it ends with the test. Screens come back as a list of lines without trailing blanks.
"""

import contextlib
import itertools
import os
import pathlib
import re
import shlex
import subprocess
import time
from collections.abc import Iterator, Sequence
from typing import Callable, Optional

import harness

LIMIT_S = 30
_numbers = itertools.count()


class Terminal:
    def __init__(self, folder: pathlib.Path, columns: int, rows: int, env: dict[str, str]) -> None:
        self._socket = folder / f"tmux-{next(_numbers)}"
        self._env = env
        # A shell without start-up files, so that what is typed is all that happens.
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
            "-s", "test", "exec bash --norc --noprofile",
        )  # fmt: skip
        self._tmux("set-option", "-g", "escape-time", "0")
        self._tmux("set-option", "-g", "status", "off")
        self._tmux("set-option", "-g", "remain-on-exit", "on")
        self.resize(columns, rows)

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *words],
            env=self._env,
            capture_output=True,
            timeout=LIMIT_S,
        )
        assert done.returncode == 0, (words, done.stderr.decode())
        return done.stdout.decode()

    def close(self) -> None:
        subprocess.run(
            ["tmux", "-S", str(self._socket), "kill-server"],
            env=self._env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=LIMIT_S,
        )

    def run(self, words: Sequence[object], after: str = "") -> None:
        """Type a command line; AFTER is put behind it as it stands."""
        line = " ".join(shlex.quote(str(word)) for word in words)
        self.type(f"{line} {after}")
        self.key("Enter")

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-t", "test", "-l", "--", text)

    def key(self, *names: str) -> None:
        self._tmux("send-keys", "-t", "test", *names)

    def resize(self, columns: int, rows: int) -> None:
        self._tmux("resize-window", "-t", "test", "-x", str(columns), "-y", str(rows))

    def screen(self) -> list[str]:
        text = self._tmux("capture-pane", "-t", "test", "-p")
        return [line.rstrip() for line in text.split("\n")[:-1]]

    def colors(self) -> str:
        """The screen with its escape sequences."""
        return self._tmux("capture-pane", "-t", "test", "-p", "-e")

    def flag(self, name: str) -> str:
        return self._tmux("display-message", "-t", "test", "-p", f"#{{{name}}}").strip()

    def wait(self, condition: Callable[[list[str]], bool], what: str) -> list[str]:
        """The first screen of which CONDITION is true."""
        end = time.monotonic() + LIMIT_S
        while True:
            screen = self.screen()
            if condition(screen):
                return screen
            if time.monotonic() > end:
                shown = "\n".join(screen)
                raise AssertionError(f"never came: {what}. The screen is:\n{shown}")
            time.sleep(0.02)  # between two looks; tmux cannot tell when a screen changes

    def wait_for(self, text: str) -> list[str]:
        return self.wait(lambda screen: any(text in line for line in screen), repr(text))

    def wait_match(self, pattern: str) -> "re.Match[str]":
        found: list[re.Match[str]] = []

        def look(screen: list[str]) -> bool:
            match = re.search(pattern, "\n".join(screen))
            found[:] = [match] if match else []
            return bool(match)

        self.wait(look, pattern)
        return found[0]

    def wait_prompt(self) -> list[str]:
        """Until the shell is what runs in front again."""
        return self.wait(
            lambda _: (
                self.flag("pane_current_command") == "bash" and self.flag("alternate_on") == "0"
            ),
            "the shell's prompt",
        )

    def foreground_pid(self, name: str) -> int:
        """The process of that name which runs on this terminal."""
        tty = os.path.realpath(self.flag("pane_tty"))
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            for folder in pathlib.Path("/proc").glob("[0-9]*"):
                with contextlib.suppress(OSError):
                    same = (folder / "comm").read_text().strip() == name
                    if same and os.readlink(folder / "fd" / "1") == tty:
                        return int(folder.name)
            time.sleep(0.02)
        raise AssertionError(f"no process {name} on {tty}")


@contextlib.contextmanager
def terminal(
    folder: pathlib.Path, columns: int, rows: int, env: Optional[dict[str, str]] = None
) -> Iterator[Terminal]:
    wanted = harness.environment(LANG="C.UTF-8", PS1="$ ", HISTFILE="")
    for name in ("LC_ALL", "TMUX", "TMUX_PANE", "NO_COLOR", "CLICOLOR_FORCE"):
        wanted.pop(name, None)
    wanted.update(env or {})
    opened = Terminal(folder, columns, rows, wanted)
    try:
        yield opened
    finally:
        opened.close()
