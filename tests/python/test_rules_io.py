# SPDX-License-Identifier: MIT
"""Rules of calls of the C library: counted in place, or told once a predicate holds."""

import json

import harness
import pytest
from harness import TARGETS, report_of, run, run_ulma
from test_set import followed

PROGRAM = TARGETS / "ruled_io.py"

RULES = """
io:write  escalate larger 4000
io:pread  escalate every 20
io:open   escalate raised
io:recv   escalate slower 50ms raised
io:send   count
io:fsync  off
"""


def ruled(python, tmp_path, rules=RULES, many=1000, options=("-e", "io")):
    file = tmp_path / "rules"
    file.write_text(rules)
    words = [PROGRAM, str(tmp_path), str(many)]
    return report_of(run_ulma(python, *words, options=[*options, "--rules", str(file)]))


@pytest.fixture(name="told", scope="module")
def told_of_one_run(python, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ruled")
    return ruled(python, folder), folder


def rows_of(report):
    return {(row["function"], row["rule"]): row for row in report["escalated"]}


def text_of(frame):
    return PROGRAM.read_text().splitlines()[frame["line"] - 1].strip()


def operations(report):
    return {row["operation"] for row in report["io"]}


def test_calls_are_counted_and_judged_and_have_no_rows(told):
    report, _ = told
    rows = rows_of(report)
    counts = {key: (row["calls"], row.get("held")) for key, row in rows.items()}
    opened, missing = counts.pop(("io:open", "raised"))
    assert (missing, opened > missing) == (7, True)  # imports open files, too
    assert counts == {
        ("io:write", "larger 4000"): (4 * 1000 + 3, 3),
        ("io:pread", "every 20"): (60, 3),
        ("io:recv", "slower 50ms"): (1, 1),
        ("io:recv", "raised"): (1, 0),
        ("io:send", "count"): (1, None),
    }
    assert not operations(report) & {"write", "pread", "open", "recv", "send", "fsync"}
    assert "close" in operations(report)


def test_a_call_is_told_with_its_file_its_bytes_and_its_stack(told):
    report, folder = told
    rows, path = rows_of(report), folder / "lines.txt"
    write, pread = rows["io:write", "larger 4000"], rows["io:pread", "every 20"]
    descriptor = write["first"]["arguments"].split(",")[0]
    assert write["first"]["arguments"] == f"{descriptor}, {path}, bytes[5000]"
    assert write["worst"]["arguments"] == f"{descriptor}, {path}, bytes[9000]"
    assert (write["first"]["value"], write["worst"]["value"]) == (5000, 9000)
    stack = write["worst"]["stack"]
    assert [frame["function"] for frame in stack] == ["large", "main", "<module>"]
    lines = ['os.write(fd, b"x" * 9000)', "large(fd)", "main()"]
    assert [text_of(frame) for frame in stack] == lines
    assert pread["worst"]["value"] == 60
    assert pread["worst"]["arguments"].endswith(f", {path}, bytes[10]")
    missing = rows["io:open", "raised"]["first"]
    assert missing["arguments"] == f"{folder / 'missing'}, No such file or directory"
    assert text_of(missing["stack"][0]).startswith("os.open(")
    late = rows["io:recv", "slower 50ms"]["first"]
    assert late["arguments"].endswith(", socketpair, bytes[4]")
    assert late["took_ns"] > 50e6 and text_of(late["stack"][0]) == "one.recv(100)"


@pytest.mark.some_pythons
def test_a_call_under_a_rule_is_no_event_until_its_predicate_holds(python, tmp_path):
    rules = "io:write escalate larger 1000000 slower 100s raised\n"
    report = ruled(python, tmp_path, rules, 10000)
    assert rows_of(report)["io:write", "raised"]["calls"] == 40003
    assert report["events"]["read"] < 40000  # of imports; the writes alone would be 80,000


@pytest.mark.newest_python
def test_the_first_rule_wins_and_off_and_record_are_modes(python, tmp_path):
    report = ruled(python, tmp_path, "io:write record\nio:close off\nio:* count\n", many=50)
    assert operations(report) == {"write"}
    assert sum(row["calls"] for row in report["io"]) == 4 * 50 + 3
    assert {row["resource"] for row in report["io"]} == {str(tmp_path / "lines.txt")}
    calls = {row["function"]: row["calls"] for row in report["escalated"]}
    assert calls["io:pread"] == 60 and not {"io:write", "io:close"} & set(calls)


@pytest.mark.newest_python
def test_a_recording_keeps_them_and_hides_names_that_are_to_be_hidden(python, tmp_path):
    rules = tmp_path / "rules"
    rules.write_text(RULES)
    for words, shown in (([], True), (["--redact"], False)):
        file = tmp_path / f"{len(words)}.ulma"
        record = ["record", "-q", "-e", "io", "--python", python.path, "--rules", rules, *words]
        done = run([harness.ULMA, *record, "-o", file, PROGRAM, tmp_path, "10"])
        assert done.status == 0, done.told()
        report = json.loads(run([harness.ULMA, "report", "-f", "json", file]).out)
        row = next(row for row in report["escalated"] if row.get("held") == 3)
        assert row["calls"] in (43, 60)
        assert (str(tmp_path) in json.dumps(report["escalated"])) == shown


def write_rule(folder, line):
    path = folder / "rule"
    path.write_text(line + "\n")
    return path


@pytest.mark.some_pythons
def test_they_come_and_go_while_it_runs(python, session_dir, tmp_path):
    """`calls N` of the program: N rounds."""
    with followed(python, session_dir, tmp_path) as program:
        assert "`io:write` needs the source io" in program.set(
            f"rules={write_rule(tmp_path, 'io:write count')}", status=1
        )
        program.set("events=calls,io", f"rules={write_rule(tmp_path, 'io:read escalate every 2')}")
        program.ask("calls 20")
        program.ask("calls 23")
        program.set("rules=")
        program.ask("calls 26")
        report = program.end()
    row = rows_of(report)["io:read", "every 2"]
    assert row["calls"] >= 2 and row["held"] == row["calls"] // 2
    assert "read" in operations(report)


FORKS = """
import os

def work(fd, count):
    for _ in range(count):
        os.write(fd, b"some")

fd = os.open(os.devnull, os.O_WRONLY)
work(fd, 10)
for _ in range(3):
    pid = os.fork()
    if not pid:
        work(fd, 100)
        os._exit(0)
    os.waitpid(pid, 0)
"""


@pytest.mark.some_pythons
def test_calls_in_forks_children_are_counted_from_the_first_on(python, tmp_path):
    program, rules = tmp_path / "forks.py", tmp_path / "rules"
    program.write_text(FORKS)
    rules.write_text("io:write count\n")
    report = report_of(run_ulma(python, program, options=["-e", "io", "--rules", str(rules)]))
    assert {row["function"]: row["calls"] for row in report["escalated"]} == {"io:write": 310}
    assert "write" not in operations(report)
