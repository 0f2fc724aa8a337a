# SPDX-License-Identifier: MIT
"""From rows to markdown: ratios, costs per call, and what was promised beside what was measured.

Rules: bad rows stay in. A bound smaller than the noise of the same measurement without ulma is
replaced by that noise, and that is said.
"""

import math
import statistics
from collections.abc import Sequence

from measure import Row

# What must hold: design, "Cheap".
CALLS_MEDIAN = {"3.11": 1.12}
CALLS_MEDIAN_NEWER = 1.25
C_CALLS_MEDIAN = 1.5
FLOOR_FACTOR = 1.3
CPROFILE_SHARE = 0.5
WAITED_PCT = 1.0

# Below this a program's extra time is not its calls'.
FEW_EVENTS = 20_000


def markdown(head: Sequence[str], body: "Sequence[Sequence[str]]") -> str:
    widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]

    def one(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths))
        ]
        return "| " + " | ".join(padded) + " |"

    rule = ["-" * width if i == 0 else "-" * (width - 1) + ":" for i, width in enumerate(widths)]
    return "\n".join([one(head), one(rule), *map(one, body)]) + "\n"


def geomean(values: "list[float]") -> float:
    return math.exp(statistics.fmean(math.log(value) for value in values))


def medians(rows: "list[Row]", variant: str) -> "list[float]":
    """Each program's median ratio, of those that ran."""
    return [statistics.median(ratios) for ratios in (row.ratios(variant) for row in rows) if ratios]


# --- ratios to plain ---------------------------------------------------------------------------


def ratio_cell(row: Row, variant: str) -> str:
    ratios = row.ratios(variant)
    if not ratios:
        return "failed"
    spread = f" [{min(ratios):.2f}-{max(ratios):.2f}]" if len(ratios) > 1 else ""
    return f"{statistics.median(ratios):.2f}{spread}"


def ratios(rows: "list[Row]", variants: "list[str]") -> str:
    compared = [name for name in variants if name != "plain"]
    body = []
    for row in rows:
        plain = "failed"
        if not row.failure("plain"):
            plain = f"{statistics.median(row.seconds('plain')):.3f}"
        body.append([row.program, plain, *(ratio_cell(row, name) for name in compared)])
    for label, reduce in (("median", statistics.median), ("geomean", geomean), ("worst", max)):
        cells = []
        for name in compared:
            values = medians(rows, name)
            cells.append(f"{reduce(values):.2f}" if values else "-")
        body.append([f"**{label}**", "", *cells])
    return markdown(["program", "plain s", *compared], body)


# --- costs -------------------------------------------------------------------------------------


def extra(row: Row, variant: str) -> "float | None":
    extras = row.extras(variant)
    return statistics.median(extras) if extras else None


def per_call_ns(row: Row, variant: str, events: int) -> str:
    cost = extra(row, variant)
    if cost is None or not events:
        return "-"
    if events < FEW_EVENTS:
        return "few calls"
    if cost <= 2 * row.noise_seconds():
        return "noise"
    return f"{cost * 1e9 / (events / 2):.0f}"


def quotient(row: Row, above: str, below: str) -> "tuple[float | None, str]":
    """Extra time of one over extra time of the other; None where that is noise."""
    upper, lower = extra(row, above), extra(row, below)
    if upper is None or lower is None:
        return None, "-"
    if row.events() and row.events() < FEW_EVENTS:
        return None, "few calls"
    if lower <= 2 * row.noise_seconds():
        return None, "noise"
    return upper / lower, f"{upper / lower:.2f}"


def worst_report(row: Row, variant: str, key: str) -> "float | None":
    """The worst of all rounds; None where one failed or none was run."""
    return None if row.failure(variant) else max(run.report[key] for run in row.runs[variant])


def report_cell(row: Row, variant: str, key: str, digits: int) -> str:
    value = worst_report(row, variant, key)
    return "-" if value is None else f"{value:.{digits}f}"


COST_HEAD = [
    "program",
    "calls",
    "Mcalls/s",
    "floor ns",
    "ulma ns",
    "ulma/floor",
    "ulma/cProfile",
    "+c/floor+c",
    "+c/cProfile",
    "waited %",
    "lost",
    "+c waited %",
    "+c lost",
]


def cost_line(row: Row) -> "list[str]":
    events = row.events()
    rate = "-"
    if events and not row.failure("plain"):
        rate = f"{events / 2e6 / statistics.median(row.seconds('plain')):.2f}"
    return [
        row.program,
        str(events // 2) if events else "-",
        rate,
        per_call_ns(row, "floor", events),
        per_call_ns(row, "ulma", events),
        quotient(row, "ulma", "floor")[1],
        quotient(row, "ulma", "cProfile")[1],
        quotient(row, "ulma+c", "floor+c")[1],
        quotient(row, "ulma+c", "cProfile")[1],
        report_cell(row, "ulma", "waited_pct", 2),
        report_cell(row, "ulma", "lost", 0),
        report_cell(row, "ulma+c", "waited_pct", 2),
        report_cell(row, "ulma+c", "lost", 0),
    ]


def costs(rows: "list[Row]") -> str:
    return markdown(COST_HEAD, [cost_line(row) for row in rows])


# --- what must hold ----------------------------------------------------------------------------


def verdict(name: str, bound: float, value: float, worst: str, unit: str = "") -> "list[str]":
    word = "met" if value <= bound else "**missed**"
    return [name, f"<= {bound:g}{unit}", f"{value:.2f}{unit}", worst, word]


def ratio_criterion(rows: "list[Row]", variant: str, name: str, bound: float) -> "list[str]":
    named = [(statistics.median(r.ratios(variant)), r.program) for r in rows if r.ratios(variant)]
    if not named:
        return [name, f"<= {bound:g}", "-", "-", "not measured"]
    values = [value for value, _ in named]
    top = max(named)
    note = f"geomean {geomean(values):.2f}, worst {top[0]:.2f} ({top[1]})"
    return verdict(name, bound, statistics.median(values), note)


def worst_quotient(
    rows: "list[Row]", above: str, below: str, name: str, bound: float
) -> "list[str]":
    found = [(quotient(row, above, below), row.program) for row in rows]
    named = [(pair[0], program) for pair, program in found if pair[0] is not None]
    if not named:
        return [name, f"<= {bound:g}", "-", "-", "not measured"]
    over = [program for value, program in named if value > bound]
    noisy = sum(text in ("noise", "few calls") for (_, text), _ in found)
    median = statistics.median(value for value, _ in named)
    note = f"worst is {max(named)[1]}; median {median:.2f}; {len(over)} of {len(named)} above"
    if noisy:
        note += f"; {noisy} not to be told from noise"
    return verdict(name, bound, max(named)[0], note)


def report_criterion(rows: "list[Row]", key: str, name: str, bound: float, unit: str):
    found = [
        (worst_report(row, variant, key), f"{row.program}, {variant}")
        for row in rows
        for variant in ("ulma", "ulma+c")
    ]
    named = [(value, where) for value, where in found if value is not None]
    if not named:
        return [name, f"<= {bound:g}{unit}", "-", "-", "not measured"]
    value, where = max(named)
    return verdict(name, bound, value, f"worst is {where}" if value else "", unit)


def criteria(rows: "list[Row]", minor: str) -> str:
    calls = CALLS_MEDIAN.get(minor, CALLS_MEDIAN_NEWER)
    body = [
        ratio_criterion(rows, "ulma", "calls: median ratio", calls),
        worst_quotient(rows, "ulma", "cProfile", "calls: of cProfile's extra time", CPROFILE_SHARE),
        worst_quotient(rows, "ulma", "floor", "calls: of the bare floor's", FLOOR_FACTOR),
    ]
    if minor != "3.11":
        body[1:1] = [ratio_criterion(rows, "ulma+c", "calls + c-calls: median", C_CALLS_MEDIAN)]
    body += [
        worst_quotient(
            rows, "ulma+c", "cProfile", "calls + c-calls: of cProfile's", CPROFILE_SHARE
        ),
        report_criterion(rows, "waited_pct", "time waiting for room", WAITED_PCT, " %"),
        report_criterion(rows, "lost", "events lost", 0, ""),
    ]
    noise = medians(rows, "noise")
    if noise:
        note = f"{min(noise):.2f}-{max(noise):.2f}"
        body.append(["noise: plain / plain", "", f"{statistics.median(noise):.2f}", note, ""])
    return markdown(["what", "bound", "measured", "beside it", ""], body)


def failures(rows: "list[Row]", variants: "list[str]") -> str:
    lines = [
        f"- {row.program}, {name}: {row.failure(name)}"
        for row in rows
        for name in variants
        if row.failure(name)
    ]
    return "\n".join(lines) + "\n" if lines else ""
