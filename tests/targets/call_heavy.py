# SPDX-License-Identifier: MIT
"""One thread that does nothing but call, and how long that took.

python call_heavy.py OUT
"""

import sys
import time


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


class Point:
    def __init__(self, x):
        self.x = x

    def moved(self, by):
        return Point(self.x + by)


def walk(n):
    point = Point(0)
    for i in range(n):
        point = point.moved(i)
    return point.x


def measured():
    start = time.perf_counter_ns()
    fib(22)
    walk(40_000)
    return time.perf_counter_ns() - start


# Not by json, which would be profiled too.
told = '{"wall_ns": %d}' % measured()
with open(sys.argv[1], "w", encoding="utf-8") as out:
    out.write(told)
