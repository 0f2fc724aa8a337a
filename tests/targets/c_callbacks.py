# SPDX-License-Identifier: MIT
"""Python called from C: sort keys, comparisons, map, reduce, re.sub, factories, files."""

import sys

sys.path_importer_cache.clear()
import bisect
import collections
import functools
import io
import itertools
import json
import re


def key(n):
    return -n


def compare(a, b):
    return (a > b) - (a < b)


def add(a, b):
    return a + b


def is_odd(n):
    return n % 2


def upper(match):
    return match.group(0).upper()


def factory():
    return []


def hook(value):
    return helper(value)


def helper(value):
    return {k: v for k, v in value.items()}


def default(value):
    return sorted(value)


class Weight:
    def __init__(self, n):
        self.n = n

    def __lt__(self, other):
        return self.n < other.n

    def __int__(self):
        return self.n

    def __str__(self):
        return str(self.n)


class Lines(io.RawIOBase):
    def __init__(self, text):
        self.text = text

    def readable(self):
        return True

    def readinto(self, buffer):
        piece, self.text = self.text[: min(8, len(buffer))], self.text[8:]
        buffer[: len(piece)] = piece
        return len(piece)


class Sink:
    def __init__(self):
        self.parts = []

    def write(self, text):
        self.parts.append(text)


class Letters:
    def __getitem__(self, code):
        if code == ord("a"):
            return "A"
        raise LookupError


def countdown(state=[]):  # noqa: B006 - the state between calls is the point
    state.append(1)
    return len(state)


def main():
    numbers = list(range(50))
    for _ in range(4):
        assert sorted(numbers, key=key)[0] == 49
        assert sorted(numbers[::-1], key=functools.cmp_to_key(compare)) == numbers
        assert list(map(add, numbers, numbers))[-1] == 98
        assert list(filter(is_odd, numbers))[0] == 1
        assert functools.reduce(add, numbers) == 1225
        assert re.sub("[aeiou]", upper, "the quick brown fox") == "thE qUIck brOwn fOx"
        assert max(numbers, key=key) == 0 and min(numbers, key=lambda n: (is_odd(n), n)) == 0
        weights = sorted(map(Weight, reversed(numbers)))
        assert [int(w) for w in weights] == numbers
        assert bisect.bisect([w for w in weights], Weight(7)) == 8
    groups = {k: list(g) for k, g in itertools.groupby(numbers, key=lambda n: n // 10)}
    assert len(groups) == 5
    assert list(itertools.accumulate(numbers, add))[-1] == 1225
    assert list(itertools.starmap(add, [(1, 2), (3, 4)])) == [3, 7]
    assert len(list(itertools.takewhile(lambda n: n < 7, numbers))) == 7
    table = collections.defaultdict(factory)
    for n in numbers:
        table[n % 5].append(n)
    assert list(iter(countdown, 5)) == [1, 2, 3, 4]
    text = json.dumps([{"a": {3, 1, 2}}, {"b": {"c": 1}}], default=default)
    assert json.loads(text, object_hook=hook)[0] == {"a": [1, 2, 3]}
    sink = Sink()
    print("a", Weight(3), 4, file=sink, sep="-")
    assert "".join(sink.parts) == "a-3-4\n"
    reader = io.BufferedReader(Lines(b"one\ntwo\nthree\n" * 5))
    assert len(list(io.TextIOWrapper(reader))) == 15
    assert "banana".translate(Letters()) == "bAnAnA"
    assert list(zip(map(key, numbers), numbers))[3] == (-3, 3)
    assert collections.Counter(map(is_odd, numbers))[1] == 25


main()
