# SPDX-License-Identifier: MIT
"""Let an ELF program name a loader and a library folder of its own.

Why: a python unpacked from a newer Debian needs that Debian's loader and libc. A wrapper that
calls the loader would be the process instead of python (/proc/PID/exe, sys.executable, spawn),
and patchelf 0.18 lays these programs out so that they crash.
Rules: nothing that is in the file moves. Two strings are appended in a read-only segment of
their own, for which the last PT_NOTE gives its program header and one spare DT_NULL its slot,
so symbols, sections and addresses stay those of the distribution's own build.
"""

import pathlib
import struct

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE = 1, 2, 3, 4
DT_NULL, DT_STRTAB, DT_RPATH, DT_RUNPATH = 0, 5, 15, 29
READ_ONLY = 4

EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
PHDR = struct.Struct("<IIQQQQQQ")  # type flags offset vaddr paddr filesz memsz align
DYN = struct.Struct("<QQ")


class ElfError(Exception):
    """This file cannot be changed, and why."""


def relocate(path: pathlib.Path, loader: str, library_path: str) -> None:
    """Make PATH run with LOADER and look for its libraries in LIBRARY_PATH."""
    image = bytearray(path.read_bytes())
    if image[:6] != b"\x7fELF\x02\x01":
        raise ElfError(f"{path} is not a 64-bit little-endian ELF program")
    ehdr = EHDR.unpack_from(image)
    phoff, phnum = ehdr[5], ehdr[10]
    offsets = [phoff + i * PHDR.size for i in range(phnum)]
    headers = {offset: list(PHDR.unpack_from(image, offset)) for offset in offsets}
    loads = [at for at in offsets if headers[at][0] == PT_LOAD]
    # Loadable segments must stand in the order of their addresses, and ours is the highest.
    notes = [at for at in offsets if headers[at][0] == PT_NOTE and at > loads[-1]]
    interps = [at for at in offsets if headers[at][0] == PT_INTERP]
    dynamics = [at for at in offsets if headers[at][0] == PT_DYNAMIC]
    if not (notes and interps and dynamics):
        raise ElfError(f"{path} has no PT_NOTE to give, or is not dynamically linked")

    align = max(headers[at][7] for at in loads)
    offset = -(-len(image) // align) * align
    end = max(headers[at][3] + headers[at][6] for at in loads)
    vaddr = -(-end // align) * align
    interp = loader.encode() + b"\0"
    strings = interp + library_path.encode() + b"\0"
    image += bytes(offset - len(image)) + strings

    ours = (READ_ONLY, offset, vaddr, vaddr)
    PHDR.pack_into(image, notes[-1], PT_LOAD, *ours, len(strings), len(strings), align)
    PHDR.pack_into(image, interps[0], PT_INTERP, *ours, len(interp), len(interp), 1)
    set_rpath(image, headers[dynamics[0]], vaddr + len(interp))
    path.write_bytes(image)


def set_rpath(image: bytearray, dynamic: "list[int]", vaddr: int) -> None:
    entries = []
    for at in range(dynamic[2], dynamic[2] + dynamic[5], DYN.size):
        tag, value = DYN.unpack_from(image, at)
        entries.append((at, tag, value))
    nulls = [at for at, tag, _ in entries if tag == DT_NULL]
    strtab = next(value for _, tag, value in entries if tag == DT_STRTAB)
    if any(tag in (DT_RPATH, DT_RUNPATH) for _, tag, _ in entries) or len(nulls) < 2:
        raise ElfError("the dynamic section has a search path already, or no spare entry")
    # RPATH, not RUNPATH: it also holds for what extension modules and dlopen() load. The loader
    # adds the offset to DT_STRTAB without asking DT_STRSZ, so the string may lie elsewhere.
    DYN.pack_into(image, nulls[0], DT_RPATH, vaddr - strtab)
