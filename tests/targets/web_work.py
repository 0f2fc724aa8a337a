# SPDX-License-Identifier: MIT
"""What the web applications beside it do: a known amount of CPU time, or a sleep."""

import time

MS = 1_000_000


def burn(ms):
    end = time.thread_time_ns() + ms * MS
    while time.thread_time_ns() < end:
        pass
