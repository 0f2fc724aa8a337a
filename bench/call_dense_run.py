# SPDX-License-Identifier: MIT
"""Run one of the programs of call_dense.py in this process.

call_dense_run.py RESULT NAME plain ROUNDS K  | once ROUNDS | cprofile ROUNDS

plain: the program as it is and with each of its knobs at K more, in turns; what each took, as JSON.
once: ROUNDS times as it is. cprofile: the same under cProfile; its self times, as JSON.
"""

import json
import sys
import time

import call_dense


def prepared(program, label, knob="", k=0):
    """A fresh one: code that nothing has run yet, at another place in memory each time."""
    space = {"__name__": "program"}
    file = f"<{program.name} {label}>"
    exec(compile(call_dense.source(program, knob, k), file, "exec"), space)
    return space["run"]


def pace():
    """What a fixed piece of work takes: the processor's speed at this moment."""
    x = 1
    begin = time.perf_counter_ns()
    for _ in range(300):
        x = (x * 5 + 3) & 1023
        x = (x * 7 + 1) & 1023
    return time.perf_counter_ns() - begin


class Rounds:
    """Rounds that begin when the processor is at its best, and whether it was at their end."""

    def __init__(self):
        self.least = min(pace() for _ in range(300))

    def timed(self, call, *args):
        """What it took, and the slower of the paces before and after."""
        patience = time.perf_counter_ns() + 30_000_000
        while True:
            before = pace()
            self.least = min(self.least, before)
            if before < 1.04 * self.least or time.perf_counter_ns() > patience:
                break
        begin = time.perf_counter_ns()
        call(*args)
        took = time.perf_counter_ns() - begin
        return [took, max(before, pace())]


def plain(program, rounds, k):
    took = {knob: [] for knob in ("", *call_dense.knobs(program))}
    clock = Rounds()
    for number in range(rounds):
        for knob, times in took.items():
            times.append(clock.timed(prepared(program, number, knob, k), program.count))
    return took


def once(program, rounds):
    clock = Rounds()
    return [clock.timed(prepared(program, n), program.count) for n in range(rounds)]


def under_cprofile(program, rounds):
    import cProfile

    out = []
    clock = Rounds()
    for number in range(rounds):
        run = prepared(program, number)
        profile = cProfile.Profile()

        def profiled(count, run=run, profile=profile):
            profile.enable()
            run(count)
            profile.disable()

        took = clock.timed(profiled, program.count)
        profile.create_stats()
        rows = {
            where[2]: [row[1], round(row[2] * 1e9)]
            for where, row in profile.stats.items()
            if where[0].startswith(f"<{program.name} ") or where[0] == "~"
        }
        out.append([rows, took[1]])
    return out


def main():
    result, name, how, rounds, *more = sys.argv[1:]
    program = next(p for p in call_dense.PROGRAMS if p.name == name)
    if how == "plain":
        out = plain(program, int(rounds), int(more[0]))
    elif how == "cprofile":
        out = under_cprofile(program, int(rounds))
    else:
        out = once(program, int(rounds))
    with open(result, "w", encoding="utf-8") as stream:
        json.dump(out, stream)


if __name__ == "__main__":
    main()
