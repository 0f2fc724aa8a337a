# SPDX-License-Identifier: MIT
"""The files for Kubernetes: what they ask for is what ulma needs, no less.

No cluster is there. What the two files rest on is made by hand: a directory as an emptyDir is, an
environment as the file has it, PIDs that are not shared; and the capabilities of a container.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest
from harness import LIMIT_S, ROOT, ULMA, environment, pythons, run

FILES = ROOT / "docs" / "kubernetes"
USER = 1000
# What containerd and Docker give a container by default.
DEFAULT = [
    "chown",
    "dac_override",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "net_bind_service",
    "net_raw",
    "sys_chroot",
    "mknod",
    "audit_write",
    "setfcap",
]

pytestmark = pytest.mark.skipif(
    os.getuid() != 0, reason="users and capabilities are root's to give"
)


def sidecar():
    spec = json.loads((FILES / "sidecar.json").read_text())["spec"]
    return spec, {one["name"]: one for one in spec["containers"]}


def variables(container):
    return {one["name"]: one["value"] for one in container["env"]}


def await_true(condition, what):
    end = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def end(process):
    if process.poll() is None:
        process.kill()
    process.communicate()


def open_to_all(folder):
    for path in (folder, *folder.parents):
        if path != pathlib.Path("/") and path.owner() == "root" and not path.stat().st_mode & 1:
            path.chmod(path.stat().st_mode | 0o11)


@pytest.fixture
def folder(tmp_path):
    open_to_all(tmp_path)
    return tmp_path


def test_a_sidecar(folder):
    """Another user than root, one directory for both, PIDs of their own."""
    spec, containers = sidecar()
    app, own = variables(containers["app"]), variables(containers["ulma"])
    (volume,) = spec["volumes"]
    assert volume["emptyDir"]["medium"] == "Memory"
    for container in containers.values():
        (mount,) = container["volumeMounts"]
        assert mount["name"] == volume["name"]
        assert variables(container)["ULMA_DIR"].startswith(mount["mountPath"] + "/")
        assert "securityContext" not in container  # one user, no capability
    python = next(one for one in pythons() if one.path.startswith("/usr/bin/"))
    base = folder / "user"
    site = base / "lib" / "python{}.{}".format(*python.minor) / "site-packages"
    shutil.copytree(ROOT / "python" / "ulma", site / "ulma")
    shutil.copy(ROOT / "python" / "ulma.pth", site)
    shutil.copy(ROOT / "build" / "src" / "ulma_probe.so", site / "ulma")
    shutil.copy(ULMA, folder / "ulma")
    (folder / "shared").mkdir()
    (folder / "shared").chmod(0o777)
    directory = str(folder / "shared" / app.pop("ULMA_DIR").rpartition("/")[2])
    assert own == {"ULMA_DIR": "/ulma/app"} and directory.endswith("/app")
    user = str(spec["securityContext"]["runAsUser"])
    words = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "--inh-caps", "-all"]
    env = environment(PYTHONUSERBASE=str(base), ULMA_DIR=directory, **app)
    loop = "import time\ndef work(): return 1\nwhile True: work(); time.sleep(0.001)"
    process = subprocess.Popen([*words, python.path, "-c", loop], env=env, cwd="/")
    try:
        await_true(lambda: list(pathlib.Path(directory).glob("*.armed")), "it is not armed")
        apart = ["unshare", "--pid", "--fork", "--mount-proc"]
        look = [folder / "ulma", "report", "-f", "json", "-d", "0.5", directory]
        done = run([*apart, *words, *look], env=environment(ULMA_DIR=directory))
        assert done.status == 0, done.told()
        called = {row["name"]: row["calls"] for row in json.loads(done.out)["functions"]}
        assert called["work"] > 0 and process.poll() is None
    finally:
        end(process)


def test_an_ephemeral_container(folder):
    """The capability that the file adds is the one that is missing."""
    asked = json.loads((FILES / "debug.json").read_text())["securityContext"]
    assert asked["runAsUser"] == 0
    added = [name.lower() for name in asked["capabilities"]["add"]]
    python = next(one for one in pythons() if one.path.startswith("/usr/bin/"))
    words = ["setpriv", "--reuid", str(USER), "--regid", str(USER), "--clear-groups"]
    process = subprocess.Popen([*words, python.path, "-c", "while True: pass"], cwd="/")

    def attach(capabilities):
        only = "-all," + ",".join(f"+{name}" for name in capabilities)
        bounds = ["setpriv", "--bounding-set", only, "--inh-caps", only]
        return run([*bounds, ULMA, "attach", "--timeout", "30", process.pid], env=environment())

    try:
        uid = f"Uid:\t{USER}\t"
        status = pathlib.Path(f"/proc/{process.pid}/status")
        await_true(lambda: uid in status.read_text(), "it has not changed its user")
        refused = attach(DEFAULT)
        assert refused.status == 1
        assert re.search(rb"CAP_SYS_PTRACE is what is missing", refused.err), refused.told()
        done = attach([*DEFAULT, *added])
        assert done.status == 0 and b"armed, nothing recorded" in done.out, done.told()
        assert run([ULMA, "detach", process.pid], env=environment()).status == 0
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == -signal.SIGTERM
    finally:
        end(process)
