# SPDX-License-Identifier: MIT
"""Tasks of every kind; prints as JSON what the loops ran: coroutine -> [tasks, steps].

The truth is counted where a loop runs what is ready: each callback that is a task's step or
wake-up. It knows nothing of frames or events. An eager task's first step is run by who makes it,
and is counted there.
"""

import asyncio
import collections
import json
import sys
import threading

steps = collections.Counter()
tasks = {}
run_handle = asyncio.events.Handle._run


def note(task, name=None):
    if name is None and type(task.get_coro()).__name__ == "coroutine":
        name = task.get_coro().cr_code.co_name
    if name is not None:
        tasks[id(task)] = task, name
        steps[name] += 1


def run_and_count(handle):
    task = getattr(handle._callback, "__self__", None)
    if isinstance(task, (asyncio.Task, asyncio.tasks._PyTask)) and not task.done():
        note(task)
    run_handle(handle)


asyncio.events.Handle._run = run_and_count


async def turns(count):
    for _ in range(count):
        await asyncio.sleep(0)


async def chain(depth):
    await (chain(depth - 1) if depth else turns(3))


async def short(number):
    return number


async def raises():
    await asyncio.sleep(0)
    raise KeyError("wanted")


async def endless():
    await asyncio.Event().wait()


async def stubborn():
    try:
        await asyncio.sleep(100)
    except asyncio.CancelledError:
        await turns(2)


async def swallows(depth):
    """A cancellation is thrown into the innermost coroutine alone, and none awaiting it runs."""
    if depth:
        return await swallows(depth - 1)
    for _ in range(3):
        try:
            await asyncio.sleep(100)
        except asyncio.CancelledError:
            await asyncio.sleep(0)


async def cancelled_again():
    task = asyncio.ensure_future(swallows(5))
    while not task.done():
        await turns(3)
        task.cancel()


async def passes_on(depth):
    """... or those that await it run on, one after the other."""
    try:
        await (passes_on(depth - 1) if depth else asyncio.sleep(100))
    except asyncio.CancelledError:
        await asyncio.sleep(0)
        if depth % 2:
            raise
    await asyncio.sleep(0)


async def cancelled_deep():
    task = asyncio.ensure_future(passes_on(6))
    await turns(2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def numbers(count):
    for number in range(count):
        await asyncio.sleep(0)
        yield number


async def sums(count):
    total = 0
    async for number in numbers(count):
        total += number
    return total


async def half(count):
    async for number in numbers(count):
        if number == count // 2:
            return number


async def produce(queue, count):
    for number in range(count):
        await queue.put(number)
    await queue.put(None)


async def consume(queue):
    while await queue.get() is not None:
        pass


async def by_hand():
    """Steps of a coroutine that is nobody's task, inside of one that is."""
    coroutine = turns(4)
    while True:
        try:
            coroutine.send(None)
        except StopIteration:
            break
    await asyncio.sleep(0)


async def on_another_loop():
    await asyncio.gather(*[turns(n) for n in range(4)])


async def cancelled():
    early = asyncio.ensure_future(endless())
    early.cancel()  # before its first step
    late = asyncio.ensure_future(stubborn())
    waiting = asyncio.ensure_future(endless())
    await turns(2)
    late.cancel()
    waiting.cancel()
    await asyncio.gather(early, late, waiting, return_exceptions=True)
    try:
        await asyncio.wait_for(endless(), 0.001)
    except asyncio.TimeoutError:
        pass
    await asyncio.wait([asyncio.ensure_future(asyncio.shield(short(1)))])


async def in_a_group():
    async with asyncio.TaskGroup() as group:
        for count in range(5):
            group.create_task(turns(count))


def another_thread():
    asyncio.run(on_another_loop())


async def main():
    await asyncio.gather(*[turns(n) for n in range(5)], chain(20), raises(), return_exceptions=True)
    for number in range(2000):
        await asyncio.create_task(short(number))
    await asyncio.gather(*[short(n) for n in range(2000)])
    await asyncio.gather(sums(10), half(6))
    queue = asyncio.Queue(2)
    await asyncio.gather(produce(queue, 20), consume(queue))
    await asyncio.create_task(by_hand())
    await cancelled()
    await cancelled_again()
    await cancelled_deep()
    if sys.version_info >= (3, 11):
        await in_a_group()
    threads = [threading.Thread(target=another_thread) for _ in range(3)]
    for thread in threads:
        thread.start()
    future = asyncio.run_coroutine_threadsafe(turns(3), asyncio.get_running_loop())
    while not future.done() or any(thread.is_alive() for thread in threads):
        await asyncio.sleep(0.001)


async def python_turns(count):
    await turns(count)


async def tasks_in_python():
    def make(loop, coroutine, **options):
        return asyncio.tasks._PyTask(coroutine, loop=loop, **options)

    asyncio.get_running_loop().set_task_factory(make)
    await asyncio.gather(*[python_turns(n) for n in range(5)])


async def eager_short():
    return 1


async def eager_turns():
    await turns(3)


async def eager():
    loop = asyncio.get_running_loop()
    loop.set_task_factory(asyncio.eager_task_factory)
    made = []
    for _ in range(100):
        for coroutine in (eager_short, eager_turns):
            made.append(asyncio.create_task(coroutine()))
            note(made[-1], coroutine.__name__)  # the step that made it
    await asyncio.gather(*made)


asyncio.run(main())
asyncio.run(tasks_in_python())
if sys.version_info >= (3, 12):
    asyncio.run(eager())
counts = collections.Counter(name for task, name in tasks.values())
print(json.dumps({name: [counts[name], steps[name]] for name in steps}))
