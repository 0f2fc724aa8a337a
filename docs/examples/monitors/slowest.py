# SPDX-License-Identifier: MIT
"""The slowest calls, each with the path that led to it.

usage: ulma monitor slowest.py TARGET | PID | FILE
Once there are as many as are shown, quicker ones are of no interest: slower_than rises with the
list, so that they are not even told.
"""

import heapq

import ulma

SHOWN = 5


class Slowest(ulma.Monitor):
    def __init__(self):
        self.calls = []

    def keep(self, event):
        heapq.heappush(self.calls, (event.duration_ns, event.time_ns, event))
        if len(self.calls) > SHOWN:
            heapq.heappop(self.calls)
            self.slower_than = self.calls[0][0] / 1e9

    on_return = on_raise = keep

    def on_end(self):
        for duration_ns, time_ns, event in sorted(self.calls, reverse=True):
            print(f"{duration_ns / 1e6:9.3f} ms, until {time_ns / 1e9:.3f} s: {event.function}")
            print("             " + " > ".join(function.qualname for function in event.stack))
