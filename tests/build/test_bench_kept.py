# SPDX-License-Identifier: MIT
"""The bench's rounds are kept in a file, and a table is measured in several sittings."""

import math
import sys

import pytest
from harness import ROOT

sys.path.insert(0, str(ROOT / "bench"))

import kept
import places
from measure import Run, row_of
from programs import PROGRAMS

FIB, HANOI = PROGRAMS[:2]


@pytest.fixture
def ulma(tmp_path, monkeypatch):
    path = tmp_path / "ulma"
    path.write_bytes(b"one")
    monkeypatch.setattr(places, "ULMA", path)
    return path


def test_a_second_sitting_goes_on_with_the_first(ulma, tmp_path):
    file = tmp_path / "rounds"
    first = kept.Kept(file, math.inf)
    first.add("3.13.0", FIB, {"plain": Run(1.0, 1.5), "ulma": Run(2.0, 4.5, report={"lost": 0})})
    second = kept.Kept(file, math.inf)
    second.add("3.13.0", FIB, {"plain": Run(2.0, 2.5), "ulma": Run(failure="status 1: no")})
    third = kept.Kept(file, math.inf)
    rounds = third.of("3.13.0", FIB, ["plain", "ulma"])
    assert [runs["plain"].seconds for runs in rounds] == [1.0, 2.0]
    assert rounds[0]["ulma"].report == {"lost": 0}
    assert third.of("3.13.0", FIB, ["plain", "yappi"]) == []
    assert third.of("3.15.0", FIB, ["plain"]) == third.of("3.13.0", HANOI, ["plain"]) == []
    assert len(third.dates) == 2
    row = row_of(FIB, ["plain", "ulma"], rounds[:1], cpu=True)
    assert row.ratios("ulma") == [3.0]


def test_another_ulma_is_not_mixed_in(ulma, tmp_path):
    file = tmp_path / "rounds"
    kept.Kept(file, math.inf).add("3.13.0", FIB, {"plain": Run(1.0)})
    ulma.write_bytes(b"two")
    with pytest.raises(places.BenchError, match="another build/ulma"):
        kept.Kept(file, math.inf)


def test_what_is_no_such_file_is_said(ulma, tmp_path):
    file = tmp_path / "rounds"
    file.write_text("no rounds\n")
    with pytest.raises(places.BenchError, match="holds no rounds"):
        kept.Kept(file, math.inf)


def test_no_round_begins_after_its_time(ulma):
    assert kept.Kept(None, 0.0).is_over()
    assert not kept.Kept(None, math.inf).is_over()
