#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How soon the page shows what got slow: from the command, a file that is made, to the moment at
which a function that was not is the first row of the 1 s window, as headless Chromium draws it.

    .venv-test/bin/python bench/reaction.py [REPEATS]      about half a minute with ten
"""

import pathlib
import statistics
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests"), str(HERE.parent / "tests" / "browser")]

import harness  # noqa: E402
import live_page  # noqa: E402


def main() -> None:
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with (
        tempfile.TemporaryDirectory() as folder,
        harness.private_session_dir() as directory,
        live_page.serve(
            directory, "--kill", HERE / "slow_run.py", pathlib.Path(folder, "slow")
        ) as served,
    ):
        slow = pathlib.Path(folder, "slow")
        looking = live_page.Looking(served.url, "reaction", views=["functions"] * repeats)
        asked = []
        for _ in range(repeats):
            looking.wait("steady")
            time.sleep(len(asked) / repeats)  # at another moment of a second each time
            asked.append(time.time())
            slow.touch()
            looking.wait("slow")
            slow.unlink()
        shown = looking.seen()
    took = sorted(at / 1000 - begin for at, begin in zip(shown, asked))
    print("seconds from the command to the top of the 1 s window:")
    print(" ".join(f"{one:.2f}" for one in took))
    print(f"median {statistics.median(took):.2f}, most {took[-1]:.2f} of {repeats}; bound 1.00")


if __name__ == "__main__":
    main()
