# SPDX-License-Identifier: MIT
"""The pictures of I/O and Memory in a browser, of a program in which what they are there to show
is planted."""

import pathlib
import re

import browser
import harness
import live_page
import pytest

pytestmark = [browser.needs_chromium, pytest.mark.newest_python]
HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def planted():
    with (
        harness.private_session_dir() as directory,
        live_page.serve(
            directory, "--kill", "-e", "calls,io,memory,gc", HERE / "planted.py"
        ) as served,
    ):
        yield served


def test_a_hundred_thousand_small_writes_are_obvious(planted):
    seen = live_page.look(f"{planted.url}#io?window=all", "smallWrites")
    count = re.match(r"([\d,]+) \S write of (\d+)", seen["finding"])
    assert count and int(count[1].replace(",", "")) >= 100_000 and int(count[2]) < 20
    assert "write_rows" in seen["finding"] and "planted.py" in seen["finding"]
    # What a click on its name chooses, and what the filtered table says, is the same row.
    assert "write_rows" in seen["said"]
    assert seen["row"] and int(seen["row"][0].replace(",", "")) >= 100_000
    assert not seen["faults"]


def test_what_grew_and_that_it_adds_up(planted):
    seen = live_page.look(f"{planted.url}#memory?window=all", "whatGrew")
    assert "keep_page" in seen["first"] and "planted.py" in seen["first"]
    rss, live, before, other = (in_bytes(text) for text in seen["sums"])
    assert rss == pytest.approx(live + before + other, rel=0.02)
    assert "keep_page" in seen["title"]
    assert not seen["faults"]


def in_bytes(text):
    value, unit = text.split(" ")
    return float(value) * {"B": 1, "kB": 2**10, "MB": 2**20, "GB": 2**30}[unit]
