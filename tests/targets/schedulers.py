# SPDX-License-Identifier: MIT
"""Generators as coroutines: trampolines, ping-pong, pipelines, tasks that cancel each other."""

import sys

sys.path_importer_cache.clear()
import collections
import types


class Cancelled(Exception):
    pass


class Scheduler:
    def __init__(self):
        self.ready = collections.deque()
        self.done = []

    def spawn(self, task):
        self.ready.append(task)

    def cancel(self, task):
        if task not in self.ready:
            return
        self.ready.remove(task)
        try:
            task.throw(Cancelled())
        except (Cancelled, StopIteration):
            self.done.append("cancelled")
        else:
            self.ready.append(task)

    def run(self):
        while self.ready:
            task = self.ready.popleft()
            try:
                next(task)
            except StopIteration as stop:
                self.done.append(stop.value)
            else:
                self.ready.append(task)


def worker(n):
    for i in range(n):
        yield i
    return n


def mule(scheduler):
    for _ in range(2):
        try:
            yield
        except Cancelled:
            yield from worker(2)
    return "mule"


def killer(scheduler, victims):
    for victim in victims:
        yield
        scheduler.cancel(victim)


def trampoline(task):
    stack, value = [task], None
    while stack:
        try:
            value = stack[-1].send(value)
            if isinstance(value, types.GeneratorType):
                stack.append(value)
                value = None
        except StopIteration as stop:
            stack.pop()
            value = stop.value
    return value


def slow_fib(n):
    if n < 2:
        return n
    a = yield slow_fib(n - 1)
    b = yield slow_fib(n - 2)
    return a + b


def coroutine(function):
    def start(*args):
        made = function(*args)
        next(made)
        return made

    return start


@coroutine
def keep(log):
    try:
        while True:
            log.append((yield))
    finally:
        log.append("closed")


@coroutine
def only(test, goal):
    try:
        while True:
            value = yield
            if test(value):
                goal.send(value)
    finally:
        goal.close()


@coroutine
def broadcast(*goals):
    try:
        while True:
            value = yield
            for goal in goals:
                goal.send(value)
    finally:
        for goal in goals:
            goal.close()


def ping(log):
    while True:
        log.append("ping")
        other = yield
        other.send(None)


def main():
    scheduler = Scheduler()
    tasks = [worker(n) for n in range(15)]
    for task in tasks:
        scheduler.spawn(task)
    stubborn = mule(scheduler)
    scheduler.spawn(stubborn)
    scheduler.spawn(killer(scheduler, [tasks[13], stubborn, tasks[14], tasks[0]]))
    scheduler.run()
    assert scheduler.done.count("cancelled") == 2 and "mule" in scheduler.done
    assert trampoline(slow_fib(12)) == 144
    log = []
    pipe = broadcast(only(lambda v: v % 2, keep(log)), only(lambda v: v % 3 == 0, keep(log)))
    for value in range(60):
        pipe.send(value)
    pipe.close()
    assert len(log) == 52

    server = ping(log)
    next(server)
    for _ in range(20):
        server.send(keep(log))


main()
