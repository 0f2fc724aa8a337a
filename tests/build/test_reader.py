# SPDX-License-Identifier: MIT
"""The half that reads recordings is built alone, and asks for nothing that only Linux has."""

import re
import subprocess

import harness
import pytest

# What C11 and POSIX.1-2008 have, and what ulma asks of the machine beside: SQLite, curses, zlib
# and zstd. Of sys/mman.h, MAP_ANONYMOUS and MAP_NORESERVE are a Mac's, too.
STANDARD = frozenset(
    f"{name}.h"
    for name in (
        *("assert", "ctype", "errno", "float", "inttypes", "limits", "locale", "math", "setjmp"),
        *("signal", "stdalign", "stdarg", "stdatomic", "stdbool", "stddef", "stdint", "stdio"),
        *("stdlib", "string", "strings", "time", "wchar", "fcntl", "langinfo", "poll", "pthread"),
        *("unistd", "sys/ioctl", "sys/mman", "sys/resource", "sys/select", "sys/stat"),
        *("sys/types", "termios"),
    )
)
ASKED_FOR = {"sqlite3.h", "curses.h", "term.h", "zlib.h", "zstd.h"}

# Of glibc or the kernel alone; a Mac's linker would not find them.
OF_LINUX = re.compile(
    r"^(epoll_|eventfd|signalfd|timerfd|inotify|memfd|pidfd|process_vm|prctl|ptrace|getrandom|gettid"
    r"|syscall|pipe2|accept4|dup3|execvpe|fallocate|mremap|sched_|secure_getenv|strchrnul|mempcpy"
    r"|memrchr|qsort_r|program_invocation|get_nprocs|canonicalize_file_name|fopencookie|tgkill"
    r"|pthread_setaffinity|pthread_getaffinity|pthread_tryjoin|sem_timedwait|copy_file_range|statx"
    r"|renameat2|getauxval|clock_nanosleep|pthread_condattr_setclock|posix_fallocate)"
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


def test_it_reads_what_ulma_wrote(reader, session_dir, tmp_path):
    file = tmp_path / "a.ulma"
    made = harness.run(
        [harness.ULMA, "record", "-o", file, "-c", "def f(): pass\nfor _ in range(9): f()"],
        env=harness.environment(session_dir),
    )
    assert made.status == 0, made.told()
    for words in (["report", file, "-f", "json"], ["top", file, "--once"]):
        ours, theirs = (
            harness.run([program, *words]) for program in (harness.ULMA, reader / "ulma")
        )
        assert theirs.status == 0, theirs.told()
        assert theirs.out == ours.out
    refused = harness.run([reader / "ulma", "run", "-c", "pass"])
    assert refused.status == 1 and b"built to read recordings" in refused.err
