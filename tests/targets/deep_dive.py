# SPDX-License-Identifier: MIT
"""Dives to a depth, on the main thread or on one with a small stack, and says how deep it came.

python deep_dive.py DEPTH STACK_KIB (0: the main thread)
"""

import sys
import threading

depth, stack_kib = int(sys.argv[1]), int(sys.argv[2])
# Frames of ours below the dive, and of threading's.
sys.setrecursionlimit(max(1000, depth + 100))


def dive(left):
    return 1 + dive(left - 1) if left else 0


def afterwards():
    return "afterwards"


def endless(n):
    return endless(n + 1)


def main():
    print(dive(depth), afterwards(), flush=True)
    if depth < 1000:
        sys.setrecursionlimit(depth + 100)
        for _ in range(3):
            try:
                endless(0)
            except RecursionError as error:
                print(error)
    print(dive(depth // 2), afterwards(), flush=True)


if stack_kib:
    threading.stack_size(stack_kib * 1024)
    threads = [threading.Thread(target=main) for _ in range(2)]
    for thread in threads:
        thread.start()
        thread.join()
else:
    main()
