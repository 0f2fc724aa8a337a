# SPDX-License-Identifier: MIT
"""Exceptions: caught five frames up, through finally, through C, chained, in odd places."""

import sys


class Oops(Exception):
    def __init__(self, n):
        super().__init__(n)
        self.n = n

    def __str__(self):
        return f"oops {self.n}"


def frame_5(n):
    raise Oops(n)


def frame_4(n):
    return frame_5(n) + 1


def frame_3(n):
    try:
        return frame_4(n)
    finally:
        note()


def frame_2(n):
    for _ in range(2):
        with Watcher():
            frame_3(n)


def frame_1(n):
    try:
        frame_2(n)
    except KeyError:
        raise AssertionError("not this one") from None


def note():
    pass


class Watcher:
    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        return False


def through_sort(n):
    def key(item):
        if item == n:
            raise Oops(item)
        return -item

    return sorted(range(10), key=key)


def chained():
    try:
        frame_5(1)
    except Oops as first:
        try:
            frame_4(2)
        except Oops as second:
            raise RuntimeError("chained") from (first if first.n else second)


def unwinds(depth):
    if depth == 0:
        raise Oops(0)
    try:
        unwinds(depth - 1)
    except Oops as error:
        error.n += 1
        raise


class Stops:
    def __iter__(self):
        return self

    def __next__(self):
        raise StopIteration


class Attribute:
    def __getattr__(self, name):
        raise AttributeError(name)

    @property
    def broken(self):
        raise Oops(3)


def swallow():
    try:
        raise Oops(4)
    except Oops:
        pass
    finally:
        try:
            frame_5(5)
        except Oops:
            note()


def in_generator():
    try:
        yield frame_5(6)
    except Oops:
        yield 1
    frame_4(7)
    yield 2


def main():
    for n in range(30):
        try:
            frame_1(n)
        except Oops as error:
            assert str(error) == f"oops {n}"
    for n in range(5):
        try:
            through_sort(n)
        except Oops:
            pass
    try:
        chained()
    except RuntimeError as error:
        assert isinstance(error.__cause__, Oops)
    try:
        unwinds(50)
    except Oops as error:
        assert error.n == 50
    assert list(Stops()) == []
    for _ in range(3):
        assert not hasattr(Attribute(), "missing")
        assert getattr(Attribute(), "missing", 1) == 1
        try:
            _ = Attribute().broken
        except Oops:
            pass
        swallow()
    try:
        for _ in in_generator():
            pass
    except Oops:
        pass
    if sys.version_info >= (3, 11):
        source = (
            "try:\n  raise ExceptionGroup('g', [Oops(1), KeyError()])\nexcept* Oops:\n  note()\n"
        )
        source += "except* KeyError:\n  note()\n"
        exec(source, globals())


main()
