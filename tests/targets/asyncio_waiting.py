# SPDX-License-Identifier: MIT
"""Tasks that wait, each for something else. Ends at once, with all of them alive; or, with an
argument, goes on for that many ticks of two of them."""

import asyncio
import os
import sys
import time


async def get(queue):
    return await queue.get()


async def getter(queue):
    return await get(queue)


async def locked(lock):
    async with lock:
        pass


async def direct(future):
    await future


async def items(future):
    yield 1
    yield await future


async def loops_over(future):
    async for item in items(future):
        pass


async def never():
    pass


async def joins(task):
    await task


async def hog():
    end = time.monotonic() + 0.2
    while time.monotonic() < end:
        pass
    await asyncio.Event().wait()


def task_of(name, coroutine):
    task = asyncio.get_running_loop().create_task(coroutine)
    task.set_name(name)
    return task


async def main():
    loop = asyncio.get_running_loop()
    lock = asyncio.Lock()
    await lock.acquire()
    future = loop.create_future()
    kept = [
        task_of("gets", getter(asyncio.Queue())),
        task_of("locks", locked(lock)),
        task_of("direct", direct(future)),
        task_of("loops", loops_over(future)),
        task_of("hog", hog()),
        asyncio.create_task(asyncio.sleep(1000), name="schläft"),
    ]
    kept.append(asyncio.create_task(joins(kept[0]), name="joins"))
    for _ in range(4):
        await asyncio.sleep(0)
    kept.append(asyncio.create_task(never(), name="never"))
    sys.stdout.flush()
    os._exit(0)


async def ticker(ticks):
    for _ in range(ticks):
        await asyncio.sleep(0.01)


async def tick(ticks):
    kept = [asyncio.create_task(ticker(ticks), name=f"ticker {n}") for n in range(2)]
    print("ticking", flush=True)
    await asyncio.gather(*kept)


asyncio.run(tick(int(sys.argv[1])) if len(sys.argv) > 1 else main())
