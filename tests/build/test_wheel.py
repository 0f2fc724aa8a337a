# SPDX-License-Identifier: MIT
"""The wheel that people install: one for every CPython, small, and its program works."""

import json
import re
import shutil
import subprocess
import sys
import zipfile

import harness
import pytest

LARGEST_BYTES = 5_000_000


def of_minor(minor):
    for python in harness.pythons():
        if python.minor == minor:
            return python
    pytest.fail(f"CPython {'.'.join(map(str, minor))} is needed here; run tools/pythons.")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built as pip does, in an isolated environment, from a clone of what git knows."""
    folder = tmp_path_factory.mktemp("wheel")
    clone = folder / "clone"
    listed = subprocess.check_output(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=harness.ROOT,
        text=True,
    )
    for name in filter(None, listed.split("\0")):
        if (harness.ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(harness.ROOT / name, clone / name)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", folder, clone],
        check=True,
        timeout=600,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def oldest(wheel, tmp_path_factory):
    """An environment of CPython 3.9 with the wheel in it."""
    folder = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([of_minor((3, 9)).path, "-m", "venv", folder], check=True, timeout=300)
    pip = [folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--no-index", wheel], check=True, timeout=300)
    return folder / "bin"


def profile(command, tmp_path, session_dir, program):
    report = tmp_path / "report.json"
    done = harness.run(
        [*command, "-f", "json", "-o", report, "-c", program],
        env=harness.environment(session_dir),
    )
    assert done.status == 0, done.told()
    return json.loads(report.read_text())


PROGRAM = "def f(n):\n    return n\nfor i in range(1000):\n    f(i)\n"


def calls_of(report, name):
    return sum(row["calls"] for row in report["functions"] if row["name"] == name)


def test_it_is_one_for_every_python(wheel):
    assert re.fullmatch(r"ulma-[\d.]+-py3-none-(many)?linux\w+\.whl", wheel.name)


def test_it_is_small_and_holds_the_program(wheel):
    assert wheel.stat().st_size < LARGEST_BYTES
    with zipfile.ZipFile(wheel) as archive:
        (program,) = (e for e in archive.infolist() if e.filename.endswith(".data/scripts/ulma"))
        assert archive.read(program)[:4] == b"\x7fELF"


def test_it_holds_a_man_page_for_each_verb(wheel):
    listed = (harness.ROOT / "src" / "cmd" / "verbs.def").read_text()
    verbs = re.findall(r"^VERB\(\w+, (\w+),", listed, re.MULTILINE)
    assert verbs
    with zipfile.ZipFile(wheel) as archive:
        for verb in verbs:
            (page,) = (n for n in archive.namelist() if n.endswith(f"share/man/man1/ulma-{verb}.1"))
            assert b".SH SYNOPSIS" in archive.read(page)


def test_it_holds_libulma_and_the_plug_in_of_pytest(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for name in ("ulma/libulma.so", "ulma/ulma_events.so", "ulma/ulma.h"):
            assert any(n.endswith(name) for n in names), name
        (points,) = (n for n in names if n.endswith(".dist-info/entry_points.txt"))
        assert b"[pytest11]\nulma = ulma._pytest" in archive.read(points).replace(
            b"=ulma", b"= ulma"
        )


def test_installed_for_3_9_it_profiles_3_15(oldest, tmp_path, session_dir):
    newest = of_minor((3, 15))
    report = profile(
        [oldest / "ulma", "run", "--python", newest.path], tmp_path, session_dir, PROGRAM
    )
    assert calls_of(report, "f") == 1000
    assert report["target"]["python"].startswith("3.15")


def test_installed_it_arms_by_the_environment_and_by_code(oldest, session_dir):
    code = (
        "import os; names = os.listdir(os.environ['ULMA_DIR']); "
        "print(sum(name.endswith('.armed') for name in names))"
    )
    for text, changes in ((code, {"ULMA": "1"}), (f"import ulma; ulma.arm(); {code}", {})):
        done = harness.run(
            [oldest / "python", "-c", text], env=harness.environment(session_dir, **changes)
        )
        assert (done.status, done.out, done.err) == (0, b"1\n", b""), done.told()
    assert harness.session_files(session_dir) == []


def test_python_m_ulma_runs_targets_with_its_own_interpreter(oldest, tmp_path, session_dir):
    report = profile([oldest / "python", "-m", "ulma", "run"], tmp_path, session_dir, PROGRAM)
    assert calls_of(report, "f") == 1000
    assert report["target"]["python"].startswith("3.9")
