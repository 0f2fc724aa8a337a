# SPDX-License-Identifier: MIT
"""How deep each function has called itself.

usage: ulma monitor deepest.py TARGET | PID | FILE
The same path has the same number each time, so it is looked at once however often it is taken.
"""

import ulma


class Deepest(ulma.Monitor):
    def __init__(self):
        self.known = set()
        self.depths = {}

    def on_call(self, event):
        context = event.context
        if context in self.known:
            return
        self.known.add(context)
        function = event.function
        depth = event.stack.count(function)
        if depth > self.depths.get(function, 1):
            self.depths[function] = depth

    def on_end(self):
        for function, depth in sorted(self.depths.items(), key=lambda item: -item[1])[:10]:
            print(f"{depth:6,}  {function}")
