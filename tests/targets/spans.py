# SPDX-License-Identifier: MIT
"""Spans whose cost is known: each burns what CPU time it was told to, while others are under way."""

import asyncio
import concurrent.futures
import contextvars
import json
import threading
import time

import ulma

MS = 1_000_000
burned = {}  # name -> ns


def burn(name, ms):
    begin = time.thread_time_ns()
    while time.thread_time_ns() < begin + ms * MS:
        pass
    burned[name] = burned.get(name, 0) + time.thread_time_ns() - begin


def of_small(ms):
    burn("small", ms)


def of_large(ms):
    burn("large", ms)


async def request(name, work, ms, turns):
    """In turns, with the others' between them."""
    with ulma.span(name, turns=turns):
        for _ in range(turns):
            work(ms)
            await asyncio.sleep(0)


async def made_inside():
    for _ in range(4):
        burn("parent", 2)
        await asyncio.sleep(0)


async def parent():
    with ulma.span("parent"):
        tasks = [asyncio.ensure_future(made_inside()) for _ in range(2)]
        await asyncio.gather(*tasks)


async def in_executor():
    """As asyncio.to_thread, which 3.9 has and frameworks write for themselves."""
    with ulma.span("in thread"):
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            await loop.run_in_executor(pool, context.run, burn, "in thread", 10)


async def concurrent_ones():
    await asyncio.gather(
        *[request("small", of_small, 1, 5) for _ in range(6)],
        *[request("large", of_large, 4, 5) for _ in range(3)],
        parent(),
        in_executor(),
    )


@ulma.span("decorated", of="a function")
def decorated():
    burn("decorated", 3)
    return "back"


@ulma.span("awaited")
async def awaited():
    burn("awaited", 3)
    await asyncio.sleep(0.02)
    return "back"


def fails():
    with ulma.span("fails"):
        raise ValueError


def nested():
    with ulma.span("outer"):
        burn("outer", 4)
        for _ in range(2):
            with ulma.span("inner"):
                burn("outer", 4)
                time.sleep(0.01)


def in_threads():
    """At the same time, by the same names, with nothing in common."""

    def work(number):
        with ulma.span("thread", number=number):
            burn("thread", 5)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main():
    asyncio.run(concurrent_ones())
    assert decorated() == asyncio.run(awaited()) == "back"
    for _ in range(3):
        try:
            fails()
        except ValueError:
            pass
    nested()
    in_threads()
    burn("nobody's", 20)
    print(json.dumps(burned))


if __name__ == "__main__":
    main()
