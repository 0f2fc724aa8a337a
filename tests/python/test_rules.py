# SPDX-License-Identifier: MIT
"""Rules: functions that are counted in place, and calls that are told once a predicate holds."""

import json

import harness
import pytest
from harness import TARGETS, report_of, run, run_ulma
from test_set import followed

PROGRAM = TARGETS / "ruled.py"

pytestmark = pytest.mark.some_pythons

RULES = """
# what each function of ruled.py does
__main__:slow     escalate slower 20ms
__main__:raising  escalate raised   # and nothing else
__main__:large    escalate larger 40
__main__:deep     escalate deeper 25
__main__:every    escalate every 100
__main__:counted  count
__main__:each     count
__main__:Box.put  stack
"""


def ruled(python, tmp_path, rules=RULES, words=(), options=()):
    file = tmp_path / "rules"
    file.write_text(rules)
    return run_ulma(python, PROGRAM, *words, options=["--rules", str(file), *options])


def rows_of(report):
    return {(row["function"], row["rule"]): row for row in report["escalated"]}


def line_of(text):
    lines = PROGRAM.read_text().splitlines()
    return next(i for i, line in enumerate(lines, 1) if line.strip() == text)


def test_counts_are_the_programs_own(python, tmp_path):
    done = ruled(python, tmp_path)
    rows = rows_of(report_of(done))
    counts = {key: (row["calls"], row.get("held")) for key, row in rows.items()}
    calls, held = counts.pop(("slow", "slower 20ms"))
    assert calls == 40 and held >= 3  # more on a busy machine
    put = "Box.put" if python.minor >= (3, 11) else "put"
    assert counts == {
        ("raising", "raised"): (50, 10),
        ("large", "larger 40"): (60, 19),
        ("deep", "deeper 25"): (31 + 11, 6),
        ("every", "every 100"): (1000, 10),
        ("counted", "count"): (4000, None),
        ("each", "count"): (20 * 3, None),
        (put, "stack"): (20, 20),
    }
    assert json.loads(done.out) == {"counted": 4000}


def test_what_is_told_of_a_call(python, tmp_path):
    rows = rows_of(report_of(ruled(python, tmp_path)))
    slow = rows["slow", "slower 20ms"]
    assert [(frame["function"], frame["line"]) for frame in slow["first"]["stack"]] == [
        ("slow", line_of("time.sleep(seconds)")),
        ("caller", line_of("slow(seconds)")),
        ("main", line_of("caller(0.03 if number in (7, 21, 33) else 0)")),
        ("<module>", line_of("main()")),
    ]
    assert {frame["file"] for frame in slow["first"]["stack"]} == {str(PROGRAM)}
    assert slow["first"]["arguments"] == "float" and not slow["first"]["cut"]
    assert 20e6 < slow["first"]["took_ns"] <= slow["worst"]["took_ns"]
    large = rows["large", "larger 40"]
    assert large["first"]["arguments"] == "list[41], str[3], bool, tuple[2], dict[1]"
    assert (large["first"]["value"], large["worst"]["value"]) == (41, 59)
    deep = rows["deep", "deeper 25"]
    assert (deep["first"]["value"], deep["worst"]["value"]) == (26, 31)
    assert deep["worst"]["stack"][0]["function"] == "deep" and deep["worst"]["cut"]
    assert rows["every", "every 100"]["worst"]["value"] == 1000
    assert rows["raising", "raised"]["first"]["arguments"] == "int"


def test_a_counted_call_is_no_event(python, tmp_path):
    few, many = (report_of(ruled(python, tmp_path, words=[str(count)])) for count in (1000, 26000))
    assert rows_of(many)["counted", "count"]["calls"] == 4 * 26000
    assert many["events"]["read"] - few["events"]["read"] < 5000
    assert not [row for row in many["functions"] if row["name"] == "counted"]


def test_the_first_rule_wins_and_off_and_record_are_modes(python, tmp_path):
    rules = "__main__:every record\n__main__:deep off\n__main__ count\n"
    report = report_of(ruled(python, tmp_path, rules, options=["--skip", "__main__:every"]))
    calls = {row["name"]: row["calls"] for row in report["functions"] if "ruled" in row["file"]}
    assert calls == {"every": 1000}
    assert "deep" not in {row["function"] for row in report["escalated"]}
    assert rows_of(report)["slow", "count"]["calls"] == 40


def test_a_recording_keeps_them(python, tmp_path):
    file, rules = tmp_path / "ruled.ulma", tmp_path / "rules"
    rules.write_text(RULES)
    words = ["record", "-q", "--python", python.path, "--rules", rules, "-o", file, PROGRAM]
    done = run([harness.ULMA, *words])
    assert done.status == 0, done.told()
    done = run([harness.ULMA, "report", "-f", "json", file])
    rows = rows_of(json.loads(done.out))
    assert rows["slow", "slower 20ms"]["held"] >= 3
    assert [frame["function"] for frame in rows["slow", "slower 20ms"]["worst"]["stack"]] == [
        "slow",
        "caller",
        "main",
        "<module>",
    ]


def test_rules_come_and_go_while_it_runs(python, session_dir, tmp_path):
    """Two threads call `left_leaf` by `left_mid`, each as often as asked for."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text("__main__:left_leaf count\n")
    second.write_text("__main__:left_leaf escalate every 10\n__main__:kept_leaf off\n")
    with followed(python, session_dir, tmp_path) as program:
        program.ask("calls 3")
        assert f" rules={first} " in program.set(f"rules={first}")
        program.ask("calls 20")
        program.set(f"rules={second}")
        program.ask("calls 26")
        assert " rules= " in program.set("rules=")
        program.ask("calls 30")
        report = program.end()
    rows = rows_of(report)
    assert rows["left_leaf", "count"]["calls"] == 40
    held = rows["left_leaf", "every 10"]
    assert (held["calls"], held["held"]) == (52, 5)
    names = [frame["function"] for frame in held["first"]["stack"][:3]]
    assert names == ["left_leaf", "left_mid", "kept_top"]
    calls = {row["name"]: row["calls"] for row in report["functions"]}
    assert calls["left_leaf"] == 2 * (3 + 30)
    assert calls["left_mid"] == 2 * (3 + 20 + 26 + 30)
    assert calls["kept_leaf"] == 4 * (3 + 20 + 30)


WRONG = [
    ("f cuont", ":1: no mode `cuont`"),
    ("f", ":1: a pattern without a mode"),
    ("\n\nf escalate", ":3: escalate when?"),
    ("f escalate slower", ":1: `slower` is no predicate: write `slower 10ms`"),
    ("f escalate slower fast", "`slower fast` is no predicate"),
    ("f escalate every 0", "`every 0` is no predicate"),
    ("f escalate deeper 1.5", "`deeper 1.5` is no predicate"),
    ("f escalate often", "no predicate `often`"),
    ("f count twice", "`twice` after `count`"),
    ("io:w* escalate deeper 2", "`io:w*` calls nothing that calls it again: no `deeper`"),
    ("type:dict count", "`type:dict` names no functions"),
    ("f count\0", "it is no text"),
    ("f count\n" * 1025, ":1025: more than 1024 rules"),
    ("#" * (1 << 20) + "\n", "longer than 1 MiB"),
]


@pytest.mark.newest_python
@pytest.mark.parametrize("text, told", WRONG, ids=range(len(WRONG)))
def test_what_makes_no_sense_is_said_with_its_line(python, tmp_path, text, told):
    file = tmp_path / "rules"
    file.write_text(text)
    done = run([harness.ULMA, "run", "--rules", file, "-c", "print('ran')"])
    assert done.status == 125 and not done.out
    assert f"ulma: {file}" in done.err.decode() and told in done.err.decode()
    assert done.err.decode().count("\n") == 1


MANY = """
for number in range(2100):
    exec(f"def f{number}(): pass")
    eval(f"f{number}()")
"""


@pytest.mark.newest_python
def test_functions_beyond_what_can_be_counted_are_told(python, tmp_path):
    """Of a recording, too; `top` and `web` show the same words."""
    program, rules, file = tmp_path / "many.py", tmp_path / "rules", tmp_path / "many.ulma"
    program.write_text(MANY)
    rules.write_text("__main__:f* count\n")
    words = ["record", "-q", "--python", python.path, "--rules", rules, "-o", file, program]
    done = run([harness.ULMA, *words])
    assert done.status == 0, done.told()
    told = "53 functions with a rule are beyond what can be counted, and are left out"
    for form in ("table", "json", "html"):
        done = run([harness.ULMA, "report", "-f", form, file])
        assert told in done.out.decode(), done.told()
    report = json.loads(run([harness.ULMA, "report", "-f", "json", file]).out)
    assert len(report["escalated"]) == 2047
    assert [row["complete"] for row in report["sources"] if row["name"] == "calls"] == [False]


METHODS = TARGETS / "ruled_methods.py"

METHOD_RULES = """
list.append    escalate larger 90
list.index     escalate raised
list.sort      escalate deeper 2
dict.get       count
str.zfill      stack
str.split      escalate every 10
zlib.compress  escalate larger 1500 slower 1s
bytes.join     escalate larger 49
list.__contains__ escalate raised larger 9
str.join       off
"""


def ruled_methods(python, tmp_path):
    file = tmp_path / "rules"
    file.write_text(METHOD_RULES)
    events = "calls,methods,operators"
    done = run_ulma(python, METHODS, options=["-e", events, "--rules", str(file)])
    assert done.out == b"done\n"
    return report_of(done)


def test_methods_and_operators_have_rules(python, tmp_path):
    report = ruled_methods(python, tmp_path)
    rows = rows_of(report)
    counts = {
        function: (row["calls"], row.get("held"))
        for (function, _), row in rows.items()
        if row["function"] not in {"list.append", "dict.get", "list.__contains__"}  # imports', too
    }
    assert counts == {
        "list.index": (50, 47),
        "list.sort": (4, 2),
        "str.zfill": (30, 30),
        "str.split": (30, 3),
        "zlib.compress": (20, 0),  # of slower; see below
        "bytes.join": (1, 1),
    }
    assert rows["zlib.compress", "larger 1500"]["held"] == 4
    assert rows["list.append", "larger 90"]["held"] == 9
    assert rows["dict.get", "count"]["calls"] >= 30
    assert rows["list.__contains__", "raised"]["held"] == 10
    assert rows["list.__contains__", "larger 9"]["held"] >= 40
    assert report["methods"] == [] and report["operators"] == []  # none is recorded


def test_what_is_told_of_a_method(python, tmp_path):
    rows = rows_of(ruled_methods(python, tmp_path))
    arguments = {
        ("list.append", "larger 90"): "list[91], int",
        ("list.index", "raised"): "list[3], int",
        ("str.zfill", "stack"): "str[1], int",
        ("str.split", "every 10"): "str[5], str[1], int",
        ("zlib.compress", "larger 1500"): "bytes[1600], int",
        ("bytes.join", "larger 49"): "bytes[0], list[50]",
        ("list.__contains__", "raised"): "list[10], Touchy",
    }
    assert {key: rows[key]["first"]["arguments"] for key in arguments} == arguments
    stack = rows["list.append", "larger 90"]["first"]["stack"]
    assert [frame["function"] for frame in stack] == ["fill", "<module>"]
    lines = METHODS.read_text().splitlines()
    assert lines[stack[0]["line"] - 1].strip() == "rows.append(number)"
    assert rows["list.sort", "deeper 2"]["worst"]["value"] == 4
    assert rows["list.append", "larger 90"]["worst"]["value"] == 99


@pytest.mark.newest_python
def test_rules_of_methods_need_their_source(python, tmp_path):
    rules = ["--rules", write_rule(tmp_path, "dict.get count"), "-c", "print('ran')"]
    done = run([harness.ULMA, "run", "--python", python.path, *rules])
    assert done.status == 125 and not done.out
    assert "the rule of `dict.get` needs the source methods" in done.err.decode()


def test_rules_of_methods_come_and_go(python, session_dir, tmp_path):
    file = tmp_path / "rules"
    file.write_text("builtins.len count\n")
    with followed(python, session_dir, tmp_path) as program:
        assert "`builtins.*` needs the source methods" in program.set(
            f"rules={write_rule(tmp_path, 'builtins.* count')}", status=1
        )
        program.ask("calls 3")
        program.set("events=calls,methods", f"rules={file}")
        program.ask("calls 20")
        program.set("rules=", "only=list.append")
        program.ask("calls 30")
        report = program.end()
    assert rows_of(report)["builtins.len", "count"]["calls"] == 40


def write_rule(folder, line):
    path = folder / "another"
    path.write_text(line + "\n")
    return path


FORKS = """
import os

def counted(number):
    return number

def work(count):
    for number in range(count):
        counted(number)

def fork():
    pid = os.fork()
    if not pid:
        work(100)
        os._exit(0)
    os.waitpid(pid, 0)

work(10)
for _ in range(3):
    fork()
"""


def test_calls_in_forks_children_are_counted_from_the_first_on(python, tmp_path):
    """Of what is open in the child, too: it has a rule of its own."""
    program, rules = tmp_path / "forks.py", tmp_path / "rules"
    program.write_text(FORKS)
    rules.write_text("__main__ count\n")
    report = report_of(run_ulma(python, program, options=["--rules", str(rules)]))
    calls = {row["function"]: row["calls"] for row in report["escalated"]}
    assert calls == {"<module>": 1, "work": 4, "counted": 310, "fork": 3}
