#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the two boards cost the browser: CPU time of the page's own code in each frame, as the
browser's trace has it, and by the page's own marks, in headless Chromium, while twenty thousand
tiles or rays are drawn, with WebGL and without; and what comes over the line.

    .venv-test/bin/python bench/boards.py      about two minutes; wants a quiet machine
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

import harness  # noqa: E402
import live_page  # noqa: E402

BOUND_MS = 4.0


def show(python: harness.Python, view: str, words: tuple) -> None:
    with (
        harness.private_session_dir() as directory,
        live_page.serve(directory, "--kill", *words) as served,
    ):
        for query in ("", "&draw=2d"):
            seen = live_page.look(f"{served.url}{query}", "cost", views=[view])
            print(f"\n{view}: {seen['drawn']} drawn on {python.version}, {seen['painter']}")
            for title, key in (
                ("all script of a frame, CPU", "frames"),
                ("its marks: taking a message", "takes"),
                ("its marks: taking it in", "folds"),
                ("its marks: drawing", "draws"),
            ):
                row = seen[key]
                told = "  ".join(f"{name} {row[name]:5.2f} ms" for name in ("p50", "p90", "max"))
                print(f"{title:28} {told}  of {row['count']}")
            verdict = "met" if seen["frames"]["p90"] < BOUND_MS else "missed"
            print(f"{'ninth frame of ten':28} below {BOUND_MS:.0f} ms: {verdict}", flush=True)
        weight = live_page.look(served.url, "weight", views=[view])
        print(f"{'over the line':28} {weight[view] / 1000:.0f} kB/s")


def main() -> None:
    python = [one for one in harness.pythons() if one.minor >= (3, 14)][-1]
    burst = ROOT / "bench"  # it is there: bursts from the beginning
    births = live_page.HERE / "births.py"
    show(python, "nova", ("-e", "calls,objects", "--python", python.path, births, burst))
    show(python, "algae", ("--python", python.path, ROOT / "bench" / "boards_reef.py"))


if __name__ == "__main__":
    main()
