# SPDX-License-Identifier: MIT
"""ulma shows what a running Python program does: exactly, live.

The program is native and stands beside the interpreter that this package is installed for;
``python -m ulma`` is that program with this interpreter for its targets.
"""

from __future__ import annotations
