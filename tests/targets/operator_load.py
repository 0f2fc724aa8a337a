# SPDX-License-Identifier: MIT
"""Threads that use operators of every kind and of classes below the builtin types, make classes, free deep
structures, and check what comes out. Told by lines: `work` does a round, `slots` prints what stands in the types'
slots, `over` ends it."""

import collections
import ctypes
import json
import sys
import threading

over = threading.Event()
wrong, rounds = [], []

Pair = collections.namedtuple("Pair", "first second")


class Table(dict):
    def __missing__(self, key):
        return key


class Own(list):
    def __getitem__(self, at):
        return super().__getitem__(at)


class Changing(dict):
    """Its operator comes and goes."""


def deep(depth):
    inner = []
    for _ in range(depth):
        inner = [inner]
    return inner


def changing(n):
    table, heard = Changing({1: 1}), []
    for number in range(n):
        heard.append(table[1])
        if number == n // 2:
            Changing.__getitem__ = lambda self, key: -1
    del Changing.__getitem__
    return heard.count(1), heard.count(-1), table[1]


def maps(number):
    class Late(Table):
        pass

    found = 0
    for table in ({}, Table(), Late(), collections.OrderedDict(), collections.defaultdict(int)):
        table[number] = 1
        table["x"] = table[number]
        found += (number in table) + sum(1 for _ in table) + table["x"]
        del table["x"]
        found += "x" not in table
    return found, Late()["none"]


def sequences():
    numbers, own = list(range(20)), Own(range(20))
    numbers[3] = own[3] + numbers[-1]
    del numbers[0], own[:2]
    pair, text = Pair(1, 2), "te\u0101"
    return (
        sum(numbers),
        sum(own),
        3 in own,
        pair[0] + pair[1],
        [char for char in text if char in "t\u0101"],
        text[1:],
        {1, 2} == set(pair),
        all(x in frozenset(pair) for x in pair),
    )


def failing():
    caught = 0
    for use in (lambda: {}["k"], lambda: [][1], lambda: ()[0], lambda: ""[5], lambda: [] in {1}):
        try:
            use()
        except (KeyError, IndexError, TypeError):
            caught += 1
    return caught


def once(number):
    return [maps(number), sequences(), failing()]


TRUTH = once(0), changing(10)


def work(number):
    done = 0
    while not over.is_set():
        out = once(number)
        if out != TRUTH[0]:
            wrong.append(out)
        if number == 0:
            out = changing(10)
            if out != TRUTH[1]:
                wrong.append(out)
            deep(1000000 if done % 512 == 511 else 2000)
        done += 1
    rounds.append(done)


# --- what stands in the slots ---------------------------------------------------------------------

SLOTS = {104: (24, 40, 56), 112: (8, 16)}  # in what the type points to there


def word(address):
    return ctypes.c_void_p.from_address(address).value


def slots():
    found = []
    types = [dict, list, tuple, str, set, frozenset, Table, Own, Pair, Changing]
    types += [collections.OrderedDict, collections.defaultdict, collections.Counter]
    types += [
        type(iter(made)) for made in ({}, {}.values(), {}.items(), [], (), "a", "\u0101", {1})
    ]
    for one in types:
        found += [word(id(one) + 216), word(id(one) + 224)]
        for pointer, offsets in SLOTS.items():
            table = word(id(one) + pointer)
            found += [word(table + offset) for offset in offsets] if table else []
    method = word(id(object.__dict__["__init_subclass__"]) + 40)
    return [*found, word(method + 8)]


def main():
    print("ready", flush=True)
    threads = []
    for line in sys.stdin:
        if line == "slots\n":
            once(1)
            print(json.dumps(slots()), flush=True)
        elif line == "begin\n":
            threads += [threading.Thread(target=work, args=(number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            print("begun", flush=True)
        elif line == "over\n":
            over.set()
            for thread in threads:
                thread.join()
            print(wrong, min(rounds) > 0, flush=True)


main()
