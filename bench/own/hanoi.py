# SPDX-License-Identifier: MIT
"""The towers of Hanoi: calls, and two small C methods in each."""

import pyperf


def move(pegs, height, source, target, spare):
    if height == 0:
        return
    move(pegs, height - 1, source, spare, target)
    pegs[target].append(pegs[source].pop())
    move(pegs, height - 1, spare, target, source)


def hanoi(height):
    pegs = [list(range(height, 0, -1)), [], []]
    move(pegs, height, 0, 2, 1)
    assert len(pegs[2]) == height


if __name__ == "__main__":
    pyperf.Runner().bench_func("hanoi", hanoi, 14)
