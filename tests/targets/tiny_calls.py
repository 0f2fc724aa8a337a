# SPDX-License-Identifier: MIT
"""Functions that cost more to hear than to run, in phases; how often each was called.

    python tiny_calls.py OUT SECONDS PHASE...
A phase is `steady`, `recursive`, `generators`, `raising` or `quiet`; `threads` runs the first three at once.
"""

import sys
import threading
import time

ROUND = 100
counts = {}


def leaf(x):
    return x


def middle(x):
    return leaf(x) + leaf(x)


def steady_round():
    for i in range(ROUND):
        middle(i)


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def recursive_round():
    fib(10)


def numbers():
    for i in range(ROUND):
        yield i


def generators_round():
    for _ in numbers():
        pass


def raise_it():
    raise ValueError


def raising_round():
    for _ in range(ROUND):
        try:
            raise_it()
        except ValueError:
            pass


def quiet_round():
    time.sleep(0.01)


ROUNDS = {
    "steady": (steady_round, {"middle": ROUND, "leaf": 2 * ROUND}),
    "recursive": (recursive_round, {"fib": 177}),
    "generators": (generators_round, {"numbers": ROUND + 1}),
    "raising": (raising_round, {"raise_it": ROUND}),
    "quiet": (quiet_round, {}),
}


def play(name, seconds):
    run, called = ROUNDS[name]
    end = time.perf_counter() + seconds
    rounds = 0
    while time.perf_counter() < end:
        run()
        rounds += 1
    for function, times in {**called, run.__name__: 1}.items():
        counts[function] = counts.get(function, 0) + times * rounds


for phase in sys.argv[3:]:
    names = ["steady", "recursive", "generators"] if phase == "threads" else [phase]
    threads = [
        threading.Thread(target=play, args=(name, float(sys.argv[2]) * len(names)))
        for name in names[1:]
    ]
    for thread in threads:
        thread.start()
    play(names[0], float(sys.argv[2]) * len(names))
    for thread in threads:
        thread.join()
# Not by json, which would be profiled too.
told = ", ".join(f'"{name}": {times}' for name, times in counts.items())
with open(sys.argv[1], "w", encoding="utf-8") as out:
    out.write("{" + told + "}")
