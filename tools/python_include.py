# SPDX-License-Identifier: MIT
"""Print the folder of a Python.h that the probe can be compiled with.

Any CPython from 3.9 on will do, since the probe keeps to the limited API of 3.9. The interpreter
that builds is asked first; in a virtual environment without headers, the system's own is.
Headers of a free-threaded build will not do: its objects are laid out differently.
"""

import pathlib
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator

ASK = "import sysconfig; print(sysconfig.get_path('include'))"


def folders() -> Iterator[str]:
    yield sysconfig.get_path("include")
    for python in ("/usr/bin/python3", shutil.which("python3")):
        if python:
            done = subprocess.run(
                [python, "-I", "-c", ASK], capture_output=True, text=True, check=False
            )
            yield done.stdout.strip()


def usable(folder: str) -> bool:
    config = pathlib.Path(folder) / "pyconfig.h"
    if not folder or not (pathlib.Path(folder) / "Python.h").is_file() or not config.is_file():
        return False
    return "#define Py_GIL_DISABLED 1" not in config.read_text(errors="replace")


def main() -> int:
    for folder in folders():
        if usable(folder):
            print(folder)
            return 0
    sys.stderr.write(
        "the header Python.h was not found: install python3-dev (Debian, Ubuntu) or python3-devel "
        "(Fedora), then build again\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
