# SPDX-License-Identifier: MIT
"""Decorators: plain, with arguments, stacked, on classes; functools' own."""

import sys

sys.path_importer_cache.clear()
import functools


def plain(function):
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def wrapped(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def times(n):
    def decorator(function):
        def wrapper(value):
            for _ in range(n):
                value = function(value)
            return value

        return wrapper

    return decorator


class Counted:
    def __init__(self, function):
        self.function = function
        self.count = 0

    def __call__(self, *args):
        self.count += 1
        return self.function(*args)

    def __get__(self, instance, owner):
        return functools.partial(self, instance) if instance is not None else self


def registered(cls):
    cls.registered = True
    for name in ("one", "two"):
        setattr(cls, name, plain(getattr(cls, name)))
    return cls


@plain
@wrapped
@plain
def add(a, b=1):
    return a + b


@times(3)
def double(x):
    return 2 * x


@functools.lru_cache(maxsize=None)
def cached_fib(n):
    return n if n < 2 else cached_fib(n - 1) + cached_fib(n - 2)


@plain
def slow_fact(n):
    return 1 if n == 0 else n * slow_fact(n - 1)


@Counted
def counted(a):
    return a


@functools.singledispatch
def describe(value):
    return "thing"


@describe.register(int)
def describe_int(value):
    return "int"


@describe.register(list)
def describe_list(value):
    return [describe(item) for item in value]


@registered
class Decorated:
    def one(self):
        return 1

    def two(self):
        return self.one() + self.three()

    @Counted
    def three(self):
        return 3

    @staticmethod
    @plain
    def four():
        return 4

    @classmethod
    def five(cls):
        return cls.four() + 1

    @functools.cached_property
    def six(self):
        return 6


@functools.total_ordering
class Ordered:
    def __init__(self, n):
        self.n = n

    def __eq__(self, other):
        return self.n == other.n

    def __lt__(self, other):
        return self.n < other.n


def main():
    for i in range(100):
        assert add(i) == i + 1 and add(i, b=2) == i + 2
        assert double(1) == 8
        counted(i)
    assert cached_fib(60) == 1548008755920
    assert slow_fact(10) == 3628800
    assert describe([1, "a", [2, [3]]]) == ["int", "thing", ["int", ["int"]]]
    thing = Decorated()
    for _ in range(20):
        assert thing.two() == 4 and thing.five() == 5 and thing.six == 6
    assert counted.count == 100
    assert max(Ordered(n) for n in range(10)) >= Ordered(9)
    halves = functools.partial(add, b=-1)
    assert [halves(n) for n in range(5)] == [-1, 0, 1, 2, 3]


main()
