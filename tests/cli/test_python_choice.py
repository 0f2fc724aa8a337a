# SPDX-License-Identifier: MIT
"""Which Python runs the target, and which Pythons of a target are seen."""

import json
import os

import harness
import pytest

SHOW = "import sys; print(sys.version_info[:2], sys.executable, getattr(sys, 'orig_argv', None))"


def pair():
    """Two CPythons that can be told apart."""
    found = harness.pythons()
    assert len(found) >= 2, "two CPythons are needed"
    return found[0], found[1]


def as_python3(folder, python):
    folder.mkdir(parents=True)
    (folder / "python3").symlink_to(python.path)
    (folder / "python").symlink_to(python.path)
    return folder


def same_as(ulma, words, alone, env):
    done = ulma("run", *words, "-c", SHOW, "x", env=env)
    plain = harness.run([*alone, "-c", SHOW, "x"], env={**ulma.env, **env}, cwd=ulma.folder)
    assert (done.status, done.out) == (0, plain.out), done.told()
    return done


def test_python3_on_path(ulma):
    first, _ = pair()
    path = as_python3(ulma.folder / "bin", first)
    done = same_as(ulma, [], ["python3"], {"PATH": f"{path}:{os.environ['PATH']}"})
    assert f"({first.minor[0]}, {first.minor[1]})".encode() in done.out
    assert f"python: {first.version}".encode() in done.err  # the header names it


def test_virtual_environment_before_path(ulma):
    first, second = pair()
    path = as_python3(ulma.folder / "bin", first)
    as_python3(ulma.folder / "environment" / "bin", second)
    env = {"PATH": f"{path}:/usr/bin:/bin", "VIRTUAL_ENV": str(ulma.folder / "environment")}
    same_as(ulma, [], [ulma.folder / "environment" / "bin" / "python"], env)


def test_virtual_environment_without_a_python_is_passed_over(ulma):
    first, _ = pair()
    path = as_python3(ulma.folder / "bin", first)
    env = {"PATH": f"{path}:/usr/bin:/bin", "VIRTUAL_ENV": "/no/such/environment"}
    same_as(ulma, [], ["python3"], env)


def test_option_before_all(ulma):
    first, second = pair()
    as_python3(ulma.folder / "environment" / "bin", second)
    env = {"VIRTUAL_ENV": str(ulma.folder / "environment")}
    same_as(ulma, ["--python", first.path], [first.path], env)


def test_option_may_be_a_word_on_path(ulma):
    first, _ = pair()
    path = as_python3(ulma.folder / "bin", first)
    same_as(ulma, ["--python", "python"], ["python"], {"PATH": f"{path}:/usr/bin:/bin"})


@pytest.mark.parametrize("given", [False, True], ids=["its-own", "given"])
def test_module_runs_targets_with_its_own_interpreter(ulma, given):
    first, second = pair()
    package = harness.ROOT / "python"
    words = [first.path, "-m", "ulma", "run", "-q", "-f", "json", "-o", "r.json"]
    words += ["--python", second.path] if given else []
    done = harness.run(
        [*words, "-c", "import sys; sys.exit(3)"],
        env={**ulma.env, "PYTHONPATH": str(package)},
        cwd=ulma.folder,
    )
    assert done.status == 3, done.told()
    report = json.loads((ulma.folder / "r.json").read_text())
    assert report["target"]["python"] == (second if given else first).version.rstrip("+")


def test_command_that_starts_a_python(ulma):
    words = ["--", "sh", "-c", f"{ulma.python} -c 'def f(): pass\nf()'; exit 4"]
    done = ulma("run", "-f", "json", "-o", "-", *words)
    assert done.status == 4
    assert [row["name"] for row in json.loads(done.out)["functions"]].count("f") == 1


def test_every_python_is_followed(ulma):
    code = f"{ulma.python} -c 'def f(): pass\nf()'; {ulma.python} -c 'def g(): pass\ng()'"
    done = ulma("run", "-f", "json", "-o", "-", "--", "sh", "-c", code)
    rows = {row["name"]: row["calls"] for row in json.loads(done.out)["functions"]}
    assert (rows["f"], rows["g"]) == (1, 1)
    assert b"unseen" not in done.err


def test_only_the_first_python_is_followed_and_that_is_told(ulma):
    code = f"{ulma.python} -c 'def f(): pass\nf()'; {ulma.python} -c 'def g(): pass\ng()'"
    done = ulma("run", "--no-children", "-f", "json", "-o", "-", "--", "sh", "-c", code)
    names = [row["name"] for row in json.loads(done.out)["functions"]]
    assert "f" in names and "g" not in names
    assert b"1 more Python process of the target ran unseen" in done.err


def test_script_without_a_first_line_runs_as_a_shell_runs_it(ulma):
    path = ulma.folder / "plain"
    path.write_text("echo plain; exit 6\n")
    path.chmod(0o755)
    done = ulma("run", "--", "./plain")
    assert (done.status, done.out) == (6, b"plain\n")
