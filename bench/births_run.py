# SPDX-License-Identifier: MIT
"""births_run.py RESULT plain|bare|tracemalloc: objects that are made and freed, in short bursts.

Rules: standard library only; ulma profiles this file from outside, as `plain`.
"""

import ctypes
import json
import os
import sys
import time
import tracemalloc

OBJECTS = 5000
WARM, BURSTS = 30, 400


class Slotted:
    __slots__ = ("value",)


class Plain:
    def __init__(self, value):
        self.value = value


def lists(number):
    for _ in range(number):
        []  # noqa: B018


def dicts(number):
    for index in range(number):
        {"a": index, "b": 2}  # noqa: B018


def tuples(number):
    for index in range(number):
        (index, number)  # noqa: B018


def texts(number):
    for index in range(number):
        "%d" % index  # noqa: UP031


def slotted(number):
    for _ in range(number):
        Slotted()


def instances(number):
    for index in range(number):
        Plain(index)


KINDS = (lists, dicts, tuples, texts, slotted, instances)


def least(make):
    clock = time.perf_counter
    took = []
    for burst in range(WARM + BURSTS):
        begin = clock()
        make(OBJECTS)
        if burst >= WARM:
            took.append(clock() - begin)
    return sorted(took)[BURSTS // 100] * 1e9 / OBJECTS


def main():
    result, what = sys.argv[1:]
    if what == "bare":
        ctypes.PyDLL(os.environ["BENCH_TRACER"]).bare_tracer_start()
    if what == "tracemalloc":
        tracemalloc.start()
    took = {make.__name__: least(make) for make in KINDS}
    with open(result, "w", encoding="utf-8") as stream:
        json.dump(took, stream)


main()
