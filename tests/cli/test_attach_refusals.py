# SPDX-License-Identifier: MIT
"""Whom `ulma attach` refuses: the whole sentence, what to do, and a process that runs on."""

import contextlib
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import time

import harness
import pytest

LIMIT_S = 60
NOBODY = 65534
NEWEST = harness.pythons()[-1]
ECHO = "import sys; print('ready', flush=True); print(sys.stdin.readline(), end='')"
NEEDS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0, reason="other users and namespaces are made by root, which this run is not"
)


def refusal(ulma, pid, expected, *words):
    """All that is said, and that nothing is left anywhere."""
    done = ulma("attach", "-q", "--timeout", "0.3", *words, pid)
    assert done.status == 1 and done.out == b"", done.told()
    assert re.fullmatch(rf"ulma: {expected}\n", done.err.decode()), done.told()
    assert ulma.left_behind() == []


@pytest.fixture
def target(ulma, running):
    """A Python that waits for a line, and its end as it should be."""
    started = []

    def start(*options, code=ECHO, **more):
        words = [NEWEST.path, *options, "-c", code]
        more.setdefault("env", ulma.env)
        process = running(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **more)
        assert process.stdout.readline() == b"ready\n"
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            assert process.communicate(b"on\n", timeout=LIMIT_S)[0] == b"on\n"
        assert process.returncode in (0, -9)


def test_no_such_process(ulma):
    process = subprocess.Popen(["true"])
    process.wait()
    refusal(
        ulma,
        process.pid,
        rf"there is no process {process.pid} \(any more\); `ulma ps` lists those that can be "
        "attached to",
    )


def test_not_python(ulma, running):
    process = running("sleep", "1000")
    refusal(
        ulma,
        process.pid,
        f"process {process.pid} is not a Python; `ulma ps` lists those that are",
    )
    assert process.poll() is None


def test_zombie(ulma, running):
    process = running("true")
    end = time.monotonic() + LIMIT_S
    while ") Z " not in pathlib.Path(f"/proc/{process.pid}/stat").read_text():
        assert time.monotonic() < end
    refusal(
        ulma,
        process.pid,
        rf"process {process.pid} has ended \(a zombie, which its parent {os.getpid()} has not "
        r"waited for yet\); there is nothing left to attach to",
    )


def test_the_signal_is_blocked(ulma, target):
    """It would be armed and never heard of again, by detach neither."""
    block = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGURG])\n"
    pid = target(code=block + ECHO).pid
    why = (
        rf"the main thread of process {pid} blocks SIGURG, by which ulma is heard; let it through "
    )
    refusal(ulma, pid, why + r"there \(signal.pthread_sigmask\), or start .*, which needs none")


def test_files_may_not_be_as_large(ulma, target):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
    pid = target(code=limit + ECHO).pid
    why = rf"process {pid} may not write a file as large as the probe \(RLIMIT_FSIZE\); raise its "
    refusal(ulma, pid, why + rf"limit: prlimit --pid {pid} --fsize=unlimited")


@pytest.mark.parametrize("way", ["variable", "option"])
def test_remote_debugging_is_off(ulma, target, way):
    options, env = (), harness.environment()
    if way == "variable":
        env["PYTHON_DISABLE_REMOTE_DEBUG"] = "1"
    else:
        options = ("-X", "disable-remote-debug")
    pid = target(*options, env=env).pid
    refusal(
        ulma,
        pid,
        rf"process {pid} was started with remote debugging disabled \(PYTHON_DISABLE_REMOTE_DEBUG "
        r"or -X disable-remote-debug\), which ulma obeys; start it without, or with ULMA=1 in its "
        "environment",
    )


def test_unsupported(ulma, like_python):
    pid, *_ = like_python(b"", version=0x031000A1)
    refusal(
        ulma,
        pid,
        f"process {pid} runs a Python that is not supported; ulma attaches to CPython 3.9 to "
        "3.15: run it with one of those",
    )
    os.kill(pid, 0)


def test_free_threaded(ulma, like_python):
    state = b"xdebugpy" + struct.pack("<QQ", 0x030D01F0, 1)
    pid, *_ = like_python(state, version=0x030D01F0, options=["-DFREE_THREADED"])
    refusal(
        ulma,
        pid,
        rf"process {pid} runs a Python without the GIL \(a free-threaded build\), which ulma does "
        "not support yet; run it with one that has the GIL",
    )
    os.kill(pid, 0)


def test_musl(ulma, like_python, tmp_path):
    library = tmp_path / "ld-musl-x86_64.so.1"
    library.write_bytes(b"\0" * 4096)
    pid, *_ = like_python(b"", library, version=0x030C01F0)
    refusal(
        ulma,
        pid,
        f"process {pid} runs on musl, which ulma does not support; run it with a Python that is "
        "built for glibc",
    )
    os.kill(pid, 0)


def test_followed_already(ulma, target):
    pid = target().pid
    assert ulma("attach", "--timeout", "20", pid).status == 0
    first = ulma.start("report", "-d", "100", "-o", "first.txt", pid)
    end = time.monotonic() + LIMIT_S
    while f"{first.pid}" not in ulma("ps", "--dir", ulma.session_dir).out.decode():
        assert time.monotonic() < end
    who = rf"PID {first.pid} of the user \w+ \(`{harness.ULMA} report -d 100 -o first.txt {pid}`\)"
    done = ulma("record", "-d", "1", pid)
    assert done.status == 1
    told = rf"ulma: PID {pid} is followed already, by {who}: end that one first\n"
    assert re.fullmatch(told, done.err.decode()), done.told()
    for verb in ("report", "top"):
        done = ulma(verb, *(["-b"] if verb == "top" else []), "-d", "1", pid)
        assert done.status == 0
        told = rf"ulma: {pid} \(python .*\) is followed by {who}: joined, read-only"
        assert re.match(told, done.err.decode()), done.told()
    first.terminate()
    assert first.wait(LIMIT_S) == 0
    assert ulma("detach", pid).status == 0


HELD = """
import ctypes
print('ready', flush=True)
ctypes.PyDLL(None).poll((ctypes.c_int * 2)(0, 1), 1, -1)
"""


def test_ends_meanwhile(ulma, target):
    process = target(code=HELD)
    one = ulma.start("attach", "-q", "--timeout", "60", process.pid)
    end = time.monotonic() + LIMIT_S
    while "memfd:ulma" not in pathlib.Path(f"/proc/{process.pid}/maps").read_text():
        assert time.monotonic() < end
    process.kill()
    process.wait()
    _, err = one.communicate(timeout=LIMIT_S)
    assert one.returncode == 1
    assert err.decode() == (
        f"ulma: process {process.pid} ended while ulma attached to it; there is nothing left to "
        "do\n"
    )


@contextlib.contextmanager
def ulma_for_all(ulma):
    """A copy that every user may execute."""
    folder = pathlib.Path("/dev/shm") / f"ulma-test-copy-{os.getpid()}"
    folder.mkdir(mode=0o755)
    try:
        yield shutil.copy(harness.ULMA, folder)
    finally:
        shutil.rmtree(folder)


@NEEDS_ROOT
def test_another_users(ulma, target):
    pid = target().pid
    with ulma_for_all(ulma) as copy:
        done = subprocess.run(
            [copy, "attach", str(pid)], capture_output=True, text=True, user=NOBODY, cwd="/"
        )
    assert done.returncode == 1
    assert done.stderr == (
        f"ulma: process {pid} belongs to another user (uid 0); as root it works: sudo ulma attach "
        f"{pid}\n"
    )


SCOPES = {
    "none": "the kernel does not let you attach to process {pid}: it has changed its user, has "
    "capabilities that you have not, or is in a container that forbids it (CAP_SYS_PTRACE is what "
    "is missing); as root it works: sudo ulma attach {pid}",
    "1": "this machine lets only root attach to process {pid} (kernel.yama.ptrace_scope is 1): "
    "sudo ulma attach {pid}",
    "2": "this machine lets only root attach to process {pid} (kernel.yama.ptrace_scope is 2): "
    "sudo ulma attach {pid}",
    "3": "this machine forbids attaching to process {pid} and to any other "
    "(kernel.yama.ptrace_scope is 3, until the next boot); start it with ULMA=1 in its environment "
    "instead",
}
CLOSED = (
    "import ctypes; assert ctypes.CDLL(None).prctl(4, 0, 0, 0, 0) == 0\n" + ECHO
)  # not dumpable
WITH_SCOPE = """
mount --make-rprivate /
if [ "$1" != none ]; then
    mount -t tmpfs -o mode=755 none /proc/sys/kernel
    mkdir /proc/sys/kernel/yama
    echo "$1" > /proc/sys/kernel/yama/ptrace_scope
fi
shift
exec setpriv --reuid 65534 --clear-groups "$@"
"""


@NEEDS_ROOT
@pytest.mark.parametrize("scope", SCOPES)
def test_ptrace_scope(ulma, target, scope):
    """Simulated: a process that the kernel closes to its own user, and a word of Yama's in a mount
    namespace of ulma's own, since the machine's own may be absent and is nobody's to change."""
    if not os.access(NEWEST.path, os.X_OK):
        pytest.skip(f"{NEWEST.path} cannot be executed")
    pid = target(
        code="import os; os.setgroups([]); os.setresuid(65534, 65534, 65534)\n" + CLOSED
    ).pid
    with ulma_for_all(ulma) as copy:
        done = harness.run(
            ["unshare", "-m", "sh", "-ec", WITH_SCOPE, "sh", scope, copy, "attach", pid], cwd="/"
        )
    assert done.status == 1
    assert done.err.decode() == f"ulma: {SCOPES[scope].format(pid=pid)}\n"


# As PID 1 of a namespace: the one place where a PID can be chosen.
GIVEN_ANEW = """
import os, subprocess, sys
python, echo, kill_at, ulma, calls, answers = sys.argv[1:]
start = [python, "-c", echo]
pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
first = subprocess.Popen(start, **pipes)
first.stdout.readline()
attach = subprocess.Popen(
    [kill_at, "1", ulma, "attach", "-q", "--timeout", "5", str(first.pid)],
    env={**os.environ, "AT_STOP": f"echo > {calls}; cat {answers}"},
    stderr=subprocess.PIPE,
)
with open(calls) as told:  # at the entry of PTRACE_SEIZE
    told.read()
first.kill()
first.wait()
with open("/proc/sys/kernel/ns_last_pid", "w") as last:
    last.write(str(first.pid - 1))
second = subprocess.Popen(start, **pipes)
assert second.pid == first.pid, (second.pid, first.pid)
second.stdout.readline()
with open(f"/proc/{second.pid}/maps") as maps:
    before = maps.read()
with open(answers, "w"):
    pass
_, err = attach.communicate()
with open(f"/proc/{second.pid}/maps") as maps:
    same = maps.read() == before
out, _ = second.communicate(b"on\\n")
print(attach.returncode, second.pid, same, out, second.returncode)
sys.stderr.write(err.decode())
"""


@NEEDS_ROOT
def test_pid_given_to_another(ulma, tmp_path):
    """The process ends, and its PID is another Python's, between ulma's look and its ptrace."""
    calls, answers = tmp_path / "calls", tmp_path / "answers"
    os.mkfifo(calls)
    os.mkfifo(answers)
    (tmp_path / "given_anew.py").write_text(GIVEN_ANEW)
    kill_at = harness.ULMA.parent / "tests" / "attach" / "kill_at"
    words = [sys.executable, tmp_path / "given_anew.py", NEWEST.path, ECHO, kill_at, harness.ULMA]
    done = harness.run(
        ["unshare", "-m", "-p", "-f", "--mount-proc", *words, calls, answers], env=ulma.env
    )
    assert done.status == 0, done.told()
    moment, told = done.out.decode().splitlines()
    assert moment == "entry of system call 101 (0x4206)"  # PTRACE_SEIZE
    status, pid, *rest = told.split()
    assert [status, *rest] == ["1", "True", "b'on\\n'", "0"], done.told()
    assert done.err.decode() == (
        f"ulma: process {pid} ended while ulma attached to it; there is nothing left to do\n"
    )


LOOK = """
import os, stat, sys
top, pid = sys.argv[1:]
failed = []
def refuses(act):
    try:
        act()
    except PermissionError:
        return
    failed.append(act)
refuses(lambda: os.listdir(top))
for name in sys.stdin.read().split():
    path = os.path.join(top, name)
    for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
        refuses(lambda: os.open(path, flags | os.O_NONBLOCK))
    refuses(lambda: os.stat(path))
    refuses(lambda: os.unlink(path))
    refuses(lambda: os.rename(path, path + "x"))
refuses(lambda: os.mkfifo(os.path.join(top, "mine")))
refuses(lambda: os.listdir(f"/proc/{pid}/fd"))
refuses(lambda: os.listdir(f"/proc/{pid}/map_files"))
refuses(lambda: open(f"/proc/{pid}/maps").read())
print(len(failed))
"""


@NEEDS_ROOT
def test_what_another_user_may_read_of_a_session(ulma, target):
    """Nothing: neither directory, nor page, bell and session, nor by way of /proc."""
    process = target()
    assert ulma("attach", "--timeout", "20", process.pid).status == 0
    report = ulma.start("report", "-q", "-d", "100", process.pid)
    end = time.monotonic() + LIMIT_S
    while len(names := [path.name for path in ulma.session_dir.iterdir()]) < 3:
        assert time.monotonic() < end
    for path in ulma.session_dir.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
    assert ulma.session_dir.stat().st_mode & 0o777 == 0o700
    for pid in (process.pid, report.pid):
        done = subprocess.run(
            ["/usr/bin/python3", "-c", LOOK, ulma.session_dir, str(pid)],
            input=" ".join(names),
            capture_output=True,
            text=True,
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            cwd="/",
        )
        assert (done.stdout, done.returncode) == ("0\n", 0), done
    report.terminate()
    report.communicate()
    assert ulma("detach", process.pid).status == 0
