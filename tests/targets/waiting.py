"""Threads that wait: for the GIL, for a lock, for each other, for time, for bytes; and a loop that is blocked. Says where,
and how long it was by its own clock."""

import asyncio
import gc
import json
import os
import queue
import socket
import sys
import threading
import time

told = {"pid": os.getpid(), "convoy_rounds": 20, "convoy_sleep": 0.004, "main_slept": 0.0}
lock = threading.Lock()
numbers = list(range(400000, 0, -1))


def line_of_caller():
    return sys._getframe(1).f_lineno


def hog(seconds):
    """Holds the GIL in pure C, a tenth of a second a time or so."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        told["hog"] = line_of_caller() + 1
        sum(numbers * 20)


def victim(stop):
    while not stop.is_set():
        told["victim"] = line_of_caller() + 1
        time.sleep(0.001)


def convoy(rounds):
    for _ in range(rounds):
        told["convoy"] = line_of_caller() + 1
        with lock:
            told["inside"] = line_of_caller() + 1
            time.sleep(told["convoy_sleep"])


def run_threads(target, *args, count=1):
    threads = [threading.Thread(target=target, args=args) for _ in range(count)]
    for thread in threads:
        thread.start()
    told["join"] = line_of_caller() + 2
    for thread in threads:
        thread.join()


def hogged():
    stop = threading.Event()
    thread = threading.Thread(target=victim, args=(stop,))
    thread.start()
    hog(0.4)
    stop.set()
    thread.join()


def take_from(pipe):
    told["queue"] = line_of_caller() + 1
    told["taken"] = pipe.get()


def pause(seconds):
    begin = time.monotonic()
    time.sleep(seconds)
    told["main_slept"] += min(seconds, time.monotonic() - begin)


def queued():
    pipe = queue.Queue()
    thread = threading.Thread(target=take_from, args=(pipe,))
    thread.start()
    pause(0.1)
    pipe.put("something")
    thread.join()


def wait_for_event():
    told["event"] = line_of_caller() + 1
    threading.Event().wait(0.1)


def read_file():
    told["file"] = line_of_caller() + 1
    open(__file__, "rb").close()


def read_socket(end):
    told["socket"] = line_of_caller() + 1
    end.recv(10)


def talk():
    one, other = socket.socketpair()
    thread = threading.Thread(target=read_socket, args=(other,))
    thread.start()
    pause(0.05)
    one.send(b"hello")
    thread.join()
    one.close()
    other.close()


async def blocks():
    await asyncio.sleep(0.01)
    told["blocks"] = line_of_caller() + 1
    time.sleep(0.12)
    told["main_slept"] += 0.12


async def serve():
    await asyncio.gather(blocks(), asyncio.sleep(0.2))


def main():
    begin = time.monotonic()
    hogged()
    run_threads(convoy, 5, count=4)
    queued()
    wait_for_event()
    read_file()
    talk()
    asyncio.run(serve())
    gc.collect()
    told["wall"] = time.monotonic() - begin
    json.dump(told, sys.stdout)


main()
