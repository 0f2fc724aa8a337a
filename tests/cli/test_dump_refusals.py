# SPDX-License-Identifier: MIT
"""What `ulma dump` says where it cannot read, and what it does with a process that lies.

Pythons that no machine has at hand (free-threaded, too old, on musl, with broken state) are small C
programs that look like them from outside.
"""

import json
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import time

import harness
import pytest

LIMIT_S = 60


def test_no_such_process(ulma, sentence):
    process = subprocess.Popen(["true"])
    process.wait()
    done = ulma("dump", process.pid)
    assert done.status == 1
    sentence(done, f"no process has the PID {process.pid}")


def test_a_process_that_is_no_python(ulma, sentence, running):
    process = running("sleep", "1000")
    done = ulma("dump", process.pid)
    assert done.status == 1
    sentence(done, f"process {process.pid} (sleep 1000) is not a Python")
    assert process.poll() is None


def test_a_zombie(ulma, sentence, running):
    process = running("true")
    stat = pathlib.Path(f"/proc/{process.pid}/stat")
    end = time.monotonic() + LIMIT_S
    while ") Z " not in stat.read_text():
        assert time.monotonic() < end
    done = ulma("dump", process.pid)
    assert done.status == 1
    sentence(done, "zombie")


def test_another_users_process(ulma, sentence, running, tmp_path):
    """As root, ulma is run by somebody else; else the first process is somebody else's."""
    more = {}
    pid = 1
    program = harness.ULMA
    if os.geteuid() == 0:
        folder = pathlib.Path("/dev/shm") / f"ulma-test-{os.getpid()}"
        folder.mkdir(mode=0o755)
        program = folder / "ulma"
        shutil.copy(harness.ULMA, program)
        program.chmod(0o755)
        more = {"user": 65534, "group": 65534}
        pid = running(harness.pythons()[0].path, "-c", "input()", stdin=subprocess.PIPE).pid
    try:
        done = subprocess.run(
            [str(program), "dump", str(pid)],
            capture_output=True,
            text=True,
            cwd="/",
            **more,
        )
    finally:
        if program != harness.ULMA:
            shutil.rmtree(program.parent)
    assert done.returncode == 1 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert f"process {pid} belongs to the user root: write `sudo {program} dump {pid}`" in (
        done.stderr
    )


def told_state(version, free_threaded=0):
    return b"xdebugpy" + struct.pack("<QQ", version, free_threaded)


def test_free_threaded(ulma, sentence, like_python):
    pid, *_ = like_python(told_state(0x030D01F0, 1))
    done = ulma("dump", pid)
    assert done.status == 1
    sentence(done, str(pid), "free-threaded", "3.13.1")


@pytest.mark.parametrize("version, words", [(0x030800F0, "3.8.0"), (0x031000A1, "3.16.0a1")])
def test_an_unsupported_version(ulma, sentence, like_python, version, words):
    if version >= 0x030D0000:
        pid, *_ = like_python(told_state(version))
    else:
        pid, *_ = like_python(b"", version=version)
    done = ulma("dump", pid)
    assert done.status == 1
    sentence(done, str(pid), f"Python {words}", "3.9 to 3.15")


def test_a_version_that_only_its_text_tells(ulma, sentence, like_python):
    pid, *_ = like_python(b"\0" * 5000 + b"3.8.18 (default, Oct 1 2024)\0")
    done = ulma("dump", pid)
    assert done.status == 1
    sentence(done, "Python 3.8.18")


def test_musl(ulma, sentence, like_python, tmp_path):
    library = tmp_path / "ld-musl-x86_64.so.1"
    library.write_bytes(b"\0" * 4096)
    pid, *_ = like_python(b"", library, version=0x030C01F0)
    done = ulma("dump", pid)
    assert done.status == 1
    sentence(done, "musl", "3.12.1")


def test_an_interpreter_that_has_not_begun(ulma, sentence, like_python):
    pid, *_ = like_python(b"")
    done = ulma("dump", pid)
    assert done.status == 1
    sentence(done, "has not started")


def test_a_layout_that_is_none(ulma, sentence, like_python):
    pid, *_ = like_python(told_state(0x030E00F0) + b"\xff" * 4096)
    done = ulma("dump", pid)
    assert done.status == 1
    sentence(done, "3.14.0", "python -VV")


HOSTILE = [0x030B00F0, 0x030C00F0, 0x030D00F0, 0x030E00F0, 0x030F00F0]

# Words of _Py_DebugOffsets: how many there are; interpreters' head; an interpreter's next, threads
# and gil; a thread's next, interpreter and frame.
TOLD = {
    0xD: (73, (5, 8, 9, 15, 21, 22, 23)),
    0xE: (95, (5, 8, 9, 16, 24, 25, 26)),
    0xF: (111, (5, 8, 9, 16, 24, 25, 26)),
}


def noise(chance, first, code_type):
    """16,384 words: pointers into themselves, to a type of code objects, lengths, and anything."""
    near = chance.choice([64, 512, 4096, 16384])
    words = []
    for _ in range(16384):
        kind = chance.randrange(8)
        if kind < 4:
            words.append(first + 8 * chance.randrange(near))
        elif kind == 4:
            words.append(code_type)
        elif kind == 5:
            words.append(chance.randrange(200))
        elif kind == 6:
            words.append(chance.choice([0, 1, 2**31, 2**63 - 1, 2**64 - 1, 0x38000000]))
        else:
            words.append(chance.getrandbits(64))
    return words


def with_way_to_a_thread(chance, version, first, words):
    """So that the reader gets as far as threads and frames, which are noise."""
    count, places = TOLD[version >> 16 & 0xF]
    told = [8 * chance.randrange(15) for _ in range(count)]
    head, following, threads, thread_following, owner, frame = range(960, 1008, 8)
    offsets = (head, following, threads, 0, thread_following, owner, frame)
    for word, offset in zip(places, offsets):
        told[word] = offset
    interpreter, thread = 1024, 2048
    address = [first + 8 * place for place in (interpreter, thread)]
    words = told_words(version) + told[3:] + words[count:]
    words[head // 8] = address[0]
    words[interpreter + following // 8] = 0
    words[interpreter + threads // 8] = address[1]
    words[thread + thread_following // 8] = chance.choice([0, address[1]])
    words[thread + owner // 8] = address[0]
    words[thread + frame // 8] = first + 8 * chance.randrange(4096)
    return words


def told_words(version):
    return list(struct.unpack("<3Q", told_state(version)))


@pytest.mark.parametrize("seed", range(40))
def test_state_that_is_noise(ulma, like_python, seed):
    """A sentence or an answer without sense, but soon, and the process is left alone."""
    version = HOSTILE[seed % len(HOSTILE)]
    chance = random.Random(seed)
    first, code_type = where_it_lies(like_python, version)
    words = noise(chance, first, code_type)
    if version >= 0x030D0000:
        words = with_way_to_a_thread(chance, version, first, words)
    pid, *again = like_python(struct.pack("<16384Q", *words), version=version)
    assert again == [first, code_type]
    for options in ([], ["--locals", "-f", "json"]):
        done = ulma("dump", *options, pid, limit_s=LIMIT_S)
        assert done.status in (0, 1), done.told()
        if done.status == 0 and options:
            json.loads(done.out)
        if done.status == 1:
            assert len(done.err.decode().splitlines()) == 1
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    assert re.search(r"State:\s*S", status)


def where_it_lies(like_python, version):
    """Not moved from run to run, so that its state can hold its own addresses."""
    pid, first, code_type = like_python(b"", version=version)
    os.kill(pid, signal.SIGKILL)
    return first, code_type


@pytest.mark.parametrize(
    "words, parts",
    [
        ([], ["needs one PID"]),
        (["1", "2"], ["needs one PID"]),
        (["abc"], ["`abc` is no PID"]),
        (["0"], ["`0` is no PID"]),
        (["99999999999999999999"], ["is no PID"]),
        (["-f", "pstats", "1"], ["json", "not as pstats"]),
    ],
    ids=lambda value: " ".join(value)[:20],
)
def test_wrong_words(ulma, sentence, words, parts):
    done = ulma("dump", *words)
    assert done.status == 2
    sentence(done, *parts)
