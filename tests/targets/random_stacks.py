# SPDX-License-Identifier: MIT
"""A random program made from a seed, which keeps its own slow truth: calls, primitive calls, edges.

    python random_stacks.py SEED MODE OUT
MODE: plain; timer (a signal handler calls Python at any moment); tools (3.12+: other monitoring
tools raise inside their own callbacks).
Every function notes its entry, its resumes and its end itself, in a list that is the stack. All
choices are drawn beforehand and fetched by C code, so that no Python function stands between.
"""

import collections
import gc
import itertools
import json
import random
import signal
import sys

FUNCTIONS, GENERATORS, DYING = 10, 6, 3
HANDLER, ALARM = FUNCTIONS + GENERATORS, FUNCTIONS + GENERATORS + 1
FIRST_DYING = ALARM + 1
NAMES = (
    [f"f{i}" for i in range(FUNCTIONS)]
    + [f"g{i}" for i in range(GENERATORS)]
    + ["handler", "alarm"]
    + [f"d{i}" for i in range(DYING)]
)

seed, mode, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
choices = random.Random(seed).choices(range(10_000), k=20_011)
pick = itertools.cycle(choices).__next__

calls, primitive = [0] * len(NAMES), [0] * len(NAMES)
edges = collections.defaultdict(int)
stack = [-1]
live = []
note_alarm = itertools.count().__next__  # how often it was called before
budget = [4000]


class Oops(Exception):
    pass


class Meddled(Exception):
    """Raised by another tool, inside its callback."""


ENTER = """
{pad}calls[{i}] += 1
{pad}primitive[{i}] += {i} not in stack
{pad}edges[stack[-1], {i}] += 1
{pad}stack.append({i})
"""

ACTIONS = """
        for _ in range(pick() % 5):
            budget[0] -= 1
            if budget[0] < 0 or depth <= 0:
                break
            act = pick() % 17
            if act < 5:
                functions[pick() % {functions}](depth - 1)
            elif act == 5:
                try:
                    functions[pick() % {functions}](depth - 1)
                except Oops:
                    pass
            elif act == 6:
                raise Oops
            elif act == 7 or act == 8:
                made = generators[pick() % {generators}](depth - 1)
                next(made, None)
                if len(live) < 30:
                    live.append(made)
                del made
            elif act == 9 or act == 10:
                if live:
                    chosen = live[pick() % len(live)]
                    if not chosen.gi_running:
                        next(chosen, None)
            elif act == 11:
                if live:
                    chosen = live[pick() % len(live)]
                    if chosen.gi_frame is not None and not chosen.gi_running:
                        try:
                            chosen.throw(Oops())
                        except (Oops, StopIteration):
                            pass
            elif act == 12:
                if live:
                    chosen = live[pick() % len(live)]
                    if not chosen.gi_running:
                        chosen.close()
            elif act == 13:
                if live:
                    chosen = None
                    live.pop(pick() % len(live))
                if pick() % 8 == 0:
                    collect()
            elif act == 14:
                sorted([depth - 1, depth - 2, depth - 3], key=functions[pick() % {functions}])
            elif act == 15:
                which = pick() % {dying}
                names = dict(everything)
                exec(dying[which], names)
                names.pop(f"d{{which}}")(depth - 1)
                del names
            else:
                raise_signal(SIGUSR1)
"""

FUNCTION = """
def {name}(depth{more}):
{enter}
    try:
{actions}
        return depth
    finally:
        stack.pop()
"""

GENERATOR = """
def {name}(depth):
{enter}
    try:
        while budget[0] > 0:
{actions}
            stack.pop()
            try:
                yield depth
            except Meddled:
                # No resume: the yield itself failed.
                stack.append({i})
                raise
            except BaseException as error:
{again}
                if isinstance(error, GeneratorExit) or pick() % 2:
                    raise
            else:
{again}
    finally:
        stack.pop()
"""


def indented(text, by):
    return "\n".join(" " * by + line if line else line for line in text.splitlines())


def program():
    sizes = {"functions": FUNCTIONS, "generators": GENERATORS, "dying": DYING}
    actions = ACTIONS.format(**sizes)
    parts, dying = [], []
    for i, name in enumerate(NAMES):
        enter = ENTER.format(pad="    ", i=i)
        if name.startswith("g"):
            again = ENTER.format(pad=" " * 16, i=i)
            inner = indented(actions, 4)
            text = GENERATOR.format(name=name, i=i, enter=enter, actions=inner, again=again)
        else:
            more = ", frame=None" if i in (HANDLER, ALARM) else ""
            if i == ALARM:
                # One alarm may come within another's `+= 1`, and its own would be overwritten.
                enter = enter.replace(f"calls[{i}] += 1", "note_alarm()")
                text = FUNCTION.format(name=name, more=more, enter=enter, actions="")
            elif i == HANDLER:
                calm = "        functions[pick() % 3](2) if len(stack) < 60 else None\n"
                text = FUNCTION.format(name=name, more=more, enter=enter, actions=calm)
            else:
                text = FUNCTION.format(name=name, more=more, enter=enter, actions=actions)
        if i >= FIRST_DYING:
            dying.append(text)
        else:
            parts.append(text)
    return "\n".join(parts), dying


def meddle():
    """Other tools, one called before ulma's and one after, whose callbacks raise now and then."""
    monitoring, events = sys.monitoring, sys.monitoring.events
    mine = {everything[name].__code__: i for i, name in enumerate(NAMES) if name in everything}
    taken = [n for n in range(6) if monitoring.get_tool(n) is not None]
    threshold = taken[0] if taken else 4

    def raising(tool, kind):
        def callback(code, *rest):
            index = mine.get(code)
            if index is None or index >= HANDLER or pick() % 97:
                return
            # Tools are called from the highest number down; what raises hides it from the rest.
            if kind == "start" and tool < threshold:
                calls[index] += 1
            raise Meddled

        return callback

    for tool in (1, 5):
        monitoring.use_tool_id(tool, f"meddler {tool}")
        for kind, event in (
            ("start", events.PY_START),
            ("return", events.PY_RETURN),
            ("yield", events.PY_YIELD),
        ):
            monitoring.register_callback(tool, event, raising(tool, kind))
        monitoring.set_events(tool, events.PY_START | events.PY_RETURN | events.PY_YIELD)


# A collection closes generators: only where the program says so, not between a call and its note.
gc.disable()
text, dying = program()
dying = [compile(one, "<dying>", "exec") for one in dying]
everything = {
    name: globals()[name]
    for name in (
        "note_alarm",
        "pick",
        "calls",
        "primitive",
        "edges",
        "stack",
        "live",
        "budget",
        "dying",
    )
}
everything.update(Oops=Oops, Meddled=Meddled, raise_signal=signal.raise_signal)
everything.update(SIGUSR1=signal.SIGUSR1, everything=everything, collect=gc.collect)
exec(compile(text, "<random>", "exec"), everything)
everything["functions"] = [everything[f"f{i}"] for i in range(FUNCTIONS)]
everything["generators"] = [everything[f"g{i}"] for i in range(GENERATORS)]

signal.signal(signal.SIGUSR1, everything["handler"])
if mode == "timer":
    signal.signal(signal.SIGALRM, everything["alarm"])
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
if mode == "tools":
    meddle()
rounds = 0
while budget[0] > 0 or rounds < 50:
    rounds += 1
    try:
        everything["functions"][pick() % FUNCTIONS](7)
    except (Oops, Meddled, StopIteration, RuntimeError):
        pass
    del stack[1:]
if mode == "timer":
    signal.setitimer(signal.ITIMER_REAL, 0)
    for _ in range(1000):  # one that is pending is handled at a jump back, before we count
        pass
calls[ALARM] = note_alarm()
if mode == "tools":
    for tool in (1, 5):
        sys.monitoring.set_events(tool, 0)
while live:
    live.pop().close()
gc.collect()  # generators that hold each other are closed by it, and not after our account
with open(out, "w", encoding="utf-8") as written:
    told = {
        "names": NAMES,
        "calls": calls,
        "primitive": primitive,
        "edges": [[a, b, n] for (a, b), n in edges.items()],
    }
    json.dump(told, written)
