"""Allocates blocks of known sizes at known lines, keeps some, and says what it did."""

import json
import os
import sys

KEPT = 1000
DROPPED = 500
BYTES = 10000
HEAD = sys.getsizeof(b"")

kept = []


def keep(number):
    for _ in range(number):
        kept.append(bytes(BYTES))  # keep


def drop(number):
    for _ in range(number):
        bytes(BYTES + 1000)  # drop


def peak(number):
    large = [bytearray(BYTES) for _ in range(number)]  # peak
    return len(large)


def main():
    keep(KEPT)
    drop(DROPPED)
    peak(2 * KEPT)
    del kept[KEPT // 2 :]
    print(json.dumps({"kept": len(kept), "head": HEAD, "bytes": BYTES, "dropped": DROPPED}))
    sys.stdout.flush()
    os._exit(0)


main()
