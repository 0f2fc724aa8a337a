# SPDX-License-Identifier: MIT
"""Threads that Python did not make: pthread_create with a ctypes callback, again and again.

python foreign_threads.py OUT
"""

import ctypes
import json
import sys

ENTRY = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)
libc = ctypes.CDLL(None)
libc.pthread_create.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ENTRY, ctypes.c_void_p)
libc.pthread_join.argtypes = (ctypes.c_ulong, ctypes.c_void_p)

counts = {"entry": [0, 0], "count_down": [0, 0], "steps": [0, 0]}


def entry(argument):
    counts["entry"][0] += 1
    counts["entry"][1] += 1
    for _ in steps(3):
        count_down(argument or 0)
    return None


def count_down(n):
    # Under the GIL, with one foreign thread at a time: the increments are not torn.
    counts["count_down"][0] += 1
    if n:
        count_down(n - 1)


def steps(n):
    counts["steps"][0] += 1
    for i in range(n):
        yield i
        counts["steps"][0] += 1


def main():
    made = ENTRY(entry)
    for n in range(40):
        thread = ctypes.c_ulong()
        assert libc.pthread_create(ctypes.byref(thread), None, made, n % 10) == 0
        assert libc.pthread_join(thread, None) == 0
    counts["count_down"][1] = 40 * 3
    counts["steps"][1] = counts["steps"][0]


main()
assert counts["entry"][0] == 40 and counts["steps"][0] == 160, counts
own = []
for function in (entry, count_down, steps):
    code = function.__code__
    calls, primitive = counts[code.co_name]
    own.append([code.co_filename, code.co_firstlineno, code.co_name, calls, primitive])
with open(sys.argv[1], "w", encoding="utf-8") as out:
    json.dump(own, out)
