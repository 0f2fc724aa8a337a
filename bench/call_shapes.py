# SPDX-License-Identifier: MIT
"""What each shape of call takes: the least of many bursts of 60, so that neighbours do not count.

call_shapes.py RESULT BURSTS: ns a turn of the loop by shape, as JSON.
Why: the correction takes one price out of every call. Whether shapes differ is seen here, without
any report: this time with the hooks, less without.
"""

import json
import sys
import time

CALLS = 60
PROGRAM = """
class Point:
    @property
    def size(self): pass
    def step(self, by): pass
    def __getitem__(self, key): pass
    def __lt__(self, other): pass

class Made:
    def __init__(self, by): pass

def f(x): pass
def keywords(*args, **kwargs): pass

def loop(all, f=f, keywords=keywords, point=Point(), data=(), starred={"add": 3}, Made=Made):
    for i in all:
        SHAPE
"""
# What stands in the loop; the first is the loop alone.
SHAPES = {
    "the loop alone": "pass",
    "a function": "f(i)",
    "a method": "point.step(i)",
    "keywords": "keywords(i, add=3)",
    "`*args, **kwargs`": "keywords(*data, **starred)",
    "a property": "point.size",
    "`__getitem__`": "point[i]",
    "`__lt__`": "point < i",
    "a class": "Made(i)",
    "a type": "int(i)",
    "a C function": "callable(data)",
    "a method in C": "data.count(i)",
}


def main():
    result, bursts = sys.argv[1:]
    loops = {}
    for shape, statement in SHAPES.items():
        space = {"__name__": "shapes"}
        exec(compile(PROGRAM.replace("SHAPE", statement), "<shapes>", "exec"), space)
        loops[shape] = space["loop"]
    least = dict.fromkeys(loops, float("inf"))
    numbers = tuple(range(CALLS))
    clock = time.perf_counter_ns
    for _ in range(int(bursts)):
        for shape, loop in loops.items():
            begin = clock()
            loop(numbers)
            least[shape] = min(least[shape], (clock() - begin) / CALLS)
    with open(result, "w", encoding="utf-8") as stream:
        json.dump(least, stream)


if __name__ == "__main__":
    main()
