# SPDX-License-Identifier: MIT
"""What several of these files begin with."""

from armed_process import armed, installed, start

__all__ = ["armed", "installed", "start"]
