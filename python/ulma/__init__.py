# SPDX-License-Identifier: MIT
"""ulma shows what a running Python program does: exactly, live.

The program is native and stands beside the interpreter that this package is installed for;
``python -m ulma`` is that program with this interpreter for its targets.

With ``ULMA=1`` in its environment, or after ``ulma.arm()``, a process is *armed*: the probe is
loaded and everything is off, until ``ulma top PID`` or ``ulma report PID`` switches it on from
another terminal. ``ulma.span("name")`` names a piece of work, for whoever records requests and
spans (``-e spans``). ``ulma.start()``, ``ulma.stop()`` and ``ulma.profile`` record this process.
"""

TYPE_CHECKING = False  # typing's: an armed process imports nothing that it has not yet
if TYPE_CHECKING:
    from ulma._api import Report, profile, start, stop
    from ulma._monitors import Event as Event
    from ulma._monitors import Monitor as Monitor
    from ulma._monitors import run_monitors as run_monitors
    from ulma._spans import span

__all__ = [
    "Error",
    "Event",
    "Monitor",
    "Report",
    "arm",
    "profile",
    "run_monitors",
    "span",
    "start",
    "stop",
]


class Error(Exception):
    """What ulma refuses, and why."""


def arm() -> None:
    """Arm this process; does nothing when it is armed already."""
    from ulma import _start

    refusal = _start.arm()
    if refusal:
        raise Error(refusal)


def load_ipython_extension(shell: object) -> None:
    """``%load_ext ulma``"""
    from ulma import _magics

    _magics.load(shell)


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "span":
        from ulma import _spans as home
    elif name in ("Event", "Monitor", "run_monitors"):
        from ulma import _monitors as home  # type: ignore[no-redef]
    else:
        from ulma import _api as home  # type: ignore[no-redef]
    found = globals()[name] = getattr(home, name)
    return found
