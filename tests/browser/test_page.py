# SPDX-License-Identifier: MIT
"""The live page in a browser, of a real program: what it shows, by hand, by keyboard, and when
things go away. What is done on the page stands in looks.mjs."""

import json
import os
import pathlib
import re
import subprocess
import sys

import browser
import harness
import live_page
import proxy
import pytest
import shown_numbers

pytestmark = [browser.needs_chromium, pytest.mark.some_pythons, pytest.mark.alone]
HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def orders(tmp_path_factory):
    """The page of a program that goes on until the tests are over."""
    end = tmp_path_factory.mktemp("orders") / "end"
    with (
        harness.private_session_dir() as directory,
        live_page.serve(directory, "--kill", HERE / "orders.py", end) as served,
    ):
        yield served
        end.touch()


def test_the_numbers_are_the_reports(tmp_path):
    end = tmp_path / "end"
    with (
        harness.private_session_dir() as directory,
        live_page.serve(directory, HERE / "orders.py", end) as served,
    ):
        end.touch()
        seen = live_page.look(f"{served.url}#functions?filter=orders.py", "numbers")
    assert "with exit status 0" in seen["notice"]
    functions = {
        f["qualname"]: f["calls"] + f["resumes"]
        for f in seen["report"]["functions"]
        if "orders.py" in (f["file"] or "")
    }
    assert shown_numbers.counts(seen, "all") == functions
    assert functions["handle"] > 200 < functions["amounts"]


def test_each_window_holds_what_was_done_in_it():
    """Of a program that says how often it calls what, and when: so the figures of the page, of its
    JSON and of the report are held against what is known."""
    with (
        harness.private_session_dir() as directory,
        live_page.serve(directory, HERE / "tally.py", 8.6, 3) as served,
    ):
        seen = live_page.look(f"{served.url}#functions?filter=tally.py", "numbers")
    told = {
        window: {
            name: count
            for name, count in shown_numbers.counts(seen, window).items()
            if name in ("early", "middle", "late") and count
        }
        for window in seen["windows"]
    }
    everything = {"early": 700, "middle": 300, "late": 1234}
    assert told == {
        "1": {"late": 1234},
        "10": {"middle": 300, "late": 1234},
        "60": everything,
        "all": everything,
    }
    report = {f["qualname"]: f["calls"] for f in seen["report"]["functions"]}
    assert {name: report[name] for name in everything} == everything


def test_all_is_reached_by_keyboard(orders):
    seen = live_page.look(
        f"{orders.url}#functions?filter=orders.py",
        "keyboard",
    )
    for stop in ("recording", "Functions", "10 s", "Hold", "%self"):
        assert any(stop in one for one in seen["stops"]), (stop, seen["stops"])
    assert seen["row"] in seen["title"], seen
    assert "window=60" in seen["address"] and "filter=amounts" in seen["address"]


def test_recording_is_switched_off_and_on_from_the_page(orders):
    seen = live_page.look(
        orders.url,
        "switching",
    )
    assert "Recording is off" in seen[0] and seen[1] == 0


def test_sorting_goes_both_ways_and_texts_from_a(orders):
    seen = live_page.look(
        orders.url,
        "sorting",
    )
    assert len(seen["up"]) > 10
    assert seen["up"] == sorted(seen["up"]) and seen["down"] == sorted(seen["down"], reverse=True)
    assert seen["first"] in seen["opened"]


def test_a_lost_connection_is_told_and_comes_back():
    target = subprocess.Popen(
        [sys.executable, "-c", "import time\nprint(flush=True)\nwhile True: time.sleep(0.01)"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    try:
        assert target.stdout.readline()  # it is Python by now
        with harness.private_session_dir() as directory:
            with live_page.serve(directory, target.pid) as first:
                port, url = first.port, first.url
                looking = live_page.Looking(
                    url,
                    "lost",
                )
                looking.wait("open")
            looking.wait("lost")
            with live_page.serve(directory, target.pid, port=port):
                assert looking.seen() == 0
    finally:
        target.kill()
        target.wait()


@pytest.mark.parametrize(
    ("name", "prefix"),
    [("127.0.0.1", ""), ("profiles.localhost", "/tools/ulma")],
    ids=["forwarded port", "behind a prefix, by another name"],
)
def test_it_is_reached_from_elsewhere(tmp_path, name, prefix):
    with (
        harness.private_session_dir() as directory,
        live_page.serve(
            directory,
            *("--kill", "--allow-host", "profiles.localhost", HERE / "orders.py", tmp_path / "no"),
        ) as served,
        proxy.before(served.port, prefix) as port,
    ):
        seen = live_page.look(f"http://{name}:{port}{prefix}/?token={live_page.TOKEN}", "live")
    assert seen["first"] != seen["second"]


def test_a_wrong_token_is_told(orders):
    seen = live_page.look(
        orders.url,
        "wrongToken",
    )
    assert seen == "no connection"


def test_what_is_saved_opens_without_a_server(orders):
    seen = live_page.look(orders.url, "saving")
    assert re.fullmatch(r"ulma-orders\.py-\d{8}T\d{6}\.html", seen["html"])
    assert seen["svg"].startswith("<svg ") and "price" in seen["svg"]
    assert seen["png"] == "\x89PNG\r\n\x1a\n"
    assert seen["rows"] >= 1 and "price" in seen["title"]
    assert seen["pill"] == "saved"


def test_what_hangs_since_when_and_who_started_it():
    with (
        harness.private_session_dir() as directory,
        live_page.serve(directory, "--kill", HERE / "pile.py") as served,
    ):
        hangs = live_page.answer(served.url, "hangs")
        seen = live_page.look(f"{served.url}#algae", "pile")
    for part in (r"\d m?s\b", "Event.wait", "locks.py:", "fetch", "pile.py:11", "main"):
        assert re.search(part, hangs), (part, hangs)
    count, since, waits_at, suspended, started_by, thread = seen["cells"]
    assert int(count.replace(",", "")) > 220 and thread == "MainThread"
    assert re.fullmatch(r"\d.* s", since)
    assert "Event.wait" in waits_at and "locks.py:" in waits_at
    assert "fetch" in suspended and "pile.py:11" in suspended
    assert "main" in started_by and "pile.py:" in started_by
    assert "crossed 1 " in seen["crossed"]
    assert any("run_forever" in line for line in seen["stack"])
    assert seen["when"].endswith("after the start")
    assert "after the start" in seen["spike"] and "run_forever" in seen["spike"]
    assert re.search(r", (on the stack|running|suspended), row \d+, column \d+", seen["said"])


def test_a_trace_is_played_into_the_page(tmp_path):
    trace, end = tmp_path / "orders.ulma", tmp_path / "end"
    end.touch()
    words = ["record", "-q", "--trace", "-o", trace, HERE / "orders.py", end]
    assert harness.run([harness.ULMA, *words]).status == 0
    report = json.loads(harness.run([harness.ULMA, "report", "-f", "json", trace]).out)
    # Two hundred orders took 0.4 s at least, and little came after them.
    at = f"{report['target']['duration_ns'] / 1e9 - 0.25:.3f}"
    with harness.private_session_dir() as directory:
        with live_page.serve(directory, "--speed", "0.01", "--from", at, trace) as served:
            playing = live_page.look(served.url, "replay")
        with live_page.serve(directory, "--speed", "max", "--to", at, trace) as served:
            stands = live_page.look(served.url, "replay")
    assert playing["pill"] == "playing" and not playing["notices"]
    assert playing["first"] != playing["second"]
    assert stands["pill"] == "stands"
    (notice,) = stands["notices"]
    assert re.fullmatch(r"The trace is played up to \d.* m?s, and stands there\.", notice)
    for seen in (playing, stands):
        assert seen["switches"] == 0
        assert "orders.py" in seen["row"] and "Queue.get" in seen["row"]
        assert "from 0" in seen["timeline"] and "-" not in seen["timeline"].split("from ")[1][:6]


@pytest.fixture
def shop(tmp_path):
    """The page of a program whose `planted` gets slow when the file is there."""
    slow = tmp_path / "slow"
    with (
        harness.private_session_dir() as directory,
        live_page.serve(directory, "--kill", HERE / "shop.py", slow) as served,
    ):
        yield served, slow


def test_the_slowest_call_of_what_got_slow_with_its_stack(shop):
    served, slow = shop
    looking = live_page.Looking(served.url, "slow")
    looking.wait("open")
    slow.touch()
    seen = looking.seen()
    slowest = live_page.answer(served.url, "slowest")
    assert re.search(r"\d+(\.\d+)? m?s", slowest), slowest
    assert "reports" in slowest and "shop.py:" in slowest, slowest
    assert seen["top"].startswith("planted"), seen["top"]
    assert "planted" in seen["title"]
    assert seen["source"][0].startswith("def planted(number)") and len(seen["source"]) == 2
    assert re.search(r"\d+ calls in the last whole one", seen["heat"])
    assert seen["slowest"].endswith("ms") or seen["slowest"].endswith(" s")
    assert seen["stack"].startswith("from reports ←")
    assert "planted" in seen["chosen"] and "reports" in seen["chosen"]
    assert re.search(r"planted, call, \d.*s, at \d", seen["said"])


def test_two_windows_side_by_side(shop):
    served, slow = shop
    looking = live_page.Looking(served.url, "comparing")
    looking.wait("kept")
    slow.touch()
    seen = looking.seen()
    assert seen["canvases"] == 2 and seen["before"] != seen["after"]


def test_what_comes_over_the_line_is_bounded(shop):
    served, _slow = shop
    seen = live_page.look(served.url, "weight", views=["timeline"])
    assert all(0 < rate < 300_000 for rate in seen.values()), seen


@pytest.mark.skipif(not os.environ.get("ULMA_PICTURES"), reason="tools/pictures makes them")
@pytest.mark.parametrize(
    ("program", "view", "scheme"),
    [
        ("orders.py", "functions", "light"),
        ("orders.py", "flame", "dark"),
        ("pile.py", "algae", "light"),
        ("shop.py", "timeline", "light"),
        ("shop.py", "function", "light"),
    ],
)
def test_pictures_for_the_docs(program, view, scheme):
    with (
        harness.private_session_dir() as directory,
        live_page.serve(directory, "--kill", program, "never") as served,
    ):
        live_page.look(f"{served.url}#{view}", "pictures", views=[view], colorScheme=scheme)
