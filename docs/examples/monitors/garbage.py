# SPDX-License-Identifier: MIT
"""Pauses of the garbage collector beside the function that was making objects when they came.

usage: ulma monitor garbage.py TARGET | PID | FILE
"""

import collections

import ulma


class Garbage(ulma.Monitor):
    def __init__(self):
        self.pauses = collections.defaultdict(list)
        self.freed = collections.Counter()

    def on_gc(self, event):
        key = event.function, event.generation
        self.pauses[key].append(event.duration_ns)
        self.freed[key] += event.collected

    def on_end(self):
        rows = sorted(self.pauses.items(), key=lambda item: -sum(item[1]))
        print(" gen  pauses   total ms     max ms      freed  function")
        for (function, generation), pauses in rows[:10]:
            total, most = sum(pauses) / 1e6, max(pauses) / 1e6
            freed = self.freed[function, generation]
            name = function.qualname if function else "(no Python function)"
            print(f"{generation:4}{len(pauses):8,}{total:11.2f}{most:11.2f}{freed:11,}  {name}")
