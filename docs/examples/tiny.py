# SPDX-License-Identifier: MIT
"""Functions that take less time than it takes to hear of them."""

import time


def area(width, height):
    return width * height


def total(sizes):
    return sum(area(width, height) for width, height in sizes)


def report(sizes):
    return {name: total(sizes) for name in ("first", "second", "third")}


sizes = [(i, i + 1) for i in range(500)]
end = time.perf_counter() + 4
rounds = 0
while time.perf_counter() < end:
    report(sizes)
    rounds += 1
print(rounds, "rounds")
