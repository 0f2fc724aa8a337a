# SPDX-License-Identifier: MIT
"""Functions named kept_* and left_*, that call each other in every way there is.

    python left_out.py ROUNDS
The calls are the same in each run. With some thousands of rounds they go on for long after a
collector has met every function.
"""

import asyncio
import sys
import threading


def left_leaf(x):
    return x + 1


def kept_leaf(x):
    return left_leaf(x)


def left_middle(x):
    return kept_leaf(x) + left_leaf(x)


def kept_top(x):
    return left_middle(x) + kept_leaf(x)


def left_generator(n):
    for i in range(n):
        yield kept_leaf(i)


def kept_generator(n):
    yield from left_generator(n)
    got = yield kept_leaf(n)
    yield got


def left_consumer(n):
    generator = kept_generator(n)
    total = 0
    for _ in range(n):
        total += next(generator)
    next(generator)
    generator.send(1)
    generator.close()
    return total


def left_catches(n):
    """A left-out generator that is thrown at, goes on, and is closed."""
    for i in range(n):
        try:
            yield i
        except ValueError:
            kept_leaf(i)


def kept_throws():
    generator = left_catches(5)
    next(generator)
    generator.throw(ValueError)
    generator.close()
    abandoned = left_generator(3)
    next(abandoned)
    del abandoned


def kept_raises(x):
    if x:
        raise KeyError(x)
    left_raises(x)


def left_raises(x):
    raise ValueError(x)


def left_between(x):
    kept_raises(x)


def kept_catches(x):
    try:
        left_between(x)
    except (KeyError, ValueError):
        kept_leaf(x)


def left_cleans_up(x):
    try:
        left_between(x)
    finally:
        kept_leaf(x)


def kept_even(n):
    return n == 0 or left_odd(n - 1)


def left_odd(n):
    return n != 0 and kept_even(n - 1)


class Thing:
    def __init__(self, x):
        self.x = kept_leaf(x)

    def __lt__(self, other):
        return left_less(self.x, other.x)

    def __getitem__(self, key):
        return left_middle(key)


def left_less(a, b):
    return kept_leaf(a) < kept_leaf(b)


async def left_sleeps(n):
    for _ in range(n):
        await asyncio.sleep(0)
        kept_leaf(n)


async def kept_awaits(n):
    await left_sleeps(n)
    return kept_leaf(n)


async def left_gathers():
    return await asyncio.gather(kept_awaits(1), kept_awaits(2), left_sleeps(1))


def kept_round(i):
    kept_top(i)
    left_consumer(4)
    kept_throws()
    kept_catches(i % 2)
    try:
        left_cleans_up(i % 3)
    except (KeyError, ValueError):
        pass
    kept_even(i % 7)
    things = sorted(Thing(x) for x in (3, 1, 2))
    things[0][i]
    for x in range(20):
        left_leaf(x)
    max(range(5), key=left_leaf)


def left_thread(rounds):
    for i in range(rounds):
        kept_round(i)


def main(rounds):
    thread = threading.Thread(target=left_thread, args=(rounds,))
    thread.start()
    for i in range(rounds):
        kept_round(i)
        if i % 16 == 0:
            asyncio.run(left_gathers())
    thread.join()


main(int(sys.argv[1]))
