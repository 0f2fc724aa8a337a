# SPDX-License-Identifier: MIT
"""A table of the page held against the JSON of the same window, and the calls that it tells of.

Rules: figures on the page have three digits; those of the JSON are exact. Only of a target that has
ended, since nothing else stands still."""

import re

import pytest

UNITS = {
    "": 1,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "ns": 1,
    "µs": 1e3,
    "ms": 1e6,
    "s": 1e9,
}


def number(text):
    """None where the cell is empty, as its JSON is null."""
    if not text:
        return None
    value, _, unit = text.replace(",", "").partition(" ")
    return float(value) * UNITS[unit]


def counts(seen, window):
    """Function -> calls and resumes in the window, by its rate and the window's length; after the
    page has been found to show what its JSON says, cell by cell."""
    shown, told = seen["windows"][window]["rows"], seen["windows"][window]["told"]
    ids = [column["id"] for column in told["columns"]]
    assert seen["windows"][window]["heads"] == [column["title"] for column in told["columns"]]
    assert len(shown) == len(told["rows"]) == told["total"] > 0
    begin, end = told["window_ns"]
    found = {}
    for cells, row in zip(shown, told["rows"]):
        name = re.split(r"\s|\(", row["cells"][-1])[0]
        assert re.split(r"\s|\(", cells[-1])[0] == name
        for text, exact in zip(cells[:-1], row["cells"]):
            least = None if exact is None else pytest.approx(exact, rel=0.0051, abs=0.051)
            assert number(text) == least, (window, name, cells, row["cells"])
        calls = row["cells"][ids.index("calls_per_s")] * (end - begin) / 1e9
        assert calls == pytest.approx(round(calls), abs=0.01), (name, calls)
        found[name] = found.get(name, 0) + round(calls)
    return found
