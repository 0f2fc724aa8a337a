# SPDX-License-Identifier: MIT
"""stray.py COUNT: as soon as a session of its own is mapped, which is when it is recorded, COUNT calls of step().

Waits LIMIT_S for that at most, and says on stderr when it did not come."""

import os
import sys
import time

LIMIT_S = 60


def step():
    pass


def is_recorded():
    own = f"/{os.getpid()}-"
    with open("/proc/self/maps") as maps:
        return any(own in line and not line.endswith(".armed\n") for line in maps)


def main():
    end = time.monotonic() + LIMIT_S
    while not is_recorded():
        if time.monotonic() > end:
            sys.exit(f"{os.getpid()} was never recorded")
        time.sleep(0.005)
    for _ in range(int(sys.argv[1])):
        step()


main()
