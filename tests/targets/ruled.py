"""Calls that rules hold against predicates, and how many of them hold."""

import json
import sys
import threading
import time


class Box:
    def __init__(self, content):
        self.content = content

    def put(self, more):
        return len(self.content) + len(more)


def slow(seconds):
    time.sleep(seconds)


def raising(number):
    if number % 5 == 0:
        raise ValueError(number)


def large(rows, name="name", *more, flag=False, **others):
    return len(rows)


def deep(depth):
    return deep(depth - 1) + 1 if depth else 0


def every(number):
    return number


def counted(number):
    return number


def each(number):
    yield number
    yield number + 1


def caller(seconds):
    slow(seconds)


def main():
    for number in range(40):
        caller(0.03 if number in (7, 21, 33) else 0)
    for number in range(50):
        try:
            raising(number)
        except ValueError:
            pass
    for number in range(60):
        large([0] * number, "abc", 1, 2, flag=True, other=3)
    deep(30)
    deep(10)
    for number in range(1000):
        every(number)
    for number in range(20):
        list(each(number))
        Box("x" * number).put([1, 2])
    many = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    threads = [threading.Thread(target=lambda: [counted(n) for n in range(many)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    json.dump({"counted": 4 * many}, sys.stdout)


main()
