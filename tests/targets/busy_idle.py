# SPDX-License-Identifier: MIT
"""One thread works; sixteen sleep, read a pipe or wait for a queue, each in its own function."""

import os
import queue
import threading
import time

BUSY_S = 0.6


def sleeps():
    time.sleep(BUSY_S)


def reads():
    os.read(pipe_read, 1)


def waits():
    jobs.get()


def busy():
    end = time.thread_time() + BUSY_S
    total = 0
    while time.thread_time() < end:
        for n in range(100):
            total += n
    return total


pipe_read, pipe_write = os.pipe()
jobs = queue.Queue()
idle = [threading.Thread(target=(sleeps, reads, waits)[n % 3]) for n in range(16)]
for thread in idle:
    thread.start()
worker = threading.Thread(target=busy)
worker.start()
worker.join()
for _ in idle:
    os.write(pipe_write, b"x")
    jobs.put(None)
for thread in idle:
    thread.join()
