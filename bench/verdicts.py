# SPDX-License-Identifier: MIT
"""What a verdict says that mending gains, beside what it gains: verdicts.py PYTHON...

Each planted use of tests/targets/planted.py runs under ulma, and without it as it is and mended,
one after the other, five times; medians are printed. Without ulma: CPU seconds of the part itself,
of a convoy seconds.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
ULMA = ROOT / "build" / "ulma"
PLANTED = ROOT / "tests" / "targets" / "planted.py"
CASES = {
    "writes": "calls,io,methods",
    "exceptions": "calls,io,methods",
    "queue": "calls,io,methods",
    "search": "calls,io,methods",
    "membership": "calls,operators",
    "generators": "calls",
    "concatenation": "calls,memory",
    "conversions": "c-calls",
    "convoy": "waits",
}
ROUNDS = 5


def seconds(python: str, case: str, how: str, folder: str) -> float:
    words = [python, PLANTED, case, how]
    done = subprocess.run(words, cwd=folder, capture_output=True, check=True)
    return float(done.stdout)


def said_seconds(python: str, case: str, folder: str) -> float:
    report = pathlib.Path(folder, "report.json")
    words = [ULMA, "run", "-q", "--force", "-o", report, "-e", CASES[case]]
    words += ["--python", python, PLANTED, case, "bad"]
    subprocess.run(words, cwd=folder, stdout=subprocess.DEVNULL, check=True)
    return json.loads(report.read_text())["verdicts"][0]["cost_ns"] / 1e9


def main() -> None:
    print("| CPython | use | said | gained | gained/said |")
    print("| --- | --- | ---: | ---: | ---: |")
    for python in sys.argv[1:]:
        version = subprocess.run(
            [python, "-c", "import platform; print(platform.python_version())"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for case in CASES:
            if case == "conversions" and tuple(map(int, version.split(".")[:2])) < (3, 12):
                continue  # not told there
            said, gained = [], []
            with tempfile.TemporaryDirectory() as folder:
                for _ in range(ROUNDS):
                    said.append(said_seconds(python, case, folder))
                    bad, mended = (seconds(python, case, how, folder) for how in ("bad", "mended"))
                    gained.append(bad - mended)
            one, other = statistics.median(said), statistics.median(gained)
            print(
                f"| {version} | {case} | {one * 1e3:.1f} ms | {other * 1e3:.1f} ms "
                f"| {other / one:.2f} |",
                flush=True,
            )


main()
