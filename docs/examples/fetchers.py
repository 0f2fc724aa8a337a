"""Five workers share a queue; one of them holds the loop for too long."""

import asyncio
import sys
import time


async def fetch(number):
    await asyncio.sleep(0.02)
    return number * number


async def worker(queue, results):
    while True:
        number = await queue.get()
        results.append(await fetch(number))
        if number == 13:
            time.sleep(0.15)  # no await: nothing else runs meanwhile
        queue.task_done()


async def main():
    queue = asyncio.Queue()
    for number in range(int(sys.argv[1]) if len(sys.argv) > 1 else 60):
        queue.put_nowait(number)
    results = []
    workers = [asyncio.create_task(worker(queue, results), name=f"worker {n}") for n in range(5)]
    await queue.join()
    for task in workers:
        task.cancel()
    await asyncio.gather(*workers, return_exceptions=True)


asyncio.run(main())
