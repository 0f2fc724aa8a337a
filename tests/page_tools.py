# SPDX-License-Identifier: MIT
"""What the page's build and the browser's tests take from npm: what the lock file names.

Rules: installed once into web/node_modules (ignored by git); scripts of packages are not run."""

import functools
import pathlib
import shutil
import subprocess

import harness

WEB = harness.ROOT / "web"


@functools.cache
def install() -> pathlib.Path:
    """Returns node_modules, which is as the lock file says."""
    modules = WEB / "node_modules"
    lock, done = WEB / "package-lock.json", modules / ".installed-lock.json"
    if not done.exists() or done.read_bytes() != lock.read_bytes():
        command = [npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        asked = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
        assert asked.returncode == 0, asked.stdout + asked.stderr
        shutil.copy2(lock, done)
    return modules


def npm() -> str:
    found = shutil.which("npm")
    assert found, "no npm here: tools/packages test"
    return found


def run(tool: str, *arguments: object) -> str:
    """One of the packages' commands, in web/; returns what it printed."""
    command = [install() / ".bin" / tool, *map(str, arguments)]
    done = subprocess.run(command, cwd=WEB, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{tool}: {done.stdout}\n{done.stderr}"
    return done.stdout
