# SPDX-License-Identifier: MIT
"""ulma ps: sessions and their states; what a killed ulma left is cleared, nothing else is."""

import os
import pathlib
import signal
import subprocess
import sys

import harness
import pytest

WAITING = "import os, sys\nprint(os.getpid(), flush=True)\nsys.stdin.readline()\n"


def rows(done):
    lines = done.out.decode().splitlines()
    return {int(line.split()[0]): line.split(None, 4) for line in lines[1:]}


def start(ulma, *options):
    script = ulma.script(WAITING)
    words = ["run", "--python", ulma.python, "-q", *options, script, "one two"]
    process = ulma.start(*words, stdin=subprocess.PIPE)
    return process, int(process.stdout.readline())


def test_nothing(ulma):
    done = ulma("ps", "--dir", ulma.session_dir)
    assert (done.status, done.out, done.err) == (0, b"", b"ulma: no session\n")


def test_no_such_directory(ulma, sentence):
    done = ulma("ps", "--dir", "/no/such")
    assert done.status == 1
    sentence(done, "no directory /no/such")


def test_states(ulma):
    on, on_pid = start(ulma)
    off, off_pid = start(ulma, "--start-off")
    done = ulma("ps")
    found = rows(done)
    assert done.status == 0 and set(found) >= {on_pid, off_pid}, done.told()
    version = found[on_pid][2]
    assert found[on_pid][1] == "on" and version.startswith("3.")
    assert found[off_pid][1] == "off"
    assert found[on_pid][3] == str(on.pid)
    assert found[on_pid][4].endswith("program.py one two")
    for process in (on, off):
        process.communicate(b"\n", timeout=30)
    done = ulma("ps", "--dir", ulma.session_dir)
    assert done.out == b""


def test_clears_what_a_killed_ulma_left(ulma):
    process, pid = start(ulma)
    process.kill()
    process.wait(30)
    try:
        assert len(ulma.left_behind()) >= 2  # session and private folder
        done = ulma("ps")
        assert rows(done)[pid][1:4:2] == ["off", "cleared"], done.told()
        assert b"removed 1 session" in done.err and b"removed 1 private folder" in done.err
        assert ulma.left_behind() == []
        assert os.path.exists(f"/proc/{pid}")
    finally:
        os.kill(pid, signal.SIGKILL)


def test_stale_when_the_target_is_gone_too(ulma, wait):
    process, pid = start(ulma)
    process.kill()
    process.wait(30)
    os.kill(pid, signal.SIGKILL)
    wait(lambda: not os.path.exists(f"/proc/{pid}"), "the target's end")
    done = ulma("ps", "--dir", ulma.session_dir)
    assert rows(done)[pid][1] == "stale", done.told()
    assert ulma("ps", "--dir", ulma.session_dir).out == b""


def test_leaves_alone_what_is_no_session(ulma):
    for name in ("notes.txt", "123-0123456789abcdef", "ulma-1-2-abcdef"):
        (ulma.session_dir / name).write_bytes(b"x" * 5000)
    done = ulma("ps", "--dir", ulma.session_dir)
    assert done.status == 0 and done.out == b""
    assert len(list(ulma.session_dir.iterdir())) == 3


def test_of_another_boot_is_shown_and_kept(ulma):
    process, pid = start(ulma)
    (path,) = ulma.session_dir.iterdir()
    data = bytearray(path.read_bytes())
    process.communicate(b"\n", timeout=30)
    boot = pathlib.Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
    assert boot in data[:4096]
    at = data.index(boot)
    data[at : at + 8] = b"00000000"
    path.write_bytes(data)
    done = ulma("ps", "--dir", ulma.session_dir)
    assert rows(done)[pid][1:4:2] == ["stale", "gone"], done.told()
    assert path.exists()


def test_pythons_that_are_not_armed(ulma):
    """Every Python has its line: whether it could be attached to, and if not why."""
    script = ulma.folder / ulma.script(WAITING)
    open_one = subprocess.Popen(
        [ulma.python, script, "open"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    closed_one = subprocess.Popen(
        [ulma.python, script, "closed"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHON_DISABLE_REMOTE_DEBUG": "1"},
    )
    for process in (open_one, closed_one):
        process.stdout.readline()
    found = rows(ulma("ps"))
    of_directory = rows(ulma("ps", "--dir", ulma.session_dir))
    for process in (open_one, closed_one):
        process.communicate(b"\n", timeout=30)
    assert found[open_one.pid][1] == "attachable"
    assert found[open_one.pid][2].startswith("3.")
    assert found[open_one.pid][4].endswith("program.py open")
    assert found[closed_one.pid][1] == "closed"
    assert "remote debugging disabled" in found[closed_one.pid][4]
    assert open_one.pid not in of_directory
    assert open_one.pid not in rows(ulma("ps"))


def shared_python():
    """One that is a library, and its library."""
    names = "sysconfig.get_config_vars('LIBDIR', 'INSTSONAME')"
    ask = f"import os, sysconfig; print(os.path.join(*{names}))"
    for python in harness.pythons():
        path = pathlib.Path(subprocess.check_output([python.path, "-c", ask], text=True).strip())
        if path.is_file():
            return python, path
    pytest.skip("none of the CPythons here is built as a library (--enable-shared)")


def test_one_in_a_thread(ulma):
    """Who embeds Python may start it in any thread; ulma attaches with the first alone."""
    python, library = shared_python()
    program = harness.ULMA.parent / "tests" / "attach" / "in_a_thread"
    env = {**os.environ, "PYTHONHOME": str(pathlib.Path(python.path).parent.parent)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    script = ulma.folder / ulma.script(WAITING)
    target = subprocess.Popen([program, library, script], env=env, **pipes)
    assert target.stdout.readline() == b"%d\n" % target.pid
    found = rows(ulma("ps"))
    refused = ulma("attach", target.pid)
    target.communicate(b"\n", timeout=30)
    assert target.returncode == 0
    why = "its first thread is not Python's main thread"
    assert found[target.pid][1] == "closed" and why in found[target.pid][4], found[target.pid]
    assert refused.status == 1 and why in refused.err.decode(), refused.told()


SEIZES = """
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
assert libc.ptrace(0x4206, int(sys.argv[1]), None, None) == 0, ctypes.get_errno()
print("seized", flush=True)
sys.stdin.read()
"""


def test_one_that_another_tool_traces(ulma):
    """From 3.14 on it has a door of its own for debuggers; before, a second tracer is refused."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    newest, older = harness.pythons()[-1], harness.pythons()[0]
    for python, state, remark in (
        (newest, "attachable", "(traced by process {}: by Python's own door for debuggers"),
        (older, "closed", "is being traced by process {} ("),
    ):
        target = subprocess.Popen([python.path, ulma.folder / ulma.script(WAITING)], **pipes)
        target.stdout.readline()
        tracer = subprocess.Popen([sys.executable, "-c", SEIZES, str(target.pid)], **pipes)
        assert tracer.stdout.readline() == b"seized\n"
        found = rows(ulma("ps"))
        tracer.communicate(timeout=30)
        target.communicate(b"\n", timeout=30)
        assert found[target.pid][1] == state, found[target.pid]
        assert remark.format(tracer.pid) in found[target.pid][4], found[target.pid]


def test_a_page_that_is_being_made_is_left_alone(ulma):
    """Of nobody yet: until it has its magic only its age says that its maker is gone."""
    page = ulma.session_dir / "123-0123456789abcdef.armed"
    page.write_bytes(bytes(4096))
    page.chmod(0o600)
    assert ulma("ps", "--dir", ulma.session_dir).status == 0
    assert page.exists()
    os.utime(page, (1, 1))
    done = ulma("ps", "--dir", ulma.session_dir)
    assert done.status == 0 and not page.exists(), done.told()
