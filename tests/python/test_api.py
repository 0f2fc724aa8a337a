# SPDX-License-Identifier: MIT
"""ulma.start, stop and profile: a process records itself; and the magics of IPython."""

import json
import pstats
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
