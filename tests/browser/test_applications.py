# SPDX-License-Identifier: MIT
"""The page of real web applications under load: every tab shows what it is there to show."""

import contextlib
import http.client
import os
import signal
import socket
import sys
import threading

import browser
import harness
import live_page
import pytest
import shown_numbers

pytestmark = [browser.needs_chromium, pytest.mark.newest_python, pytest.mark.alone]
PATHS = os.pathsep.join([str(harness.ROOT / "python"), str(harness.TARGETS)])
SOURCES = "calls,gc,io,spans"


class Connection(http.client.HTTPConnection):
    """Over a socket that has a name of this test's own."""

    def __init__(self, path):
        super().__init__("localhost", timeout=harness.LIMIT_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Application:
    """Served by `ulma web`, and asked for the same pages over and over until `end`."""

    def __init__(self, served, path, pages):
        self.url = served.url
        self.path = path
        self.over = threading.Event()
        while True:
            with contextlib.suppress(OSError):
                self.pid = int(self.ask("/server"))
                break
            assert served.process.poll() is None
        self.load = threading.Thread(target=self.ask_on, args=(pages,))
        self.load.start()

    def ask(self, page):
        with contextlib.closing(Connection(self.path)) as connection:
            connection.request("GET", page)
            return connection.getresponse().read()

    def ask_on(self, pages):
        """With pauses: the browser is to have something of the processors, too."""
        while not self.over.wait(0.02):
            for page in pages:
                self.ask(page)

    def end(self):
        self.over.set()
        self.load.join()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)


@contextlib.contextmanager
def application(folder, words, pages):
    path = str(folder / "s")
    words = [word.format(socket=path) for word in words]
    with (
        harness.private_session_dir() as directory,
        live_page.serve(
            directory, "--kill", "-e", SOURCES, "--", sys.executable, *words, PYTHONPATH=PATHS
        ) as served,
    ):
        started = Application(served, path, pages)
        try:
            yield started
        finally:
            started.end()


FASTAPI = ["-m", "uvicorn", "--log-level", "error", "--uds", "{socket}", "web_fastapi:app"]
FLASK = [
    "-m",
    "gunicorn",
    "-k",
    "gthread",
    "--threads",
    "4",
    "-b",
    "unix:{socket}",
    "web_flask:app",
]
VIEWS = [
    "functions",
    "tree",
    "flame",
    "timeline",
    "algae",
    "io",
    "requests",
    "threads",
    "processes",
    "gc",
]


def check_all(shown):
    """What is the same of any server."""
    for view, seen in shown.items():
        assert seen["rows"] > 0 or seen["canvases"] > 0, (view, seen)
        assert not seen["empty"], (view, seen)
    assert "web_work.py" in shown["functions"]["text"]
    assert "MainThread" in shown["threads"]["text"]
    assert shown["timeline"]["canvases"] and shown["flame"]["canvases"]


def check_end(ended):
    """The numbers of the page are the report's, of all: a server may take seconds to end."""
    calls = {}
    for f in ended["report"]["functions"]:
        if f["file"] and os.path.basename(f["file"]).startswith("web_"):
            calls[f["qualname"]] = calls.get(f["qualname"], 0) + f["calls"] + f["resumes"]
    assert ended["report"]["events"]["lost"] == 0 and "burn" in calls
    assert shown_numbers.counts(ended, "all") == calls
    assert ended["notices"] == [ended["notice"]]


def test_fastapi_under_load(tmp_path):
    pages = ["/v1/burn/4", "/thread/4", "/stream", "/sub/item/1"]
    with application(tmp_path, FASTAPI, pages) as app:
        shown = live_page.look(app.url, "everyTab", views=[*VIEWS, "algae", "tasks", "gc"])
        check_all(shown)
        assert "/v1/burn/{ms}" in shown["requests"]["text"]
        assert shown["tasks"]["sparks"] > 0 and "uvicorn" in shown["tasks"]["text"]
        app.end()
        check_end(live_page.look(f"{app.url}#functions?filter=web_", "numbers", views=["all"]))


def test_flask_under_load(tmp_path):
    with application(tmp_path, FLASK, ["/burn/4", "/sleep/3", "/stream"]) as app:
        shown = live_page.look(app.url, "everyTab", views=VIEWS, colorScheme="dark")
        check_all(shown)
        assert "/burn/<int:ms>" in shown["requests"]["text"]
        assert shown["processes"]["rows"] == 2 and shown["processes"]["sparks"] > 0
        app.end()
        check_end(live_page.look(f"{app.url}#functions?filter=web_", "numbers", views=["all"]))
