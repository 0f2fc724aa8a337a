"""Allocates in several threads, in all ways that there are, until a line comes in: "ready", "done N".
N is wrong if anything was lost or mixed up on the way. tracemalloc comes and goes."""

import collections
import sys
import threading
import tracemalloc
import zlib

DEPTH = 100000
# Before, tracemalloc.stop() beside threads that allocate crashes the interpreter (gh-128679).
SAFE = sys.version_info >= (3, 14)
end = threading.Event()
wrong = []


class Table(dict):
    pass


class Node:
    __slots__ = ("left", "right")

    def __init__(self, left, right):
        self.left, self.right = left, right


def tree(depth):
    return Node(tree(depth - 1), tree(depth - 1)) if depth else None


def count(node):
    return 1 + count(node.left) + count(node.right) if node else 0


def deep():
    nested = []
    for _ in range(DEPTH):
        nested = [nested]
    levels = 0
    while nested:
        (nested,) = nested
        levels += 1
        if levels == DEPTH // 2:
            break  # the rest is freed at once, level by level
    return levels


def compressed(seed):
    text = bytes([seed % 251]) * 40000 + bytes(range(256)) * 40
    return zlib.decompress(zlib.compress(text, 1)) == text


def grown(seed):
    numbers, text, queue = [], bytearray(), collections.deque()
    for i in range(3000):
        numbers.append(i * seed)
        text += b"%d" % i
        queue.append((i, seed))
        if i % 3 == 0:
            queue.popleft()
    return sum(numbers) == seed * 2999 * 1500 and len(text) == 10890 and len(queue) == 2000


def tabled(seed):
    tables = [Table((i, str(i * seed)) for i in range(50)) for _ in range(20)]
    return all(table[7] == str(7 * seed) for table in tables)


def turn(seed):
    fine = compressed(seed), grown(seed), tabled(seed), count(tree(8)) == 255
    if not all(fine):
        wrong.append((seed, fine))


def work(seed):
    while not end.is_set():
        turn(seed)
        seed += 3


def come_and_go():
    while not end.is_set():
        if SAFE:
            tracemalloc.start()
        turn(5)
        if SAFE:
            tracemalloc.stop()
        if deep() != DEPTH // 2:
            wrong.append("deep")


threads = [threading.Thread(target=work, args=(i,)) for i in range(1, 3)]
threads.append(threading.Thread(target=come_and_go))
for thread in threads:
    thread.start()
print("ready", flush=True)
sys.stdin.readline()
end.set()
for thread in threads:
    thread.join()
print("done", len(wrong), wrong[:3], flush=True)
