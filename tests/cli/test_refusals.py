# SPDX-License-Identifier: MIT
"""What ulma refuses: one sentence, the right exit status, nothing started and nothing left."""

import os
import shutil
import struct
import subprocess

import harness
import pytest


def refused(done, ulma, status):
    assert done.status == status, done.told()
    assert not (ulma.folder / "ran").exists()
    assert ulma.left_behind() == []


def test_script_missing(ulma, sentence):
    done = ulma.verb("run", "absent.py")
    refused(done, ulma, 127)
    sentence(done, "no file `absent.py` here")


def test_empty_name(ulma, sentence):
    done = ulma.verb("run", "")
    refused(done, ulma, 127)
    sentence(done, "the program's name is empty")


@pytest.mark.parametrize("verb", ["run", "top"])
def test_command_in_place_of_a_script(ulma, sentence, verb):
    done = ulma(verb, "gunicorn", "app:app")
    refused(done, ulma, 127)
    hint = f"to run a command write `ulma {verb} -- gunicorn …`"
    sentence(done, f"no file `gunicorn` here; {hint}")


def test_script_that_is_a_program(ulma, sentence):
    done = ulma.verb("run", "/bin/true")
    refused(done, ulma, 126)
    sentence(done, "`/bin/true` is not Python source", "ulma run -- /bin/true")


def test_command_not_found(ulma, sentence):
    done = ulma("run", "--", "no-such-command", "x")
    refused(done, ulma, 127)
    sentence(done, "no command `no-such-command`")


def test_command_that_cannot_be_executed(ulma, sentence):
    (ulma.folder / "plain.txt").write_text("text")
    done = ulma("run", "--", "./plain.txt")
    refused(done, ulma, 126)
    sentence(done, "cannot execute `./plain.txt`")


def test_command_with_a_missing_interpreter(ulma, sentence):
    path = ulma.folder / "script"
    path.write_text("#!/no/such/interpreter\n")
    path.chmod(0o755)
    done = ulma("run", "--", "./script")
    refused(done, ulma, 127)
    sentence(done, "cannot execute ./script")


def test_no_command_after_the_dashes(ulma, sentence):
    done = ulma("run", "--")
    refused(done, ulma, 2)
    sentence(done, "no command after `--`")


def test_no_python_on_path(ulma, sentence):
    done = ulma("run", ulma.script("pass"), env={"PATH": "/nonexistent"})
    refused(done, ulma, 127)
    sentence(done, "no python3 on PATH", "--python")


def test_python_that_is_not_there(ulma, sentence):
    done = ulma("run", "--python", "/no/python", ulma.script("pass"))
    refused(done, ulma, 127)
    sentence(done, "no Python `/no/python`")


def test_python_that_cannot_be_executed(ulma, sentence):
    done = ulma("run", "--python", "/etc/passwd", ulma.script("pass"))
    refused(done, ulma, 126)
    sentence(done, "/etc/passwd")


def elf_with_interpreter(path, interpreter):
    """The least that execve and readelf take for a dynamic x86-64 program."""
    text = interpreter.encode() + b"\0"
    header = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9)
    header += struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 3, 4, 120, 120, 120, len(text), len(text), 1)
    path.write_bytes(header + segment + text)
    path.chmod(0o755)


@pytest.mark.parametrize(
    "words", [["--python", "./python3", "program.py"], ["--", "./python3", "x"]]
)
def test_musl(ulma, sentence, words):
    ulma.script("pass")
    elf_with_interpreter(ulma.folder / "python3", "/lib/ld-musl-x86_64.so.1")
    done = ulma("run", *words)
    refused(done, ulma, 125)
    sentence(done, "./python3 is linked with musl", "glibc")


def test_session_directory_open_to_others(ulma, sentence):
    os.chmod(ulma.session_dir, 0o755)
    done = ulma.verb("run", "-c", "open('ran', 'w')")
    refused(done, ulma, 125)
    sentence(done, f"the session directory {ulma.session_dir} is not yours alone", "ULMA_DIR")


def test_session_directory_that_is_a_link(ulma, sentence):
    link = ulma.folder / "link"
    link.symlink_to(ulma.session_dir)
    done = ulma.verb("run", "-c", "open('ran', 'w')", env={"ULMA_DIR": str(link)})
    refused(done, ulma, 125)
    sentence(done, "is not a directory", "symbolic link")


def test_output_to_a_pipe_that_nobody_reads(ulma, sentence):
    os.mkfifo(ulma.folder / "pipe")
    done = ulma.verb("run", "-o", "pipe", "-c", "open('ran', 'w')")
    refused(done, ulma, 125)
    sentence(done, "nobody reads this pipe")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory to another user")
def test_session_directory_of_another_user(ulma, sentence):
    os.chown(ulma.session_dir, 12345, -1)
    done = ulma.verb("run", "-c", "open('ran', 'w')")
    refused(done, ulma, 125)
    sentence(done, "is not yours alone")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small tmpfs")
def test_full_file_system(ulma, sentence):
    small = ulma.folder / "small"
    small.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", "size=1M,mode=0700", "tmpfs", str(small)]
    if subprocess.run(mount, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this container may not mount")
    try:
        done = ulma.verb("run", "-c", "open('ran', 'w')", env={"ULMA_DIR": str(small)})
        refused(done, ulma, 125)
        sentence(done, f"no room for the session in {small}", "ULMA_DIR")
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_session_directory_below_nothing(ulma, sentence):
    done = ulma.verb("run", "-c", "open('ran', 'w')", env={"ULMA_DIR": "/no/such/place"})
    refused(done, ulma, 125)
    sentence(done, "/no/such/place", "ULMA_DIR")


def old_python():
    """A CPython too old for the probe, if the machine has one."""
    for name in ("python3.8", "python3.7", "python3.6", "python2.7", "python2"):
        found = shutil.which(name)
        if found and subprocess.run([found, "-c", ""], stderr=subprocess.DEVNULL).returncode == 0:
            return found
    roots = harness.ROOT, os.path.expanduser("~/.pyenv/versions")
    for version in ("3.8", "3.7", "3.6", "2.7"):
        for root in roots:
            if os.path.isdir(root):
                for entry in sorted(os.listdir(root)):
                    path = os.path.join(root, entry, "bin", "python")
                    if entry.startswith(version) and os.access(path, os.X_OK):
                        return path
    return None


def test_python_too_old(ulma, sentence):
    python = old_python()
    if python is None:
        pytest.skip("no CPython before 3.9 on this machine")
    done = ulma("run", "-o", "report.txt", "--python", python, "-c", "open('ran', 'w')")
    refused(done, ulma, 125)
    sentence(done, "3.9")
    assert not (ulma.folder / "report.txt").exists()


def test_python_too_old_as_a_command_runs_unprofiled(ulma, sentence):
    python = old_python()
    if python is None:
        pytest.skip("no CPython before 3.9 on this machine")
    words = ["--", python, "-c", "import sys; print('ran'); sys.exit(7)"]
    done = ulma("run", *words)
    assert (done.status, done.out) == (7, b"ran\n"), done.told()
    sentence(done, "nothing was seen", "3.9")
    assert ulma("run", "--strict", *words).status == 125


def test_not_a_python_program(ulma, sentence):
    done = ulma("run", "--", "sh", "-c", "echo out; exit 3")
    assert (done.status, done.out) == (3, b"out\n")
    sentence(done, "nothing was seen", "it is not a Python program")
    assert ulma.left_behind() == []


def test_not_a_python_program_when_strict(ulma):
    done = ulma("run", "--strict", "--", "true")
    assert done.status == 125 and b"nothing was seen" in done.err


@pytest.mark.parametrize("flag", ["-I", "-E", "-S"])
def test_python_that_ignores_the_environment(ulma, flag):
    code = "import sys; print(sys.flags.isolated, sys.path)"
    done = ulma("run", "--", ulma.python, flag, "-c", code)
    alone = harness.run([ulma.python, flag, "-c", code], env=ulma.env, cwd=ulma.folder)
    assert (done.status, done.out) == (0, alone.out)
    assert b"nothing was seen" in done.err and flag.encode() in done.err


@pytest.mark.parametrize("name", ["pstats"])
def test_binary_to_a_terminal(ulma, name):
    master, slave = os.openpty()
    try:
        process = ulma.start(
            "run", "--python", ulma.python, "-f", name, "-c", "open('ran', 'w')", stderr=slave
        )
        assert process.wait(30) == 125
        assert b"binary" in os.read(master, 4096)
        assert not (ulma.folder / "ran").exists()
    finally:
        os.close(master)
        os.close(slave)


def test_no_folder_for_the_probe(ulma, sentence):
    """All the places are there, but none of them takes a folder."""
    env = {"TMPDIR": "/proc", "XDG_RUNTIME_DIR": "/proc", "HOME": "/proc"}
    prepare = (
        "mount --bind /tmp /tmp && mount -o remount,bind,ro /tmp && "
        "mount --bind /var/tmp /var/tmp && mount -o remount,bind,noexec /var/tmp"
    )
    words = ["unshare", "-m", "sh", "-c"]
    if subprocess.run([*words, prepare], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this container may not make mount namespaces")
    command = f"exec {harness.ULMA} run --python {ulma.python} -c pass"
    done = harness.run([*words, f"{prepare} && {command}"], env={**ulma.env, **env}, cwd="/")
    assert done.status == 125, done.told()
    sentence(done, "no folder for the probe", "noexec")


def test_tool_ids_taken(ulma, sentence):
    """By something that comes before the program: a .pth file of its environment."""
    newer = [python for python in harness.pythons() if python.minor >= (3, 12)]
    assert newer, "no CPython of 3.12 or newer"
    environment = ulma.folder / "environment"
    words = [newer[0].path, "-m", "venv", "--without-pip", environment]
    assert harness.run(words, env=ulma.env).status == 0
    (packages,) = environment.glob("lib/python3.*/site-packages")
    (packages / "holder.pth").write_text(
        "import sys; m = sys.monitoring; "
        "[m.use_tool_id(i, 'holder%d' % i) for i in (3, 4) if not m.get_tool(i)]\n"
    )
    done = ulma("run", "--python", environment / "bin" / "python", "-c", "open('ran', 'w')")
    refused(done, ulma, 125)
    sentence(done, "tool ids 4 and 3 are taken by holder4 and holder3")
