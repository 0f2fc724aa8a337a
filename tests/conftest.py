# SPDX-License-Identifier: MIT
"""Which tests run, and on which CPythons: `python` is one of each minor version that tools/pythons
lists, the first; in `make torture` every one that it lists."""

import os
import pathlib
import signal

import harness
import pytest


def pytest_addoption(parser):
    parser.addoption(
        "--alone",
        choices=("only", "not"),
        help="those marked `alone`, about time or a browser's, or those that are not; else both",
    )


def pytest_configure():
    """What nohup and a shell's `&` set to be ignored is inherited, and tests send it."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def one_of_each_minor(pythons):
    return list({python.minor: python for python in reversed(pythons)}.values())[::-1]


def pythons_of(config):
    return harness.pythons() if is_torture(config) else one_of_each_minor(harness.pythons())


def pytest_report_header(config):
    tested = pythons_of(config)
    left = [python.version for python in harness.pythons() if python not in tested]
    found = ", ".join(python.version for python in tested) or "none"
    return f"CPythons tested: {found}" + (f" (make torture: {', '.join(left)})" if left else "")


def is_torture(config):
    return "torture" in (config.option.markexpr or "") or os.environ.get("ULMA_TORTURE") == "1"


def is_wanted(config, item):
    alone = config.option.alone
    is_alone = item.get_closest_marker("alone") is not None
    is_long = item.get_closest_marker("torture") is not None
    return (alone is None or is_alone == (alone == "only")) and (not is_long or is_torture(config))


def pytest_collection_modifyitems(config, items):
    kept = [item for item in items if is_wanted(config, item)]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def one_of_each_way(pythons):
    """3.9 and 3.10 have frame objects, 3.11 has none, from 3.12 on there is sys.monitoring: the
    first of each, and the newest of all."""
    ways = {min(max(python.minor[1], 10), 12): python for python in reversed(pythons)}
    return [python for python in pythons if python in ways.values() or python is pythons[-1]]


def pytest_generate_tests(metafunc):
    """`some_pythons` marks what depends on the way in which calls are heard, less on the version:
    the other versions are for `make torture`. `newest_python`: what is between two collectors, or a
    collector and its file; the target is there because there must be one."""
    if "python" in metafunc.fixturenames:
        pythons = pythons_of(metafunc.config)
        marked = metafunc.definition.get_closest_marker
        if marked("newest_python"):
            pythons = pythons[-1:]
        elif marked("some_pythons") and not is_torture(metafunc.config):
            pythons = one_of_each_way(pythons)
        metafunc.parametrize("python", pythons, ids=str, scope="session")


@pytest.fixture(scope="session", autouse=True)
def built():
    """Every test needs the executable: say so once instead of failing hundreds of times."""
    if not harness.ULMA.exists():
        pytest.exit(f"{harness.ULMA} is not built; run `make build`.", returncode=1)


@pytest.fixture
def session_dir():
    """An ULMA_DIR of this test alone."""
    with harness.private_session_dir() as path:
        yield path


@pytest.fixture(scope="session")
def targets() -> pathlib.Path:
    """The folder of small programs to profile."""
    return harness.TARGETS
