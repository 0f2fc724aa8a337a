# SPDX-License-Identifier: MIT
"""Context managers: classes, generators, stacks, async ones; with and without exceptions."""

import sys

sys.path_importer_cache.clear()
import contextlib


class Door:
    def __init__(self, log, swallow=False):
        self.log, self.swallow = log, swallow

    def __enter__(self):
        self.log.append("in")
        return self

    def __exit__(self, kind, value, traceback):
        self.log.append("out")
        return self.swallow


@contextlib.contextmanager
def room(log):
    log.append("enter")
    try:
        yield log
    except KeyError:
        log.append("key")
    finally:
        log.append("leave")


@contextlib.contextmanager
def house(log):
    with room(log), Door(log):
        yield


@contextlib.asynccontextmanager
async def garden(log):
    log.append("open")
    try:
        yield
    finally:
        log.append("shut")


@room([])
def decorated():
    return 1


def leave_early(log):
    for n in range(5):
        with house(log):
            if n == 2:
                return n
            if n == 1:
                continue
            note(log)


def note(log):
    log.append("note")


def raises(kind):
    raise kind


async def asynchronous(log):
    async with garden(log):
        pass
    try:
        async with garden(log), contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(garden(log))
            raise ValueError
    except ValueError:
        note(log)


def main():
    log = []
    for _ in range(20):
        with Door(log), room(log), house(log):
            note(log)
        with Door(log, swallow=True):
            raises(ZeroDivisionError)
        with room(log):
            raises(KeyError)
        try:
            with house(log):
                raises(ValueError)
        except ValueError:
            note(log)
        with contextlib.suppress(OSError):
            raises(OSError)
        leave_early(log)
        decorated()
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(room(log))
            stack.callback(note, log)
        stack.push(lambda *details: True)
        raises(RuntimeError)
    with contextlib.closing(iter_log()) as lines:
        next(lines)
    try:
        asynchronous(log).send(None)
    except StopIteration:
        pass
    assert log.count("enter") == log.count("leave") and log.count("open") == log.count("shut") == 3


def iter_log():
    try:
        yield 1
    finally:
        note([])


main()
