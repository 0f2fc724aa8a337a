# SPDX-License-Identifier: MIT
"""A target runs as without ulma: everything a program can see, say or do is compared, run for run.

What may differ is listed here and nowhere else: SIGURG has a handler, and a sys.monitoring tool id
is taken. `python` runs each check on every CPython.
"""

import json
import os
import pathlib
import re
import shutil
import zipfile

import pytest
from harness import (
    TARGETS,
    ULMA,
    counts_of,
    environment,
    private_session_dir,
    report_of,
    run,
    run_ulma,
)

pytestmark = pytest.mark.some_pythons

MIRROR = TARGETS / "mirror.py"
SIGURG = 23


def both(python, *target, flags=(), options=(), **more):
    """TARGET without and with ulma. FLAGS are the interpreter's: then it is run as a command."""
    with private_session_dir() as session_dir:
        env = {**more.pop("env", environment()), "ULMA_DIR": str(session_dir)}
        alone = run([python.path, *flags, *target], env=env, **more)
        words = ["--", python.path, *flags, *target] if flags else target
        more.update(env=env, session_dir=session_dir, options=options)
        return alone, run_ulma(None if flags else python, *words, **more)


def same(alone, profiled):
    assert profiled.out == alone.out, profiled.told()
    assert profiled.err == alone.err, profiled.told()
    assert profiled.status == alone.status, profiled.told()


def same_mirror(alone, profiled, *, armed=True):
    assert alone.status == 0, alone.told()
    assert profiled.status == 0, profiled.told()
    if armed:
        assert profiled.err == alone.err
    else:
        # Such an interpreter does not look at PYTHONPATH, or at sitecustomize: that is told.
        assert re.fullmatch(
            re.escape(alone.err) + rb"ulma: nothing was seen: [^\n]*\n", profiled.err
        )
    left, right = json.loads(alone.out), json.loads(profiled.out)
    if armed:
        # For the children's sake the environment that they get has it, though os.environ has not.
        assert right.pop("getenv_ulma")["ULMA_ARM"] is True
        left.pop("getenv_ulma")
        for one in (left, right):
            one["getenv"].pop("PYTHONPATH", None)
        assert "SIG_DFL" in left["signals"].pop(str(SIGURG))
        right["signals"].pop(str(SIGURG))
        caught = int(right["SigCgt"], 16) & ~(1 << (SIGURG - 1))
        right["SigCgt"] = f"{caught:016x}"
        assert [tool for tool in left.pop("monitoring", []) if tool] == []
        tools = [tool for tool in right.pop("monitoring", ["ulma"]) if tool]
        assert len(tools) == 1, tools
    different = {key: (left[key], right.get(key)) for key in left if left[key] != right.get(key)}
    # One at a time: pytest shows the difference of two values better than that of two mirrors.
    for key in different:
        assert right.get(key) == left[key], key


@pytest.fixture
def here(tmp_path):
    """A folder with the mirror in every form that a target can have."""
    shutil.copy(MIRROR, tmp_path / "plain.py")
    shutil.copy(MIRROR, tmp_path / "odd name é.py")
    (tmp_path / "link.py").symlink_to(MIRROR)
    (tmp_path / "folder").mkdir()
    shutil.copy(MIRROR, tmp_path / "folder" / "__main__.py")
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").write_text("")
    shutil.copy(MIRROR, tmp_path / "pkg" / "__main__.py")
    shutil.copy(MIRROR, tmp_path / "pkg" / "deep.py")
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as packed:
        packed.write(MIRROR, "__main__.py")
    (tmp_path / "noext").write_text(MIRROR.read_text())
    return tmp_path


FORMS = {
    "script": ["plain.py", "a", "-b", "--", "c d"],
    "script_by_dot": ["./plain.py"],
    "odd_name": ["odd name é.py", "ü"],
    "symlink": ["link.py"],
    "no_extension": ["noext"],
    "module": ["-m", "pkg.deep", "a", "-o", "x"],
    "package": ["-m", "pkg", "--help"],
    "folder": ["folder", "a"],
    "zip": ["packed.zip", "a"],
    "code": ["-c", MIRROR.read_text(), "a", "-c", "b"],
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_targets(python, form, here):
    same_mirror(*both(python, *FORMS[form], cwd=here, stdin=b"some input\n"))


@pytest.mark.parametrize(
    "flags",
    (
        ["-B", "-O", "-u"],
        ["-X", "dev", "-W", "error::UserWarning"],
        ["-I"],
        ["-E"],
        ["-S"],
        ["-s"],
        ["-X", "utf8"],
    ),
    ids=" ".join,
)
def test_flags_of_the_interpreter(python, flags, here):
    env = environment(PYTHONPATH=str(here), PYTHONHASHSEED="1", ULMA_UNRELATED="kept")
    alone, profiled = both(python, "plain.py", "a", flags=flags, cwd=here, env=env)
    same_mirror(alone, profiled, armed=not {"-I", "-E", "-S"} & set(flags))


CUSTOM = """
import sys
sys.customised = getattr(sys, "customised", []) + [
    [__name__, __file__, sys.modules[__name__].__dict__ is globals(), sorted(globals()), sys.path]
]
"""


def with_site_packages(tmp_path, python):
    """A user base whose site-packages are the python's own, with a usercustomize."""
    site = tmp_path / "base" / "lib" / "python{}.{}".format(*python.minor) / "site-packages"
    site.mkdir(parents=True)
    (site / "usercustomize.py").write_text(CUSTOM)
    (site / "pth_made.pth").write_text("import sys; sys.pth_was_here = True\n")
    return str(tmp_path / "base")


@pytest.mark.parametrize("where", ("path", "user", "both", "several"))
def test_customisations_run(python, where, here, tmp_path):
    changes = {}
    if where in ("path", "both", "several"):
        (tmp_path / "custom").mkdir()
        (tmp_path / "custom" / "sitecustomize.py").write_text(CUSTOM)
        folders = [tmp_path / "custom"]
        if where == "several":
            (tmp_path / "second").mkdir()
            (tmp_path / "second" / "sitecustomize.py").write_text("raise SystemExit(9)\n")
            folders = [tmp_path / "absent", *folders, tmp_path / "second"]
        changes["PYTHONPATH"] = os.pathsep.join(map(str, folders))
    if where in ("user", "both"):
        changes["PYTHONUSERBASE"] = with_site_packages(tmp_path, python)
    alone, profiled = both(python, "plain.py", cwd=here, env=environment(**changes))
    same_mirror(alone, profiled)
    assert json.loads(alone.out)["custom"]


@pytest.mark.parametrize(
    "text",
    ("raise ValueError('from sitecustomize')", "import absent_module", "raise SystemExit(7)", "1/"),
)
def test_customisations_fail_alike(python, text, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(text + "\n")
    env = environment(PYTHONPATH=str(tmp_path))
    alone, profiled = both(python, "-c", "print('ran')", env=env)
    assert alone.err
    # Of a traceback, ulma's own frame may be in it; the last line is what people read.
    for done in (alone, profiled):
        if b"Traceback" in done.err:
            done.err = done.err.splitlines()[-1]
    same(alone, profiled)


@pytest.mark.parametrize("value", ("", ":", "/absent", "rel:/tmp:rel"))
def test_odd_pythonpaths(python, value, here):
    same_mirror(*both(python, "plain.py", cwd=here, env=environment(PYTHONPATH=value)))


FAILURES = {
    "raises": "def f():\n    g()\ndef g():\n    raise ValueError('é')\nf()\n",
    "chained": "try:\n    1/0\nexcept Exception as e:\n    raise KeyError('k') from e\n",
    "syntax": "def f(:\n",
    "no_module": "import absent_module_of_mine\n",
    "exit_words": "import sys\nsys.exit('some last words')\n",
    "warns": "import warnings\nwarnings.warn('careful')\nopen('/dev/null')\n",
    "thread": "import threading\nt = threading.Thread(target=lambda: 1/0, name='T')\n"
    "t.start()\nt.join()\n",
    "recursion": "import sys\nsys.tracebacklimit = 3\ndef f():\n    f()\nf()\n",
    "in_del": "class C:\n    def __del__(self):\n        raise ValueError('del')\nC()\n",
    "atexit": "import atexit\natexit.register(lambda: 1/0)\n",
    "interrupt": "raise KeyboardInterrupt\n",
    "abort_trace": "import traceback\ndef f():\n    traceback.print_stack()\nf()\n",
    "generator": "def g():\n    try:\n        yield\n    finally:\n        print('closed')\n"
    "x = g()\nnext(x)\n1/0\n",
}


@pytest.mark.parametrize("failure", FAILURES)
def test_failures_read_alike(python, failure, tmp_path):
    (tmp_path / "fails.py").write_text(FAILURES[failure], encoding="utf-8")
    alone, profiled = both(python, "fails.py", cwd=tmp_path)
    alone.err, profiled.err = (re.sub(rb"0x[0-9a-f]+", b"0x", d.err) for d in (alone, profiled))
    same(alone, profiled)


PICKLES = """
import pickle, pickletools, copyreg
class Thing:
    def __init__(self, n): self.n = n
class Slotted:
    __slots__ = ('a',)
def function(): return 'called'
def main():
    slotted = Slotted(); slotted.a = Thing(3)
    text = pickle.dumps([Thing(1), slotted, function, Thing], 2)
    pickletools.dis(text)
    back = pickle.loads(text)
    print(type(back[0]) is Thing, back[1].a.n, back[2](), Thing.__module__, Thing.__qualname__)
main()
"""

SPAWN = """
import multiprocessing, os, sys
class Sent:
    def __init__(self, n): self.n = n
    def __eq__(self, other): return self.n == other.n
def work(sent):
    if sent.n == 3:
        print('child', __name__, sys.argv, sorted(k for k in os.environ if 'ULMA' in k or
              k == 'PYTHONPATH'), sys.path[0], flush=True)
    return Sent(sent.n ** 2)
if __name__ == '__main__':
    for method in ('spawn', 'fork', 'forkserver'):
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            print([s.n for s in pool.map(work, [Sent(n) for n in range(6)])], flush=True)
        queue = context.Queue()
        process = context.Process(target=queue.put, args=(Sent(5),))
        process.start()
        print(queue.get() == Sent(5))
        process.join()
        print(process.exitcode, flush=True)
    class Fails:
        def __reduce__(self): raise TypeError('not to be pickled')
    try:
        multiprocessing.get_context('spawn').Process(target=work, args=(Fails(),)).start()
    except TypeError as error:
        print(error)
"""

FORKS = """
import os, signal, sys, threading
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
def child(n):
    print('child', n, fib(10), os.getppid() == parent, flush=True)
    if n == 1:
        os._exit(n)
    if n == 2:
        os.kill(os.getpid(), signal.SIGTERM)
    sys.exit(n)
parent = os.getpid()
for n in range(4):
    fib(5)
    pid = os.fork()
    if pid == 0:
        child(n)
    print('parent', os.waitpid(pid, 0)[1], flush=True)
pid = os.fork()
if pid == 0:
    grandchild = os.fork()
    if grandchild == 0:
        print('grandchild', fib(8), flush=True)
        os._exit(0)
    os.waitpid(grandchild, 0)
    t = threading.Thread(target=fib, args=(9,)); t.start(); t.join()
    os.execv(sys.executable, [sys.executable, '-c', 'print("executed")'])
os.waitpid(pid, 0)
fib(12)
"""

CHILDREN = """
import os, subprocess, sys
code = 'import os, sys; print(sys.argv, sys.path, sorted(os.environ), sorted(sys.modules))'
for options in ({}, {'env': {'A': 'b'}}, {'env': dict(os.environ, B='c')}, {'close_fds': False}):
    print(subprocess.run([sys.executable, '-c', code, 'x'], stdout=-1, **options).stdout.decode())
print(os.system('echo "$PYTHONPATH|$ULMA_ARM"; env | grep -c ULMA_ARM'))
print(subprocess.check_output(['sh', '-c', 'exec "$0" -c "print(1)"', sys.executable]))
pid = os.posix_spawn(sys.executable, [sys.executable, '-c', code], os.environ)
os.waitpid(pid, 0)
"""

PROFILERS = """
import cProfile, pstats, io
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
profile = cProfile.Profile()
profile.runcall(fib, 12)
stats = pstats.Stats(profile)
print([(k[2], v[:2]) for k, v in sorted(stats.stats.items()) if k[2] == 'fib'])
with cProfile.Profile() as again:
    list(map(fib, range(9)))
print([(k[2], v[:2]) for k, v in sorted(pstats.Stats(again).stats.items()) if k[2] == 'fib'])
fib(11)
"""

TRACERS = """
import sys, threading
log = []
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
def gen():
    try:
        yield 1
        yield 2
    finally:
        fib(2)
def trace(frame, event, arg):
    log.append(('t', frame.f_code.co_name, event, frame.f_lineno))
    return trace
def profile(frame, event, arg):
    log.append(('p', frame.f_code.co_name, event, getattr(arg, '__name__', None)))
def work():
    fib(4)
    g = gen()
    next(g)
    g.close()
    try:
        fib(None)
    except TypeError:
        pass
sys.settrace(trace); work(); sys.settrace(None)
sys.setprofile(profile); work(); sys.setprofile(None)
threading.settrace(trace); threading.setprofile(profile)
t = threading.Thread(target=work); t.start(); t.join()
threading.settrace(None); threading.setprofile(None)
for line in log: print(line)
print(sys.gettrace(), sys.getprofile())
"""

DEBUGGER = """
import bdb
def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)
class Debugger(bdb.Bdb):
    def user_line(self, frame):
        print('line', frame.f_code.co_name, frame.f_lineno)
        self.set_step()
    def user_return(self, frame, value):
        print('return', frame.f_code.co_name, value)
    def user_exception(self, frame, info):
        print('exception', info[0])
Debugger().runcall(fib, 4)
fib(10)
Debugger().run('fib(3)', globals())
"""

MONITOR = """
import sys
if sys.version_info < (3, 12):
    raise SystemExit
monitoring, events = sys.monitoring, sys.monitoring.events
log = []
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
def other():
    for n in range(3):
        yield n
def note(name):
    def callback(code, *rest):
        log.append((name, code.co_name))
        if name == 'line':
            return monitoring.DISABLE
    return callback
monitoring.use_tool_id(monitoring.COVERAGE_ID, 'mine')
for name, event in (('start', events.PY_START), ('return', events.PY_RETURN),
                    ('line', events.LINE), ('yield', events.PY_YIELD)):
    monitoring.register_callback(monitoring.COVERAGE_ID, event, note(name))
monitoring.set_events(monitoring.COVERAGE_ID, events.PY_START | events.LINE)
fib(5); list(other())
monitoring.set_events(monitoring.COVERAGE_ID, 0)
monitoring.set_local_events(monitoring.COVERAGE_ID, fib.__code__, events.PY_RETURN)
fib(5); list(other())
monitoring.restart_events()
monitoring.set_local_events(monitoring.COVERAGE_ID, fib.__code__, 0)
monitoring.free_tool_id(monitoring.COVERAGE_ID)
fib(5)
for line in log: print(line)
"""

PROGRAMS = {
    "pickles": PICKLES,
    "spawn": SPAWN,
    "forks": FORKS,
    "children": CHILDREN,
    "cprofile": PROFILERS,
    "tracers": TRACERS,
    "debugger": DEBUGGER,
    "monitor": MONITOR,
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_do_alike(python, program, tmp_path):
    (tmp_path / "program.py").write_text(PROGRAMS[program])
    env = environment(PYTHONHASHSEED="0", PYTHONWARNINGS="ignore::DeprecationWarning")
    # A shell that a followed program starts sees the variables that its Pythons are armed by.
    options = ["--no-children"] if program == "children" else []
    alone, profiled = both(python, "program.py", cwd=tmp_path, env=env, options=options)
    assert alone.status == 0, alone.told()
    same(alone, profiled)
    assert profiled.report is not None


def test_followed_children_do_alike(python, tmp_path):
    """But for what a shell sees: os.environ of every Python is as without ulma."""
    text = "\n".join(line for line in CHILDREN.splitlines() if "os.system" not in line)
    (tmp_path / "program.py").write_text(text)
    alone, profiled = both(python, "program.py", cwd=tmp_path)
    assert alone.status == 0, alone.told()
    same(alone, profiled)
    assert len(profiled.report["processes"]) > 1


def fib_calls(n):
    return 1 if n < 2 else 1 + fib_calls(n - 1) + fib_calls(n - 2)


@pytest.mark.parametrize(
    "program,calls",
    (
        ("cprofile", fib_calls(12) + sum(map(fib_calls, range(9))) + fib_calls(11)),
        ("tracers", None),
        ("debugger", fib_calls(4) + fib_calls(10) + fib_calls(3)),
        ("monitor", 3 * fib_calls(5)),
    ),
)
def test_counts_beside_other_tools(python, program, calls, tmp_path):
    """Another tool in the process sees what it would see, and ulma still counts right."""
    if program == "monitor" and python.minor < (3, 12):
        calls = 0
    if program == "tracers":
        calls = 3 * (fib_calls(4) + fib_calls(2) + 1)
    path = tmp_path / "program.py"
    path.write_text(PROGRAMS[program])
    report = report_of(run_ulma(python, path))
    seen = {name: n for (file, _, name), (n, _) in counts_of(report).items() if file == str(path)}
    assert seen.get("fib", 0) == calls


FORKED = """
import os, sys
def fib(n): return n if n < 2 else fib(n - 1) + fib(n - 2)
def tools():
    return [n for n in range(6) if sys.monitoring.get_tool(n) and sys.monitoring.get_events(n)]
fib(10)
print(len(tools()), flush=True)
if os.fork() == 0:
    fib(10)
    print(tools(), flush=True)
    fib(12)
    os._exit(0)
os.wait()
fib(11)
print(len(tools()), flush=True)
"""


def test_a_fork_child_is_left_alone(python, tmp_path):
    """A child that is not followed switches off by its first event, and the parent's counts are
    its own."""
    (tmp_path / "program.py").write_text(FORKED)
    if python.minor < (3, 12):
        # What is on cannot be asked there; the counts tell.
        text = FORKED.replace("sys.monitoring.get_tool(n) and sys.monitoring.get_events(n)", "0")
        (tmp_path / "program.py").write_text(text)
    done = run_ulma(python, tmp_path / "program.py", options=["--no-children"])
    report = report_of(done)
    if python.minor >= (3, 12):
        assert done.out == b"1\n[]\n1\n"
    rows = {row["name"]: row["calls"] for row in report["functions"]}
    assert rows["fib"] == fib_calls(10) + fib_calls(11)
    assert report["target"]["thread_count"] == 1


def test_pdb_by_its_commands(python, tmp_path):
    (tmp_path / "program.py").write_text(
        "def f(n):\n    m = n + 1\n    return m\nf(1)\nprint(f(2))\n"
    )
    commands = b"b 2\nc\np n\nw\nn\np m\ns\nr\nc\np n\ncl 1\nc\nq\n"
    alone, profiled = both(python, "-m", "pdb", "program.py", cwd=tmp_path, stdin=commands)
    assert b"program.py(2)f()" in alone.out
    same(alone, profiled)


@pytest.mark.parametrize("core", ("pytrace", "sysmon"))
def test_coverage(python, core, tmp_path):
    """coverage.py finds the same lines, and ulma the same calls."""
    if core == "sysmon" and python.minor < (3, 12):
        core = "pytrace"
    coverage = pytest.importorskip("coverage", reason="coverage is in tools/requirements/test.txt")
    # The package alone: nothing else of the environment that runs the tests.
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "coverage").symlink_to(pathlib.Path(coverage.__file__).parent)
    env = environment(PYTHONPATH=str(tmp_path / "site"), COVERAGE_CORE=core, COVERAGE_FILE="data")
    words = ["-m", "coverage", "run", "--branch", TARGETS / "generators.py"]
    if core == "sysmon" and python.minor < (3, 14):
        words.remove("--branch")
    found = []
    for start in (
        lambda: run([python.path, *words], env=env, cwd=tmp_path),
        lambda: run_ulma(python, *words, env=env, cwd=tmp_path),
    ):
        done = start()
        assert done.status == 0, done.told()
        told = run([python.path, "-m", "coverage", "json", "-o", "-"], env=env, cwd=tmp_path)
        found.append(json.loads(told.out)["files"])
    assert found[0] == found[1]
    alone = counts_of(report_of(run_ulma(python, TARGETS / "generators.py")))
    mine = {k: v for k, v in alone.items() if k[0] == str(TARGETS / "generators.py")}
    beside = counts_of(report_of(done))
    assert {key: beside.get(key) for key in mine} == mine


def test_stdin_arrives_whole(python):
    code = "import sys; data = sys.stdin.buffer.read(); print(len(data), hash(data) == hash(data))"
    text = bytes(range(256)) * 20_000
    code += "; import zlib; print(zlib.crc32(data))"
    same(*both(python, "-c", code, stdin=text))


@pytest.mark.parametrize("closed", ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"))
def test_closed_standard_descriptors(python, closed, tmp_path):
    """What opens the first file gets the descriptor that is free, with ulma as without."""
    code = "import os; f = open('opened', 'w'); print([f.fileno(), os.fstat(f.fileno()).st_size], "
    code += "file=f)"
    results = []
    for words in (
        [python.path],
        [
            ULMA,
            "run",
            "-q",
            "-f",
            "json",
            "-o",
            "report.json",
            "--force",
            "--python",
            python.path,
        ],
    ):
        line = " ".join(["exec", *map(str, words), "-c", f'"{code}"', closed])
        done = run(["sh", "-c", line], cwd=tmp_path)
        results.append((done.status, (tmp_path / "opened").read_text()))
    assert results[0] == results[1]


def test_a_command_that_starts_python(python, here):
    """`-- COMMAND`: the command is executed itself; the Python that it becomes is profiled."""
    script = here / "start.sh"
    script.write_text(f'#!/bin/sh\necho "pid $$"\nexec {python.path} "$@"\n')
    script.chmod(0o755)
    done = run_ulma(None, "--", script, TARGETS / "recursion.py")
    report = report_of(done)
    assert done.out == b"pid %d\n" % report["target"]["pid"]
    assert report["target"]["python"] == python.version
    assert [row for row in report["functions"] if row["name"] == "ackermann"]


def test_a_short_script_gets_a_full_report(python, tmp_path):
    (tmp_path / "short.py").write_text("def f():\n    return 1\nf()\n")
    report = report_of(run_ulma(python, "short.py", cwd=tmp_path))
    mine = [row for row in report["functions"] if row["file"] == str(tmp_path / "short.py")]
    assert {row["name"]: row["calls"] for row in mine} == {"<module>": 1, "f": 1}
    assert report["target"]["exit_status"] == 0
    assert report["target"]["python"] == python.version
