# SPDX-License-Identifier: MIT
"""Attached to, on for a moment, detached: a thousand times, in every state of the main thread, with
eight other threads that compute. The process says afterwards what it says without ulma."""

import os
import re
import signal

import pytest
from harness import ULMA, environment, pythons, run
from test_attach import settled_files
from test_attach_inject import (
    BLOCKED,
    NEWEST,
    RUNNING,
    Target,
    shape_of,
    status_of,
    wait_until,
)

STATES = {
    **{state: BLOCKED[state] for state in ("lock", "join", "read", "accept", "select", "loop")},
    **{state: BLOCKED[state] for state in ("child", "queue_get", "poll_limit")},
    **{state: RUNNING[state] for state in ("compute", "checksum")},
    "held_often": "'go on\\n' 1",
    "sleeps": "'slept enough True go on\\n' 1",
}
WITH_ONE_MORE = ("lock", "join", "queue_get", "accept")  # a thread that ends the state
TORTURE = os.environ.get("ULMA_TORTURE") == "1"
TIMES = 1000 // len(STATES) + 1 if TORTURE else 100 // len(STATES) + 1


def ulma(session_dir, *words):
    return run([ULMA, *words], env=environment(session_dir))


def cycle(session_dir, target):
    for words in (
        ["attach", "--timeout", "60"],
        ["report", "-q", "-d", "0.02", "-o", "-"],
        ["detach"],
    ):
        done = ulma(session_dir, *words, target.pid)
        assert done.status == 0, (words, done.told(), target.told())


pytestmark = pytest.mark.some_pythons


@pytest.mark.parametrize("one", pythons() if TORTURE else [NEWEST], ids=str)
@pytest.mark.parametrize("state", STATES)
def test_cycles(one, state, session_dir, tmp_path):
    with Target(one, state, tmp_path, "busy", ULMA_DIR=str(session_dir)) as target:
        threads = 10 if state in WITH_ONE_MORE else 9
        wait_until(lambda: status_of(target.pid, "Threads") == str(threads))
        settled_files(target.pid)
        cycle(session_dir, target)
        before = shape_of(target.pid)
        for _ in range(TIMES):
            cycle(session_dir, target)
        after = shape_of(target.pid)
        assert after == before
        assert len(before["threads"]) == threads
        assert not any(session_dir.iterdir())
        target.goes_on(STATES[state])


HELD = "'go on\\n' 1"


@pytest.mark.parametrize("state", ["held_sleep", "held_by_other"])
def test_given_up(python, state, session_dir, tmp_path):
    """A C function keeps the GIL: refused with a sentence, and nothing fires when it returns."""
    with Target(python, state, tmp_path, ULMA_DIR=str(session_dir)) as target:
        done = ulma(session_dir, "attach", "-q", "--timeout", "0.2", target.pid)
        assert done.status == 1, done.told()
        assert re.fullmatch(
            rf"ulma: process {target.pid} cannot be attached to now: for 0\.2 s its main thread "
            r"was .*; try again later or with a longer --timeout "
            rf"\(`ulma dump {target.pid}` shows where it is\)\n",
            done.err.decode(),
        ), done.told()
        left_alone(session_dir, target)


def test_a_call_that_ends_while_it_is_waited_for(python, session_dir, tmp_path):
    """The GIL kept by a regular expression: armed when that ends, or given up for good."""
    with Target(python, "held_regex", tmp_path, ULMA_DIR=str(session_dir)) as target:
        done = ulma(session_dir, "attach", "-q", "--timeout", "0.02", target.pid)
        if done.status == 0:  # between two of them
            ulma(session_dir, "detach", target.pid)
        else:
            assert "for 0.02 s its main thread was" in done.err.decode(), done.told()
        left_alone(session_dir, target)


def left_alone(session_dir, target):
    """Nothing of ours happens in it, neither now nor when it goes on."""
    assert int(status_of(target.pid, "SigCgt"), 16) >> (signal.SIGURG - 1) & 1 == 0
    assert shape_of(target.pid)["tracer"] == "0"
    target.goes_on(HELD)
    assert not any(session_dir.iterdir())
    assert target.told() == ""
