# SPDX-License-Identifier: MIT
"""The page of `-f html`: whole in itself, below its own policy, and driven in a real browser.

Rules: the golden is opened as a file. The driver's script is added to the page's policy by its
hash, as the page's own are; nothing else of the page is changed.
"""

import base64
import hashlib
import html.parser
import json
import re
from typing import Any

import browser
import harness
import pytest

GOLDEN = harness.ROOT / "tests" / "golden" / "export"
VARIANTS = ("shop", "shop-cpu-wide", "trouble", "huge", "hostile", "empty")
MOST_BYTES = 5_000_000


def read(variant: str) -> str:
    return (GOLDEN / f"{variant}.html").read_text(encoding="utf-8")


class Reader(html.parser.HTMLParser):
    """The elements of a page, and the text of those that hold code or data."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, Any]]] = []
        self.held: list[tuple[str, dict[str, Any], str]] = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self.held.append((tag, dict(attrs), ""))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] in ("script", "style") and self.cdata_elem:
            tag, attrs, text = self.held.pop()
            self.held.append((tag, attrs, text + data))
        else:
            self.text += data


def parse(variant: str) -> Reader:
    reader = Reader()
    reader.feed(read(variant))
    return reader


def hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_policy_allows_what_stands_in_the_page_and_nothing_else(variant):
    page = parse(variant)
    policies = [a["content"] for t, a in page.tags if a.get("http-equiv")]
    assert len(policies) == 1
    rules = dict(rule.strip().split(" ", 1) for rule in policies[0].split(";"))
    assert set(rules) == {"default-src", "base-uri", "form-action", "style-src", "script-src"}
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        code = [text for t, a, text in page.held if t == tag and a.get("type") is None]
        assert len(code) == 2
        assert set(rules[rule].split()) == {hash_of(text) for text in code}


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_page_is_whole_in_itself(variant):
    raw = read(variant)
    assert len(raw.encode()) < MOST_BYTES
    addresses = set(re.findall(r"https?://[^\"'\s]+", raw))
    assert addresses == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}
    page = parse(variant)
    for tag, attributes in page.tags:
        assert tag not in ("link", "img", "iframe", "object", "embed", "base", "form"), tag
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
        assert not {"src", "href", "style"} & set(attributes), (tag, attributes)
    for word in (
        "@import",
        "url(",
        "fetch(",
        "XMLHttpRequest",
        "WebSocket",
        "localStorage",
        "eval(",
    ):
        assert word not in raw, word


@pytest.mark.parametrize("variant", VARIANTS)
def test_its_numbers_are_those_of_the_report(variant):
    page = parse(variant)
    data = json.loads(next(text for _, a, text in page.held if a.get("id") == "data"))
    report = json.loads((GOLDEN / f"{variant}.json").read_text(encoding="utf-8"))
    wall, cpu = (8, 9), (10, 11)
    columns = cpu if report["clock"] == "cpu" else wall
    functions = report["functions"]
    assert sorted(
        (row[5], row[6], row[7], row[columns[0]], row[columns[1]]) for row in data["functions"]
    ) == sorted(
        (f["calls"], f["resumes"], f["primitive_calls"], f["self_ns"], f["total_ns"])
        for f in functions
    )
    tree = data["tree"]
    assert len(tree["parent"]) == len(report["tree"])
    assert not tree["cut"]
    if report["clock"] == "wall":
        assert sorted(tree["self"]) == sorted(node["self_ns"] for node in report["tree"])


def test_hostile_names_stay_names():
    page = parse("hostile")
    scripts = [a for t, a in page.tags if t == "script"]
    assert len(scripts) == 3  # the data, the flame graph's, the page's
    data = json.loads(next(text for _, a, text in page.held if a.get("id") == "data"))
    names = [row[0] for row in data["functions"]]
    assert "</script><script>alert(1)</script>" in names
    assert "lone \\xed\\xa0\\x80 \\xed\\xbf\\xbf" in names
    assert "" in names
    assert max(map(len, names)) == 10_000
    assert "</script><!--" in page.text  # the command, as text


DRIVER = """
const seen = {};
const $ = (words) => document.querySelector(words);
const all = (words) => [...document.querySelectorAll(words)];
const press = (key, on = document) =>
  on.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
const texts = (row) => [...row.cells].map((cell) => cell.textContent);
const rows = () => all("tr[data-function]").map(texts);
const type = (words) => { $("input").value = words; $("input").dispatchEvent(new Event("input")); };
const head = (name) => all("th button").find((button) => button.textContent === name);
seen.first = rows()[0];
seen.count = rows().length;
seen.cut = $("#cut").textContent;
head("calls").click();
seen.by_calls = rows()[0];
head("function").click();
seen.by_name = all("tbody .name").map((name) => name.textContent.toLowerCase());
press("/");
seen.focused = document.activeElement === $("input");
type("shop/net");
seen.filtered = rows().length;
seen.found = $("output").textContent;
type("fib(");
seen.literal = rows().length;
press("Escape");
seen.cleared = rows().length;
head("self").click();
all(".chip")[0].click();
seen.chips = rows().length;
all(".chip")[0].click();
press("ArrowDown"); press("ArrowDown");
seen.row = document.activeElement.cells[0].textContent;
press("Enter", document.activeElement);
seen.details = $(".below") && $(".below").textContent;
press("2");
seen.tab = $('[role=tab][aria-selected=true]').textContent;
const nodes = () => all(".node[data-node]").map((node) => [node.getAttribute("aria-level"),
  node.querySelector(".name").textContent, node.children[0].textContent]);
seen.nodes = nodes();
const focus = $(".node[tabindex='0']");
focus.focus();
press("ArrowDown", document.activeElement);
press("ArrowLeft", document.activeElement);
seen.closed = nodes().length;
press("ArrowRight", document.activeElement);
seen.opened = nodes().length;
press("3");
const frames = () => all("g.f").filter((g) => g.style.display !== "none");
seen.frames = frames().map((g) => g.frame.lines[0]);
const main = frames().find((g) => g.frame.lines[0] === "main");
main.dispatchEvent(new MouseEvent("click", { bubbles: true }));
seen.zoomed = frames().map((g) => g.frame.lines[0]);
const weight = (name) =>
  all("[aria-label=Weight] button").find((button) => button.textContent === name).click();
weight("cpu time");
seen.cpu = frames()[0].frame.lines[0];
weight("calls");
seen.calls = frames()[0].frame.lines[0];
const back = () => getComputedStyle(document.body).backgroundColor;
all("#theme button")[1].click();
seen.light = back();
all("#theme button")[2].click();
seen.dark = back();
press("1");
seen.markup = document.scripts.length;
document.documentElement.setAttribute("data-seen", JSON.stringify(seen));
"""


def drive(tmp_path, variant: str, driver: str = DRIVER) -> dict[str, Any]:
    page = tmp_path / f"{variant}.html"
    text = read(variant)
    allowed = f"script-src {hash_of(browser.GUARD)} {hash_of(driver)} "
    text = text.replace("script-src ", allowed, 1)
    text = text.replace("<title>", f"<script>{browser.GUARD}</script><title>", 1)
    text = text.replace("</body>", f"<script>{driver}</script></body>")
    page.write_text(text, encoding="utf-8")
    seen: dict[str, Any] = browser.open_page(page.as_uri(), tmp_path / "profile")
    return seen


@browser.needs_chromium
def test_the_page_sorts_filters_opens_and_walks(tmp_path):
    seen = drive(tmp_path, "shop")
    functions = json.loads((GOLDEN / "shop.json").read_text(encoding="utf-8"))["functions"]
    assert seen["count"] == len(functions)
    assert seen["first"][0].startswith("Queue.get")
    assert seen["first"][1:4] == ["5,000", "18.4 s50.1%", "18.4 s50.1%"]
    assert seen["cut"].startswith("Nothing was cut")
    assert seen["by_calls"][0].startswith("Money.__hash__")
    assert seen["by_calls"][1] == "~2,000,000"  # an estimate
    assert seen["by_name"] == sorted(seen["by_name"])
    assert seen["focused"]
    assert seen["filtered"] == 2
    assert seen["found"] == "2 functions, 6.29 s (17.1%)"
    assert seen["literal"] == 0
    assert seen["cleared"] == len(functions)
    assert 0 < seen["chips"] < len(functions)
    # Keys: the second row, opened, tells callers and callees; recursion is counted once.
    assert seen["row"].startswith("fib")
    assert "265,900 calls (100 not within themselves)" in seen["details"]
    assert "itself 6,210,000,000 ns, in all 6,210,000,000 ns" in seen["details"]
    assert "6.21 s100\u00d7main" in seen["details"]
    # Tree: the heaviest path is open.
    assert seen["tab"].startswith("Tree")
    assert [node[:2] for node in seen["nodes"][:3]] == [
        ["1", "Thread._bootstrap"],
        ["2", "worker"],
        ["3", "Queue.get"],
    ]
    assert seen["nodes"][0][2] == "19.2 s52.1%"
    assert seen["closed"] < seen["opened"] == len(seen["nodes"])
    # Flame graph: zoomed to main, nothing beside it; each weight has its own.
    assert seen["frames"].count("fib") == 4
    assert "worker" in seen["frames"] and "worker" not in seen["zoomed"]
    assert seen["cpu"] == "all: cpu time 12.0 s"
    assert seen["calls"] == "all: calls 2,316,312"
    assert seen["light"] != seen["dark"]


WALK = """
const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
["1", "2", "3"].forEach(press);
const names = [...document.querySelectorAll("g.f")].map((g) => g.frame.lines[0]);
press("1");
for (const row of document.querySelectorAll("tr[data-function]")) row.click();
document.documentElement.setAttribute("data-seen", JSON.stringify({
  names, rows: document.querySelectorAll("tr[data-function]").length,
  details: document.querySelectorAll("tr.details").length, scripts: document.scripts.length,
  title: document.title, text: document.body.innerText.length }));
"""


@browser.needs_chromium
@pytest.mark.parametrize("variant", ["hostile", "huge", "empty", "trouble"])
def test_the_page_bears_every_run(tmp_path, variant):
    seen = drive(tmp_path, variant, WALK)
    report = json.loads((GOLDEN / f"{variant}.json").read_text(encoding="utf-8"))
    assert seen["rows"] == seen["details"] == len(report["functions"])
    assert seen["scripts"] == 5  # the page's three and the driver's two: no name made one
    if variant == "hostile":
        assert "</script><script>alert(1)</script>" in seen["names"]
        assert seen["title"].startswith("x.py '</script><!--' ")
