# SPDX-License-Identifier: MIT
"""The law of the folders holds here, and a breach of it is found."""

import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
CHECK = ROOT / "tools" / "check_layers.py"


def check(root):
    return subprocess.run(
        [sys.executable, str(CHECK), str(root)], capture_output=True, text=True, check=False
    )


def test_this_tree_keeps_the_law():
    done = check(ROOT)
    assert (done.returncode, done.stdout) == (0, "")


LAWFUL = {
    "base/clock.h": "#include <time.h>\n",
    "base/arena.h": "#include <stddef.h>\n",
    "wire/ring.h": '#include "base/clock.h"\n',
    "probe/link.h": '#include "wire/ring.h"\n#include "base/clock.h"\n',
    "probe/py/monitoring.c": "#include <Python.h>\n#if PY_VERSION_HEX > 1\n#endif\n",
    "sources/sources.def": "X(calls)\n",
    "sources/calls/calls_probe.c": '#include "probe/link.h"\n#include <Python.h>\n',
    "sources/calls/calls_fold.c": '#include "wire/ring.h"\n#include "sources/sources.def"\n',
    "model/snapshot.h": '#include "base/arena.h"\n',
    "model/collector.h": '#include "model/snapshot.h"\n#include "wire/ring.h"\n',
    "views/view.h": '#include "model/snapshot.h"\n',
    "tui/tui.h": '#include "views/view.h"\n#include <curses.h>\n',
    "cmd/main.c": '#include "model/collector.h"\n#include "tui/tui.h"\n',
}


@pytest.fixture
def tree(tmp_path):
    for name, text in LAWFUL.items():
        file = tmp_path / "src" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return tmp_path


def test_a_lawful_tree_passes(tree):
    done = check(tree)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("base/low.c", '#include "wire/ring.h"\n', "base may not include wire"),
        ("wire/low.c", '#include "model/snapshot.h"\n', "wire may not include model"),
        ("probe/alloc.c", '#include "base/arena.h"\n', "may allocate"),
        ("probe/high.c", '#include "model/collector.h"\n', "probe may not include model"),
        ("sources/calls/x_probe.c", '#include "model/snapshot.h"\n', "probe may not include"),
        ("sources/calls/x_fold.c", '#include "probe/link.h"\n', "model may not include probe"),
        (
            "sources/calls/x_fold.c",
            "#include <Python.h>\n",
            "only the probe (and the events of monitors) may include",
        ),
        ("model/high.c", '#include "views/view.h"\n', "model may not include views"),
        (
            "views/owner.c",
            '#include "model/collector.h"\n',
            "it reads model/shape.h, model/slices.h",
        ),
        ("tui/low.c", '  #  include   "wire/ring.h"\n', "tui may not include wire"),
        ("views/draw.c", "#include <curses.h>\n", "only src/tui may include"),
        ("tui/near.c", '#include "tui.h"\n', "is not a path from src/"),
        ("tui/gone.c", '#include "tui/gone.h"\n', "is not a path from src/"),
        ("probe/old.c", "#if PY_VERSION_HEX < 0x030c0000\n#endif\n", "src/probe/py only"),
        ("other/thing.c", "\n", "is in no layer"),
        ("cmd/ring.h", "\n", "must be unique"),
        ("base/long.c", "\n" * 801, "more than 800"),
    ],
)
def test_a_breach_is_found(tree, name, text, says):
    file = tree / "src" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    done = check(tree)
    assert done.returncode == 1
    assert f"/src/{name}:" in done.stdout or "unique" in says
    assert says in done.stdout
