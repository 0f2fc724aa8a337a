# SPDX-License-Identifier: MIT
"""Stands in for pyperf inside a measured process: runs one benchmark a fixed number of times.

Why: pyperformance's programs hand their functions to pyperf.Runner, which calibrates, starts
processes of its own and takes many values. The bench needs the same function with the same
number of loops under every profiler, one process a value, the profiler on around it alone.
Rules: only what those programs use. `session` is set by drive.py before the program runs.
"""

import argparse
import asyncio
import sys
from time import perf_counter, process_time

__all__ = ["Runner", "perf_counter", "python_implementation"]


class Session:
    """What drive.py wants run, and what came out."""

    def __init__(self, only, loops, start, stop):
        self.only = only
        self.loops = loops
        self.start = start
        self.stop = stop
        self.lap = None  # told how many loops are done, where wanted (bench_func only)
        self.seconds = None
        self.cpu_seconds = None


session = None


def python_implementation():
    return sys.implementation.name


class Runner:
    def __init__(self, **_options):
        self.argparser = argparse.ArgumentParser()
        self.metadata = {}
        self.args = None

    def parse_args(self, args=None):
        self.args = self.argparser.parse_args(args)
        return self.args

    def _run(self, name, timed, *args):
        if session.only not in (None, name) or session.seconds is not None:
            return
        session.start()
        try:
            begin = process_time()
            session.seconds = timed(session.loops, *args)
            session.cpu_seconds = process_time() - begin
        finally:
            session.stop()

    def bench_time_func(self, name, function, *args, **_options):
        self._run(name, function, *args)

    def bench_func(self, name, function, *args, **_options):
        def timed(loops):
            begin = perf_counter()
            for _ in range(loops):
                function(*args)
            return perf_counter() - begin

        def timed_by_laps(loops):
            begin = perf_counter()
            for done in range(loops):
                function(*args)
                session.lap(done + 1)
            return perf_counter() - begin

        self._run(name, timed_by_laps if session.lap else timed)

    def bench_async_func(self, name, function, *args, **_options):
        async def loop(loops):
            begin = perf_counter()
            for _ in range(loops):
                await function(*args)
            return perf_counter() - begin

        self._run(name, lambda loops: asyncio.run(loop(loops)))
