# SPDX-License-Identifier: MIT
"""--only and --skip: what is kept counts as ever, what is left out is not seen.

The truth of a run with patterns is the same program without them.
"""

import collections
import subprocess

import pytest
from harness import (
    TARGETS,
    counts_of,
    environment,
    function_named,
    report_of,
    run,
    run_ulma,
    ulma_words,
)

pytestmark = pytest.mark.some_pythons

PROGRAM = TARGETS / "left_out.py"
# Sets of strings are walked in the same order in all runs.
ENVIRONMENT = environment(PYTHONHASHSEED="0")
SKIP = ("--skip", "__main__:left_*")


def profiled(python, *words, options=(), **more):
    return report_of(run_ulma(python, *words, options=options, env=ENVIRONMENT, **more))


def own(report, path):
    """The rows of one file's functions."""
    return [row for row in report["functions"] if row["file"] == str(path)]


def counts(rows):
    """Line and name -> all that is counted of a function."""
    found = collections.Counter()
    for row in rows:
        for what in ("calls", "resumes", "yields", "raised", "primitive_calls"):
            found[row["line"], row["name"], what] += row[what]
    return found


def events_of(report):
    """What a run without patterns writes at least."""
    return 2 * sum(row["calls"] + row["resumes"] for row in report["functions"])


# --- kept is counted, left out is not seen --------------------------------------------------------

# Nearly all of ROUNDS run after the collector has met every function.
ROUNDS = 600


@pytest.mark.parametrize("sources", ["calls", "all"])
def test_kept_functions_count_as_without_patterns(python, sources):
    every = profiled(python, PROGRAM, ROUNDS, options=["-e", sources])
    kept = profiled(python, PROGRAM, ROUNDS, options=["-e", sources, *SKIP])
    assert [row["name"] for row in own(kept, PROGRAM) if row["name"].startswith("left_")] == []
    wanted = [row for row in own(every, PROGRAM) if not row["name"].startswith("left_")]
    assert any(row["name"].startswith("left_") for row in own(every, PROGRAM))
    assert counts(own(kept, PROGRAM)) == counts(wanted)
    # C functions are kept, whoever calls them.
    c_every = counts_of({"functions": [row for row in every["functions"] if row["kind"] == "c"]})
    c_kept = counts_of({"functions": [row for row in kept["functions"] if row["kind"] == "c"]})
    assert c_kept == c_every and bool(c_kept) == (sources == "all")
    # It is the probe that leaves them out: what is written is less than what was called.
    left = [row for row in own(every, PROGRAM) if row["name"].startswith("left_")]
    spared = 2 * sum(row["calls"] + row["resumes"] for row in left)
    assert kept["events"]["read"] < every["events"]["read"] - spared / 2
    assert kept["sites"]["left_out"] == len(left)


def test_no_return_is_in_doubt(python, tmp_path, session_dir):
    """A return that was not heard is no riddle, nor is one whose call is left out."""
    out = tmp_path / "report.txt"
    words = ulma_words(python, ["-q", "-o", out, *SKIP], [PROGRAM, ROUNDS])
    done = run(words, env=environment(session_dir, PYTHONHASHSEED="0"))
    assert done.status == 0, done.told()
    text = out.read_text()
    assert "sites: --skip __main__:left_*   left out: 13 functions" in text
    assert "exact: yes" in text
    assert "seen:" not in text, text


def test_callers_are_the_nearest_that_are_kept(python):
    report = profiled(python, PROGRAM, ROUNDS, options=SKIP)
    names = {row["id"]: row["name"] for row in report["functions"]}
    mine = {row["id"] for row in own(report, PROGRAM)}
    callers = collections.defaultdict(set)
    for edge in report["callers"]:
        if edge["callee"] in mine and (edge["caller"] is None or edge["caller"] in mine):
            callers[names[edge["callee"]]].add(names.get(edge["caller"]))
    assert callers["kept_raises"] == {"kept_catches", "kept_round"}
    assert callers["kept_even"] == {"kept_round", "kept_even"}
    assert callers["kept_round"] == {"main", "run"} or callers["kept_round"] == {"main"}
    assert callers["kept_generator"] >= {"kept_round"}
    even = function_named(report, "kept_even", PROGRAM)
    assert even["primitive_calls"] == 2 * ROUNDS  # those within itself are none


NAMES = ("generators", "async_gather", "async_generators", "exceptions", "recursion", "mutual")
MORE = ("contexts", "decorators", "schedulers", "yield_from", "finalisers", "classes")


@pytest.mark.parametrize("target", NAMES + MORE)
def test_every_third_function_left_out(python, target):
    """Whatever a program does: with some of its functions out, the others count the same."""
    path = TARGETS / f"{target}.py"
    every = profiled(python, path, "/dev/null")
    kept = profiled(python, path, "/dev/null", options=["--skip", "__main__:*a*"])

    def is_left_out(row):
        return row["module"] == "__main__" and "a" in row["qualname"].split(".")[0]

    assert any(is_left_out(row) for row in every["functions"])
    assert not any(is_left_out(row) for row in kept["functions"])
    wanted = [row for row in own(every, path) if not is_left_out(row)]
    assert counts(own(kept, path)) == counts(wanted)


# --- time ---------------------------------------------------------------------------------------

SPINS = """
def left_spin():
    total = 0
    for i in range(300):
        total += i * i
    return total

def kept_caller():
    for _ in range(20):
        left_spin()

def kept_leaf():
    return 1

for _ in range(400):
    kept_caller()
    kept_leaf()
"""


def test_time_goes_to_the_nearest_caller(python, tmp_path):
    script = tmp_path / "spins.py"
    script.write_text(SPINS)

    def shares(report):
        rows = own(report, script)
        whole = sum(row["self_ns"] for row in rows)
        assert function_named(report, "<module>", script)["total_ns"] == pytest.approx(
            whole, rel=0.02
        )
        return {row["name"]: row["self_ns"] / whole for row in rows}

    every = shares(profiled(python, script))
    report = profiled(python, script, options=SKIP)
    kept = shares(report)
    assert every["left_spin"] > 0.5 > every["kept_caller"]
    assert kept["kept_caller"] == pytest.approx(every["left_spin"] + every["kept_caller"], abs=0.15)
    marks = {row["name"]: row["holds_left_out"] for row in own(report, script)}
    assert marks == {"<module>": False, "kept_caller": True, "kept_leaf": False}


def test_the_mark_in_the_table(python, tmp_path, session_dir):
    script, out = tmp_path / "spins.py", tmp_path / "report.txt"
    script.write_text(SPINS)
    words = ulma_words(python, ["-q", "-o", out, *SKIP], [script])
    done = run(words, env=environment(session_dir))
    assert done.status == 0, done.told()
    rows = {line.split("(")[-1].rstrip(")"): line.split() for line in out.read_text().splitlines()}
    assert rows["kept_caller"][1].startswith("+")
    assert not rows["kept_leaf"][1].startswith("+")


# --- the forms of a pattern -----------------------------------------------------------------------

PACKAGE = {
    "shop/__init__.py": "",
    "shop/orders.py": (
        "from shop.prices import price\n"
        "class Order:\n"
        "    def add(self, x):\n"
        "        return price(x)\n"
        "    def total(self):\n"
        "        return sum(map(self.add, range(5)))\n"
        "def total():\n"
        "    return Order().total()\n"
    ),
    "shop/prices.py": "import helpers\ndef price(x):\n    return helpers.double(x)\n",
    "shopping.py": "def unlike():\n    pass\n",
    "helpers.py": "def double(x):\n    return 2 * x\n",
    "run.py": "import shopping\nfrom shop.orders import total\nshopping.unlike()\ntotal()\n",
    "shop/__main__.py": "from shop.orders import total\ndef begin():\n    total()\nbegin()\n",
}


@pytest.fixture
def package(tmp_path):
    for name, text in PACKAGE.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def names_in(package, report):
    return {
        row["name"]
        for row in report["functions"]
        if (row["file"] or "").startswith(str(package)) and row["name"] != "<module>"
    }


FORMS = [
    (["--only", "shop"], {"Order", "add", "total", "price"}),
    (["--only", "shop.orders"], {"Order", "add", "total"}),
    (["--only", "shop", "--skip", "shop.prices"], {"Order", "add", "total"}),
    (["--only", "shop.prices", "--only", "helpers"], {"price", "double"}),
    (["--only", "shop.prices:price"], {"price"}),
    (["--only", "shop/**"], {"Order", "add", "total", "price"}),
    (["--only", "*.py"], {"double", "unlike"}),
    (["--only", "./shop/prices.py"], {"price"}),
    (["--only", "**/shop/o*.py"], {"Order", "add", "total"}),
    (["--only=shop", "--skip=shop"], set()),
    (["--skip", "shop", "--skip", "shopping"], {"double"}),
]


def told(words):
    """A set has another order in every process, and those that share the tests agree on names."""
    return " ".join(sorted(words) if isinstance(words, set) else words)


@pytest.mark.parametrize("options, names", FORMS, ids=told)
def test_forms(python, package, options, names):
    report = profiled(python, package / "run.py", options=options, cwd=package)
    assert names_in(package, report) == names
    for row in report["functions"]:
        assert (row["kind"] == "python" and str(package) in row["file"]) or "--only" not in options


def test_a_method_by_its_class(python, package):
    options = ["--skip", "shop.orders:Order.total"]
    report = profiled(python, package / "run.py", options=options, cwd=package)
    names = {row["qualname"] for row in report["functions"] if row["module"] == "shop.orders"}
    if python.minor >= (3, 11):
        assert {"total", "Order.add"} <= names and "Order.total" not in names
    else:  # there a code object knows its name alone: the function of that name goes too
        assert "add" in names and "total" not in names


def test_a_module_that_runs_as_main(python, package):
    report = profiled(python, "-m", "shop", options=["--only", "shop"], cwd=package)
    assert names_in(package, report) == {"begin", "Order", "add", "total", "price"}
    report = profiled(python, "-m", "shop", options=["--only", "shop.orders"], cwd=package)
    assert names_in(package, report) == {"Order", "add", "total"}


STDLIB_CODE = "import sysconfig; print(sysconfig.get_path('stdlib'))"


def test_the_standard_library(python, tmp_path):
    path = TARGETS / "stdlib_work.py"
    folder = subprocess.run(
        [python.path, "-c", STDLIB_CODE], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()

    def in_stdlib(row):
        file = row["file"] or ""
        return file.startswith("<frozen ") or (
            file.startswith(folder + "/") and "-packages/" not in file
        )

    profiled(python, path, "/dev/null")  # what is compiled at a first import is another matter
    every = profiled(python, path, "/dev/null")
    kept = profiled(python, path, "/dev/null", options=["--skip", "@stdlib"])
    assert sum(map(in_stdlib, every["functions"])) > 50
    assert not any(map(in_stdlib, kept["functions"]))
    assert counts(own(kept, path)) == counts(own(every, path))
    only = profiled(python, path, "/dev/null", options=["--only", "@stdlib"])
    assert own(only, path) == []
    assert all(map(in_stdlib, only["functions"])) and len(only["functions"]) > 50
    frozen = profiled(python, path, "/dev/null", options=["--only", "@frozen"])
    assert frozen["functions"]
    assert all(row["file"].startswith("<frozen ") for row in frozen["functions"])


def test_site_packages(python, tmp_path):
    site = tmp_path / "lib" / "site-packages"
    site.mkdir(parents=True)
    (site / "vendored.py").write_text("def of_site():\n    return mine()\n")
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(site)!r})\n"
        "import vendored\n"
        "def mine():\n    pass\n"
        "vendored.mine = mine\n"
        "for _ in range(10):\n    vendored.of_site()\n"
    )
    report = profiled(python, script, options=["--skip", "@site"])
    assert function_named(report, "mine", script)["calls"] == 10
    assert "of_site" not in {row["name"] for row in report["functions"]}


# --- while it runs --------------------------------------------------------------------------------

LOOP = TARGETS / "long_loop.py"


@pytest.mark.parametrize("when", [["--delay", "0.3"], ["--duration", "0.3"], ["--delay", "0"]])
def test_switched_while_left_out_functions_are_open(python, tmp_path, when):
    """Stacks that are told at a switch hold functions that are left out, and are right without."""
    options = [*when, "--skip", "__main__:middle", "--skip", "__main__:steps"]
    report = profiled(python, LOOP, tmp_path / "own.json", options=options)
    names = {row["id"]: row["name"] for row in report["functions"]}
    edges = collections.Counter()
    for edge in report["callers"]:
        edges[names.get(edge["caller"]), names[edge["callee"]]] += edge["calls"]
    for caller, callee in (("outer", "inner"), ("consumer", "in_thread")):
        row = function_named(report, callee, LOOP)
        assert row["calls"] > 0
        callers = {key: calls for key, calls in edges.items() if key[1] == callee}
        assert callers == {(caller, callee): row["calls"]}
        assert function_named(report, caller, LOOP)["holds_left_out"]
    assert not {"middle", "steps"} & set(names.values())


LONG = """
import threading, time

def kept_outer():
    left_long()

def left_long():
    end = time.monotonic() + 0.9
    steps = kept_steps()
    while time.monotonic() < end:
        next(steps)
        kept_other()

def kept_steps():
    while True:
        for _ in range(300):
            kept_inner()
        yield

def kept_inner():
    pass

def kept_other():
    pass

thread = threading.Thread(target=kept_outer)
thread.start()
kept_outer()
thread.join()
"""


@pytest.mark.parametrize("when", [["--delay", "0.3"], ["--duration", "0.3"]])
def test_left_out_functions_that_are_open_for_long(python, tmp_path, when):
    """At the switch a left-out function is open in both threads, and a kept one that it called.

    Before 3.12 the end of that one is not heard, but noticed at the next frame."""
    script = tmp_path / "long.py"
    script.write_text(LONG)
    report = profiled(python, script, options=[*when, *SKIP])
    names = {row["id"]: row["name"] for row in report["functions"]}
    edges = {(names.get(edge["caller"]), names[edge["callee"]]) for edge in report["callers"]}
    mine = {edge for edge in edges if edge[1].startswith(("kept_", "left_"))}
    mine = {edge for edge in mine if edge[1] != "kept_outer"}
    assert mine == {
        ("kept_outer", "kept_steps"),
        ("kept_steps", "kept_inner"),
        ("kept_outer", "kept_other"),
    }


CODE_THAT_ENDS = """
import types

def left():
    return kept_leaf()

def kept():
    return 1

def kept_leaf():
    return 1

space = {"__name__": "made", "kept_leaf": kept_leaf}
for i in range(10000):
    for function in (left, kept, kept) if i % 2 else (left, kept):
        code = function.__code__.replace(co_filename="made.py")
        types.FunctionType(code, space)()
"""


def test_ids_that_are_used_again(python, tmp_path):
    """The id of a function left out is given to a kept one once its code object has ended."""
    script = tmp_path / "ends.py"
    script.write_text(CODE_THAT_ENDS)
    report = profiled(python, script, options=["--skip", "made:left"])
    assert function_named(report, "kept_leaf", script)["calls"] == 10000
    assert function_named(report, "kept", "made.py")["calls"] == 15000
    assert not any(row["name"] == "left" for row in report["functions"])
    assert report["sites"]["left_out"] == 1


TELLS = """
import dis, time

def left_leaf(x):
    return x

def kept_caller(x):
    return left_leaf(x)

def left_steps(n):
    for i in range(n):
        yield i

def instrumented(function):
    code = dis.get_instructions(function, adaptive=True)
    return [i.opname for i in code if i.opname.startswith("INSTRUMENTED_")]

end = time.monotonic() + 20
while True:
    for i in range(1000):
        kept_caller(i)
        list(left_steps(2))
    if not instrumented(left_leaf) + instrumented(left_steps) or time.monotonic() > end:
        break
print(instrumented(left_leaf), instrumented(left_steps), bool(instrumented(kept_caller)))
"""


def test_the_interpreter_no_longer_tells_of_them(python, tmp_path):
    """From 3.12 on nothing is left in the code of a function that has fallen silent."""
    if python.minor < (3, 12):
        pytest.skip("before 3.12 the interpreter tells of all functions or of none")
    script = tmp_path / "tells.py"
    script.write_text(TELLS)
    done = run_ulma(python, script, options=SKIP, env=ENVIRONMENT)
    report_of(done)
    assert done.out == b"[] [] True\n", done.told()


# --- what is said --------------------------------------------------------------------------------


def test_json_says_what_was_in_force(python):
    options = ["--only", "__main__", "--only", "nowhere", *SKIP, "--skip", "never/**"]
    report = profiled(python, PROGRAM, 10, options=options)
    sites = report["sites"]
    assert sites["only"] == ["__main__", "nowhere"]
    assert sites["skip"] == ["__main__:left_*", "never/**"]
    assert sites["only_unmatched"] == ["nowhere"]
    assert sites["skip_unmatched"] == ["never/**"]
    assert sites["left_out"] > 13
    assert "sites" not in profiled(python, PROGRAM, 10)


def test_patterns_that_matched_nothing_are_said(python, session_dir, tmp_path):
    out = tmp_path / "report.txt"
    options = ["-o", out, "--only", "__main__", "--skip", "nowhere", "--skip", "never/**"]
    done = run(ulma_words(python, options, [PROGRAM, 10]), env=environment(session_dir))
    assert done.status == 0, done.told()
    assert b"ulma: --skip nowhere --skip never/** matched no function that ran\n" in done.err
    options = ["-o", out, "--force", "--only", "__main__"]
    done = run(ulma_words(python, options, [PROGRAM, 10]), env=environment(session_dir))
    assert b"matched no function" not in done.err, done.told()


def test_top_says_what_is_left_out(python, session_dir):
    words = ["top", "-b", "-n", "5", "--python", python.path, *SKIP, PROGRAM, "600"]
    done = run([ulma_words(None, [], [])[0], *words], env=environment(session_dir))
    assert done.status == 0, done.told()
    assert "13 left out by --skip" in done.out.decode(), done.told()
