# SPDX-License-Identifier: MIT
"""Calls `early`, `middle` and `late` a known number of times, with the pauses of argv between, and
is gone at once: so each window that ends with it holds a known number of calls."""

import os
import sys
import time

TIMES = {"early": 700, "middle": 300, "late": 1234}


def early():
    pass


def middle():
    pass


def late():
    pass


def tally(function):
    for _ in range(TIMES[function.__name__]):
        function()


def main():
    for function in (early, middle):
        tally(function)
        time.sleep(float(sys.argv.pop(1)))
    tally(late)
    os._exit(0)


main()
