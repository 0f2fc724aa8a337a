# SPDX-License-Identifier: MIT
"""``python -m ulma …``: the command ``ulma …``, its targets run by this very interpreter.

The process becomes the native program by exec, so that PID, terminal, signals and exit status are
its own, and no Python stays between it and what it profiles.
"""

from __future__ import annotations

import os
import sys

from ulma._program import executable, not_found

# The verbs that can start a target, and so take --python.
STARTING = ("run", "top", "web", "record", "monitor")


def main() -> None:
    path = executable()
    if path is None:
        sys.exit(f"ulma: {not_found()}")
    words = sys.argv[1:]
    if words and words[0] in STARTING:
        words[1:1] = ["--python", sys.executable]
    os.execv(path, ["ulma", *words])


if __name__ == "__main__":
    main()
