# SPDX-License-Identifier: MIT
"""Counts its calls in a shared mapping of a file, which outlives it, until it is killed.

    python progress.py FILE
The count rises inside the function: an event that was written before is one that must be reported.
"""

import ctypes
import mmap
import sys
import threading

with open(sys.argv[1], "r+b") as file:
    shared = mmap.mmap(file.fileno(), 4096)
counters = (ctypes.c_uint64 * 4).from_buffer(shared)


def first():
    counters[0] += 1
    second()


def second():
    counters[1] += 1


def in_thread():
    counters[2] += 1


def run_thread():
    while True:
        in_thread()


threading.Thread(target=run_thread, daemon=True).start()
print("go", flush=True)
while True:
    first()
