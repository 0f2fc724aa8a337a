# SPDX-License-Identifier: MIT
"""What both servers serve: a page made from rows, about a millisecond of ordinary Python.

Rules: a thread of its own beats every millisecond and keeps the longest gap between two beats. With
BENCH_PROFILE=cProfile the first request switches cProfile on in the thread that serves it.
"""

import json
import os
import string
import threading
import time

ROW = string.Template("<tr><td>$name</td><td>$amount</td><td>$when</td></tr>")
_gap = [0.0]
_profile = []


class Order:
    def __init__(self, number):
        self.number = number
        self.lines = [(f"item {i}", (number * 7 + i) % 90) for i in range(6)]

    @property
    def amount(self):
        return sum(price for _, price in self.lines)

    def as_row(self):
        return ROW.substitute(name=f"order {self.number}", amount=self.amount, when=self.when())

    def when(self):
        return time.strftime("%Y-%m-%d", time.gmtime(1_700_000_000 + self.number * 86400))


def beat():
    last = time.perf_counter()
    while True:
        time.sleep(0.001)
        now = time.perf_counter()
        _gap[0] = max(_gap[0], now - last)
        last = now


def begin():
    threading.Thread(target=beat, name="heartbeat", daemon=True).start()


def profile_if_asked():
    if os.environ.get("BENCH_PROFILE") == "cProfile" and not _profile:
        import cProfile

        _profile.append(cProfile.Profile())
        _profile[0].enable()


def page():
    profile_if_asked()
    orders = sorted((Order(number) for number in range(40)), key=lambda order: order.amount)
    body = "".join(order.as_row() for order in orders)
    return json.dumps({"rows": len(orders), "html": f"<table>{body}</table>"})


def status():
    """The process, and the longest gap of the heartbeat since the last time, in seconds."""
    gap, _gap[0] = _gap[0], 0.0
    return {"pid": os.getpid(), "gap": gap}
