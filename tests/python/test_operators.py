# SPDX-License-Identifier: MIT
"""The source `operators`: subscripts, `in` and iteration of the builtin types, by line."""

import json
import os
import random

import harness
import pytest
from followed_program import followed
from harness import TARGETS, ULMA, environment, report_of, run, run_ulma

TARGET = TARGETS / "operator_uses.py"

# What each version does not tell where it has specialised the instruction.
IN_3_11 = {
    "dict.__getitem__",
    "dict.__setitem__",
    "list.__getitem__",
    "list.__setitem__",
    "tuple.__getitem__",
}
IN_3_12 = IN_3_11 | {"list.__next__", "tuple.__next__"}
IN_3_13 = IN_3_12 | {
    "dict.__contains__",
    "set.__contains__",
    "frozenset.__contains__",
    "str.__getitem__",
}
IN_3_15 = (IN_3_13 - {"dict.__getitem__", "dict.__setitem__"}) | {
    "list.__iter__",
    "tuple.__iter__",
    "str.__iter__",
    "str.__next__",
}
UNTOLD = {
    (3, 9): set(),
    (3, 10): set(),
    (3, 11): IN_3_11,
    (3, 12): IN_3_12,
    (3, 13): IN_3_13,
    (3, 14): IN_3_13,
    (3, 15): IN_3_15,
}


def operators_of(report):
    return {f"{row['type']}.{row['operator']}": row for row in report["operators"]}


def uses_in(report, name, function):
    """Of the target's function alone: what else uses it does not count."""
    row = operators_of(report).get(name, {"callers": []})
    first, last = span_of(function)
    return sum(
        caller["calls"]
        for caller in row["callers"]
        if caller["file"] == str(TARGET) and first <= caller["line"] < last
    )


def span_of(function):
    lines = TARGET.read_text().splitlines()
    first = lines.index(f"def {function}(times):") + 1
    following = (i for i, line in enumerate(lines, 1) if i > first and line[:1].isalpha())
    return first, next(following, len(lines) + 1)


def source_of(report):
    return next(row for row in report["sources"] if row["name"] == "operators")


def untold_of(report):
    source = source_of(report)
    if source["complete"]:
        return set()
    return set(source["reason"].partition("does not tell ")[2].split(", "))


def check(report, counts, untold):
    assert untold_of(report) == untold
    for name, row in operators_of(report).items():
        assert row["complete"] == (name not in untold), row
        assert 0 <= row["max_ns"] <= row["total_ns"]
        assert row["calls"] == sum(caller["calls"] for caller in row["callers"])
    for function, name, number in counts:
        if name not in untold:
            assert uses_in(report, name, function) == number, (function, name)
        else:
            assert uses_in(report, name, function) <= number, (function, name)


def test_every_use_is_counted_or_said_not_to_be(python):
    done = run_ulma(python, TARGET, options=["-e", "operators"])
    report = report_of(done)
    counts = json.loads(done.out)
    assert len(counts) > 20
    check(report, counts, UNTOLD[python.minor])
    # Whatever is specialised for the exact types is told of classes below them.
    subclasses = [row for row in counts if row[0] in ("of_subclasses", "of_pairs")]
    for function, name, number in subclasses:
        assert uses_in(report, name, function) == number, name
    errors = operators_of(report)["dict.__getitem__"]
    assert errors["raised"] >= 1500 or "dict.__getitem__" in UNTOLD[python.minor]


def test_a_profile_function_keeps_3_11_from_specialising():
    (old,) = [python for python in harness.pythons() if python.minor == (3, 11)][:1]
    done = run_ulma(old, TARGET, options=["-e", "operators,c-calls"])
    check(report_of(done), json.loads(done.out), set())


# Its loops over these have no iterator, whatever the interpreter is asked for.
UNTOLD_OF_EVERY = {
    (3, 15): {
        "list.__iter__",
        "list.__next__",
        "tuple.__iter__",
        "tuple.__next__",
        "str.__iter__",
        "str.__next__",
    }
}
NEW = [python for python in harness.pythons() if python.minor >= (3, 12)]


def check_every(new, report, counts):
    untold = UNTOLD_OF_EVERY.get(new.minor, set())
    for function, name, number in counts:
        if name not in untold:
            assert uses_in(report, name, function) == number, (function, name)
    return untold


@pytest.mark.parametrize("new", NEW, ids=str)
def test_every_operator_of_named_functions(new):
    done = run_ulma(new, TARGET, options=["-e", "every-operator", "--only", "__main__"])
    report = report_of(done)
    untold = check_every(new, report, json.loads(done.out))
    sites = [row for row in report["functions"] if row["name"].startswith("<slot wrapper")]
    partial = {
        row["name"] for row in sites if row["file"] == str(TARGET) and not row["calls_exact"]
    }
    assert {tuple(name.split("'")[1:4:2])[::-1] for name in partial} <= {
        tuple(name.split(".")) for name in untold
    }
    assert "outside of the functions that --only names" in source_of(report)["reason"]


@pytest.mark.newest_python
def test_compiled_traces_tell_as_much(python):
    """With the JIT of 3.14 and newer; by Debian's, whose Pythons have it."""
    env = harness.environment(PYTHON_JIT="1")
    ask = "import sys; print(sys._jit.is_enabled())"
    assert harness.run([python.path, "-c", ask], env=env).out == b"True\n"
    done = run_ulma(python, TARGET, options=["-e", "operators"], env=env)
    check(report_of(done), json.loads(done.out), UNTOLD[python.minor])
    words = ["-e", "every-operator", "--only", "__main__"]
    done = run_ulma(python, TARGET, options=words, env=env)
    check_every(python, report_of(done), json.loads(done.out))


@pytest.mark.newest_python
def test_every_operator_needs_names(python):
    done = run_ulma(python, TARGET, options=["-e", "every-operator", "--only", "dict.*"])
    assert done.status == 125 and b"needs functions to be named" in done.err


def test_every_operator_is_refused_on_3_11():
    (old,) = [python for python in harness.pythons() if python.minor == (3, 11)][:1]
    done = run_ulma(old, TARGET, options=["-e", "every-operator", "--only", "__main__"])
    assert done.status == 125 and b"c-calls,operators tells every operator" in done.err


@pytest.mark.some_pythons
def test_patterns_choose(python):
    only = ["--only", "dict.__getitem__", "--only", "set.*", "--skip", "set.__iter__"]
    report = report_of(run_ulma(python, TARGET, options=["-e", "operators", *only]))
    assert set(operators_of(report)) == {
        "dict.__getitem__",
        "set.__contains__",
        "set.__next__",
    }
    assert untold_of(report) == UNTOLD[python.minor] & set(operators_of(report))
    # They limit no function.
    assert harness.function_named(report, "of_list", TARGET)["calls"] == 1


@pytest.mark.some_pythons
def test_what_an_operator_runs_is_beneath_it(python):
    """A key's __eq__ is called by the subscript; the subscript by the function."""
    report = report_of(run_ulma(python, TARGET, options=["-e", "operators"]))
    names = {row["id"]: row["name"] for row in report["functions"]}
    edges = {(names.get(row["caller"]), names[row["callee"]]) for row in report["callers"]}
    subscript = "<slot wrapper '__getitem__' of 'dict' objects>"
    assert ("of_errors", subscript) in edges
    assert (subscript, "__eq__") in edges or "dict.__getitem__" in UNTOLD[python.minor]


@pytest.mark.newest_python
def test_the_view_says_what_is_not_told(python, session_dir):
    words = [ULMA, "run", "--python", python.path, "-e", "operators", "-n", "0", TARGET]
    done = run(words, env=environment(session_dir))
    assert done.status == 0, done.told()
    lines = done.err.decode().splitlines()
    title = next(line for line in lines if line.startswith("Operators"))
    assert title.startswith("Operators, not all: ")
    assert all(name in title for name in UNTOLD[python.minor])
    rows = [line for line in lines if " of_list (" in line and "list[k] = v" in line]
    assert rows and all("~" in row for row in rows)


@pytest.mark.some_pythons
def test_a_recording_keeps_them(python, session_dir, tmp_path):
    file = tmp_path / "a.ulma"
    words = [ULMA, "record", "-q", "-e", "operators", "-o", file, "--python", python.path, TARGET]
    done = run(words, env=environment(session_dir))
    assert done.status == 0, done.told()
    report = json.loads(run([ULMA, "report", "-f", "json", file]).out)
    check(report, json.loads(done.out), UNTOLD[python.minor])


@pytest.mark.newest_python
def test_methods_and_operators_together(python):
    """Both stand in one list, and both replace what is called for a new class."""
    done = run_ulma(python, TARGET, options=["-e", "methods,operators,c-calls,objects"])
    report = report_of(done)
    check(report, json.loads(done.out), UNTOLD[python.minor])
    assert any(row["type"] == "dict" for row in report["methods"])


# --- switching ------------------------------------------------------------------------------------

LOAD = TARGETS / "operator_load.py"
TORTURE = os.environ.get("ULMA_TORTURE") == "1"


def test_off_every_slot_is_as_it_was(python, session_dir, tmp_path):
    with followed(python, session_dir, tmp_path, program=LOAD) as program:
        before = json.loads(program.ask("slots"))
        program.set("events+=operators,methods")
        during = json.loads(program.ask("slots"))
        program.set("only=dict.__getitem__")
        chosen = json.loads(program.ask("slots"))
        program.set("events=calls")
        after = json.loads(program.ask("slots"))
        report = program.end()
    assert before != during and before != chosen and during != chosen
    assert before == after
    assert report["operators"]


ALONE = """
import dis, sys

def named(table):
    return table["a"]

def loop(table):
    found = 0
    while True:
        table["a"]
        found += 1
        if found % 100000 == 0 and not wanted(sys._getframe().f_code):
            return print("let go")
        if found == 3000000:
            return print("kept")

def wanted(code):
    return any(one.opname.startswith("INSTRUMENTED_INSTRUCTION")
               for one in dis.get_instructions(code, adaptive=True))

named({"a": 1})
wanted(named.__code__)
wanted(loop.__code__)
loop({"a": 1})
"""


@pytest.mark.parametrize("new", NEW, ids=str)
def test_a_loop_that_is_not_named_is_let_go(new, tmp_path):
    """It meets no other function and no other line: what it runs is asked for by its operators."""
    script = tmp_path / "alone.py"
    script.write_text(ALONE)
    done = run_ulma(new, script, options=["-e", "every-operator", "--only", "__main__:named"])
    assert done.out == b"let go\n"


@pytest.mark.parametrize("first, then", [("methods", "operators"), ("operators", "methods")])
@pytest.mark.parametrize("last", ["methods", "operators"])
@pytest.mark.newest_python
def test_one_over_the_other_both_go(python, session_dir, tmp_path, first, then, last):
    """object.__init_subclass__ is hooked by both: by operators for classes to come."""
    with followed(python, session_dir, tmp_path, program=LOAD) as program:
        before = json.loads(program.ask("slots"))
        for sources in (first, f"{first},{then}", last, f"{first},{then}", "calls"):
            program.set(f"events=calls,{sources}")
            program.ask("slots")
        assert json.loads(program.ask("slots")) == before
        program.set("events=calls,operators", "only=dict.__getitem__")
        program.ask("slots")
        report = program.end()
    assert operators_of(report)["dict.__getitem__"]["calls"] > 0


@pytest.mark.some_pythons
def test_every_source_is_switched_at_random_under_load(python, session_dir, tmp_path):
    """All that hooks the interpreter, one over the other, and off again."""
    chance = random.Random(python.version)
    sources = ["c-calls", "methods", "operators", "gc", "memory", "io", "waits"]
    sources += ["lines", "every-operator"] if python.minor >= (3, 12) else []
    sources += ["objects"] if python.minor >= (3, 14) else []
    with followed(python, session_dir, tmp_path, "--on-full", "wait", program=LOAD) as program:
        before = json.loads(program.ask("slots"))
        assert program.ask("begin") == "begun"
        for _ in range(100 if TORTURE else 10):
            chosen = chance.sample(sources, chance.randint(0, 4))
            only = chance.choice(["__main__:once", "__main__:once,type:Late", "__main__,list.*"])
            program.set(f"events={','.join(['calls', *chosen])}", f"only={only}")
        program.set("events=calls", "only=")
        assert program.ask("over") == "[] True"
        assert json.loads(program.ask("slots")) == before
        program.end()


@pytest.mark.some_pythons
def test_random_switches_under_load(python, session_dir, tmp_path):
    """Threads, subclasses, classes that are made and changed meanwhile, deep structures that are
    freed: nothing of it shows in what the program computes."""
    chance = random.Random(python.version)
    patterns = ["dict.*", "dict.__getitem__", "list.*", "set.*", "tuple.__getitem__", "str.*"]
    with followed(python, session_dir, tmp_path, program=LOAD) as program:
        before = json.loads(program.ask("slots"))
        assert program.ask("begin") == "begun"
        for _ in range(100 if TORTURE else 20):
            sources = chance.choice(["calls", "calls,operators", "calls,operators,methods"])
            named = chance.sample(patterns, chance.randint(0, 3))
            if python.minor >= (3, 12) and chance.random() < 0.4:
                sources, named = "calls,every-operator", [*named, "__main__"]
            only = ",".join(named)
            program.set(f"events={sources}", f"only={only}")
        program.set("events=calls,operators", "only=")
        program.set("events=calls")
        assert program.ask("over") == "[] True"
        assert json.loads(program.ask("slots")) == before
        report = program.end()
    assert report["events"]["lost"] == 0
    for row in report["operators"]:
        assert row["total_ns"] >= 0, row
