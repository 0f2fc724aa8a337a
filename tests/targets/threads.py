# SPDX-License-Identifier: MIT
"""Eight threads that recurse, sort, share generators, queues and locks; each counts for itself.

    python threads.py OUT
A function's primitive calls are those with no call of it open below *on the same thread*.
"""

import json
import queue
import sys
import threading

THREADS = 8
tallies = []


class Tally(threading.local):
    """What this thread has called: name -> [calls, primitive calls, open now]."""

    def __init__(self):
        self.counts = {}
        tallies.append(self.counts)


tally = Tally()


def fib(n):
    mine = tally.counts.setdefault("fib", [0, 0, 0])
    mine[0] += 1
    mine[1] += mine[2] == 0
    mine[2] += 1
    result = n if n < 2 else fib(n - 1) + fib(n - 2)
    mine[2] -= 1
    return result


def key(n):
    mine = tally.counts.setdefault("key", [0, 0, 0])
    mine[0] += 1
    mine[1] += 1
    return -n


def shared(n):
    """One generator, run on by all threads in turn: each resume belongs to its thread."""
    mine = tally.counts.setdefault("shared", [0, 0, 0])
    mine[0] += 1
    mine[1] += 1
    for i in range(n):
        yield i
        mine = tally.counts.setdefault("shared", [0, 0, 0])
        mine[0] += 1
        mine[1] += 1


def work(number):
    mine = tally.counts.setdefault("work", [0, 0, 0])
    mine[0] += 1
    mine[1] += 1
    for n in range(12):
        fib(n)
    sorted(range(30), key=key)
    while True:
        with lock:
            try:
                next(common)
            except StopIteration:
                break
            except RuntimeError:
                raise AssertionError("the lock did not hold") from None
    if number % 2:
        jobs.put(number)
    else:
        jobs.get()
    if number == 0:
        short = [threading.Thread(target=fib, args=(n,)) for n in range(6)]
        for thread in short:
            thread.start()
            thread.join()


lock = threading.Lock()
jobs = queue.Queue()
common = shared(500)
threads = [threading.Thread(target=work, args=(n,), name=f"worker-{n}") for n in range(THREADS)]
for thread in threads:
    thread.start()
fib(10)
for thread in threads:
    thread.join()

own = []
for function in (fib, key, shared, work):
    code = function.__code__
    counts = [c[code.co_name] for c in tallies if code.co_name in c]
    calls, primitive = sum(c[0] for c in counts), sum(c[1] for c in counts)
    own.append([code.co_filename, code.co_firstlineno, code.co_name, calls, primitive])
with open(sys.argv[1], "w", encoding="utf-8") as out:
    json.dump(own, out)
