# SPDX-License-Identifier: MIT
"""Rounds of a call-dense loop, each in a file of its own: what each took is written to argv[1]."""

import json
import sys
import time

ROUNDS = 30
TEXT = """
def run(leaf):
    x = 1
    for _ in range(1500):
        x = leaf(leaf(leaf(leaf(x))))
"""


def leaf(x):
    return (x * 5 + 3) & 1023


took = []
for number in range(ROUNDS):
    space = {}
    exec(compile(TEXT, f"<round {number}>", "exec"), space)
    begin = time.perf_counter_ns()
    space["run"](leaf)
    took.append(time.perf_counter_ns() - begin)
with open(sys.argv[1], "w", encoding="utf-8") as stream:
    json.dump(took, stream)
