# SPDX-License-Identifier: MIT
"""A service that remembers each request, for no reason. It says its PID and runs on."""

import os
import time


class Request:
    def __init__(self, number):
        self.path = f"/item/{number}"


seen = {}


def serve(number):
    seen[number] = Request(number)


print(os.getpid(), flush=True)
for number in range(1_000_000):
    serve(number)
    time.sleep(0.001)
