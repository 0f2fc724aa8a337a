# SPDX-License-Identifier: MIT
"""Lines of every shape that the interpreter knows: loops, generators, exceptions, recursion,
threads, coroutines.

Rules: no loop stands on one line, where sys.settrace tells each turn and sys.monitoring the first;
nothing depends on time, so that each run has the same lines."""

# Where a line ends is what this is about.
# fmt: off

import asyncio
import threading


def loops(n):
    total = 0
    for i in range(n):
        if i % 2:
            total += i
        elif i % 3:
            continue
        else:
            total -= 1
    while total > 0:
        total -= 7
        if total == 3:
            break
    else:
        total = -1
    return total


def generator(n):
    for i in range(n):
        got = yield i
        if got:
            yield (
                got,
                i,
            )


def delegating(n):
    yield from generator(n)
    yield


def recursive(n):
    if n == 0:
        return 1
    below = recursive(n - 1)
    return (
        below
        + recursive(0)
        + 1
    )


def raising(n):
    result = 0
    for i in range(n):
        try:
            if i % 3 == 0:
                raise KeyError(i)
            result += 1
        except KeyError as error:
            result += 2
            try:
                int("x")
            except ValueError:
                result += len(error.args)
        finally:
            result += 10
    return result


def unwinding(n):
    if n == 0:
        raise LookupError
    unwinding(n - 1)
    return 1


class Manager:
    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        return (
            kind is not None
        )


def managing(n):
    for i in range(n):
        with Manager() as manager:
            if i % 2:
                raise ValueError(manager)
            i += 1
    return i


def comprehensions(n):
    table = [
        number + 1
        for number in range(n)
        if number % 2
    ]
    return {
        key: str(
            key
        )
        for key in table
    }


def calling(n):
    for i in range(n):
        table = dict(
            a=i,
            b=str(i),
            c=max(i,
                  3),
        )
    return sorted(
        table,
        key=lambda name: (
            name
        ),
    )


def short(x): return x + 1  # noqa: E704


def calling_short(n):
    for i in range(n):
        short(i)
    return sorted(range(n), key=lambda number: -number)


async def waiting(n):
    for _ in range(n):
        await asyncio.sleep(0)
    return n


async def gathering():
    return await asyncio.gather(
        waiting(3),
        waiting(5),
    )


def resuming():
    one = generator(9)
    next(one)
    one.send("x")
    next(one)
    one.close()
    other = generator(4)
    next(other)
    try:
        other.throw(KeyError)
    except KeyError:
        pass
    return list(delegating(3))


def work():
    loops(7)
    loops(40)
    resuming()
    recursive(6)
    raising(7)
    managing(6)
    comprehensions(8)
    calling(6)
    calling_short(50)
    try:
        unwinding(5)
    except LookupError:
        pass
    asyncio.run(gathering())


def main():
    work()
    threads = [
        threading.Thread(target=work)
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


main()
