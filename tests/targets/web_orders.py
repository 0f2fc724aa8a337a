# SPDX-License-Identifier: MIT
"""Does what each line of standard input says, and prints `done`: a test chooses its moments.

calls N      leaf() N times
slow N       slow() once, which runs for N ms of CPU time
deep N       deep(), N of them, one in another
wide N       wide(), N of them, each suspended until all are
quit         ends
"""

import sys
import time


def leaf():
    return 1


def calls(count):
    for _ in range(count):
        leaf()


def slow(milliseconds):
    end = time.process_time() + milliseconds / 1000
    while time.process_time() < end:
        pass


def deep(left):
    if left > 1:
        deep(left - 1)


def wide():
    yield


def pile(count):
    waiting = [wide() for _ in range(count)]
    for _ in range(2):
        for one in waiting:
            next(one, None)


def main():
    for line in sys.stdin:
        word, _, number = line.strip().partition(" ")
        if word == "quit":
            break
        {"calls": calls, "slow": slow, "deep": deep, "wide": pile}[word](int(number))
        print("done", flush=True)


main()
