# SPDX-License-Identifier: MIT
"""Run one program under one profiler, in this process, and write what it took as JSON.

drive.py RESULT PROFILER LOOPS NAME FILE [ARG...]

Why: one process a value, and only the program's own loop is timed: the start of Python and of the
profiler, the imports, and the profiler's own report are left out for every profiler alike.
Rules: standard library only, plus the profiler that is asked for. ulma is not here: it profiles
this file from outside, and PROFILER is then `none`.
"""

import json
import mmap
import os
import runpy
import struct
import sys


class Plain:
    """Nothing."""

    def __init__(self):
        self.facts = {}

    def start(self):
        pass

    def stop(self):
        pass


class CProfile(Plain):
    def start(self):
        import cProfile

        self.profile = cProfile.Profile()
        self.profile.enable()

    def stop(self):
        self.profile.disable()


class Yappi(Plain):
    def start(self):
        import yappi

        yappi.set_clock_type("wall")
        yappi.start()

    def stop(self):
        import yappi

        yappi.stop()


class Viztracer(Plain):
    def start(self):
        from viztracer import VizTracer

        # All that ulma keeps is kept: the usual million entries are a second of such programs.
        entries = int(os.environ.get("BENCH_TRACE_ENTRIES", "1000000"))
        self.tracer = VizTracer(verbose=0, tracer_entries=entries)
        self.tracer.start()

    def stop(self):
        self.tracer.stop()
        if os.environ.get("BENCH_TRACE"):  # trace.py compares the files, too
            self.tracer.save(os.environ["BENCH_TRACE"])
        self.tracer.clear()


class Floor(Plain):
    c_calls = False

    def start(self):
        import floor

        floor.start(self.c_calls)

    def stop(self):
        import floor

        self.facts["events"] = floor.stop()


class FloorC(Floor):
    c_calls = True


PROFILERS = {
    "none": Plain,
    "cprofile": CProfile,
    "yappi": Yappi,
    "viztracer": Viztracer,
    "floor": Floor,
    "floor-c": FloorC,
}


def lap_writer(path):
    """Shows whoever looks how many loops are done: eight bytes of a file."""
    with open(path, "r+b") as stream:
        shown = mmap.mmap(stream.fileno(), 8)

    def lap(done):
        shown[:8] = struct.pack("Q", done)

    return lap


def main():
    result, profiler, loops, name, file, *arguments = sys.argv[1:]
    here = os.path.dirname(os.path.realpath(__file__))
    sys.path[0:1] = [os.path.dirname(os.path.realpath(file)), os.path.join(here, "shim")]
    sys.path.append(os.environ["BENCH_LIB"])

    import pyperf

    under = PROFILERS[profiler]()
    pyperf.session = pyperf.Session(name, int(loops), under.start, under.stop)
    if os.environ.get("BENCH_LAPS"):
        pyperf.session.lap = lap_writer(os.environ["BENCH_LAPS"])
    sys.argv = [file, *arguments]
    runpy.run_path(file, run_name="__main__")
    done = pyperf.session
    if done.seconds is None:
        sys.exit(f"{file} has no benchmark named {name}")
    facts = {"seconds": done.seconds, "cpu_seconds": done.cpu_seconds, **under.facts}
    with open(result, "w", encoding="utf-8") as stream:
        json.dump(facts, stream)


if __name__ == "__main__":
    main()
