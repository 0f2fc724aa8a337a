# SPDX-License-Identifier: MIT
"""Which tests run, and on which CPythons: `python` is each one that tools/pythons lists."""

import os
import pathlib

import harness
import pytest


def pytest_report_header(config):
    found = ", ".join(python.version for python in harness.pythons()) or "none"
    return f"CPythons tested: {found}"


def pytest_collection_modifyitems(config, items):
    if "torture" in (config.option.markexpr or "") or os.environ.get("ULMA_TORTURE") == "1":
        return
    kept = [item for item in items if item.get_closest_marker("torture") is None]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


def pytest_generate_tests(metafunc):
    if "python" in metafunc.fixturenames:
        metafunc.parametrize("python", harness.pythons(), ids=str, scope="session")


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
