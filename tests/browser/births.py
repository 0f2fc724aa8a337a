# SPDX-License-Identifier: MIT
"""Makes a few texts all the time, in a thread and in tasks, and bursts of dictionaries once the
file of argv[1] is there. Goes on until it is killed."""

import asyncio
import os
import sys
import threading
import time


def make_texts(count):
    return [f"line {number}" for number in range(count)]


def make_options(count):
    return [{"text": number, "state": "normal"} for number in range(count)]


def log_lines():
    while True:
        make_texts(20)
        time.sleep(0.01)


async def serve(burst):
    while True:
        make_texts(40)
        if os.path.exists(burst):
            make_options(2000)
        await asyncio.sleep(0.01)


async def measure():
    while True:
        [number * 0.5 for number in range(30)]
        await asyncio.sleep(0.02)


async def main(burst):
    server = asyncio.create_task(serve(burst), name="server")
    await asyncio.gather(server, measure())


threading.Thread(target=log_lines, daemon=True, name="log").start()
asyncio.run(main(sys.argv[1]))
