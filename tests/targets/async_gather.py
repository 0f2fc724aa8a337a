# SPDX-License-Identifier: MIT
"""asyncio: gather, tasks, cancellation, shielding, queues, events; nothing that waits for time."""

import sys

sys.path_importer_cache.clear()
import asyncio
import gc

# A loop dies by a collection: when, must not depend on what else was allocated.
gc.disable()


async def step(n):
    for _ in range(n):
        await asyncio.sleep(0)
    return n


async def deep(depth):
    if depth == 0:
        await asyncio.sleep(0)
        return 0
    return 1 + await deep(depth - 1)


async def fails(n):
    await step(n)
    raise ValueError(n)


async def patient(log):
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        log.append("cancelled")
        await step(2)
        raise
    finally:
        log.append("finally")


async def stubborn(log):
    while True:
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            log.append("ignored")
            if log.count("ignored") == 3:
                return "gave in"


async def producer(queue, n):
    for i in range(n):
        await queue.put(i)
    await queue.put(None)


async def consumer(queue):
    total = 0
    while True:
        item = await queue.get()
        if item is None:
            return total
        total += item


class Awaitable:
    def __await__(self):
        yield from asyncio.sleep(0).__await__()
        return "awaited"


class Door:
    async def __aenter__(self):
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, kind, value, traceback):
        await asyncio.sleep(0)
        return kind is KeyError


def callback(future):
    future.remembered = future.result()


async def main():
    assert await asyncio.gather(*(step(n) for n in range(20))) == list(range(20))
    assert await deep(30) == 30
    results = await asyncio.gather(fails(1), step(3), fails(2), return_exceptions=True)
    assert [type(r).__name__ for r in results] == ["ValueError", "int", "ValueError"]
    try:
        await asyncio.gather(fails(1), step(5))
    except ValueError:
        pass

    log = []
    tasks = [asyncio.ensure_future(patient(log)) for _ in range(5)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(d, asyncio.CancelledError) for d in done) and len(log) == 10
    never = asyncio.ensure_future(step(5))
    never.cancel()
    try:
        await never
    except asyncio.CancelledError:
        pass
    mule = asyncio.ensure_future(stubborn(log))
    for _ in range(3):
        await asyncio.sleep(0)
        mule.cancel()
    assert await mule == "gave in"
    group = asyncio.gather(patient(log), patient(log))
    await asyncio.sleep(0)
    group.cancel()
    try:
        await group
    except asyncio.CancelledError:
        pass

    queue = asyncio.Queue(maxsize=3)
    _, total = await asyncio.gather(producer(queue, 50), consumer(queue))
    assert total == 1225
    assert await Awaitable() == "awaited"
    async with Door():
        raise KeyError
    task = asyncio.ensure_future(step(1))
    task.add_done_callback(callback)
    await asyncio.shield(task)
    lock = asyncio.Lock()
    async with lock:
        await asyncio.sleep(0)


asyncio.run(main())
gc.collect()
