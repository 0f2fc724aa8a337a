# SPDX-License-Identifier: MIT
"""Four threads that compute, and the CPU time that the process used meanwhile.

python four_busy.py OUT
"""

import resource


def used_ns():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return int((usage.ru_utime + usage.ru_stime) * 1e9)


start = used_ns()
import sys
import threading


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def count(n):
    total = 0
    for i in range(n):
        total += i * i
    return total


def work(number):
    for _ in range(4):
        if number % 2:
            fib(19)
        else:
            count(400_000)


threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
# Not by json, which would be profiled too.
told = '{"cpu_ns": %d}' % (used_ns() - start)
with open(sys.argv[1], "w", encoding="utf-8") as out:
    out.write(told)
