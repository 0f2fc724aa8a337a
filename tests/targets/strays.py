# SPDX-License-Identifier: MIT
"""strays.py COUNT: starts stray.py in each way in which a child is handed no way to ulma, each with ten times the
calls of the one before; all at once. Prints how many calls they make together."""

import os
import subprocess
import sys

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "stray.py")
PYTHON = sys.executable


def by_exec(count, env):
    pid = os.fork()
    if pid == 0:
        os.execve(PYTHON, [PYTHON, PROGRAM, str(count)], env)
    return pid


def below_a_shell(count, env):
    """The shell stays, since it has more to do."""
    script = f'"{PYTHON}" "{PROGRAM}" {count}; true'
    return os.posix_spawn("/bin/sh", ["sh", "-c", script], env)


def main(first):
    copied = dict(os.environ, A="b")
    counts = [first * 10**i for i in range(6)]
    plain = [
        subprocess.Popen([PYTHON, PROGRAM, str(counts[0])], env=copied),
        subprocess.Popen([PYTHON, PROGRAM, str(counts[1])], env={}, close_fds=False),
        subprocess.Popen([PYTHON, "-I", PROGRAM, str(counts[2])]),
    ]
    pids = [
        os.posix_spawn(PYTHON, [PYTHON, "-S", "-E", PROGRAM, str(counts[3])], copied),
        by_exec(counts[4], copied),
        below_a_shell(counts[5], {}),
    ]
    statuses = [child.wait() for child in plain] + [os.waitpid(pid, 0)[1] for pid in pids]
    print(sum(counts))
    return any(statuses)


sys.exit(main(int(sys.argv[1])))
