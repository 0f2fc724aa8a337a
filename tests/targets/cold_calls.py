# SPDX-License-Identifier: MIT
"""Calls of an empty function, one after the other, or with much of the interpreter's between."""

import decimal
import json
import sys

TEXT = json.dumps([{"name": str(i), "sizes": [i, i / 7, None], "on": True} for i in range(4)])


def empty():
    pass


def hot(rounds):
    for _ in range(rounds):
        empty()


def cold(rounds):
    scan, number = json.decoder.JSONDecoder(strict=False).scan_once, decimal.Decimal("1.25")
    for i in range(rounds):
        empty()
        scan(TEXT, 0)
        empty()
        sorted(f"{i:>9} {TEXT!r:.4}".split("1"))
        empty()
        (number * i).sqrt()
        empty()
        TEXT.encode().title().translate(None, b"ae")


{"hot": hot, "cold": cold}[sys.argv[1]](int(sys.argv[2]))
