# SPDX-License-Identifier: MIT
"""io_run.py RESULT: calls of the C library in bursts, from a loop of C; ns a call.
io_run.py --count CALLS: the same, once and twice, counted in instructions.

Rules: standard library only; ulma profiles this file from outside.
"""

import ctypes
import gc
import json
import os
import sys
import time

CALLS = 2000
WARM, BURSTS = 50, 500
FILES = {"write": "/dev/null", "read": "/dev/zero", "pread": "/dev/zero"}


def loops():
    library = ctypes.CDLL(os.environ["BENCH_IO_LOOP"])
    for name, path in FILES.items():
        yield name, getattr(library, f"io_loop_{name}"), os.open(path, os.O_RDWR)


def least(loop, fd):
    clock = time.perf_counter
    took = []
    for burst in range(WARM + BURSTS):
        begin = clock()
        loop(fd, CALLS)
        if burst >= WARM:
            took.append(clock() - begin)
    return sorted(took)[BURSTS // 100] * 1e9 / CALLS


def count(calls):
    sys.path.append(os.environ["BENCH_LIB"])
    import marks

    gc.disable()
    _, loop, fd = next(loops())
    loop(fd, calls)
    marks.zero()
    loop(fd, calls)
    marks.dump("once")
    loop(fd, 2 * calls)
    marks.dump("twice")


def main():
    if sys.argv[1] == "--count":
        count(int(sys.argv[2]))
        return
    took = {name: least(loop, fd) for name, loop, fd in loops()}
    with open(sys.argv[1], "w", encoding="utf-8") as stream:
        json.dump(took, stream)


main()
