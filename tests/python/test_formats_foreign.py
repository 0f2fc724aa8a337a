# SPDX-License-Identifier: MIT
"""Other programs read what ulma writes: pstats of every CPython, JSON, XML and line readers.

Why: a golden only shows that a file did not change; here it must be understood, and its sums must
be those of the other formats. The goldens are what the exporters write, byte for byte (the unit
test export_golden says so), from snapshots with recursion, generators, two functions of one key,
and names that hold `;`, newlines, quotes, markup, control bytes and invalid UTF-8.
"""

import collections
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from typing import Any

import harness
import pytest

GOLDEN = harness.ROOT / "tests" / "golden" / "export"
VARIANTS = ("shop", "shop-cpu-wide", "trouble", "huge", "hostile", "empty")
LEAST, MOST = 0x20, 0x10FFFF

# Loads a file as tools do, uses every report of pstats on it, and tells what it found.
PSTATS_READER = """
import io, json, pstats, sys
path = sys.argv[1]
if open(path, "rb").read() == b"{0":  # pstats refuses a profile without a function, as cProfile's
    print("[]")
    sys.exit()
stats = pstats.Stats(path, stream=io.StringIO())
for key in ("calls", "cumulative", "filename", "line", "name", "nfl", "pcalls", "stdname", "time"):
    stats.sort_stats(key).print_stats()
stats.print_callers()
stats.print_callees()
rows = [[list(key), list(row[:4]), [[list(caller), list(edge)] for caller, edge in row[4].items()]]
        for key, row in stats.stats.items()]
twice = pstats.Stats(path, path, stream=io.StringIO())
assert twice.total_calls == 2 * stats.total_calls
assert stats.total_calls == sum(row[1][1] for row in rows)
stats.strip_dirs().print_stats()
json.dump(rows, sys.stdout)
"""


def read_json(variant: str) -> dict[str, Any]:
    text = (GOLDEN / f"{variant}.json").read_bytes().decode("utf-8")
    return json.loads(text)


def key_of(function: dict[str, Any]) -> tuple[str, int, str]:
    file = "~" if function["file"] is None else function["file"]
    return file, function["line"] or 0, function["name"]


def summed(report: dict[str, Any]) -> dict[tuple[str, int, str], list[float]]:
    """cc, nc, tt, ct by key, rows of one key summed."""
    rows: dict[tuple[str, int, str], list[float]] = collections.defaultdict(lambda: [0, 0, 0, 0])
    for function in report["functions"]:
        row = rows[key_of(function)]
        row[0] += function["primitive_calls"]
        row[1] += function["calls"] + function["resumes"]
        row[2] += function["self_ns"] / 1e9
        row[3] += function["total_ns"] / 1e9
    return rows


@pytest.mark.parametrize("variant", VARIANTS)
def test_pstats_of_every_python_reads_it(python, variant):
    done = harness.run(
        [python.path, "-X", "utf8", "-c", PSTATS_READER, GOLDEN / f"{variant}.pstats"]
    )
    assert done.status == 0, done.told()
    read = {tuple(key): (row, callers) for key, row, callers in json.loads(done.out)}
    report = read_json(variant)
    wanted = summed(report)
    assert set(read) == set(wanted)
    for key, row in wanted.items():
        assert read[key][0] == pytest.approx(row, rel=1e-12, abs=1e-12), key
        assert read[key][0][:2] == row[:2], key  # counts are whole, however large
    by_id = {function["id"]: key_of(function) for function in report["functions"]}
    edges: dict[Any, list[float]] = collections.defaultdict(lambda: [0, 0, 0, 0])
    for edge in report["callers"]:
        if edge["caller"] is None:
            continue
        sums = edges[by_id[edge["callee"]], by_id[edge["caller"]]]
        sums[0] += edge["calls"]
        sums[1] += edge["primitive_calls"]
        sums[2] += edge["self_ns"] / 1e9
        sums[3] += edge["total_ns"] / 1e9
    found = {
        (key, tuple(caller)): edge for key, (_, callers) in read.items() for caller, edge in callers
    }
    assert set(found) == set(edges)
    for pair, edge in edges.items():
        assert found[pair] == pytest.approx(edge, rel=1e-12, abs=1e-12), pair


TYPES: dict[str, dict[str, Any]] = {
    "": {
        "ulma": int,
        "ulma_version": str,
        "host": str,
        "clock": str,
        "window": dict,
        "corrected": bool,
        "corrected_ns": int,
        "waited_ns": int,
        "stolen_ns": int,
        "sources": list,
        "target": dict,
        "events": dict,
        "probe": dict,
        "functions": list,
        "callers": list,
        "tree": list,
        "threads": list,
        "processes": list,
        "tasks": list,
        "verdicts": list,
    },
    "window": {"from": (int, float), "to": (int, float)},
    "sources": {"name": str, "on_ns": int, "complete": bool, "reason": (str, type(None))},
    "target": {
        "pid": int,
        "command": str,
        "python": (str, type(None)),
        "start_time": str,
        "duration_ns": int,
        "exit_status": (int, type(None)),
        "signal": (int, type(None)),
        "thread_count": int,
    },
    "events": {"read": int, "lost": int, "gaps": int},
    "probe": {
        "ns_per_call": (int, float),
        "cost_pct": (int, float),
        "budget_pct": (int, float, type(None)),
        "muted_functions": int,
    },
    "functions": {
        "id": int,
        "pid": int,
        "name": str,
        "qualname": str,
        "module": (str, type(None)),
        "file": (str, type(None)),
        "line": (int, type(None)),
        "kind": str,
        "calls": int,
        "primitive_calls": int,
        "resumes": int,
        "yields": int,
        "raised": int,
        "self_ns": int,
        "total_ns": int,
        "wait_ns": (int, type(None)),
        "min_ns": (int, type(None)),
        "max_ns": (int, type(None)),
        "p50_ns": (int, type(None)),
        "p99_ns": (int, type(None)),
        "max_at": type(None),
        "max_stack": type(None),
        "calls_exact": bool,
        "times_exact": bool,
        "holds_left_out": bool,
    },
    "callers": {
        "caller": (int, type(None)),
        "callee": int,
        "calls": int,
        "primitive_calls": int,
        "self_ns": int,
        "total_ns": int,
    },
    "tree": {
        "id": int,
        "parent": (int, type(None)),
        "function": (int, type(None)),
        "pid": int,
        "calls": int,
        "self_ns": int,
        "total_ns": int,
    },
    "threads": {
        "pid": int,
        "tid": int,
        "name": str,
        "calls": int,
        "cpu_ns": int,
        "wait_ns": int,
        "lost": int,
    },
    "processes": {"pid": int, "ppid": int, "command": str, "calls": int, "lost": int},
    "tasks": {
        "id": (int, type(None)),
        "name": (str, type(None)),
        "pid": (int, type(None)),
        "loop": (int, type(None)),
        "coroutine": (str, type(None)),
        "state": str,
        "tasks": int,
        "raised": int,
        "created_by": (str, type(None)),
        "steps": int,
        "steps_exact": bool,
        "cpu_ns": int,
        "suspended_ns": int,
        "longest_ns": int,
        "awaiting": (str, type(None)),
    },
    "verdicts": {
        "verdict": str,
        "function": (str, type(None)),
        "file": (str, type(None)),
        "line": (int, type(None)),
        "count": int,
        "cost_ns": int,
        "evidence": str,
    },
}


def check_members(record: dict[str, Any], types: dict[str, Any]) -> None:
    assert list(record) == list(types)
    for name, value in record.items():
        assert isinstance(value, types[name]), (name, value)
        assert not (types[name] is int and isinstance(value, bool)), name


@pytest.mark.parametrize("variant", VARIANTS)
def test_json_is_version_1(variant):
    report = read_json(variant)
    check_members(report, TYPES[""])
    assert report["ulma"] == 1
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", report["target"]["start_time"])
    for name, types in TYPES.items():
        if not name:
            continue
        value = report[name]
        for record in value if isinstance(value, list) else [value]:
            check_members(record, types)
    kinds = {"python", "c", "generator", "coroutine", "async_generator"}
    assert {function["kind"] for function in report["functions"]} <= kinds
    assert all((f["file"] is None) == (f["line"] is None) for f in report["functions"])
    states = {"pending", "running", "suspended", "ended"}
    assert {task["state"] for task in report["tasks"]} <= states
    for task in report["tasks"]:  # one that lives, or the sum of some that have ended
        if task["id"] is None:
            assert task["name"] is task["pid"] is task["loop"] is None
        else:
            assert task["tasks"] == 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_json_agrees_with_itself(variant):
    report = read_json(variant)
    ids = {function["id"]: function for function in report["functions"]}
    assert len(ids) == len(report["functions"])
    calls: collections.Counter = collections.Counter()
    selfs: collections.Counter = collections.Counter()
    below: collections.Counter = collections.Counter()
    nodes = {node["id"]: node for node in report["tree"]}
    for node in report["tree"]:
        if node["parent"] is None:
            assert node["function"] is None
            continue
        assert node["parent"] in nodes
        calls[node["function"]] += node["calls"]
        selfs[node["function"]] += node["self_ns"]
        below[node["parent"]] += node["total_ns"]
    for node in report["tree"]:
        assert node["total_ns"] == node["self_ns"] + below[node["id"]]
    assert calls == collections.Counter({i: f["calls"] for i, f in ids.items()})
    assert selfs == collections.Counter({i: f["self_ns"] for i, f in ids.items()})
    incoming: collections.Counter = collections.Counter()
    for edge in report["callers"]:
        assert edge["caller"] is None or edge["caller"] in ids
        incoming[edge["callee"]] += edge["calls"]
    assert incoming == collections.Counter({i: f["calls"] + f["resumes"] for i, f in ids.items()})


def test_json_of_a_stream_is_one_line():
    raw = (GOLDEN / "shop-cpu-wide.json").read_bytes()
    assert raw.count(b"\n") == 1
    assert raw.endswith(b"}\n")
    assert b'": ' not in raw
    assert (GOLDEN / "shop.json").read_bytes().count(b"\n") > 50


def test_hostile_names_come_back_from_json():
    function = next(f for f in read_json("shop")["functions"] if f["line"] == 66)
    assert function["name"] == (
        "a;b\n\"q\" 'z' <i>&|]\\ \x1b[31m\x07 \ufffd\ufffd\ufffd \u202e end"
    )
    raw = (GOLDEN / "shop.json").read_bytes()
    assert not re.search(rb"[\x00-\x09\x0b-\x1f]", raw)


WEIGHTS = {
    "shop": "time",
    "shop-cpu-wide": "calls",
    "trouble": "wait",
    "huge": "time",
    "hostile": "time",
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_collapsed_is_stacks_and_sums(variant):
    text = (GOLDEN / f"{variant}.collapsed").read_bytes().decode("utf-8")
    total = 0
    leaves: collections.Counter = collections.Counter()
    for line in text.splitlines():
        stack, _, weight = line.rpartition(" ")
        frames = stack.split(";")
        assert weight.isdecimal() and int(weight) > 0
        assert all(frames), line
        assert not any(ord(letter) < LEAST for letter in line)
        total += int(weight)
        leaves[frames[-1]] += int(weight)
    report = read_json(variant)
    if WEIGHTS.get(variant) == "calls":
        assert total == sum(f["calls"] + f["resumes"] for f in report["functions"])
    elif WEIGHTS.get(variant) == "wait":
        sample = read_json("shop")["functions"]  # `trouble` forgot where its waits came from
        assert total == sum(f["wait_ns"] for f in sample) // 1000
    else:
        assert total == sum(f["self_ns"] for f in report["functions"]) // 1000
    if variant == "shop":
        assert leaves["fib (app/main.py:24)"] == 6_210_000
        assert leaves["商店.价格计算 (shop/価格.py:8)"] == 1_560_000


SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("variant", VARIANTS)
def test_flamegraph_is_xml_that_needs_nothing(variant):
    raw = (GOLDEN / f"{variant}.flamegraph").read_text(encoding="utf-8")
    tree = ElementTree.fromstring(raw)
    assert tree.tag == SVG + "svg"
    # No address but the names of the two languages, nothing that loads or sends.
    assert set(re.findall(r"https?://[^\"'\s]+", raw)) == {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xhtml",
    }
    for word in (
        "href",
        "@import",
        "url(",
        "fetch(",
        "XMLHttpRequest",
        "WebSocket",
        "localStorage",
    ):
        assert word not in raw, word
    assert "<i>" not in raw and "<b>" not in raw


@pytest.mark.parametrize("variant", VARIANTS)
def test_flamegraph_frames_lie_in_their_parents(variant):
    tree = ElementTree.parse(GOLDEN / f"{variant}.flamegraph").getroot()
    frames = [g for g in tree.iter(SVG + "g") if g.get("class", "").startswith("f ")]
    top, width = int(tree.get("data-top", "0")), int(tree.get("width", "0"))
    open_frames: list[tuple[int, int]] = []
    for frame in frames:
        start, size = int(frame.get("data-s", "")), int(frame.get("data-l", ""))
        rect = frame.find(SVG + "rect")
        assert rect is not None
        depth = (int(rect.get("y", "")) - top) // 18
        del open_frames[depth:]
        assert len(open_frames) == depth
        if depth:
            assert open_frames[-1][0] <= start
            assert start + size <= open_frames[-1][0] + open_frames[-1][1]
        open_frames.append((start, size))
        x = float(rect.get("x", ""))
        assert x >= 0 and x + float(rect.get("width", "")) <= width
        title = frame.findtext(SVG + "title")
        assert title and "\x1b" not in title
    report = read_json(variant)
    whole = sum(f["self_ns"] for f in report["functions"])
    if WEIGHTS.get(variant) == "time":
        assert int(frames[0].get("data-l", "")) == whole
    assert len(frames) > 1 or variant == "empty"


ROW = re.compile(r" *(~?\d+(?:/\d+)?)" + r" +(~?\d+\.\d{3})" * 4 + r"(?:.{36})? ([^ ].*)")


@pytest.mark.parametrize("variant", VARIANTS)
def test_table_has_the_rows_of_cprofile(variant):
    text = (GOLDEN / f"{variant}.table").read_text(encoding="utf-8")
    text = re.sub(r"\x1b\[[0-9]*m", "", text)
    report = read_json(variant)
    assert "lost: " in text and "exact: " in text
    if variant == "shop":
        assert "exact: no, 1 function muted\n" in text
    rows = []
    for line in text.split("heaviest paths", maxsplit=1)[0].splitlines():
        match = ROW.fullmatch(line)
        if match:
            rows.append(match.groups())
    wanted = sorted(f"{f['self_ns'] / 1e9:.3f}" for f in report["functions"])
    if "more function" not in text:
        assert sorted(row[1].lstrip("~") for row in rows) == wanted
    else:
        assert len(rows) == 5
        assert f"and {len(wanted) - 5} more functions" in text


def test_no_text_for_people_holds_a_control_byte():
    for path in sorted(GOLDEN.iterdir()):
        if path.suffix in (".table", ".tree", ".markdown", ".collapsed", ".flamegraph"):
            text = path.read_text(encoding="utf-8")
            if path.name == "shop-cpu-wide.table" or path.name == "shop-cpu-wide.tree":
                text = re.sub(r"\x1b\[[0-9]*m", "", text)  # asked for colours
            assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text), path.name


@pytest.mark.parametrize("variant", VARIANTS)
def test_markdown_is_one_table(variant):
    text = (GOLDEN / f"{variant}.markdown").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) >= 2
    for line in lines:
        assert line.count("|") == 10, line
        assert set(re.findall(r"</?\w+>", line)) <= {"<code>", "</code>"}
    for code in re.findall(r"<code>(.*?)</code>", text):
        assert not re.search(r"[<>|`*_\[\]\\@]", code)


@pytest.mark.parametrize("variant", ["shop", "hostile", "huge"])
def test_perl_reads_collapsed_as_flamegraph_pl_does(variant):
    """flamegraph.pl's own line pattern, in its own language."""
    script = (
        'while (<>) { die "bad: $_" unless /^(.*)\\s+?(\\d+(?:\\.\\d*)?)$/; $t += $2 } '
        'printf "%d", $t'
    )
    done = subprocess.run(
        ["perl", "-e", script, str(GOLDEN / f"{variant}.collapsed")],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    sizes = [f["self_ns"] for f in read_json(variant)["functions"]]
    assert int(done.stdout) == sum(sizes) // 1000
