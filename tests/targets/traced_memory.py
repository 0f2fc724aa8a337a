"""Allocates in several threads, and measures itself with tracemalloc, as a whole or by line."""

import tracemalloc

if not tracemalloc.is_tracing():
    tracemalloc.start()

import json
import os
import sys
import threading
import zlib

WORK = [bytes([number % 251] * 100) * 500 for number in range(40)]
kept = []


class Node:
    def __init__(self, number):
        self.number = number
        self.name = "node %d" % number


def make_nodes(number):
    return [Node(i) for i in range(number)]  # nodes


def make_texts(number):
    texts = {}
    for i in range(number):
        texts["key %d" % i] = "value %d" % i * 10  # texts
    return texts


def grow(number):
    grown = []
    for i in range(number):
        grown.append(i * 1000003)  # grown
    return grown


def compress():
    return [zlib.compress(piece, 6) for piece in WORK]  # compress


def work(results):
    own = [make_nodes(4000), make_texts(4000), grow(30000)]
    for _ in range(5):
        make_texts(2000)
        compress()
    own.append(compress())
    del own[0][1000:3000]
    results.append(own)


def main():
    threads = int(sys.argv[1])
    results = []
    kept.append(results)
    started = [threading.Thread(target=work, args=(results,)) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    kept.append(
        [bytes(1000000) for _ in range(300)]
    )  # never touched, so no memory of the machine's


main()
live, peak = tracemalloc.get_traced_memory()
told = {"live": live, "peak": peak}
if sys.argv[2] == "lines":
    statistics = tracemalloc.take_snapshot().statistics("lineno")
    here = [entry for entry in statistics if entry.traceback[0].filename == __file__]
    told["lines"] = {entry.traceback[0].lineno: [entry.size, entry.count] for entry in here}
json.dump(told, sys.stdout)
sys.stdout.flush()
os._exit(0)
