# SPDX-License-Identifier: MIT
"""What the pictures are there to show, planted: a hundred thousand small writes, memory that is
kept, bursts of dictionaries, tasks of which one hangs. Goes on, slowly, until it is killed."""

import asyncio
import json
import tempfile

import ulma

kept = []


def write_rows(file, rows):
    for row in range(rows):
        file.write(b"%d;ok\n" % row)


def write_whole(file, rows):
    file.write(b"".join(b"%d;ok\n" % row for row in range(rows)))


def keep_page(number):
    kept.append(f"page {number} " * 500)


def make_options(count):
    return [{"text": number, "state": "normal"} for number in range(count)]


def parse_orders(count):
    return json.loads(json.dumps([[number, str(number)] for number in range(count)]))


async def hang(event):
    await event.wait()


async def refresh(file, rows):
    number = 0
    write_rows(file, rows)
    while True:
        number += 1
        # So many that they stay above one in a hundred of the time, which is what a verdict takes.
        with ulma.span("rows"):
            write_rows(file, 800)
        write_whole(file, 2000)
        keep_page(number)
        for burst in range(4):
            make_options(400)
            parse_orders(40 * burst)
            await asyncio.sleep(0.01)


async def main():
    with tempfile.TemporaryFile(buffering=0) as file:
        never = asyncio.Event()
        await asyncio.gather(hang(never), refresh(file, 100_000), refresh(file, 0))


asyncio.run(main())
