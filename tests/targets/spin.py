# SPDX-License-Identifier: MIT
"""Functions that take known times: each measures itself, and the sums are written down.

    python spin.py OUT
Every function spins itself, so that no interpreter's or machine's speed enters; what it measures is
what a profiler should say.
"""

import json
import sys
import threading
import time

now, now_cpu = time.perf_counter_ns, time.thread_time_ns
MS = 1_000_000
# name -> [self, total, cpu] in nanoseconds, as the functions themselves saw it; name -> each call's
spent, each = {}, {}


def leaf(ms):
    start = now()
    while now() - start < ms * MS:
        pass
    took = now() - start
    mine = spent.setdefault("leaf", [0, 0, 0])
    mine[0] += took
    mine[1] += took
    each.setdefault("leaf", []).append(took)
    return took


def parent(ms):
    start = now()
    inner = leaf(2) + leaf(3)
    while now() - start - inner < ms * MS:
        pass
    inner += leaf(1)
    took = now() - start
    mine = spent.setdefault("parent", [0, 0, 0])
    mine[0] += took - inner
    mine[1] += took
    return took


def grand(n):
    start = now()
    inner = 0
    for _ in range(n):
        inner += parent(4)
    took = now() - start
    mine = spent.setdefault("grand", [0, 0, 0])
    mine[0] += took - inner
    mine[1] += took


def recursive(depth):
    """Self adds up over all activations; total counts the outermost alone."""
    start = now()
    inner = recursive(depth - 1) if depth else 0
    while now() - start - inner < 3 * MS:
        pass
    took = now() - start
    mine = spent.setdefault("recursive", [0, 0, 0])
    mine[0] += took - inner
    if outermost == depth:
        mine[1] += took
    return took


def segments(n):
    """A generator's time is that of its segments, not of its consumer between them."""
    mine = spent.setdefault("segments", [0, 0, 0])
    for _ in range(n):
        start = now()
        while now() - start < 2 * MS:
            pass
        took = now() - start
        mine[0] += took
        mine[1] += took
        yield


def consumer(n):
    start = now()
    before = spent.get("segments", [0, 0])[1]
    for _ in segments(n):
        pause = now()
        while now() - pause < 3 * MS:
            pass
    took = now() - start
    inner = spent["segments"][1] - before
    mine = spent.setdefault("consumer", [0, 0, 0])
    mine[0] += took - inner
    mine[1] += took


def raiser(ms):
    start, start_cpu = now(), now_cpu()
    while now() - start < ms * MS:
        pass
    mine = spent.setdefault("raiser", [0, 0, 0])
    took = now() - start
    mine[0] += took
    mine[1] += took
    mine[2] += now_cpu() - start_cpu
    each.setdefault("raiser", []).append(took)
    raise KeyError


def sleeper(ms):
    start = now()
    time.sleep(ms / 1000)
    took = now() - start
    mine = spent.setdefault("sleeper", [0, 0, 0])
    mine[0] += took
    mine[1] += took


async def awaited():
    start = now()
    while now() - start < 4 * MS:
        pass
    took = now() - start
    mine = spent.setdefault("awaited", [0, 0, 0])
    mine[0] += took
    mine[1] += took
    return took


async def awaiting():
    start = now()
    inner = 0
    for _ in range(8):
        inner += await awaited()
        pause = now()
        while now() - pause < 2 * MS:
            pass
    took = now() - start
    mine = spent.setdefault("awaiting", [0, 0, 0])
    mine[0] += took - inner
    mine[1] += took


def in_thread():
    start = now()
    while now() - start < 50 * MS:
        pass
    took = now() - start
    mine = spent.setdefault("in_thread", [0, 0, 0])
    mine[0] += took
    mine[1] += took


def main():
    global outermost
    start = now()
    grand(6)
    outermost = 12
    recursive(outermost)
    consumer(10)
    for _ in range(8):
        try:
            raiser(4)
        except KeyError:
            pass
    for _ in range(4):
        sleeper(15)
    try:
        awaiting().send(None)
    except StopIteration:
        pass
    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    spent["main"] = [None, now() - start, None]


main()
with open(sys.argv[1], "w", encoding="utf-8") as out:
    json.dump({"spent": spent, "each": each}, out)
