# SPDX-License-Identifier: MIT
"""A loop that calls one function, counted in instructions: what is left of a call of it.

left_workload.py CALLS SPIN_SECONDS HOW

HOW: alone, or wrap: with a frame evaluation function that only calls the one before it (3.9-3.11).
"""

import gc
import os
import sys
import time


def left(x):
    return x


def loop(calls):
    for i in range(calls):
        left(i)


def main():
    calls, spin_seconds, how = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
    sys.path.append(os.environ["BENCH_LIB"])
    import marks

    if how == "wrap":
        import floor

        floor.wrap()
    until = time.monotonic() + spin_seconds
    gc.disable()
    loop(1000)
    while time.monotonic() < until:
        loop(1000)
    gc.collect()
    marks.zero()
    loop(calls)
    marks.dump("once")
    loop(2 * calls)
    marks.dump("twice")


if __name__ == "__main__":
    main()
