# SPDX-License-Identifier: MIT
"""Functions that stay on the stack while what they call is counted; two threads, a generator.

    python long_loop.py OUT [SECONDS]
Ends when it has called often enough to take some seconds' fraction, whatever the machine.
"""

import json
import sys
import threading
import time

SECONDS = float(sys.argv[2]) if len(sys.argv) > 2 else 0.9


def inner():
    global inner_calls
    inner_calls += 1


def outer():
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        middle()


def middle():
    for _ in range(50):
        inner()


def steps():
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        in_thread()
        yield


def in_thread():
    global thread_calls
    thread_calls += 1


def consumer():
    for _ in steps():
        pass


inner_calls = thread_calls = 0
thread = threading.Thread(target=consumer)
thread.start()
outer()
thread.join()
with open(sys.argv[1], "w", encoding="utf-8") as out:
    json.dump({"inner": inner_calls, "in_thread": thread_calls}, out)
