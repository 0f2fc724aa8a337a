# SPDX-License-Identifier: MIT
"""A pile-up: tasks that all wait for one event that never comes, one more every few ms."""

import asyncio


async def acquire(event):
    await event.wait()


async def fetch(event):
    await acquire(event)


async def main():
    event = asyncio.Event()
    waiting = []
    while True:
        waiting.append(asyncio.create_task(fetch(event)))
        await asyncio.sleep(0.01)


asyncio.run(main())
