"""Makes objects of known types at known lines. What each line is to make, each round, stands behind
it: `# made: TYPE COUNT`, and `kept` where none of them is freed before the end."""

import json
import threading


class Plain:
    pass


class Slotted:
    __slots__ = ("a",)


class OfDict(dict):
    pass


class Mistake(Exception):
    pass


ROUNDS = 700
kept = []


def dicts(number):
    for _ in range(number):
        kept.append({"a": None, "b": None})  # made: dict 1 kept
        {"a": number}  # noqa: B018 # made: dict 1
        dict(a=1)  # noqa: C408 # made: dict 1


def lists(number):
    for _ in range(number):
        kept.append([number, number])  # made: list 1 kept
        [number, number, number]  # noqa: B018 # made: list 1
        list("abc")  # made: list 1


def tuples(number):
    for _ in range(number):
        kept.append((number, number))  # made: tuple 1 kept
        tuple([number, number, number])  # noqa: C409 # made: tuple 1 list 1


def strings(number):
    for _ in range(number):
        kept.append("%dx" % number)  # made: str 1 kept
        "-".join(("ab", "cd"))  # made: str 1


def resized(number):
    """One str, that grows: it moves, and is one all the time."""
    text = ""
    for _ in range(number):
        text += "ab"
    kept.append(text)


def instances(number):
    for _ in range(number):
        kept.append(Plain())  # made: __main__.Plain 1 kept
        Slotted()  # made: __main__.Slotted 1
        OfDict()  # made: __main__.OfDict 1


def closures(number):
    for _ in range(number):
        kept.append(lambda: number)  # made: function 1 kept
        lambda: number  # noqa: B018 # made: function 1


def counting(number):
    yield number


def generators(number):
    for _ in range(number):
        kept.append(counting(number))  # made: generator 1 kept
        counting(number)  # made: generator 1


def exceptions(number):
    for _ in range(number):
        try:
            raise ValueError("no")  # made: ValueError 1
        except ValueError:
            pass
        try:
            raise Mistake  # made: __main__.Mistake 1 kept
        except Mistake as error:
            kept.append(error)


def made_elsewhere(box, number):
    for _ in range(number):
        box.append({"k": 1})  # made: dict 1


def freed_elsewhere(number):
    """Objects that one thread makes, and another one frees."""
    for _ in range(5):
        box = []
        thread = threading.Thread(target=made_elsewhere, args=(box, number // 5))
        thread.start()
        thread.join()
        assert len(box) == number // 5
        box.clear()


def main():
    for make in (dicts, lists, tuples, strings, resized, instances, closures, generators):
        make(ROUNDS)
    exceptions(ROUNDS)
    freed_elsewhere(ROUNDS)
    print(json.dumps({"rounds": ROUNDS}))


main()
