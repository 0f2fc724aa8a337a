# SPDX-License-Identifier: MIT
"""Every session that a page shows is typed again.

Numbers differ from run to run and names from one Python to the next; what must be the same: each
command works, every line without a number is said, the headers have the same fields, and functions
of docs/examples stand where the page says.
Rules: a first line that is an error of ulma's stands for a command that fails.
"""

import re
import shutil
import sys

import harness
import pytest
from pages import all_pages, sessions

sys.path.append(str(harness.ROOT / "tests" / "screen"))
from tmux import terminal

EXAMPLES = harness.ROOT / "docs" / "examples"
TYPED = [typed for page in all_pages() for typed in sessions(page)]
ON_SCREEN = [typed for typed in TYPED if typed.command == "ulma top yours.py"]
PLAIN = [typed for typed in TYPED if typed not in ON_SCREEN]
PLACE = re.compile(r"\w+\.py:\d+\(\w+\)")
OF_EXAMPLES = {path.name for path in EXAMPLES.glob("*.py")}


@pytest.fixture
def desk(tmp_path, session_dir):
    """A folder with the examples, and an environment in which `ulma` and `python3` are found."""

    def prepare(python):
        shutil.copytree(EXAMPLES, tmp_path / "you")
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "ulma").symlink_to(harness.ULMA)
        wrapper = tmp_path / "bin" / "python3"
        wrapper.write_text(f'#!/bin/sh\nexec {python.path} "$@"\n')
        wrapper.chmod(0o755)
        path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
        return tmp_path / "you", harness.environment(session_dir, PATH=path, COLUMNS="100")

    return prepare


def squeezed(text):
    return " ".join(text.split())


def fields(line):
    names = re.findall(r"(?:^|   )([a-z]+): ", line)
    return tuple(name for name in names if name != "stolen")  # there only on a busy host


def missing(shown, seen):
    """What the page shows and this run did not say."""
    lines = {squeezed(line) for line in seen.splitlines()}
    headers = {fields(line) for line in seen.splitlines()}
    wrong = []
    for line in shown:
        if "…" in line or not line.strip():
            continue
        if not re.search(r"\d", line) and squeezed(line) not in lines:
            wrong.append(line)
        if len(fields(line)) > 1 and fields(line) not in headers:
            wrong.append(f"fields {fields(line)}")
        for place in PLACE.findall(line):
            if place.split(":")[0] in OF_EXAMPLES and place not in seen:
                wrong.append(place)
    return wrong


def type_all(typed, desk, python):
    """A page's sessions, one after the other: a file that one writes is read by the next."""
    folder, env = desk(python)
    for one in typed:
        # What the page before has written is there: each page is read alone.
        done = harness.run(["bash", "-c", one.command], cwd=folder, env=env)
        seen = (done.out + done.err).decode()
        fails = bool(one.shown) and one.shown[0].startswith("ulma: no ")
        assert (done.status != 0) == fails, (one.command, seen)
        assert missing(one.shown, seen) == [], (one.command, seen)


@pytest.mark.parametrize("page", sorted({typed.page for typed in PLAIN}))
def test_sessions_of_a_page(page, desk):
    newest = max(harness.pythons(), key=lambda python: python.minor)
    type_all([typed for typed in PLAIN if typed.page == page], desk, newest)


def test_sessions_of_the_readme_on_the_oldest_python(desk):
    oldest = min(harness.pythons(), key=lambda python: python.minor)
    type_all([typed for typed in PLAIN if typed.page == "README.md"], desk, oldest)


@pytest.mark.parametrize("typed", ON_SCREEN, ids=lambda typed: typed.page)
def test_the_screen_that_is_shown(typed, desk, tmp_path):
    """Tabs, column titles and keys are those of today, on a terminal of the same size."""
    folder, env = desk(harness.pythons()[0])
    with (folder / "yours.py").open("a") as program:
        program.write("\nimport time\n\ntime.sleep(60)\n")  # it runs until the screen was seen
    shown = typed.shown
    with terminal(tmp_path, 100, len(shown), env) as tmux:
        tmux.run(["cd", folder])
        tmux.run(["ulma", "top", "-q", "--kill", "yours.py"])
        screen = tmux.wait_for("names_in")
        tmux.key("q")
        tmux.wait_prompt()
    tabs, titles, keys = 4, 5, len(shown) - 1
    assert (
        squeezed(screen[tabs]).rpartition(" ")[0].split("Processes")[0]
        == squeezed(shown[tabs]).rpartition(" ")[0].split("Processes")[0]
    )
    assert screen[titles] == shown[titles]
    assert screen[keys] == shown[keys]


def test_every_example_is_shown_somewhere():
    text = "".join(page.read_text(encoding="utf-8") for page in all_pages())
    assert [name for name in sorted(OF_EXAMPLES) if f"examples/{name}" not in text] == []
