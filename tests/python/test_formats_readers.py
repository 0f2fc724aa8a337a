# SPDX-License-Identifier: MIT
"""Profiles in the tools that people open them with: go tool pprof, callgrind_annotate, speedscope
in Chromium, and the Firefox Profiler's own code.

Why: a file that only we read is no interchange format. Totals and each function's own and total
figures must be those of the report, to the nanosecond.
Rules: the files are the goldens (see test_formats_foreign.py). speedscope and profiler-cli come
from npm, at fixed versions, into a folder of the run; node and npm come with the tests' Python
packages.
Where a program is missing the test says which package has it and is skipped.
"""

import base64
import collections
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
from typing import Any

import browser
import harness
import pytest

GOLDEN = harness.ROOT / "tests" / "golden" / "export"
VARIANTS = ("shop", "shop-cpu-wide", "trouble", "huge", "hostile", "empty")
NPM = ("speedscope@1.25.0", "@firefox-devtools/profiler-cli@0.10.0")
BEYOND = 2**53  # what readers that count in floating point cannot hold


def report_of(variant: str) -> dict[str, Any]:
    return json.loads((GOLDEN / f"{variant}.json").read_text(encoding="utf-8"))


def is_plain(function: dict[str, Any]) -> bool:
    """Whether its names are written as they are."""
    text = f"{function['qualname']}{function['file']}{function['module']}"
    return text.isprintable() and "\ufffd" not in text and function["qualname"] != ""


def shown(function: dict[str, Any]) -> str:
    """As it stands in pictures: a module by its file."""
    if function["name"] == "<module>":
        return f"<module> ({'/'.join(function['file'].split('/')[-2:])}:{function['line']})"
    return function["qualname"]


def run(*words: Any, env: "dict[str, str] | None" = None, cwd: Any = None) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        env=env,
        cwd=cwd,
        check=False,
        timeout=harness.LIMIT_S,
    )
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-3000:]
    return done.stdout.decode("utf-8")


def add(sums: "dict[str, list[float]]", name: str, *numbers: float) -> None:
    row = sums.setdefault(name, [0.0] * len(numbers))
    for i, number in enumerate(numbers):
        row[i] += number


# --- pprof ------------------------------------------------------------------------------------

needs_go = pytest.mark.skipif(not shutil.which("go"), reason="no go here: apt install golang-go")


def pprof(tmp_path: pathlib.Path, *words: Any) -> str:
    environment = {**os.environ, "PPROF_TMPDIR": str(tmp_path)}
    return run("go", "tool", "pprof", "-symbolize=none", *words, env=environment)


def pprof_name(function: dict[str, Any]) -> str:
    return f"{function['module']}.{shown(function)}" if function["file"] else function["qualname"]


@needs_go
@pytest.mark.parametrize("variant", VARIANTS)
def test_pprof_sums_what_the_report_tells(tmp_path, variant):
    text = pprof(tmp_path, "-raw", GOLDEN / f"{variant}.pprof")
    types = re.search(r"Samples:\n(.*)\n", text)
    assert types
    kinds = types[1].replace("[dflt]", "").split()
    assert kinds[:2] == ["calls/count", "wall/nanoseconds"]
    sums = [0] * len(kinds)
    samples = text.split(types[0], 1)[1].split("Locations", 1)[0]
    for line in samples.splitlines():
        match = re.fullmatch(r"((?: *-?\d+)+): ([\d ]+)", line)
        if match:
            sums = [a + int(b) for a, b in zip(sums, match[1].split())]
    report = report_of(variant)
    if variant != "huge":
        calls = sum(f["calls"] + f["resumes"] for f in report["functions"])
        assert sums[0] == calls
    wanted = sum(f["self_ns"] for f in report["functions"])
    assert sums[2 if report["clock"] == "cpu" else 1] == wanted
    if kinds[-1] == "wait/nanoseconds" and report["clock"] == "wall":
        assert sums[3] == sum(f["wait_ns"] for f in report["functions"])
        assert sums[2] == sums[1] - sums[3]
    assert ("cpu/nanoseconds" in kinds) == (variant != "trouble")


TOP = re.compile(r" *([\d.]+)(?:ns)? +\S+% +\S+% +([\d.]+)(?:ns)? +\S+%  (.*)")


@needs_go
@pytest.mark.parametrize("variant", ["shop", "shop-cpu-wide", "hostile"])
def test_pprof_top_lists_the_functions_of_the_report(tmp_path, variant):
    report = report_of(variant)
    text = pprof(
        tmp_path,
        "-top",
        "-unit=ns",
        "-nodefraction=0",
        "-nodecount=0",
        f"-sample_index={report['clock']}",
        GOLDEN / f"{variant}.pprof",
    )
    read = {}
    for line in text.split("cum%\n", 1)[1].splitlines():
        match = TOP.fullmatch(line)
        assert match, line
        read[match[3]] = (float(match[1]), float(match[2]))
    wanted: dict[str, list[float]] = {}
    twice = collections.Counter(pprof_name(f) for f in report["functions"])
    for function in report["functions"]:
        add(wanted, pprof_name(function), function["self_ns"], function["total_ns"])
    for function in report["functions"]:
        name = pprof_name(function)
        if not is_plain(function):
            continue
        assert read.get(name, (0, 0))[0] == wanted[name][0], name  # zeros are not listed
        if twice[name] == 1:
            assert read.get(name, (0, 0))[1] == wanted[name][1], name
    assert sum(row[0] for row in read.values()) == sum(f["self_ns"] for f in report["functions"])
    assert not any(set(name) & set("\x00\x1b\n") for name in read)
    if variant == "hostile":
        assert max(map(len, read)) > 10_000
        assert "</style>.</script><script>alert(1)</script>" in read


# --- callgrind --------------------------------------------------------------------------------

needs_callgrind = pytest.mark.skipif(
    not shutil.which("callgrind_annotate"), reason="no valgrind here: apt install valgrind"
)
COSTS = re.compile(r"((?: *(?:[\d,]+|\.))+)  (.*)")


def annotate(variant: str, cwd: pathlib.Path, inclusive: str) -> dict[str, int]:
    """The first cost of each `file:function`."""
    text = run(
        "callgrind_annotate",
        f"--inclusive={inclusive}",
        "--threshold=100",
        "--auto=no",
        "--show-percs=no",
        GOLDEN / f"{variant}.callgrind",
        cwd=cwd,
    )
    rows = {}
    for line in text.split("file:function", 1)[1].splitlines():
        match = COSTS.fullmatch(line)
        if match:
            first = match[1].split()[0].replace(",", "")
            rows[match[2]] = 0 if first == "." else int(first)
    return rows


@needs_callgrind
@pytest.mark.parametrize("variant", ["shop", "shop-cpu-wide", "trouble", "hostile"])
def test_callgrind_annotate_tells_the_times_of_the_report(tmp_path, variant):
    report = report_of(variant)
    names = collections.Counter((f["file"], f["qualname"]) for f in report["functions"])
    own = annotate(variant, tmp_path, "no")
    whole = annotate(variant, tmp_path, "yes")
    assert sum(own.values()) == sum(f["self_ns"] for f in report["functions"])
    compared = 0
    for function in report["functions"]:
        name = f"{function['file'] or '???'}:{shown(function)}"
        if not is_plain(function) or names[function["file"], function["qualname"]] > 1:
            continue
        compared += 1
        assert own.get(name, 0) == function["self_ns"], name
        assert whole[name] == function["total_ns"], name  # recursion is counted once
    assert compared > (3 if variant == "hostile" else 10)
    assert whole["???:(outside)"] == sum(own.values())


@needs_callgrind
def test_callgrind_tells_callers_and_callees(tmp_path):
    text = run(
        "callgrind_annotate",
        "--tree=caller",
        "--inclusive=yes",
        "--threshold=100",
        "--auto=no",
        "--show-percs=no",
        GOLDEN / "shop.callgrind",
        cwd=tmp_path,
    )
    block = next(b for b in text.split("\n\n") if "* " in b and b.rstrip().endswith("py:fib"))
    assert re.search(r"6,210,000,000 .*< .*main.py:main \(100x\)", block)
    assert re.search(r"< .*main.py:fib \(265,800x\)", block)


# --- what comes from npm ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def node(tmp_path_factory):
    """A function that runs node, and the folder of the packages."""
    binaries = pathlib.Path(sys.executable).parent
    if not (binaries / "npm").exists():
        pytest.skip("no npm beside this Python: pip install -r tools/requirements/test.txt")
    folder = tmp_path_factory.mktemp("npm")
    environment = {**os.environ, "PATH": f"{binaries}:{os.environ['PATH']}"}
    run(
        binaries / "npm",
        "install",
        "--prefix",
        folder,
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        *NPM,
        env=environment,
    )

    def call(*words: Any, **more: str) -> str:
        return run(binaries / "node", *words, env={**environment, **more})

    return call, folder / "node_modules"


# --- Firefox Profiler -------------------------------------------------------------------------


class Firefox:
    """A profile in profiler-cli: the Firefox Profiler's own loading, upgrading and summing."""

    def __init__(self, node, folder: pathlib.Path, variant: str):
        self.call, packages = node
        self.tool = packages / "@firefox-devtools/profiler-cli/dist/profiler-cli.js"
        self.folder = str(folder / "sessions")
        for attempt in range(4):
            try:
                self.do("load", GOLDEN / f"{variant}.firefox")
                return
            except AssertionError as error:  # on a busy machine it stops waiting for its own daemon
                left = re.search(r'"kill (\d+)"', str(error))
                if not left or attempt == 3:
                    raise
                os.kill(int(left[1]), signal.SIGTERM)

    def do(self, *words: Any) -> str:
        return self.call(self.tool, *words, PROFILER_CLI_SESSION_DIR=self.folder)

    def functions(self, thread: int) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            self.do(
                "thread",
                "functions",
                "--thread",
                f"t-{thread}",
                "--include-idle",
                "--json",
                "--limit",
                "0",
            )
        )
        return found


@pytest.mark.parametrize("variant", ["shop", "shop-cpu-wide", "trouble", "hostile"])
def test_firefox_profiler_sums_what_the_report_tells(node, tmp_path, variant):
    report = report_of(variant)
    firefox = Firefox(node, tmp_path, variant)
    try:
        info = firefox.do("profile", "info", "--all")
        first, calls = firefox.functions(0), firefox.functions(1 if variant == "trouble" else 3)
    finally:
        firefox.do("stop")
    if variant == "shop-cpu-wide":  # asked for calls: they come first
        first, calls = calls, first
        # t-0 calls, t-1 wall time, t-2 cpu time, t-3 waiting
        assert first["friendlyThreadName"] == "waiting"
        first = None
    assert calls["weightType"] == "samples"
    wanted: dict[str, list[float]] = {}
    for function in report["functions"]:
        ncalls = function["calls"] + function["resumes"]
        add(wanted, shown(function), ncalls, function["self_ns"])
    got: dict[str, list[float]] = {}
    for row in calls["functions"]:
        add(got, row["name"], row["selfSamples"])
    for function in filter(is_plain, report["functions"]):
        assert got[shown(function)][0] == wanted[shown(function)][0]
    assert sum(row[0] for row in got.values()) == sum(row[0] for row in wanted.values())
    assert "in thread" not in info and ("wall time" in info)
    if first is None:
        return
    assert first["weightType"] == "tracing-ms"
    totals = {shown(f): f["total_ns"] for f in report["functions"]}
    twice = collections.Counter(shown(f) for f in report["functions"])
    sums: dict[str, list[float]] = {}
    for row in first["functions"]:
        add(sums, row["name"], row["selfSamples"] * 1e6, row["totalSamples"] * 1e6)
    for function in filter(is_plain, report["functions"]):
        name = shown(function)
        assert round(sums[name][0]) == wanted[name][1], name
        if twice[name] == 1:
            assert round(sums[name][1]) == totals[name], name
    assert round(sum(row[0] for row in sums.values())) == sum(
        f["self_ns"] for f in report["functions"]
    )
    if variant == "hostile":
        assert max(map(len, sums)) == 10_000
        assert "</script><script>alert(1)</script>" in sums


# --- speedscope -------------------------------------------------------------------------------

# Finds the profiles in what the page itself works with (they are properties of its components), and
# asks them.
SPEEDSCOPE_DRIVER = """
const errors = [];
addEventListener("error", (event) => errors.push(event.message));
addEventListener("unhandledrejection", (event) => errors.push(String(event.reason)));
const look = () => {
  const seen = new Set(), queue = [...document.querySelectorAll("*")].map((one) => one.__k);
  const profiles = new Set();
  while (queue.length) {
    const one = queue.pop();
    if (!one || typeof one !== "object" || seen.has(one)) continue;
    seen.add(one);
    if (typeof one.getTotalWeight === "function") profiles.add(one);
    if (Array.isArray(one)) queue.push(...one);
    queue.push(one.__k, ...Object.values(one.props || {}), one.profileGroup, one.profile);
    if (Array.isArray(one.profiles)) queue.push(...one.profiles);
  }
  return [...profiles];
};
const poll = () => {
  const profiles = look();
  if (errors.length) document.documentElement.setAttribute("data-error", errors.join());
  if (!profiles.length) return setTimeout(poll, 50);
  const told = profiles.map((profile) => {
    const frames = [];
    profile.forEachFrame((frame) => frames.push([frame.name, frame.file || null,
      frame.line || null, frame.getSelfWeight(), frame.getTotalWeight()]));
    return { name: profile.getName(), unit: profile.getWeightUnit(),
      total: profile.getTotalWeight(), frames };
  });
  document.documentElement.setAttribute("data-seen",
    JSON.stringify({ told, text: document.body.innerText }));
};
poll();
"""


def speedscope(node, folder: pathlib.Path, name: str) -> "tuple[dict[str, Any], str]":
    """What speedscope makes of a golden: its profiles by name, and the text of its page."""
    page = folder / "speedscope"
    shutil.copytree(node[1] / "speedscope" / "dist" / "release", page)
    (page / "driver.js").write_text(SPEEDSCOPE_DRIVER)
    index = (page / "index.html").read_text()
    assert "</body>" in index
    (page / "index.html").write_text(
        index.replace("</body>", '<script src="driver.js"></script></body>')
    )
    data = base64.b64encode((GOLDEN / name).read_bytes()).decode()
    (page / "load.js").write_text(f'speedscope.loadFileFromBase64("{name}", "{data}")')
    seen = browser.open_page(
        f"{(page / 'index.html').as_uri()}#localProfilePath={page / 'load.js'}&view=sandwich",
        folder / "profile",
        "--enable-unsafe-swiftshader",
        "--virtual-time-budget=60000",
    )
    return {profile["name"]: profile for profile in seen["told"]}, seen["text"]


@browser.needs_chromium
@pytest.mark.parametrize("variant", ["shop", "shop-cpu-wide", "trouble", "hostile"])
def test_speedscope_opens_it_and_sums_what_the_report_tells(node, tmp_path, variant):
    report = report_of(variant)
    functions = report["functions"]
    profiles, text = speedscope(node, tmp_path, f"{variant}.speedscope")
    waits = ["cpu time", "waiting"] if variant != "trouble" else []
    assert set(profiles) == {"wall time", "calls", *waits}
    times = profiles["cpu time" if report["clock"] == "cpu" else "wall time"]
    assert times["unit"] == "nanoseconds"
    assert times["total"] == sum(f["self_ns"] for f in functions)
    assert profiles["calls"]["total"] == sum(f["calls"] + f["resumes"] for f in functions)
    if waits and report["clock"] == "wall":
        assert profiles["waiting"]["total"] == sum(f["wait_ns"] for f in functions)
        rest = profiles["cpu time"]["total"] + profiles["waiting"]["total"]
        assert rest == profiles["wall time"]["total"]
    read = {(name, file, line): (own, whole) for name, file, line, own, whole in times["frames"]}
    keys = collections.Counter((shown(f), f["file"], f["line"]) for f in functions)
    for function in filter(is_plain, functions):
        key = (shown(function), function["file"] or None, function["line"])
        if keys[key] == 1 and function["self_ns"]:
            assert read[key] == (function["self_ns"], function["total_ns"]), key
    front = {"shop-cpu-wide": "calls"}.get(variant, "wall time")
    assert f"{front} (" in text
    if variant == "hostile":
        assert max(len(key[0]) for key in read) == 10_000
        assert "</script><script>alert(1)</script>" in {key[0] for key in read}


@browser.needs_chromium
@pytest.mark.parametrize("kind", ["collapsed", "callgrind", "pprof"])
def test_speedscope_opens_the_other_formats_too(node, tmp_path, kind):
    profiles, _ = speedscope(node, tmp_path, f"shop.{kind}")
    totals = {profile["total"] for profile in profiles.values()}
    wanted = sum(f["self_ns"] for f in report_of("shop")["functions"])
    assert (wanted // 1000 if kind == "collapsed" else wanted) in totals
