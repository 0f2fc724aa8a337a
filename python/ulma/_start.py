# SPDX-License-Identifier: MIT
"""Loads the probe into this process and arms it: everything off, until ``ulma top PID``.

Why a module of its own: ``ulma.pth`` calls at_start() in every Python of the environment whose
``ULMA`` is set, so it imports nothing (not even __future__) that the interpreter has not yet.
Rules: at_start() leaves sys.modules as it found it, never raises, and writes at most one line.
"""

import os
import sys

# The probe of a process that was armed here, loaded; src/probe/module.c has what it does.
loaded: "list[object]" = []


def probe_file() -> "str | None":
    """Where the probe is: beside this file, or in the build folder of a clone."""
    here = os.path.dirname(os.path.abspath(__file__))
    clone = os.path.dirname(os.path.dirname(here))
    for path in (
        os.path.join(here, "ulma_probe.so"),
        os.path.join(clone, "build", "src", "ulma_probe.so"),
    ):
        if os.path.isfile(path):
            return path
    return None


def loaded_file() -> "str | None":
    """The probe that is in this process already, by the ulma that started the program or attached
    to it: one that is loaded again from another file would know nothing of it.
    """
    try:
        with open("/proc/self/maps", "rb") as maps:
            lines = maps.read().splitlines()
    except OSError:
        return None
    for line in lines:
        words = line.split(None, 5)
        path = words[5] if len(words) == 6 else b""
        if path.endswith((b"/ulma_probe.so", b"/ulma_probe.so (deleted)")):
            return os.fsdecode(path[: path.rindex(b"/ulma_probe.so")]) + "/ulma_probe.so"
        if path.startswith(b"/memfd:ulma_probe."):  # its number, by which the linker knows it, last
            return "/proc/self/fd/" + path.split()[0].rpartition(b".")[2].decode()
    return None


def unsupported() -> "str | None":
    version = "{}.{}".format(*sys.version_info[:2])
    if sys.implementation.name != "cpython" or not sys.platform.startswith("linux"):
        return "ulma arms CPython on Linux alone"
    if not (3, 9) <= sys.version_info[:2] <= (3, 15):
        return f"Python {version} is not supported; ulma profiles CPython 3.9 to 3.15"
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return (
            f"this Python {version} runs without the GIL (a free-threaded build), which ulma does "
            "not support yet; use one with the GIL"
        )
    return None


def arm(flight: "str | None" = None) -> "str | None":
    """None, or why this process cannot be armed. flight: the recorder's words, if it is wanted."""
    refusal = unsupported()
    if refusal:
        return refusal
    path = loaded_file() or probe_file()
    if path is None:
        return (
            "the probe that belongs to this package was not found; install it again: "
            f"{sys.executable} -m pip install --force-reinstall ulma"
        )
    try:
        import _imp
        from _frozen_importlib import ModuleSpec
        from _frozen_importlib_external import ExtensionFileLoader

        spec = ModuleSpec("ulma_probe", ExtensionFileLoader("ulma_probe", path), origin=path)
        probe = _imp.create_dynamic(spec)
        _imp.exec_dynamic(probe)
        loaded[:] = [probe]
        if probe.is_followed():
            return None  # it is as good as armed, until that ulma ends
        answer: str | None = probe.arm_process("") if flight is None else probe.fly("", flight)
    except Exception as error:
        return f"loading the probe failed: {error}"
    return answer


def in_main_interpreter() -> bool:
    """Others may not load the probe, and need not: it serves the main one alone."""
    try:
        if sys.version_info >= (3, 13):
            import _interpreters as interpreters
        else:
            import _xxsubinterpreters as interpreters  # type: ignore[import-not-found]
    except ImportError:
        return True
    current, main = interpreters.get_current(), interpreters.get_main()
    return bool(current == main)


def refuse(why: str) -> None:
    try:  # noqa: SIM105 - contextlib may not be imported yet
        os.write(2, f"ulma: this process is not armed: {why}\n".encode())
    except OSError:
        pass  # there is nowhere to say it, and the program must not notice


def unknown_wish(wanted: str) -> "str | None":
    """ULMA=on,…: what whoever collects reads by itself (src/cmd/wishes.h); a slip is told here."""
    for word in wanted.split(",")[1:]:
        key, sign, _ = word.partition("=")
        if sign and key not in ("events", "only", "skip", "budget", "keep"):
            return (
                f"ULMA={wanted}: {key}= means nothing; it may have events=, only=, skip=, "
                "budget= and keep="
            )
    return None


def at_start() -> None:
    """ULMA=1: armed. ULMA=on,…: and what is to be collected. ULMA=flight: with the flight
    recorder. ULMA=0: not.

    In a program that ulma itself starts: nothing to do.
    """
    wanted = os.environ.get("ULMA", "")
    before = set(sys.modules) - {"ulma", __name__}
    if "ULMA_ARM" in os.environ or wanted == "0":
        why = None
    elif wanted in ("1", "on"):
        why = arm()
    elif wanted.split(",")[0] == "flight":
        why = arm(wanted[len("flight,") :])
    elif wanted.split(",")[0] == "on":
        why = unknown_wish(wanted) or arm()
    else:
        why = f"ULMA={wanted} means nothing; ULMA=1 arms it, ULMA=0 does not"
    if why and in_main_interpreter():
        refuse(why)
    for name in set(sys.modules) - before:
        del sys.modules[name]
