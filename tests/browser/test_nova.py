# SPDX-License-Identifier: MIT
"""Nova in a browser: a burst of dictionaries is one of one colour, and who makes them is a click
away. And what is said where births are not told."""

import os
import pathlib
import subprocess

import browser
import harness
import live_page
import pytest

pytestmark = [browser.needs_chromium, pytest.mark.alone]
HERE = pathlib.Path(__file__).resolve().parent
PYTHONS = harness.pythons()
TELLING = [python for python in PYTHONS if python.minor >= (3, 14)]
SILENT = [python for python in PYTHONS if python.minor < (3, 13)]


@pytest.mark.skipif(not TELLING, reason="no Python of 3.14 or newer here: tools/pythons")
def test_which_type_from_which_line(tmp_path):
    burst = tmp_path / "burst"
    with (
        harness.private_session_dir() as directory,
        live_page.serve(
            directory,
            "--kill",
            "-e",
            "calls,objects",
            "--python",
            TELLING[-1].path,
            HERE / "births.py",
            burst,
        ) as served,
    ):
        looking = live_page.Looking(served.url, "births", viewport={"width": 1280, "height": 1000})
        looking.wait("open")
        burst.touch()
        seen = looking.seen()
        made = live_page.answer(served.url, "type")
    assert "dict" in made and "make_options" in made and "births.py:17" in made
    assert seen["after"]["mappings"] > 5 * seen["before"]["mappings"]
    assert seen["after"]["mappings"] > 0.7 * seen["after"]["all"]
    assert "dict" in seen["finding"] and "births.py:17" in seen["finding"]
    assert "Only dict by make_options" in seen["said"]
    assert "dict" in seen["row"] and any("births.py:17" in cell for cell in seen["row"])
    assert seen["task"].startswith("server: ~") and "dict by make_options" in seen["task"]
    assert seen["thread"].startswith("log: ~") and "make_texts" in seen["thread"]
    assert seen["function"].startswith("make_texts: ~") and "str by make_texts" in seen["function"]
    assert seen["svg"].startswith("<svg ") and "make_texts" in seen["svg"]
    assert seen["svg"].count("<polyline") > 100
    assert seen["png"] == "\x89PNG\r\n\x1a\n"
    assert "make_options" in seen["title"]
    assert not seen["faults"]


@pytest.mark.skipif(not SILENT, reason="no Python below 3.13 here")
def test_where_births_are_not_told_the_page_says_why(tmp_path):
    with (
        harness.private_session_dir() as directory,
        live_page.serve(
            directory,
            *("--kill", "-e", "calls,objects", "--python", SILENT[-1].path),
            *(HERE / "births.py", tmp_path / "never"),
        ) as served,
    ):
        said = live_page.look(served.url, "refusal")
    for text in said.values():
        assert "does not tell when objects are made" in text and SILENT[-1].version in text


@pytest.mark.skipif(not SILENT, reason="no Python below 3.13 here")
def test_where_all_else_is_told_it_says_why_objects_are_not(tmp_path):
    program = subprocess.Popen([SILENT[-1].path, HERE / "births.py", tmp_path / "never"])
    try:
        with (
            harness.private_session_dir() as directory,
            live_page.serve(directory, "-e", "objects", program.pid) as served,
        ):
            said = live_page.look(served.url, "refusal")
    finally:
        program.kill()
        program.wait()
    assert said["notice"].startswith("objects is not on: ")
    for text in said.values():
        assert "does not tell when objects are made" in text and SILENT[-1].version in text


@pytest.mark.skipif(not os.environ.get("ULMA_PICTURES"), reason="tools/pictures makes them")
def test_pictures_for_the_docs():
    with (
        harness.private_session_dir() as directory,
        live_page.serve(
            directory,
            *("--kill", "-e", "calls,objects", "--python", TELLING[-1].path),
            *("births.py", "births.py"),  # a file that is there: bursts from the beginning
        ) as served,
    ):
        live_page.look(f"{served.url}#nova?window=1", "pictures", views=["nova"])
