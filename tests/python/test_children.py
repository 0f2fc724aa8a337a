# SPDX-License-Identifier: MIT
"""Children of a target: however they are made, their calls are counted, each in its own session."""

import json
import signal
import subprocess
import time

import pytest
from harness import (
    LIMIT_S,
    TARGETS,
    ULMA,
    environment,
    function_named,
    report_of,
    run,
    run_ulma,
    session_files,
    ulma_words,
)

pytestmark = pytest.mark.some_pythons

FAMILY = TARGETS / "family.py"
STORM = 80  # a thousand in `make torture`
WAYS = {
    "fork": 9,
    "fork-in-threads": 13,
    "fork-of-fork": 3,
    "generators": 2,
    "pool-fork": 4,
    "pool-spawn": 4,
    "pool-forkserver": 5,
    "futures": 4,
    "subprocess": 5,
    "preexec": 3,
    "exec": 2,
    "fork-and-exec": 3,
    "pre-fork-server": 4,
}


def counted(folder):
    """What the processes have counted themselves: calls of work and of step."""
    sums = {"work": 0, "step": 0}
    for file in folder.iterdir():
        work, step = map(int, file.read_text().split())
        sums["work"] += work
        sums["step"] += step
    return sums


def seen(report, names=("work", "step")):
    """Calls and resumes of the functions of the program, in whatever module it was then."""
    sums = dict.fromkeys(names, 0)
    for row in report["functions"]:
        if row["name"] in sums and row["file"] == str(FAMILY):
            sums[row["name"]] += row["calls"] + row["resumes"]
    return sums


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "counts"
    path.mkdir()
    return path


def family(python, folder, way, *words, options=(), **more):
    env = environment(PYTHONWARNINGS="ignore::DeprecationWarning")
    return run_ulma(python, FAMILY, folder, way, *words, options=options, env=env, **more)


@pytest.mark.parametrize("way", WAYS)
def test_counts_are_those_of_all_processes(python, way, folder):
    report = report_of(family(python, folder, way))
    assert seen(report) == counted(folder)
    assert sum(seen(report).values()) > 0
    assert all(source["complete"] for source in report["sources"]), report["sources"]
    assert len(report["processes"]) >= WAYS[way], report["processes"]
    assert report["events"]["gaps"] == 0


def test_rows_by_process(python, folder):
    done = family(python, folder, "fork", options=["--by", "process"])
    report = report_of(done)
    assert seen(report) == counted(folder)
    parent = report["target"]["pid"]
    steps = {row["pid"]: row["calls"] for row in report["functions"] if row["name"] == "step"}
    # The parent steps never, and its first child is told to step not at all.
    assert sorted(steps.values()) == [100 * i for i in range(1, 8)]
    work = {row["pid"]: row["calls"] for row in report["functions"] if row["name"] == "work"}
    assert set(work.values()) == {1} and len(work) == 8
    assert parent not in work
    files = {int(file.name.split("-")[0]) for file in folder.iterdir()}
    assert set(work) | {parent} == files
    tree = {node["pid"] for node in report["tree"] if node["function"] is not None}
    assert tree == files


def test_processes_are_listed(python, folder):
    report = report_of(family(python, folder, "fork-of-fork"))
    processes = {process["pid"]: process for process in report["processes"]}
    parent = report["target"]["pid"]
    assert len(processes) == len(report["processes"]) == 3
    (child,) = (pid for pid, process in processes.items() if process["ppid"] == parent)
    (grandchild,) = (pid for pid, process in processes.items() if process["ppid"] == child)
    assert {parent, child, grandchild} == set(processes)
    for process in processes.values():
        assert str(FAMILY) in process["command"]
        assert process["lost"] == 0
        own = [thread for thread in report["threads"] if thread["pid"] == process["pid"]]
        assert process["calls"] == sum(thread["calls"] for thread in own) > 0


def test_c_calls_of_children(python, folder):
    """The first event in a child may be a C call's return: that of fork itself."""
    report = report_of(family(python, folder, "fork", options=["-e", "calls,c-calls"]))
    assert seen(report) == counted(folder)
    forks = [row for row in report["functions"] if row["name"].endswith("posix.fork>")]
    assert [row["calls"] for row in forks] == [8]


def test_sites_hold_in_children(python, folder):
    options = ["--only", "__main__:work"]
    report = report_of(family(python, folder, "fork", options=options))
    assert seen(report)["work"] == counted(folder)["work"] == 8
    assert seen(report)["step"] == 0


def test_children_made_while_recording_is_off(python, tmp_path):
    """They have no event that could make them look for a session: they are woken."""
    program = tmp_path / "program.py"
    program.write_text(
        "import os, sys, time\n"
        "def beat(): pass\n"
        "children = [os.fork() for _ in range(2)] if os.fork() else []\n"
        "end = time.monotonic() + 2\n"
        "while time.monotonic() < end: beat(); time.sleep(0.001)\n"
        "try:\n"
        "    while os.wait(): pass\n"
        "except ChildProcessError: pass\n"
    )
    done = run_ulma(python, program, options=["--delay", "0.5"])
    report = report_of(done)
    assert len(report["processes"]) == 5
    assert all(process["calls"] > 0 for process in report["processes"])
    assert function_named(report, "beat")["calls"] > 0


def test_an_ulma_within(python, tmp_path):
    """What an ulma starts within a target is that one's: the outer one's variables end there."""
    program = tmp_path / "program.py"
    inner = "import os, sys; print(sorted(os.environ), sys.path)"
    program.write_text(
        "import subprocess, sys\n"
        f"words = [{str(ULMA)!r}, 'run', '-q', '--python', sys.executable, '-c', {inner!r}]\n"
        "sys.exit(subprocess.run(words).returncode)\n"
    )
    alone = run([python.path, program], env=environment())
    done = run_ulma(python, program)
    assert done.status == alone.status == 0, done.told()
    listed = done.out.replace(b", 'ULMA_DIR'", b"")
    assert listed == alone.out
    assert len(report_of(done)["processes"]) == 1


def test_no_children(python, folder):
    report = report_of(family(python, folder, "fork", options=["--no-children"]))
    assert seen(report) == {"work": 0, "step": 0}
    assert len(report["processes"]) == 1


def test_nobody_writes_into_the_parents_ring(python, folder):
    """Many forks while every thread of the parent writes: one stray event of a child would be a
    return from a frame that is not open, a call too many, or one that is lost."""
    done = family(python, folder, "storm", STORM, limit_s=LIMIT_S)
    report = report_of(done)
    beats = int((folder / "beats").read_text())
    (folder / "beats").unlink()
    assert seen(report) == counted(folder)
    assert seen(report, ("beat",))["beat"] == beats
    parent = report["target"]["pid"]
    threads = [thread for thread in report["threads"] if thread["pid"] == parent]
    assert len(threads) == 5
    assert len(report["processes"]) == STORM + 1


@pytest.mark.torture
def test_a_thousand_forks(python, folder):
    report = report_of(family(python, folder, "storm", 1200, limit_s=10 * LIMIT_S))
    beats = int((folder / "beats").read_text())
    (folder / "beats").unlink()
    assert seen(report) == counted(folder)
    assert seen(report, ("beat",))["beat"] == beats
    # Those beyond a thousand share one row.
    assert len(report["processes"]) == 1026
    assert report["processes"][-1]["command"] == "(ended)"


def let_daemons_end(folder, count):
    folder.with_suffix(".go").touch()
    end = time.monotonic() + LIMIT_S
    while len(list(folder.iterdir())) < count:
        assert time.monotonic() < end, list(folder.iterdir())
        time.sleep(0.01)


def test_daemons_are_not_waited_for(python, folder, session_dir):
    """The report comes when the target ends. What lives on is switched off, and lives."""
    done = family(python, folder, "daemons", LIMIT_S, session_dir=session_dir)
    assert len(list(folder.iterdir())) == 1, "the report waited for the daemons"
    report = report_of(done)
    assert seen(report) == {"work": 20, "step": 20}
    assert session_files(session_dir) == []
    let_daemons_end(folder, 3)
    assert counted(folder) == {"work": 22, "step": 40}


def test_a_killed_ulma_leaves_the_children_running(python, folder, session_dir):
    env = environment(session_dir)
    words = ulma_words(
        python,
        ["-q", "-o", folder.parent / "report"],
        [FAMILY, folder, "parent-of-daemons", LIMIT_S],
    )
    ulma = subprocess.Popen(words, env=env, start_new_session=True)
    try:
        end = time.monotonic() + LIMIT_S
        while len(session_files(session_dir)) < 2:  # a child has its session, its parent lives
            assert time.monotonic() < end
            assert ulma.poll() is None
            time.sleep(0.005)
    finally:
        ulma.send_signal(signal.SIGKILL)
        ulma.wait()
    let_daemons_end(folder, 3)
    assert counted(folder) == {"work": 22, "step": 40}
    # They have told their counts, and may be ending still.
    while session_files(session_dir):
        assert time.monotonic() < end, session_files(session_dir)
        done = run([ulma_words(None, [], [])[0], "ps"], env=env)
        assert done.status == 0, done.told()


def test_the_profilings_end_switches_children_off(python, folder, session_dir):
    """--duration ends before the target does: its children are let go as it is."""
    done = family(
        python, folder, "pre-fork-server", options=["-d", "0.05"], session_dir=session_dir
    )
    assert done.status == 0, done.told()
    assert counted(folder)["work"] == 60
    assert session_files(session_dir) == []


def test_a_child_that_finds_no_room_goes_on(python, folder, tmp_path):
    """Where no file as large as a session may be made, the child is counted as not followed."""
    program = tmp_path / "program.py"
    program.write_text(
        "import os, resource, sys\n"
        "def step(): pass\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, 1 << 16))\n"
        "pid = os.fork()\n"
        "for _ in range(30): step()\n"
        "if pid == 0: os._exit(7)\n"
        "print(os.WEXITSTATUS(os.waitpid(pid, 0)[1]))\n"
    )
    done = run_ulma(python, program)
    assert done.out == b"7\n", done.told()
    report = report_of(done)
    assert function_named(report, "step")["calls"] == 30
    assert len(report["processes"]) == 1


def test_the_header_tells_of_processes(python, folder):
    words = ulma_words(python, ["-o", folder.parent / "report.txt"], [FAMILY, folder, "fork"])
    done = run(words)
    assert done.status == 0, done.told()
    text = (folder.parent / "report.txt").read_text()
    assert "processes: 9, each function's rows summed\n" in text
    assert "forks not followed" not in text


def test_frames_of_top(python, folder):
    """One screen shows them all."""
    words = ulma_words(python, [], [FAMILY, folder, "pool-fork"])
    words[1] = "top"
    words[2:2] = ["-b", "-f", "json", "-i", "0.1"]
    done = run(words, env=environment())
    assert done.status == 0, done.told()
    frames = [json.loads(line) for line in done.out.splitlines() if line.startswith(b"{")]
    last = frames[-1]
    assert len(last["processes"]) == 4
    assert seen(last) == counted(folder)


def test_descriptors_of_children_are_their_own(python, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os\n"
        "def fds(): return sorted(os.listdir('/proc/self/fd'))\n"
        "before = fds()\n"
        "pid = os.fork()\n"
        "if pid == 0: os._exit(before != fds())\n"
        "print(os.WEXITSTATUS(os.waitpid(pid, 0)[1]))\n"
    )
    done = run_ulma(python, program)
    assert done.out == b"0\n", done.told()
    assert len(report_of(done)["processes"]) == 2
