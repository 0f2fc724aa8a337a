# SPDX-License-Identifier: MIT
"""One monitor of ``ulma monitor FILE.py``, in the process that it starts for it.

Rules: what is wrong with the file is told in one sentence (or, where it is the file's own
exception, by its traceback), and the status is not 0.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import sys
import traceback

from ulma import Error
from ulma._monitors import Monitor, Reader, library, say


def load(word: str) -> type[Monitor]:
    """FILE.py, which defines one monitor, or FILE.py:CLASS."""
    path, colon, name = word.rpartition(":")
    if not colon:
        path, name = word, ""
    if not os.path.isfile(path):
        raise Error(f"there is no file {path}")
    spec = importlib.util.spec_from_file_location("ulma_monitor", path)
    if spec is None or spec.loader is None:
        raise Error(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules["ulma_monitor"] = module
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    spec.loader.exec_module(module)
    found = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, Monitor)
        and value.__module__ == "ulma_monitor"
    }
    if name and name not in found:
        raise Error(f"{path} defines no monitor {name}")
    if not name and len(found) != 1:
        names = ", ".join(sorted(found)) or "none"
        raise Error(f"{path} must define one ulma.Monitor, or be named with one of them: {names}")
    return found[name] if name else found.popitem()[1]


def main(descriptor: int, word: str) -> int:
    handle = ctypes.c_void_p()
    result = library().ulma_inherit(descriptor, ctypes.byref(handle))
    if result or handle.value is None:
        say(f"{word}: this is no stream for a monitor ({os.strerror(-result)})")
        return 1
    try:
        reader = Reader(load(word)(), word)
    except Error as error:
        say(f"{word}: {error}")
        return 1
    except Exception:
        traceback.print_exc()
        return 1
    library().ulma_set_mask(handle, reader.mask())
    library().ulma_set_slower(handle, int(reader.monitor.slower_than * 1e9))
    library().ulma_inherit_ready(handle, os.fsencode(word))
    reader.run(handle.value)
    sys.stdout.flush()
    return 0 if reader.monitor.error is None else 1
