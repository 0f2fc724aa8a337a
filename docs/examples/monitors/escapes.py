# SPDX-License-Identifier: MIT
"""Exceptions that cross functions: where one began, how many calls it left, and who caught it.

usage: ulma monitor escapes.py TARGET | PID | FILE
An exception that leaves several functions is told once for each, from the inside out, each time
one call less deep.
"""

import collections

import ulma


class Escapes(ulma.Monitor):
    def __init__(self):
        self.flying = {}  # by thread: the innermost function, how deep it is now, how many it left
        self.seen = collections.Counter()

    def on_raise(self, event):
        thread = event.thread
        origin, depth, left, _ = self.flying.get(thread, (None, -1, 0, None))
        if event.depth != depth - 1:
            self.land(thread)
            origin, left = event.function, 0
        self.flying[thread] = origin, event.depth, left + 1, event.caller

    def land(self, thread):
        if thread in self.flying:
            origin, _, left, caught_by = self.flying.pop(thread)
            self.seen[origin, left, caught_by] += 1

    def on_end(self):
        for thread in list(self.flying):
            self.land(thread)
        for (origin, left, caught_by), count in self.seen.most_common(10):
            catcher = caught_by.qualname if caught_by else "nobody"
            print(f"{count:7,}  {origin.qualname}: left {left}, caught by {catcher}")
