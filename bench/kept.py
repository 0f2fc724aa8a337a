# SPDX-License-Identifier: MIT
"""Rounds that were measured, kept in a file, so that a table can be measured in several sittings.

Why: all programs on three Pythons take hours; a machine is quiet for minutes.
Rules: a line of JSON is a whole round of one program, all variants of one sitting's minute, and is
written when it is over: what was stopped within it is measured again. Rounds of another ulma, other
peers or other loops are not mixed in: another file for those.
"""

import dataclasses
import hashlib
import json
import pathlib
import time
from collections.abc import Sequence

import places
from measure import Run
from programs import Program


def digest(path: pathlib.Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.exists() else "none"


class Kept:
    """Without a path: of this sitting only. `until`: time.monotonic() at which no round begins."""

    def __init__(self, path: "pathlib.Path | None", until: float) -> None:
        self.path = path
        self.until = until
        self.rounds: dict[tuple[str, str], list[dict[str, Run]]] = {}
        self.dates: list[str] = []
        identity = {"ulma": digest(places.ULMA), "peers": places.requirements()}
        if path is None:
            return
        if path.exists() and path.stat().st_size:
            self.read(path, identity)
        else:
            self.write(identity)

    def read(self, path: pathlib.Path, identity: dict) -> None:
        try:
            lines = [json.loads(line) for line in path.read_text().splitlines()]
            found, rounds = lines[0], lines[1:]
            for line in rounds:
                runs = {name: Run(**run) for name, run in line["runs"].items()}
                key = (line["python"], line["program"])
                self.rounds.setdefault(key, []).append(runs)
                self.dates.append(line["date"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise places.BenchError(f"{path} holds no rounds of the bench: {error}.") from error
        if found != identity:
            raise places.BenchError(
                f"{path} was measured with another build/ulma or other peers; name another file."
            )

    def write(self, line: dict) -> None:
        assert self.path
        with self.path.open("a") as stream:
            stream.write(json.dumps(line) + "\n")

    def of(self, python: str, program: Program, names: "Sequence[str]") -> "list[dict[str, Run]]":
        """The rounds in which every one of these variants was run."""
        found = self.rounds.get((python, program.name), [])
        return [runs for runs in found if set(names) <= set(runs)]

    def add(self, python: str, program: Program, runs: "dict[str, Run]") -> None:
        self.rounds.setdefault((python, program.name), []).append(runs)
        date = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
        self.dates.append(date)
        if self.path:
            told = {name: dataclasses.asdict(run) for name, run in runs.items()}
            self.write({"python": python, "program": program.name, "date": date, "runs": told})

    def is_over(self) -> bool:
        return time.monotonic() >= self.until
