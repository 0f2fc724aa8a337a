# SPDX-License-Identifier: MIT
"""A process's memory as it is, for tests that must show that nothing was changed in it.

What can be compared: code and what is read-only, byte by byte; of data, which a busy process
changes all the time, the words that are pointers into code. Heaps and stacks hold garbage of what
was there before, and are not looked at, but for the parts that a test names.
"""

import array
import bisect
import dataclasses
import pathlib
import struct

PAGE = 4096
WORD = 8
LOADED, WRITABLE = 1, 2  # PT_LOAD, PF_W
FIXED_ADDRESS = 2  # ET_EXEC


@dataclasses.dataclass(frozen=True)
class Part:
    start: int
    end: int
    rights: str
    offset: int
    inode: int
    path: str

    def __contains__(self, address):
        return self.start <= address < self.end

    @property
    def is_file(self):
        return self.inode and not self.path.startswith(("/memfd:", "/dev/", "/SYSV"))


def parts(pid):
    found = []
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        range_, rights, offset, _, inode, *path = line.split(None, 5)
        start, end = (int(word, 16) for word in range_.split("-"))
        found.append(Part(start, end, rights, int(offset, 16), int(inode), path[0] if path else ""))
    return found


def read(pid, start, size):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(start)
        return memory.read(size)


def file_bytes(pid, part):
    """What the mapped file holds there, zeros behind its end."""
    with open(f"/proc/{pid}/map_files/{part.start:x}-{part.end:x}", "rb") as file:
        file.seek(part.offset)
        return file.read(part.end - part.start).ljust(part.end - part.start, b"\0")


def is_ours(part):
    return "ulma" in part.path


def changed_code(pid):
    """Addresses of pages of code that are not what the file behind them holds."""
    changed = []
    for part in parts(pid):
        if "x" not in part.rights or not part.is_file:
            continue
        here, there = read(pid, part.start, part.end - part.start), file_bytes(pid, part)
        changed += [
            (part.path, hex(part.start + at))
            for at in range(0, len(here), PAGE)
            if here[at : at + PAGE] != there[at : at + PAGE]
        ]
    return changed


def read_only(pid):
    """(path, start) -> bytes of what is mapped from a file and cannot be written."""
    return {
        (part.path, part.start): read(pid, part.start, part.end - part.start)
        for part in parts(pid)
        if "w" not in part.rights and "r" in part.rights and part.is_file
    }


def writable_segments(header):
    """(address, size in memory) of each segment that is loaded to be written."""
    at, size, count = (
        *struct.unpack_from("<Q", header, 0x20),
        *struct.unpack_from("<HH", header, 0x36),
    )
    for number in range(count):
        kind, flags, _, address, _, _, in_memory, _ = struct.unpack_from(
            "<IIQQQQQQ", header, at + number * size
        )
        if kind == LOADED and flags & WRITABLE:
            yield address, in_memory


def static_data(pid):
    """[start, size] of the data of each file that is loaded, with the zeroed rest behind it."""
    found = []
    for part in parts(pid):
        if not part.is_file or part.offset or "r" not in part.rights:
            continue
        header = read(pid, part.start, min(PAGE, part.end - part.start))
        if header[:5] != b"\x7fELF\x02":
            continue
        fixed = struct.unpack_from("<H", header, 0x10)[0] == FIXED_ADDRESS
        for address, size in writable_segments(header):
            start = address + (0 if fixed else part.start)
            first = -(-start // WORD) * WORD
            found.append([first, (start + size - first) // WORD * WORD])
    return found


def words(pid, places):
    """address -> word, for those places that are still there."""
    found = {}
    for start, size in places:
        bytes_ = read(pid, start, size // WORD * WORD)
        found.update(zip(range(start, start + size, WORD), array.array("Q", bytes_)))
    return found


class Code:
    """Whether an address lies in code, and in whose."""

    def __init__(self, pid):
        self.parts = [part for part in parts(pid) if "x" in part.rights]
        self.starts = [part.start for part in self.parts]

    def find(self, address):
        at = bisect.bisect_right(self.starts, address) - 1
        return self.parts[at] if at >= 0 and address in self.parts[at] else None


def is_lazy(pid, address):
    """Whether a call that leads here is one that the linker has not resolved yet."""
    return read(pid, address, 8).removeprefix(b"\xf3\x0f\x1e\xfa")[:1] == b"\x68"  # push
