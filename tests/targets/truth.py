# SPDX-License-Identifier: MIT
"""Run a target as `__main__` under cProfile's engine and write down what it counted.

    python truth.py OUT BUILTINS TARGET [ARG...]

Why not cProfile: its Python half imports a dozen modules, which the target would then not import
itself, and its file format keeps one of several rows of one (file, line, name). `_lsprof` is the
engine alone.
Rules: nothing but sys and _lsprof is imported before the target has ended; the target is entered
as a function, so that no exec() of ours is on the stack when it calls exec() itself.
"""

import sys

import _lsprof

out, builtins, target = sys.argv[1:4]
sys.argv[:] = sys.argv[3:]

with open(target, "rb") as source:
    code = compile(source.read(), target, "exec", dont_inherit=True)
program = type(sys)("__main__")
program.__file__ = target
program.__builtins__ = __builtins__
sys.modules["__main__"] = program
enter = type(lambda: None)(code, program.__dict__)

failure = None
profiler = _lsprof.Profiler(subcalls=False, builtins=builtins == "1")
profiler.enable()
try:
    enter()
except BaseException as error:  # what the target raised is told after its counts are written
    failure = error
profiler.disable()

rows = []
for entry in profiler.getstats():
    where = entry.code
    if isinstance(where, str):
        if "_lsprof.Profiler" in where:
            continue
        key = [None, 0, where]
    else:
        key = [where.co_filename, where.co_firstlineno, where.co_name]
    primitive = entry.callcount - entry.reccallcount
    rows.append([*key, entry.callcount, primitive, entry.inlinetime, entry.totaltime])

import json

with open(out, "w", encoding="utf-8") as written:
    json.dump(rows, written)
if failure is not None:
    raise failure
