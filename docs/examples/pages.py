"""A program for docs/rules.md: most calls are like each other, and a few are not."""

import time


def slow_page(number):
    if number % 17 == 0:
        time.sleep(0.015)
    if number == 40:
        raise ValueError("page 40")


def render(rows, title="all"):
    return len(rows) + len(title)


def walk(depth):
    return walk(depth - 1) + 1 if depth else 0


def tick():
    pass


def price(n):
    return n * 3


def serve(number):
    try:
        slow_page(number)
    except ValueError:
        pass
    render([0] * (number * 20))
    walk(number % 25)
    for n in range(100):
        tick()
        price(n)


for number in range(100):
    serve(number)
