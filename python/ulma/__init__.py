# SPDX-License-Identifier: MIT
"""ulma shows what a running Python program does: exactly, live.

The program is native and stands beside the interpreter that this package is installed for;
``python -m ulma`` is that program with this interpreter for its targets.

With ``ULMA=1`` in its environment, or after ``ulma.arm()``, a process is *armed*: the probe is
loaded and everything is off, until ``ulma top PID`` or ``ulma report PID`` switches it on from
another terminal.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's, without importing it in every process that arms itself
if TYPE_CHECKING:
    from typing import Any

    from ulma._monitors import Event as Event
    from ulma._monitors import Monitor as Monitor
    from ulma._monitors import run_monitors as run_monitors

__all__ = ["Error", "Event", "Monitor", "arm", "run_monitors"]


class Error(Exception):
    """What ulma refuses, and why."""


def arm() -> None:
    """Arm this process; does nothing when it is armed already."""
    from ulma import _start

    refusal = _start.arm()
    if refusal:
        raise Error(refusal)


def __getattr__(name: str) -> Any:
    if name in ("Event", "Monitor", "run_monitors"):
        from ulma import _monitors

        return getattr(_monitors, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
