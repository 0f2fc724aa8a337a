# SPDX-License-Identifier: MIT
"""A source that a Python does not have: who asked for it reads why, in `top` and on the page, as
its owner and as one who looks on."""

import re
import subprocess

import harness
import pytest
from web_client import Live, Target, serving

WHY = "{} does not tell when objects are made and freed"
SILENT = [
    python
    for python in harness.pythons()
    if (python.minor == (3, 11)) or python.version == "3.13.0"
]
PROGRAM = "import time\ndef work(): return [0]\nwhile True:\n    work()\n    time.sleep(0.001)\n"

pytestmark = pytest.mark.skipif(not SILENT, reason="no CPython 3.11 or 3.13.0 here")


@pytest.fixture(params=SILENT, ids=str)
def silent(request):
    return request.param


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


@pytest.fixture
def process(silent, program):
    """One that nobody follows yet."""
    started = subprocess.Popen([silent.path, program], env=harness.environment())
    yield started.pid
    started.kill()
    started.wait()


def one_line(text):
    """Without what breaks it."""
    return re.sub(r"\s+", " ", text)


def notes_of_page(server):
    with Live(server) as live:
        message = live.until(lambda told: told["refused"] or told["refused_sources"])
    reasons = {one["name"]: one["reason"] for one in message["refused_sources"]}
    return message["refused"], reasons, server.get("/api/views/nova")["reason"]


def test_a_program_is_refused_whole(silent, program):
    why = WHY.format(f"Python {silent.version}")
    words = ["top", "-b", "--count", "2", "-i", "0.5", "-e", "objects", "--kill"]
    top = harness.run([harness.ULMA, *words, "--python", silent.path, program])
    last = one_line(top.out.decode().split("\nulma ")[-1])
    assert "○ refused" in last and f"not followed: {why}" in last, top.told()
    with serving("-e", "objects", "--python", silent.path, Target(program)) as server:
        refused, _sources, nova = notes_of_page(server)
    assert why in refused and why in nova


def test_a_process_does_without_and_all_who_look_are_told(silent, process):
    why = WHY.format(f"Python {silent.version}")
    with serving("-e", "objects", Target(process)) as server:
        refused, sources, nova = notes_of_page(server)
        assert refused is None and list(sources) == ["objects"]
        assert why in sources["objects"] and why in nova
        with serving(Target(process)) as other:
            assert notes_of_page(other) == (None, sources, nova)
        top = harness.run([harness.ULMA, "top", "-b", "--count", "1", "-i", "0.5", process])
        shown = one_line(top.out.decode())
        assert "refused: objects" in shown and f"objects is not on: {why}" in shown, top.told()
        assert "work" in shown
