# SPDX-License-Identifier: MIT
"""A tool of sys.monitoring (3.12+) that hears each function once, beside tiny calls.

python other_tool.py OUT SECONDS
"""

import sys
import time

TOOL = sys.monitoring.COVERAGE_ID
EVENTS = sys.monitoring.events
heard = {}


def on_start(code, offset):
    heard[code.co_name] = heard.get(code.co_name, 0) + 1
    return sys.monitoring.DISABLE


def leaf(x):
    return x


def turn():
    for i in range(100):
        leaf(i)


sys.monitoring.use_tool_id(TOOL, "coverage")
sys.monitoring.register_callback(TOOL, EVENTS.PY_START, on_start)
sys.monitoring.set_events(TOOL, EVENTS.PY_START)
end = time.perf_counter() + float(sys.argv[2])
while time.perf_counter() < end:
    turn()
sys.monitoring.set_events(TOOL, 0)
sys.monitoring.free_tool_id(TOOL)
with open(sys.argv[1], "w", encoding="utf-8") as out:
    out.write(f'{{"leaf": {heard["leaf"]}, "turn": {heard["turn"]}}}')
