# SPDX-License-Identifier: MIT
"""Run a target as `__main__` under sys.settrace and write down how often each of its lines ran.

    python lines_truth.py OUT TARGET

Rules: those of truth.py.
"""

import sys
import threading

out, target = sys.argv[1:]
sys.argv[:] = [target]

with open(target, "rb") as source:
    code = compile(source.read(), target, "exec", dont_inherit=True)
program = type(sys)("__main__")
program.__file__ = target
program.__builtins__ = __builtins__
sys.modules["__main__"] = program
hits = {}


def trace(frame, event, argument):
    if frame.f_code.co_filename != target:
        return None
    if event == "line":
        key = frame.f_code.co_qualname, frame.f_lineno
        hits[key] = hits.get(key, 0) + 1
    return trace


threading.settrace(trace)
sys.settrace(trace)
type(lambda: None)(code, program.__dict__)()
sys.settrace(None)
threading.settrace(None)

import json

with open(out, "w", encoding="utf-8") as written:
    json.dump([[*key, count] for key, count in hits.items()], written)
