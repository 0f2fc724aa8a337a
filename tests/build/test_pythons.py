# SPDX-License-Identifier: MIT
"""tools/pythons lists interpreters that are ordinary processes, and says nothing else."""

import os
import re
import subprocess
import sys

import harness

TOOL = harness.ROOT / "tools" / "pythons"


def test_the_list_holds_lines_of_version_and_path_only():
    done = subprocess.run([TOOL, "--list"], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines
    for line in lines:
        version, path = line.split(" ", 1)
        assert re.fullmatch(r"3\.(9|1[0-5])\.\d+\S*", version)
        assert os.access(path, os.X_OK)


def test_each_becomes_python_by_exec(python):
    program = "import os, sys; print(os.getpid(), os.readlink('/proc/self/exe'), sys.executable)"
    child = subprocess.Popen([python.path, "-c", program], stdout=subprocess.PIPE, text=True)
    out, _ = child.communicate(timeout=60)
    pid, exe, executable = out.split()
    assert int(pid) == child.pid
    assert exe == os.path.realpath(python.path)
    assert executable == python.path


def test_each_says_its_version(python):
    program = "import platform; print(platform.python_version())"
    out = subprocess.check_output([python.path, "-c", program], text=True)
    assert out.strip() == python.version


def test_require_names_what_is_missing(tmp_path):
    # A clone without .pythons, for someone without pyenv.
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("pythons", "elf_relocate.py"):
        (tools / name).write_bytes((harness.ROOT / "tools" / name).read_bytes())
    done = subprocess.run(
        [sys.executable, str(tools / "pythons"), "--require"],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert "3.14, 3.15 missing" in done.stderr
    assert not (tmp_path / ".pythons").exists()
