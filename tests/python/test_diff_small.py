# SPDX-License-Identifier: MIT
"""ulma diff: what changed between recordings of real programs. Counts are exact, so these tests are
of counts, but for one that makes a function much slower."""

import json

import harness
import pytest
from harness import ULMA, environment, run

pytestmark = pytest.mark.some_pythons

PROGRAM = """
def parse(text):
    return [word.strip(".,") for word in text.split()]

class Shop:
    def total(self, words):
        amount = 0
        for word in words:
            amount += len(word) * 3 % 7
        return amount

    def sell(self, number):
        return self.total(parse("the quick brown fox, again. " * 30))

def main():
    shop = Shop()
    for number in range(200):
        shop.sell(number)

main()
"""


@pytest.fixture
def record(python, session_dir, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()

    def one(name, program=PROGRAM, options=()):
        (folder / "shop.py").write_text(program)
        file = tmp_path / f"{name}.ulma"
        words = [ULMA, "record", "-q", *options, "-o", file, "--python", python.path, "shop.py"]
        done = run(words, env=environment(session_dir), cwd=folder)
        assert done.status == 0, done.told()
        return file

    return one


def diff(*words, status=0):
    done = run([ULMA, "diff", *words])
    assert done.status == status, done.told()
    return done


def read(*words, status=0):
    return json.loads(diff("-f", "json", *words, status=status).out)


def name_of(row):
    return (row["new"] or row["old"])["name"]


def rows_of(told):
    return {name_of(row): row for row in told["functions"]}


def test_the_same_program_has_no_count_that_changed(record):
    told = read("-n", "0", record("a"), record("b"))
    for row in told["functions"]:
        assert row["calls"]["old"] == row["calls"]["new"], row


def test_a_line_at_the_top_changes_line_numbers_alone(record):
    moved = "import sys\n\n\n" + PROGRAM
    told = read("-n", "0", record("a"), record("b", moved))
    rows = rows_of(told)
    for name, calls in (("parse", 200), ("total", 200), ("sell", 200), ("main", 1)):
        assert rows[name]["calls"]["old"] == rows[name]["calls"]["new"] == calls
        assert rows[name]["what"] not in ("new", "gone", "renamed"), rows[name]


def test_what_is_new_gone_and_called_more(record):
    other = PROGRAM.replace(
        "shop.sell(number)", "shop.sell(number); shop.sell(number); log(number)"
    )
    other = other.replace("def main():", "def log(number):\n    return number\n\ndef main():")
    rows = rows_of(read("-n", "0", record("a"), record("b", other)))
    assert rows["log"]["what"] == "new" and rows["log"]["calls"]["new"] == 200
    assert (rows["sell"]["calls"]["old"], rows["sell"]["calls"]["new"]) == (200, 400)
    back = rows_of(read("-n", "0", record("c", other), record("d")))
    assert back["log"]["what"] == "gone"


def test_a_rename_is_guessed_and_marked(record):
    renamed = PROGRAM.replace("def total", "def amount").replace("self.total", "self.amount")
    done = diff("-n", "0", record("a"), record("b", renamed))
    assert "~renamed from" in done.out.decode()


def test_a_much_slower_function_is_first(record):
    slow = PROGRAM.replace(
        "amount += len(word) * 3 % 7", "amount += len(word) * 3 % 7 + sum(range(60)) * 0"
    )
    old = [record(f"a{i}") for i in range(3)]
    new = [record(f"b{i}", slow) for i in range(3)]
    told = read(*old, "--", *new)
    first = told["functions"][0]
    assert name_of(first) == "total" and "slower" in first["what"], first


def test_a_limit_that_is_exceeded_is_status_3(record):
    more = PROGRAM.replace("range(200)", "range(300)")
    a, b = record("a"), record("b", more)
    done = diff("--fail-over", "calls=10", a, b, status=3)
    assert b"limit exceeded" in done.err
    assert diff("--fail-over", "calls=60", a, b).status == 0
    text = diff("-f", "markdown", "--fail-over", "calls=10", a, b, status=3).out.decode()
    assert text.startswith("**ulma diff: ")


def test_limits_of_objects_and_bytes(record, python):
    sources = "objects,memory" if python.minor >= (3, 14) else "memory"
    hoards = PROGRAM.replace("shop.sell(number)", "shop.sell(number); bytes(10_000)")
    a = record("a", options=["-e", sources])
    b = record("b", hoards, options=["-e", sources])
    done = diff("--fail-over", "bytes=20", a, b, status=3)
    assert b"limit exceeded: bytes +" in done.err and b": main (" in done.err
    assert diff("--fail-over", "bytes=20", a, a).status == 0
    row = rows_of(read(a, b))["main"]["bytes"]
    assert row["new"] - row["old"] >= 200 * 10_000 and row["changed"] == "up"
    assert read(a, b)["whole"]["bytes"]["changed"] == "up"
    plain = record("c")
    done = diff("--fail-over", "bytes=20", a, plain, status=1)
    assert f"-e memory`: {plain} is none\n".encode() in done.err
    assert "bytes" not in read(a, plain)["whole"]
    if "objects" in sources:
        more = PROGRAM.replace("shop = Shop()", "shop = Shop(); [Shop() for _ in range(2000)]")
        c = record("d", more, options=["-e", sources])
        done = diff("--fail-over", "objects=20", a, c, status=3)
        assert b"limit exceeded: objects +" in done.err
        assert read(a, c)["whole"]["objects"]["change"] >= 2000


def test_what_cannot_be_compared_is_said(record, tmp_path):
    a = record("a")
    other = tmp_path / "other.ulma"
    other.write_bytes(b"no recording at all")
    done = diff(a, other, status=1)
    assert str(other).encode() in done.err and len(done.err.splitlines()) == 1
    assert diff(a, status=2).err
    assert b"cheese" in diff("--fail-over", "cheese=5", a, a, status=2).err
    assert diff("-f", "pstats", a, a, status=2).err
    assert harness.run([ULMA, "diff", a, tmp_path / "missing.ulma"]).status == 1
