# SPDX-License-Identifier: MIT
"""Starts a Python in an environment of its own, which works for half a second."""

import subprocess
import sys

WORK = """
import time

def tick():
    return time.monotonic()

end = tick() + 0.5
while tick() < end:
    pass
"""

subprocess.run([sys.executable, "-c", WORK], env={"LANG": "C.UTF-8"}, check=True)
