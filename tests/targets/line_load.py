# SPDX-License-Identifier: MIT
"""Threads that run lines of every shape and check what comes out, until a line is read."""

import sys
import threading

over = threading.Event()
wrong, rounds = [], []


def loops(n):
    total = 0
    for i in range(n):
        if i % 3:
            total += i
        else:
            continue
    return total


def steps(n):
    for i in range(n):
        got = yield i
        if got:
            yield got * 2


def depth(n):
    if n == 0:
        return 0
    below = depth(n - 1)
    return below + 1


def raising(n):
    caught = 0
    for i in range(n):
        try:
            if i % 2:
                raise KeyError(i)
        except KeyError:
            caught += 1
        finally:
            caught += 1
    return caught


def made(number):
    """A code object of its own, which ends while its lines may be chosen."""
    space = {"__name__": __name__}
    exec(
        compile(f"def short():\n    x = {number}\n    x += 1\n    return x\n", "<made>", "exec"),
        space,
    )
    return space["short"]()


def work(number):
    done = 0
    while not over.is_set():
        walk = steps(4)
        heard = [next(walk), walk.send(5), next(walk)]
        walk.close()
        out = [loops(20), sum(steps(5)), depth(30), raising(9), made(number), heard]
        if out != [127, 10, 30, 13, number + 1, [0, 10, 1]]:
            wrong.append(out)
        done += 1
    rounds.append(done)


print("ready", flush=True)
threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
for thread in threads:
    thread.start()
sys.stdin.readline()
over.set()
for thread in threads:
    thread.join()
print(wrong, min(rounds) > 0, flush=True)
