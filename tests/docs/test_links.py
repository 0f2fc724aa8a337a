# SPDX-License-Identifier: MIT
"""What a page names is there: other pages, their headings, files, tests, options."""

import functools
import re
import shlex

import harness
import pytest
from pages import all_pages, name_of

PAGES = all_pages()
LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
PATH = re.compile(r"`((?:src|tests|tools|docs|bench|python)/[\w./-]+?)`")
TEST = re.compile(r"`(test_\w+)`")
VERBS = "run|top|report|dump|attach|detach|on|off|ps|export|help"
CALL = re.compile(rf"(?:^\$ |`)(?:build/)?ulma ((?:{VERBS})\b[^`\n]*)", re.MULTILINE)


def prose(page):
    """The page without its blocks."""
    return re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)


def anchors(page):
    """The headings as GitHub spells them in addresses."""
    found = set()
    for heading in re.findall(r"^#+ +(.*)$", prose(page), re.MULTILINE):
        text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", text).replace(" ", "-"))
    return found


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    wrong = []
    for link in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            wrong.append(f"{link}: no such file")
        elif anchor and anchor not in anchors(target):
            wrong.append(f"{link}: no such heading")
    assert wrong == []


@functools.cache
def known_tests():
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in (harness.ROOT / "tests").rglob("test_*")
        if path.suffix in (".py", ".c")
    )
    return set(re.findall(r"\btest_\w+", text)) | {
        path.stem for path in (harness.ROOT / "tests").rglob("test_*")
    }


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_and_tests_that_are_named_are_there(page):
    text = prose(page)
    # NAME in a path stands for one's own.
    paths = [path for path in PATH.findall(text) if not re.search(r"[A-Z]{3,}", path)]
    assert [path for path in paths if not (harness.ROOT / path).exists()] == []
    assert set(TEST.findall(text)) - known_tests() == set()


@functools.cache
def options_of(verb):
    """Option -> whether a word follows it, as --help tells."""
    done = harness.run([harness.ULMA, verb, "--help"])
    assert done.status == 0
    found = {}
    for short, long, argument in re.findall(
        r"^ +(-\w)?,? *(--[\w-]+)( \S+)?(?=  |$)", done.out.decode(), re.MULTILINE
    ):
        for option in filter(None, (short, long)):
            found[option] = bool(argument)
    assert "--help" in found
    return found


def unknown_options(line):
    try:
        verb, *words = shlex.split(line, comments=True)
    except ValueError:  # a quotation that goes on in the next line: what precedes it will do
        verb, *words = line.split()
    known = options_of(verb)
    words = iter(words)
    for word in words:
        if not word.startswith("-") or word in ("-m", "-c", "--", "-"):
            return None  # the target begins
        option = word.split("=")[0]
        if option not in known:
            return option
        if known[option] and "=" not in word:
            next(words, None)
    return None


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_options_that_are_used_are_there(page):
    calls = CALL.findall(page.read_text(encoding="utf-8"))
    wrong = {call: option for call in calls if (option := unknown_options(call))}
    assert wrong == {}


def test_the_readme_shows_the_first_three_commands_first():
    """Install, run, top, and what ulma does not do, before the first section."""
    opening = (harness.ROOT / "README.md").read_text(encoding="utf-8").split("\n## ")[0]
    places = [
        opening.find(word) for word in ("native frames", "$ pipx", "$ ulma run", "$ ulma top")
    ]
    assert -1 not in places and places == sorted(places)
    assert "py-spy --native" in opening
