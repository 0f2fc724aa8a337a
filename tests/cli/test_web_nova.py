# SPDX-License-Identifier: MIT
"""What the picture Nova is told: births that were sampled, each once, whose they are, and how long
whoever makes them has run."""

import json

import harness
import pytest
import web_client
from web_client import Target, serving

TELLING = [python for python in harness.pythons() if python.minor >= (3, 14)]
pytestmark = pytest.mark.skipif(not TELLING, reason="no Python of 3.14 or newer: tools/pythons")
BIRTHS = Target(harness.ROOT / "tests" / "browser" / "births.py")


@pytest.fixture(scope="module")
def bursts(tmp_path_factory):
    """A program that makes dictionaries in a task and texts in a thread."""
    burst = tmp_path_factory.mktemp("nova") / "burst"
    burst.touch()
    words = ("-e", "calls,objects", "--python", TELLING[-1].path, BIRTHS, burst)
    with serving(*words) as server:
        yield server


def births_of(picture):
    """(ns, type, function, thread, task) of each."""
    flat, at = picture["births"], picture["from_ns"]
    threads = {number: name for number, name, _ns in picture["threads"]}
    tasks = {number: name or coroutine for number, name, coroutine, _ns in picture["tasks"]}
    tasks.update({number: coroutine for number, _name, coroutine, _ns in picture["tasks"]})
    for i in range(0, len(flat), 5):
        at += flat[i] * 1000
        kind = picture["objects"][flat[i + 1]]
        name = picture["functions"].get(str(kind[1]), {}).get("name")
        yield at, kind[0], name, threads.get(flat[i + 3]), tasks.get(flat[i + 4])


def picture_of(server, query=""):
    """Once there are dictionaries, and a thread beside."""
    while True:
        picture = server.get(f"/api/views/nova?window=all{query}")["picture"]
        births = list(births_of(picture))
        made = {(name, thread) for _at, _type, name, thread, _task in births}
        if {("make_options", "MainThread"), ("make_texts", "log")} <= made:
            return picture, births


def test_a_birth_is_of_the_task_that_ran(bursts):
    picture, births = picture_of(bursts)
    whose = {}
    for _at, _type, name, thread, task in births:
        whose.setdefault(name, set()).add((thread, task))
    assert whose["make_options"] == {("MainThread", "serve")}
    assert whose["make_texts"] == {("MainThread", "serve"), ("log", None)}
    assert picture["on"] and picture["kinds"] >= len(picture["objects"])
    assert {name for _id, name, _coroutine, _ns in picture["tasks"]} >= {"server"}
    assert all(ns > 0 for _number, _name, ns in picture["threads"])


def test_all_are_counted_and_some_are_told(bursts):
    picture, births = picture_of(bursts)
    now_ns = bursts.get("/api/report")["target"]["duration_ns"]
    assert all(0 < at <= now_ns for at, *_rest in births)
    assert picture["births_all"] >= sum(kind[3] for kind in picture["objects"])
    # One of `stride` is told: the others are in the counts.
    assert picture["births_all"] > len(births)


def test_the_filter_keeps_what_is_filtered_out_of_the_rows(bursts):
    picture, _births = picture_of(bursts, "&filter=make_options")
    drawn = {picture["births"][i + 1] for i in range(0, len(picture["births"]), 5)}
    for place, kind in enumerate(picture["objects"]):
        name = picture["functions"].get(str(kind[1]), {}).get("name")
        assert name == "make_options" or place in drawn


def test_a_birth_is_told_once_and_the_line_is_not_filled(bursts):
    told, sizes = [], []
    with web_client.Live(bursts) as live:
        live.wish(view="nova", window="10", limit=1)
        while len(told) < 12:
            opcode, payload = live.frame()
            if opcode == 9:
                live.send_frame(0x8A, payload)
            message = json.loads(payload) if opcode == 1 else {}
            if message.get("view", {}).get("id") == "nova":
                told.append(message)
                sizes.append(len(payload))
    pictures = [message["view"]["picture"] for message in told]
    for before, after in zip(pictures, pictures[1:]):
        assert after["first"] >= before["first"] + len(before["births"]) // 5
    assert any(picture["births"] for picture in pictures[1:])
    # However many births there are: by the server's own clock, without what came first.
    seconds = (told[-1]["now_ns"] - told[0]["now_ns"]) / 1e9
    assert sum(sizes[1:]) / seconds < 300_000
