"""Uses operators of the interpreter's own types in loops that specialise; counts each itself and prints the
counts by function and operator. Ends at once after that: what the interpreter does at its end counts too."""

import gc

gc.disable()

import collections
import json
import operator
import os
import sys

counts = []


def counted(function, name, number):
    counts.append((function, name, number))


class Sub(dict):
    pass


class Missing(dict):
    def __missing__(self, key):
        return key


class Own(dict):
    """Its operator is its own, a method of Python's; that one calls dict's method, no operator."""

    def __getitem__(self, key):
        return super().__getitem__(key)


Pair = collections.namedtuple("Pair", "first second")


def of_dict(times):
    table = {1: 2}
    for number in range(times):
        table[1]
        table[number] = number
        operator.getitem(table, 1)
    for number in range(times):
        number in table
        del table[number]
    counted("of_dict", "dict.__getitem__", 2 * times)
    counted("of_dict", "dict.__setitem__", times)
    counted("of_dict", "dict.__contains__", times)
    counted("of_dict", "dict.__delitem__", times)


def of_list(times):
    numbers = [0] * times
    for number in range(times):
        numbers[0]
        numbers[number] = number
        0 in numbers
    for _ in range(times):
        del numbers[0]
    counted("of_list", "list.__getitem__", times)
    counted("of_list", "list.__setitem__", times)
    counted("of_list", "list.__contains__", times)
    counted("of_list", "list.__delitem__", times)


def of_rest(times):
    pair, text, some, fixed = (1, 2), "text", {1}, frozenset([1])
    for _ in range(times):
        pair[1]
        1 in pair
        text[1]
        "t" in text
        1 in some
        1 in fixed
    for name in ("tuple.__getitem__", "tuple.__contains__", "str.__getitem__"):
        counted("of_rest", name, times)
    for name in ("str.__contains__", "set.__contains__", "frozenset.__contains__"):
        counted("of_rest", name, times)


def of_loops(times):
    table = dict.fromkeys(range(3))
    for _ in range(times):
        for _ in [1]:  # a tuple, to the compiler
            pass
    for _ in range(times):
        for _ in table:
            pass
    for _ in range(times):
        for _ in {1, times}:
            pass
    for _ in range(times):
        for _ in Pair(1, 2):
            pass
    pair = (1, 2)
    for _ in range(times):
        for _ in pair:
            pass
    for text in ("ab", "\u0101b"):
        for _ in range(times):
            for _ in text:
                pass
    counted("of_loops", "dict.__next__", 4 * times)
    counted("of_loops", "set.__iter__", times)
    counted("of_loops", "set.__next__", 3 * times)
    counted("of_loops", "tuple.__iter__", 3 * times + 1)
    counted("of_loops", "tuple.__next__", (2 + 3 + 3) * times + 3)
    counted("of_loops", "str.__iter__", 2 * times)
    counted("of_loops", "str.__next__", 6 * times)


def of_list_loops(times):
    numbers = [1, 2]
    for _ in range(times):
        for _ in numbers:
            pass
    counted("of_list_loops", "list.__iter__", times)
    counted("of_list_loops", "list.__next__", 3 * times)


def of_subclasses(times):
    class Late(Sub):
        """Made while the operators are on."""

    sub, missing, late = Sub(), Missing(), Late()
    ordered, default = collections.OrderedDict(), collections.defaultdict(int, {0: 1})
    for number in range(times):
        sub[number] = number
        sub[number]
        missing[number]
        late[number] = number
        late[number]
        number in late
        ordered["x"] = 1  # its own
        ordered["x"]
        default[0]
    counted("of_subclasses", "dict.__setitem__", 2 * times)
    counted("of_subclasses", "dict.__getitem__", 5 * times)
    counted("of_subclasses", "dict.__contains__", times)


def of_pairs(times):
    pair = Pair(1, 2)
    for _ in range(times):
        pair[0]
        pair[-1]
        1 in pair
    counted("of_pairs", "tuple.__getitem__", 2 * times)
    counted("of_pairs", "tuple.__contains__", times)


def of_own(times):
    own = Own({1: 2})
    for _ in range(times):
        own[1]
    counted("of_own", "dict.__getitem__", 0)


class Key:
    def __hash__(self):
        return 1

    def __eq__(self, other):
        return self is other


def of_errors(times):
    table = {Key(): 1, 1: 2}
    for _ in range(times):
        try:
            table["none"]
        except KeyError:
            pass
    for _ in range(times):
        table[1]  # asks Key.__eq__
    counted("of_errors", "dict.__getitem__", 2 * times)


if __name__ == "__main__":
    TIMES = 1500
    for use in (of_dict, of_list, of_rest, of_loops, of_list_loops):
        use(TIMES)
    for use in (of_subclasses, of_pairs, of_own, of_errors):
        use(TIMES)
    sys.stdout.write(json.dumps(counts))
    sys.stdout.flush()
    os._exit(0)
