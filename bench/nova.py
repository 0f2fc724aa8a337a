#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What Nova costs the browser: milliseconds a frame of the page's own code, by its own marks, in
headless Chromium, while twenty thousand rays are drawn; and what comes over the line.

    .venv-test/bin/python bench/nova.py      about half a minute; wants a quiet machine
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

import harness  # noqa: E402
import live_page  # noqa: E402


def main() -> None:
    python = [one for one in harness.pythons() if one.minor >= (3, 14)][-1]
    burst = ROOT / "bench"  # it is there: bursts from the beginning
    with (
        harness.private_session_dir() as directory,
        live_page.serve(
            directory,
            *("--kill", "-e", "calls,objects", "--python", python.path),
            *(live_page.HERE / "births.py", burst),
        ) as served,
    ):
        seen = live_page.look(served.url, "novaCost")
        weight = live_page.look(served.url, "weight", views=["nova"])
    print(f"{seen['rays']} rays on {python.version}, {seen['painter']}")
    for title, key in (
        ("a frame, intake with it", "frames"),
        ("drawing alone", "draws"),
        ("taking in one message", "takes"),
    ):
        row = seen[key]
        print(f"{title:25} p50 {row['p50']:.2f} ms  p90 {row['p90']:.2f} ms  of {row['count']}")
    print(f"{'all script, the table too':25} {seen['scriptMsPerFrame']:.2f} ms a frame on average")
    print(f"{'over the line':25} {weight['nova'] / 1000:.0f} kB/s")


if __name__ == "__main__":
    main()
