# SPDX-License-Identifier: MIT
"""Nothing but tiny calls: orders are priced, checked and added up by functions of 20 to 250 ns.

The same work in every run.
"""

import random

import pyperf

ORDERS = 200


def add(left, right):
    return left + right


def multiply(left, right):
    return left * right


def negative(number):
    return -number


def is_even(number):
    return number % 2 == 0


def is_big(number):
    return number > 500


def clamp(number, least, most):
    return least if number < least else most if number > most else number


def key(number):
    return number & 1023


def mix(left, right):
    return (left * 31 + right) & 0xFFFF


def mix_three(first, second, third):
    return mix(mix(first, second), third)


def price(number):
    return add(multiply(number, 3), key(number))


def tax(number):
    return clamp(number // 5, 0, 100)


def net(number):
    return add(price(number), negative(tax(number)))


def discount(number):
    return multiply(number, 2) if is_even(number) else add(number, 1)


def label(number):
    return "big" if is_big(number) else "small"


def walk(number):
    return 0 if number <= 0 else add(1, walk(number - 1))


def level(number):
    return walk(key(number) & 7)


def first(numbers):
    return numbers[0]


def last(numbers):
    return numbers[-1]


def span(numbers):
    return add(last(numbers), negative(first(numbers)))


def score(number, numbers):
    return mix_three(net(number), span(numbers), level(number))


def check(number):
    return is_even(number) and not is_big(number)


def audit(number):
    return check(number) or check(number + 1)


def order(number, numbers):
    total = score(number, numbers)
    if audit(number):
        total = discount(total)
    return add(total, len(label(number)))


def tiny():
    draw, numbers, total = random.Random(5), list(range(10)), 0
    for _ in range(ORDERS):
        total = add(total, order(draw.randrange(1000), numbers))
    assert total > 0


if __name__ == "__main__":
    pyperf.Runner().bench_func("tiny", tiny)
