# SPDX-License-Identifier: MIT
"""Write the corpus of fuzz_trace that is thought out; run it by hand. The first byte of a seed says
how
it is read (fuzz_trace.c): 1, as records of a block; 0, as a chunk.
"""

import pathlib
import struct

(EVENTS, BEGIN, SITES, PROCESS, ENTER, PROCESS_END, TRACK, WORDS_OF, END, OFF, DEFINE) = range(
    1, 12
)
FORGET, COSTS, LATEST, FLUSH, TICK, RESET = 12, 13, 15, 16, 17, 18
FRAMES, SEED, ABSORB, WORDS, RESITE, HOLE = 23, 24, 27, 32, 33, 34


def step(op, subject=0, value=0, payload=b""):
    head = struct.pack("<IIQII", op, subject, value % (1 << 64), len(payload), 0)
    return head + payload + bytes(-len(payload) % 8)


def events(track, *rows):
    payload = b"".join(struct.pack("<QII", c % (1 << 64), k | i << 8, f) for c, k, i, f in rows)
    return step(EVENTS, track, len(rows), payload)


def define(number, flags=0, name=b"f"):
    payload = struct.pack("<IHH", 3, 1, flags) + name + b"\0" + name + b"\0m\0m.py\0"
    return step(DEFINE, number, 0, payload)


BEGUN = step(BEGIN, 0, 5, struct.pack("<QQIIII", (1 << 64) - 1, 0, 0, 1, 1, 0)) + step(
    LATEST, 0, 1 << 40
)
CALLS = [(10, 1, 1, 8), (20, 1, 2, 16), (30, 4, 0, 16), (40, 4, 0, 8)]
TOLD = BEGUN + define(1) + define(2, 1) + step(TRACK, 1, 77)

SEEDS = {
    "sound": TOLD + events(1, *CALLS) + step(FLUSH, 0, 50) + step(END, 1),
    "no_begin": events(1, *CALLS),
    "no_track": BEGUN + events(9, *CALLS),
    "begins_twice": BEGUN + BEGUN,
    "counters": TOLD + events(1, *[(-i << 60, 1, 1, 8 * i) for i in range(20)]),
    "kinds": TOLD + events(1, *[(i, i, i, i) for i in range(60)]),
    "hole": TOLD
    + step(FRAMES, 0, 0, struct.pack("<IIII", 8, 1, 16, 2))
    + step(HOLE, 1, 9, bytes(8)),
    "seed": TOLD + step(FRAMES, 0, 0, bytes(64)) + step(SEED, 1, 9, bytes(8)) + events(1, *CALLS),
    "process": TOLD + step(PROCESS, 1, 0, bytes(8)) + step(ENTER, 1) + step(TRACK, 2, 5)
    + step(PROCESS_END, 1) + step(END, 2) + step(PROCESS_END, 1),
    "reset": TOLD + events(1, *CALLS[:2]) + step(RESET, 0, 25) + step(TICK, 0, 99),
    "sites": BEGUN + step(SITES, 0, 0, b"\0\0\0-m\0+@stdlib\0") + step(RESITE, 0) + step(RESITE, 2),
    "sites_endless": BEGUN + step(SITES, 0, 0, b"\0\0\0-m"),
    "words": BEGUN + step(WORDS, 0, 9, b"\xff" * 900) + step(WORDS, 0, 9, b"\xff"),
    "name_endless": BEGUN + step(DEFINE, 1, 0, b"\0" * 8 + b"x" * 40),
    "track_words": TOLD + step(WORDS_OF, 1, 5, b"\xff" * 200),
}  # fmt: skip

folder = pathlib.Path(__file__).resolve().parent / "corpus" / "trace"
folder.mkdir(parents=True, exist_ok=True)
for name, seed in SEEDS.items():
    (folder / name).write_bytes(b"\1" + seed)
(folder / "chunk_nothing").write_bytes(b"\0")
(folder / "chunk_sizes").write_bytes(
    b"\0" + struct.pack("<IIII", 0x31745574, 1 << 21, 9, 9) + b"\xff" * 40
)
