# SPDX-License-Identifier: MIT
"""`ulma diff` on recordings of real programs.

What is counted is compared to the call; of times only what is far beyond any noise is asserted
here. How often nothing is taken for a change, and a tenth is found, is for torture to say.
"""

import itertools
import json

import harness
import pytest
from harness import ULMA, environment, run

pytestmark = pytest.mark.some_pythons

SHOP = {
    "main.py": """\
import sys
from shop import prices, reports

SIZE = int(sys.argv[1])
items = [{"count": n % 7, "price": n} for n in range(40)]
for _ in range(SIZE):
    for item in items:
        prices.price(item)
    reports.report(items)
""",
    "shop/__init__.py": "",
    "shop/prices.py": """\
def tax(amount):
    for step in range(12):
        amount = (amount * 7 + step) % 1000003
    return amount


def discount(amount):
    best = 0
    for rule in range(20):
        if rule < amount:
            best = rule
    return best


def price(item):
    amount = item["count"] * item["price"]
    return tax(amount) + discount(amount)
""",
    "shop/reports.py": """\
def sizes(items):
    return [item["count"] for item in items]


def make(kind):
    if kind == "sum":
        return lambda items: sum(item["price"] for item in items)
    return lambda items: max(item["price"] for item in items)


scope = {}
exec("def generated(n):\\n    return [n] * 10\\n", scope)


class Report:
    def add(self, text):
        self.text = text * 20

    def lines(self):
        for word in ("a", "b", "c"):
            yield word


def report(items):
    found = Report()
    sizes(items)
    make("sum")(items)
    make("max")(items)
    scope["generated"](3)
    for line in found.lines():
        found.add(line)
""",
}


class Shop:
    """The program, edited and recorded."""

    def __init__(self, folder, session_dir, python):
        self.folder, self.python = folder, python
        self.env = environment(session_dir, PYTHONDONTWRITEBYTECODE="1")
        self.numbers = itertools.count(1)
        for name, text in SHOP.items():
            self.write(name, text)

    def write(self, name, text):
        path = self.folder / "program" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def edit(self, name, old, new):
        text = (self.folder / "program" / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def record(self, size=100, python=None):
        name = f"{next(self.numbers)}.ulma"
        words = [ULMA, "record", "-q", "--python", (python or self.python).path, "-o", name]
        done = run([*words, "program/main.py", size], env=self.env, cwd=self.folder)
        assert done.status == 0, done.told()
        return name

    def diff(self, *words, status=0):
        done = run([ULMA, "diff", *words], env=self.env, cwd=self.folder)
        assert done.status == status, done.told()
        return done

    def compare(self, *words):
        return json.loads(self.diff("-q", "-f", "json", *words).out)


@pytest.fixture
def shop(tmp_path, session_dir):
    def make(python):
        return Shop(tmp_path, session_dir, python)

    return make


def named(told, qualname):
    """Rows of that qualname, old or new."""
    sides = ("old", "new")
    return [
        row
        for row in told["functions"]
        if any(row[side] and row[side]["qualname"] == qualname for side in sides)
    ]


def the(told, qualname):
    (row,) = named(told, qualname)
    return row


def counted(told):
    """Changes of what is counted, by what they are: times apart."""
    return sorted(
        ((row["new"] or row["old"])["qualname"], row["calls"]["changed"])
        for row in told["functions"]
        if row["calls"]["changed"] != "same"
    )


def test_a_line_at_the_top_of_every_file_changes_lines_alone(shop, python):
    shop = shop(python)
    old = shop.record()
    for name, text in SHOP.items():
        shop.write(name, "# a line\n# and another\n" + text)
    told = shop.compare(old, shop.record())
    assert counted(told) == []
    moved = [row for row in told["functions"] if "/program/" in ((row["old"] or {})["file"] or "")]
    assert len(moved) >= 10
    for row in moved:
        if (
            row["old"]["name"] != "<module>"
        ):  # it begins at its first line or at 0, as its Python says
            assert row["new"]["line"] == row["old"]["line"] + 2, row
        assert not row["renamed"]


def test_what_is_called_more_new_gone_and_renamed(shop, python):
    shop = shop(python)
    old = shop.record()
    shop.edit("shop/prices.py", "return tax(amount) +", "tax(1)\n    return tax(amount) +")
    shop.edit("shop/reports.py", "sizes(items)\n    make", "lengths(items)\n    make")
    shop.edit("shop/reports.py", "def sizes(items)", "def lengths(items)")
    shop.edit(
        "shop/reports.py",
        "    def lines(self)",
        "    def extra(self):\n        return 7\n\n    def lines(self)",
    )
    shop.edit(
        "shop/reports.py",
        "    for line in found",
        "    found.extra()\n    found.extra()\n    for line in found",
    )
    shop.edit("shop/reports.py", '    make("sum")(items)\n', "")
    told = shop.compare(old, shop.record())
    tax = the(told, "tax")
    assert (tax["calls"]["old"], tax["calls"]["new"]) == (4000, 8000)
    assert tax["what"].endswith("called more")
    assert the(told, "make")["calls"]["new"] == 100
    assert the(told, "make")["calls"]["changed"] == "down"
    extra = [row for row in told["functions"] if (row["new"] or {"name": ""})["name"] == "extra"]
    assert [(row["what"], row["calls"]["new"]) for row in extra] == [("new", 200)]
    lengths = the(told, "lengths")
    assert lengths["renamed"]
    assert lengths["old"]["qualname"] == "sizes"
    assert lengths["calls"]["changed"] == "same"
    shown = shop.diff("-n", "0", old, "2.ulma").out.decode()
    assert "lengths (shop/reports.py:1) ~renamed from sizes" in shown
    # Of two lambdas of one name one is gone, and the other one is not taken for it.
    lambdas = [
        row
        for row in told["functions"]
        if (row["old"] or {}).get("qualname") == "make.<locals>.<lambda>"
    ]
    if python.minor >= (3, 11):  # before, a code object does not know its qualname
        assert sorted(row["what"] == "gone" for row in lambdas) == [False, True]


def test_limits_are_an_exit_status(shop, python):
    shop = shop(python)
    old, same = shop.record(), shop.record()
    shop.diff("--fail-over", "calls=0", old, same)
    shop.edit("shop/prices.py", "return tax(amount) +", "tax(1)\n    return tax(amount) +")
    new = shop.record()
    done = shop.diff("-f", "markdown", old, new, "--fail-over", "calls=50", status=3)
    assert (
        "ulma: limit exceeded: calls +100.0% (limit 50%): tax (shop/prices.py:1)\n"
        in done.err.decode()
    )
    lines = done.out.decode().splitlines()
    assert lines[0].startswith("**ulma diff: 1 limit exceeded; ")
    assert lines[2].startswith("- **calls +100.0%** (limit 50%): <code>tax ")
    shop.diff(old, new, "--fail-over", "calls=150", status=0)
    told = json.loads(shop.diff("-f", "json", old, new, "--fail-over", "calls=50", status=3).out)
    (excess,) = told["exceeded"]
    assert (excess["metric"], excess["limit_pct"], excess["change_pct"]) == ("calls", 50, 100)
    assert told["functions"][excess["function"] - 1]["new"]["name"] == "tax"


@pytest.mark.alone  # neighbours make so short runs differ by more than this
def test_ten_times_slower_is_first_and_the_tree_leads_there(shop, python):
    shop = shop(python)
    old = [shop.record() for _ in range(3)]
    shop.edit("shop/prices.py", "range(20)", "range(200)")
    new = [shop.record() for _ in range(3)]
    told = shop.compare(*old, "--", *new)
    first = told["functions"][0]
    assert first["new"]["name"] == "discount"
    assert first["what"] == "slower"
    assert first["matters"]
    assert first["self"]["change_pct"] > 200
    assert first["self"]["new_least_ns"] > first["self"]["old_most_ns"]
    assert told["verdict"]["slower"] >= 1
    nodes = {node["id"]: node for node in told["tree"]}
    deepest = max(nodes.values(), key=lambda node: node["change_ns"])
    path = []
    while deepest["parent"] is not None:
        path.insert(0, told["functions"][deepest["function"] - 1]["new"]["qualname"])
        deepest = nodes[deepest["parent"]]
    assert path == ["<module>", "price", "discount"]
    shown = shop.diff("-f", "tree", *old, "--", *new).out.decode()
    assert [line for line in shown.splitlines() if "discount (" in line and line.endswith("slower")]
    shop.diff(*old, "--", *new, "--fail-over", "tottime=100", status=3)
    shop.diff(*old, "--", *new, "--fail-over", "cumtime=50", status=3)


def test_sums_are_the_reports(shop, python):
    shop = shop(python)
    old, new = shop.record(), shop.record(200)
    told = shop.compare("--clock", "wall", old, new)
    for side, name in (("old", old), ("new", new)):
        done = run([ULMA, "report", "-q", "-f", "json", name], env=shop.env, cwd=shop.folder)
        report = json.loads(done.out)
        rows = {
            (row["module"], row["qualname"], row["file"], row["line"]): row
            for row in report["functions"]
        }
        seen = 0
        for row in told["functions"]:
            place = row[side]
            if not place:
                continue
            other = rows[place["module"], place["qualname"], place["file"], place["line"]]
            assert row["calls"][side] == other["calls"] + other["resumes"]
            assert row["self"][f"{side}_ns"] == other["self_ns"]
            assert row["total"][f"{side}_ns"] == other["total_ns"]
            seen += 1
        assert seen == len(report["functions"])


def test_a_run_of_another_length(shop, python):
    shop = shop(python)
    old, new = shop.record(300), shop.record(900)
    told = shop.compare(old, new)
    assert told["work"] == pytest.approx(3)
    assert any("3 times old's calls; --per-call" in note for note in told["notes"])
    assert the(told, "tax")["what"].endswith("called more")
    told = shop.compare("--per-call", old, new)
    assert the(told, "tax")["calls"]["changed"] == "same"
    assert the(told, "price")["calls"]["changed"] == "same"


def test_another_python_is_named(shop):
    pythons = harness.pythons()
    shop = shop(pythons[0])
    told = shop.compare(shop.record(), shop.record(python=pythons[-1]))
    assert any(
        f"Python: {pythons[0].version} in old, {pythons[-1].version} in new" in note
        for note in told["notes"]
    )
    # Before 3.11 a code object does not know its qualname; the methods are the same ones.
    assert the(told, "Report.add")["calls"]["changed"] == "same"
    assert the(told, "price")["calls"]["changed"] == "same"


def test_names_that_bite(shop, python):
    shop = shop(python)
    shop.write(
        "main.py",
        """\
import sys

def call(name):
    scope = {}
    exec(compile("def f(): pass", "n;|<b>.py", "exec"), scope)
    f = scope["f"]
    f.__code__ = f.__code__.replace(co_name=name)
    f()

names = ["a|b`", "new\\nline", "</script><b>", "\\x1b[31m", "caf\\xe9 @you #1", "x" * 10000]
for name in int(sys.argv[1]) * names:
    call(name)
""",
    )
    old, new = shop.record(1), shop.record(2)
    for form in ("table", "tree", "markdown", "json"):
        out = shop.diff("-q", "-f", form, "-n", "0", old, new).out
        assert not [byte for byte in out if byte < 32 and byte != 10], form
        out.decode()
    rows = [
        line
        for line in shop.diff("-q", "-f", "markdown", "-n", "0", old, new).out.decode().splitlines()
        if line.startswith("| ") and "<code>" in line
    ]
    assert rows
    for row in rows:
        assert row.count("|") == row.count(" | ") + 2, row
        assert "<b>" not in row
        assert "@" not in row


# --- how often it errs -----------------------------------------------------------------


@pytest.mark.torture
def test_twenty_pairs_raise_no_alarm(shop):
    shop = shop(harness.pythons()[-1])
    for _ in range(20):
        told = shop.compare(shop.record(4000), shop.record(4000))
        assert told["verdict"]["matter"] == 0, told["functions"][0]


@pytest.mark.torture
def test_a_tenth_is_found_first(shop):
    shop = shop(harness.pythons()[-1])
    shop.edit("shop/prices.py", "range(20)", "range(100)")
    old, new = [], []
    for _ in range(7):
        old.append(shop.record(6000))
        shop.edit("shop/prices.py", "range(100)", "range(112)")
        new.append(shop.record(6000))
        shop.edit("shop/prices.py", "range(112)", "range(100)")
    told = shop.compare(*old, "--", *new)
    first = told["functions"][0]
    assert first["new"]["name"] == "discount"
    assert first["what"] == "slower"
