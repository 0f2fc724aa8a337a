# SPDX-License-Identifier: MIT
"""vm_workload.py TURNS: a loop over methods, counted in instructions; others are monitored."""

import gc
import itertools
import os
import sys


def elsewhere(table):
    table.get(1)
    return table


def loop(turns):
    text = "12"
    for _ in itertools.repeat(None, turns):  # an int of a range is a block, of a heap that differs
        text.isdigit()


def main():
    sys.path.append(os.environ["BENCH_LIB"])
    import marks

    turns = int(sys.argv[1])
    gc.disable()
    elsewhere({})
    loop(20000)
    marks.zero()
    loop(turns)
    marks.dump("once")
    loop(2 * turns)
    marks.dump("twice")


main()
