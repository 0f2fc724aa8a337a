# SPDX-License-Identifier: MIT
"""Requests of programs that have no middleware: named by their server's call into the application.
And what was put into the servers is out of them again when the source is off."""

import json
import re
import sys

import harness
import pytest
from harness import ROOT, environment, report_of, run, run_ulma
from test_requests import PYTHON, TRACEPARENT, check_cost, serve  # noqa: F401 - a fixture

BARE = {"PYTHONPATH": str(harness.TARGETS)}


@pytest.mark.parametrize("kind", ["sync", "gthread"])
def test_gunicorn(serve, kind):  # noqa: F811
    words = ["-m", "gunicorn", "-k", kind, "-b", "unix:{socket}", "web_bare:flask_app()"]
    server = serve(*words, options=("-e", "spans"))
    for _ in range(2):
        assert server.ask("/burn/20?secret=1", traceparent=TRACEPARENT)[0] == 200
    assert server.ask("/fail")[0] == 500
    assert server.ask("/none/of/these")[0] == 404
    headers = {name.lower() for name, _ in server.ask("/burn/0", **{"X-Ulma": "anything"})[1]}
    assert not any("ulma" in name or "timing" in name for name in headers)
    rows = server.rows()
    check_cost(rows["GET", "/burn/<int:ms>", "200"], 3, 13)
    assert rows["GET", "/burn/<int:ms>", "200"]["functions"][0]["function"] == "burn"
    assert rows["GET", "/burn/<int:ms>", "200"]["slowest"]["labels"]["path"] == "/burn/20"
    assert rows["GET", "/burn/<int:ms>", "200"]["slowest"]["labels"]["traceparent"] == TRACEPARENT
    assert rows["GET", "/fail", "500"]["errors"] == 1
    assert rows["GET", "(no route)", "404"]["count"] == 1
    assert {row["kind"] for row in rows.values()} == {"request"}


def test_uvicorn_with_requests_at_once(serve):  # noqa: F811
    words = ["-m", "uvicorn", "--log-level", "error", "--uds", "{socket}", "--factory"]
    server = serve(*words, "web_bare:fastapi_app", options=("-e", "spans"))
    answers = server.ask_at_once(*["/burn/20"] * 5)
    assert [answer[0] for answer in answers] == [200] * 5
    assert server.ask("/none/of/these")[0] == 404
    rows = server.rows()
    check_cost(rows["GET", "/burn/{ms}", "200"], 5, 20)
    assert rows["GET", "/burn/{ms}", "200"]["suspended_ns"] >= 0.9 * 5 * 10_000_000
    assert rows["GET", "(no route)", "404"]["count"] == 1


def test_the_frameworks_own_servers():
    done = run_ulma(
        PYTHON,
        harness.TARGETS / "web_bare.py",
        options=["-e", "spans"],
        env=environment(**BARE),
    )
    rows = {(r["method"], r["name"], r["status"]): r for r in report_of(done)["requests"]}
    assert {key: (row["count"], row["errors"]) for key, row in rows.items()} == {
        ("GET", "/burn/<int:ms>", "200"): (2, 0),
        ("GET", "/fail", "500"): (1, 1),
        ("GET", "/burn/<int:ms>/", "200"): (2, 0),
        ("GET", "(no route)", "404"): (1, 0),
        ("GET", "/plain/{}", "200"): (2, 0),
    }
    check_cost(rows["GET", "/burn/<int:ms>", "200"], 2, 10)
    check_cost(rows["GET", "/plain/{}", "200"], 2, 10)


@pytest.mark.parametrize("name", ["waitress", "hypercorn", "hypercorn_wsgi"])
def test_other_servers(name):
    target = [harness.TARGETS / "web_servers.py", name]
    report = report_of(run_ulma(PYTHON, *target, options=["-e", "spans"], env=environment(**BARE)))
    rows = {(r["method"], r["name"], r["status"]): r for r in report["requests"]}
    check_cost(rows["GET", "/burn/{}", "200"], 2, 20)
    assert rows["GET", "/burn/{}", "200"]["functions"][0]["function"] == "burn"
    # The last answer is there before the server is through with it.
    assert rows["GET", "(no route)", "404"]["count"] in (1, 2)


PUT_BACK = """
import sys, wsgiref.handlers, wsgiref.util
class SyncWorker:
    def __init__(self): self.wsgi = app
sync = type(sys)("gunicorn.workers.sync")
sync.SyncWorker = SyncWorker
sys.modules["gunicorn.workers.sync"] = sync
import ulma

def app(environ, start_response):
    start_response("200 OK", [])
    return [b"said"]

def ask(application):
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/it"}
    wsgiref.util.setup_testing_defaults(environ)
    return b"".join(application(environ, lambda *given: None))

def state():
    return dict(vars(wsgiref.handlers.BaseHandler)), dict(vars(SyncWorker))

worker, before, modules = SyncWorker(), state(), set(sys.modules)
for round in range(3):
    ulma.start(events="spans")
    assert state() != before
    assert worker.wsgi is not app and ask(worker.wsgi) == b"said"
    for missing in (lambda: SyncWorker.wsgi, lambda: SyncWorker.__new__(SyncWorker).wsgi):
        try:
            missing()
            raise SystemExit("it has one")
        except AttributeError as error:
            message = str(error)
    if round == 1:
        ours = SyncWorker.wsgi = property(lambda self: app)  # somebody else's, over ulma's
    report = ulma.stop().json()
    assert [row["count"] for row in report["requests"]] == [1], report["requests"]
    if round == 1:
        assert SyncWorker.__dict__["wsgi"] is ours
        del SyncWorker.wsgi
    assert state() == before and worker.wsgi is app and vars(worker) == {"wsgi": app}
assert not [name for name in sys.modules if name.startswith("ulma.") and name not in modules
            and name not in ("ulma._api", "ulma._start", "ulma._program")]
try:
    SyncWorker.__new__(SyncWorker).wsgi
except AttributeError as error:
    assert str(error) == message, (error, message)
print("put back")
"""


@pytest.mark.some_pythons
def test_off_puts_everything_back(python, session_dir):
    env = environment(session_dir, PYTHONPATH=str(ROOT / "python"))
    done = run([python.path, "-c", PUT_BACK], env=env)
    assert done.status == 0 and done.out == b"put back\n", done.told()


def test_the_probe_looks_for_each_server_that_is_known():
    text = (ROOT / "src/sources/spans/spans_servers_probe.c").read_text()
    looked_for = re.findall(r'^    "([\w.]+)",$', text, re.MULTILINE)
    known = run(
        [sys.executable, "-c", "from ulma import _servers; print(*_servers.KNOWN)"],
        env=environment(PYTHONPATH=str(ROOT / "python")),
    )
    assert looked_for == known.out.decode().split()


WORKERS = {
    "gunicorn": ["-m", "gunicorn", "-k", "sync", "-b", "unix:{socket}", "web_phases:app"],
    "fastapi": [str(harness.TARGETS / "web_phases.py"), "{socket}"],
}
SHARES = ("socket", "file", "lock", "gil", "gc")


@pytest.mark.alone
@pytest.mark.parametrize("kind", WORKERS)
def test_what_a_workers_time_goes_into(serve, kind):  # noqa: F811
    """Each share within 5 % of the worker's wall time, beside what it saw by its own clocks."""
    server = serve(*WORKERS[kind], options=("-e", "waits,spans"))
    server.ask("/phases")
    told = json.loads(server.ask("/told")[2])
    report = server.end()
    (split,) = (row["split"] for row in report["threads"] if row["tid"] == told["pid"])
    wall_ns = split["wall_ns"]
    parts_ns = sum(split[f"{share}_ns"] for share in (*SHARES, "compute", "idle"))
    assert abs(parts_ns - wall_ns) <= 0.001 * wall_ns
    truth_ns = {share: told[share] * 1e9 for share in SHARES}
    for share, ns in truth_ns.items():
        assert abs(split[f"{share}_ns"] - ns) <= 0.05 * wall_ns, (share, split, told)
    # Standing ready for a CPU is computing, but for the end of a wait, which belongs to the wait.
    # How it ended, after it had told, it could not tell.
    least_ns = told["ran_s"] * 1e9 - truth_ns["gc"]
    most_ns = least_ns + told["ready_s"] * 1e9 + max(0, wall_ns - told["alive_s"] * 1e9)
    assert least_ns - 0.05 * wall_ns <= split["compute_ns"] <= most_ns + 0.05 * wall_ns, (
        split,
        told,
    )
    assert split["idle_ns"] >= told["idle"] * 1e9 - 0.05 * wall_ns
