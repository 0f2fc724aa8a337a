# SPDX-License-Identifier: MIT
"""What watching the interpreter's own types costs, beside the least that it can, and beside peers.

Why: a method through a thunk, a birth, an allocation are nanoseconds, which whole programs drown.
Rules: variants in turn, several rounds. Methods: as births.py, the first percentile of bursts, the
least of the processes. Peers: CPU seconds of the profiled process, median. What is not monitored:
instructions (callgrind), as instructions.py. The collector is a process of its own, whose time is
not in these figures.
"""

import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile

import births
import instructions
import places
import tables
from places import BenchError, say

ROUNDS, PEER_ROUNDS = 4, 5
BOUND = 1.3
MEMRAY = "memray==1.20.0"
METHODS = ("dict.get", "str.isdigit", "list.count", "str.startswith")
# Source: its peers.
PEERS = {
    "objects": ("tracemalloc", "memray"),
    "memory": ("tracemalloc", "memray"),
    "methods": ("cProfile",),
}
# As it is by default it does not hear of blocks that Python's allocator of small ones gives out.
MEMRAYS = {"memray": [], "memray, small blocks too": ["--trace-python-allocators"]}
PROGRAMS = ("trees", "tables", "nested")
TELLS = (3, 14)


def of(minor: str) -> "tuple[int, ...]":
    return tuple(map(int, minor.split(".")))


def ulma(python: pathlib.Path, source: str, *target: str, only: "tuple[str, ...]" = ()):
    words = ["-q", "--force", "-e", source, *(word for name in only for word in ("--only", name))]
    report = ["-f", "json", "-o", os.devnull, "--python", str(python)]
    return [str(places.ULMA), "run", *words, *report, *target]


# --- a monitored method -------------------------------------------------------------------------

VARIANTS = ("plain", "bare", "ulma", "cProfile")


def build(folder: pathlib.Path) -> pathlib.Path:
    output = folder / "bare_thunk.so"
    source = places.HERE / "bare_thunk.c"
    places.run(["cc", "-O2", "-shared", "-fPIC", "-o", str(output), str(source)], "bare_thunk.c")
    return output


def nanoseconds(python: pathlib.Path) -> "dict[str, dict[str, float]]":
    """By variant and method, what a call takes."""
    least: dict[str, dict[str, float]] = {variant: {} for variant in VARIANTS}
    script = str(places.HERE / "methods_run.py")
    with tempfile.TemporaryDirectory(dir=places.HOME) as name:
        folder = pathlib.Path(name)
        result = folder / "result"
        environment = dict(os.environ, BENCH_THUNKS=str(build(folder)))
        for _ in range(ROUNDS):
            for variant in VARIANTS:
                command = [str(python), script, str(result), variant]
                if variant == "ulma":
                    command = ulma(python, "methods", script, str(result), "plain", only=METHODS)
                what = f"{variant} on {python}"
                places.run(command, what, env=environment, stdin=subprocess.DEVNULL)
                for kind, took in json.loads(result.read_text()).items():
                    least[variant][kind] = min(least[variant].get(kind, took), took)
    return least


def method_lines(version: str, python: pathlib.Path) -> "list[list[str]]":
    return births.lines(version, nanoseconds(python), VARIANTS, BOUND)


def with_memray(version: str, python: pathlib.Path) -> "pathlib.Path | None":
    """A python that has it, where there is one."""
    home = places.HOME / f"memray-{version}"
    inside = home / "bin" / "python"
    if not (home / "ready").exists():
        places.run([str(python), "-m", "venv", "--without-pip", str(home)], f"venv on {python}")
        try:
            install = ["--python", str(inside), "install", "--quiet", "--only-binary", ":all:"]
            places.run([*places.pip(), *install, MEMRAY], f"installing {MEMRAY}")
        except BenchError as error:
            say(str(error).split("\n", maxsplit=1)[0])
        (home / "ready").touch()
    return inside if (home / "bin" / "memray").exists() else None


def seconds(python: pathlib.Path, memray: "pathlib.Path | None", variant: str, program: str):
    script = str(places.HERE / "vm_run.py")
    with tempfile.TemporaryDirectory(dir=places.HOME) as name:
        result = pathlib.Path(name) / "result"
        what = variant if variant in ("tracemalloc", "cProfile") else "plain"
        command = [str(python), script, str(result), what, program]
        if variant in PEERS:
            command = ulma(python, variant, script, str(result), what, program)
        elif variant in MEMRAYS:
            words = ["-m", "memray", "run", "-q", *MEMRAYS[variant]]
            command = [str(memray), *words, "-o", str(pathlib.Path(name) / "out"), *command[1:]]
        places.run(command, f"{variant} on {python}", stdin=subprocess.DEVNULL)
        return float(result.read_text())


def peer_lines(version: str, python: pathlib.Path) -> "list[list[str]]":
    memray = with_memray(version, python)
    sources = [name for name in PEERS if name != "objects" or of(version)[:2] >= TELLS]
    variants = ["plain", *sources, "tracemalloc", "cProfile", *(MEMRAYS if memray else [])]
    body = []
    for program in PROGRAMS:
        say(f"{version}: {program}, beside peers")
        runs: dict[str, list[float]] = {variant: [] for variant in variants}
        for _ in range(PEER_ROUNDS):
            for variant in variants:
                runs[variant].append(seconds(python, memray, variant, program))
        took = {variant: statistics.median(each) for variant, each in runs.items()}
        for source in sources:
            cells = []
            for peer in ("tracemalloc", *MEMRAYS, "cProfile"):
                beside = peer in took and (peer == "cProfile") == (source == "methods")
                cells.append(f"{took[peer] / took['plain']:.2f}" if beside else "-")
            least = min(took[peer] for peer in PEERS[source] if peer in took)
            word = "met" if took[source] <= least else "**missed**"
            ours = f"{took[source] / took['plain']:.2f}"
            body.append([version, program, source, ours, *cells, word])
    return body


# --- what is not monitored ----------------------------------------------------------------------

CASES = (
    ("a method, another one is monitored", ["-e", "methods", "--only", "dict.get"], False),
    (
        "lines, those of another function are counted",
        ["-e", "lines", "--only", "__main__:elsewhere"],
        True,
    ),
)
TURNS = 20000


def instructions_of(python: pathlib.Path, words: "list[str] | None") -> float:
    """Of a turn of the loop."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="callgrind-", dir=places.HOME))
    out = f"--callgrind-out-file={folder / 'callgrind.out'}"
    script = [str(places.HERE / "vm_workload.py"), str(TURNS)]
    command = ["valgrind", "--tool=callgrind", out, str(python), *script]
    if words is not None:
        report = ["-q", "-f", "json", "-o", os.devnull, "--force", *words, "--"]
        command = [str(places.ULMA), "run", *report, *command]
    environment = dict(os.environ, PYTHONHASHSEED="0", BENCH_LIB=str(places.LIB))
    try:
        what = f"callgrind on {python}"
        places.run(command, what, env=environment, stdin=subprocess.DEVNULL, timeout=900)
        found = instructions.totals(folder)
        if set(found) != {"once", "twice"}:
            raise BenchError(f"{what} wrote counts for {sorted(found)} only.")
        return (found["twice"] - found["once"]) / TURNS
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unmonitored_lines(version: str, python: pathlib.Path) -> "list[list[str]]":
    say(f"{version}: what is not monitored")
    plain = instructions_of(python, None)
    body = []
    for name, words, is_new in CASES:
        if is_new and of(version)[:2] < (3, 12):
            continue
        each = instructions_of(python, words)
        pct = 100 * (each - plain) / plain
        word = "met" if abs(pct) <= instructions.BOUND_PCT else "**missed**"
        body.append([version, name, f"{plain:.2f}", f"{each:.2f}", f"{pct:+.3f}", word])
    return body


# --- all ----------------------------------------------------------------------------------------


def of_all(minors: "list[str]", lines, width: int) -> "list[list[str]]":
    body = []
    for minor in minors:
        version, python = places.pythons()[minor]
        try:
            body += lines(version, python)
        except BenchError as error:
            body.append([version, str(error).split("\n")[0][:80], *["-"] * (width - 2)])
    return body


def show(minors: "list[str]") -> None:
    print("\n## The interpreter's own types\n")
    if not places.ULMA.exists():
        print("Not measured: build/ulma is not there; run make build.\n")
        return
    say("monitored methods")
    head = ["CPython", "method", *VARIANTS, "ulma/bare"]
    print(f"Methods in bursts; ns a call; bound {BOUND} of a bare recording thunk.\n")
    print(tables.markdown(head, of_all(minors, method_lines, len(head))), flush=True)
    head = ["CPython", "program", "source", "ulma", "tracemalloc", *MEMRAYS, "cProfile", ""]
    print("Times as long as the program alone, CPU seconds of its process.\n")
    print(tables.markdown(head, of_all(minors, peer_lines, len(head))), flush=True)
    if not shutil.which("valgrind"):
        print("Instructions: not measured, valgrind is not here.\n")
        return
    places.extension("marks")
    head = ["CPython", "a loop over", "plain", "with ulma", "%", ""]
    print("What is not monitored; instructions of a turn of a loop over it.\n")
    print(tables.markdown(head, of_all(minors, unmonitored_lines, len(head))), flush=True)
