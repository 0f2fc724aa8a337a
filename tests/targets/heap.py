"""Holds objects of types of its own, and says how many and how large: one line of stdin, one
answer. `grow N` makes N more of each; `end` ends."""

import collections
import json
import sys


class Plain:
    def __init__(self, number):
        self.number = number


class Slots:
    __slots__ = ("number", "text")

    def __init__(self, number):
        self.number = number
        self.text = "text %d of a slot" % number


class Text(str):
    pass


class Row(tuple):
    pass


class Table(dict):
    pass


class Stack(list):
    pass


class Raw(bytes):
    pass


class Asked:
    asked = 0

    def __sizeof__(self):
        Asked.asked += 1
        return 1000000


class Metaclass(type):
    @property
    def __module__(cls):
        raise SystemExit("a census runs no code")


class Odd(metaclass=Metaclass):
    pass


makers = {
    "Plain": Plain,
    "Slots": Slots,
    "Text": lambda number: Text("text %d" % number),
    "Row": lambda number: Row((number, "row %d" % number)),
    "Table": lambda number: Table({number: number, "table %d" % number: []}),
    "Stack": lambda number: Stack(range(number % 100)),
    "Raw": lambda number: Raw(b"%d raw" % number),
    "Asked": lambda number: Asked(),
}
kept = {name: collections.deque() for name in makers}
odd = Odd()


def grow(number):
    for name, make in makers.items():
        first = len(kept[name])
        kept[name].extend(make(first + i) for i in range(number))


def truth():
    return {
        name: [len(held), 0 if name == "Asked" else sum(map(sys.getsizeof, held))]
        for name, held in kept.items()
    }


def main():
    for line in sys.stdin:
        words = line.split()
        if words[0] == "end":
            break
        grow(int(words[1]))
        told = {"types": truth(), "asked": Asked.asked}
        print(json.dumps(told), flush=True)


main()
