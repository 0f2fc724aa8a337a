# SPDX-License-Identifier: MIT
"""Async generators: asend, athrow, aclose, comprehensions, and ones left to the loop to finish.

Driven by a loop of our own first (no asyncio at all), then by asyncio.
"""

import sys

sys.path_importer_cache.clear()
import asyncio
import gc

# A loop dies by a collection: when, must not depend on what else was allocated.
gc.disable()


class Pause:
    def __await__(self):
        return (yield self)


def drive(coroutine):
    steps = 0
    try:
        while True:
            coroutine.send(None)
            steps += 1
    except StopIteration as stop:
        return stop.value


async def ticker(n, log):
    try:
        for i in range(n):
            await Pause()
            yield i
    except KeyError:
        log.append("key")
        yield "caught"
    finally:
        await Pause()
        log.append("done")


async def echo():
    value = None
    while True:
        value = yield value


async def doubled(source):
    async for value in source:
        yield value * 2


async def raises(n):
    for i in range(n):
        yield i
    raise LookupError(n)


async def by_hand(log):
    assert [value async for value in ticker(10, log)] == list(range(10))
    assert {v: w async for v, w in pairs()} == {0: 0, 1: 1, 2: 4}
    assert sum([v async for v in doubled(doubled(ticker(5, log)))]) == 40
    voice = echo()
    await voice.asend(None)
    assert await voice.asend("hello") == "hello"
    await voice.aclose()
    await voice.aclose()
    one = ticker(5, log)
    await one.__anext__()
    assert await one.athrow(KeyError()) == "caught"
    try:
        await one.athrow(ZeroDivisionError())
    except ZeroDivisionError:
        pass
    two = ticker(5, log)
    await two.asend(None)
    await two.aclose()
    unstarted = ticker(5, log)
    await unstarted.aclose()
    try:
        async for _ in raises(3):
            pass
    except LookupError:
        pass
    return "by hand"


async def pairs():
    for i in range(3):
        yield i, i * i


async def numbers(log):
    try:
        for i in range(100):
            await asyncio.sleep(0)
            yield i
    finally:
        log.append("finished")


async def by_asyncio(log):
    async for i in numbers(log):
        if i == 3:
            break
    for _ in range(3):
        await asyncio.sleep(0)
    kept = numbers(log)
    async for i in kept:
        if i == 2:
            break
    log.append(kept)  # shut down by asyncio.run


def main():
    log = []
    assert drive(by_hand(log)) == "by hand"
    assert log.count("done") == 4, log
    log = []
    asyncio.run(by_asyncio(log))
    assert log.count("finished") == 2, log


main()
gc.collect()
