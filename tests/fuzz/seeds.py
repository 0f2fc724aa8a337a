# SPDX-License-Identifier: MIT
"""Write the corpora that are thought out, one file for each lie; run it by hand.

Each seed is a list of writes into a sound session or recording (fuzz_session.c and fuzz_recording.c
say how they are laid out), near
enough to what the fuzzer should try next. What a fuzzer found stands beside them in the corpus.
"""

import pathlib
import struct

HEADER, DIRECTORY, EVENTS, SLOTS, HEAP, GONE, MODES, ROUND = range(8)
RING, HEAD, TAIL, STATE, CAPACITY, OFFSET, NAME_SIZE = 256, 0, 64, 128, 136, 144, 156
SIZE, LAYOUT, GONE_HEAD = 16, 24, 356
DEFINITION = 16  # heap units of 8 bytes from one definition to the next


def write(where, position, data=b""):
    return struct.pack("<BHB", where, position, len(data)) + data


def u32(value):
    return struct.pack("<I", value & 0xFFFFFFFF)


def u64(value):
    return struct.pack("<Q", value & 0xFFFFFFFFFFFFFFFF)


def ring(index, field, value):
    return write(DIRECTORY, index * RING + field, value)


def event(number, kind, identity, frame=8, counter=5):
    return write(
        EVENTS,
        number,
        struct.pack("<Q", counter % (1 << 64)) + u32(kind | identity << 8) + u32(frame),
    )


SEEDS = {
    "sound": write(ROUND, 0),
    "magic": write(HEADER, 0, b"\0"),
    "size": write(HEADER, SIZE, u64(-1)),
    "offsets": write(HEADER, LAYOUT, u64(-4096) * 5),
    "head_far": ring(1, HEAD, u64(1 << 60)),
    "head_back": write(ROUND, 0) + ring(1, HEAD, u64(3)) + write(ROUND, 0),
    "tail_ahead": ring(1, TAIL, u64(1000)) + write(ROUND, 0),
    "capacity": ring(1, CAPACITY, u32(-1)) + ring(2, CAPACITY, u32(3)) + ring(3, CAPACITY, u32(0)),
    "offset": ring(1, OFFSET, u64(-16)) + ring(2, OFFSET, u64(7)),
    "ring_moves": write(ROUND, 0) + ring(1, OFFSET, u64(0)) + ring(1, CAPACITY, u32(1 << 22)),
    "state": b"".join(ring(i, STATE, u32(i)) + write(ROUND, 0) for i in range(4)),
    "ended": ring(1, STATE, u32(3)) + write(ROUND, 0) + ring(1, STATE, u32(2)) + write(ROUND, 0),
    "name": ring(1, NAME_SIZE, u32(-1)),
    "kinds": b"".join(event(i, i * 7, i) for i in range(40)),
    "ids": b"".join(event(i, 1 + i % 9, (1 << 24) - 1 - i) for i in range(20)),
    "counters": b"".join(event(i, 1 + 3 * (i % 2), 1, 8, -i << 61) for i in range(20)),
    "amounts": event(0, 11, 0xFFFFFF, 0xFFFFFFFF) + event(1, 12, 0xFFFFFF, 0xFFFFFFFF),
    "seed_endless": event(0, 13, 1, 0xFFFFFFFF) + event(1, 14, 1) + write(ROUND, 0),
    "seed_of_nobody": event(0, 13, 900, 2) + event(1, 14, 1) + event(2, 15, 900),
    "slot": b"".join(write(SLOTS, i, u32(-i)) for i in range(1, 6)),
    "sizes": write(HEAP, DEFINITION + 2, b"\xff" * 8),
    "other_id": write(HEAP, DEFINITION, u32(77)),
    "name_bytes": write(HEAP, DEFINITION + 3, b"\x00\x1b[;\n\xff\xfe\xc3<&\"'"),
    "gone": write(HEADER, GONE_HEAD, b"\xff" * 4)
    + write(GONE, 0, u32(-1) + u32(1))
    + write(ROUND, 0),
    "gone_alive": write(GONE, 0, u32(1) * 8) + write(HEADER, GONE_HEAD, u32(8)) + write(ROUND, 0),
}


PAGE, CUT, NUMBER, TEXT = range(4)


def number(column, value):
    return write(NUMBER, column, u64(value))


# By the order of `columns` in fuzz_recording.c.
META, LEVEL, FROM, TO, OFF, KIND, NAME, FILE = 0, 1, 2, 3, 5, 7, 8, 11
PARENT, NODE_FUNCTION, THREAD, FLAGS, POSITION, RUNNING, PID = 13, 14, 15, 16, 17, 19, 21
CALLS, SELF, TOTAL, WAIT, MIN, MAX, DURATIONS = 23, 24, 25, 26, 28, 29, 31
PROFILED, TASK_STATE, COROUTINE, TASK_WALL, SOURCE_NAME = 34, 37, 38, 39, 41
FAR = (1 << 63) - 1

RECORDING_SEEDS = {
    "sound": b"",
    "magic": write(PAGE, 0, b"X"),
    "application": write(PAGE, 4, b"\0" * 16),
    "cut_header": write(CUT, 1),
    "cut_middle": write(CUT, 2000),
    "schema": write(PAGE, 6, b"\xff" * 64),
    "free_list": write(PAGE, 2, b"\0\0\0\x02\0\0\0\x02"),
    "root_page": b"".join(write(PAGE, i * 256, b"\x05\0\0\0\x01\0\x10\0") for i in range(1, 20)),
    "cells": b"".join(write(PAGE, i * 256, b"\x0d\0\0\xff\xff\0\0\0") for i in range(1, 20)),
    "meta": number(META, FAR),
    "meta_text": write(TEXT, META, b"\xff\x1b[2J</script>"),
    "levels": number(LEVEL, 2),
    "from": number(FROM, -1),
    "to": number(TO, FAR),
    "off": number(OFF, -FAR),
    "kind": write(TEXT, KIND, b"poem"),
    "name": write(TEXT, NAME, b"\x00\x1b[;\n\xff\xfe\xc3<&\"'"),
    "file": write(TEXT, FILE, b"a" * 255),
    "parent": number(PARENT, 6),
    "no_function": number(NODE_FUNCTION, 0),
    "other_function": number(NODE_FUNCTION, 1),
    "thread": number(THREAD, 2),
    "flags": number(FLAGS, -1),
    "position": number(POSITION, -FAR),
    "running": number(RUNNING, 77),
    "pid": number(PID, 0),
    "calls": number(CALLS, -1),
    "self": number(SELF, FAR),
    "total": number(TOTAL, 1 << 60) + number(SELF, -(1 << 60)),
    "wait": number(WAIT, -(1 << 59)),
    "extremes": number(MIN, 0) + number(MAX, FAR),
    "durations": write(TEXT, DURATIONS, b'{"975":1125899906842623,"0":-5}'),
    "durations_cut": write(TEXT, DURATIONS, b'{"12'),
    "profiled": number(PROFILED, 1 << 61),
    "task": write(TEXT, TASK_STATE, b"lost") + number(COROUTINE, 99) + number(TASK_WALL, FAR),
    "source": write(TEXT, SOURCE_NAME, b""),
}


def main():
    for corpus, seeds in (("session", SEEDS), ("recording", RECORDING_SEEDS)):
        folder = pathlib.Path(__file__).parent / "corpus" / corpus
        folder.mkdir(parents=True, exist_ok=True)
        for name, seed in seeds.items():
            (folder / name).write_bytes(seed)


if __name__ == "__main__":
    main()
