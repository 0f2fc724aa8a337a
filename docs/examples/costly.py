"""Four uses that cost more than they have to."""

import asyncio
import time


def log(lines):
    with open("costly.log", "wb", buffering=0) as out:
        for _ in range(lines):
            out.write(b"one more line\n")


def find(key):
    if key % 3:
        raise KeyError(key)
    return key


def look_up(keys):
    missing = 0
    for key in range(keys):
        try:
            find(key)
        except KeyError:
            missing += 1
    return missing


def drain(waiting):
    while waiting:
        waiting.pop(0)


async def answer(number):
    await asyncio.sleep(0.001)
    if number == 5:
        ask_the_disk()


def ask_the_disk():
    time.sleep(0.3)


async def serve():
    await asyncio.gather(*(answer(number) for number in range(10)))


log(100_000)
look_up(300_000)
drain(list(range(50_000)))
asyncio.run(serve())
