# SPDX-License-Identifier: MIT
"""Calls in phases; between two of them it tells and waits to be told, through its stdin and stdout.

    python in_phases.py NAME=CALLS...
Phase by phase: print NAME, read a line, call the function NAME that often. No other Python function
is called.
"""

import sys


def make(name):
    namespace = {}
    exec(compile(f"def {name}(): pass", "<phases>", "exec"), namespace)
    return namespace[name]


functions = {}
for word in sys.argv[1:]:
    name, _, times = word.partition("=")
    if name not in functions:
        functions[name] = make(name)
    function = functions[name]
    print(name, flush=True)
    sys.stdin.readline()
    for _ in range(int(times)):
        function()
print("over", flush=True)
