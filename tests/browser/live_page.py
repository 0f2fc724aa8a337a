# SPDX-License-Identifier: MIT
"""`ulma web` of a program, and a headless Chromium that looks at it.

Rules: what waits, waits for what it wants to see; pictures are left in tests/output/browser, which
git ignores. Where there is no Chromium the tests say so and are skipped; CI installs it."""

import atexit
import contextlib
import functools
import json
import os
import pathlib
import re
import signal
import subprocess
from collections.abc import Iterator, Sequence
from typing import Any

import browser
import harness
import page_tools

HERE = pathlib.Path(__file__).resolve().parent
PICTURES = harness.ROOT / os.environ.get("ULMA_PICTURES", "tests/output/browser")
TOKEN = "of-the-tests-alone"


class Served:
    """A `ulma web` that runs."""

    def __init__(self, process: subprocess.Popen, url: str) -> None:
        self.process = process
        self.url = url

    @property
    def port(self) -> int:
        found = re.search(r":(\d+)/", self.url)
        assert found
        return int(found.group(1))


@contextlib.contextmanager
def serve(
    session_dir: pathlib.Path, *words: Any, port: int = 0, **variables: str
) -> Iterator[Served]:
    """Runs until the block is left; the token is the same for all."""
    options = ["--port", port] if port else []
    process = subprocess.Popen(
        [harness.ULMA, "web", *map(str, options), *map(str, words)],
        env=harness.environment(session_dir, ULMA_TOKEN=TOKEN, **variables),
        cwd=HERE,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    assert process.stdout
    served = None
    try:
        for line in process.stdout:
            if line.startswith("http://"):
                served = Served(process, line.strip())
                break
        assert served, "it ended without an address"
        yield served
    finally:
        # The first goes to a target that still runs; what stays after its end takes another.
        for _ in range(20):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1)
                break
        else:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        process.stdout.close()


@functools.cache
def driver() -> subprocess.Popen:
    """One browser for all looks: starting it takes longer than most of them."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    assert browser.CHROMIUM
    process = subprocess.Popen(
        [
            "node",
            HERE / "driver.mjs",
            page_tools.install() / "playwright-core" / "index.mjs",
            browser.CHROMIUM,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin

    def end() -> None:
        process.stdin.close()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    atexit.register(end)
    return process


class Looking:
    """A page that is looked at while other things are done: a function of looks.mjs runs on it.

    `asked.tell(word)` there wakes `wait(word)` here."""

    def __init__(self, url: str, name: str, views: Sequence[str] = (), **options: Any) -> None:
        self.url = url
        asked = {
            "look": name,
            "url": url,
            "views": list(views),
            "axe": str(page_tools.install() / "axe-core" / "axe.min.js"),
            "pictures": str(PICTURES),
            "options": {
                "viewport": {"width": 1280, "height": 720},
                "colorScheme": "light",
                **options,
            },
        }
        self.process = driver()
        assert self.process.stdin
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()

    def _next(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "the driver ended without a word"
        told = json.loads(line)
        assert "failed" not in told, (
            f"{told['failed']}\n{told['wrong']}\n--- the page:\n{told['text']}"
        )
        return told

    def wait(self, word: str) -> None:
        assert self._next() == {"word": word}

    def seen(self) -> Any:
        """What the code returned."""
        told = self._next()
        assert not told["wrong"], told["wrong"]
        own = self.url[: self.url.index("/", 8)]
        assert set(told["addresses"]) <= {own, "null"}, "a request left the machine"
        return told["seen"]


def answer(url: str, question: str) -> str:
    """To a question of looks.mjs, as it stands on the page after three actions at most."""
    seen = look(url, "answer", views=[question])
    assert 1 <= seen["actions"] <= 3, seen
    return seen["text"]


def look(url: str, name: str, **options: Any) -> Any:
    """What that function of looks.mjs returns."""
    return Looking(url, name, **options).seen()
