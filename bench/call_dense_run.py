# SPDX-License-Identifier: MIT
"""Run one of the programs of call_dense.py, or call_dense_held.py, in this process.

call_dense_run.py RESULT NAME plain ROUNDS | once ROUNDS | cprofile ROUNDS

plain: the program as it is and with each of its knobs changed, in turns; what each took, as JSON.
A turn is as many rounds as come between two compilations: with one round each, a processor has to
learn the program anew each time, and is slower by up to 3 % than where a process has one program.
once: ROUNDS times as it is. cprofile: the same under cProfile; its self times, as JSON.
A round is a burst of some 0.3 ms: a shorter one is half spent on learning it anew, after what
stands between two. Every so many of them the program is compiled anew, with what it makes elsewhere
in memory: one place for all of a process's rounds is the same in each process of the same words,
and makes some programs slower by up to 7 %, with a profiler or without.
"""

import collections
import json
import operator
import random
import sys
import time

import call_dense
import call_dense_held

BURSTS = 25  # of the same code
TURNS = 8  # of the program, in a round
PATIENCE_NS, PATIENCE_IN_ALL_NS = 2_000_000, 1_000_000_000  # for a round, for a process
WARM = 4  # that do not count: the interpreter adapts code to what it meets


def fill():
    """Objects of the sizes that programs make, some of each: the next ones lie beyond them."""
    filling = [random.randrange(1 << 20, 1 << 29) for _ in range(random.randrange(128))]
    sizes = [random.randrange(32, 512) for _ in range(random.randrange(128))]
    return [filling, *map(bytes, sizes), bytes(random.randrange(1 << 14))]


class Prepared:
    """The program, compiled anew now and then: at another place in memory each time."""

    def __init__(self, program, knob=""):
        self.program, self.text = program, call_dense.source(program, knob)
        self.space = {}
        self.filling = []

    def burst(self, number):
        """Calls `run` by a function of its own, so that a report tells the bursts apart."""
        if number % BURSTS == 0:
            self.space = {"__name__": "program"}
            self.filling = fill()
            exec(compile(self.text, f"<{self.program.name}>", "exec"), self.space)
            for _ in range(WARM):
                self.space["run"](self.program.count)
        text = f"def burst(count, run=run):\n    for _ in range({TURNS}): run(count)\n"
        exec(compile(text, f"<burst {number}>", "exec"), self.space)
        self.space["run"](self.program.count)  # so that each finds the caches alike
        return self.space["burst"]


left, right = tuple(range(1024, 1324)), tuple(range(70000, 70300))


def pace():
    """What a fixed piece of work takes: the processor's speed at this moment.

    All of it within one call of C: Python's own instructions are slower beside a profile function,
    until 3.11.
    """
    begin = time.perf_counter_ns()
    collections.deque(map(operator.add, left, right), 0)
    return time.perf_counter_ns() - begin


best = [min(pace() for _ in range(300))]
waited = [0]


def timed(call, *args):
    """What it took, and the slower of the paces around it. It begins when the processor is fast."""
    start = time.perf_counter_ns()
    patience = start + min(PATIENCE_NS, PATIENCE_IN_ALL_NS - waited[0])
    before = pace()
    while before > 1.04 * best[0] and time.perf_counter_ns() < patience:
        before = pace()
    best[0] = min(best[0], before)
    begin = time.perf_counter_ns()
    waited[0] += begin - start
    call(*args)
    took = time.perf_counter_ns() - begin
    return [took, max(before, pace())]


def plain(program, rounds):
    took = {knob: [] for knob in ("", *call_dense.knobs(program))}
    ready = {knob: Prepared(program, knob) for knob in took}
    for begin in range(0, rounds, BURSTS):
        for knob, times in took.items():
            for number in range(begin, min(begin + BURSTS, rounds)):
                times.append(timed(ready[knob].burst(number), program.count))
    return took


def once(program, rounds):
    ready = Prepared(program)
    return [timed(ready.burst(number), program.count) for number in range(rounds)]


def under_cprofile(program, rounds):
    import cProfile

    out = []
    ready = Prepared(program)
    for number in range(rounds):
        run = ready.burst(number)
        profile = cProfile.Profile()

        def profiled(count, run=run, profile=profile):
            profile.enable()
            run(count)
            profile.disable()

        took = timed(profiled, program.count)
        profile.create_stats()
        rows = {
            where[2]: [row[1], round(row[2] * 1e9)]
            for where, row in profile.stats.items()
            if where[0] == f"<{program.name}>" or where[0] == "~"
        }
        out.append([rows, took[1]])
    return out


def main():
    result, name, how, rounds = sys.argv[1:]
    programs = [*call_dense.PROGRAMS, *call_dense_held.PROGRAMS]
    program = next(p for p in programs if p.name == name)
    if how == "plain":
        out = plain(program, int(rounds))
    elif how == "cprofile":
        out = under_cprofile(program, int(rounds))
    else:
        out = once(program, int(rounds))
    with open(result, "w", encoding="utf-8") as stream:
        json.dump(out, stream)


if __name__ == "__main__":
    main()
