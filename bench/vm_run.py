# SPDX-License-Identifier: MIT
"""vm_run.py RESULT plain|tracemalloc|cProfile PROGRAM: what one program takes, in CPU seconds.

Rules: standard library only; ulma and memray profile this file from outside, as `plain`. What a
profiler does when it begins and ends is not in the figure.
"""

import cProfile
import sys
import time
import tracemalloc


class Node:
    def __init__(self, key):
        self.key, self.left, self.right = key, None, None


def insert(root, key):
    at = root
    while True:
        side = "left" if key < at.key else "right"
        below = getattr(at, side)
        if below is None:
            setattr(at, side, Node(key))
            return
        at = below


def trees():
    for start in range(12):
        root = Node(5000)
        for number in range(2000):
            insert(root, (number * 7919 + start) % 10007)


def tables():
    for _ in range(12):
        found = {}
        for number in range(12000):
            found.setdefault(f"key {number % 3000}", []).append(str(number))
        " ".join(sorted(found))


def nested():
    for _ in range(12):
        rows = [[column * 2.5 for column in range(40)] for _ in range(500)]
        [sum(row) for row in zip(*rows)]


PROGRAMS = {made.__name__: made for made in (trees, tables, nested)}


def main():
    result, what, program = sys.argv[1:]
    if what == "tracemalloc":
        tracemalloc.start()
    profile = cProfile.Profile()
    if what == "cProfile":
        profile.enable()
    begin = time.process_time()
    PROGRAMS[program]()
    took = time.process_time() - begin
    profile.disable()
    with open(result, "w", encoding="utf-8") as stream:
        stream.write(repr(took))


main()
