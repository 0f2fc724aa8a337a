# SPDX-License-Identifier: MIT
"""Greenlets that switch in the middle of their calls, and count these and who calls.

The hub starts and resumes them in an order that is not theirs; some are killed while they are
switched away, one raises, one starts another one, and generators go on in a greenlet that did not
begin them.
"""

import collections
import json
import sys

import greenlet

CALLS = collections.Counter()
EDGES = collections.Counter()


def count(name, caller):
    CALLS[name] += 1
    EDGES[f"{caller} {name}"] += 1


def leaf(caller):
    count("leaf", caller)


def down(depth, hub):
    if depth:
        count("down", "down")
        down(depth - 1, hub)
        leaf("down")
    else:
        hub.switch()
        leaf("down")
        hub.switch()


def even(hub, turns):
    for turn in range(turns):
        leaf("even")
        hub.switch()
        count("down", "even")
        down(turn % 4, hub)


def odd(hub, turns):
    for _ in range(turns):
        hub.switch()
        leaf("odd")
        leaf("odd")
    raise ValueError


def numbers(hub):
    while True:
        leaf("numbers")
        hub.switch()
        yield 1


def takes(hub, turns, generator):
    for _ in range(turns):
        leaf("takes")
        next(generator)
        leaf("takes")


def starts(hub, turns):
    inner = greenlet.greenlet(run)
    leaf("starts")
    inner.switch(odd, hub, turns)
    leaf("starts")


def run(work, *arguments):
    try:
        count(work.__name__, "run")
        work(*arguments)
    except ValueError:
        leaf("run")


def main():
    hub = greenlet.getcurrent()
    generators = [numbers(hub), numbers(hub)]
    waiting = []
    for number in range(30):
        work = (even, odd, takes)[number % 3]
        more = (generators[number % 2],) if work is takes else ()
        waiting.append((greenlet.greenlet(run), (work, hub, 5 + number % 4, *more)))
    waiting.append((greenlet.greenlet(run), (starts, hub, 3)))
    turn = 0
    while waiting:
        turn += 7
        one, arguments = waiting.pop(turn % len(waiting))
        one.switch(*arguments)
        if turn % 10 == 0 and not one.dead and arguments:
            one.throw()
        leaf("main")
        if not one.dead:
            waiting.append((one, ()))


if __name__ == "__main__":
    main()
    json.dump({"calls": CALLS, "edges": EDGES}, sys.stdout)
