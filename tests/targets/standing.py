# SPDX-License-Identifier: MIT
"""Stands in the state that is asked for until a line comes on stdin, then says that all is well.

usage: standing.py STATE [busy]
With `busy` eight other threads compute all the time.
Prints `ready` before, and afterwards a word that shows that the state ended as it should: what was
read, slept, counted. Exits with 7.
"""

import os
import sys
import threading
import time

LINE = "go on\n"


def in_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def read_line():
    return os.read(0, len(LINE)).decode()


def stdin_is_ready():
    import select

    return bool(select.select([0], [], [], 0)[0])


def compute():
    import math

    value, rounds = 0.5, 0
    while not stdin_is_ready():
        for i in range(20000):
            value = math.sin(value) * 0.75 + math.sqrt(value + 1.0) * 0.25
        rounds += 1
        assert 0.0 < value < 2.0
    return read_line()


def checksum():
    """Vector registers hold the state of a hash, which runs without the GIL."""
    import hashlib

    data = bytes(range(256)) * 4096
    right = hashlib.sha256(data).hexdigest()
    while not stdin_is_ready():
        assert hashlib.sha256(data).hexdigest() == right
    return read_line()


def pending_calls():
    """There is always another pending call: whatever runs within one finds the eval breaker set."""
    import ctypes

    add = ctypes.pythonapi.Py_AddPendingCall
    nothing = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda _: 0)
    done = threading.Event()

    def queue():
        while not done.wait(0.0001):
            add(nothing, None)

    thread = in_thread(queue)
    try:
        return compute()
    finally:
        done.set()
        thread.join()


def nine_threads():
    done = threading.Event()

    def spin():
        while not done.is_set():
            sum(range(1000))

    threads = [in_thread(spin) for _ in range(8)]
    try:
        return compute()
    finally:
        done.set()
        for thread in threads:
            thread.join()


def two_hundred_threads():
    done = threading.Event()

    def now_and_then():
        while not done.wait(0.02):
            leaf(1)

    threads = [in_thread(now_and_then) for _ in range(200)]
    try:
        return read()
    finally:
        done.set()
        for thread in threads:
            thread.join()


def sleep():
    begin = time.monotonic()
    time.sleep(1.5)
    slept = time.monotonic() - begin
    return "slept enough %s %s" % (slept >= 1.5, read_line())


def sleeps():
    """One sleep after the other, none of them cut short."""
    while not stdin_is_ready():
        begin = time.monotonic()
        time.sleep(0.2)
        assert time.monotonic() - begin >= 0.2
    return "slept enough True %s" % read_line()


def lock():
    held = threading.Lock()
    held.acquire()
    thread = in_thread(lambda: (read_line(), held.release()))
    taken = held.acquire()
    thread.join()
    return "taken %s" % taken


def lock_limit():
    held = threading.Lock()
    held.acquire()
    thread = in_thread(lambda: (read_line(), held.release()))
    taken = held.acquire(timeout=100)
    thread.join()
    return "taken %s" % taken


def join():
    thread = in_thread(read_line)
    thread.join()
    return "joined"


def queue_get():
    import queue

    words = queue.Queue()
    in_thread(lambda: words.put(read_line()))
    return words.get(timeout=100)


def read():
    return sys.stdin.readline()


def accept():
    import socket

    server = socket.create_server(("127.0.0.1", 0))

    def connect():
        read_line()
        socket.create_connection(server.getsockname()).close()

    thread = in_thread(connect)
    server.accept()[0].close()
    thread.join()
    return "accepted"


def receive():
    """A socket with a time limit: Python polls, and the kernel keeps what is left of the limit."""
    import socket

    ours, theirs = socket.socketpair()
    theirs.settimeout(100)
    thread = in_thread(lambda: ours.send(read_line().encode()))
    got = theirs.recv(100).decode()
    thread.join()
    return got


def select():
    import select

    return "%s %s" % (select.select([0], [], [], 100), read_line())


def poll():
    import select

    waiting = select.poll()
    waiting.register(0, select.POLLIN)
    return "%s %s" % (waiting.poll()[0][0], read_line())


def poll_limit():
    import select

    waiting = select.poll()
    waiting.register(0, select.POLLIN)
    return "%s %s" % (waiting.poll(100000)[0][0], read_line())


def loop():
    import asyncio

    async def wait():
        got = asyncio.Event()
        asyncio.get_running_loop().add_reader(0, got.set)
        await got.wait()
        asyncio.get_running_loop().remove_reader(0)
        return read_line()

    return asyncio.run(wait())


def child():
    import subprocess

    process = subprocess.Popen(["head", "-n1"], stdout=2)
    ready()
    return "child ended with %s" % process.wait()


def pause():
    import signal

    signal.signal(signal.SIGUSR1, lambda *_: None)
    thread = in_thread(lambda: (read_line(), os.kill(os.getpid(), signal.SIGUSR1)))
    signal.pause()
    thread.join()
    return "signalled"


def held_often():
    """C functions that hold the GIL for some milliseconds, one after the other."""
    import itertools

    while not stdin_is_ready():
        sum(itertools.repeat(1, 500000))
    return read_line()


def held_call():
    """A C function that computes, with the GIL held, for about a second."""
    import itertools

    begin = time.monotonic()
    rounds = 0
    while time.monotonic() - begin < 1.0:
        sum(itertools.repeat(1, 5000000))
        rounds += 1
    return read_line()


def held_regex():
    """A regular expression that takes long, with the GIL held."""
    import re

    words = "a" * 20
    begin = time.monotonic()
    while time.monotonic() - begin < 0.5:
        words += "a"
        begin = time.monotonic()
        assert not re.match("(a+)+b", words)
    return read_line()


def held_sleep():
    """A C function that sleeps with the GIL held until the line comes."""
    import ctypes

    class Poll(ctypes.Structure):
        _fields_ = [("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short)]

    ctypes.PyDLL(None).poll(ctypes.byref(Poll(0, 1, 0)), 1, -1)
    return read_line()


def held_by_other():
    """Waits for a lock while another thread, in C, holds the GIL until the line comes."""
    import ctypes

    poll = ctypes.PyDLL(None).poll
    entry = (ctypes.c_int * 2)(0, 1)
    held = threading.Lock()
    held.acquire()

    def hold():
        ready()
        poll(entry, 1, -1)
        held.release()

    thread = in_thread(hold)
    held.acquire()
    thread.join()
    return read_line()


def leaf(number):
    return number + 1


def among_others(work):
    """With eight threads that want the GIL, and hand it on often."""
    done = threading.Event()

    def spin():
        while not done.is_set():
            assert sum(map(leaf, range(100))) == 5050

    sys.setswitchinterval(0.001)
    threads = [in_thread(spin) for _ in range(8)]
    try:
        return work()
    finally:
        done.set()
        for thread in threads:
            thread.join()


def ready():
    print("ready", threading.main_thread().ident, flush=True)


def main():
    state, busy = sys.argv[1], sys.argv[2:] == ["busy"]
    work = globals()[state]
    # What the states import is there before `ready`: none of them has a file open for long.
    for name in ("asyncio ctypes hashlib itertools math queue select socket subprocess").split():
        __import__(name)
    if state not in ("held_by_other", "child"):
        ready()
    told = among_others(work) if busy else work()
    print(state, repr(told), threading.active_count(), flush=True)
    sys.exit(7)


main()
