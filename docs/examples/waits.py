# SPDX-License-Identifier: MIT
"""One thread works, three wait. Which of them is the first row depends on the clock."""

import queue
import threading
import time

letters = queue.Queue()


def work(seconds):
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        add(1, 2)


def add(a, b):
    return a + b


def wait_for_letter():
    letters.get()


waiters = [threading.Thread(target=wait_for_letter, name=f"waiter {i}") for i in range(3)]
for waiter in waiters:
    waiter.start()
work(3)
for waiter in waiters:
    letters.put("go home")
    waiter.join()
