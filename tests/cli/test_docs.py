# SPDX-License-Identifier: MIT
"""The man pages and the tables of docs/cli.md are what the program says today."""

import shutil
import subprocess

import harness
import pytest

MAN = harness.ROOT / "docs" / "man"
PAGES = [
    "ulma",
    "ulma-run",
    "ulma-top",
    "ulma-web",
    "ulma-record",
    "ulma-replay",
    "ulma-report",
    "ulma-monitor",
    "ulma-diff",
    "ulma-dump",
    "ulma-census",
    "ulma-attach",
    "ulma-on",
    "ulma-off",
    "ulma-set",
    "ulma-detach",
    "ulma-rescue",
    "ulma-ps",
    "ulma-export",
    "ulma-help",
]
STALE = "run `make docs`"


@pytest.mark.parametrize("page", PAGES)
def test_man_page_is_fresh(ulma, page):
    words = page.split("-")[1:]
    done = ulma("help", "--man", *words)
    assert done.status == 0
    assert (MAN / f"{page}.1").read_bytes() == done.out, STALE


def test_no_other_man_page():
    assert sorted(path.stem for path in MAN.glob("*.1")) == sorted(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_man_page_is_sound_roff(page):
    groff = shutil.which("groff")
    if groff is None:
        # Only the formatter is missing; what is written is compared above.
        assert (MAN / f"{page}.1").read_text(encoding="utf-8").startswith('.\\"')
        return
    done = subprocess.run(
        [groff, "-man", "-Tutf8", "-ww", "-z", str(MAN / f"{page}.1")],
        stderr=subprocess.PIPE,
        check=True,
    )
    assert done.stderr == b""


def test_option_tables_are_fresh(ulma):
    text = (harness.ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    begin, end = "<!-- options: made by `make docs` -->\n", "<!-- end of options -->\n"
    told = text.split(begin)[1].split(end)[0]
    assert told.strip() == ulma("help", "--markdown").out.decode().strip(), STALE


def test_every_man_page_names_each_option_of_its_help(ulma):
    for verb in ("run", "top", "record", "report", "dump", "ps"):
        help_text = ulma(verb, "--help").out.decode()
        page = (MAN / f"ulma-{verb}.1").read_text(encoding="utf-8").replace("\\-", "-")
        options = {word.rstrip(",") for word in help_text.split() if word.startswith("--")}
        assert options, verb
        for option in options:
            assert option in page, (verb, option)
