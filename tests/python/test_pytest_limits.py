# SPDX-License-Identifier: MIT
"""The pytest plug-in: what a test did is counted exactly, and a limit that is exceeded fails it."""

import os
import pathlib
import re

import harness
import pytest

# The runner's pytest is written in Python: others can import it, too, but the oldest.
SITE = pathlib.Path(pytest.__file__).resolve().parent.parent
OLDEST_MINOR = 11
# pip chooses by its own Python what a package needs on older ones only.
FOR_OLDER = ["exceptiongroup", "tomli", "typing_extensions"]

pytestmark = pytest.mark.some_pythons

TESTS = """
import os, threading, unittest
import pytest

def helper():
    return {}

def work(count):
    for _ in range(count):
        helper()

@pytest.mark.ulma_max_calls("test_it:helper", 10)
def test_calls_kept():
    work(10)

@pytest.mark.ulma_max_calls("test_it:helper", 10)
def test_calls_exceeded():
    work(11)

@pytest.mark.ulma(max_calls=12)
def test_all_calls_kept():
    work(10)

@pytest.mark.ulma(max_calls=11)
def test_all_calls_exceeded():
    work(10)

@pytest.mark.ulma_max_calls("test_it:helper", 10)
def test_threads_exceeded():
    threads = [threading.Thread(target=work, args=(6,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

@pytest.mark.ulma_max_io("write", 3)
def test_io_kept():
    for _ in range(3):
        os.write(2, b".")

@pytest.mark.ulma_max_io("write", 2)
def test_io_exceeded():
    for _ in range(3):
        os.write(2, b".")

@pytest.mark.ulma_max_bytes("1M")
def test_bytes_kept():
    bytearray(1_000_000)

@pytest.mark.ulma_max_bytes("1M")
def test_bytes_exceeded():
    bytearray(1_100_000)

@pytest.mark.ulma_max_objects("dict", 10)
def test_objects_kept():
    work(10)

@pytest.mark.ulma_max_objects("dict", 9)
def test_objects_exceeded():
    work(10)

class TestCase(unittest.TestCase):
    @pytest.mark.ulma_max_calls("test_it:helper", 10)
    def test_of_unittest_exceeded(self):
        work(11)

@pytest.mark.ulma_max_calls("test_it:helper", 10)
def test_of_its_own_accord_exceeded():
    work(11)
    raise ValueError("its own")

@pytest.mark.ulma(max_queries=3)
def test_unknown_exceeded():
    pass

@pytest.mark.ulma_max_calls("test_it:helpers", 10)
def test_a_slip_in_a_name_exceeded():
    work(11)

@pytest.mark.ulma_max_calls("test_it:helper", 1.5)
def test_a_half_exceeded():
    pass

@pytest.mark.ulma_max_calls("test_it:TestCase.test_of_unittest_exceeded", 0)
def test_a_name_that_is_not_called_kept():
    work(11)

def test_without_limits():
    work(1000)
"""


def site_of(python):
    """Where this CPython finds a pytest; from the package index for those before 3.11."""
    if python.minor[1] >= OLDEST_MINOR:
        return SITE
    return harness.from_index(python, "pytest", *FOR_OLDER)


@pytest.fixture
def inner(tmp_path, session_dir):
    """Runs pytest in a folder of the test's own."""

    def run(python, tests, *words):
        (tmp_path / "test_it.py").write_text(tests, encoding="utf-8")
        path = os.pathsep.join([str(harness.ROOT / "python"), str(site_of(python))])
        env = harness.environment(session_dir, PYTHONPATH=path, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
        plug_in = ["-p", "ulma._pytest", "-p", "no:cacheprovider"]
        given = [python.path, "-m", "pytest", "-q", "-rA", *plug_in, *words, "test_it.py"]
        return harness.run(given, env=env, cwd=tmp_path)

    return run


def test_limits(python, inner):
    done = inner(python, TESTS)
    told = done.out.decode()
    outcomes = {
        name: what for what, name in re.findall(r"(PASSED|FAILED) test_it\.py::(\S+)", told)
    }
    assert len(outcomes) == 18, done.told()
    tells_objects = python.minor >= (3, 14)  # and 3.13 from .3 on
    for name, what in outcomes.items():
        kept = not name.endswith("exceeded") and (tells_objects or "objects" not in name)
        assert what == ("PASSED" if kept else "FAILED"), (name, done.told())
    assert "ulma: 11 calls of test_it:helper, and at most 10 are allowed:" in told
    assert "ulma: 12 calls, and at most 11 are allowed:\n            10  helper (" in told
    assert "ulma: 12 calls of test_it:helper, and at most 10" in told
    assert "ulma: 3 I/O calls of write, and at most 2 are allowed:" in told
    assert "             3  write in test_io_exceeded (" in told
    assert "bytes, and at most 1,048,576 are allowed:\n     1,100," in told
    if tells_objects:
        assert "ulma: 10 objects of dict, and at most 9 are allowed:" in told
    else:
        assert told.count("a limit on objects needs 3.13.3 or newer") >= 2
    assert "ValueError: its own" in told
    assert "the marker ulma knows no `max_queries`" in told
    assert "`test_it:helpers` names nothing: test_it has no helpers" in told
    assert "`1.5` is no number" in told


@pytest.mark.newest_python
def test_counts_are_the_same_each_time(python, inner):
    tests = "import json\ndef test_one():\n    json.loads(json.dumps({'a': [1, 2, 3]}, indent=1))\n"
    counts = set()
    for workers in ([], ["-p", "xdist", "-n", "1"], []):
        done = inner(python, tests, "--ulma", *workers)
        assert done.status == 0, done.told()
        counts.add(
            re.search(r"^ +([\d,]+)  test_it\.py::test_one$", done.out.decode(), re.MULTILINE)[1]
        )
    assert len(counts) == 1 and int(counts.pop()) > 5


@pytest.mark.newest_python
def test_without_a_limit_nothing_is_started(python, inner, session_dir):
    tests = "import sys\ndef test_one():\n    assert 'ulma._start' not in sys.modules\n"
    done = inner(python, tests)
    assert done.status == 0, done.told()
    assert not list(session_dir.iterdir())


def test_what_a_version_cannot_tell_is_refused(inner):
    """Births of objects are told from 3.13.3 on."""
    older = next(python for python in harness.pythons() if (3, 11) <= python.minor < (3, 13))
    tests = (
        "import pytest\n"
        "@pytest.mark.ulma_max_objects('dict', 1)\n"
        "def test_one():\n    open('ran', 'w')\n"
    )
    done = inner(older, tests)
    assert done.status == 1
    assert "a limit on objects needs 3.13.3 or newer" in done.out.decode()
