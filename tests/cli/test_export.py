# SPDX-License-Identifier: MIT
"""`ulma export`: a recording in every format, a slice of it, and what it refuses.

The names of the program are as hostile as Python lets them be: what they become is the same in each
format.
"""

import gzip
import json

import harness
import pytest

BINARY = ("pstats", "pprof", "perfetto")

PROGRAM = """
import threading

def plain():  # long enough to be drawn
    for _ in range(300):
        pass

def work():
    for _ in range(1000):
        plain()

NAMES = ["nul\\0here", "</script><b>", "lone\\ud800", "quote\\"'", "line\\nfeed", "n" * 10_000]
for name in NAMES:
    code = plain.__code__.replace(co_name=name)
    if hasattr(code, "co_qualname"):
        code = code.replace(co_qualname=name)
    exec(code)

work()
thread = threading.Thread(target=work, name="helper")
thread.start()
thread.join()
"""


@pytest.fixture
def recording(ulma):
    ulma.script(PROGRAM, "names.py")
    done = ulma.verb("record", "--trace", "-q", "-o", "names.ulma", "names.py")
    assert done.status == 0, done.told()
    return "names.ulma"


def formats(ulma):
    return [line.split()[0] for line in ulma("export", "--list").out.decode().splitlines()]


def read_json(ulma, recording, *words):
    done = ulma("export", "-f", "json", *words, recording)
    assert done.status == 0, done.told()
    return json.loads(done.out)


def calls_of(report, name):
    return sum(f["calls"] for f in report["functions"] if f["name"] == name)


def test_every_format_of_a_recording(ulma, recording):
    for name in formats(ulma):
        done = ulma("export", "-n", "0", "-f", name, "-o", f"out.{name}", recording)
        assert done.status == 0, done.told()
        data = (ulma.folder / f"out.{name}").read_bytes()
        if name == "pprof":
            data = gzip.decompress(data)
        if name not in BINARY:
            data.decode("utf-8", "strict")
        assert b"plain" in data, name
        assert b"</script><b>" not in data or name not in ("html", "flamegraph", "markdown")
        if name not in BINARY and name != "json":
            assert b"\0" not in data, name
        again = ulma("export", "-f", name, "-o", f"out.{name}", recording)
        assert again.status != 0  # nothing is overwritten in silence


def test_hostile_names_of_a_program_are_in_the_export(ulma, recording):
    report = read_json(ulma, recording)
    names = {f["name"] for f in report["functions"]}
    assert "</script><b>" in names
    assert "quote\"'" in names
    assert "line\nfeed" in names
    assert "lone\\ud800" in names
    assert "nul\\x00here" in names
    assert any(name.startswith("nnnnnnnn") for name in names)


def test_a_slice_is_exported(ulma, recording):
    assert calls_of(read_json(ulma, recording), "plain") == 2000
    assert calls_of(read_json(ulma, recording, "--thread", "helper"), "plain") == 1000
    mapped = read_json(ulma, recording, "--map", f"{ulma.folder}=/elsewhere")
    assert any((f["file"] or "").startswith("/elsewhere/") for f in mapped["functions"])


@pytest.mark.parametrize("clock", ["wall", "cpu"])
def test_sums_of_a_real_run_are_the_reports(ulma, recording, clock):
    report = read_json(ulma, recording, "--clock", clock)
    wanted = sum(f["self_ns"] for f in report["functions"])
    calls = sum(f["calls"] + f["resumes"] for f in report["functions"])
    out = {}
    for name in ("speedscope", "firefox", "collapsed"):
        done = ulma("export", "--clock", clock, "-f", name, recording)
        assert done.status == 0, done.told()
        out[name] = done.out.decode()
    scope = json.loads(out["speedscope"])
    front = scope["profiles"][scope["activeProfileIndex"]]
    assert front["name"] == f"{clock} time"
    # A context's cpu time is never told below zero; a function's is the sum of its contexts'.
    exact = sum(node["self_ns"] for node in report["tree"])
    assert clock == "cpu" or exact == wanted
    assert sum(front["weights"]) == front["endValue"] == exact
    assert sum(next(p for p in scope["profiles"] if p["name"] == "calls")["weights"]) == calls
    fox = json.loads(out["firefox"])["threads"][0]
    assert fox["name"] == f"{clock} time"
    assert round(sum(fox["samples"]["weight"]) * 1e6) == exact
    lines = out["collapsed"].splitlines()
    assert sum(int(line.rpartition(" ")[2]) for line in lines) == exact // 1000


def test_weights(ulma, recording):
    stacks = {}
    for weight in ("time", "calls", "wait"):
        done = ulma("export", "-f", "folded", "--weight", weight, recording)
        assert done.status == 0, done.told()
        lines = done.out.decode().splitlines()
        stacks[weight] = {}
        for line in lines:
            stack, _, number = line.rpartition(" ")
            stacks[weight][stack] = int(number)
    plain = [n for stack, n in stacks["calls"].items() if ";plain (" in stack]
    assert sorted(plain) == [1000, 1000]
    refused = ulma("export", "-f", "folded", "--weight", "bytes", recording)
    assert refused.status == 1
    assert b"is for what was recorded with `-e memory`" in refused.err


def test_bytes_of_lines(ulma):
    """Of memory, each line's bytes: those of the report, to the byte."""
    ulma.script("kept = []\nfor _ in range(1000):\n    kept.append(bytes(1000))\n", "hoard.py")
    done = ulma.verb("record", "-e", "memory", "-q", "-o", "hoard.ulma", "hoard.py")
    assert done.status == 0, done.told()
    done = ulma("export", "-f", "collapsed", "--weight", "bytes", "hoard.ulma")
    assert done.status == 0, done.told()
    rows = [line.rpartition(" ") for line in done.out.decode().splitlines()]
    (hoard,) = [int(n) for stack, _, n in rows if "hoard.py:1);line 3" in stack]
    assert hoard >= 1_000_000
    told = read_json(ulma, "hoard.ulma")["memory"]
    assert sum(int(n) for _, _, n in rows) == sum(row["bytes"] for row in told)
    refused = ulma("export", "-o", "hoard.svg", "--weight", "bytes", "hoard.ulma")
    assert refused.status == 1 and b"add -f collapsed" in refused.err
    assert not (ulma.folder / "hoard.svg").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], b"needs one recording"),
        (["names.ulma"], b"which format?"),
        (["-o", "x.unknown", "names.ulma"], b"which format?"),
        (["-f", "json", "names.py"], b"is no recording"),
        (["-f", "json", "names.ulma", "names.ulma"], b"needs one recording"),
        (["--list", "names.ulma"], b"takes no words"),
        (["-f", "jsn", "names.ulma"], b"json"),
    ],
)
def test_wrong_words(ulma, recording, words, said):
    done = ulma("export", *words)
    assert done.status == 2
    assert said in done.err, done.told()
    assert done.err.count(b"\n") == 1
    assert done.out == b""


def test_a_binary_format_is_not_written_to_a_terminal(ulma, recording):
    command = f"{harness.ULMA} export -f pprof {recording}"
    done = harness.run(["script", "-qec", command, "/dev/null"], env=ulma.env, cwd=ulma.folder)
    assert done.status != 0
    assert b"terminal" in done.out
