"""Makes garbage in cycles, and counts what its own entry in gc.callbacks is told. Ends at once
after that, so that the interpreter's last collections are nobody's."""

import gc

gc.disable()

import json
import os
import sys

runs = [[0, 0, 0] for _ in range(3)]


def count(phase, info):
    if phase == "stop":
        row = runs[info["generation"]]
        row[0] += 1
        row[1] += info["collected"]
        row[2] += info["uncollectable"]


def make_cycles(number):
    for _ in range(number):
        one, other = [], []
        one.append(other)
        other.append(one)


def ask_for(generation):
    gc.collect(generation)


def main():
    gc.callbacks.append(count)
    gc.enable()
    for _ in range(5):
        make_cycles(2000)
    for generation in (0, 1, 2, 2):
        ask_for(generation)
    gc.callbacks.remove(count)
    gc.disable()
    others = [str(entry) for entry in gc.callbacks]
    print(json.dumps({"runs": runs, "others": others, "imported": "gc" in sys.modules}))
    sys.stdout.flush()
    os._exit(0)


main()
