# SPDX-License-Identifier: MIT
"""Recursion up to sys.getrecursionlimit() and into RecursionError, counted by the program itself.

Where the limit bites depends on the frames below, so no other run can tell the numbers.
    python deep_limit.py OUT
"""

import json
import sys


def dive(limit):
    global dived, deepest
    dived += 1
    deepest += 1
    if deepest < limit:
        dive(limit)
    deepest -= 1


def plunge():
    global plunged
    plunged += 1
    plunge()


class Deep:
    def __getattr__(self, name):
        global asked
        asked += 1
        return getattr(self, name + "x")


def by_key(n):
    global keyed
    keyed += 1
    return sorted([n], key=by_key)


def main():
    global dived, deepest, plunged, asked, keyed
    dived = deepest = plunged = asked = keyed = 0
    dive(900)
    for _ in range(3):
        try:
            plunge()
        except RecursionError:
            pass
        for broken in (lambda: getattr(Deep(), "a"), lambda: by_key(1)):
            try:
                broken()
            except RecursionError:
                pass
    dive(500)
    return plunged > 900


main()
own = []
for function, calls, primitive in (
    (dive, dived, 2),
    (plunge, plunged, 3),
    (Deep.__getattr__, asked, 3),
    (by_key, keyed, 3),
):
    code = function.__code__
    own.append([code.co_filename, code.co_firstlineno, code.co_name, calls, primitive])
with open(sys.argv[1], "w", encoding="utf-8") as out:
    json.dump(own, out)
