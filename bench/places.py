# SPDX-License-Identifier: MIT
"""Where the bench's own things are: environments, programs, compiled helpers. All in .bench/.

Why: the peers are installed for each Python apart from everything else, once.
Rules: nothing outside .bench/ is written. A Python without headers of its own (tools/pythons
unpacks none) gets Debian's, since yappi and viztracer are compiled where no wheel for it exists.
"""

import importlib.machinery
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
HOME = ROOT / ".bench"
LIB = HOME / "lib"
BUILT = ROOT / "build" / "ulma"
ULMA = HOME / "ulma"  # a copy: what is measured stays the same when someone builds meanwhile
PYPERFORMANCE = "pyperformance==1.14.0"

CFLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-D_GNU_SOURCE", f"-I{ROOT / 'src'}"]


class BenchError(Exception):
    """One sentence for the user: what failed, on what, what to do."""


def run(command: "list[str]", what: str, **options) -> str:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options
    )
    if done.returncode:
        raise BenchError(f"{what} failed, see below.\n{done.stdout.strip()[-4000:]}")
    return done.stdout


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


def take_ulma() -> None:
    ULMA.unlink(missing_ok=True)
    if BUILT.exists():
        shutil.copy2(BUILT, ULMA)


# --- Pythons -----------------------------------------------------------------------------------


def pythons() -> "dict[str, tuple[str, pathlib.Path]]":
    """Minor version -> (version, path); of two of one minor version the later."""
    found = {}
    listing = run([str(ROOT / "tools" / "pythons"), "--list"], "tools/pythons --list")
    for line in listing.splitlines():
        version, path = line.split(None, 1)
        found[".".join(version.split(".")[:2])] = (version, pathlib.Path(path))
    return found


def pip() -> "list[str]":
    home = HOME / "pip"
    if not (home / "ready").exists():
        run([sys.executable, "-m", "venv", str(home)], "making a virtual environment for pip")
        # An older pip does not run on the newest Pythons.
        run([str(home / "bin" / "pip"), "install", "--quiet", "--upgrade", "pip"], "updating pip")
        (home / "ready").touch()
    return [str(home / "bin" / "pip"), "--disable-pip-version-check"]


def debian_headers(minor: str) -> pathlib.Path:
    """Debian's headers of a Python, fetched as tools/pythons fetches the Python itself."""
    home = HOME / f"headers-{minor}"
    include = home / "root" / "usr" / "include"
    if (include / f"python{minor}" / "Python.h").exists():
        return include
    sys.path.insert(0, str(ROOT / "tools"))
    loader = importlib.machinery.SourceFileLoader("pythons", str(ROOT / "tools" / "pythons"))
    spec = importlib.util.spec_from_loader("pythons", loader)
    assert spec
    tool = importlib.util.module_from_spec(spec)
    loader.exec_module(tool)
    home.mkdir(parents=True, exist_ok=True)
    tool.HOME = home
    say(f"fetching the headers of CPython {minor} from Debian {tool.SUITE}")
    try:
        conf = tool.write_apt_conf()
        tool.apt_get(conf, "update")
        package = f"libpython{minor}-dev"
        debs = [deb for deb in tool.download(conf, package) if deb.name.startswith(package)]
        tool.unpack(debs, home / "root")
    except tool.UnavailableError as error:
        raise BenchError(str(error)) from error
    shutil.rmtree(home / "apt", ignore_errors=True)
    return include


def compiler_environment(python: pathlib.Path, minor: str) -> "dict[str, str]":
    ask = "import sysconfig; print(sysconfig.get_path('include'))"
    own = pathlib.Path(run([str(python), "-c", ask], f"asking {python}").strip())
    environment = dict(os.environ, CC="cc")
    if not (own / "Python.h").exists():
        include = debian_headers(minor)
        environment["CFLAGS"] = f"-O2 -I{include / f'python{minor}'} -I{include}"
    return environment


def venv(minor: str, version: str, python: pathlib.Path) -> pathlib.Path:
    """The environment's python: that Python, with the peers installed."""
    home = HOME / f"venv-{version}"
    inside = home / "bin" / "python"
    requirements = (HERE / "requirements.txt").read_text()
    ready = home / "ready"
    if ready.exists() and ready.read_text() == requirements:
        return inside
    say(f"installing yappi, viztracer and pyaes for CPython {version}")
    run([str(python), "-m", "venv", "--without-pip", str(home)], f"python -m venv on {python}")
    install = [*pip(), "--python", str(inside), "install", "--quiet", "-r"]
    run(
        [*install, str(HERE / "requirements.txt")],
        f"installing the peers for CPython {version}",
        env=compiler_environment(python, minor),
    )
    ready.write_text(requirements)
    return inside


def pyperformance() -> pathlib.Path:
    home = HOME / PYPERFORMANCE
    if not home.exists():
        say(f"fetching {PYPERFORMANCE}")
        new = HOME / "new"
        shutil.rmtree(new, ignore_errors=True)
        what = f"pip install {PYPERFORMANCE}"
        run([*pip(), "install", "--quiet", "--no-deps", "-t", str(new), PYPERFORMANCE], what)
        new.rename(home)
    return home / "pyperformance" / "data-files" / "benchmarks"


# --- compiled helpers --------------------------------------------------------------------------


def compiled(name: str, sources: "list[pathlib.Path]", flags: "list[str]") -> pathlib.Path:
    output = LIB / name
    newest = max(path.stat().st_mtime for path in [*sources, *(ROOT / "src").glob("*/*.h")])
    if not output.exists() or output.stat().st_mtime < newest:
        LIB.mkdir(parents=True, exist_ok=True)
        command = ["cc", *CFLAGS, "-o", str(output), *map(str, sources), *flags]
        run(command, f"compiling {name}")
    return output


def extension(name: str) -> pathlib.Path:
    """An extension module that every CPython from 3.9 loads."""
    include = run(
        [sys.executable, str(ROOT / "tools" / "python_include.py")], "finding Python.h"
    ).strip()
    flags = ["-fPIC", "-shared", "-DPy_LIMITED_API=0x03090000", "-isystem", include]
    return compiled(f"{name}.so", [HERE / f"{name}.c"], flags)


def requirements() -> "list[str]":
    lines = (HERE / "requirements.txt").read_text().splitlines()
    return [line.replace("==", " ") for line in lines if line and not line.startswith("#")]
