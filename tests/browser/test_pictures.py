# SPDX-License-Identifier: MIT
"""The pictures of I/O and Memory in a browser, of a program in which what they are there to show
is planted."""

import os
import re

import browser
import harness
import live_page
import pytest

pytestmark = [browser.needs_chromium, pytest.mark.newest_python, pytest.mark.alone]
NEWEST = harness.pythons()[-1]
TELLS_BIRTHS = NEWEST.minor >= (3, 14)
SOURCES = "calls,io,memory,gc,spans,waits" + (",objects" if TELLS_BIRTHS else "")


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    rules = tmp_path_factory.mktemp("rules") / "rules"
    rules.write_text("__main__:make_options escalate every 100\n")
    with (
        harness.private_session_dir() as directory,
        live_page.serve(
            directory,
            *("--kill", "-e", SOURCES, "--rules", rules, "--python", NEWEST.path),
            "planted.py",
            PYTHONPATH=str(harness.ROOT / "python"),
        ) as served,
    ):
        yield served


def test_a_hundred_thousand_small_writes_are_obvious(planted):
    small = live_page.answer(planted.url, "small")
    assert "write_rows" in small and "planted.py" in small and "write of" in small
    seen = live_page.look(f"{planted.url}#io?window=all", "smallWrites")
    count = re.match(r"([\d,]+) \S write of (\d+)", seen["finding"])
    assert count and int(count[1].replace(",", "")) >= 100_000 and int(count[2]) < 20
    assert "write_rows" in seen["finding"] and "planted.py" in seen["finding"]
    # What a click on its name chooses, and what the filtered table says, is the same row.
    assert "write_rows" in seen["said"]
    assert seen["row"] and int(seen["row"][0].replace(",", "")) >= 100_000
    assert not seen["faults"]


def test_what_grew_and_that_it_adds_up(planted):
    grew = live_page.answer(planted.url, "grew")
    assert "keep_page" in grew and re.search(r"\+\d", grew)
    seen = live_page.look(f"{planted.url}#memory?window=all", "whatGrew")
    assert "keep_page" in seen["first"] and "planted.py" in seen["first"]
    rss, live, before, other = (in_bytes(text) for text in seen["sums"])
    assert rss == pytest.approx(live + before + other, rel=0.02)
    assert "keep_page" in seen["title"]
    assert not seen["faults"]


VIEWS = (
    "verdicts functions function tree flame timeline algae nova objects memory io requests tasks "
    "processes threads gc waits escalated"
)


def test_every_view_in_light_dark_small_and_large(planted):
    views = [view for view in VIEWS.split() if TELLS_BIRTHS or view not in ("nova", "objects")]
    seen = live_page.look(planted.url, "everyView", views=views)
    assert list(seen) == views
    assert not {view: one for view, one in seen.items() if any(one.values())}
    for picture in ("memory-light-375", "io-light-1920", "nova-dark-1280"):
        if TELLS_BIRTHS or "nova" not in picture:
            assert (live_page.PICTURES / f"{picture}.png").stat().st_size > 10_000


def test_every_view_by_keyboard_alone(planted):
    views = [view for view in VIEWS.split() if TELLS_BIRTHS or view not in ("nova", "objects")]
    seen = live_page.look(planted.url, "everyViewByKeyboard", views=views)
    assert set(seen) == set(views)
    for view, one in seen.items():
        assert not one["missed"] and not one["nameless"], (view, one)
        # Its filter, the times' two clocks, four windows, Hold, and something of its own.
        assert one["reached"] > 8, (view, one)
    pictures = [view for view in ("flame", "timeline", "algae", "nova", "io") if view in seen]
    assert all("said" in seen[view] for view in pictures)


@pytest.mark.skipif(not os.environ.get("ULMA_PICTURES"), reason="tools/pictures makes them")
@pytest.mark.parametrize(("view", "scheme"), [("io", "light"), ("memory", "dark")])
def test_pictures_for_the_docs(planted, view, scheme):
    live_page.look(f"{planted.url}#{view}", "pictures", views=[view], colorScheme=scheme)


def in_bytes(text):
    value, unit = text.split(" ")
    return float(value) * {"B": 1, "kB": 2**10, "MB": 2**20, "GB": 2**30}[unit]
