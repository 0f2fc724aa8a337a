# SPDX-License-Identifier: MIT
"""Processes that were armed before anybody asked, and `ulma report` of them."""

import json
import shutil
import signal
import subprocess
import time

import pytest
from harness import LIMIT_S, ROOT, ULMA, environment, run

PROGRAM = """
import ctypes, os, sys, threading, queue

def hooks():
    if sys.version_info >= (3, 12):
        monitoring = sys.monitoring
        return [n for n in range(6) if monitoring.get_tool(n)]
    api = ctypes.pythonapi
    api.PyInterpreterState_Get.restype = ctypes.c_void_p
    get = api._PyInterpreterState_GetEvalFrameFunc
    get.argtypes, get.restype = [ctypes.c_void_p], ctypes.c_void_p
    default = ctypes.cast(api._PyEval_EvalFrameDefault, ctypes.c_void_p).value
    return [] if get(api.PyInterpreterState_Get()) == default else ['ulma']

def in_main(): pass
def in_thread(): pass

orders, answers = queue.SimpleQueue(), queue.SimpleQueue()

def work():
    while True:
        for _ in range(orders.get()):
            in_thread()
        answers.put(None)

def fork():
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return child
    print(os.getpid(), flush=True)
    serve()
    os._exit(0)

def arm():
    import ulma
    ulma.arm()
    return 'armed'

def calls(count):
    orders.put(count)
    for _ in range(count):
        in_main()
    answers.get()
    return 'done'

def alone(count):
    for _ in range(count):
        in_main()
    return 'done'

def modules():
    return sorted(name for name in sys.modules if 'ulma' in name or name == '__future__')

def reopen():
    os.closerange(3, 1000)
    return ' '.join(str(os.dup2(0, n)) for n in range(190, 230))

def still(*numbers):
    return all(os.path.sameopenfile(0, n) for n in numbers)

def take_tools():
    if sys.version_info < (3, 12):
        return 'none'
    sys.monitoring.use_tool_id(3, 'other')
    sys.monitoring.use_tool_id(4, 'other')
    return 'taken'

def again():
    os.execv(sys.executable, [sys.executable, '-W', 'ignore', __file__])

def serve():
    for line in sys.stdin:
        verb, *words = line.split()
        if verb == 'end':
            return
        print(globals()[verb](*map(int, words)), flush=True)

if __name__ == '__main__':
    threading.Thread(target=work, name='worker', daemon=True).start()
    print(os.getpid(), flush=True)
    serve()
    print('ended')
"""


@pytest.fixture(scope="session")
def installed(python, tmp_path_factory):
    """A user's site-packages with what pip puts there: the package, its .pth file, the probe."""
    base = tmp_path_factory.mktemp("user")
    site = base / "lib" / "python{}.{}".format(*python.minor) / "site-packages"
    shutil.copytree(ROOT / "python" / "ulma", site / "ulma")
    shutil.copy(ROOT / "python" / "ulma.pth", site)
    shutil.copy(ROOT / "build" / "src" / "ulma_probe.so", site / "ulma")
    return base


class Process:
    """PROGRAM, which does what it reads."""

    def __init__(self, python, env, folder):
        (folder / "program.py").write_text(PROGRAM)
        self.env = env
        self.process = subprocess.Popen(
            [python.path, "-W", "ignore", str(folder / "program.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
            text=True,
        )
        self.pid = int(self.process.stdout.readline())

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def ask(self, line):
        self.tell(line)
        return self.process.stdout.readline().strip()

    def end(self):
        out, err = self.process.communicate("end\n", timeout=LIMIT_S)
        assert (self.process.returncode, out, err) == (0, "ended\n", "")


@pytest.fixture
def start(python, installed, session_dir, tmp_path):
    started = []

    def start_one(**changes):
        env = environment(session_dir, PYTHONUSERBASE=str(installed), **changes)
        started.append(Process(python, env, tmp_path))
        return started[-1]

    yield start_one
    for one in started:
        one.process.kill()
        one.process.communicate()


@pytest.fixture
def armed(start):
    return start(ULMA="1")


def ulma(process, *words):
    return run([ULMA, *words], env=process.env)


def states(process):
    """PID -> (state, collector) as `ulma ps` tells them."""
    done = ulma(process, "ps", "--dir", process.env["ULMA_DIR"])
    assert done.status == 0, done.told()
    rows = [line.split() for line in done.out.decode().splitlines()[1:]]
    return {int(row[0]): (row[1], row[3]) for row in rows}


def wait_for(condition, what):
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, f"never came: {what}"
        time.sleep(0.01)


class Report:
    """`ulma report PID`, on from here to finish()."""

    def __init__(self, process, folder, *words, pid=None):
        self.pid = pid or process.pid
        self.output = folder / "report.json"
        self.output.unlink(missing_ok=True)
        self.ulma = subprocess.Popen(
            [ULMA, "report", str(self.pid), "-f", "json", "-o", self.output, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=process.env,
            text=True,
        )
        self.wait_on(process)

    def wait_on(self, process):
        def is_on():
            assert self.ulma.poll() is None, self.ulma.communicate()
            return states(process).get(self.pid) == ("on", str(self.ulma.pid))

        wait_for(is_on, f"PID {self.pid} on")

    def finish(self, number=signal.SIGINT):
        if number:
            self.ulma.send_signal(number)
        out, self.err = self.ulma.communicate(timeout=LIMIT_S)
        assert self.ulma.returncode == 0, (out, self.err)
        return json.loads(self.output.read_text())


def calls_of(report, name):
    return sum(row["calls"] for row in report["functions"] if row["name"] == name)


def check_exact(report, count):
    assert report["events"]["lost"] == 0
    assert calls_of(report, "in_main") == calls_of(report, "in_thread") == count
