# SPDX-License-Identifier: MIT
"""Calls in phases; between two of them it tells and waits to be told, through its stdin and stdout.

    python in_phases.py NAME=CALLS...
Phase by phase: print NAME, read one byte, call the function NAME that often. No other Python
function is called: reading a line would call a decoder.
"""

import os
import sys


def make(name):
    namespace = {}
    exec(compile(f"def {name}(): pass", "<phases>", "exec"), namespace)
    return namespace[name]


phases = [(name, int(times)) for name, _, times in (word.partition("=") for word in sys.argv[1:])]
functions = {name: make(name) for name, _ in phases}
for name, times in phases:
    function = functions[name]
    print(name, flush=True)
    os.read(0, 1)
    for _ in range(times):
        function()
print("over", flush=True)
