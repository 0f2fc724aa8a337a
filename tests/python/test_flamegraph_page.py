# SPDX-License-Identifier: MIT
"""The flame graph's own script, in a real browser: zoom, search, keys, and no error on the way.

Rules: the golden is opened as a file, without network; a driver is put before its end and leaves
what it saw in an attribute. Where there is no Chromium the test says so and is skipped.
"""

from typing import Any

import browser
import harness

GOLDEN = harness.ROOT / "tests" / "golden" / "export"

DRIVER = """
const seen = {};
const root = document.documentElement;
const frames = () => [...root.querySelectorAll("g.f")].filter((g) => g.style.display !== "none");
const names = () => frames().map((g) => g.frame.lines[0]);
const named = (name) => frames().find((g) => g.frame.lines[0] === name);
const press = (key) => document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
const click = (g) => g.dispatchEvent(new MouseEvent("click", { bubbles: true }));
const width = (g) => Number(g.querySelector("rect").getAttribute("width"));
const input = root.querySelector("input");
const type = (words) => { input.value = words; input.dispatchEvent(new Event("input")); };
seen.all = names();
seen.whole = width(frames()[0]);
const main = named("main"), all = frames()[0];
seen.before = width(main);
click(main);
seen.zoomed = width(main);
seen.above = width(all);
seen.inside = names();
press("Escape");
seen.after = width(main);
type("fib");
seen.hits = root.querySelectorAll("g.hit").length;
seen.found = root.querySelector("output").textContent;
type("shop/net");
seen.byFile = root.querySelectorAll("g.hit").length;
type("fib(");
seen.literal = root.querySelector("output").textContent;
press("Escape");
seen.cleared = root.querySelectorAll("g.hit").length;
press("ArrowDown"); press("ArrowDown"); press("ArrowDown");
seen.focus = root.querySelector("g.now").frame.lines;
seen.tip = [...root.querySelectorAll(".tip text")].map((text) => text.textContent);
press("Enter");
seen.entered = width(root.querySelector("g.now"));
const y = () => Number(all.querySelector("rect").getAttribute("y"));
const upright = y();
press("i");
seen.flipped = y() > upright;
seen.titles = root.querySelectorAll("g.f title").length;
root.setAttribute("data-seen", JSON.stringify(seen));
"""


def drive(tmp_path, variant: str) -> dict[str, Any]:
    page = tmp_path / "flame.svg"
    svg = (GOLDEN / f"{variant}.flamegraph").read_text(encoding="utf-8")
    guard = browser.GUARD.replace(">", "&gt;")
    svg = svg.replace("<style>", f"<script>{guard}</script><style>", 1)
    svg = svg.replace("</svg>", f"<script><![CDATA[{DRIVER}]]></script></svg>")
    page.write_text(svg, encoding="utf-8")
    seen: dict[str, Any] = browser.open_page(page.as_uri(), tmp_path / "profile")
    return seen


@browser.needs_chromium
def test_a_flame_graph_zooms_searches_and_walks(tmp_path):
    seen = drive(tmp_path, "shop")
    assert seen["all"].count("fib") == 4
    assert "worker" in seen["all"]
    # Zoom: main takes the whole width, what is not above or below it goes; Escape gives it back.
    assert seen["zoomed"] == seen["whole"] > seen["before"]
    assert seen["above"] == seen["whole"]
    assert "worker" not in seen["inside"] and "Client.fetch" in seen["inside"]
    assert seen["after"] == seen["before"]
    # Search: by name, by file, as an expression, else literally. Nested matches count once.
    assert seen["hits"] == 4
    assert seen["found"] == "16.9% in 4 frames"
    assert seen["byFile"] == 2
    assert seen["literal"] == "no match"
    assert seen["cleared"] == 0
    # Keys: from all, down to the heaviest child of the heaviest child.
    assert seen["focus"][0] == "worker"
    assert seen["focus"][1] == "/srv/shop/app/shop/jobs.py:30, own code"
    assert seen["tip"] == seen["focus"]
    assert seen["entered"] == seen["whole"]
    assert seen["flipped"]
    assert seen["titles"] == 0
