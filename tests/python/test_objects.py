# SPDX-License-Identifier: MIT
"""The source `objects`: births and deaths by type, and by the function and line that made them."""

import json
import os
import random
import re

import harness
import pytest
from followed_program import followed
from harness import report_of, run_ulma

TARGET = harness.TARGETS / "objects_made.py"
KNOWS = [python for python in harness.pythons() if python.minor >= (3, 14)]


@pytest.fixture(params=KNOWS, ids=lambda python: python.version)
def telling(request):
    """A CPython that tells births and deaths."""
    return request.param


def expected():
    """(type, line) -> per round, whether they are kept: as the target's own lines say."""
    made = {}
    for number, line in enumerate(TARGET.read_text().splitlines(), 1):
        for text in re.findall(r"# made: ((?:\S+ \d+ ?)+(?:kept)?)", line):
            words = text.split()
            if "per" in words:
                continue
            keeps = words[-1] == "kept"
            for kind, count in zip(words[::2], words[1::2]):
                made[kind, number] = (int(count), keeps)
    return made


def rows_of(report, file):
    return {
        (row["type"], row["line"]): row for row in report["objects"] if row["file"] == str(file)
    }


def check_target(report):
    rounds, rows = 700, rows_of(report, TARGET)
    made = expected()
    assert len(made) > 20
    for (kind, line), (count, keeps) in made.items():
        row = rows[kind, line]
        assert row["births"] == count * rounds, row
        assert row["live"] == row["births"] - row["deaths"], row
        if keeps:
            assert row["deaths"] == 0 and row["median_life_ns"] is None, row
            assert row["live_bytes"] == row["bytes"] > 0, row
        else:
            assert row["live"] == 0 and row["live_bytes"] == 0, row
            assert row["median_life_ns"] >= 0, row
    (grown,) = [
        row for row in rows.values() if (row["function"], row["type"]) == ("resized", "str")
    ]
    assert (grown["births"], grown["live"]) == (1, 1), grown


def test_counts_are_those_of_the_program(telling):
    report = report_of(run_ulma(telling, TARGET, options=["-e", "objects"]))
    check_target(report)
    (source,) = [row for row in report["sources"] if row["name"] == "objects"]
    assert source["complete"] is True and source["reason"] is None


def test_sizes_are_those_of_getsizeof(telling, tmp_path):
    script = tmp_path / "sizes.py"
    script.write_text(
        "import sys\n"
        "class C:\n"
        "    pass\n"
        "class D(dict):\n"
        "    pass\n"
        "kept = []\n"
        "n = 7\n"
        "kept.append([n, n, n])\n"
        "kept.append({'a': n})\n"
        "kept.append((n, n))\n"
        "kept.append(f'{n}é')\n"
        "kept.append(n ** 50)\n"
        "kept.append(C())\n"
        "kept.append({n, 'a', 'b', 'c', 'd', 'e', 'f'})\n"
        "kept.append(bytes(999))\n"
        "kept.append(D())\n"
        "kept.append([0] * 3000)\n"
        "kept.append(set('abcdefghijklmnopqrstuvwxyz'))\n"
        "kept.append(list('abcdefghijkl'))\n"
        "kept.append(list(map(str, range(300, 340))))\n"
        "print([(type(one).__name__, sys.getsizeof(one)) for one in kept])\n"
    )
    done = run_ulma(telling, script, options=["-e", "objects"])
    rows = rows_of(report_of(done), script)
    sizes = eval(done.out)
    for line, (kind, size) in enumerate(sizes, 8):
        name = kind if kind not in ("C", "D") else f"__main__.{kind}"
        assert rows[name, line]["live_bytes"] == size, (kind, line, rows[name, line], size)


def test_types_that_die_do_not_lend_their_names(telling, tmp_path):
    """A class is made, used and dropped; the next one may lie where it lay."""
    script = tmp_path / "types.py"
    script.write_text(
        "import gc\n"
        "def use(number):\n"
        "    cls = type(f'T{number}', (), {})\n"
        "    for _ in range(number + 1):\n"
        "        cls()\n"
        "for number in range(60):\n"
        "    use(number)\n"
        "    gc.collect()\n"
    )
    report = report_of(run_ulma(telling, script, options=["-e", "objects"]))
    found = {row["type"]: row["births"] for row in report["objects"] if row["line"] == 5}
    assert {f"__main__.T{number}": number + 1 for number in range(60)} == {
        kind: births for kind, births in found.items() if kind.startswith("__main__.T")
    }


def test_code_that_dies_does_not_lend_its_lines(telling, tmp_path):
    script = tmp_path / "codes.py"
    script.write_text(
        "for number in range(80):\n"
        "    text = '\\n' * number + 'for _ in range(5): {}'\n"
        "    exec(compile(text, f'made{number}.py', 'exec'), {})\n"
    )
    report = report_of(run_ulma(telling, script, options=["-e", "objects"]))
    found = {
        (row["file"], row["line"]): row["births"]
        for row in report["objects"]
        if row["type"] == "dict" and row["file"] and row["file"].startswith("made")
    }
    assert found == {(f"made{number}.py", number + 1): 5 for number in range(80)}


def test_containers_nested_a_million_deep_are_told_or_marked(telling, tmp_path):
    script = tmp_path / "deep.py"
    script.write_text(
        "def build(depth):\n"
        "    box = []\n"
        "    for _ in range(depth):\n"
        "        box = [box]\n"
        "    return box\n"
        "build(1_000_000)\n"
        "print('fine')\n"
    )
    done = run_ulma(telling, script, options=["-e", "objects"])
    report = report_of(done)
    assert done.out == b"fine\n"
    row = rows_of(report, script)["list", 4]
    assert row["births"] == 1_000_000
    (source,) = [row for row in report["sources"] if row["name"] == "objects"]
    assert not source["complete"] and "gh-156371" in source["reason"]


def test_compiled_traces_tell_what_and_of_whom(telling, tmp_path):
    """A trace does not say at each instruction where it is: the line is one of the loop's."""
    script = tmp_path / "traced.py"
    script.write_text(
        "class Made:\n"
        "    pass\n"
        "def make(number):\n"
        "    for _ in range(number):\n"
        "        Made()\n"
        "        [1, Made()]\n"
        "make(300_000)\n"
    )
    env = harness.environment(PYTHON_JIT="1")
    report = report_of(run_ulma(telling, script, options=["-e", "objects"], env=env))
    rows = [row for row in report["objects"] if row["function"] == "make"]
    for kind, number in (("__main__.Made", 600_000), ("list", 300_000)):
        births = {row["line"]: row["births"] for row in rows if row["type"] == kind}
        assert sum(births.values()) >= number and set(births) <= {3, 4, 5, 6}, births
        # Those that the garbage collector makes meanwhile are few.
        assert sum(births.values()) <= number + 100


def test_tracemalloc_that_is_on_is_named(telling, tmp_path):
    script = tmp_path / "plain.py"
    script.write_text("print('ran')\n")
    words = [harness.ULMA, "run", "-e", "objects", "--", telling.path, "-X", "tracemalloc", script]
    with harness.private_session_dir() as directory:
        done = harness.run(words, env=harness.environment(directory))
    assert done.out == b"ran\n", done.told()
    assert b"tracemalloc holds the interpreter's one tracer" in done.err, done.told()


def test_tracemalloc_that_comes_later_is_told(telling, tmp_path):
    script = tmp_path / "later.py"
    script.write_text(
        "import tracemalloc\n"
        "kept = [{} for _ in range(50)]\n"
        "tracemalloc.start()\n"
        "more = [{} for _ in range(50)]\n"
        "print(tracemalloc.get_traced_memory()[0] > 0)\n"
        "tracemalloc.stop()\n"
        "exec('1')\n"
    )
    done = run_ulma(telling, script, options=["-e", "objects"])
    report = report_of(done)
    assert done.out == b"True\n"
    assert rows_of(report, script)["dict", 2]["births"] == 50
    (source,) = [row for row in report["sources"] if row["name"] == "objects"]
    assert not source["complete"] and "tracemalloc" in source["reason"]
    table = tmp_path / "table.txt"
    words = [harness.ULMA, "run", "-e", "objects", "-o", table, "--", telling.path, script]
    with harness.private_session_dir() as directory:
        assert harness.run(words, env=harness.environment(directory)).status == 0
    title = re.search("\nObjects, not all: .*", table.read_text())
    assert title and source["reason"] in title.group()


def test_a_recording_keeps_them(telling, tmp_path):
    file = tmp_path / "a.ulma"
    words = [harness.ULMA, "record", "-q", "-e", "objects", "-o", file, "--python", telling.path]
    with harness.private_session_dir() as directory:
        env = harness.environment(directory)
        done = harness.run([*words, TARGET], env=env)
        assert done.status == 0, done.told()
        report = json.loads(harness.run([harness.ULMA, "report", "-f", "json", file]).out)
        text = harness.run([harness.ULMA, "report", file]).out.decode()
    check_target(report)
    assert "\nObjects: " in text and "made by" in text and "objects_made.py" in text


def test_older_pythons_refuse_it(python, tmp_path):
    if python in KNOWS:
        return
    script = tmp_path / "plain.py"
    script.write_text("print('ran')\n")
    done = run_ulma(python, script, options=["-e", "objects"])
    assert done.out == b"ran\n"
    assert b"does not tell when objects are made and freed" in done.err, done.told()


def test_without_the_source_the_list_is_absent(telling):
    assert "objects" not in report_of(run_ulma(telling, TARGET))


# --- switched while the program runs --------------------------------------------------------------

ROUNDS = 100 if os.environ.get("ULMA_TORTURE") == "1" else 12


def test_switched_at_random_under_load(telling, session_dir, tmp_path):
    """Threads, derived types, lists nested deep being freed: no crash, and then exact counts."""
    choose = random.Random(telling.version)
    program = harness.TARGETS / "objects_load.py"
    with followed(telling, session_dir, tmp_path, "--on-full", "wait", program=program) as load:
        for number in range(ROUNDS):
            load.set(f"events={choose.choice(['calls', 'objects', 'objects', 'objects,gc'])}")
            if number == ROUNDS // 2:
                assert load.ask("million") == "done"
        load.set("events=calls")
        load.set("events=objects")
        assert load.ask("known") == "done"
        load.process.stdin.write("end\n")
        report = load.end()
    assert report["events"]["lost"] == 0
    found = [row for row in report["objects"] if row["type"] == "__main__.Known"]
    assert sorted((row["births"], row["deaths"], row["live"]) for row in found) == [
        (500, 500, 0),
        (1000, 0, 1000),
    ]


CHOOSING = """
import sys

class Kept:
    pass

class Other:
    pass

def make(count):
    return [(Kept(), Other(), {"a": number}) for number in range(count)]

def make_elsewhere(count):
    return [Kept() for _ in range(count)]

made = []

def serve():
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "end":
            break
        made.append((make(1000), make_elsewhere(500)))
        if line.strip() == "free":
            made.clear()
        print("done", flush=True)

serve()
"""


def counts(report, name):
    return sorted(
        (row["function"] or "", row["births"], row["deaths"], row["live"])
        for row in report["objects"]
        if row["type"] == name
    )


def choosing(telling, session_dir, tmp_path, *options):
    script = tmp_path / "choosing.py"
    script.write_text(CHOOSING)
    return followed(telling, session_dir, tmp_path, *options, program=script)


def test_types_and_sites_are_chosen_by_pattern(telling, session_dir, tmp_path):
    """What no pattern wants is not there; what one wants is counted as without them."""
    words = ["--only", "type:Kept", "--only", "type:dict", "--skip", "__main__:make_elsewhere"]
    with choosing(telling, session_dir, tmp_path, "-e", "objects", *words) as program:
        for line in ("make", "free", "make"):
            assert program.ask(line) == "done"
        program.process.stdin.write("end\n")
        report = program.end()
    assert {row["type"] for row in report["objects"]} <= {"__main__.Kept", "dict"}
    assert counts(report, "__main__.Kept") == [("make", 3000, 2000, 1000)]
    assert ("make", 3000, 2000, 1000) in counts(report, "dict")


def test_types_are_chosen_anew_while_it_runs(telling, session_dir, tmp_path):
    with choosing(telling, session_dir, tmp_path, "-e", "objects") as program:
        assert program.ask("make") == "done"
        program.set("only=type:Other")
        assert program.ask("make") == "done"
        program.set("skip=__main__:make_elsewhere", "only=type:Kept")
        # Those of Kept that live were followed no more, so their deaths are of nobody's.
        assert program.ask("free") == "done"
        program.set("skip=", "only=")
        assert program.ask("make") == "done"
        program.process.stdin.write("end\n")
        report = program.end()
    assert ("make", 2000, 1000, 1000) in counts(report, "__main__.Kept")
    assert ("make_elsewhere", 1000, 500, 500) in counts(report, "__main__.Kept")
    assert ("", 0, 3000, 0) in counts(report, "__main__.Kept")
    # Of Other, what came while it was not told is not there.
    assert ("make", 1000, 0, 1000) in counts(report, "__main__.Other")


def test_what_was_born_before_has_no_line(telling, session_dir, tmp_path):
    script = tmp_path / "before.py"
    script.write_text(
        "import sys\n"
        "class Early:\n"
        "    pass\n"
        "kept = [Early() for _ in range(40)]\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "del kept[:30]\n"
        "print('done', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    with followed(telling, session_dir, tmp_path, program=script) as program:
        program.set("events=objects")
        assert program.ask("free") == "done"
        report = program.end()
    (row,) = [row for row in report["objects"] if row["type"] == "__main__.Early"]
    assert (row["births"], row["deaths"], row["live"]) == (0, 30, 0)
    assert row["function"] is None and row["file"] is None and row["line"] is None


def test_two_threads_make_and_free_each_others(telling, tmp_path):
    """Each event is of one ring or the other, and an address is soon used again by either."""
    script = tmp_path / "passed.py"
    script.write_text(
        "import queue, threading\n"
        "class Passed:\n"
        "    pass\n"
        "def make(there, number):\n"
        "    for _ in range(number):\n"
        "        there.put(Passed())\n"
        "def free(here, number):\n"
        "    for _ in range(number):\n"
        "        here.get()\n"
        "def both(here, there):\n"
        "    for _ in range(200):\n"
        "        make(there, 100)\n"
        "        free(here, 100)\n"
        "left, right = queue.SimpleQueue(), queue.SimpleQueue()\n"
        "thread = threading.Thread(target=both, args=(left, right))\n"
        "thread.start()\n"
        "both(right, left)\n"
        "thread.join()\n"
    )
    report = report_of(run_ulma(telling, script, options=["-e", "objects"]))
    (row,) = [row for row in report["objects"] if row["type"] == "__main__.Passed"]
    assert (row["births"], row["deaths"], row["live"]) == (40_000, 40_000, 0)
    assert (row["function"], row["line"]) == ("make", 6)


def test_a_forks_child_tells_its_own(telling, tmp_path):
    script = tmp_path / "forks.py"
    script.write_text(
        "import os\n"
        "class Kept:\n"
        "    pass\n"
        "def make(number):\n"
        "    return [Kept() for _ in range(number)]\n"
        "kept = make(100)\n"
        "kept.append([os])\n"
        "if os.fork() == 0:\n"
        "    more = make(50)\n"
        "    del more[:20]\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "more = make(10)\n"
    )
    report = report_of(run_ulma(telling, script, options=["-e", "objects"]))
    rows = [row for row in report["objects"] if row["type"] in ("__main__.Kept", "(other)")]
    assert [(row["births"], row["deaths"], row["live"]) for row in rows] == [(160, 20, 140)]
