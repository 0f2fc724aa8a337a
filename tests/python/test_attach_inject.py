# SPDX-License-Identifier: MIT
"""The injector by itself: code run in a process in every state, and nothing left of that."""

import contextlib
import os
import pathlib
import random
import re
import resource
import signal
import subprocess
import sys
import time

import pytest
from harness import LIMIT_S, TARGETS, ULMA, environment, private_session_dir, pythons

pytestmark = pytest.mark.some_pythons

TOOL = ULMA.parent / "tests" / "attach" / "attach_tool"
HERE = (
    "import posix, _thread; "
    "posix.write(2, b'here %d %d\\n' % (posix.getpid(), _thread.get_ident()))"
)
NEWEST = pythons()[-1]

# state -> what it says in the end, and how many threads it then has
BLOCKED = {
    "sleep": "'slept enough True go on\\n' 1",
    "lock": "'taken True' 1",
    "lock_limit": "'taken True' 1",
    "join": "'joined' 1",
    "queue_get": "'go on\\n' 1",
    "read": "'go on\\n' 1",
    "accept": "'accepted' 1",
    "receive": "'go on\\n' 1",
    "select": "'([0], [], []) go on\\n' 1",
    "poll": "'0 go on\\n' 1",
    "poll_limit": "'0 go on\\n' 1",
    "loop": "'go on\\n' 1",
    "child": "'child ended with 0' 1",
    "pause": "'signalled' 1",
}
RUNNING = {
    "compute": "'go on\\n' 1",
    "checksum": "'go on\\n' 1",
    "pending_calls": "'go on\\n' 1",
    "nine_threads": "'go on\\n' 1",
    "held_call": "'go on\\n' 1",
}


def status_of(pid, key):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return re.search(rf"^{key}:\s*(.*)$", text, re.M)[1]


def wait_until(what, *words):
    end = time.monotonic() + LIMIT_S
    while not what():
        assert time.monotonic() < end, words
        time.sleep(0.002)


def shape_of(pid):
    """What must not change: descriptors, threads, signals, code, and no page of ours."""
    maps = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
    files = f"/proc/{pid}/fd"
    return {
        "descriptors": sorted((name, os.readlink(f"{files}/{name}")) for name in os.listdir(files)),
        "threads": sorted(os.listdir(f"/proc/{pid}/task")),
        "blocked": status_of(pid, "SigBlk"),
        "caught": status_of(pid, "SigCgt"),
        "ignored": status_of(pid, "SigIgn"),
        "tracer": status_of(pid, "TracerPid"),
        "code": [line for line in maps if line.split()[1][2] == "x"],
        "ours": [line for line in maps if "ulma" in line and "memfd" in line],
    }


class Target:
    """standing.py in one state. Its stderr is a file: everything that was injected writes there."""

    def __init__(self, python, state, folder, *words, **env):
        self.state = state
        self.err = folder / f"{state}.err"
        with self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [python.path, TARGETS / "standing.py", state, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=err,
                env=environment(**env),
            )
        self.pid = self.process.pid
        self.ident = int(self.process.stdout.readline().split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def switches(self):
        return status_of(self.pid, "voluntary_ctxt_switches")

    def stands(self):
        """Waits until the main thread sleeps, and in nothing that it wakes from now and then."""

        def sleeps():
            before = self.switches()
            time.sleep(0.03)
            return self.process_state() == "S" and self.switches() == before

        wait_until(sleeps, self.state)
        return self

    def process_state(self):
        stat = pathlib.Path(f"/proc/{self.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0]

    def told(self):
        return self.err.read_text()

    def goes_on(self, expected):
        """Lets it go on, and checks that it ends as it would have without us."""
        out, _ = self.process.communicate(b"go on\n", timeout=LIMIT_S)
        assert out.decode() == f"{self.state} {expected}\n", self.told()
        assert self.process.returncode == 7, self.told()


def attach(pid, code=HERE, timeout_s=20):
    return subprocess.run(
        [TOOL, str(pid), code, str(timeout_s)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )


def refusal(pid, error, *words, **how):
    """Attaching must fail in this way, with these words in its sentence."""
    done = attach(pid, **how)
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert done.stderr.startswith(error + ": "), done.stderr
    for word in words:
        assert word in done.stderr, done.stderr
    return done


@pytest.mark.parametrize("state", BLOCKED)
def test_blocked(python, state, tmp_path):
    """In a system call: run in place, and the call goes on as if nothing had been."""
    with Target(python, state, tmp_path) as target:
        target.stands()
        before = shape_of(target.pid)
        for count in (1, 2):
            done = attach(target.pid)
            assert done.stdout.startswith("in place, "), done
            assert target.told() == f"here {target.pid} {target.ident}\n" * count
        target.stands()
        assert shape_of(target.pid) == before
        target.goes_on(BLOCKED[state])


@pytest.mark.parametrize("state", RUNNING)
def test_running(python, state, tmp_path):
    """Computing, in Python, in C with the GIL held, and in C without it."""
    with Target(python, state, tmp_path) as target:
        before = shape_of(target.pid)
        for count in (1, 2):
            done = attach(target.pid)
            assert done.returncode == 0, done
            assert target.told() == f"here {target.pid} {target.ident}\n" * count
        assert shape_of(target.pid)["ours"] == before["ours"] == []
        target.goes_on(RUNNING[state])


def test_exception_is_told(python, tmp_path):
    """What the code raises is the caller's business, not the process's; not even SystemExit."""
    with Target(python, "read", tmp_path) as target:
        target.stands()
        for code, words in (
            ("raise SystemExit('out')", "raised SystemExit: out"),
            ("raise ValueError('caf\u00e9 \u2028\\'\"\\\\')", "raised ValueError: café"),
            ("1 +", "raised SyntaxError"),
        ):
            refusal(target.pid, "EIO", words, code=code)
        assert attach(target.pid, "name = 1").returncode == 0
        code = "import __main__; assert not hasattr(__main__, 'name'), 'seen'"
        assert attach(target.pid, code).returncode == 0
        assert target.told() == ""
        target.goes_on(BLOCKED["read"])


def test_gil_held_in_a_system_call(python, tmp_path):
    """Not a moment to run anything: refused, and nothing runs later."""
    with Target(python, "held_sleep", tmp_path) as target:
        target.stands()
        before = shape_of(target.pid)
        refusal(target.pid, "ETIMEDOUT", "with the GIL held", timeout_s=0.3)
        target.stands()
        assert shape_of(target.pid) == before
        target.goes_on("'go on\\n' 1")
        assert target.told() == ""


def test_gil_held_by_another_thread(python, tmp_path):
    """The main thread waits for the GIL in our stub: given up, it comes back and runs nothing."""
    with Target(python, "held_by_other", tmp_path) as target:
        refusal(target.pid, "ETIMEDOUT", "its main thread was", timeout_s=0.3)
        target.goes_on("'go on\\n' 1")
        assert target.told() == ""


def test_given_up_does_not_run_later(python, tmp_path):
    """A pending call that was queued while C code computed, and withdrawn, does nothing."""
    with Target(python, "held_call", tmp_path) as target:
        done = attach(target.pid, timeout_s=0.02)
        ran = done.returncode == 0
        assert ran or done.stderr.startswith("ETIMEDOUT: "), done
        target.goes_on(RUNNING["held_call"])
        assert target.told().count("here") == ran


def many_attaches(target, count):
    for _ in range(count):
        done = attach(target.pid)
        assert done.returncode == 0, (done, target.told())


@pytest.mark.parametrize("state", ["checksum", "nine_threads", "poll_limit"])
def test_many(python, state, tmp_path):
    """Registers, flags and vector registers are right after every one; nothing piles up."""
    with Target(python, state, tmp_path) as target:
        before = shape_of(target.pid)
        count = 1000 if os.environ.get("ULMA_TORTURE") == "1" else 25
        many_attaches(target, count)
        after = shape_of(target.pid)
        assert after["descriptors"] == before["descriptors"]
        assert after["ours"] == []
        assert target.told().count("here") == count
        target.goes_on({**RUNNING, **BLOCKED}[state])


OPENS_AND_CLOSES = """
import os, random, threading
def churn():
    while True:
        files = [os.open("/dev/null", os.O_RDONLY) for _ in range(random.randrange(1, 6))]
        for file in files:
            os.close(file)
for _ in range(3):
    threading.Thread(target=churn, daemon=True).start()
print("ready", flush=True)
while True:
    sum(range(1000))
"""


def test_descriptors_come_and_go_meanwhile(python):
    """Which number the next one has is anybody's guess: it is planned anew, and nothing stays."""
    words = [python.path, "-c", OPENS_AND_CLOSES]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        stops = []
        end = time.monotonic() + LIMIT_S
        while len(stops) < 20 or max(stops) == 2:  # until some plan was thwarted
            done = attach(process.pid, "pass")
            assert done.returncode == 0, done
            stops.append(int(re.search(r"(\d+) stops", done.stdout)[1]))
            assert time.monotonic() < end, stops
        files = pathlib.Path(f"/proc/{process.pid}/fd")
        found = []
        for file in files.iterdir():
            with contextlib.suppress(FileNotFoundError):
                found.append(os.readlink(file))
        assert not [name for name in found if "memfd" in name]
        assert "memfd" not in pathlib.Path(f"/proc/{process.pid}/maps").read_text()
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()


def kill_at_random(target, count, seed):
    """Kills the injecting tool somewhere between its start and its end; how many had ended."""
    moment = random.Random(seed)
    ended = 0
    for _ in range(count):
        begin = time.monotonic()
        assert attach(target.pid).returncode == 0, (target.process.poll(), target.told())
        limit = 1.2 * (time.monotonic() - begin)
        tool = subprocess.Popen(
            [TOOL, str(target.pid), HERE],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(moment.uniform(0, limit))
        tool.kill()
        ended += tool.wait() == 0
    return ended


@pytest.mark.parametrize("state", ["checksum", "nine_threads", "poll_limit", "lock_limit", "loop"])
def test_tool_killed(python, state, tmp_path):
    """Killed at any moment, the process lives, computes the same, and can be attached to again."""
    count = 200 if os.environ.get("ULMA_TORTURE") == "1" else 6
    with Target(python, state, tmp_path) as target:
        kill_at_random(target, count, f"{state} {python}")
        assert attach(target.pid).returncode == 0
        assert status_of(target.pid, "TracerPid") == "0"
        assert status_of(target.pid, "SigBlk") == "0000000000000000"
        target.goes_on({**RUNNING, **BLOCKED}[state])


def test_no_such_process():
    child = subprocess.Popen(["true"])
    child.wait()
    refusal(child.pid, "ESRCH", f"no process {child.pid}", "ulma ps")
    refusal(0, "ESRCH", "no process 0")


def test_not_python():
    child = subprocess.Popen(["sleep", "100"])
    try:
        refusal(child.pid, "ENOEXEC", f"process {child.pid} is not a Python")
        assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_zombie():
    child = subprocess.Popen(["true"])
    wait_until(lambda: status_of(child.pid, "State").startswith("Z"))
    refusal(child.pid, "ESRCH", "has ended", f"its parent {os.getpid()}")
    child.wait()


def test_a_thread_is_not_a_process(tmp_path):
    with Target(NEWEST, "lock", tmp_path) as target:
        tasks = pathlib.Path(f"/proc/{target.pid}/task")
        wait_until(lambda: len(os.listdir(tasks)) == 2)
        other = next(int(name) for name in os.listdir(tasks) if name != str(target.pid))
        refusal(other, "ESRCH", f"is a thread of process {target.pid}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")
def test_other_user(tmp_path):
    with Target(NEWEST, "read", tmp_path) as target:
        target.stands()
        done = subprocess.run(
            [TOOL, str(target.pid), HERE],
            stderr=subprocess.PIPE,
            text=True,
            user=65534,
            group=65534,
            extra_groups=[],
        )
        assert done.returncode == 1
        assert done.stderr.startswith("EPERM: "), done
        assert f"sudo ulma attach {target.pid}" in done.stderr
        target.goes_on(BLOCKED["read"])
        assert target.told() == ""


SEIZES = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
assert libc.ptrace(0x4206, int(sys.argv[1]), None, None) == 0, ctypes.get_errno()
print("seized", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def traced(target):
    """As under a debugger: a process of ours that has seized it."""
    tracer = subprocess.Popen(
        [sys.executable, "-c", SEIZES, str(target.pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert tracer.stdout.readline() == b"seized\n"
        yield tracer
    finally:
        tracer.communicate()


def test_already_traced(tmp_path):
    """It sleeps: what it was given by its own door for debuggers is withdrawn."""
    with Target(NEWEST, "read", tmp_path) as target:
        target.stands()
        with traced(target) as tracer:
            refusal(target.pid, "EBUSY", f"traced by process {tracer.pid} (", timeout_s=0.1)
            refusal(target.pid, "EBUSY", "where Python asks for a debugger's script", timeout_s=0.1)
        assert attach(target.pid).returncode == 0
        target.goes_on(BLOCKED["read"])
        assert target.told().count("here") == 1


IN_FOLDER = (
    "import posix, sys; posix.write(2, sys._getframe(1).f_globals['folder'].encode() + b' here\\n')"
)


def test_by_its_own_door(tmp_path):
    """A tracer is there, and it computes: its debuggers' script needs no other (PEP 768)."""
    with Target(NEWEST, "nine_threads", tmp_path) as target:
        with traced(target):
            done = attach(target.pid, IN_FOLDER, timeout_s=60)
            assert done.returncode == 0 and "script, 0 stops" in done.stdout, done
            done = attach(target.pid, "1 / 0", timeout_s=60)
            assert "EIO" in done.stderr and "ZeroDivisionError" in done.stderr, done
        folder, here = target.told().split()
        assert here == "here" and not pathlib.Path(folder).exists()
        target.goes_on(RUNNING["nine_threads"])


def test_remote_debugging_disabled(python, tmp_path):
    with Target(python, "read", tmp_path, PYTHON_DISABLE_REMOTE_DEBUG="1") as target:
        target.stands()
        refusal(target.pid, "EPERM", "PYTHON_DISABLE_REMOTE_DEBUG")
        target.goes_on(BLOCKED["read"])
        assert target.told() == ""


def test_target_ends_meanwhile():
    """Whatever is found amiss in a process that goes: what is told is that it ended."""
    numbers = random.Random(7)
    told = re.compile(r"ended while ulma attached|has ended|(there is )?no process")
    words = [NEWEST.path, "-c", "print(1, flush=True)\nwhile True: sum(range(50))"]
    with private_session_dir() as folder:
        env = environment(folder)
        for _ in range(25):
            target = subprocess.Popen(words, env=env, stdout=subprocess.PIPE)
            assert target.stdout.readline() == b"1\n"
            with subprocess.Popen(
                [ULMA, "attach", str(target.pid)], env=env, stderr=subprocess.PIPE, text=True
            ) as ulma:
                time.sleep(numbers.random() * 0.06)  # no moment is meant
                target.kill()
                target.communicate()
                output = ulma.communicate(timeout=LIMIT_S)[1]
            assert ulma.returncode == 0 or told.search(output), output


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        ([], {"PYTHON_DISABLE_REMOTE_DEBUG": ""}),
        (["-X", "disable-remote-debug"], {}),
        (["-Xdisable-remote-debug=0"], {}),
        (["-uX", "disable-remote-debug"], {}),
    ],
    ids=["empty variable", "option", "set to 0", "behind another"],
)
def test_remote_debugging_disabled_as_python_reads_it(words, variables):
    """That it is named is enough, to Python as to ulma."""
    ready = "import sys; print(1, flush=True); sys.stdin.read()"
    words = [NEWEST.path, *words, "-c", ready]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(words, env={**os.environ, **variables}, **pipes) as target:
        assert target.stdout.readline() == b"1\n"
        refusal(target.pid, "EPERM", "PYTHON_DISABLE_REMOTE_DEBUG")


def test_stopped_by_job_control(tmp_path):
    """Not continued on our account, not even for a moment."""
    with Target(NEWEST, "compute", tmp_path) as target:
        os.kill(target.pid, signal.SIGSTOP)
        wait_until(lambda: target.process_state() == "T")
        refusal(target.pid, "ETIMEDOUT", "is stopped", f"kill -CONT {target.pid}")
        assert target.process_state() == "T"
        os.kill(target.pid, signal.SIGCONT)
        target.goes_on(RUNNING["compute"])
        assert target.told() == ""


@pytest.mark.parametrize("state", ["read", "poll_limit", "lock_limit"])
def test_no_descriptor_left(python, state, tmp_path):
    """The first thing that is done in the process fails: it is put back as it was."""
    with Target(python, state, tmp_path) as target:
        target.stands()
        before = shape_of(target.pid)
        limits = resource.prlimit(target.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(target.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
        refusal(target.pid, "EMFILE", f"prlimit --pid {target.pid} --nofile=")
        assert shape_of(target.pid) == before
        resource.prlimit(target.pid, resource.RLIMIT_NOFILE, limits)
        target.goes_on(BLOCKED[state])
        assert target.told() == ""


def test_ends_during_attach(tmp_path):
    """The process is killed while its main thread cannot be made to run anything."""
    with Target(NEWEST, "held_sleep", tmp_path) as target:
        target.stands()
        tool = subprocess.Popen(
            [TOOL, str(target.pid), HERE, "60"], stderr=subprocess.PIPE, text=True
        )
        wait_until(lambda: "ulma" in pathlib.Path(f"/proc/{target.pid}/maps").read_text())
        target.process.kill()
        _, err = tool.communicate(timeout=LIMIT_S)
        assert tool.returncode == 1
        assert err.startswith("ESRCH: "), err
