# SPDX-License-Identifier: MIT
"""The middleware's cost a request: while nobody records, and while somebody does.

Why: it stays in production, so it must be nothing there: below 1 % of an empty request of a real
server. Beside it stands pyinstrument's profiler a request.
Rules: CPU time, since the machine is not alone. Recorded, the application's own calls cost too: the
bare application below ulma is taken out.
"""

import http.client
import json
import os
import pathlib
import tempfile

import places
import server
import tables
from places import BenchError, say

OFF_BOUND = 1.0  # percent of an empty request
WARM, ASKED = 300, 3000


def cpu_s(pid: int) -> float:
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def empty_request_ns(python: str, one: server.Server) -> float:
    """Of the server's CPU time, for a request to an application that does nothing."""
    with server.serving(python, one) as live:
        pid = live.pid()
        connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)

        def ask(count: int) -> None:
            for _ in range(count):
                connection.request("GET", "/empty")
                connection.getresponse().read()

        ask(WARM)
        begin = cpu_s(pid)
        ask(ASKED)
        return (cpu_s(pid) - begin) / ASKED * 1e9


def layers(python: str, folder: str, *, recorded: bool) -> "dict[str, float]":
    output = pathlib.Path(folder) / "layers.json"
    target = [str(places.HERE / "own" / "layers.py"), str(output)]
    command = [python, *target, "pyinstrument"]
    if recorded:
        given = ["-q", "-e", "spans", "-f", "json", "-o", str(output) + ".report", "--force"]
        command = [str(places.ULMA), "run", *given, "--python", python, *target]
    environment = {**os.environ, "PYTHONPATH": str(places.ROOT / "python")}
    places.run(command, "measuring the layers", env=environment)
    return json.loads(output.read_text())


def table(python: str, folder: str) -> str:
    off, on = (layers(python, folder, recorded=recorded) for recorded in (False, True))
    body = []
    for kind, one in zip(("WSGI", "ASGI"), server.SERVERS):
        whole = empty_request_ns(python, one)
        costs = {
            "ulma, nobody records": off[f"{kind} ulma"] - off[f"{kind} bare"],
            "ulma, -e spans": on[f"{kind} ulma"] - on[f"{kind} bare"],
            "pyinstrument": off[f"{kind} pyinstrument"] - off[f"{kind} bare"],
        }
        for layer, cost in costs.items():
            share = 100 * cost / whole
            word = ""
            if layer == "ulma, nobody records":
                word = "met" if share < OFF_BOUND else "**missed**"
            cells = [f"{cost / 1000:.2f}", f"{whole / 1000:.0f}", f"{share:.2f} %", word]
            body.append([f"{one.name}, {kind}: {layer}", *cells])
    head = ["", "µs a request", "µs an empty request", "share", f"off: below {OFF_BOUND:.0f} %"]
    return tables.markdown(head, body)


def show(minor: str) -> None:
    print("\n## Middleware\n")
    if not places.ULMA.exists():
        print("Not measured: build/ulma is not there; run make build.\n")
        return
    say(f"middleware, {minor}")
    try:
        python = server.python_with_servers(minor)
        with tempfile.TemporaryDirectory() as folder:
            found = table(python, folder)
    except BenchError as error:
        print(f"Failed: {error}\n")
        return
    print(f"CPython {places.pythons()[minor][0]}; CPU time, medians.\n\n{found}", flush=True)
