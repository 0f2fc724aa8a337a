# SPDX-License-Identifier: MIT
"""`ulma web`: what it prints, what it serves, how it ends."""

import gzip
import json
import os
import pathlib
import signal
import struct
import subprocess
import time

import harness
from web_client import LIMIT_S, Live, Target, by_name, serving

# A coroutine that waits in another, and fifty-eight calls above a sleep.
DEEP = """
import time, types
@types.coroutine
def pause(): yield
async def inner(): await pause()
async def outer(): await inner()
waiting = outer(); waiting.send(None)
def dive(left):
    if left: dive(left - 1)
    else: time.sleep(600)
dive(57)
"""
VIEWS = (
    "functions function tree flame timeline algae nova objects memory io requests tasks processes "
    "threads methods operators gc lines waits verdicts escalated"
)


def test_the_first_line_is_the_address():
    with serving() as server:
        assert server.name == "127.0.0.1"
        assert 8562 <= server.port < 8662
        assert len(server.token) >= 22
        assert server.is_alive()


def test_the_next_free_port_and_a_given_one():
    with serving() as one, serving() as other:
        assert one.port != other.port and one.token != other.token
        assert other.request("/api/views", token=one.token).status == 401
        again = harness.run([harness.ULMA, "web", "--port", one.port, "-c", "pass"])
        assert again.status == 125
        assert f"port {one.port}" in again.err.decode()


def test_the_numbers_are_the_reports():
    with serving("--clock", "wall") as server:
        server.ask("calls 1234")
        server.ask("slow 30")
        report = server.get("/api/report")
        assert report["ulma"] == 1 and report["events"]["lost"] == 0
        (leaf,) = [row for row in report["functions"] if row["name"] == "leaf"]
        assert leaf["calls"] == 1234
        shown = server.functions()
        assert shown["leaf"]["id"] == leaf["id"]
        assert shown["leaf"]["self_ns"] == leaf["self_ns"]
        assert shown["leaf"]["max_ns"] == leaf["max_ns"]
        view = server.get("/api/views/tree?window=all&limit=0")
        assert view["total"] == len(view["rows"]) == len(report["tree"]) - 1
        calls = {by["function"].split(" (")[0]: by["calls"] for by in by_name(view).values()}
        assert calls["leaf"] == 1234


def test_every_view_is_listed():
    with serving() as server:
        server.ask("calls 1")
        listed = {view["id"]: view for view in server.get("/api/views")}
        assert " ".join(listed) == VIEWS
        for name, view in listed.items():
            shown = server.get(f"/api/views/{name}")
            assert view["available"] == (view["reason"] is None)
            if name != "function":
                assert shown["available"] == view["available"], name
        assert listed["functions"]["available"] and listed["threads"]["available"]
        assert not listed["gc"]["available"]
        assert server.request("/api/views/nothing").status == 404


def test_sort_filter_limit():
    with serving() as server:
        server.ask("calls 20")
        ids = [column["id"] for column in server.get("/api/views/functions")["columns"]]
        for name in ("self", "self_ns", "total_ns", "max_ns"):
            view = server.get(f"/api/views/functions?window=all&sort={name}&limit=0")
            at = ids.index(view["sort"])
            values = [row["cells"][at] for row in view["rows"] if row["cells"][at] is not None]
            assert view["sort"] == name.removesuffix("_ns") + "_ns"
            assert values == sorted(values, reverse=True)
            back = server.get(f"/api/views/functions?window=all&sort={name}&limit=0&ascending=1")
            values = [row["cells"][at] for row in back["rows"] if row["cells"][at] is not None]
            assert values == sorted(values)
        assert set(server.functions(filter="lea")) == {"leaf"}
        one = server.get("/api/views/functions?window=all&limit=1")
        assert len(one["rows"]) == 1 and one["left_out"] == one["total"] - 1
        for wrong in ("window=2", "limit=x", "limit=-1", "clock=sun", "function=a"):
            answer = server.request(f"/api/views/functions?{wrong}")
            assert answer.status == 400 and answer.json()["error"], wrong


def test_one_function():
    with serving() as server:
        server.ask("calls 7")
        leaf = server.functions()["leaf"]["id"]
        view = server.get(f"/api/views/function?function={leaf}")
        assert view["available"] and "leaf" in view["title"]
        assert any(row["function"] for row in view["rows"])
        assert not server.get("/api/views/function?function=999999")["available"]


def test_flame_is_the_tree():
    with serving("--clock", "wall") as server:
        server.ask("calls 30")
        server.end()
        flame = server.get("/api/views/flame?window=all")
        tree = server.get("/api/report")["tree"]
        assert [[node[0], *node[2:]] for node in flame["nodes"]] == [
            [row["parent"], row["self_ns"], row["total_ns"], row["calls"]] for row in tree
        ]
        names = {int(key): value["name"] for key, value in flame["functions"].items()}
        (leaf,) = [node for node in flame["nodes"] if names.get(node[1]) == "leaf"]
        assert leaf[4] == 30
        few = server.get("/api/views/flame?window=all&limit=2")
        assert len(few["nodes"]) + few["left_out"] == few["total"] > len(few["nodes"])


def test_live_shows_what_is_wished():
    with serving() as server, Live(server) as live, Live(server) as other:
        first = live.message()
        assert first["view"]["id"] == "functions" and first["view"]["window"] == "10"
        assert first["state"] in ("on", "off")
        server.ask("calls 100")
        live.wish(view="threads", window="all")
        threads = live.until(lambda message: message["view"]["id"] == "threads")
        assert threads["view"]["rows"] and threads["target"]["pid"] > 0
        live.wish(view="functions", window="1", filter="slow")
        server.ask("slow 300")
        live.until(lambda message: list(by_name(message["view"])) == ["slow"])
        strip = live.until(lambda message: message["strip"]["events_per_s"] is not None)["strip"]
        assert strip["lost"] == 0 and strip["rss_bytes"] > 1 << 20
        assert strip["cpu"][0]["thread"]
        assert other.message()["view"]["id"] == "functions"


def test_tiles_of_live_are_packed_for_who_wishes_so():
    python = harness.pythons()[-1].path
    with serving("--python", python, Target("-c"), DEEP) as server, Live(server) as live:
        live.wish(view="algae", window="all")
        (told,) = live.until(lambda message: has_tiles(message, 61))["view"]["threads"]
        live.wish(view="algae", window="all", binary=True)
        while True:
            opcode, payload = live.frame()
            if opcode == 9:
                live.send_frame(0x8A, payload)
            if opcode == 2:
                break
        (size,) = struct.unpack_from("<I", payload)
        view = json.loads(payload[4 : 4 + size])["view"]
        (thread,) = view["threads"]
        at = 4 + (size + 3) // 4 * 4
        assert len(payload) == at + 40 * thread["tile_count"]
        kinds = ["python", "c", "generator", "coroutine", "async_generator"]
        packed = []
        for words in struct.iter_unpack("<9If", payload[at:]):
            tile = {
                "id": f"{words[1]:x}.{words[0]:x}",
                "parent": f"{words[3]:x}.{words[2]:x}" if words[3] else None,
                "kind": kinds[words[8] >> 24 & 127],
                "function": words[4],
                "depth": words[8] & 0xFFFFFF,
            }
            tile.update({"running": True} if words[8] >> 31 else {})
            tile.update({"awaits": view["places"][str(words[5])]} if words[5] else {})
            tile.update({"count": words[7]} if words[7] > 1 else {})
            packed.append(tile)
            assert words[9] > 0
        for tile in told["tiles"]:
            assert tile.pop("age_ns") > 0
        assert packed == told["tiles"]
        assert {tile.get("awaits", "").split(" ")[0] for tile in packed} == {"", "pause"}


def has_tiles(message: dict, count: int) -> bool:
    view = message["view"]
    return view["id"] == "algae" and any(
        len(thread["tiles"]) >= count for thread in view.get("threads", [])
    )


def test_a_spike_between_two_tellings_crosses_a_shape_line():
    """Its stack is kept, though it is over within microseconds; and each crossing counts."""
    with serving() as server:

        def shape(**line):
            return server.post("/api/shape", line)

        server.ask("calls 1")
        (thread,) = server.get("/api/views/algae")["threads"]
        number, below = thread["thread"], len(thread["tiles"])
        assert shape(thread=number, depth=below + 10, on=True).status == 200
        assert shape(thread=number, depth=below + 30, on=True).status == 200
        assert shape(thread=number + 1, depth=below + 10, on=True).status == 200
        for depth in (9, 10, 11, 30, 10):
            server.ask(f"deep {depth}")
        view = server.get("/api/views/algae")
        near, far, other = view["lines"]
        assert [near["depth"], far["depth"]] == [below + 10, below + 30]
        assert [near["count"], far["count"], other["count"]] == [2, 0, 0]
        stack = [view["functions"][str(one)]["name"] for one in near["crossings"][0]["stack"]]
        assert stack[:2] == ["<module>", "main"] and stack[-11:] == ["deep"] * 11
        assert len(stack) == below + 11 == len(near["crossings"][1]["stack"])
        first, second = (crossing["at_ns"] for crossing in near["crossings"])
        assert 0 < first < second
        server.ask("deep 900")
        near, far, _ = server.get("/api/views/algae")["lines"]
        assert [near["count"], far["count"]] == [3, 1]
        assert shape(thread=number, depth=below + 10, on=False).status == 200
        server.ask("deep 20")
        far, _ = server.get("/api/views/algae")["lines"]
        assert far["count"] == 1
        for wrong in ({}, {"thread": 1, "depth": 0, "on": True}, {"thread": 1, "depth": 5}):
            assert shape(**wrong).status == 400
        for depth in range(1, 15):
            assert shape(thread=number, depth=depth, on=True).status == 200
        assert shape(thread=number, depth=99, on=True).status == 409


def test_a_pile_between_two_tellings_crosses_a_shape_line_for_width():
    with serving() as server:

        def lines(**line):
            if line:
                assert server.post("/api/shape", line).status == 200
            return server.get("/api/views/algae")["lines"]

        server.ask("calls 1")
        (thread,) = server.get("/api/views/algae")["threads"]
        number, below = thread["thread"], len(thread["tiles"])
        assert [line["width"] for line in lines(thread=number, width=40, on=True)] == [40]
        for width in (39, 40, 41, 12, 300, 40):
            server.ask(f"wide {width}")
        view = server.get("/api/views/algae")
        (line,) = view["lines"]
        assert (line["thread"], line["width"], line["count"]) == (number, 40, 2)
        first, second = line["crossings"]
        assert 0 < first["at_ns"] < second["at_ns"]
        stack = [view["functions"][str(one)]["name"] for one in first["stack"]]
        assert stack[:2] == ["<module>", "main"] and stack[-2:] == ["pile", "wide"]
        assert len(stack) == below + 2 and first["left_out"] == 0
        assert lines(thread=number, width=40, on=False) == []


def test_what_gets_slow_is_on_top():
    with serving() as server, Live(server) as live:
        live.wish(view="functions", window="1", sort="self_ns", limit=5)
        server.ask("calls 1000")
        server.ask("slow 500")
        live.until(lambda message: next(iter(by_name(message["view"])), "") == "slow")


def test_messages_stay_small():
    """Not more than 300 kB/s of one stream, however much there is to show."""
    with serving() as server, Live(server) as live:
        live.wish(view="functions", window="all", limit=0)
        for _ in range(5):
            server.ask("calls 20000")
        begin, size = time.monotonic(), 0
        while time.monotonic() - begin < 2:
            opcode, payload = live.frame()
            if opcode == 9:
                live.send_frame(0x8A, payload)
            size += len(payload)
        assert size < 300_000 * (time.monotonic() - begin) + 100_000


def test_switch():
    with serving() as server, Live(server) as live:
        live.until(lambda message: message["state"] == "on")
        server.ask("calls 10")
        assert server.post("/api/switch", {"on": False}).status == 200
        live.until(lambda message: message["state"] == "off")
        server.ask("calls 10")
        assert server.post("/api/switch", {"on": True}).status == 200
        live.until(lambda message: message["state"] == "on")
        answer = server.post(
            "/api/switch", {"skip": ["__main__:slow"], "budget": 7, "events": ["calls", "gc"]}
        )
        assert answer.status == 200, answer.body
        message = answer.json()["message"]
        assert "skip=__main__:slow" in message and "budget=7" in message and "gc" in message
        server.ask("slow 5")
        server.ask("calls 10")
        functions = server.functions()
        assert "slow" not in functions and functions["leaf"]["calls_per_s"] > 0
        (leaf,) = [f for f in server.get("/api/report")["functions"] if f["name"] == "leaf"]
        assert leaf["calls"] == 20
        live.until(lambda told: told["target"]["budget_pct"] == 7)
        assert {view["id"]: view for view in server.get("/api/views")}["gc"]["available"]
        assert "budget=exact" in server.post("/api/switch", {"budget": None}).json()["message"]


def test_read_only():
    with serving("--read-only") as server, Live(server) as live:
        answer = server.post("/api/switch", {"on": False})
        assert answer.status == 403 and "--read-only" in answer.json()["error"]
        assert live.message()["target"]["read_only"]


def test_events():
    with serving() as server, server.connect() as connection:
        server.ask("calls 3")
        request = (
            f"GET /events?view=threads&token={server.token} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        )
        connection.sendall(request.encode())
        stream = connection.makefile("rb")
        head = b"".join(iter(stream.readline, b"\r\n"))
        assert b"200 OK" in head and b"text/event-stream" in head
        for _ in range(2):
            assert stream.readline() == b"event: view\n"
            data = stream.readline()
            assert data.startswith(b"data: ")
            assert json.loads(data[6:])["view"]["id"] == "threads"
            assert stream.readline() == b"\n"


# Names, types, labels and values of each family, as the reader that Prometheus' authors wrote sees
# them.
OPENMETRICS = """
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
print(json.dumps([
    [family.name, family.type, [[one.name, one.labels, one.value] for one in family.samples]]
    for family in text_string_to_metric_families(sys.stdin.read())
]))
"""


def test_metrics_are_openmetrics():
    python = harness.pythons()[-1]
    reader = harness.from_index(python, "prometheus-client==0.26.0")
    with serving() as server:
        server.ask("calls 12")
        text = server.request("/metrics").body
    env = harness.environment(PYTHONPATH=str(reader))
    done = harness.run([python.path, "-c", OPENMETRICS], env=env, stdin=text)
    assert done.status == 0, done.told()
    families = {name: (kind, samples) for name, kind, samples in json.loads(done.out)}
    assert all(kind in ("counter", "gauge", "info") for kind, _samples in families.values())
    calls = {one[1]["function"]: one[2] for one in families["ulma_function_calls"][1]}
    assert calls["leaf"] == 12
    assert families["ulma_lost_events"] == ("counter", [["ulma_lost_events_total", {}, 0]])


def test_another_address_and_its_token():
    with serving("--listen", "127.0.0.2") as server:
        assert server.name == "127.0.0.2"
        own = f"127.0.0.2:{server.port}"
        assert server.request("/api/views", Host=own).status == 200
        assert server.request("/api/views", Host=own, token=False).status == 401
        assert server.request("/api/views", Host=f"evil.example:{server.port}").status == 403


def test_metrics_with_a_token_of_their_own(tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("the-page-token-0123\nthe-scraper-token-4567\n")
    tokens.chmod(0o600)
    with serving("--token-file", tokens) as server:
        assert server.token == "the-page-token-0123"
        server.ask("calls 12")
        answer = server.request("/metrics", token="the-scraper-token-4567")
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("application/openmetrics-text")
        lines = answer.body.decode().splitlines()
        assert lines[-1] == "# EOF"
        (leaf,) = [ln for ln in lines if ln.startswith('ulma_function_calls_total{function="leaf"')]
        assert leaf.endswith(" 12")
        assert "ulma_lost_events_total 0" in lines
        assert server.request("/metrics").status == 200
        for path in ("/", "/api/views", "/api/report", "/live"):
            assert server.request(path, token="the-scraper-token-4567").status == 401


def test_a_profile_of_the_next_second():
    with serving("--clock", "wall") as server:
        server.ask("calls 1000")
        assert server.request("/debug/pprof/profile?seconds=0").status == 400
        with server.connect() as connection:
            head = f"Host: {server.host}\r\nAuthorization: Bearer {server.token}\r\n\r\n"
            connection.sendall(f"GET /debug/pprof/profile?seconds=1 HTTP/1.1\r\n{head}".encode())
            assert server.request("/api/views").status == 200  # nobody else waits
            server.ask("calls 5")
            raw = b""
            while part := connection.recv(65536):
                raw += part
        profile = gzip.decompress(raw.split(b"\r\n\r\n", 1)[1])
        assert b"leaf" in profile


def test_the_page_stays_after_the_end():
    with serving() as server, Live(server) as live:
        server.ask("calls 77")
        server.end()
        ended = live.until(lambda message: message["state"] == "ended")
        assert ended["target"]["exit_status"] == 0
        (leaf,) = [f for f in server.get("/api/report")["functions"] if f["name"] == "leaf"]
        assert leaf["calls"] == 77
        assert server.request("/debug/pprof/profile").status == 409
        os.kill(server.process.pid, signal.SIGINT)
        assert server.process.wait(LIMIT_S) == 0


def test_the_status_is_the_targets(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("import sys; sys.exit(7)\n")
    with (
        serving("--python", harness.pythons()[0].path, Target(program)) as server,
        Live(server) as live,
    ):
        live.until(lambda message: message["state"] == "ended")
        os.kill(server.process.pid, signal.SIGINT)
        assert server.process.wait(LIMIT_S) == 7


def told_by(server, window):
    """Function -> calls and resumes of the window, where there were any."""
    view = server.get(f"/api/views/functions?window={window}&limit=0")
    begin, end = view["window_ns"]
    calls = {name: row["calls_per_s"] * (end - begin) / 1e9 for name, row in by_name(view).items()}
    return {name: round(count) for name, count in calls.items() if round(count)}


def report_of_window(server, file, window):
    """The same by `ulma report` on that slice of the recording."""
    begin, end = server.get(f"/api/views/functions?window={window}")["window_ns"]
    slice_of = ["--from", f"{begin / 1e9:.9f}", "--to", f"{end / 1e9:.9f}", "-f", "json"]
    done = harness.run([harness.ULMA, "report", *slice_of, file])
    assert done.status == 0, done.told()
    counts = {}
    for row in json.loads(done.out)["functions"]:
        name = row["name"]
        counts[name] = counts.get(name, 0) + row["calls"] + row["resumes"]
    return {name: count for name, count in counts.items() if count}


def test_a_recording(tmp_path):
    python, file = harness.pythons()[-1].path, tmp_path / "program.ulma"
    program = [harness.ROOT / "tests" / "browser" / "tally.py", 0.2, 2]
    done = harness.run([harness.ULMA, "record", "--python", python, "-o", file, *program])
    assert done.status == 0, done.told()
    report = harness.run([harness.ULMA, "report", "--clock", "cpu", "-f", "json", file])
    with serving(Target(file)) as server, Live(server) as live:
        told = json.loads(report.out)
        shown = server.get("/api/report")
        assert shown["functions"] == told["functions"] and shown["tree"] == told["tree"]
        for window, known in (("1", {"late"}), ("10", {"early", "middle", "late"})):
            shown = told_by(server, window)
            assert shown == report_of_window(server, file, window)
            assert set(shown) & {"early", "middle", "late"} == known
        message = live.message()
        assert message["state"] == "ended" and message["target"]["recording"]
        live.wish(view="tree", window="all")
        live.until(lambda got: got["view"]["id"] == "tree")
        assert server.post("/api/switch", {"on": True}).status == 403
        os.kill(server.process.pid, signal.SIGINT)
        assert server.process.wait(LIMIT_S) == 0


# Thirty wait for one; they are let go half a second before the end.
PILE = """
import asyncio, time
async def fetch(event):
    await event.wait()
async def main():
    event = asyncio.Event()
    fetches = [asyncio.create_task(fetch(event)) for _ in range(30)]
    await asyncio.sleep(1)
    event.set()
    await asyncio.gather(*fetches)
    await asyncio.sleep(0.5)
asyncio.run(main())
"""


def fetches(server):
    told = server.get("/api/views/algae")
    tiles = [tile for thread in told["threads"] for tile in thread["tiles"]]
    return sum(
        tile.get("count", 1)
        for tile in tiles
        if told["functions"][str(tile["function"])]["name"] == "fetch"
    )


def calls_of(report):
    rows = report["functions"]
    return sorted((row["qualname"], row["line"], row["calls"], row["resumes"]) for row in rows)


def test_a_trace_is_played_to_a_moment_and_to_its_end(tmp_path):
    (tmp_path / "pile.py").write_text(PILE)
    python, file = harness.pythons()[-1].path, tmp_path / "pile.ulma"
    words = ["record", "--trace", "--python", python, "-o", file, tmp_path / "pile.py"]
    assert harness.run([harness.ULMA, *words]).status == 0
    report = json.loads(harness.run([harness.ULMA, "report", "-f", "json", file]).out)
    duration_s = report["target"]["duration_ns"] / 1e9
    with serving("--speed", "max", "--to", f"{duration_s - 1:.3f}", Target(file)) as server:
        assert fetches(server) == 30
        assert server.get("/api/report")["target"]["exit_status"] is None
        assert server.post("/api/switch", {"on": True}).status == 403
    with serving("--speed", "max", Target(file)) as server, Live(server) as live:
        live.until(lambda got: got["state"] == "ended")
        assert calls_of(server.get("/api/report")) == calls_of(report)
    words = ["record", "--force", "--python", python, "-o", file, tmp_path / "pile.py"]
    assert harness.run([harness.ULMA, *words]).status == 0
    for words, part in (
        (["--speed", "2", tmp_path / "pile.py"], "--speed is for a recording"),
        (["--speed", "2", file], "trace"),
    ):
        refused = harness.run([harness.ULMA, "web", *words])
        assert refused.status != 0 and part in refused.err.decode(), refused.told()


def test_tokens_that_cannot_be(tmp_path):
    file = tmp_path / "token"
    for text, part in (
        ("short\n", "16"),
        ("", "no token"),
        ("with a blank in it 0123\n", "letters"),
    ):
        file.write_text(text)
        file.chmod(0o600)
        done = harness.run([harness.ULMA, "web", "--token-file", file, "-c", "pass"])
        assert done.status == 125 and part in done.err.decode(), done.told()
    done = harness.run([harness.ULMA, "web", "--listen", "somewhere", "-c", "pass"])
    assert done.status == 125 and "--listen" in done.err.decode()
    done = harness.run([harness.ULMA, "web", "--port", "0", "-c", "pass"])
    assert done.status == 125 and "--port" in done.err.decode()


def test_over_ssh_it_says_how_to_get_here():
    env = harness.environment(
        SSH_CONNECTION="192.0.2.1 50000 192.0.2.7 2222", ULMA_TOKEN="0123456789abcdefgh"
    )
    with serving(env=env) as server:
        assert server.token == "0123456789abcdefgh"
        line = server.process.stdout.readline()
        assert line.startswith(f"ssh -L {server.port}:127.0.0.1:{server.port} -p 2222 ")
        assert line.rstrip().endswith("192.0.2.7")


def test_open_hands_over_the_address_and_no_token_in_words(tmp_path):
    browser, told = tmp_path / "bin" / "xdg-open", tmp_path / "told"
    browser.parent.mkdir()
    browser.write_text(
        f'#!/bin/sh\ncat "$1" > {told}.new; echo "$@" >> {told}.new; mv {told}.new {told}\n'
    )
    browser.chmod(0o755)
    env = harness.environment(
        PATH=f"{browser.parent}:{os.environ['PATH']}", XDG_RUNTIME_DIR=str(tmp_path)
    )
    with serving("--open", env=env) as server:
        end = time.monotonic() + LIMIT_S
        while not told.exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        page, words = told.read_text().rsplit("\n", 2)[:2]
        assert server.url in page and server.token not in words
        file = pathlib.Path(words.strip())
        assert file.stat().st_mode & 0o077 == 0
        server.end()
        os.kill(server.process.pid, signal.SIGINT)
        server.process.wait(LIMIT_S)
        assert not file.exists()


def test_a_pid(tmp_path):
    """It is followed and left as it was; a second page looks on."""
    program = tmp_path / "program.py"
    program.write_text(
        "import time\ndef leaf(): pass\n"
        "while True:\n    for _ in range(1000): leaf()\n    time.sleep(0.01)\n"
    )
    python = harness.pythons()[-1].path
    process = subprocess.Popen([python, str(program)], env=harness.environment())
    try:
        with serving(Target(process.pid)) as server:
            with Live(server) as live:
                live.wish(view="functions", window="all", sort="calls_per_s")
                live.until(lambda message: "leaf" in by_name(message["view"]))
                with serving(Target(process.pid)) as second:
                    assert "leaf" in second.functions()
                    answer = second.post("/api/switch", {"on": False})
                    assert answer.status == 403 and "read-only" in answer.json()["error"]
                    with Live(second) as looking:
                        looking.until(lambda message: message["state"] == "on")
                        os.kill(second.process.pid, signal.SIGTERM)
                        assert second.process.wait(LIMIT_S) == 0
                assert live.message()["state"] == "on"
            os.kill(server.process.pid, signal.SIGINT)
            assert server.process.wait(LIMIT_S) == 0
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
