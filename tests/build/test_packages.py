# SPDX-License-Identifier: MIT
"""tools/packages: silent when nothing is needed, says what it installs, and what it cannot do."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import harness
import pytest

NOBODY = 65534
TOOLS = ("apt-get", "bash", "dirname", "dpkg-query", "env", "grep", "id", "readlink", "sort", "tr")
LISTED = "[build]\nlibc-bin\n\n[test]\nno-such-package-of-ulma\n# a comment\n"


@pytest.fixture
def tool():
    """The tool with a list of its own, and a PATH that holds what it needs but no sudo."""
    # Not tmp_path: that one is closed to others, and the tool is run as another user.
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        shutil.copy2(harness.ROOT / "tools" / "packages", folder / "packages")
        (folder / "packages.txt").write_text(LISTED)
        (folder / "bin").mkdir()
        for command in TOOLS:
            (folder / "bin" / command).symlink_to(shutil.which(command, path="/usr/bin:/bin"))
        yield folder / "packages"


def packages(tool, *sections):
    return subprocess.run(
        [tool, *sections],
        env={"PATH": str(tool.parent / "bin")},
        capture_output=True,
        text=True,
        check=False,
        user=NOBODY if os.getuid() == 0 else None,
    )


def test_it_is_silent_when_nothing_is_missing(tool):
    done = packages(tool, "build")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_without_root_and_sudo_it_says_what_to_type(tool):
    done = packages(tool, "build", "test")
    assert done.returncode == 1
    assert done.stderr.endswith("needs root or sudo: apt-get install no-such-package-of-ulma\n")


def test_every_section_that_is_used_is_there():
    listed = (harness.ROOT / "tools" / "packages.txt").read_text()
    makefile = (harness.ROOT / "Makefile").read_text()
    used = set(re.findall(r"packages-([a-z]+)", makefile))
    assert used
    assert used <= set(re.findall(r"^\[([a-z]+)\]$", listed, re.MULTILINE))
