# SPDX-License-Identifier: MIT
"""The half that reads recordings is built alone, and asks for nothing that only Linux has."""

import os
import re
import signal
import subprocess

import harness
import pytest
from web_client import LIMIT_S, Live, Target, serving

# What C11 and POSIX.1-2008 have, and what ulma asks of the machine beside: SQLite, curses, zlib
# and zstd. Of sys/mman.h, MAP_ANONYMOUS and MAP_NORESERVE are a Mac's, too.
STANDARD = frozenset(
    f"{name}.h"
    for name in (
        *("assert", "ctype", "errno", "float", "inttypes", "limits", "locale", "math", "setjmp"),
        *("signal", "stdalign", "stdarg", "stdatomic", "stdbool", "stddef", "stdint", "stdio"),
        *("stdlib", "string", "strings", "time", "wchar", "fcntl", "langinfo", "poll", "pthread"),
        *("unistd", "sys/ioctl", "sys/mman", "sys/resource", "sys/select", "sys/stat"),
        *("sys/types", "termios", "netdb", "netinet/in", "netinet/tcp", "pwd", "spawn"),
        *("sys/socket", "sys/wait"),
    )
)
ASKED_FOR = {"sqlite3.h", "curses.h", "term.h", "zlib.h", "zstd.h"}

# Of glibc or the kernel alone; a Mac's linker would not find them.
OF_LINUX = re.compile(
    r"^(epoll_|eventfd|signalfd|timerfd|inotify|memfd|pidfd|process_vm|prctl|ptrace|getrandom|gettid"
    r"|syscall|pipe2|accept4|dup3|execvpe|fallocate|mremap|sched_|secure_getenv|strchrnul|mempcpy"
    r"|memrchr|qsort_r|program_invocation|get_nprocs|canonicalize_file_name|fopencookie|tgkill"
    r"|pthread_setaffinity|pthread_getaffinity|pthread_tryjoin|sem_timedwait|copy_file_range|statx"
    r"|renameat2|getauxval|clock_nanosleep|sigtimedwait|sigwaitinfo|ppoll|pthread_condattr_setclock|posix_fallocate)"
)


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """`meson setup -Dprobe=false`, compiled."""
    folder = tmp_path_factory.mktemp("reader") / "build"
    meson = harness.ROOT / ".venv-build" / "bin" / "meson"
    environment = {
        **harness.environment(),
        "PATH": f"{meson.parent}:{harness.environment()['PATH']}",
    }
    for words in (["setup", folder, "-Dprobe=false"], ["compile", "-C", folder]):
        done = subprocess.run(
            [meson, *words],
            cwd=harness.ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout.decode()
    return folder


def test_it_includes_nothing_of_linux(reader):
    """Every file of ours that the compiler reached, and what each of them includes of others."""
    ninja = harness.ROOT / ".venv-build" / "bin" / "ninja"
    listed = subprocess.check_output([ninja, "-C", reader, "-t", "deps"], text=True)
    reached = {
        (reader / line.strip()).resolve()
        for line in listed.splitlines()
        if line.startswith("    ") and line.endswith((".c", ".h", ".def"))
    }
    assert len(reached) > 100
    for path in sorted(reached):
        if harness.ROOT not in path.parents:
            continue
        for name in re.findall(r"^\s*#\s*include\s*<([^>]+)>", path.read_text(), re.MULTILINE):
            assert name in STANDARD | ASKED_FOR, f"{path} includes <{name}>"
    layers = {path.relative_to(harness.ROOT).parts[1] for path in reached if "src" in path.parts}
    assert "probe" not in layers and "attach" not in layers


def test_it_calls_nothing_of_linux(reader):
    """By the objects of our own: SQLite and curses are the machine's, qsort_r is sort.c's."""
    objects = [path for path in reader.glob("ulma.p/**/*.o") if "base_sort" not in path.name]
    assert len(objects) > 80
    listed = subprocess.check_output(["nm", "-u", *objects], text=True)
    wanted = {line.split()[-1] for line in listed.splitlines() if " U " in line}
    assert "strlen" in wanted
    assert not [name for name in sorted(wanted) if OF_LINUX.match(name)]


@pytest.fixture
def file(session_dir, tmp_path):
    """A recording, made by the whole ulma."""
    file = tmp_path / "a.ulma"
    made = harness.run(
        [harness.ULMA, "record", "-o", file, "-c", "def f(): pass\nfor _ in range(9): f()"],
        env=harness.environment(session_dir),
    )
    assert made.status == 0, made.told()
    return file


def test_it_reads_what_ulma_wrote(reader, file):
    for words in (["report", file, "-f", "json"], ["top", file, "--once"]):
        ours, theirs = (
            harness.run([program, *words]) for program in (harness.ULMA, reader / "ulma")
        )
        assert theirs.status == 0, theirs.told()
        assert theirs.out == ours.out
    refused = harness.run([reader / "ulma", "run", "-c", "pass"])
    assert refused.status == 1 and b"built to read recordings" in refused.err


def test_it_serves_what_ulma_wrote(reader, file):
    with serving(Target(file)) as full, serving(Target(file), ulma=reader / "ulma") as server:
        assert server.request("/", token=False).status == 401
        assert server.request("/", token=full.token).status == 401
        page, theirs = server.request("/"), full.request("/")
        assert page.status == 200 and server.token.encode() in page.body
        assert page.body.replace(server.token.encode(), full.token.encode()) == theirs.body
        for name in [view["id"] for view in full.get("/api/views")]:
            path = f"/api/views/{name}?window=all&limit=0"
            assert server.get(path) == full.get(path), name
        (leaf,) = [row for row in server.get("/api/report")["functions"] if row["name"] == "f"]
        assert leaf["calls"] == 9
        with Live(server) as live:
            message = live.message()
        assert message["state"] == "ended" and message["target"]["recording"]
        os.kill(server.process.pid, signal.SIGINT)
        assert server.process.wait(LIMIT_S) == 0
    refused = harness.run([reader / "ulma", "web", "-c", "pass"])
    assert refused.status == 2 and b"built to read recordings alone" in refused.err
