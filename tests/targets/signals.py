# SPDX-License-Identifier: MIT
"""Signal handlers that call Python, at moments no one chose, while everything else goes on.

python signals.py OUT
"""

import json
import signal
import sys

counts = {}


def handler(number, frame):
    counts["handler"] = counts.get("handler", 0) + 1
    helper(3)


def helper(n):
    counts["helper"] = counts.get("helper", 0) + 1
    if n:
        helper(n - 1)


def raiser(number, frame):
    counts["raiser"] = counts.get("raiser", 0) + 1
    raise InterruptedError


def fib(n):
    counts["fib"] = counts.get("fib", 0) + 1
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def steps(n):
    counts["steps"] = counts.get("steps", 0) + 1
    for i in range(n):
        yield i
        counts["steps"] = counts.get("steps", 0) + 1


def send():
    counts["send"] = counts.get("send", 0) + 1
    signal.raise_signal(signal.SIGUSR1)


def main():
    signal.signal(signal.SIGALRM, handler)
    signal.signal(signal.SIGUSR1, raiser)
    for number in range(40):
        # One at a time, so that no handler comes while another one runs.
        signal.setitimer(signal.ITIMER_REAL, 0.0005 + number % 7 * 0.0003)
        while counts.get("handler", 0) <= number:
            fib(10)
            for _ in steps(20):
                pass
    for _ in range(20):
        try:
            send()
        except InterruptedError:
            pass


main()
assert counts["helper"] == 4 * counts["handler"] and counts["raiser"] == 20
own = []
# Outermost calls: fib's and steps' callers are main alone, a handler's helper is called once.
primitive = {"helper": counts["handler"], "fib": counts["fib"] // (2 * 89 - 1)}
for function in (handler, helper, raiser, fib, steps, send):
    code = function.__code__
    calls = counts[code.co_name]
    row = [code.co_filename, code.co_firstlineno, code.co_name, calls]
    own.append([*row, primitive.get(code.co_name, calls)])
with open(sys.argv[1], "w", encoding="utf-8") as out:
    json.dump(own, out)
