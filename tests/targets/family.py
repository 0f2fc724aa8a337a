# SPDX-License-Identifier: MIT
"""Programs that make processes, in every way that Python has.

usage: family.py FOLDER WAY [N]
Every process counts its own calls of work() and step(), and writes each sum to a file of its own in
FOLDER, as `WORK STEP`; what the files hold is what a profiler is to have counted.
"""

import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time

FOLDER, WAY = sys.argv[1:3]
N = int(sys.argv[3]) if len(sys.argv) > 3 else 0
counts = {"work": 0, "step": 0}
files = 0


def work(n):
    counts["work"] += 1
    for _ in range(n):
        step()


def step():
    counts["step"] += 1


def tell():
    """Writes what has been counted since the last time."""
    global files
    files += 1
    name = "%d-%d" % (os.getpid(), files)
    if os.path.exists(os.path.join(FOLDER, name)):
        name += "-%d" % time.monotonic_ns()
    written = os.path.join(FOLDER, name)
    with open(FOLDER + "." + name, "w") as file:
        file.write("%d %d" % (counts["work"], counts["step"]))
    os.rename(file.name, written)  # whoever sees it, sees the whole
    counts.update(work=0, step=0)


def task(n):
    counts.update(work=0, step=0)
    work(n)
    tell()
    return n


def fork_child(n):
    pid = os.fork()
    if pid == 0:
        task(n)
        os._exit(0)
    return pid


def fork():
    for pid in [fork_child(100 * i) for i in range(8)]:
        os.waitpid(pid, 0)


def fork_in_threads():
    def run(i):
        for n in range(3):
            os.waitpid(fork_child(50 * i + n), 0)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    work(300)
    for thread in threads:
        thread.join()


def fork_of_fork():
    pid = os.fork()
    if pid == 0:
        counts.update(work=0, step=0)
        work(5)
        child = fork_child(17)
        work(9)
        os.waitpid(child, 0)
        tell()
        os._exit(0)
    work(2)
    os.waitpid(pid, 0)


def generators():
    """A frame that was suspended in the parent goes on in the child."""

    def steps():
        while True:
            step()
            yield

    running = steps()
    for _ in range(7):
        next(running)
    pid = os.fork()
    if pid == 0:
        counts.update(work=0, step=0)
        for _ in range(30):
            next(running)
        tell()
        os._exit(0)
    next(running)
    os.waitpid(pid, 0)


def pool(method):
    with multiprocessing.get_context(method).Pool(3) as processes:
        processes.map(task, range(1, 60), 3)
        processes.close()
        processes.join()


def futures():
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(3) as executor:
        list(executor.map(task, range(1, 40)))


def again(*words):
    return [sys.executable, __file__, FOLDER] + [str(word) for word in words]


def subprocesses():
    work(4)
    for n in (3, 30, 300):
        subprocess.run(again("leaf", n), check=True)
    subprocess.run(["sh", "-c", '"$@" & wait', "sh"] + again("leaf", 33), check=True)


def subprocess_with_preexec():
    subprocess.run(again("leaf", 40), check=True, preexec_fn=lambda: task(6))


def become():
    work(5)
    tell()
    os.execv(sys.executable, again("leaf", 70))


def fork_and_become():
    pid = os.fork()
    if pid == 0:
        task(8)
        os.execv(sys.executable, again("leaf", 80))
    os.waitpid(pid, 0)


def leaf():
    work(N)


def serve(listener, ready):
    """A worker: works as many times as each who connects says, until SIGTERM."""

    def end(*_):
        tell()
        os._exit(0)

    signal.signal(signal.SIGTERM, end)
    os.write(ready, b"r")
    while True:
        connection, _ = listener.accept()
        with connection:
            work(int(connection.recv(100)))
            connection.sendall(b"done")


def pre_fork_server():
    listener = socket.create_server(("127.0.0.1", 0))
    workers = []
    told, ready = os.pipe()
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            counts.update(work=0, step=0)
            serve(listener, ready)
        workers.append(pid)
        os.read(told, 1)
    for n in range(60):
        with socket.create_connection(listener.getsockname()) as connection:
            connection.sendall(b"%d" % n)
            connection.recv(100)
    for pid in workers:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


def storm():
    """N forks, of which some live on for a while, while four threads call as fast as they can."""
    ended = threading.Event()
    sums = []

    def busy():
        calls = 0
        while not ended.is_set():
            for _ in range(50):
                beat()
            calls += 50
        sums.append(calls)

    threads = [threading.Thread(target=busy) for _ in range(4)]
    for thread in threads:
        thread.start()
    living = []
    for i in range(N):
        living.append(fork_child(i % 40))
        if len(living) > 20:
            os.waitpid(living.pop(0), 0)
    for pid in living:
        os.waitpid(pid, 0)
    ended.set()
    for thread in threads:
        thread.join()
    with open(os.path.join(FOLDER, "beats"), "w") as file:
        file.write("%d" % sum(sums))


def beat():
    pass


def daemons():
    """One child that calls, one that sleeps, until there is a file FOLDER.go; N seconds at most."""
    for busy in (True, False):
        pid = os.fork()
        if pid == 0:
            os.setsid()
            null = os.open(os.devnull, os.O_RDWR)
            for standard in range(3):
                os.dup2(null, standard)
            end = time.monotonic() + N
            while time.monotonic() < end and not os.path.exists(FOLDER + ".go"):
                if busy:
                    for _ in range(1000):
                        beat()
                else:
                    time.sleep(0.05)
            task(10)
            os._exit(0)
    for _ in range(20):
        work(1)


def parent_of_daemons():
    """It lives on, too."""
    daemons()
    end = time.monotonic() + N
    while time.monotonic() < end and not os.path.exists(FOLDER + ".go"):
        time.sleep(0.05)


WAYS = {
    "fork": fork,
    "fork-in-threads": fork_in_threads,
    "fork-of-fork": fork_of_fork,
    "generators": generators,
    "pool-fork": lambda: pool("fork"),
    "pool-spawn": lambda: pool("spawn"),
    "pool-forkserver": lambda: pool("forkserver"),
    "futures": futures,
    "subprocess": subprocesses,
    "preexec": subprocess_with_preexec,
    "exec": become,
    "fork-and-exec": fork_and_become,
    "pre-fork-server": pre_fork_server,
    "leaf": leaf,
    "storm": storm,
    "daemons": daemons,
    "parent-of-daemons": parent_of_daemons,
}

if __name__ == "__main__":
    WAYS[WAY]()
    tell()
