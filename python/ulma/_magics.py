# SPDX-License-Identifier: MIT
"""IPython and Jupyter: ``%load_ext ulma``, then ``%ulma EXPRESSION`` and ``%%ulma`` cells.

The table comes into the cell, as text and as HTML of its own: nothing is served and no port opened.
"""

from __future__ import annotations

import html
import shlex
from typing import Any

from ulma import Error
from ulma._api import Report, profile

FLAGS = ("exact", "uncorrected")
LIMIT = 20

STYLE = "font-family:monospace;text-align:{};padding:1px 8px"


def split(line: str) -> tuple[dict[str, Any], str]:
    """Options at the beginning, as a command line has them: ``-e io --limit 5 f(x)``."""
    options: dict[str, Any] = {}
    short = {"-e": "events", "-n": "limit", "-s": "sort", "-o": "save"}
    rest = line.strip()
    while rest.startswith("-") and not rest[1:2].isdigit():
        word, _, rest = rest.partition(" ")
        name, sign, value = word.partition("=")
        key = short.get(name, name.lstrip("-").replace("-", "_"))
        if key in FLAGS:
            options[key] = True
        else:
            if not sign:
                value, _, rest = rest.lstrip().partition(" ")
            options[key] = " ".join(shlex.split(value))
        rest = rest.strip()
    return options, rest


def seconds(ns: int | None) -> str:
    return "" if ns is None else f"{ns / 1e9:.6f}"


class Shown:
    """A report as a cell shows it."""

    def __init__(self, report: Report, limit: int, sort: str) -> None:
        self.report = report
        self.limit, self.sort = limit, sort
        self.text = report.table(limit=limit, sort=sort)

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        found = self.report.json()
        key = {"cumtime": "total_ns", "calls": "calls"}.get(self.sort, "self_ns")
        others = [
            row for row in found["functions"] if not (row["module"] or "").startswith("ulma.")
        ]
        rows = sorted(others, key=lambda row: row[key] or 0, reverse=True)
        shown = rows[: self.limit or None]
        heads = ("ncalls", "tottime", "cumtime", "max", "function")
        cells = [
            (
                f"{row['calls'] + row['resumes']:,}",
                seconds(row["self_ns"]),
                seconds(row["total_ns"]),
                seconds(row["max_ns"]),
                f"{row['qualname']} ({row['file'] or 'C'}:{row['line'] or 0})",
            )
            for row in shown
        ]
        lost = found["events"]["lost"]
        told = (
            f"{found['target']['duration_ns'] / 1e9:.3f} s, {len(rows):,} functions"
            f"{f', {lost:,} events lost' if lost else ''}, python {found['target']['python']}"
        )
        return "".join(
            [
                f"<p>ulma: {html.escape(told)}</p><table><thead><tr>",
                *[self.cell("th", i, head) for i, head in enumerate(heads)],
                "</tr></thead><tbody>",
                *[
                    "<tr>"
                    + "".join(self.cell("td", i, text) for i, text in enumerate(row))
                    + "</tr>"
                    for row in cells
                ],
                "</tbody></table>",
            ]
        )

    @staticmethod
    def cell(tag: str, column: int, text: str) -> str:
        style = STYLE.format("left" if column == 4 else "right")
        return f'<{tag} style="{style}">{html.escape(text)}</{tag}>'

    # The whole report, for whoever assigns it: `p = _`.
    def __getattr__(self, name: str) -> Any:
        return getattr(self.report, name)


def load(shell: Any) -> None:
    def ulma(line: str, cell: str | None = None) -> Shown | None:
        """Record a statement or cell: %ulma [-e EVENTS] [-n ROWS] [-s KEY] [-o FILE] STATEMENT"""
        options, statement = split(line)
        limit, sort = int(options.pop("limit", LIMIT)), str(options.pop("sort", "tottime"))
        if cell is not None and statement:
            print(f"UsageError: %%ulma takes options alone; `{statement}` stands after them")
            return None
        code = compile(
            shell.transform_cell(cell if cell is not None else statement), "<ulma>", "exec"
        )
        try:
            with profile(**options) as recorded:
                exec(code, shell.user_ns)
        except Error as error:
            print(f"ulma: {error}")
            return None
        return Shown(recorded.report, limit, sort)

    shell.register_magic_function(ulma, "line_cell", "ulma")
