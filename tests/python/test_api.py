# SPDX-License-Identifier: MIT
"""ulma.start, stop and profile: a process records itself; and the magics of IPython."""

import json
import pstats
import subprocess
import sys

import harness
import pytest
from harness import ROOT, environment, run, session_files

PROGRAM = """
import json, sys
import ulma

def counted(n):
    return sum(inner(i) for i in range(n))

def inner(i):
    return i

ulma.start(events="calls,spans")
with ulma.span("work", number=1):
    counted(500)
report = ulma.stop()
counted(77)
found = report.json()
for name in sys.argv[1:]:
    report.save(name)
print(json.dumps(found))
sys.stderr.write(report.table(limit=0, sort="ncalls"))

with ulma.profile() as recorded:
    counted(20)
calls = {row["name"]: row["calls"] for row in recorded.json()["functions"]}
assert (calls["counted"], calls["inner"]) == (1, 20), calls
assert recorded.html().startswith("<!")

@ulma.profile(save=sys.argv[1] + ".json")
def saved():
    return counted(3)

@ulma.profile
def told(depth):
    return told(depth - 1) if depth else counted(4)

assert saved() == 3 and told(2) == 6
sys.stderr.write("\\nrefusals\\n")
refused_ones = [ulma.stop, lambda: ulma.start(nothing=1), lambda: report.save("no/folder/x.json")]
for refused in refused_ones:
    try:
        refused()
    except ulma.Error as error:
        print(error)
ulma.start()
try:
    ulma.start()
except ulma.Error as error:
    print(error)
ulma.stop()
"""


@pytest.mark.some_pythons
def test_a_process_records_itself(python, session_dir, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    files = [tmp_path / name for name in ("a.ulma", "a.pstats", "a.html", "a.svg", "a.txt")]
    env = environment(session_dir, PYTHONPATH=str(ROOT / "python"), TMPDIR=str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    done = run([python.path, program, *files], env=env, cwd=tmp_path)
    assert done.status == 0, done.told()
    first, *refusals = done.out.decode().splitlines()
    report = json.loads(first)
    calls = {row["name"]: row["calls"] for row in report["functions"]}
    assert calls["inner"] == 500 and calls["counted"] == 1, calls
    assert report["events"]["lost"] == 0
    assert [(r["name"], r["count"]) for r in report["requests"]] == [("work", 1)]
    table, _, rest = done.err.decode().partition("refusals")
    assert "inner" in table and "told" in table, table
    assert rest.strip() == "", rest
    assert "nothing is being recorded" in refusals[0]
    assert "--nothing" in refusals[1]
    assert "no/folder" in refusals[2]
    assert "already" in refusals[3]
    kept = run([harness.ULMA, "report", files[0], "-f", "json", "-o", "-"], env=env)
    assert json.loads(kept.out)["functions"] == report["functions"]
    stats = pstats.Stats(str(files[1])).stats
    assert {key[2]: value[1] for key, value in stats.items()}["inner"] == 500
    for file in files[2:]:
        assert "counted" in file.read_text()
    saved = json.loads((tmp_path / "a.ulma.json").read_text())
    assert {row["name"]: row["calls"] for row in saved["functions"]}["inner"] == 3
    assert list((tmp_path / "tmp").iterdir()) == []
    assert session_files(session_dir) == []


FORKS = """
import os, sys, threading
import ulma

def counted(n):
    return n

def in_child(function):
    child = os.fork()
    if not child:
        function()
        sys.exit(0)  # with all that an end does
    assert os.waitpid(child, 0)[1] == 0

def refused():
    try:
        ulma.stop()
    except ulma.Error:
        return
    os._exit(1)

ulma.start()
counted(1)
in_child(refused)
counted(2)
report = ulma.stop()
in_child(lambda: None)
calls = {row["name"]: row["calls"] for row in report.json()["functions"]}
assert calls["counted"] == 2, calls

inside = threading.Barrier(4)

@ulma.profile(save=sys.argv[1])
def recorded():
    inside.wait(60)
    return counted(3)

threads = [threading.Thread(target=recorded) for _ in range(4)]
for one in threads:
    one.start()
for one in threads:
    one.join()

try:
    @ulma.profile
    def generator():
        yield
except TypeError as error:
    print(error)
ulma.start()  # and never stopped
"""


@pytest.mark.some_pythons
def test_forks_threads_and_ends_leave_the_recording_alone(python, session_dir, tmp_path):
    (tmp_path / "tmp").mkdir()
    env = environment(session_dir, PYTHONPATH=str(ROOT / "python"), TMPDIR=str(tmp_path / "tmp"))
    done = run([python.path, "-c", FORKS, tmp_path / "threads.json"], env=env)
    assert done.status == 0 and done.err == b"", done.told()
    assert b"generator" in done.out
    calls = {
        row["name"]: row["calls"]
        for row in json.loads((tmp_path / "threads.json").read_text())["functions"]
    }
    assert 1 <= calls["counted"] <= 4
    assert list((tmp_path / "tmp").iterdir()) == []
    assert session_files(session_dir) == []


PARTS = """
import json, ulma

def counted(i):
    return i

def part(n):
    return [counted(i) for i in range(n)]

def calls(report):
    return {row["name"]: row["calls"] for row in report.json()["functions"]}.get("counted", 0)

ulma.arm()
part(3)
ulma.start(events="calls,gc")
part(5)
one = calls(ulma.stop())
part(7)
with ulma.profile() as recorded:
    part(11)
print(json.dumps([one, calls(recorded)]))
recorded.save("parts.pstats")
assert "counted" in recorded.table(limit=0) and "counted" in recorded.html()
part(13)
"""


@pytest.mark.some_pythons
@pytest.mark.parametrize(("options", "told", "all_of_it"), [
    (["--start-off"], [5, 16], 16),
    ([], [8, 26], 39),
], ids=["start-off", "on"])  # fmt: skip
def test_in_a_program_that_ulma_started_it_says_which_part(
    python, options, told, all_of_it, session_dir, tmp_path
):
    (tmp_path / "parts.py").write_text(PARTS)
    env = environment(session_dir, PYTHONPATH=str(ROOT / "python"))
    words = ["run", *options, "-o", "all.json", "--python", python.path, "parts.py"]
    done = run([harness.ULMA, *words], env=env, cwd=tmp_path)
    assert done.status == 0, done.told()
    assert json.loads(done.out) == told
    report = json.loads((tmp_path / "all.json").read_text())
    assert [row["calls"] for row in report["functions"] if row["name"] == "counted"] == [all_of_it]
    stats = pstats.Stats(str(tmp_path / "parts.pstats")).stats
    assert {key[2]: value[1] for key, value in stats.items()}["counted"] == told[1]
    alone = run([python.path, "parts.py"], env=env, cwd=tmp_path)
    assert json.loads(alone.out) == [5, 11], alone.told()


ATTACHED = """
import sys, ulma

def inner(i):
    return i

print("ready", flush=True)
sys.stdin.readline()
ulma.start()
[inner(i) for i in range(5)]
report = ulma.stop()
print({row["name"]: row["calls"] for row in report.json()["functions"]}["inner"])
print([line.split()[5] for line in open("/proc/self/maps") if "ulma" in line and "r-xp" in line])
"""


@pytest.mark.some_pythons
def test_where_ulma_has_attached_its_probe_is_the_one(python, session_dir, tmp_path):
    (tmp_path / "attached.py").write_text(ATTACHED)
    env = environment(session_dir, PYTHONPATH=str(ROOT / "python"))
    with subprocess.Popen(
        [python.path, tmp_path / "attached.py"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, text=True,
    ) as target:  # fmt: skip
        assert target.stdout.readline() == "ready\n"
        attached = run([harness.ULMA, "attach", "--timeout", "60", target.pid], env=env)
        assert attached.status == 0, attached.told()
        out, _ = target.communicate("go on\n", timeout=60)
    assert target.returncode == 0
    calls, probes = out.splitlines()
    assert calls == "5" and probes.count("ulma_probe") == 1, probes


CELLS = r"""
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()

def said(cell):
    result = shell.run_cell(cell)
    return result

assert said("%load_ext ulma").success
said("def inner(i): return i\ndef f(n): return [inner(i) for i in range(n)]")
shown = said("%ulma -n 5 kept = f(4000)").result
assert len(shell.user_ns["kept"]) == 4000
html = shown._repr_html_()
assert html.count("<tr>") <= 6 and "inner" in html and ">4,000<" in html, html
assert "<script" not in html and "http" not in html
assert "inner" in repr(shown), repr(shown)
assert shown.json()["functions"]
cell = "import ulma\nwith ulma.span('cell <b>'):\n    f(30)\nlast = f(1)"
shown = said("%%ulma -e spans -s calls\n" + cell).result
assert shown.json()["requests"][0]["name"] == "cell <b>" and shell.user_ns["last"] == [0]
assert "<b>" not in shown._repr_html_()
failed = said("%ulma 1 / 0")
assert isinstance(failed.error_in_exec, ZeroDivisionError)
assert said("%ulma -e no-such-source f(1)").result is None
assert said("%ulma f(3)").result.json()["functions"]
"""


def test_magics(session_dir, tmp_path):
    env = environment(
        session_dir, PYTHONPATH=str(ROOT / "python"), IPYTHONDIR=str(tmp_path), HOME=str(tmp_path)
    )
    done = run([sys.executable, "-c", CELLS], env=env, cwd=tmp_path)
    assert done.status == 0, done.told()
    assert b"no-such-source" in done.out, done.told()
