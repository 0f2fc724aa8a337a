# SPDX-License-Identifier: MIT
"""What was built is fit for other people's machines: the probe asks for nothing by name and carries
no version, the executable needs libc alone, and nothing that lies in src/ was left out."""

import json
import pathlib
import platform
import re
import subprocess

import harness
import pytest

BUILD = harness.ROOT / "build"
PROBE = BUILD / "src" / "ulma_probe.so"
EVENTS = BUILD / "src" / "ulma_events.so"  # as portable as the probe
# The oldest C library that a target may have.
OLDEST_GLIBC = (2, 17)


def readelf(*words):
    return subprocess.run(
        ["readelf", "--wide", *map(str, words)], capture_output=True, text=True, check=True
    ).stdout


def symbols(path):
    """(name, version, defined, binding, visibility) of each dynamic symbol."""
    for line in readelf("--dyn-syms", path).splitlines():
        words = re.sub(r"\[.*?\]", "", line).split()
        if len(words) >= 8 and re.fullmatch(r"\d+:", words[0]):
            binding, visibility, section, symbol = words[4:8]
            name, _, version = symbol.partition("@")
            yield name, version.lstrip("@"), section != "UND", binding, visibility


def libc_symbols():
    """Names of this machine's C library that were there by OLDEST_GLIBC, whatever the file."""
    names = set()
    maps = pathlib.Path("/proc/self/maps").read_text()
    libc = re.search(r"(/\S*/libc\.so\.6)$", maps, re.MULTILINE).group(1)
    folder = pathlib.Path(libc).parent
    for file in ("libc.so.6", "libpthread.so.0", "libdl.so.2", "libm.so.6"):
        for name, version, defined, _, _ in symbols(folder / file):
            number = re.fullmatch(r"GLIBC_(\d+)\.(\d+)(?:\.\d+)?", version or "")
            if defined and number and tuple(map(int, number.groups())) <= OLDEST_GLIBC:
                names.add(name)
    return names


def python_symbols(python):
    """What an interpreter exports, itself or through its libpython."""
    ldd = subprocess.run(["ldd", python.path], capture_output=True, text=True, check=False).stdout
    files = [python.path, *re.findall(r"=> (\S*libpython\S+)", ldd)]
    return {name for file in files for name, _, defined, _, _ in symbols(file) if defined}


@pytest.mark.parametrize("module", [PROBE, EVENTS], ids=lambda module: module.stem)
def test_the_probe_asks_for_no_library_and_no_version(module):
    dynamic = readelf("--dynamic", module)
    assert "(NEEDED)" not in dynamic
    assert "(VERNEED)" not in dynamic
    assert "(RPATH)" not in dynamic
    assert "(RUNPATH)" not in dynamic
    assert [name for name, version, *_ in symbols(module) if version] == []


def test_the_probe_stays_and_is_bound_at_once():
    dynamic = readelf("--dynamic", PROBE)
    assert "NODELETE" in dynamic
    assert "NOW" in dynamic
    assert "TEXTREL" not in dynamic
    stack = re.search(r"GNU_STACK.*", readelf("--program-headers", PROBE)).group()
    assert " RW " in stack


@pytest.mark.parametrize("module", [PROBE, EVENTS], ids=lambda module: module.stem)
def test_the_probe_exports_its_module_alone(module):
    exported = [name for name, _, defined, *_ in symbols(module) if defined]
    assert exported
    assert [name for name in exported if not name.startswith("PyInit_")] == []


@pytest.mark.parametrize("module", [PROBE, EVENTS], ids=lambda module: module.stem)
def test_the_probe_finds_its_libc_symbols_in_every_glibc_since_2_17(module):
    needed = {
        name
        for name, _, defined, binding, _ in symbols(module)
        if not defined and binding == "GLOBAL" and not re.match(r"_?Py", name)
    }
    assert sorted(needed - libc_symbols()) == []


@pytest.mark.parametrize("module", [PROBE, EVENTS], ids=lambda module: module.stem)
def test_the_probe_finds_its_python_symbols_in_this_python(python, module):
    needed = {
        name
        for name, _, defined, binding, _ in symbols(module)
        if not defined and binding == "GLOBAL" and re.match(r"_?Py", name)
    }
    assert needed
    assert sorted(needed - python_symbols(python)) == []


def test_the_executable_needs_libc_alone():
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", readelf("--dynamic", harness.ULMA))
    assert set(needed) <= {"libc.so.6", "libm.so.6"}


def test_the_executable_carries_this_very_probe():
    assert PROBE.read_bytes() in harness.ULMA.read_bytes()


def test_every_c_file_is_compiled():
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    compiled = {
        (pathlib.Path(command["directory"]) / command["file"]).resolve() for command in commands
    }
    others = {"aarch64", "x86_64"} - {platform.machine()}  # a file for each CPU
    written = {
        path.resolve()
        for path in (harness.ROOT / "src").rglob("*.c")
        if not path.stem.endswith(tuple(f"_{cpu}" for cpu in others))
    }
    alone = {"reader_verbs.c"}  # by -Dprobe=false: test_reader.py compiles it
    assert sorted(path for path in written - compiled if path.name not in alone) == []


@pytest.mark.parametrize("folder", ["unit", "fuzz"])
def test_every_c_test_is_run(folder):
    prefix = {"unit": "test_", "fuzz": "fuzz_"}[folder]
    listed = (harness.ROOT / "tests" / folder / "meson.build").read_text()
    names = {
        path.stem[len(prefix) :] for path in (harness.ROOT / "tests" / folder).glob(f"{prefix}*.c")
    }
    assert sorted(name for name in names if f"'{name}'" not in listed) == []
