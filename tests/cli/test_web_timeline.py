# SPDX-License-Identifier: MIT
"""When things were: the timeline, the latency of one function, its slowest calls, its source."""

import harness
import pytest
import web_client
from web_client import Target, by_name, serving

pytestmark = pytest.mark.some_pythons
MOMENTS = Target(harness.TARGETS / "web_moments.py")


def rows_of(server):
    """What the target says of its calls: number, ns inside, ns around."""
    rows = []
    for line in iter(server.process.stdout.readline, "done\n"):
        rows.append(tuple(map(int, line.split())))
    return rows


@pytest.fixture(scope="module")
def moments():
    with serving(MOMENTS) as server:
        yield server, rows_of(server)
        server.process.stdin.write("\n")
        server.process.stdin.flush()


def id_of(server, name):
    return by_name(server.get("/api/views/functions?window=all&limit=0"))[name]["id"]


def fits(length, row):
    """A call lies within what was measured around it, and around what was measured within it."""
    return row[1] * 0.999 - 20_000 <= length <= row[2] * 1.001 + 20_000


def test_each_call_is_there_and_as_long_as_it_was(moments):
    server, rows = moments
    view = server.get(f"/api/views/timeline?function={id_of(server, 'timed')}&calls=100")
    names = {thread["thread"]: thread["name"] for thread in view["threads"]}
    assert len(view["calls"]) == len(rows) == 24
    # Both are in the order of time: first the thread's, then the main thread's.
    for call, row in zip(view["calls"], rows):
        assert fits(call["length_ns"], row), (call, row)
        assert names[call["thread"]] == ("beside" if row[0] >= 100 else "MainThread")
    begins = [call["from_ns"] for call in view["calls"]]
    assert begins == sorted(begins)


def slices_of(view, thread, kind="call"):
    """[(depth, begin, end, function, count)]"""
    found = []
    for row in view["rows"]:
        if row["thread"] != thread or row["kind"] != kind:
            continue
        flat = row["slices"]
        for i in range(0, len(flat), 6):
            begin = flat[i] + view["from_ns"]
            found.append((row["depth"], begin, begin + flat[i + 1], flat[i + 2], flat[i + 4]))
    return found


def test_zoomed_in_a_call_stands_in_its_callers(moments):
    server, _rows = moments
    timed = id_of(server, "timed")
    calls = server.get(f"/api/views/timeline?function={timed}&calls=100")["calls"]
    call = calls[15]
    begin, end = call["from_ns"], call["from_ns"] + call["length_ns"]
    span = f"from={(begin - 1e5) / 1e9:.9f}&to={(end + 1e5) / 1e9:.9f}&columns=1000"
    view = server.get(f"/api/views/timeline?{span}")
    slices = slices_of(view, call["thread"])
    name = {int(id): function["name"] for id, function in view["functions"].items()}
    (own,) = [one for one in slices if one[3] == timed and abs(one[1] - begin) < 1000]
    above = {one[0]: one for one in slices if one[1] <= begin and one[2] >= end}
    assert [name[above[depth][3]] for depth in range(own[0] - 1, own[0] - 3, -1)] == ["job", "main"]
    (rest,) = [one for one in slices if name[one[3]] == "rest" and own[1] <= one[1] < own[2]]
    assert rest[0] == own[0] + 1 and rest[2] <= own[2] + 1000
    assert above[0][4] == 0  # main's caller goes on


def test_from_far_what_is_short_is_summed_and_nothing_is_lost(moments):
    server, _rows = moments
    near = server.get("/api/views/timeline?window=all&columns=4000&limit=6000")
    far = server.get("/api/views/timeline?window=all&columns=2&limit=6000")
    for view in (near, far):
        assert view["left_out"] == 0
    timed = id_of(server, "timed")
    calls = sum(one[4] for one in slices_of(near, 2) if one[3] == timed)
    assert calls == 12
    assert sum(one[4] for one in slices_of(far, 2)) == sum(one[4] for one in slices_of(near, 2))
    assert len(slices_of(far, 2)) < len(slices_of(near, 2)) / 2


def test_a_functions_latency_and_its_slowest_calls(moments):
    server, rows = moments
    timed = id_of(server, "timed")
    view = server.get(f"/api/views/function?function={timed}&clock=wall&window=all")
    counts = {}
    for second in view["seconds"]:
        pairs = second["buckets"]
        assert sum(pairs[1::2]) == second["calls"]
        for bucket, count in zip(pairs[::2], pairs[1::2]):
            counts[bucket] = counts.get(bucket, 0) + count
    assert sum(counts.values()) == 24
    # 200 µs at least: 2^(35/2) ns is 185 µs, less a histogram's slot.
    assert min(counts) >= 34
    lengths = [call["length_ns"] for call in view["slowest"]]
    assert len(lengths) == 10 and lengths == sorted(lengths, reverse=True)
    slowest = max(rows, key=lambda row: row[1])
    assert lengths[0] >= slowest[1] * 0.999 - 20_000
    names = {int(id): function["name"] for id, function in view["functions"].items()}
    for call in view["slowest"]:
        assert [names[id] for id in call["stack"]][-2:] == ["job", "timed"]


def test_its_source_is_the_function_and_no_more(moments):
    server, _rows = moments
    source = server.get(f"/api/source?function={id_of(server, 'timed')}")
    lines = [line["text"] for line in source["lines"]]
    assert lines[0] == "def timed(number, ns, told):"
    assert lines[-1] == "    told.append(time.perf_counter_ns() - begin)"
    assert [line["line"] for line in source["lines"]] == list(
        range(source["lines"][0]["line"], source["lines"][0]["line"] + 6)
    )
    assert source["file"] == str(MOMENTS) and source["reason"] is None
    assert server.request("/api/source?function=999999").status == 404
    assert server.request("/api/source?function=/etc/passwd").status == 400


def test_a_trace_has_the_same_calls(tmp_path):
    recording = tmp_path / "moments.ulma"
    words = [harness.ULMA, "record", "--trace", "-o", recording, MOMENTS]
    done = harness.run(words, stdin=b"\n")
    assert done.status == 0, done.err
    rows = [tuple(map(int, line.split())) for line in done.out.decode().splitlines()[:-1]]
    with serving(Target(recording)) as server:
        timed = id_of(server, "timed")
        calls = server.get(f"/api/views/timeline?function={timed}&calls=100")["calls"]
        assert len(calls) == len(rows) == 24
        for call, row in zip(calls, rows):
            assert fits(call["length_ns"], row), (call, row)
        view = server.get(f"/api/views/function?function={timed}&clock=wall")
        assert view["slowest"][0]["length_ns"] == max(call["length_ns"] for call in calls)
        # Back to a moment that has been passed.
        first = calls[0]
        span = f"from={first['from_ns'] / 1e9:.9f}&to={first['from_ns'] / 1e9 + 1e-3:.9f}"
        shown = server.get(f"/api/views/timeline?{span}")
        assert any(one[3] == timed for one in slices_of(shown, first["thread"]))
    plain = tmp_path / "plain.ulma"
    assert harness.run([harness.ULMA, "record", "-o", plain, "-c", "pass"]).status == 0
    with serving(Target(plain)) as server:
        (listed,) = [one for one in server.get("/api/views") if one["id"] == "timeline"]
        assert not listed["available"] and "--trace" in listed["reason"]


WAITS = """
import queue, sys, threading, time
lock, jobs = threading.Lock(), queue.Queue()

def worker():
    jobs.get()
    with lock:
        pass
    jobs.get()

lock.acquire()
thread = threading.Thread(target=worker, name="waiter")
thread.start()
time.sleep(0.1)
jobs.put(1)
time.sleep(0.1)
lock.release()
print("done", flush=True)
sys.stdin.readline()
jobs.put(2)
thread.join()
"""


def test_waits_have_lanes_of_their_own(tmp_path):
    """What a thread waited for, and what it waits for now."""
    program = tmp_path / "waits.py"
    program.write_text(WAITS)
    with serving("-e", "calls,waits", Target(program)) as server:
        assert server.process.stdout.readline() == "done\n"
        shown = []
        while len(shown) < 3:
            view = server.get("/api/views/timeline?window=all")
            (number,) = [one["thread"] for one in view["threads"] if one["name"] == "waiter"]
            waits = slices_of(view, number, "lock")
            shown = [one for one in waits if one[2] - one[1] > 50_000_000 or one[4] == 0]
        assert [one[3] for one in shown] == ["queue", "lock", "queue"]
        assert [one[4] for one in shown] == [1, 1, 0]  # the last one goes on
        # Beside the thread's calls, in the order of time.
        get = [one for one in slices_of(view, number) if one[1] <= shown[0][1] < one[2]]
        assert get and shown[0][2] <= shown[1][1] and shown[1][2] <= shown[2][1]
        server.process.stdin.write("\n")
        server.process.stdin.flush()


def test_moments_that_are_none(moments):
    server, _rows = moments
    for wrong in ("from=x", "to=-1", "columns=a", "calls=1e9", "to=1e99"):
        assert server.request(f"/api/views/timeline?{wrong}").status == 400, wrong
    odd_ones = (
        "from=5&to=1",
        "from=1e8&to=1.1e8",
        "columns=99999",
        "limit=1",
        "function=4294967295",
    )
    for odd in odd_ones:
        assert server.request(f"/api/views/timeline?{odd}&calls=9").status == 200, odd
    with web_client.Live(server) as live:
        live.wish(view="timeline", window="1", columns=200)
        # A program that is younger than that has no whole second yet.
        live.until(
            lambda message: (
                (message.get("view") or {}).get("id") == "timeline"
                and message["view"]["to_ns"] - message["view"]["from_ns"] == 1_000_000_000
            )
        )
