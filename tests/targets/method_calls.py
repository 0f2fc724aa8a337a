"""Calls methods of the interpreter's own types, and builtin functions, in loops that specialise;
counts each itself and prints the counts. Ends at once after that: what the interpreter
calls at its end counts too."""

import gc

gc.disable()

import json
import os
import sys

counts = {}


def counted(name, number):
    counts[name] = counts.get(name, 0) + number


class Sub(dict):
    pass


def of_dict():
    table = {}
    sub = Sub()
    for number in range(3000):
        table.setdefault(number, []).append(number)
        sub.setdefault(number, None)
    for number in range(3000):
        table.get(number)
        getattr(table, "get")(number)
    for number in range(1000):
        table.pop(number)
    for _ in range(100):
        dict.fromkeys("abc")
    counted("dict.setdefault", 6000)
    counted("list.append", 3000)
    counted("dict.get", 6000)
    counted("dict.pop", 1000)
    counted("dict.fromkeys", 100)


def of_list():
    numbers = []
    append = numbers.append
    for number in range(5000):
        numbers.append(number)
        append(number)
    for _ in range(50):
        numbers.sort(key=int.bit_length)
        numbers.index(4999)
    for _ in range(200):
        try:
            numbers.remove("not there")
        except ValueError:
            pass
    counted("list.append", 10000)
    counted("list.sort", 50)
    counted("list.index", 50)
    counted("list.remove", 200)
    counted("int.bit_length", 50 * 10000)


def of_text():
    for number in range(2000):
        " ".join(["a", "b"])
        "a b".split()
        "x".startswith("x")
        b"".join([b"1", b"2"])
    counted("str.join", 2000)
    counted("str.split", 2000)
    counted("str.startswith", 2000)
    counted("bytes.join", 2000)


def of_sets():
    numbers = set()
    for number in range(4000):
        numbers.add(number)
        numbers.discard(-number)
    counted("set.add", 4000)
    counted("set.discard", 4000)


def of_builtins():
    numbers = [1, 2]
    for _ in range(6000):
        len(numbers)
        isinstance(numbers, list)
    for number in range(700):
        abs(-number)
        sorted(numbers)
    counted("builtins.len", 6000)
    counted("builtins.isinstance", 6000)
    counted("builtins.abs", 700)
    counted("builtins.sorted", 700)


def of_modules_that_come_late():
    import _collections
    import _io
    import time
    import zlib

    queue = _collections.deque()
    text = _io.StringIO()
    for number in range(1500):
        queue.append(number)
        text.write("x")
    for _ in range(20):
        zlib.crc32(b"x" * 100)
        time.sleep(0)
    counted("collections.deque.append", 1500)
    counted("_io.StringIO.write", 1500)
    counted("zlib.crc32", 20)
    counted("time.sleep", 20)


for part in (of_dict, of_list, of_text, of_sets, of_builtins, of_modules_that_come_late):
    part()
sys.stdout.write(json.dumps(counts))
sys.stdout.flush()
os._exit(0)
