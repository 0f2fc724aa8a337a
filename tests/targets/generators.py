# SPDX-License-Identifier: MIT
"""Generators: sent to, thrown at, closed, abandoned, nested, re-entered, passed about."""

import sys


def countdown(n):
    while n > 0:
        yield n
        n -= 1
    return "lift off"


def averager():
    total = count = 0
    value = yield
    while True:
        total += value
        count += 1
        value = yield total / count


def stubborn():
    """Catches what is thrown and goes on."""
    caught = 0
    while caught < 3:
        try:
            yield caught
        except ValueError:
            caught += 1
    return caught


def tidy(log):
    try:
        yield 1
        yield 2
    finally:
        log.append(clean_up())


def clean_up():
    return "clean"


def last_words(log):
    """Catches GeneratorExit and calls before it ends."""
    try:
        yield 1
    except GeneratorExit:
        log.append(clean_up())
        raise


def inner(log):
    try:
        for n in range(5):
            yield n
    except KeyError:
        log.append("inner caught")
        yield "caught"
    finally:
        log.append("inner done")


def middle(log):
    yield from inner(log)


def outer(log):
    source = middle(log)
    try:
        while True:
            try:
                value = next(source)
            except StopIteration:
                return
            try:
                yield value
            except KeyError:
                yield source.throw(KeyError("handed down"))
    finally:
        source.close()


def tree(depth):
    """Recursion through generators: several activations of one function are open at once."""
    if depth:
        for value in tree(depth - 1):
            yield value
        yield depth
        for value in tree(depth - 1):
            yield value


def raises_at(n):
    for i in range(10):
        if i == n:
            raise LookupError(i)
        yield i


def primes(limit):
    numbers = iter(range(2, limit))
    while True:
        try:
            prime = next(numbers)
        except StopIteration:
            return
        yield prime
        numbers = (n for n in numbers if n % prime)


def ask_itself():
    yield 1
    try:
        next(me)
    except ValueError as error:
        assert "already executing" in str(error)
    yield 2


def main():
    global me
    assert list(countdown(100))[-1] == 1
    for _ in range(50):
        first = averager()
        next(first)
        for value in range(20):
            first.send(value)
    assert sum(n * n for n in countdown(50)) == 42925
    assert any(n == 7 for n in range(20)) and not all(n for n in range(3))
    assert tuple(n for n in countdown(3)) == (3, 2, 1)

    odd = stubborn()
    next(odd)
    for _ in range(2):
        odd.throw(ValueError("again"))
    try:
        odd.throw(ValueError("enough"))
    except StopIteration as stop:
        assert stop.value == 3
    never = stubborn()
    try:
        never.throw(ValueError("before the first step"))
    except ValueError:
        pass
    unstarted = tidy([])
    unstarted.close()

    log = []
    for maker in (tidy, last_words):
        one = maker(log)
        next(one)
        one.close()
        one.close()
        other = maker(log)
        next(other)
        del other
        third = maker(log)
        next(third)
        try:
            third.throw(ZeroDivisionError())
        except ZeroDivisionError:
            pass
    nested = outer(log)
    next(nested)
    next(nested)
    assert nested.throw(KeyError("top")) == "caught"
    assert next(nested, "over") == "over"
    nested.close()
    abandoned = outer(log)
    next(abandoned)
    del abandoned
    assert log.count("inner done") == 2 and log.count("clean") == 5, log

    assert len(list(tree(8))) == 255
    for n in range(5):
        try:
            for _ in raises_at(n):
                pass
        except LookupError:
            pass
    assert list(primes(60))[-1] == 59
    me = ask_itself()
    assert list(me) == [1, 2]
    sys.left_suspended = countdown(5)
    next(sys.left_suspended)


main()
