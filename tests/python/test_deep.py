# SPDX-License-Identifier: MIT
"""Deep recursion, and threads with small stacks: as without ulma, crash for crash."""

import pytest
from harness import TARGETS, function_named, run, run_ulma

pytestmark = pytest.mark.some_pythons

DIVE = TARGETS / "deep_dive.py"
# Up to 3.10 every Python call takes C stack: a dive that only just fits alone need not fit with a
# wrapper around each call, so the depths are well below or well above what the stack holds.
MAIN = (1_000, 5_000, 100_000)
SMALL = ((100, 256), (900, 256), (20_000, 256), (100_000, 256))


def same_dive(python, depth, stack_kib):
    alone = run([python.path, DIVE, depth, stack_kib])
    done = run_ulma(python, DIVE, depth, stack_kib)
    assert done.status == alone.status, done.told()
    assert done.out == alone.out
    assert done.err == alone.err
    if alone.status != 0:
        return
    report = done.report
    assert report["events"]["lost"] == 0
    dive = function_named(report, "dive")
    times = 2 if stack_kib else 1
    full = times * (depth + 1 + depth // 2 + 1)
    calls = next(source for source in report["sources"] if source["name"] == "calls")
    if calls["complete"]:
        assert dive["calls"] == full
        assert dive["primitive_calls"] == 2 * times
    else:
        # Below the stack guard nothing is seen, and that is said.
        assert python.minor <= (3, 11)
        assert "guard" in calls["reason"]
        assert 0 < dive["calls"] <= full
    assert function_named(report, "afterwards")["calls"] == 2 * times


@pytest.mark.parametrize("depth", MAIN)
def test_deep_on_the_main_thread(python, depth):
    same_dive(python, depth, 0)


@pytest.mark.parametrize("depth,stack_kib", SMALL)
def test_deep_on_small_stacks(python, depth, stack_kib):
    same_dive(python, depth, stack_kib)
