# SPDX-License-Identifier: MIT
"""A little server without a network: tasks that wait, one that computes, a generator between.
It ends when the file that it is given is there."""

import asyncio
import pathlib
import sys


def price(order):
    return sum(amount * 3 for amount in amounts(order))


def amounts(order):
    yield from range(order % 50 + 50)


async def handle(queue):
    while True:
        order = await queue.get()
        price(order)


async def serve(end):
    queue = asyncio.Queue()
    workers = [asyncio.create_task(handle(queue), name=f"worker {i}") for i in range(5)]
    order = 0
    while order < 200 or not end.exists():
        order += 1
        queue.put_nowait(order)
        await asyncio.sleep(0.002)
    for worker in workers:
        worker.cancel()


asyncio.run(serve(pathlib.Path(sys.argv[1])))
