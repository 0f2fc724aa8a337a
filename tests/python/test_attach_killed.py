# SPDX-License-Identifier: MIT
"""ulma killed by SIGKILL while it attaches and while it is used: the process notices nothing."""

import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest
from harness import LIMIT_S, ULMA, environment, run
from test_attach_inject import (
    BLOCKED,
    HERE,
    NEWEST,
    RUNNING,
    TOOL,
    Target,
    attach,
    shape_of,
    status_of,
    wait_until,
)

pytestmark = pytest.mark.some_pythons

TORTURE = os.environ.get("ULMA_TORTURE") == "1"
KILL_AT = ULMA.parent / "tests" / "attach" / "kill_at"
ENDED = 3  # of kill_at: there are no more moments
STEP = 1 if TORTURE else 9
KILLS = 200 if TORTURE else 12
STATES = {**RUNNING, **BLOCKED}


def check_untouched(target):
    """Nobody traces it, none of its threads is stopped, none of its signals is blocked."""
    assert target.process.poll() is None, target.told()
    tasks = pathlib.Path(f"/proc/{target.pid}/task")
    assert status_of(target.pid, "TracerPid") == "0"
    states = [(task / "stat").read_text().rpartition(")")[2].split()[0] for task in tasks.iterdir()]
    assert not {"t", "T"} & set(states), states


def await_clean(target):
    """The next ulma takes away what killed ones have left, of those that are surely dead."""

    def is_clean():
        assert attach(target.pid).returncode == 0
        shape = shape_of(target.pid)
        files = [file for _, file in shape["descriptors"] if "memfd:ulma" in file]
        return not shape["ours"] and not files

    wait_until(is_clean)


STOPPED_IN = ["poll_limit", "checksum", "nine_threads"] + TORTURE * ["lock_limit", "loop"]


@pytest.mark.parametrize("state", STOPPED_IN)
def test_at_every_moment(python, state, tmp_path):
    """Killed at the entry or the exit of each system call that the injector makes, in turn."""
    with Target(python, state, tmp_path) as target:
        status, moment, killed_at = 0, 1 + len(state) % STEP, []
        while status != ENDED:
            words = [KILL_AT, str(moment), TOOL, str(target.pid), HERE, "60"]
            done = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT_S)
            status = done.returncode
            assert status in (0, ENDED), done
            killed_at.append(done.stdout)
            check_untouched(target)
            moment += STEP
        assert len(killed_at) > 35 // STEP, killed_at
        ran = target.told().count("here")
        assert attach(target.pid).returncode == 0
        assert target.told().count("here") > ran
        assert status_of(target.pid, "SigBlk") == "0000000000000000"
        await_clean(target)
        target.goes_on(STATES[state])


USES = (
    (["attach", "-q", "--timeout", "60"], 0.15),
    (["report", "-q", "-d", "0.1", "--timeout", "60"], 0.4),
    (["top", "-q", "-b", "-i", "0.1", "--count", "3", "--timeout", "60"], 0.6),
    (["off"], 0.05),
    (["detach"], 0.05),
)


@pytest.mark.parametrize("state", ["loop"] + TORTURE * ["nine_threads"])
def test_ulma_killed(python, state, session_dir, tmp_path):
    """In attach and in use, at moments drawn at random."""
    moments = random.Random(f"{state} {python}")
    env = environment(session_dir)
    with Target(python, state, tmp_path, ULMA_DIR=str(session_dir)) as target:
        for _ in range(KILLS):
            words, seconds = moments.choice(USES)
            one = subprocess.Popen(
                [ULMA, *words, str(target.pid)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=env,
            )
            time.sleep(moments.uniform(0, seconds))
            one.kill()
            one.wait(LIMIT_S)
            check_untouched(target)
        for words in (
            ["attach", "--timeout", "60"],
            ["report", "-q", "-d", "0.1", "-o", "-"],
            ["detach"],
        ):
            done = run([ULMA, *words, target.pid], env=env)
            assert done.status == 0, (words, done.told(), target.told())
        target.goes_on(STATES[state])
        assert target.told() == ""
        assert run([ULMA, "ps", "--dir", session_dir], env=env).status == 0
        assert not any(session_dir.iterdir())


def test_killed_while_it_makes_its_session(session_dir, tmp_path):
    """By the limit of a file's size, in the middle of it: no half of a session can be found."""
    env = environment(session_dir)
    with Target(NEWEST, "compute", tmp_path, ULMA_DIR=str(session_dir)) as target:
        assert run([ULMA, "attach", "--timeout", "60", target.pid], env=env).status == 0
        armed = sorted(session_dir.iterdir())
        limit = [sys.executable, "-c", LIMITED, ULMA, "report", "-d", "1", target.pid]
        assert run(limit, env=env).status == 128 + signal.SIGXFSZ
        assert sorted(session_dir.iterdir()) == armed
        assert run([ULMA, "detach", target.pid], env=env).status == 0
        target.goes_on(STATES["compute"])


LIMITED = """
import os, resource, signal, sys
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
os.execv(sys.argv[1], sys.argv[1:])
"""
