# SPDX-License-Identifier: MIT
"""Sixteen thousand activations that never rest: 44 threads that stand 260 and 460 calls deep by
turns. With what they leave it is twenty thousand tiles."""

import threading
import time

THREADS, LOW, HIGH = 44, 260, 460


def swing(depth):
    if depth < HIGH:
        swing(depth + 1)
    else:
        time.sleep(0.05)


def dive(depth):
    if depth < LOW:
        dive(depth + 1)
    while depth == LOW:
        swing(depth + 1)
        time.sleep(0.05)


for _ in range(THREADS):
    threading.Thread(target=dive, args=(1,)).start()
