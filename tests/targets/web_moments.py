# SPDX-License-Identifier: MIT
"""Calls that know when they were: for each call of `timed` a line on stdout, at the end: its
number, the time inside of it and around it, in ns. Waits for a line on stdin before it ends."""

import sys
import threading
import time


def rest(ns):
    until = time.perf_counter_ns() + ns
    while time.perf_counter_ns() < until:
        pass


def timed(number, ns, told):
    begin = time.perf_counter_ns()
    rest(ns)
    if number % 3 == 0:
        time.sleep(0.002)
    told.append(time.perf_counter_ns() - begin)


def job(numbers, rows):
    for number in numbers:
        told = []
        begin = time.perf_counter_ns()
        timed(number, 200_000 * (number % 5 + 1), told)
        rows.append((number, told[0], time.perf_counter_ns() - begin))


def main():
    rows = []
    thread = threading.Thread(target=job, args=(range(100, 112), rows), name="beside")
    thread.start()
    thread.join()
    job(range(12), rows)
    for row in rows:
        print(*row)
    print("done", flush=True)
    sys.stdin.readline()


main()
