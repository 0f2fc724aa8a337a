# SPDX-License-Identifier: MIT
"""One use that costs more than it has to, and how it is without: planted.py CASE bad|mended

Prints the CPU seconds, of the process and the kernel for it, that the part in question took; of
what waits the seconds.
"""

import asyncio
import collections
import sys
import threading
import time


def small_writes(pieces):
    with open("written", "wb", buffering=0) as out:
        for piece in pieces:
            out.write(piece)


def joined_writes(pieces):
    with open("written", "wb") as out:
        for piece in pieces:
            out.write(piece)


def writes(mended):
    pieces = [b"twenty bytes in each"] * 200_000
    (joined_writes if mended else small_writes)(pieces)


def find(key):
    if key % 3:
        raise KeyError(key)
    return key


def find_or_none(key):
    return None if key % 3 else key


def exceptions(mended):
    missing = 0
    for key in range(600_000):
        if mended:
            missing += find_or_none(key) is None
            continue
        try:
            find(key)
        except KeyError:
            missing += 1


def drain(waiting):
    while waiting:
        waiting.pop(0)


def drain_left(waiting):
    while waiting:
        waiting.popleft()


def queue(mended):
    waiting = range(150_000)
    drain_left(collections.deque(waiting)) if mended else drain(list(waiting))


def look_up(names, wanted):
    return [names.index(name) for name in wanted]


def look_up_at_once(numbers, wanted):
    return [numbers[name] for name in wanted]


def search(mended):
    names = [f"name {number}" for number in range(3000)]
    if mended:
        look_up_at_once({name: number for number, name in enumerate(names)}, names)
    else:
        look_up(names, names)


def look_into(names, wanted):
    found = 0
    for name in wanted:
        found += name in names
    return found


def membership(mended):
    numbers = list(range(1000))
    look_into(set(numbers) if mended else numbers, numbers * 4)


def values(count):
    yield from range(count)


def first_one(count):
    for value in values(count):
        return value


def first_at_once(count):
    return range(count)[0]


def generators(mended):
    for _ in range(200_000):
        first_at_once(3) if mended else first_one(3)


def blocking():
    threading.Event().wait(0.3)  # Python, but not the program's


def compute():
    until = time.thread_time() + 0.01
    while time.thread_time() < until:
        pass


async def handler(number, mended):
    """Most of their time is in what holds the loop for a little while each."""
    await asyncio.sleep(0.001)
    if number == 5:
        await asyncio.sleep(0.3) if mended else blocking()
    else:
        compute()


async def many(mended):
    await asyncio.gather(*(handler(number, mended) for number in range(50)))


def loop(mended):
    asyncio.run(many(mended))


class Page:
    def __init__(self):
        self.text = ""

    def add(self, piece):
        self.text += piece


def concatenation(mended):
    pieces = ["twenty bytes in each"] * 20_000
    if mended:
        return "".join(pieces)
    page = Page()
    for piece in pieces:
        page.add(piece)
    return page.text


def copy_rows(rows):
    total = 0
    for row in rows:
        total += len(list(row)) + len(str("text")) + len(dict({1: 2}, key=3))
    return total


def count_rows(rows):
    return sum(len(row) + 4 + 2 for row in rows)


def conversions(mended):
    rows = [list(range(5000))] * 40_000
    (count_rows if mended else copy_rows)(rows)


def stand_in_line(lock, mended):
    for _ in range(40):
        with lock:
            if not mended:
                time.sleep(0.002)
        if mended:
            time.sleep(0.002)


def convoy(mended):
    lock = threading.Lock()
    threads = [threading.Thread(target=stand_in_line, args=(lock, mended)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


clock = time.perf_counter if sys.argv[1] == "convoy" else time.process_time
begin = clock()
globals()[sys.argv[1]](sys.argv[2] == "mended")
print(clock() - begin)
