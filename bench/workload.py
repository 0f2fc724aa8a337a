# SPDX-License-Identifier: MIT
"""A fixed piece of work for instruction counts: calls, methods, generators, exceptions, C calls.

workload.py UNITS SPIN_SECONDS

Runs until SPIN_SECONDS have passed (what was to happen meanwhile, such as profiling that ends, has
happened by then), then counts UNITS units and after them twice as many.
"""

import gc
import os
import sys
import time

WARM_UNITS = 12


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y

    @property
    def length(self):
        return abs(self.x) + abs(self.y)

    def moved(self, dx, dy):
        return Point(self.x + dx, self.y + dy)


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def count(n):
    number = 0
    while number < n:
        yield number
        number += 1


def chain(n):
    yield from count(n)


def fail(depth):
    if depth == 0:
        raise ValueError(depth)
    return fail(depth - 1)


def unit():
    total = fib(12)
    point = Point(0, 0)
    for i in chain(120):
        point = point.moved(i, -i)
        total += point.length
    for _ in range(20):
        try:
            fail(4)
        except ValueError:
            total += 1
    total += sum(sorted((len(str(i)) for i in range(120)), key=lambda n: -n))
    return total


def run(units):
    for _ in range(units):
        unit()


def switched_off():
    """Whether no tool hears the interpreter; before 3.12 it cannot be asked from inside."""
    monitoring = getattr(sys, "monitoring", None)
    return monitoring is None or not any(monitoring.get_events(tool) for tool in (3, 4))


def main():
    units, spin_seconds = int(sys.argv[1]), float(sys.argv[2])
    sys.path.append(os.environ["BENCH_LIB"])
    import marks

    until = time.monotonic() + spin_seconds
    gc.disable()
    run(WARM_UNITS)
    while time.monotonic() < until:
        run(1)
    if not switched_off():
        sys.exit("profiling is still on where it should be off")
    gc.collect()
    marks.zero()
    run(units)
    marks.dump("once")
    run(2 * units)
    marks.dump("twice")


if __name__ == "__main__":
    main()
