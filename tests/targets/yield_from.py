# SPDX-License-Identifier: MIT
"""Delegation by `yield from`: values, results, send, throw and close through many levels."""


def leaf(n):
    got = []
    for i in range(n):
        try:
            got.append((yield i))
        except IndexError:
            got.append("index")
    return len(got)


def branch(depth, n):
    if depth == 0:
        return (yield from leaf(n))
    result = yield from branch(depth - 1, n)
    return result + 1


def walk(tree):
    if isinstance(tree, tuple):
        for kid in tree:
            yield from walk(kid)
    else:
        yield tree


def build(depth):
    return (build(depth - 1), depth, build(depth - 1)) if depth else 0


def chain(*sources):
    for source in sources:
        yield from source


def guarded(log, depth):
    try:
        if depth:
            yield from guarded(log, depth - 1)
        else:
            while True:
                yield
    except RuntimeError:
        log.append(depth)
        if depth < 3:
            raise
        yield "recovered"
    finally:
        log.append(-depth)


class Repeat:
    """Not a generator: `yield from` calls its methods."""

    def __init__(self, n):
        self.left = n

    def __iter__(self):
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration("done")
        self.left -= 1
        return self.left

    def throw(self, *_):
        return "thrown"

    def close(self):
        self.left = 0


def delegate(thing):
    return (yield from thing)


def main():
    run = branch(10, 6)
    next(run)
    run.send("a")
    run.throw(IndexError())
    try:
        while True:
            run.send("b")
    except StopIteration as stop:
        assert stop.value == 16
    assert len(list(walk(build(7)))) == 255
    assert len(list(chain(range(10), walk(build(3)), [1, 2]))) == 27
    log = []
    one = guarded(log, 6)
    next(one)
    assert one.throw(RuntimeError("up")) == "recovered"
    one.close()
    two = guarded(log, 4)
    next(two)
    two.close()
    three = guarded(log, 2)
    next(three)
    try:
        three.throw(RuntimeError("through all"))
    except RuntimeError:
        pass
    assert list(delegate(Repeat(4))) == [3, 2, 1, 0]
    thing = delegate(Repeat(4))
    next(thing)
    assert thing.throw(KeyError()) == "thrown"
    thing.close()


main()
