# SPDX-License-Identifier: MIT
"""A request that does one thing after the other, and says by its own clock how long each took, and
how long its thread has run, or stood ready. Of gunicorn (app); or FastAPI: web_phases.py SOCKET"""

import gc
import json
import os
import socket
import sys
import threading
import time

from web_work import burn

LONG_S = 0.12
numbers = list(range(400000, 0, -1))
told = dict.fromkeys(("socket", "file", "lock", "gil", "gc", "idle"), 0.0)


def take(name, work, *args):
    begin = time.monotonic()
    work(*args)
    told[name] += time.monotonic() - begin


def later(work, *args):
    threading.Thread(target=lambda: (time.sleep(LONG_S), work(*args)), daemon=True).start()


def wait_for_bytes():
    one, other = socket.socketpair()
    later(one.send, b"hello")
    take("socket", other.recv, 10)
    one.close()
    other.close()


def wait_for_file():
    path = f"fifo{os.getpid()}"
    os.mkfifo(path)
    later(lambda: os.close(os.open(path, os.O_WRONLY)))
    take("file", lambda: os.close(os.open(path, os.O_RDONLY)))
    os.unlink(path)


def wait_for_lock():
    lock = threading.Lock()
    lock.acquire()
    later(lock.release)
    take("lock", lock.acquire)


def hog():
    time.sleep(0.005)  # the other one is on its way
    end = time.monotonic() + LONG_S
    while time.monotonic() < end:
        sum(numbers * 20)


def wait_for_gil():
    thread = threading.Thread(target=hog)
    thread.start()
    while thread.is_alive():
        take("gil", time.sleep, 0.0005)


def on_gc(phase, info, begun=[0.0]):  # noqa: B006 - it is kept
    if phase == "start":
        begun[0] = time.monotonic()
    else:
        told["gc"] += time.monotonic() - begun[0]


gc.callbacks.append(on_gc)


def collect():
    kept = [[] for _ in range(300_000)]
    end = time.monotonic() + LONG_S
    while time.monotonic() < end:
        gc.collect()
    del kept


def phases():
    burn(150)
    wait_for_bytes()
    wait_for_file()
    wait_for_lock()
    wait_for_gil()
    collect()
    take("idle", time.sleep, LONG_S)


def schedstat():
    with open("/proc/thread-self/schedstat") as file:
        return file.read()


def alive_s():
    with open("/proc/self/stat") as file:
        begun_ticks = int(file.read().rpartition(")")[2].split()[19])
    return time.clock_gettime(time.CLOCK_BOOTTIME) - begun_ticks / os.sysconf("SC_CLK_TCK")


def answer():
    before = os.environ.get("SCHEDSTAT", "0 0 0").split()  # of a worker that was not forked
    ran_s, ready_s = (
        (int(now) - int(then)) / 1e9 for now, then in zip(schedstat().split()[:2], before)
    )
    told_of_cpu = {"pid": os.getpid(), "ran_s": ran_s, "ready_s": ready_s, "alive_s": alive_s()}
    return json.dumps({**told, **told_of_cpu}).encode()


def body_of(path):
    if path == "/phases":
        phases()
    return str(os.getppid()).encode() if path == "/server" else answer()


def app(environ, start_response):
    start_response("200 OK", [])
    return [body_of(environ["PATH_INFO"])]


def fastapi_app():
    import fastapi

    app = fastapi.FastAPI()

    @app.get("/{path}")
    async def anything(path: str):
        return fastapi.Response(body_of("/" + path))

    return app


if __name__ == "__main__":
    os.environ["SCHEDSTAT"] = schedstat()
    import uvicorn

    uvicorn.run("web_phases:fastapi_app", uds=sys.argv[1], factory=True, log_level="error")
