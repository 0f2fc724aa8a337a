# SPDX-License-Identifier: MIT
"""A program with something slow in it: a thread that makes reports, a loop with tasks. One report
in forty is slow, and all are once the file that it is given is there. Runs until it is ended."""

import asyncio
import pathlib
import sys
import threading
import time

SLOW = pathlib.Path(sys.argv[1])


def amount(i):
    return i * 3


def price(order):
    return sum(amount(i) for i in range(order % 50))


def spin(seconds):
    until = time.process_time() + seconds
    while time.process_time() < until:
        price(40)


def planted(number):
    spin(0.03 if SLOW.exists() or number % 40 == 0 else 0.0005)


def reports():
    number = 0
    while True:
        number += 1
        planted(number)
        time.sleep(0.005)


async def handle(queue):
    while True:
        price(await queue.get())


async def main():
    queue = asyncio.Queue()
    workers = [asyncio.create_task(handle(queue), name=f"worker {i}") for i in range(5)]
    order = 0
    while workers:
        order += 1
        queue.put_nowait(order)
        await asyncio.sleep(0.005)


threading.Thread(target=reports, name="reports", daemon=True).start()
asyncio.run(main())
