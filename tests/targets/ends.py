# SPDX-License-Identifier: MIT
"""Ends in the way that its first word names, after 1,000 calls of `counted`, 5 frames down.

python ends.py WAY
"""

import os
import signal
import sys
import threading
import time


def counted():
    pass


def end(way):
    for _ in range(1000):
        counted()
    sys.stdout.write("almost\n")
    sys.stdout.flush()
    if way == "exit":
        sys.exit(3)
    elif way == "exit_words":
        sys.exit("words")
    elif way == "raise":
        raise ValueError("the end")
    elif way == "_exit":
        os._exit(4)
    elif way == "exec":
        os.execv(sys.executable, [sys.executable, "-c", "import sys; print('anew'); sys.exit(5)"])
    elif way == "exec_other":
        os.execv("/bin/sh", ["sh", "-c", "echo anew; exit 6"])
    elif way == "abort":
        os.abort()
    elif way == "segfault":
        import ctypes

        ctypes.string_at(0)
    elif way == "faulthandler":
        import ctypes
        import faulthandler

        faulthandler.enable()
        ctypes.string_at(0)
    elif way == "interrupt":
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    elif way == "daemons":
        for _ in range(3):
            threading.Thread(target=spin, daemon=True).start()
    elif way == "waits_for_threads":
        threading.Thread(target=late).start()
    elif way == "atexit":
        import atexit

        atexit.register(counted)
    elif way == "thread_exits":
        thread = threading.Thread(target=os._exit, args=(7,))
        thread.start()
        time.sleep(10)
    elif way.startswith("SIG"):
        os.kill(os.getpid(), getattr(signal, way))
        time.sleep(10)


def spin():
    while True:
        counted_by_daemon()


def counted_by_daemon():
    pass


def late():
    time.sleep(0.1)
    for _ in range(500):
        counted()


def nest(depth, way):
    if depth:
        nest(depth - 1, way)
    else:
        end(way)


nest(5, sys.argv[1])
