# SPDX-License-Identifier: MIT
"""Three ways to stand still: behind the GIL, behind a lock, and an event loop that is blocked."""

import asyncio
import threading
import time

ledger = threading.Lock()
numbers = list(range(400000, 0, -1))


def crunch(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        sum(numbers * 20)


def answer(requests):
    for _ in range(requests):
        time.sleep(0.001)


def book(entries):
    for _ in range(entries):
        with ledger:
            time.sleep(0.005)


async def handle():
    await asyncio.sleep(0.01)
    time.sleep(0.3)


async def serve():
    await asyncio.gather(handle(), asyncio.sleep(0.5))


def together(function, *args, count=1):
    threads = [threading.Thread(target=function, args=args) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


server = together(answer, 10)
crunch(1)
for thread in server + together(book, 10, count=4):
    thread.join()
asyncio.run(serve())
