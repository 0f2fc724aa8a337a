# SPDX-License-Identifier: MIT
"""burst_run.py RESULT plain|floor: nothing but calls, in bursts of a third of a millisecond.

Rules: standard library only; ulma profiles this file from outside, as `plain`.
"""

import os
import sys
import time

CALLS = 5167  # of fib(17)
WARM, BURSTS = 50, 1500


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def bursts(count):
    clock = time.perf_counter
    took = []
    for _ in range(count):
        begin = clock()
        fib(17)
        took.append(clock() - begin)
    return sorted(took)


def main():
    result, what = sys.argv[1:]
    if what == "floor":
        sys.path.append(os.environ["BENCH_LIB"])
        import floor

        floor.start(False)
    bursts(WARM)
    took = bursts(BURSTS)
    with open(result, "a", encoding="utf-8") as stream:
        stream.write("%r\n" % (took[BURSTS // 100] * 1e9 / CALLS))


main()
