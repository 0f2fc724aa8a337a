# SPDX-License-Identifier: MIT
"""Pythons that ulma does not profile: refused with a sentence, before the program starts."""

import os
import pathlib
import re

import pytest
from harness import Python, run, run_ulma

SUPPORTED = range(9, 16)


def unsupported():
    """Interpreters of pyenv that are too old (or too new) for ulma."""
    roots = [os.environ.get("PYENV_ROOT"), pathlib.Path.home() / ".pyenv"]
    found = {}
    for root in filter(None, roots):
        for path in sorted(pathlib.Path(root).glob("versions/*/bin/python")):
            version = path.parent.parent.name
            match = re.fullmatch(r"(\d+)\.(\d+)\.\d+", version)
            if match and (match[1] != "3" or int(match[2]) not in SUPPORTED):
                found[version] = Python(version, str(path))
    return list(found.values())


@pytest.fixture(params=unsupported() or [None], ids=str)
def old(request):
    if request.param is None:
        pytest.skip("pyenv has no Python older than 3.9 here")
    return request.param


def test_a_version_that_is_not_supported(old, tmp_path):
    (tmp_path / "program.py").write_text("print('started')\n")
    done = run_ulma(old, tmp_path / "program.py")
    assert done.status == 125
    assert done.out == b""
    assert done.report is None
    sentence = done.err.decode()
    assert len(sentence.splitlines()) == 1, sentence
    assert ".".join(old.version.split(".")[:2]) in sentence or old.version.startswith("2.")
    assert "3.9" in sentence


def test_as_a_command_it_runs_and_the_report_says_that_nothing_was_seen(old, tmp_path):
    (tmp_path / "program.py").write_text("import sys\nprint('started')\nsys.exit(3)\n")
    words = [old.path, tmp_path / "program.py"]
    alone = run(words)
    done = run_ulma(None, "--", *words)
    assert done.status == alone.status == 3, done.told()
    assert done.out == alone.out == b"started\n"
    assert done.report is not None
    assert done.report["functions"] == []
    calls = [source for source in done.report["sources"] if source["name"] == "calls"]
    assert not calls or not calls[0]["complete"]


def test_what_is_no_python_runs(tmp_path):
    done = run_ulma(None, "--", "/bin/sh", "-c", "echo out; echo err >&2; exit 5")
    assert done.status == 5
    assert done.out == b"out\n"
    assert done.err.startswith(b"err\n")
    assert done.report is not None
    assert done.report["functions"] == []
