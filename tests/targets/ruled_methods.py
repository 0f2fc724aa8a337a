"""Methods and operators of the interpreter's own types that rules hold against predicates."""

import sys
import zlib


class Slow:
    """A key whose comparison calls methods, too."""

    def __init__(self, depth):
        self.depth = depth

    def __lt__(self, other):
        if self.depth:
            [Slow(self.depth - 1), Slow(self.depth - 1)].sort()
        return False


def fill(rows):
    for number in range(100):
        rows.append(number)


def find(words):
    for number in range(50):
        try:
            words.index(number)
        except ValueError:
            pass


class Touchy:
    __hash__ = None

    def __eq__(self, other):
        raise TypeError(other)


def look_up(rows):
    for number in range(40):
        try:
            (Touchy() if number % 4 == 0 else number) in rows
        except TypeError:
            pass


def squeeze():
    for size in range(20):
        zlib.compress(b"x" * size * 100, level=1)


def others():
    for number in range(30):
        "1".zfill(number)
        "a,b,c".split(",", maxsplit=number)
        {}.get(number)
    [Slow(3), Slow(3)].sort()
    b"".join([b"x" * 1000] * 50)


fill([])
find([1, 2, 3])
look_up([*range(10)])
squeeze()
others()
print("done", file=sys.stdout)
