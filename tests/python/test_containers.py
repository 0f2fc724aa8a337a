# SPDX-License-Identifier: MIT
"""Processes in containers: other PID and mount namespaces, other roots, made here by unshare."""

import functools
import json
import os
import pathlib
import subprocess

import memory
import pytest
from harness import LIMIT_S, ROOT, TARGETS, ULMA, environment, pythons, run
from test_attach_inject import RUNNING, Target, status_of, wait_until


@functools.cache
def why_not():
    """Why no namespace can be made here; empty: they can."""
    if os.geteuid() != 0:
        return "namespaces are made by root (CAP_SYS_ADMIN), which these tests are not run as"
    done = run(["unshare", "-m", "-p", "-f", "mount", "-t", "tmpfs", "none", "/mnt"])
    return "" if done.status == 0 else f"unshare and mount are forbidden here: {done.told()}"


@pytest.fixture(autouse=True)
def namespaces():
    if why_not():
        pytest.skip(why_not())


UNSHARE = ("unshare", "-m", "-p", "-f", "--kill-child", "sh", "-ec")
# A process of which nothing is as it is here: PID 1, nothing to be written but 64 MB that cannot be
# executed from, and no ulma.
IMAGE = f"""
mount --make-rprivate /
mount -t tmpfs none {ULMA.parent}
mount -t proc proc /proc
mount -t tmpfs -o size=64m,noexec,mode=1777 none /dev/shm
mount -o remount,bind,ro /
"""


class Container(Target):
    """standing.py behind SCRIPT, which ends with the words that start it."""

    def __init__(self, script, words, state, folder, **env):
        self.state = state
        self.err = folder / f"{state}.err"
        with self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [*UNSHARE, script + 'exec "$@"', "sh", *words, state],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=err,
                env=environment(**env),
            )
        ready = self.process.stdout.readline().split()
        assert ready, self.told()
        self.ident = int(ready[1])
        (self.pid,) = (
            int(pid)
            for pid in pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
            .read_text()
            .split()
        )
        assert status_of(self.pid, "NSpid").split() == [str(self.pid), "1"]

    def shared_memory(self):
        """What lies in its /dev/shm, the empty directory aside."""
        top = pathlib.Path(f"/proc/{self.pid}/root/dev/shm")
        return sorted(path.name for path in top.rglob("*") if not path.is_dir())


def ulma(*words):
    done = run([ULMA, *words], env=environment())
    assert done.status == 0, done.told()
    return done


def state_of(pid):
    lines = ulma("ps").out.decode().splitlines()
    return [line.split()[1] for line in lines if line.split()[0] == str(pid)]


def report(pid, *words):
    done = ulma("report", "-q", "-f", "json", "-d", "0.5", "--timeout", "60", *words, pid)
    return json.loads(done.out)


def was_called(told, name):
    return sum(row["calls"] for row in told["functions"] if row["name"] == name) > 0


def see_it_through(target, name, *words):
    """Attach, look, detach, by the PID that it has here; nothing is left in it."""
    assert state_of(target.pid) == ["attachable"]
    told = ulma("attach", "--timeout", "60", target.pid).out.decode()
    assert told.startswith(f"{target.pid} (python ") and "armed, nothing recorded" in told
    assert state_of(target.pid) == ["armed"]
    assert len(target.shared_memory()) == 2  # the page and its bell
    told = report(target.pid, *words)
    assert was_called(told, name)
    assert len(target.shared_memory()) == 2
    ulma("detach", target.pid)
    assert target.shared_memory() == []
    assert state_of(target.pid) == ["attachable"]
    return told


@pytest.mark.some_pythons
def test_read_only_root_and_small_shared_memory(python, tmp_path):
    words = [python.path, TARGETS / "standing.py"]
    with Container(IMAGE, words, "nine_threads", tmp_path) as target:
        within = ["nsenter", "-t", str(target.pid), "-m"]
        assert b"Read-only" in run([*within, "touch", TARGETS / "new"]).err
        assert run([*within, "test", "-e", ULMA]).status == 1
        see_it_through(target, "is_set")
        told = report(target.pid)  # not armed before, not armed afterwards
        assert was_called(told, "is_set")
        assert target.shared_memory() == []
        target.goes_on(RUNNING["nine_threads"])
        assert target.told() == ""


@pytest.mark.some_pythons
def test_two_hundred_threads(python, tmp_path):
    """Each has a ring, and together they leave half of what was free."""
    words = [python.path, TARGETS / "standing.py"]
    with Container(IMAGE, words, "two_hundred_threads", tmp_path) as target:
        wait_until(lambda: status_of(target.pid, "Threads") == "201")
        told = see_it_through(target, "leaf", "-d", "4")
        assert len(told["threads"]) >= 200
        target.goes_on("'go on\\n' 1")
        assert target.told() == ""


# Those that tools/pythons has fetched bring a whole Debian of their own.
OTHER_LIBC = [python for python in pythons() if python.path.startswith(f"{ROOT}/.pythons/")]
CHROOT = """
mount --make-rprivate /
mount -t tmpfs none {top}
mkdir {top}/upper {top}/work {top}/root
mount -t overlay none -o lowerdir={tree},upperdir={top}/upper,workdir={top}/work {top}/root
mkdir -p {top}/root/proc {top}/root/dev/shm $(dirname {top}/root{tree})
ln -s / {top}/root{tree}
mount -t proc proc {top}/root/proc
mount -t tmpfs -o size=64m,noexec,mode=1777 none {top}/root/dev/shm
cp {targets}/standing.py {top}/root/
"""


@pytest.mark.parametrize("one", OTHER_LIBC, ids=str)
def test_chroot_with_another_libc(one, tmp_path):
    """All that it has mapped lies below its own root: Python, libc, and the page."""
    top = tmp_path / "top"
    top.mkdir()
    tree = os.path.realpath(one.path.partition("/usr/bin/")[0])
    script = CHROOT.format(top=top, tree=tree, targets=TARGETS)
    words = ["chroot", top / "root", f"/usr/bin/python{one.minor[0]}.{one.minor[1]}"]
    with Container(script, [*words, "/standing.py"], "nine_threads", tmp_path) as target:
        loaded = [part for part in memory.parts(target.pid) if part.path.endswith("/libc.so.6")]
        ours = memory.parts(os.getpid())
        assert {part.inode for part in loaded}.isdisjoint(part.inode for part in ours)
        theirs = pathlib.Path(f"/proc/{target.pid}/root/usr/lib/x86_64-linux-gnu/libc.so.6")
        assert {part.inode for part in loaded} == {theirs.stat().st_ino}
        see_it_through(target, "is_set")
        dumped = ulma("dump", target.pid).out.decode()
        assert "nine_threads" in dumped
        target.goes_on(RUNNING["nine_threads"])
        assert target.told() == ""


def test_a_link_in_its_tree_leads_nowhere(tmp_path):
    """Its /dev/shm/ulma-0 is a link to a directory of ours: not followed out of its root."""
    script = (
        IMAGE + "ln -s /proc/1/root/dev/shm/there /dev/shm/ulma-0; mkdir -m 0700 /dev/shm/there\n"
    )
    newest = pythons()[-1]
    with Container(script, [newest.path, TARGETS / "standing.py"], "compute", tmp_path) as target:
        done = run([ULMA, "attach", "--timeout", "60", target.pid], env=environment())
        assert done.status == 1
        assert done.err.count(b"\n") == 1 and b"/dev/shm/ulma-0" in done.err, done.told()
        target.goes_on(RUNNING["compute"])
        assert target.told() == ""


ELSEWHERE = f"""
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs none {ULMA.parent.parent / "docs"}
"""


def from_elsewhere(*words, **more):
    """ulma in a PID and a mount namespace of its own, which share the directory alone."""
    script = ELSEWHERE + 'exec "$@"'
    return subprocess.Popen(
        [*UNSHARE, script, "sh", ULMA, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
        **more,
    )


def told_elsewhere(*words):
    process = from_elsewhere(*words)
    out, err = process.communicate(timeout=LIMIT_S)
    return process.returncode, out.decode(), err.decode()


@pytest.mark.some_pythons
def test_a_shared_directory_is_enough(python, session_dir, tmp_path):
    """Neither sees the other's PIDs: the page's lock says that it lives, its bell calls it."""
    image = IMAGE.replace("mount -t tmpfs -o size=64m,noexec,mode=1777 none /dev/shm\n", "")
    words = [python.path, TARGETS / "standing.py"]
    with Container(image, words, "nine_threads", tmp_path, ULMA_DIR=str(session_dir)) as target:
        ulma("attach", "--timeout", "60", target.pid)
        (page,) = session_dir.glob("1-*.armed")
        for word in (session_dir, page):
            status, out, err = told_elsewhere("report", "-f", "json", "-d", "0.5", word)
            assert status == 0, err
            told = json.loads(out)
            assert was_called(told, "is_set")
            assert "runs on, armed and off" in err
            assert not told.get("threads") or all(row["name"] != "init" for row in told["threads"])
        first = from_elsewhere("report", "-f", "json", session_dir)
        wait_until(lambda: len(list(session_dir.iterdir())) == 3)  # page, bell, session
        output = tmp_path / "a.ulma"
        done = run([ULMA, "record", "-o", output, target.pid], env=environment())
        assert done.status == 1 and b"is followed already, by PID" in done.err
        status, _, err = told_elsewhere("record", "-o", output, session_dir)
        assert status == 1 and "by an ulma of another PID namespace: end that one first" in err
        status, out, err = told_elsewhere("report", "-f", "json", "-d", "0.5", session_dir)
        assert status == 0 and "joined, read-only" in err
        assert was_called(json.loads(out), "is_set")
        first.kill()
        first.communicate()
        status, out, err = told_elsewhere("detach", session_dir)
        assert status == 0 and "of another PID namespace): detached" in out, err
        target.goes_on(RUNNING["nine_threads"])
        assert target.told() == ""
        run([ULMA, "ps", "--dir", session_dir], env=environment())
        assert not list(session_dir.glob("*.armed")) + list(session_dir.glob("*.bell"))


def is_on(session_dir):
    done = run([ULMA, "ps", "--dir", session_dir], env=environment())
    return any(line.split()[1] == "on" for line in done.out.decode().splitlines())


def test_its_end_is_seen_from_elsewhere(session_dir, tmp_path):
    image = IMAGE.replace("mount -t tmpfs -o size=64m,noexec,mode=1777 none /dev/shm\n", "")
    words = [pythons()[-1].path, TARGETS / "standing.py"]
    with Container(image, words, "compute", tmp_path, ULMA_DIR=str(session_dir)) as target:
        ulma("attach", "--timeout", "60", target.pid)
        process = from_elsewhere("report", session_dir)
        wait_until(lambda: is_on(session_dir))
        target.goes_on(RUNNING["compute"])
        _, err = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0 and b"has ended" in err, err
