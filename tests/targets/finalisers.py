# SPDX-License-Identifier: MIT
"""__del__, weakref callbacks, finalizers, collected cycles, gc callbacks, resurrection."""

import sys

sys.path_importer_cache.clear()
import gc
import weakref


class Mortal:
    def __init__(self, log):
        self.log = log

    def __del__(self):
        say(self.log, "del")


class Phoenix:
    saved = []

    def __del__(self):
        Phoenix.saved.append(self)


class Raises:
    def __del__(self):
        raise ValueError("ignored")


class Thing:
    pass


def say(log, word):
    log.append(word)


def on_death(reference):
    say(words, "weak")


def generator(log):
    try:
        yield
    finally:
        say(log, "generator")


def on_collection(phase, info):
    say(collections, phase)


def cycle(log):
    one, two = Mortal(log), Mortal(log)
    one.other, two.other = two, one
    one.generator = generator(log)
    next(one.generator)


def local_death(log):
    thing = Mortal(log)
    return say(log, "before") or thing.log


def main():
    log = []
    for _ in range(50):
        Mortal(log)
        local_death(log)
    assert log.count("del") == 100
    for _ in range(10):
        thing = Thing()
        references = [weakref.ref(thing, on_death) for _ in range(3)]
        weakref.finalize(thing, say, log, "finalized")
        del thing
        assert references[0]() is None
    assert words.count("weak") == 30 and log.count("finalized") == 10
    table = weakref.WeakValueDictionary()
    for n in range(10):
        table[n] = Thing()
    assert len(table) == 0
    gc.callbacks.append(on_collection)
    for _ in range(5):
        cycle(log)
        gc.collect()
    gc.callbacks.remove(on_collection)
    assert log.count("generator") == 5
    Phoenix()
    Phoenix.saved.clear()
    sys.unraisablehook = lambda details: say(log, "unraisable")
    for _ in range(3):
        Raises()
    assert log.count("unraisable") == 3


gc.disable()
words, collections = [], []
main()
