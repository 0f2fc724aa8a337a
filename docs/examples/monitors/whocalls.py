# SPDX-License-Identifier: MIT
"""The call graph of one module while one of its functions is open, in Graphviz's words.

usage: MODULE=__main__ WHILE=offer ulma monitor whocalls.py TARGET | PID | FILE
Outside of that function only calls are listened for; inside, returns too, to see its end.
"""

import collections
import os

import ulma

MODULE = os.environ.get("MODULE", "__main__")
WHILE = os.environ.get("WHILE", "main")


class WhoCalls(ulma.Monitor):
    def __init__(self):
        self.edges = collections.Counter()
        self.open = 0

    def on_begin(self):
        self.choose({"call"})

    def on_call(self, event):
        function = event.function
        if function.module == MODULE and function.qualname == WHILE:
            self.open += 1
            self.choose({"call", "return", "raise"})
        elif self.open and function.module == MODULE and event.caller:
            self.edges[event.caller.qualname, function.qualname] += 1

    def on_return(self, event):
        function = event.function
        if function.module == MODULE and function.qualname == WHILE:
            self.open -= 1
            return {"call", "return", "raise"} if self.open else {"call"}
        return None

    on_raise = on_return

    def on_end(self):
        print("digraph {")
        for (caller, callee), count in sorted(self.edges.items()):
            print(f'    "{caller}" -> "{callee}" [label="{count:,}"]')
        print("}")
