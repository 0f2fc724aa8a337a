# SPDX-License-Identifier: MIT
"""Requests by route, method and status, in the servers and frameworks that people run."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time

import harness
import pytest
from harness import LIMIT_S, ROOT, ULMA, environment, report_of, run_ulma

MS = 1_000_000
# The frameworks stand in the environment of the tests, and no version is in what is tested.
PYTHON = harness.Python("{}.{}.{}".format(*sys.version_info[:3]), sys.executable)
PATHS = os.pathsep.join([str(ROOT / "python"), str(harness.TARGETS)])
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SECRET = "the secret"


class Connection(http.client.HTTPConnection):
    """Over a socket that has a name of this test's own."""

    def __init__(self, path):
        super().__init__("localhost", timeout=LIMIT_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Server:
    """A server below ulma, which writes its report when the server has ended."""

    def __init__(self, words, folder, session_dir, options):
        self.socket, self.report = str(folder / "s"), folder / "report.json"
        words = [word.format(socket=self.socket) for word in words]
        given = ["-q", "-f", "json", "-o", self.report, *options]
        self.process = subprocess.Popen(
            [ULMA, "run", *given, "--", sys.executable, *words],
            env=environment(session_dir, PYTHONPATH=PATHS),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=folder,
        )
        self.wait()

    def wait(self):
        end = time.monotonic() + LIMIT_S
        while True:
            with contextlib.suppress(OSError):
                return self.ask("/server")
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < end, "the server never answered"
            time.sleep(0.02)

    def ask(self, path, method="GET", **headers):
        with contextlib.closing(Connection(self.socket)) as connection:
            connection.request(method, path, headers=headers)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()

    def ask_at_once(self, *paths):
        with concurrent.futures.ThreadPoolExecutor(len(paths)) as pool:
            return list(pool.map(lambda path: self.ask(path, traceparent=TRACEPARENT), paths))

    def end(self):
        os.kill(int(self.ask("/server")[2]), signal.SIGTERM)
        _, err = self.process.communicate(timeout=LIMIT_S)
        assert self.report.exists(), err.decode()
        report = json.loads(self.report.read_text())
        assert report["events"]["lost"] == 0
        return report

    def rows(self):
        return {(r["method"], r["name"], r["status"]): r for r in self.end()["requests"]}


@pytest.fixture
def serve(tmp_path, session_dir):
    started = []

    def start(*words, options=("-e", "spans,io")):
        started.append(Server(words, tmp_path, session_dir, options))
        return started[-1]

    yield start
    for server in started:
        server.process.kill()
        server.process.communicate()


def check_cost(row, count, ms):
    """Its own time alone: `count` of them were under way at once."""
    assert row["count"] == count, row
    assert row["cpu_ns"] >= 0.95 * count * ms * MS, row
    assert row["cpu_ns"] <= 1.5 * count * ms * MS + 12 * count * MS, row
    parts = row["cpu_ns"] + row["wait_ns"] + row["suspended_ns"]
    assert 0.95 * row["wall_ns"] <= parts, row


def check_headers(server, path):
    """What is measured is nobody's who does not send the secret."""
    plain = server.ask(path)[1]
    names = {name.lower() for name, _ in plain}
    assert "server-timing" not in names and not any("ulma" in name for name in names)
    for wrong in ("", "the", SECRET + "!", "ä"):
        headers = server.ask(path, **{"X-Ulma": wrong.encode("latin-1")})[1]
        assert {name.lower() for name, _ in headers} == names
    told = [(n.lower(), v) for n, v in server.ask(path, **{"X-Ulma": SECRET})[1]]
    (timing,) = (value for name, value in told if name == "server-timing")
    key, _, duration = timing.partition(";dur=")
    assert key == "ulma" and 0 < float(duration) < LIMIT_S * 1000


@pytest.mark.parametrize("workers", [1, 2])
def test_flask_on_gunicorn(serve, workers):
    words = [
        "-m",
        "gunicorn",
        "-k",
        "gthread",
        "--threads",
        "6",
        "-b",
        "unix:{socket}",
        "web_flask:app",
    ]
    server = serve(*words, "-w", str(workers))
    answers = server.ask_at_once(*["/burn/20"] * 4, "/burn/21?secret=1", "/sleep/50")
    assert [answer[0] for answer in answers] == [200] * 6
    assert server.ask("/sleep/1", method="POST")[0] == 200
    assert server.ask("/stream")[2] == b"piece" * 3
    for _ in range(2):
        assert server.ask("/fail")[0] == 500
    assert server.ask("/none/of/these")[0] == 404
    check_headers(server, "/sleep/0")
    rows = server.rows()
    check_cost(rows["GET", "/burn/<int:ms>", "200"], 5, 20)
    burns = rows["GET", "/burn/<int:ms>", "200"]
    assert burns["functions"][0]["function"] == "burn" and burns["errors"] == 0
    assert burns["slowest"]["labels"]["traceparent"] == TRACEPARENT
    assert burns["slowest"]["labels"]["path"] in ("/burn/20", "/burn/21")
    assert burns["suspended_ns"] < 10 * MS  # a thread has nothing but this to do
    slept = rows["GET", "/sleep/<int:ms>", "200"]
    assert slept["max_ns"] >= 50 * MS and slept["wait_ns"] >= 0.95 * 50 * MS
    assert rows["POST", "/sleep/<int:ms>", "200"]["count"] == 1
    check_cost(rows["GET", "/stream", "200"], 1, 12)
    failed = rows["GET", "/fail", "500"]
    assert (failed["count"], failed["errors"]) == (2, 2)
    assert rows["GET", "(no route)", "404"]["count"] == 1
    assert {row["kind"] for row in rows.values()} == {"request"}


def test_fastapi_on_uvicorn(serve):
    server = serve(
        *["-m", "uvicorn", "--log-level", "error", "--uds", "{socket}", "web_fastapi:app"]
    )
    answers = server.ask_at_once(*["/v1/burn/20"] * 5, *["/thread/20"] * 3, "/stream")
    assert [answer[0] for answer in answers] == [200] * 9
    assert answers[-1][2] == b"piece" * 3
    assert server.ask("/later")[0] == 200
    for _ in range(2):
        assert server.ask("/fail")[0] == 500
    assert server.ask("/sub/item/one")[2] == b"mounted"
    for path in ("/tenants/a/all/items/1", "/tenants/b/all/items/2", "/files/web_fastapi.py"):
        assert server.ask(path)[0] == 200, path
    assert server.ask("/none/of/these")[0] == 404
    check_headers(server, "/sub/item/two")
    rows = server.rows()
    check_cost(rows["GET", "/v1/burn/{ms}", "200"], 5, 20)
    check_cost(rows["GET", "/thread/{ms}", "200"], 3, 20)
    check_cost(rows["GET", "/stream", "200"], 1, 12)
    check_cost(rows[None, "second half", None], 5, 10)
    assert rows["GET", "/v1/burn/{ms}", "200"]["suspended_ns"] >= 0.9 * 5 * 10 * MS
    assert rows["GET", "/v1/burn/{ms}", "200"]["functions"][0]["function"] == "burn"
    assert rows["GET", "/v1/burn/{ms}", "200"]["slowest"]["labels"]["traceparent"] == TRACEPARENT
    check_cost(rows["GET", "/later", "200"], 1, 0)  # what comes after the response is nobody's
    assert rows["GET", "/fail", "500"]["errors"] == 2
    assert rows["GET", "/sub/item/{name}", "200"]["count"] >= 1
    assert rows["GET", "/tenants/{tenant}/all/items/{item}", "200"]["count"] == 2
    assert rows["GET", "/files/{path:path}", "200"]["count"] == 1
    assert rows["GET", "(no route)", "404"]["count"] == 1


def test_django(tmp_path):
    env = environment(PYTHONPATH=PATHS)
    done = run_ulma(PYTHON, harness.TARGETS / "web_django.py", options=["-e", "spans"], env=env)
    report = report_of(done)
    assert done.out == b"True ''\n"
    rows = {(r["method"], r["name"], r["status"]): r for r in report["requests"]}
    burned = rows["GET", "/burn/<int:ms>/", "200"]
    assert burned["count"] == 5 and burned["cpu_ns"] >= 32 * 0.95 * MS
    check_cost(rows["GET", "/async/<int:ms>/", "200"], 4, 10)
    assert rows["GET", "/fail/", "500"]["errors"] == 1
    assert rows["GET", "(no route)", "404"]["count"] == 1


def test_plain_wsgi_and_asgi_by_their_paths_and_what_they_name(tmp_path):
    program = tmp_path / "plain.py"
    program.write_text(
        """
import asyncio, io
import ulma.asgi, ulma.wsgi

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/raise":
        raise ValueError
    if path == "/named":
        environ["ulma.route"] = "a name of its own"
    start_response("404 Not Found" if path == "/404/1" else "200 OK", [])
    if path == "/file":
        return environ["wsgi.file_wrapper"](io.BytesIO(b"bytes"))
    return (piece for piece in [b"a", b"b"])

class Wrapper:
    def __init__(self, file):
        self.file = file

async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        return
    if scope["path"] == "/hang":
        await asyncio.sleep(60)
    await send({"type": "http.response.start", "status": 503, "headers": []})
    await send({"type": "http.response.body", "body": b""})

def get(path):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "wsgi.file_wrapper": Wrapper}
    try:
        body = ulma.wsgi.Middleware(application)(environ, lambda *given: None)
    except ValueError:
        return None
    if not isinstance(body, Wrapper):
        assert b"".join(body) == b"ab"
        body.close()
    return body

for path in ("/users/17/posts/a1b2", "/users/18/posts/c3", "/404/1", "/raise", "/named"):
    get(path)
assert isinstance(get("/file"), Wrapper)

async def send(message):
    pass

async def main():
    app = ulma.asgi.Middleware(asgi)
    await app({"type": "lifespan"}, None, send)
    await app({"type": "http", "path": "/busy/1", "method": "PUT"}, None, send)
    hanging = asyncio.ensure_future(app({"type": "http", "path": "/hang"}, None, send))
    await asyncio.sleep(0)
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)

asyncio.run(main())
"""
    )
    done = run_ulma(
        PYTHON, program, options=["-e", "spans"], env=environment(PYTHONPATH=str(ROOT / "python"))
    )
    rows = report_of(done)["requests"]
    assert {(r["method"], r["name"], r["status"]): (r["count"], r["errors"]) for r in rows} == {
        ("GET", "/users/{}/posts/{}", "200"): (2, 0),
        ("GET", "(no route)", "404"): (1, 0),
        ("GET", "/raise", "500"): (1, 1),
        ("GET", "a name of its own", "200"): (1, 0),
        ("GET", "/file", "200"): (1, 0),
        ("PUT", "/busy/{}", "503"): (1, 1),
        ("WEBSOCKET", "/hang", "cancelled"): (1, 1),
    }
