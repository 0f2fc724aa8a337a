# SPDX-License-Identifier: MIT
"""methods_run.py RESULT plain|bare|cProfile: calls of builtin types' methods, in bursts.

Rules: standard library only; ulma profiles this file from outside, as `plain`.
"""

import cProfile
import ctypes
import json
import os
import sys
import time

CALLS = 5000
WARM, BURSTS = 30, 400
METHODS = (dict.get, str.isdigit, list.count, str.startswith)


def get(number):
    table = {1: 2}
    for _ in range(number):
        table.get(1)


def isdigit(number):
    text = "12"
    for _ in range(number):
        text.isdigit()


def count(number):
    some = []
    for _ in range(number):
        some.count(1)


def startswith(number):
    text = "ab"
    for _ in range(number):
        text.startswith("a")


KINDS = (get, isdigit, count, startswith)


def least(use):
    clock = time.perf_counter
    took = []
    for burst in range(WARM + BURSTS):
        begin = clock()
        use(CALLS)
        if burst >= WARM:
            took.append(clock() - begin)
    return sorted(took)[BURSTS // 100] * 1e9 / CALLS


def main():
    result, what = sys.argv[1:]
    if what == "bare":
        thunks = ctypes.PyDLL(os.environ["BENCH_THUNKS"])
        for number, method in enumerate(METHODS):
            thunks.bare_thunk_put(number, ctypes.py_object(method))
    if what == "cProfile":
        cProfile.Profile().enable()
    took = {use.__name__: least(use) for use in KINDS}
    sys.setprofile(None)
    with open(result, "w", encoding="utf-8") as stream:
        json.dump(took, stream)


main()
